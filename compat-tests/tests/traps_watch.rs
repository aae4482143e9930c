//! Watches: what sets one, what fires it, what is told and in which order.

use compat_tests::stage::on_shared;
use compat_tests::wire::{Acl, Client, Null, code, op, request};

const PERSISTENT: i32 = 0;
const RECURSIVE: i32 = 1;

fn add_watch(client: &mut Client, path: &str, mode: i32) {
    let _ = client
        .call(op::ADD_WATCH, &request::path_kind(path, mode))
        .ok();
}

#[track_caller]
fn sees(client: &mut Client, expected: &[(i32, &str)]) {
    let seen = client.events_seen();
    let seen: Vec<_> = seen
        .iter()
        .map(|(kind, path)| (*kind, path.as_str()))
        .collect();
    assert_eq!(seen, expected);
}

fn watching(path: &str) -> Vec<u8> {
    request::path_watch(path, true)
}

#[test]
fn trap_068_exists_watches_what_is_missing_and_get_data_does_not() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        client
            .call(op::EXISTS, &watching("/t068e"))
            .fails(code::NO_NODE);
        for kind in [op::GET_DATA, op::GET_CHILDREN, op::GET_CHILDREN2] {
            client.call(kind, &watching("/t068g")).fails(code::NO_NODE);
        }
        writer.create("/t068e", "");
        writer.create("/t068g", "");
        writer.create("/t068g/child", "");
        sees(&mut client, &[(op::CREATED, "/t068e")]);
    });
}

#[test]
fn trap_068_what_may_not_be_read_may_not_be_watched() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create_as("/t068r", "", &[Acl::world(30)], 0);
        for kind in [
            op::EXISTS,
            op::GET_DATA,
            op::GET_CHILDREN,
            op::GET_CHILDREN2,
        ] {
            client.call(kind, &watching("/t068r")).fails(code::NO_AUTH);
        }
        writer.set_acl("/t068r", &Acl::open());
        writer.set_data("/t068r", "x");
        sees(&mut client, &[]);
    });
}

#[test]
fn trap_069_exists_and_get_data_set_the_same_watch() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t069", "");
        for _ in 0..2 {
            let _ = client.call(op::EXISTS, &watching("/t069")).ok();
            client.watch_data("/t069");
        }
        writer.set_data("/t069", "x");
        writer.set_data("/t069", "y");
        sees(&mut client, &[(op::DATA_CHANGED, "/t069")]);
    });
}

#[test]
fn trap_070_a_deletion_is_told_once_and_uses_up_both_watches() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t070", "");
        client.watch_data("/t070");
        client.watch_children("/t070");
        writer.delete("/t070");
        sees(&mut client, &[(op::DELETED, "/t070")]);
        client
            .call(op::CHECK_WATCHES, &request::path_kind("/t070", 3))
            .fails(code::NO_WATCHER);
        writer.create("/t070", "");
        writer.create("/t070/child", "");
        sees(&mut client, &[]);
    });
}

#[test]
fn row_6_3_one_shot_watches_fire_once_for_what_they_watch() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t63", "");
        client.watch_data("/t63");
        writer.create("/t63/a", "");
        sees(&mut client, &[]);
        client.watch_children("/t63");
        writer.set_data("/t63", "x");
        sees(&mut client, &[(op::DATA_CHANGED, "/t63")]);
        writer.set_data("/t63/a", "x");
        sees(&mut client, &[]);
        writer.create("/t63/b", "");
        writer.create("/t63/c", "");
        sees(&mut client, &[(op::CHILDREN_CHANGED, "/t63")]);
        client.watch_children("/t63");
        writer.delete("/t63/a");
        sees(&mut client, &[(op::CHILDREN_CHANGED, "/t63")]);
    });
}

#[test]
fn row_6_3_a_child_watch_alone_hears_of_the_deletion() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t63d", "");
        client.watch_children("/t63d");
        writer.delete("/t63d");
        sees(&mut client, &[(op::DELETED, "/t63d")]);
    });
}

#[test]
fn row_6_3_the_childs_event_comes_before_the_parents() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t63p", "");
        for _ in 0..2 {
            client
                .call(op::EXISTS, &watching("/t63p/c"))
                .fails(code::NO_NODE);
            client.watch_children("/t63p");
            writer.create("/t63p/c", "");
            sees(
                &mut client,
                &[(op::CREATED, "/t63p/c"), (op::CHILDREN_CHANGED, "/t63p")],
            );
            client.watch_data("/t63p/c");
            client.watch_children("/t63p");
            writer.delete("/t63p/c");
            sees(
                &mut client,
                &[(op::DELETED, "/t63p/c"), (op::CHILDREN_CHANGED, "/t63p")],
            );
        }
    });
}

#[test]
fn trap_071_recursive_watches_never_hear_of_children_and_persistent_ones_do() {
    on_shared(|s| {
        let (mut flat, mut deep, mut writer) = (s.client(), s.client(), s.client());
        writer.create("/t071", "");
        add_watch(&mut flat, "/t071", PERSISTENT);
        add_watch(&mut deep, "/t071", RECURSIVE);
        writer.create("/t071/a", "");
        writer.create("/t071/a/b", "");
        writer.set_data("/t071/a/b", "x");
        writer.set_data("/t071", "x");
        writer.delete("/t071/a/b");
        writer.delete("/t071/a");
        writer.create("/t071x", "");
        let flat_expected = [
            (op::CHILDREN_CHANGED, "/t071"),
            (op::DATA_CHANGED, "/t071"),
            (op::CHILDREN_CHANGED, "/t071"),
        ];
        sees(&mut flat, &flat_expected);
        let deep_expected = [
            (op::CREATED, "/t071/a"),
            (op::CREATED, "/t071/a/b"),
            (op::DATA_CHANGED, "/t071/a/b"),
            (op::DATA_CHANGED, "/t071"),
            (op::DELETED, "/t071/a/b"),
            (op::DELETED, "/t071/a"),
        ];
        sees(&mut deep, &deep_expected);
    });
}

#[test]
fn row_6_3_persistent_watches_outlive_the_node() {
    on_shared(|s| {
        let (mut flat, mut deep, mut writer) = (s.client(), s.client(), s.client());
        writer.create("/t63o", "");
        add_watch(&mut flat, "/t63o", PERSISTENT);
        add_watch(&mut deep, "/t63o", RECURSIVE);
        for _ in 0..2 {
            writer.delete("/t63o");
            writer.create("/t63o", "");
        }
        let round = [(op::DELETED, "/t63o"), (op::CREATED, "/t63o")];
        sees(&mut flat, &[round, round].concat());
        sees(&mut deep, &[round, round].concat());
    });
}

#[test]
fn row_6_3_a_connection_hears_of_each_change_once_per_table() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t63m", "");
        writer.create("/t63m/c", "");
        add_watch(&mut client, "/t63m", PERSISTENT);
        add_watch(&mut client, "/t63m", RECURSIVE);
        add_watch(&mut client, "/t63m/c", RECURSIVE);
        add_watch(&mut client, "/t63m/c", PERSISTENT);
        client.watch_data("/t63m/c");
        client.watch_children("/t63m/c");
        writer.set_data("/t63m/c", "x");
        writer.delete("/t63m/c");
        writer.create("/t63m/c", "");
        let expected = [
            (op::DATA_CHANGED, "/t63m/c"),
            (op::DELETED, "/t63m/c"),
            (op::CHILDREN_CHANGED, "/t63m"),
            (op::CREATED, "/t63m/c"),
            (op::CHILDREN_CHANGED, "/t63m"),
        ];
        sees(&mut client, &expected);
    });
}

#[test]
fn trap_073_a_notification_carries_the_zxid_of_the_transaction() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        add_watch(&mut client, "/t073", PERSISTENT);
        let created = writer.create("/t073", "");
        let changed = writer.set_data("/t073", "x").mzxid;
        let child = writer.create("/t073/c", "");
        let gone = writer.delete("/t073/c");
        let deleted = writer.delete("/t073");
        let zxids: Vec<i64> = client.events().iter().map(|event| event.zxid).collect();
        assert_eq!(zxids, [created, changed, child, gone, deleted]);
    });
}

#[test]
fn trap_075_set_acl_fires_nothing() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t075", "");
        client.watch_data("/t075");
        client.watch_children("/t075");
        add_watch(&mut client, "/t075", PERSISTENT);
        add_watch(&mut client, "/t075", RECURSIVE);
        writer.set_acl("/t075", &Acl::open());
        sees(&mut client, &[]);
    });
}

#[test]
fn row_6_5_failing_writes_fire_nothing() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t65", "");
        add_watch(&mut client, "/t65", PERSISTENT);
        add_watch(&mut client, "/t65", RECURSIVE);
        writer
            .call(op::SET_DATA, &request::set_data("/t65", "", 9))
            .fails(code::BAD_VERSION);
        writer
            .call(op::CREATE, &request::create("/t65", "", &Acl::open(), 0))
            .fails(code::NODE_EXISTS);
        let create = (op::CREATE, request::create("/t65/a", "", &Acl::open(), 0));
        let check = (op::CHECK, request::path_version("/t65", 9));
        let multi = compat_tests::wire::multi::request(&[create, check]);
        let _ = writer.call(op::MULTI, &multi).ok();
        sees(&mut client, &[]);
    });
}

#[test]
fn trap_076_what_may_not_be_read_is_not_told_but_the_watch_is_used_up() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t076", "");
        client.watch_data("/t076");
        client.watch_children("/t076");
        writer.set_acl("/t076", &[Acl::world(30)]);
        writer.set_data("/t076", "x");
        writer.create("/t076/c", "");
        sees(&mut client, &[]);
        writer.set_acl("/t076", &Acl::open());
        writer.set_data("/t076", "y");
        writer.delete("/t076/c");
        sees(&mut client, &[]);
        client
            .call(op::CHECK_WATCHES, &request::path_kind("/t076", 3))
            .fails(code::NO_WATCHER);
    });
}

#[test]
fn trap_076_the_filter_asks_the_identities_of_the_moment_of_the_event() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.add_digest("t076:pw");
        add_watch(&mut client, "/t076f", RECURSIVE);
        let own = [Acl::new(31, "auth", "")];
        writer.create_as("/t076f", "", &own, 0);
        sees(&mut client, &[]);
        client.add_digest("t076:pw");
        writer.set_data("/t076f", "x");
        sees(&mut client, &[(op::DATA_CHANGED, "/t076f")]);
    });
}

#[test]
fn row_6_7_each_event_is_filtered_by_the_acl_of_its_own_node() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t67", "");
        add_watch(&mut client, "/t67", PERSISTENT);
        add_watch(&mut client, "/t67", RECURSIVE);
        add_watch(&mut client, "/t67/c", PERSISTENT);
        writer.create_as("/t67/c", "", &[Acl::world(0)], 0);
        writer.delete("/t67/c");
        sees(
            &mut client,
            &[
                (op::CHILDREN_CHANGED, "/t67"),
                (op::CHILDREN_CHANGED, "/t67"),
            ],
        );
        writer.set_acl("/t67", &[Acl::world(30)]);
        writer.create("/t67/d", "");
        sees(&mut client, &[(op::CREATED, "/t67/d")]);
    });
}

#[test]
fn trap_077_watches_are_added_anywhere() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create_as("/t077", "", &[Acl::world(0)], 0);
        for path in [
            "/t077",
            "/t077/missing",
            "no slash",
            "//",
            "/t077/",
            "/t077/..",
        ] {
            for mode in [PERSISTENT, RECURSIVE] {
                add_watch(&mut client, path, mode);
            }
        }
        for mode in [2, -1, 3, i32::MAX] {
            let body = request::path_kind("/t077", mode);
            client.call(op::ADD_WATCH, &body).fails(code::MARSHALLING);
        }
        assert!(client.exists("/"), "the connection stays open");
    });
}

#[test]
fn row_6_5_the_event_comes_before_the_news() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t65n", "0");
        add_watch(&mut client, "/t65n", PERSISTENT);
        for round in 1..=200 {
            writer.send(
                op::SET_DATA,
                &request::set_data("/t65n", format!("{round}").as_str(), -1),
            );
        }
        let mut told = 0;
        while told < 200 {
            let (events, reply) =
                client.call_noting(op::GET_DATA, &request::path_watch("/t65n", false));
            told += i32::try_from(events.len()).expect("at most 200");
            let (_, stat) = reply.data_and_stat();
            assert_eq!(stat.version, told, "what is seen has been told");
        }
    });
}

#[test]
fn trap_086_the_own_event_comes_before_the_own_reply() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t086", "");
        add_watch(&mut client, "/t086", RECURSIVE);
        let xid = client.send(op::SET_DATA, &request::set_data("/t086", "x", -1));
        let event = client.event();
        let reply = client.reply();
        assert_eq!((reply.xid, reply.zxid), (xid, event.zxid));
    });
}

#[test]
fn row_4_3_5_a_watch_on_a_null_path_is_taken_and_never_fires() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        for (mode, kind) in [(PERSISTENT, 4), (RECURSIVE, 5)] {
            let added = client.call(op::ADD_WATCH, &request::path_kind(Null, mode));
            assert_eq!(added.ok().body, [0; 4]);
            client
                .call(op::CHECK_WATCHES, &request::path_kind(Null, kind))
                .done();
        }
        writer.create("/t435n", "");
        sees(&mut client, &[]);
    });
}

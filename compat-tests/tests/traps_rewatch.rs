//! Watches across reconnects and the end of sessions: setWatches, checkWatches, removeWatches, closeSession.

use compat_tests::stage::on_shared;
use compat_tests::wire::{Acl, Client, Encoder, Null, code, op, request};

const PERSISTENT: i32 = 0;
const RECURSIVE: i32 = 1;
const CHILDREN: i32 = 1;
const DATA: i32 = 2;
const ANY: i32 = 3;

fn check(client: &mut Client, path: &str, kind: i32) -> i32 {
    client
        .call(op::CHECK_WATCHES, &request::path_kind(path, kind))
        .err
}

fn remove(client: &mut Client, path: &str, kind: i32) -> i32 {
    client
        .call(op::REMOVE_WATCHES, &request::path_kind(path, kind))
        .err
}

fn add_watch(client: &mut Client, path: &str, mode: i32) {
    let _ = client
        .call(op::ADD_WATCH, &request::path_kind(path, mode))
        .ok();
}

/// Calls setWatches2; what it told at once.
#[track_caller]
fn set_watches(client: &mut Client, zxid: i64, lists: [&[&str]; 5]) -> Vec<(i32, String)> {
    let (events, reply) = client.call_noting(op::SET_WATCHES2, &request::set_watches(zxid, &lists));
    reply.done();
    assert!(
        events.iter().all(|event| event.zxid == -1),
        "immediate events have no zxid"
    );
    events
        .into_iter()
        .map(|event| (event.kind, event.path))
        .collect()
}

fn owned(expected: &[(i32, &str)]) -> Vec<(i32, String)> {
    expected
        .iter()
        .map(|(kind, path)| (*kind, (*path).to_owned()))
        .collect()
}

#[test]
fn trap_078_removing_what_is_not_there() {
    on_shared(|s| {
        let mut client = s.client();
        for kind in [1, 2, 3, 4, 5] {
            assert_eq!(remove(&mut client, "/t078", kind), code::NO_WATCHER);
            assert_eq!(check(&mut client, "/t078", kind), code::NO_WATCHER);
        }
        for operation in [op::REMOVE_WATCHES, op::CHECK_WATCHES] {
            let null = request::path_kind(Null, ANY);
            client.call(operation, &null).fails(code::NO_WATCHER);
        }
        for kind in [0, 6, -1, i32::MAX] {
            assert_eq!(remove(&mut client, "/t078", kind), code::MARSHALLING);
            assert_eq!(check(&mut client, "/t078", kind), code::MARSHALLING);
        }
    });
}

#[test]
fn trap_078_removing_tells_nothing_and_stops_the_events() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t078r", "");
        client.watch_data("/t078r");
        client.watch_children("/t078r");
        add_watch(&mut client, "/t078r", PERSISTENT);
        add_watch(&mut client, "/t078r", RECURSIVE);
        assert_eq!(remove(&mut client, "/t078r", ANY), code::OK);
        writer.set_data("/t078r", "x");
        writer.create("/t078r/c", "");
        assert_eq!(client.events(), []);
        assert_eq!(remove(&mut client, "/t078r", ANY), code::NO_WATCHER);
    });
}

#[test]
fn row_6_8_each_type_removes_its_own_watches() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t68", "");
        client.watch_data("/t68");
        client.watch_children("/t68");
        add_watch(&mut client, "/t68", PERSISTENT);
        // A path has one persistent mode at a time: both are kept apart here by path.
        add_watch(&mut client, "/t68/deep", RECURSIVE);
        for kind in [CHILDREN, DATA, 4] {
            assert_eq!(check(&mut client, "/t68", kind), code::OK, "type {kind}");
            assert_eq!(
                check(&mut client, "/t68", kind),
                code::OK,
                "checking removes nothing"
            );
            assert_eq!(remove(&mut client, "/t68", kind), code::OK, "type {kind}");
            assert_eq!(
                check(&mut client, "/t68", kind),
                code::NO_WATCHER,
                "type {kind}"
            );
        }
        assert_eq!(check(&mut client, "/t68", ANY), code::NO_WATCHER);
        for kind in [CHILDREN, DATA, 4] {
            assert_eq!(
                check(&mut client, "/t68/deep", kind),
                code::NO_WATCHER,
                "type {kind}"
            );
        }
        assert_eq!(check(&mut client, "/t68/deep", 5), code::OK);
        assert_eq!(check(&mut client, "/t68/deep", ANY), code::OK);
        assert_eq!(remove(&mut client, "/t68/deep", 5), code::OK);
    });
}

#[test]
fn row_6_1_all_modes_live_side_by_side_on_one_path() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t61", "");
        client.watch_data("/t61");
        add_watch(&mut client, "/t61", PERSISTENT);
        add_watch(&mut client, "/t61", RECURSIVE);
        for kind in [DATA, 4, 5, ANY] {
            assert_eq!(check(&mut client, "/t61", kind), code::OK, "type {kind}");
        }
        assert_eq!(remove(&mut client, "/t61", 4), code::OK);
        for (kind, expected) in [(DATA, code::OK), (4, code::NO_WATCHER), (5, code::OK)] {
            assert_eq!(check(&mut client, "/t61", kind), expected, "type {kind}");
        }
    });
}

#[test]
fn trap_079_a_fired_data_watch_is_gone_even_if_a_persistent_one_remains() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t079", "");
        add_watch(&mut client, "/t079", PERSISTENT);
        client.watch_data("/t079");
        assert_eq!(check(&mut client, "/t079", DATA), code::OK);
        let (events, _) = client.call_noting(op::SET_DATA, &request::set_data("/t079", "x", -1));
        assert_eq!(events.len(), 1);
        assert_eq!(check(&mut client, "/t079", DATA), code::NO_WATCHER);
        assert_eq!(check(&mut client, "/t079", 4), code::OK);
    });
}

#[test]
fn trap_080_a_missing_path_in_both_lists_is_told_twice() {
    on_shared(|s| {
        let mut client = s.client();
        let told = set_watches(
            &mut client,
            i64::MAX,
            [&["/t080"], &[], &["/t080"], &[], &[]],
        );
        assert_eq!(
            told,
            owned(&[(op::DELETED, "/t080"), (op::DELETED, "/t080")])
        );
        assert_eq!(check(&mut client, "/t080", ANY), code::NO_WATCHER);
    });
}

#[test]
fn trap_081_data_is_compared_by_mzxid_and_children_by_pzxid() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t081", "");
        let data = client.set_data("/t081", "x").mzxid;
        let child = client.create("/t081/c", "");
        let told = |client: &mut Client, zxid| {
            set_watches(client, zxid, [&["/t081"], &[], &["/t081"], &[], &[]])
        };
        let (changed, children) = ((op::DATA_CHANGED, "/t081"), (op::CHILDREN_CHANGED, "/t081"));
        assert_eq!(told(&mut client, data - 1), owned(&[changed, children]));
        assert_eq!(check(&mut client, "/t081", ANY), code::NO_WATCHER);
        assert_eq!(
            told(&mut client, data),
            owned(&[children]),
            "equal is not newer"
        );
        assert_eq!(check(&mut client, "/t081", DATA), code::OK);
        assert_eq!(check(&mut client, "/t081", CHILDREN), code::NO_WATCHER);
        assert_eq!(told(&mut client, child), []);
        assert_eq!(check(&mut client, "/t081", CHILDREN), code::OK);
        let (events, _) = client.call_noting(op::DELETE, &request::path_version("/t081/c", -1));
        assert_eq!(events.len(), 1);
    });
}

#[test]
fn row_6_6_exists_watches_compare_nothing() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t66", "");
        let told = set_watches(
            &mut client,
            i64::MAX,
            [&[], &["/t66", "/t66/none"], &[], &[], &[]],
        );
        assert_eq!(told, owned(&[(op::CREATED, "/t66")]));
        assert_eq!(check(&mut client, "/t66", ANY), code::NO_WATCHER);
        assert_eq!(check(&mut client, "/t66/none", DATA), code::OK);
    });
}

#[test]
fn trap_082_persistent_entries_tell_nothing_at_once() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t082", "");
        let told = set_watches(
            &mut client,
            0,
            [
                &[],
                &[],
                &[],
                &["/t082", "/t082/none"],
                &["/t082", "/t082/none"],
            ],
        );
        assert_eq!(told, []);
        for kind in [4, 5] {
            assert_eq!(check(&mut client, "/t082", kind), code::OK);
            assert_eq!(check(&mut client, "/t082/none", kind), code::OK);
        }
        writer.create("/t082/a", "");
        let expected = owned(&[(op::CREATED, "/t082/a"), (op::CHILDREN_CHANGED, "/t082")]);
        assert_eq!(client.events_seen(), expected);
    });
}

#[test]
fn trap_083_what_is_told_at_once_comes_before_the_reply_in_the_order_of_the_lists() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t083", "");
        let lists: [&[&str]; 3] = [&["/t083/1", "/t083"], &["/t083"], &["/t083", "/t083/2"]];
        client.send_as(-8, op::SET_WATCHES, &request::set_watches(0, &lists));
        let expected = [
            (op::DELETED, "/t083/1"),
            (op::DATA_CHANGED, "/t083"),
            (op::CREATED, "/t083"),
            (op::CHILDREN_CHANGED, "/t083"),
            (op::DELETED, "/t083/2"),
        ];
        for (kind, path) in expected {
            let event = client.event();
            assert_eq!(
                (event.zxid, event.kind, event.path.as_str()),
                (-1, kind, path)
            );
        }
        let reply = client.reply();
        assert_eq!(reply.xid, -8);
        reply.done();
    });
}

#[test]
fn row_6_6_neither_permission_nor_path_is_looked_at() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t66a", "", &[Acl::world(0)], 0);
        let told = set_watches(
            &mut client,
            0,
            [&["/t66a", "no slash"], &[], &["/t66a"], &["//"], &[]],
        );
        let expected = [
            (op::DATA_CHANGED, "/t66a"),
            (op::DELETED, "no slash"),
            (op::CHILDREN_CHANGED, "/t66a"),
        ];
        assert_eq!(told, owned(&expected));
    });
}

#[test]
fn row_4_3_5_null_lists_and_null_paths_fail_set_watches_where_they_stand() {
    on_shared(|s| {
        let mut client = s.client();
        let null_list = Encoder::new().long(0).texts(&[]).int(-1).texts(&[]).done();
        client
            .call(op::SET_WATCHES, &null_list)
            .fails(code::MARSHALLING);
        let null_path = Encoder::new()
            .long(0)
            .texts(&[])
            .texts(&["/t435"])
            .int(1)
            .int(-1)
            .done();
        client
            .call(op::SET_WATCHES, &null_path)
            .fails(code::MARSHALLING);
        assert_eq!(
            check(&mut client, "/t435", DATA),
            code::OK,
            "what came before has taken effect"
        );
        client
            .call(op::SET_WATCHES, &[0; 5])
            .fails(code::MARSHALLING);
    });
}

#[test]
fn row_4_3_5_null_paths_among_persistent_watches_are_taken() {
    on_shared(|s| {
        let mut client = s.client();
        let none: &[&str] = &[];
        for persistent in [true, false] {
            let lists = Encoder::new().long(0).texts(none).texts(none).texts(none);
            let null = |encoder: Encoder| encoder.int(1).int(-1);
            let lists = if persistent {
                null(lists).texts(&["/t435n"])
            } else {
                null(lists.texts(&["/t435n"]))
            };
            client.call(op::SET_WATCHES2, &lists.done()).done();
        }
    });
}

#[test]
fn trap_084_the_closing_client_hears_of_its_own_ephemerals_first() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t084", "");
        client.create_as("/t084/e", "", &Acl::open(), op::EPHEMERAL);
        client.create_as("/t084/f", "", &Acl::open(), op::EPHEMERAL);
        client.watch_data("/t084/e");
        client.watch_data("/t084/f");
        let (events, reply) = client.call_noting(op::CLOSE_SESSION, &[]);
        let mut seen: Vec<_> = events
            .iter()
            .map(|event| (event.kind, event.path.as_str()))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [(op::DELETED, "/t084/e"), (op::DELETED, "/t084/f")]);
        assert!(events.iter().all(|event| event.zxid == reply.zxid));
        client.conn.ends_silently();
    });
}

#[test]
fn row_6_9_a_persistent_child_watch_hears_of_each_ephemeral() {
    on_shared(|s| {
        let (mut owner, mut client) = (s.client(), s.client());
        client.create("/t69", "");
        for name in ["a", "b", "c"] {
            owner.create_as(&format!("/t69/{name}"), "", &Acl::open(), op::EPHEMERAL);
        }
        add_watch(&mut client, "/t69", PERSISTENT);
        let end = owner.close();
        let events = client.events();
        assert!(
            events
                .iter()
                .all(|event| event.zxid == end && event.kind == op::CHILDREN_CHANGED)
        );
        assert_eq!(events.len(), 3);
    });
}

#[test]
fn trap_085_watches_die_with_the_connection() {
    on_shared(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        writer.create("/t085", "");
        client.watch_data("/t085");
        client.watch_children("/t085");
        add_watch(&mut client, "/t085", PERSISTENT);
        add_watch(&mut client, "/", RECURSIVE);
        let mut again = client.reconnect();
        writer.set_data("/t085", "x");
        writer.create("/t085/c", "");
        assert_eq!(again.events(), []);
        assert_eq!(check(&mut again, "/t085", ANY), code::NO_WATCHER);
    });
}

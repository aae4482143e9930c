//! multi and multiRead: framing, what may be in them, and that all happens or nothing.

use compat_tests::stage::{alone_on_shared, on_shared};
use compat_tests::wire::encode::{Encoder, hex};
use compat_tests::wire::multi::{Outcome, header, outcomes, request as multi};
use compat_tests::wire::{Acl, Client, Null, Reply, code, op, request};

type Element = (i32, Vec<u8>);

fn create(path: &str, flags: i32) -> Element {
    (op::CREATE, request::create(path, "", &Acl::open(), flags))
}

fn delete(path: &str, version: i32) -> Element {
    (op::DELETE, request::path_version(path, version))
}

fn check(path: &str, version: i32) -> Element {
    (op::CHECK, request::path_version(path, version))
}

fn set_data(path: &str, version: i32) -> Element {
    (op::SET_DATA, request::set_data(path, "new", version))
}

#[track_caller]
fn call(client: &mut Client, elements: &[Element]) -> Reply {
    client.call(op::MULTI, &multi(elements))
}

/// The outcomes of a multi whose reply header says success, as it does for a multi that failed as well.
#[track_caller]
fn run(client: &mut Client, elements: &[Element]) -> Vec<Outcome> {
    outcomes(&call(client, elements).ok())
}

fn errors(codes: &[i32]) -> Vec<Outcome> {
    codes.iter().map(|err| Outcome::Error(*err)).collect()
}

#[test]
fn trap_051_a_failing_multi_says_so_in_its_entries_only() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t051", "");
        let elements = [
            create("/t051/a", 0),
            check("/t051", 0),
            set_data("/t051", 7),
            delete("/t051/a", 0),
            create("/t051/b", 0),
        ];
        let (before, after) = (code::OK, code::RUNTIME_INCONSISTENCY);
        let expected = errors(&[before, before, code::BAD_VERSION, after, after]);
        assert_eq!(run(&mut client, &elements), expected);
        assert_eq!(client.stat("/t051").num_children, 0);
        assert_eq!(
            run(&mut client, &[delete("/t051", 5)]),
            errors(&[code::BAD_VERSION])
        );
    });
}

#[test]
fn trap_051_each_operation_fails_in_a_multi_as_it_does_alone() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t051f", "");
        client.create("/t051f/child", "");
        client.create_as("/t051f/locked", "", &[Acl::world(16)], 0);
        let no_acl = (op::CREATE, request::create("/t051f/x", "", &[], 0));
        let failures = [
            (create("/t051f", 0), code::NODE_EXISTS),
            (create("/t051f/a/b", 0), code::NO_NODE),
            (create("/t051f/..", 0), code::BAD_ARGUMENTS),
            (create("no slash", 0), code::BAD_ARGUMENTS),
            (create("/t051f/locked/x", 0), code::NO_AUTH),
            (no_acl, code::INVALID_ACL),
            (delete("/t051f", -1), code::NOT_EMPTY),
            (delete("/t051f/none", -1), code::NO_NODE),
            (delete("/zookeeper", -1), code::BAD_ARGUMENTS),
            (delete("/t051f/locked/x", -1), code::NO_AUTH),
            (set_data("/t051f/none", -1), code::NO_NODE),
            (set_data("/t051f/", -1), code::BAD_ARGUMENTS),
            (set_data("/t051f/locked", 5), code::NO_AUTH),
            (check("/t051f/none", -1), code::NO_NODE),
            (check("/t051f//", -1), code::BAD_ARGUMENTS),
            (check("/t051f/locked", 5), code::NO_AUTH),
            (check("/t051f", 1), code::BAD_VERSION),
        ];
        for (element, err) in failures {
            assert_eq!(
                run(&mut client, std::slice::from_ref(&element)),
                errors(&[err]),
                "{element:?}"
            );
        }
    });
}

#[test]
fn trap_052_error_entries_and_terminator_differ_by_the_done_byte_alone() {
    on_shared(|s| {
        let mut client = s.client();
        let reply = call(&mut client, &[check("/t052", 0), check("/t052", 0)]).ok();
        let expected =
            "ffffffff 00 ffffff9b ffffff9b  ffffffff 00 fffffffe fffffffe  ffffffff 01 ffffffff";
        assert_eq!(reply.body, hex(expected));
    });
}

#[test]
fn trap_053_an_empty_multi_answers_the_terminator_and_takes_a_zxid() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let start = client.create("/t053", "");
        let reply = call(&mut client, &[]).ok();
        assert_eq!((reply.zxid, outcomes(&reply)), (start + 1, vec![]));
        let failing = call(&mut client, &[delete("/t053/none", -1)]).ok();
        assert_eq!(failing.zxid, start + 2);
        assert_eq!(client.create("/t053/x", ""), start + 3);
    });
}

#[test]
fn trap_054_operations_that_do_not_belong_in_a_multi_fail_it_as_a_whole() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t054", "");
        let strangers = [
            (op::SET_ACL, request::set_acl("/t054", &Acl::open(), -1)),
            (op::EXISTS, request::path_watch("/t054", false)),
            (op::GET_DATA, request::path_watch("/t054", false)),
            (op::GET_CHILDREN, request::path_watch("/t054", false)),
            (op::GET_ACL, request::path("/t054")),
            (op::SYNC, request::path("/t054")),
            (op::DELETE_CONTAINER, request::path("/t054")),
            (op::MULTI, multi(&[])),
            (op::CLOSE_SESSION, vec![]),
            (99, vec![]),
            (-1, vec![]),
        ];
        for stranger in strangers {
            let kind = stranger.0;
            let reply = call(
                &mut client,
                &[create("/t054/a", 0), stranger, create("/t054/b", 0)],
            );
            assert_eq!(reply.err, code::MARSHALLING, "operation {kind}");
            assert_eq!(reply.body, [], "operation {kind}");
        }
        assert_eq!(client.stat("/t054").num_children, 0);
    });
}

#[test]
fn row_4_4_1_only_the_done_byte_ends_the_list() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t441", "");
        let check = request::path_version("/t441", 0);
        let elements = header(Encoder::new(), op::CHECK, false, 12345).raw(&check);
        let body = header(elements, op::CREATE, true, 7).raw(b"ignored").done();
        assert_eq!(
            outcomes(&client.call(op::MULTI, &body).ok()),
            [Outcome::Checked]
        );
        let unfinished = header(Encoder::new(), op::CHECK, false, -1)
            .raw(&check)
            .done();
        client.call(op::MULTI, &unfinished).fails(code::MARSHALLING);
        client.call(op::MULTI, &[]).fails(code::MARSHALLING);
    });
}

#[test]
fn trap_055_numbers_go_on_inside_a_multi_and_are_given_back_when_it_fails() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t055", "");
        let two = [
            create("/t055/n", op::SEQUENTIAL),
            create("/t055/n", op::SEQUENTIAL),
        ];
        let named = |number: u32| Outcome::Created(format!("/t055/n{number:010}"));
        assert_eq!(run(&mut client, &two), [named(0), named(1)]);
        let failing = [two[0].clone(), two[1].clone(), check("/t055", 9)];
        assert_eq!(
            run(&mut client, &failing),
            errors(&[0, 0, code::BAD_VERSION])
        );
        assert_eq!(client.create_sequential("/t055/n"), "/t055/n0000000002");
    });
}

#[test]
fn trap_055_the_number_is_given_back_also_when_requests_are_on_their_way() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t055p", "");
        let body = request::create("/t055p/n", "", &Acl::open(), op::SEQUENTIAL);
        let failing = multi(&[create("/t055p/n", op::SEQUENTIAL), check("/t055p", 9)]);
        for _ in 0..20 {
            client.send(op::CREATE, &body);
            client.send(op::MULTI, &failing);
        }
        for number in 0..20 {
            assert_eq!(client.reply().path(), format!("/t055p/n{number:010}"));
            assert_eq!(
                outcomes(&client.reply().ok()),
                errors(&[0, code::BAD_VERSION])
            );
        }
    });
}

#[test]
fn trap_056_container_flags_in_a_multi_make_a_container() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t056", "");
        let create2 = (op::CREATE2, create("/t056/b", op::CONTAINER).1);
        let seen = run(&mut client, &[create("/t056/a", op::CONTAINER), create2]);
        for (outcome, path) in seen.iter().zip(["/t056/a", "/t056/b"]) {
            assert_eq!(
                *outcome,
                Outcome::Created2(path.to_owned(), client.stat(path))
            );
        }
        assert_eq!(seen.len(), 2);
    });
}

#[test]
fn trap_057_unknown_flags_and_null_lists_fail_the_multi_as_a_whole() {
    on_shared(|s| {
        let mut client = s.client();
        for kind in [op::CREATE, op::CREATE2, op::CREATE_CONTAINER] {
            for flags in [-1, 5, 6, 7, 99] {
                call(&mut client, &[(kind, create("/t057", flags).1)]).fails(code::MARSHALLING);
            }
            let null_acl = Encoder::new().blob("/t057").blob("").int(-1).int(0).done();
            call(&mut client, &[(kind, null_acl.clone())]).fails(code::MARSHALLING);
            client.call(kind, &null_acl).fails(code::INVALID_ACL);
        }
        client
            .call(op::CREATE, &create("/t057", 99).1)
            .fails(code::BAD_ARGUMENTS);
        assert!(!client.exists("/t057"));
    });
}

#[test]
fn row_4_4_5_null_paths_fail_the_multi_as_a_whole() {
    on_shared(|s| {
        let mut client = s.client();
        let elements = [
            (op::CREATE, request::create(Null, "", &Acl::open(), 0)),
            (op::CREATE2, request::create(Null, "", &Acl::open(), 0)),
            (
                op::CREATE_CONTAINER,
                request::create(Null, "", &Acl::open(), 0),
            ),
            (
                op::CREATE_TTL,
                request::create_ttl(Null, "", &Acl::open(), 0, -1),
            ),
            (op::DELETE, request::path_version(Null, -1)),
            (op::SET_DATA, request::set_data(Null, "", -1)),
            (op::CHECK, request::path_version(Null, -1)),
        ];
        for element in elements {
            let kind = element.0;
            let reply = call(&mut client, &[create("/t445n", 0), element]);
            assert_eq!(
                (reply.err, reply.body.len()),
                (code::MARSHALLING, 0),
                "operation {kind}"
            );
        }
        assert!(!client.exists("/t445n"));
    });
}

#[test]
fn row_4_4_5_null_ids_fail_the_multi_as_a_whole() {
    on_shared(|s| {
        let mut client = s.client();
        for scheme in ["world", "digest", "ip"] {
            let acl = [Acl::new(31, scheme, Null)];
            let element = (op::CREATE, request::create("/t445i", "", &acl, 0));
            call(&mut client, &[create("/t445j", 0), element]).fails(code::MARSHALLING);
        }
        assert!(!client.exists("/t445j"));
    });
}

#[test]
fn row_4_4_5_what_a_create_is_turned_into() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t445", "");
        let mut one = |kind: i32, name: &str, flags: i32| {
            let path = format!("/t445/{name}");
            let body = match kind {
                op::CREATE_TTL => request::create_ttl(&path, "", &Acl::open(), flags, 77),
                _ => request::create(&path, "", &Acl::open(), flags),
            };
            run(&mut client, &[(kind, body)]).remove(0)
        };
        assert_eq!(
            one(op::CREATE_TTL, "a", 0),
            Outcome::Created("/t445/a".into())
        );
        assert_eq!(
            one(op::CREATE_TTL, "b", 2),
            Outcome::Created("/t445/b0000000001".into())
        );
        assert!(
            matches!(one(op::CREATE_TTL, "c", 4), Outcome::Created2(path, _) if path == "/t445/c")
        );
        assert!(
            matches!(one(op::CREATE_CONTAINER, "d", 0), Outcome::Created2(path, _) if path == "/t445/d")
        );
        assert!(
            matches!(one(op::CREATE_CONTAINER, "e", 2), Outcome::Created2(path, _) if path == "/t445/e0000000004")
        );
        let Outcome::Created2(_, stat) = one(op::CREATE_CONTAINER, "f", 1) else {
            unreachable!("a container answers its Stat");
        };
        assert_eq!(stat.ephemeral_owner, 0);
        assert_eq!(
            one(op::CREATE_TTL, "g", 99),
            Outcome::Error(code::BAD_ARGUMENTS)
        );
        assert_eq!(
            one(op::CREATE_TTL, "g", -1),
            Outcome::Error(code::BAD_ARGUMENTS)
        );
        assert_eq!(
            one(op::CREATE_TTL, "g", 5),
            Outcome::Error(code::UNIMPLEMENTED)
        );
    });
}

#[test]
fn row_4_4_5_a_container_with_ephemeral_flags_takes_no_children_in_its_own_multi() {
    on_shared(|s| {
        let mut client = s.client();
        let create = |kind, path: &str, flags| {
            let body = request::create(path, "", &Acl::open(), flags);
            (kind, body)
        };
        let elements = [
            create(op::CREATE_CONTAINER, "/t445c", op::EPHEMERAL),
            create(op::CREATE, "/t445c/child", 0),
        ];
        let refused = [
            Outcome::Error(code::OK),
            Outcome::Error(code::NO_CHILDREN_FOR_EPHEMERALS),
        ];
        assert_eq!(run(&mut client, &elements), refused);
        // Each on its own, both are fine.
        let [container, child] = elements;
        let _ = client.call(container.0, &container.1).ok();
        let _ = client.call(child.0, &child.1).ok();
        assert_eq!(client.stat("/t445c").ephemeral_owner, 0);
    });
}

#[test]
fn trap_058_operations_see_what_earlier_ones_did() {
    on_shared(|s| {
        let mut client = s.client();
        let elements = [
            create("/t058", 0),
            check("/t058", 0),
            create("/t058/child", 0),
            set_data("/t058", 0),
            check("/t058", 1),
            delete("/t058/child", 0),
            create("/t058/child", 0),
            create("/t058/e", op::EPHEMERAL),
        ];
        let outcomes = run(&mut client, &elements);
        assert_eq!((outcomes.len(), &outcomes[1]), (8, &Outcome::Checked));
        let stat = client.stat("/t058");
        assert_eq!((stat.version, stat.num_children, stat.cversion), (1, 2, 4));
        let elements = [
            delete("/t058/child", -1),
            delete("/t058/e", -1),
            delete("/t058", 1),
        ];
        assert_eq!(run(&mut client, &elements), vec![Outcome::Deleted; 3]);
    });
}

#[test]
fn row_4_4_2_permissions_of_new_nodes_count_at_once() {
    on_shared(|s| {
        let mut client = s.client();
        let locked = (
            op::CREATE,
            request::create("/t442", "", &[Acl::world(1)], 0),
        );
        let elements = [locked, check("/t442", 0), create("/t442/x", 0)];
        assert_eq!(run(&mut client, &elements), errors(&[0, 0, code::NO_AUTH]));
        let under_ephemeral = [create("/t442", op::EPHEMERAL), create("/t442/x", 0)];
        assert_eq!(
            run(&mut client, &under_ephemeral),
            errors(&[0, code::NO_CHILDREN_FOR_EPHEMERALS])
        );
    });
}

#[test]
fn trap_059_a_multi_is_one_transaction() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t059", "");
        let mut watcher = s.client();
        let _ = watcher
            .call(op::ADD_WATCH, &request::path_kind("/t059", 1))
            .ok();
        let elements = [
            create("/t059/a", 0),
            create("/t059/b", 0),
            set_data("/t059", -1),
            delete("/t059/b", -1),
        ];
        let reply = call(&mut client, &elements).ok();
        let (node, parent) = (client.stat("/t059/a"), client.stat("/t059"));
        assert_eq!(
            (node.czxid, parent.mzxid, parent.pzxid),
            (reply.zxid, reply.zxid, reply.zxid)
        );
        assert_eq!(node.mtime, parent.mtime);
        let events = watcher.events();
        assert!(
            events.iter().all(|event| event.zxid == reply.zxid),
            "{events:?}"
        );
        let kinds: Vec<_> = events
            .iter()
            .map(|event| (event.kind, event.path.as_str()))
            .collect();
        let expected = [
            (op::CREATED, "/t059/a"),
            (op::CREATED, "/t059/b"),
            (op::DATA_CHANGED, "/t059"),
            (op::DELETED, "/t059/b"),
        ];
        assert_eq!(kinds, expected);
    });
}

#[test]
fn row_4_4_3_each_result_has_its_type() {
    on_shared(|s| {
        let mut client = s.client();
        let create2 = (op::CREATE2, create("/t443/b", 0).1);
        let elements = [
            create("/t443", 0),
            create2,
            set_data("/t443", 0),
            check("/t443", 1),
            delete("/t443/b", 0),
        ];
        let seen = run(&mut client, &elements);
        assert_eq!(seen[0], Outcome::Created("/t443".into()));
        assert!(
            matches!(&seen[1], Outcome::Created2(path, stat) if path == "/t443/b" && stat.version == 0)
        );
        assert!(
            matches!(&seen[2], Outcome::DataSet(stat) if stat.version == 1 && stat.data_length == 3)
        );
        assert_eq!(seen[3..], [Outcome::Checked, Outcome::Deleted]);
    });
}

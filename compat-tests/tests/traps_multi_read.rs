//! multiRead: several reads in one request, each with its own outcome.

use compat_tests::stage::on_shared;
use compat_tests::wire::multi::{Outcome, outcomes, request as multi};
use compat_tests::wire::{Acl, Null, code, op, request};

type Element = (i32, Vec<u8>);

fn data(path: &str, watch: bool) -> Element {
    (op::GET_DATA, request::path_watch(path, watch))
}

fn children(path: &str, watch: bool) -> Element {
    (op::GET_CHILDREN, request::path_watch(path, watch))
}

#[test]
fn trap_060_each_read_has_its_own_outcome() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t060", "data");
        client.create_as("/t060/locked", "", &[Acl::world(2)], 0);
        let elements = [
            data("/t060", false),
            data("/t060/missing", false),
            children("/t060/missing", false),
            children("/t060", false),
            data("/t060/locked", false),
            children("/t060/locked", false),
        ];
        let seen = outcomes(&client.call(op::MULTI_READ, &multi(&elements)).ok());
        let expected = [
            Outcome::Data(Some(b"data".to_vec()), client.stat("/t060")),
            Outcome::Error(code::NO_NODE),
            Outcome::Error(code::NO_NODE),
            Outcome::Children(vec!["locked".to_owned()]),
            Outcome::Error(code::NO_AUTH),
            Outcome::Error(code::NO_AUTH),
        ];
        assert_eq!(seen, expected);
    });
}

#[test]
fn trap_060_no_watch_is_set() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t060w", "");
        let elements = [data("/t060w", true), children("/t060w", true)];
        let _ = client.call(op::MULTI_READ, &multi(&elements)).ok();
        client.create("/t060w/child", "");
        client.set_data("/t060w", "x");
        let watches = request::path_kind("/t060w", 3);
        client
            .call(op::CHECK_WATCHES, &watches)
            .fails(code::NO_WATCHER);
    });
}

#[test]
fn trap_061_a_write_among_reads_fails_the_request_as_undecodable() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t061", "data");
        let delete = (op::DELETE, request::path_version("/t061", -1));
        let elements = [data("/t061", false), data("/t061/none", false), delete];
        let reply = client.call(op::MULTI_READ, &multi(&elements));
        assert_eq!(reply.err, code::MARSHALLING);
        // Reads and writes do not mix: nothing was even tried.
        assert_eq!(reply.body, []);
        assert!(client.exists("/t061"));
    });
}

#[test]
fn trap_061_writes_alone_fail_the_request_with_a_body() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t45", "");
        for (kind, body) in [
            (op::DELETE, request::path_version("/t45", -1)),
            (op::CREATE, request::create("/t45/x", "", &Acl::open(), 0)),
            (op::SET_DATA, request::set_data("/t45", "", -1)),
            (op::CHECK, request::path_version("/t45", -1)),
        ] {
            let reply = client.call(op::MULTI_READ, &multi(&[(kind, body)]));
            assert_eq!(
                (reply.err, outcomes(&reply)),
                (code::MARSHALLING, vec![]),
                "operation {kind}"
            );
        }
        assert_eq!(client.stat("/t45").cversion, 0);
    });
}

#[test]
fn trap_061_a_null_path_in_a_write_makes_no_difference() {
    on_shared(|s| {
        let mut client = s.client();
        for (kind, body) in [
            (op::DELETE, request::path_version(Null, -1)),
            (op::CREATE, request::create(Null, "", &Acl::open(), 0)),
            (op::SET_DATA, request::set_data(Null, "", -1)),
            (op::CHECK, request::path_version(Null, -1)),
        ] {
            let reply = client.call(op::MULTI_READ, &multi(&[(kind, body)]));
            assert_eq!(
                (reply.err, outcomes(&reply)),
                (code::MARSHALLING, vec![]),
                "operation {kind}"
            );
        }
    });
}

#[test]
fn row_4_4_1_a_mixture_of_reads_and_writes_fails_the_request() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t441m", "");
        let check = (op::CHECK, request::path_version("/t441m", -1));
        for elements in [
            [check.clone(), data("/t441m", false)],
            [data("/t441m", false), check],
        ] {
            for kind in [op::MULTI, op::MULTI_READ] {
                client
                    .call(kind, &multi(&elements))
                    .fails(code::MARSHALLING);
            }
        }
    });
}

#[test]
fn row_4_5_an_empty_multi_read_and_undecodable_ones() {
    on_shared(|s| {
        let mut client = s.client();
        assert_eq!(outcomes(&client.call(op::MULTI_READ, &multi(&[])).ok()), []);
        client.call(op::MULTI_READ, &[]).fails(code::MARSHALLING);
        let exists = (op::EXISTS, request::path_watch("/", false));
        client
            .call(op::MULTI_READ, &multi(&[exists]))
            .fails(code::MARSHALLING);
        let null = (op::GET_DATA, request::path_watch(Null, false));
        let reply = client.call(op::MULTI_READ, &multi(&[null]));
        assert_eq!((reply.err, outcomes(&reply)), (code::MARSHALLING, vec![]));
        let reads = [data("", false), children("no slash", false)];
        let seen = outcomes(&client.call(op::MULTI_READ, &multi(&reads)).ok());
        assert!(
            matches!(
                seen[..],
                [Outcome::Data(_, _), Outcome::Error(code::NO_NODE)]
            ),
            "{seen:?}"
        );
    });
}

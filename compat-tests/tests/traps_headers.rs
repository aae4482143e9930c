//! Request and reply headers: xids, zxids, operation codes, and the order of replies.

use compat_tests::server::Options;
use compat_tests::stage::{alone_on_shared, on_oxkeeper_only, on_shared};
use compat_tests::wire::encode::Encoder;
use compat_tests::wire::{Acl, Null, Reply, code, op, request};

/// Body of a create that every test may send.
fn create(path: &str) -> Vec<u8> {
    request::create(path, "", &Acl::open(), op::PERSISTENT)
}

#[test]
fn trap_020_a_ping_is_answered_with_xid_minus_2_whatever_it_had() {
    on_shared(|s| {
        let mut client = s.client();
        for xid in [9, 0, -2, -8, i32::MIN] {
            client.send_as(xid, op::PING, &[]);
            let reply = client.reply();
            assert_eq!((reply.xid, reply.err, reply.body.len()), (-2, 0, 0));
        }
    });
}

#[test]
fn trap_021_auth_echoes_any_xid_with_zxid_0() {
    on_shared(|s| {
        let mut client = s.client();
        for xid in [9, 0, -4] {
            client.send_as(xid, op::AUTH, &request::auth("digest", "user:pass"));
            let expected = Reply {
                xid,
                zxid: 0,
                err: 0,
                body: vec![],
            };
            assert_eq!(client.reply(), expected);
        }
    });
}

#[test]
fn trap_022_a_request_has_the_identities_of_the_moment_it_was_read() {
    on_shared(|s| {
        let mut owner = s.client();
        owner.add_digest("t022:pw");
        owner.create_as("/t022", "", &[Acl::new(31, "auth", "")], op::PERSISTENT);
        for round in 0..20 {
            let mut client = s.client();
            client.send_as(1, op::CREATE, &create(&format!("/t022/{round}")));
            client.send_as(-4, op::AUTH, &request::auth("digest", "t022:pw"));
            let mut replies = [client.reply(), client.reply()];
            replies.sort_by_key(|reply| reply.xid);
            let [auth, created] = replies;
            assert_eq!((auth.xid, auth.err, auth.zxid), (-4, 0, 0));
            created.fails(code::NO_AUTH);
            client.create(&format!("/t022/{round}"), "");
        }
    });
}

#[test]
fn trap_023_unknown_operations_are_answered_and_cut_off() {
    on_shared(|s| {
        let unknown = [
            99,
            0,
            10,
            13,
            -1,
            -2,
            -9,
            -12,
            23,
            24,
            108,
            200,
            1000,
            i32::MAX,
            i32::MIN,
        ];
        for kind in unknown {
            let mut client = s.client();
            let reply = client.call(kind, &[]);
            assert_eq!(
                (reply.zxid, reply.err, reply.body.len()),
                (-1, code::UNIMPLEMENTED, 0),
                "{kind}"
            );
            client.conn.ends_silently();
            assert!(
                client.reconnect().exists("/"),
                "{kind}: the session lives on"
            );
        }
    });
}

#[test]
fn trap_023_create_session_from_a_client_is_unknown_too() {
    on_oxkeeper_only(&Options::default(), |s, _| {
        for body in [&[][..], &10_000_i32.to_be_bytes()] {
            let mut client = s.client();
            let reply = client.call(op::CREATE_SESSION, body);
            assert_eq!(
                (reply.zxid, reply.err, reply.body.len()),
                (-1, code::UNIMPLEMENTED, 0)
            );
            client.conn.ends_silently();
        }
    });
}

#[test]
fn trap_023_the_answer_to_an_unknown_operation_may_overtake() {
    on_shared(|s| {
        let mut client = s.client();
        let before: Vec<i32> = (0..20)
            .map(|_| client.send(op::SYNC, &request::path("/")))
            .collect();
        let unknown = client.send(99, &[]);
        client.send(op::SYNC, &request::path("/"));
        let frames = std::iter::from_fn(|| client.conn.frame_or_end());
        let mut seen: Vec<i32> = frames.map(|frame| Reply::parse(&frame).xid).collect();
        let place = seen.iter().position(|xid| *xid == unknown);
        seen.remove(place.expect("the unknown operation is answered"));
        // Earlier requests are answered in order, as far as the connection lasts; later ones never.
        assert_eq!(seen, before[..seen.len()]);
    });
}

#[test]
fn trap_024_every_failed_write_takes_a_zxid() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let start = client.create("/t024", "");
        let failures = [
            (op::CREATE, create("/t024"), code::NODE_EXISTS),
            (op::CREATE2, create("/t024/missing/x"), code::NO_NODE),
            (
                op::CREATE,
                request::create("/t024/x", "", &[], 0),
                code::INVALID_ACL,
            ),
            (
                op::CREATE,
                request::create("/t024/x", "", &Acl::open(), 99),
                code::BAD_ARGUMENTS,
            ),
            (
                op::CREATE,
                request::create("/t024/x", "", &Acl::open(), op::TTL),
                code::UNIMPLEMENTED,
            ),
            (
                op::CREATE,
                request::create(Null, "", &Acl::open(), 0),
                code::MARSHALLING,
            ),
            (
                op::DELETE,
                request::path_version("/t024", 5),
                code::BAD_VERSION,
            ),
            (
                op::SET_DATA,
                request::set_data("/t024/x", "", -1),
                code::NO_NODE,
            ),
            (
                op::SET_ACL,
                request::set_acl("/t024", &[], -1),
                code::INVALID_ACL,
            ),
            (
                op::DELETE_CONTAINER,
                request::path("/t024/x"),
                code::NO_NODE,
            ),
            (
                op::RECONFIG,
                request::reconfig("", "", "", -1),
                code::RECONFIG_DISABLED,
            ),
        ];
        for (count, (kind, body, err)) in (1..).zip(failures) {
            assert_eq!(
                client.call(kind, &body).fails(err),
                start + count,
                "failure {count}"
            );
        }
        assert_eq!(client.create("/t024/last", ""), start + 12);
    });
}

#[test]
fn trap_024_an_undecodable_write_takes_no_zxid_but_an_undecodable_multi_does() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let start = client.create("/t024u", "");
        for kind in [
            op::CREATE,
            op::CREATE2,
            op::CREATE_CONTAINER,
            op::DELETE,
            op::SET_DATA,
            op::SET_ACL,
        ] {
            assert_eq!(
                client.call(kind, &[1, 2]).fails(code::MARSHALLING),
                start,
                "{kind}"
            );
        }
        assert_eq!(client.create("/t024u/a", ""), start + 1);
        assert_eq!(
            client.call(op::MULTI, &[1, 2]).fails(code::MARSHALLING),
            start + 2
        );
        assert_eq!(client.create("/t024u/b", ""), start + 3);
    });
}

#[test]
fn trap_025_close_session_has_a_zxid_of_its_own_and_ends_the_connection() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let last = client.create("/t025", "");
        assert_eq!(client.close(), last + 1);
    });
}

#[test]
fn trap_025_what_follows_close_session_is_lost() {
    on_shared(|s| {
        let mut client = s.client();
        let close = client.send(op::CLOSE_SESSION, &[]);
        client.send(op::CREATE, &create("/t025lost"));
        assert_eq!(client.reply().xid, close);
        client.conn.ends_silently();
        assert!(!s.client().exists("/t025lost"));
    });
}

#[test]
fn trap_026_add_watch_has_a_body_and_its_relatives_have_none() {
    on_shared(|s| {
        let mut client = s.client();
        let added = client
            .call(op::ADD_WATCH, &request::path_kind("/t026", 0))
            .ok();
        assert_eq!(added.body, [0; 4]);
        client
            .call(op::CHECK_WATCHES, &request::path_kind("/t026", 4))
            .done();
        client
            .call(op::REMOVE_WATCHES, &request::path_kind("/t026", 4))
            .done();
        client
            .call(op::SET_WATCHES, &request::set_watches(0, &[&[], &[], &[]]))
            .done();
        client
            .call(
                op::SET_WATCHES2,
                &request::set_watches(0, &[&[], &[], &[], &[], &[]]),
            )
            .done();
    });
}

#[test]
fn row_3_2_any_xid_is_echoed() {
    on_shared(|s| {
        let mut client = s.client();
        for xid in [0, -1, -3, -4, -8, 7, 7, 5, i32::MAX, i32::MIN] {
            client.send_as(xid, op::EXISTS, &request::path_watch("/", false));
            assert_eq!(Reply::parse(&client.conn.frame()).xid, xid);
        }
        client.send_as(
            -8,
            op::SET_WATCHES,
            &request::set_watches(0, &[&[], &[], &[]]),
        );
        assert_eq!(client.reply().xid, -8);
    });
}

#[test]
fn row_3_3_replies_come_in_the_order_of_requests() {
    on_shared(|s| {
        let mut client = s.client();
        let mut sent = Vec::new();
        for round in 0..50 {
            sent.push(client.send(op::CREATE, &create(&format!("/t33-{round}"))));
            sent.push(client.send(
                op::GET_DATA,
                &request::path_watch(format!("/t33-{round}").as_str(), false),
            ));
            client.send_as(-2, op::PING, &[]);
            sent.push(-2);
            sent.push(client.send(op::WHO_AM_I, &[]));
            sent.push(client.send(op::DELETE, &request::path_version("/none", -1)));
            sent.push(client.send(op::SYNC, &request::path("/")));
        }
        let seen: Vec<i32> = sent.iter().map(|_| client.reply().xid).collect();
        assert_eq!(seen, sent);
    });
}

#[test]
fn row_3_4_replies_to_reads_carry_the_last_zxid() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let last = client.create("/t34", "");
        let reads = [
            (op::EXISTS, request::path_watch("/t34", false)),
            (op::EXISTS, request::path_watch("/t34/none", false)),
            (op::GET_DATA, request::path_watch("/t34", false)),
            (op::GET_ACL, request::path("/t34")),
            (op::GET_CHILDREN, request::path_watch("/t34", false)),
            (op::GET_CHILDREN2, request::path_watch("/t34", false)),
            (op::SYNC, request::path("/t34")),
            (op::GET_EPHEMERALS, request::path("/")),
            (op::GET_ALL_CHILDREN_NUMBER, request::path("/t34")),
            (
                op::SET_WATCHES,
                request::set_watches(last, &[&[], &[], &[]]),
            ),
            (op::ADD_WATCH, request::path_kind("/t34", 0)),
            (op::CHECK_WATCHES, request::path_kind("/t34", 1)),
            (op::REMOVE_WATCHES, request::path_kind("/t34", 4)),
            (op::WHO_AM_I, vec![]),
        ];
        for (kind, body) in reads {
            assert_eq!(client.call(kind, &body).zxid, last, "operation {kind}");
        }
        client.send_as(-2, op::PING, &[]);
        assert_eq!(client.reply().zxid, last);
    });
}

#[test]
fn row_3_4_opening_a_session_takes_a_zxid() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let before = client.create("/t34s", "");
        let other = s.client();
        assert_eq!(client.stat("/").pzxid, before);
        assert_eq!(client.create("/t34s/a", ""), before + 2);
        assert_eq!(other.close(), before + 3);
    });
}

#[test]
fn row_1_1_bytes_after_ping_and_close_session_are_ignored() {
    on_shared(|s| {
        let mut client = s.client();
        client.send_as(-2, op::PING, b"more");
        client.reply().done();
        client.send(op::CLOSE_SESSION, &Encoder::new().int(7).done());
        client.reply().done();
        client.conn.ends_silently();
    });
}

#[test]
fn row_4_3_6_reconfig_is_switched_off() {
    on_shared(|s| {
        let mut client = s.client();
        for members in ["", "server.1=localhost:1:2;3"] {
            let body = request::reconfig(Null, Null, members, -1);
            client
                .call(op::RECONFIG, &body)
                .fails(code::RECONFIG_DISABLED);
        }
    });
}

#[test]
fn row_4_3_6_reconfig_is_unknown_to_a_standalone_server_that_allows_it() {
    compat_tests::stage::on_own(&Options::default().set("reconfigEnabled", true), |s, _| {
        let mut client = s.client();
        client
            .call(op::RECONFIG, &request::reconfig("", "", "", -1))
            .fails(code::UNIMPLEMENTED);
        assert!(client.exists("/"), "the connection stays open");
    });
}

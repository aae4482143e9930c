//! Proofs of identity: auth and sasl packets, super users, and servers that ask for identities.

use compat_tests::server::{Options, Server, kinds};
use compat_tests::stage::{Stage, on_own, on_shared};
use compat_tests::wire::encode::hex;
use compat_tests::wire::{Acl, Client, Encoder, Null, Reply, code, op, request};

/// The digest identity of `super:test`.
const SUPER: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

fn identities(client: &mut Client) -> Vec<(String, String)> {
    client.call(op::WHO_AM_I, &[]).identities()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(scheme, user)| ((*scheme).to_owned(), (*user).to_owned()))
        .collect()
}

/// The auth packet must be refused: -115, the end of the connection, and nothing worse.
#[track_caller]
fn refused(stage: Stage, body: &[u8]) {
    let mut client = stage.client();
    client.send_as(-4, op::AUTH, body);
    let expected = Reply {
        xid: -4,
        zxid: 0,
        err: code::AUTH_FAILED,
        body: vec![],
    };
    assert_eq!(client.reply(), expected);
    client.conn.ends_silently();
    assert!(client.reconnect().exists("/"), "the session lives on");
}

#[test]
fn trap_028_without_any_auth_there_is_the_address() {
    on_shared(|s| assert_eq!(identities(&mut s.client()), pairs(&[("ip", "127.0.0.1")])));
}

#[test]
fn row_3_7_who_am_i_shows_the_user_and_not_the_digest() {
    on_shared(|s| {
        let mut client = s.client();
        for text in ["user:pass", "bob:pw", "bob:pw", "user:other", "nocolon"] {
            client.add_digest(text);
        }
        let expected = [
            ("digest", "bob"),
            ("digest", "nocolon"),
            ("digest", "user"),
            ("digest", "user"),
            ("ip", "127.0.0.1"),
        ];
        assert_eq!(identities(&mut client), pairs(&expected));
    });
}

#[test]
fn trap_103_a_failed_proof_ends_the_connection_and_not_the_session() {
    on_shared(|s| {
        for scheme in [
            "unknown", "", "world", "auth", "super", "sasl", "x509", "DIGEST",
        ] {
            refused(s, &request::auth(scheme, "user:pass"));
        }
        refused(s, &request::auth(Null, "user:pass"));
        refused(s, &request::auth("digest", Null));
    });
}

#[test]
fn row_8_7_identities_go_with_the_connection() {
    on_shared(|s| {
        let mut client = s.client();
        client.add_digest("user:pass");
        assert_eq!(identities(&mut client.reconnect()).len(), 1);
    });
}

#[test]
fn row_8_7_auth_by_address_succeeds_whatever_it_says() {
    on_shared(|s| {
        let mut client = s.client();
        client.send_as(-4, op::AUTH, &request::auth("ip", "10.0.0.1"));
        assert_eq!(client.reply().done(), 0);
        assert_eq!(identities(&mut client), pairs(&[("ip", "127.0.0.1")]));
    });
}

#[test]
fn row_8_7_the_type_of_an_auth_packet_is_ignored() {
    on_shared(|s| {
        let mut client = s.client();
        let body = Encoder::new()
            .int(77)
            .blob("digest")
            .blob("user:pass")
            .done();
        client.send_as(-4, op::AUTH, &body);
        client.reply().done();
        assert_eq!(identities(&mut client).len(), 2);
    });
}

#[test]
fn row_1_5_undecodable_auth_and_sasl_packets_end_the_connection_silently() {
    on_shared(|s| {
        let auth = ["", "00", "00000000 00000006", "00000000 fffffffe 00000000"];
        let sasl = ["", "00", "00000006", "fffffffe"];
        let all = auth.map(|body| (op::AUTH, body)).into_iter();
        for (kind, body) in all.chain(sasl.map(|body| (op::SASL, body))) {
            let mut client = s.client();
            client.call_ends_silently(kind, &hex(body));
            assert!(client.reconnect().exists("/"), "the session lives on");
        }
    });
}

#[test]
fn trap_105_sasl_on_a_server_without_it_is_answered_with_a_null_token() {
    on_shared(|s| {
        let mut client = s.client();
        for token in [&b""[..], b"some token"] {
            client.send_as(3, op::SASL, &Encoder::new().blob(token).done());
            let expected = Reply {
                xid: 3,
                zxid: 0,
                err: 0,
                body: hex("ffffffff"),
            };
            assert_eq!(client.reply(), expected);
        }
        assert!(client.exists("/"));
    });
}

#[test]
fn row_1_5_a_null_sasl_token_ends_the_connection() {
    on_shared(|s| s.client().call_ends_silently(op::SASL, &hex("ffffffff")));
}

#[test]
fn trap_102_super_comes_in_addition_and_opens_everything() {
    let options =
        Options::default().property("zookeeper.DigestAuthenticationProvider.superDigest", SUPER);
    on_own(&options, |s, _| {
        let (mut client, mut root) = (s.client(), s.client());
        let locked = [Acl::new(31, "digest", "nobody:x")];
        client.create_as("/locked", "secret", &locked, 0);
        let read = request::path_watch("/locked", false);
        root.call(op::GET_DATA, &read).fails(code::NO_AUTH);
        root.add_digest("super:wrong");
        root.call(op::GET_DATA, &read).fails(code::NO_AUTH);
        root.add_digest("super:test");
        assert_eq!(root.call(op::GET_DATA, &read).data_text(), "secret");
        assert_eq!(
            root.call(op::GET_ACL, &request::path("/locked"))
                .acl_and_stat()
                .0,
            locked
        );
        let expected = [
            ("digest", "super"),
            ("digest", "super"),
            ("ip", "127.0.0.1"),
            ("super", ""),
        ];
        assert_eq!(identities(&mut root), pairs(&expected));
        // What `auth` stands for holds the digest and not `super`.
        let mut fresh = s.client();
        fresh.add_digest("super:test");
        fresh.create_as("/mine", "", &[Acl::new(31, "auth", "")], 0);
        let acl = fresh
            .call(op::GET_ACL, &request::path("/mine"))
            .acl_and_stat()
            .0;
        assert_eq!(acl, [Acl::new(31, "digest", SUPER)]);
        root.set_data("/zookeeper/config", "x");
        let built_in = request::path_version("/zookeeper/config", -1);
        root.call(op::DELETE, &built_in).fails(code::BAD_ARGUMENTS);
    });
}

#[test]
fn row_6_7_super_hears_of_everything() {
    let options =
        Options::default().property("zookeeper.DigestAuthenticationProvider.superDigest", SUPER);
    on_own(&options, |s, _| {
        let (mut writer, mut root) = (s.client(), s.client());
        root.add_digest("super:test");
        let _ = root.call(op::ADD_WATCH, &request::path_kind("/", 1)).ok();
        writer.create_as("/locked", "", &[Acl::world(0)], 0);
        assert_eq!(root.events_seen(), [(op::CREATED, "/locked".to_owned())]);
    });
}

#[test]
fn row_8_6_skip_acl_lets_everybody_in_and_still_checks_lists() {
    on_own(
        &Options::default().property("zookeeper.skipACL", "yes"),
        |s, _| {
            let mut client = s.client();
            let digest = Acl::new(1, "digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=");
            client.create_as("/locked", "secret", &[Acl::world(0), digest.clone()], 0);
            let read = request::path_watch("/locked", false);
            assert_eq!(client.call(op::GET_DATA, &read).data_text(), "secret");
            let acl = client
                .call(op::GET_ACL, &request::path("/locked"))
                .acl_and_stat()
                .0;
            assert_eq!(acl, [Acl::world(0), digest], "unmasked");
            client.create("/locked/child", "");
            client.watch_data("/locked");
            let (events, _) =
                client.call_noting(op::SET_DATA, &request::set_data("/locked", "x", 0));
            assert_eq!(events.len(), 1);
            client.set_data("/zookeeper/config", "x");
            let body = request::create("/x", "", &[Acl::new(31, "unknown", "x")], 0);
            client.call(op::CREATE, &body).fails(code::INVALID_ACL);
        },
    );
}

#[test]
fn row_8_6_skip_acl_takes_the_word_yes_only() {
    on_own(
        &Options::default().property("zookeeper.skipACL", "true"),
        |s, _| {
            let mut client = s.client();
            client.create_as("/locked", "", &[Acl::world(0)], 0);
            client
                .call(op::GET_DATA, &request::path_watch("/locked", false))
                .fails(code::NO_AUTH);
        },
    );
}

#[test]
fn row_8_4_digest_can_be_switched_off() {
    let options =
        Options::default().property("zookeeper.DigestAuthenticationProvider.enabled", false);
    on_own(&options, |s, _| {
        refused(s, &request::auth("digest", "user:pass"));
        let body = request::create("/x", "", &[Acl::new(31, "digest", "a:b")], 0);
        s.client().call(op::CREATE, &body).fails(code::INVALID_ACL);
    });
}

#[test]
fn row_8_5_the_digest_algorithm_can_be_chosen() {
    let options = Options::default().property(
        "zookeeper.DigestAuthenticationProvider.digestAlg",
        "SHA-256",
    );
    on_own(&options, |s, _| {
        let mut client = s.client();
        client.add_digest("user:pass");
        client.create_as("/x", "", &[Acl::new(31, "auth", "")], 0);
        let acl = client
            .call(op::GET_ACL, &request::path("/x"))
            .acl_and_stat()
            .0;
        let id = "user:70yRTFkWmLJo2zxkFj6v2nIJpjDyNuvw7r8EVGDfcjo=";
        assert_eq!(acl, [Acl::new(31, "digest", id)]);
    });
}

/// A server that takes requests only from connections with a digest identity.
fn enforced() -> Options {
    Options::default()
        .property("zookeeper.enforce.auth.enabled", true)
        .property("zookeeper.enforce.auth.schemes", "digest")
}

#[test]
fn trap_106_a_server_that_wants_identities_refuses_even_a_ping() {
    on_own(&enforced(), |s, _| {
        let exists = request::path_watch("/", false);
        let requests = [
            (op::PING, vec![]),
            (op::EXISTS, exists),
            (op::CLOSE_SESSION, vec![]),
            (op::WHO_AM_I, vec![]),
        ];
        for (kind, body) in requests {
            let mut client = s.client();
            client.send_as(5, kind, &body);
            let reply = client.reply();
            assert_eq!(
                (reply.xid, reply.zxid, reply.err),
                (5, 0, code::SESSION_CLOSED_REQUIRE_AUTH),
                "operation {kind}"
            );
            assert_eq!(reply.body, []);
            client.conn.ends_silently();
            let mut again = client.reconnect();
            again.add_digest("user:pass");
            assert!(again.exists("/"), "the session lives on");
        }
    });
}

#[test]
fn trap_106_several_schemes_are_alternatives() {
    let options = enforced().property("zookeeper.enforce.auth.schemes", "ip,digest");
    on_own(&options, |s, _| {
        assert!(s.client().exists("/"), "everybody has an address")
    });
}

#[test]
fn row_8_8_only_schemes_that_have_a_provider_can_be_asked_for() {
    let schemes = "zookeeper.enforce.auth.schemes";
    let impossible = [
        Options::default().property("zookeeper.sessionRequireClientSASLAuth", true),
        Options::default().property("zookeeper.enforce.auth.enabled", true),
        enforced().property(schemes, "digest,unknown"),
    ];
    for kind in kinds() {
        for options in &impossible {
            let failure = Server::start(kind, options.clone()).expect_err("no start");
            assert!(format!("{failure:#}").contains("ended"), "{failure:#}");
        }
    }
}

#[test]
fn trap_101_ipv6_identities_are_written_out() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("no IPv6 on this machine");
        return;
    }
    on_own(
        &Options::default().set("clientPortAddress", "::"),
        |s, _| {
            let v6 = Stage {
                addr: (std::net::Ipv6Addr::LOCALHOST, s.addr.port()).into(),
                ..s
            };
            let (mut six, mut four) = (v6.client(), s.client());
            assert_eq!(identities(&mut six), pairs(&[("ip", "0:0:0:0:0:0:0:1")]));
            assert_eq!(identities(&mut four), pairs(&[("ip", "127.0.0.1")]));
            for (round, (id, lets_six_in)) in [("::1", true), ("::/0", true), ("0.0.0.0/0", false)]
                .into_iter()
                .enumerate()
            {
                let path = format!("/{round}");
                six.create_as(&path, "", &[Acl::new(31, "ip", id)], 0);
                let read = request::path_watch(&path, false);
                assert_eq!(six.call(op::GET_DATA, &read).err == 0, lets_six_in, "{id}");
                assert_eq!(
                    four.call(op::GET_DATA, &read).err == 0,
                    !lets_six_in,
                    "{id}"
                );
            }
        },
    );
}

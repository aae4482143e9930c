//! Setting up a connection: the ConnectRequest in all its forms, the answers to it, and reattaching to a session.

use compat_tests::server::{Options, Server, kinds};
use compat_tests::stage::Stage;
use compat_tests::stage::alone_on_shared;
use compat_tests::stage::on_own;
use compat_tests::stage::on_shared;
use compat_tests::wire::Blob;
use compat_tests::wire::Client;
use compat_tests::wire::Conn;
use compat_tests::wire::Null;
use compat_tests::wire::client::Session;
use compat_tests::wire::encode::Encoder;
use compat_tests::wire::encode::hex;
use compat_tests::wire::op;
use compat_tests::wire::request;
use compat_tests::wire::request::Connect;

const REFUSED: &str =
    "00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00";

/// Sends a ConnectRequest; the frame that comes back.
#[track_caller]
fn answer(stage: Stage, connect: &Connect) -> Vec<u8> {
    let mut conn = stage.conn();
    conn.send_frame(&connect.encode());
    conn.frame()
}

/// Sends a ConnectRequest that must be refused: the one frame that says so, then the end.
#[track_caller]
fn refused(stage: Stage, connect: &Connect) {
    let mut conn = stage.conn();
    conn.send_frame(&connect.encode());
    assert_eq!(conn.frame(), hex(REFUSED));
    conn.ends_silently();
}

/// Sends a ConnectRequest that must be answered by the end alone.
#[track_caller]
fn cut_off(stage: Stage, payload: &[u8]) {
    let mut conn = stage.conn();
    conn.send_frame(payload);
    conn.ends_silently();
}

/// The first 16 bytes of the generator that the session password is defined by.
fn password_of(session_id: i64) -> Vec<u8> {
    const MASK: u64 = (1 << 48) - 1;
    const FACTOR: u64 = 0x5_DEEC_E66D;
    let seed = u64::from_be_bytes(session_id.to_be_bytes()) ^ 0xB341_5C00;
    let mut state = (seed ^ FACTOR) & MASK;
    let mut password = Vec::new();
    for _ in 0..4 {
        state = state.wrapping_mul(FACTOR).wrapping_add(0xB) & MASK;
        let word = u32::try_from(state >> 16).expect("48 bits less 16 are 32");
        password.extend(word.to_le_bytes());
    }
    password
}

#[test]
fn trap_007_response_has_the_read_only_byte_only_if_the_request_had_it() {
    on_shared(|s| {
        let long = Connect::new(10_000);
        let short = Connect {
            read_only: None,
            ..long.clone()
        };
        assert_eq!((long.encode().len(), answer(s, &long).len()), (45, 37));
        assert_eq!((short.encode().len(), answer(s, &short).len()), (44, 36));
    });
}

#[test]
fn trap_007_refusals_follow_the_form_of_the_request_too() {
    on_shared(|s| {
        let short = Connect {
            read_only: None,
            ..Connect::again(10_000, 77, &[1; 16])
        };
        assert_eq!(answer(s, &short), hex(REFUSED)[..36]);
    });
}

#[test]
fn trap_008_a_new_session_does_not_look_at_the_password() {
    on_shared(|s| {
        for password in [
            Blob::from(Null),
            Blob::from(""),
            Blob::from("abc"),
            Blob::from(&[9; 40]),
        ] {
            let connect = Connect {
                password,
                ..Connect::new(10_000)
            };
            let mut client = s.client_with(&connect);
            assert_eq!(client.session.password.len(), 16);
            assert!(client.exists("/"), "a normal session");
        }
    });
}

#[test]
fn trap_009_passwords_are_a_function_of_the_lower_48_bits_of_the_session_id() {
    let known = [
        (0x1, "054cc74a37327db215e702e20c73f005"),
        (0x0100_0000_0000_0000, "f22acd4a97e69d6d20a49bb638eadb38"),
        (0x0100_0123_4567_89ab, "237710bc62d77989a42e8da77022789d"),
        (0x1000_1234_5678_0000, "fae18b1fff04a3066806fbaee07225b6"),
        (0x2000_0000_1234_0000, "6ed47e886378d816fcff98b3e4ae1308"),
        (-1, "20f62cb5648dc2d771471c8a2486a9ee"),
    ];
    for (id, password) in known {
        assert_eq!(password_of(id), hex(password), "session {id:#x}");
    }
    on_shared(|s| {
        let session = s.client().session;
        assert_eq!(session.password, password_of(session.id));
        assert_eq!(session.password, password_of(session.id ^ (0x7fff << 48)));
    });
}

#[test]
fn trap_010_a_wrong_password_is_refused_and_still_throws_the_holder_out() {
    on_shared(|s| {
        let mut holder = s.client();
        refused(s, &Connect::again(10_000, holder.session.id, &[1; 16]));
        holder.conn.ends_silently();
        assert!(
            holder.reconnect().exists("/"),
            "the session itself lives on"
        );
    });
}

#[test]
fn row_2_8_every_reason_to_refuse_looks_the_same() {
    on_shared(|s| {
        let session = s.client().session;
        let good = Connect::again(10_000, session.id, &session.password);
        refused(
            s,
            &Connect {
                password: Null.into(),
                ..good.clone()
            },
        );
        refused(
            s,
            &Connect {
                password: "".into(),
                ..good.clone()
            },
        );
        refused(
            s,
            &Connect {
                password: session.password[..15].into(),
                ..good.clone()
            },
        );
        refused(
            s,
            &Connect {
                password: [&session.password[..], &[0]].concat()[..].into(),
                ..good.clone()
            },
        );
        let unknown = session.id + 0x1000;
        refused(s, &Connect::again(10_000, unknown, &password_of(unknown)));
        let closed = s.client();
        let again = closed.reattach();
        closed.close();
        refused(s, &again);
    });
}

#[test]
fn trap_011_reattaching_after_expiry_is_refused_the_same_way() {
    on_own(&Options::default().set("tickTime", 100), |s, _| {
        let mut client = s.client_with(&Connect::new(200));
        let again = client.reattach();
        client.conn.ends_silently();
        refused(s, &again);
    });
}

#[test]
fn trap_012_a_client_that_saw_more_than_the_server_is_cut_off() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let last = client.create("/t012", "");
        cut_off(
            s,
            &Connect {
                last_zxid_seen: last + 1,
                ..Connect::new(10_000)
            }
            .encode(),
        );
        let level = Connect {
            last_zxid_seen: last,
            ..Connect::new(10_000)
        };
        assert!(
            !Session::parse(&answer(s, &level)).is_refused(),
            "equal is not ahead"
        );
        assert_eq!(
            client.stat("/t012").czxid,
            last,
            "the refused attempt disturbed nobody"
        );
    });
}

#[test]
fn row_2_8_a_client_ahead_of_the_server_keeps_its_session_and_its_connection() {
    on_shared(|s| {
        let mut holder = s.client();
        cut_off(
            s,
            &Connect {
                last_zxid_seen: i64::MAX,
                ..holder.reattach()
            }
            .encode(),
        );
        assert!(
            holder.exists("/"),
            "the test comes before the old connection is closed"
        );
    });
}

#[test]
fn trap_013_timeouts_are_clamped() {
    on_own(&Options::default().set("tickTime", 2000), |s, _| {
        let granted = |asked| Session::parse(&answer(s, &Connect::new(asked))).timeout_ms;
        for (asked, expected) in [
            (-5, 4000),
            (0, 4000),
            (3999, 4000),
            (4000, 4000),
            (4001, 4001),
            (39_999, 39_999),
        ] {
            assert_eq!(granted(asked), expected, "asked for {asked}");
        }
        assert_eq!(
            (
                granted(40_000),
                granted(40_001),
                granted(i32::MAX),
                granted(i32::MIN)
            ),
            (40_000, 40_000, 40_000, 4000)
        );
    });
}

#[test]
fn row_2_6_limits_of_the_timeout_can_be_set() {
    on_own(
        &Options::default()
            .set("minSessionTimeout", 500)
            .set("maxSessionTimeout", 700),
        |s, _| {
            let granted = |asked| Session::parse(&answer(s, &Connect::new(asked))).timeout_ms;
            assert_eq!((granted(1), granted(600), granted(10_000)), (500, 600, 700));
        },
    );
}

#[test]
fn row_2_6_a_least_timeout_above_the_largest_is_no_setting() {
    for kind in kinds() {
        let options = Options::default()
            .set("minSessionTimeout", 700)
            .set("maxSessionTimeout", 500);
        assert!(Server::start(kind, options).is_err(), "{kind}");
    }
}

#[test]
fn trap_014_any_protocol_version_is_answered_with_0() {
    on_shared(|s| {
        for protocol_version in [77, -1, i32::MIN] {
            let session = s
                .client_with(&Connect {
                    protocol_version,
                    ..Connect::new(10_000)
                })
                .session;
            assert_eq!(session.protocol_version, 0);
        }
    });
}

#[test]
fn trap_015_requests_may_follow_the_connect_request_at_once() {
    on_shared(|s| {
        let mut conn = s.conn();
        let mut bytes = compat_tests::wire::encode::framed(&Connect::new(10_000).encode());
        for xid in 1..=50 {
            let exists = Encoder::new()
                .int(xid)
                .int(op::EXISTS)
                .raw(&request::path_watch("/", false))
                .done();
            bytes.extend(compat_tests::wire::encode::framed(&exists));
        }
        conn.send(&bytes);
        assert!(!Session::parse(&conn.frame()).is_refused());
        for xid in 1..=50 {
            let reply = compat_tests::wire::Reply::parse(&conn.frame());
            assert_eq!((reply.xid, reply.err), (xid, 0));
        }
    });
}

#[test]
fn trap_018_a_tls_hello_on_the_plain_port_is_a_huge_length() {
    on_shared(|s| {
        assert_eq!(s.answer_to(&hex("16030100 a5010000 a10303")), []);
    });
}

#[test]
fn trap_019_connections_of_one_address_are_limited_and_the_next_is_refused() {
    on_own(&Options::default().set("maxClientCnxns", 60), |s, _| {
        let mut held: Vec<Client> = (0..60).map(|_| s.client()).collect();
        s.conn().ends_silently();
        assert!(
            held.iter_mut().all(|client| client.exists("/")),
            "those inside are not disturbed"
        );
        held.pop().expect("sixty are held").close();
        assert_eq!(s.client().session.protocol_version, 0, "room for one more");
    });
}

#[test]
fn row_2_1_60_connections_are_the_default_limit() {
    on_own(&Options::default(), |s, _| {
        let held: Vec<Client> = (0..60).map(|_| s.client()).collect();
        s.conn().ends_silently();
        drop(held);
    });
}

#[test]
fn row_2_1_a_limit_of_0_is_none() {
    on_shared(|s| {
        let mut held: Vec<Client> = (0..100).map(|_| s.client()).collect();
        assert!(held.iter_mut().all(|client| client.exists("/")));
    });
}

#[test]
fn row_2_1_all_connections_together_are_limited_too() {
    on_own(
        &Options::default().property("zookeeper.maxCnxns", 3),
        |s, _| {
            let held: Vec<Client> = (0..3).map(|_| s.client()).collect();
            s.conn().ends_silently();
            drop(held);
        },
    );
}

#[test]
fn row_2_4_a_connect_request_that_ends_early_is_cut_off() {
    on_shared(|s| {
        let whole = Connect::new(10_000).encode();
        for length in [0, 1, 4, 12, 16, 24, 27, 28, 43] {
            cut_off(s, &whole[..length]);
        }
    });
}

#[test]
fn row_2_4_an_impossible_password_length_is_cut_off() {
    on_shared(|s| {
        let head = &Connect::new(10_000).encode()[..24];
        for length in [-2, i32::MIN, 17, 1_048_576, i32::MAX] {
            cut_off(
                s,
                &Encoder::new().raw(head).int(length).raw(&[0; 16]).done(),
            );
        }
    });
}

#[test]
fn row_2_4_any_read_only_byte_and_what_follows_it_are_accepted() {
    on_shared(|s| {
        for flag in [0, 1, 2, 255] {
            let session = s
                .client_with(&Connect {
                    read_only: Some(flag),
                    ..Connect::new(10_000)
                })
                .session;
            assert_eq!(
                session.read_only,
                Some(false),
                "a server that takes writes is not read-only"
            );
        }
        let mut conn = s.conn();
        conn.send_frame(&[&Connect::new(10_000).encode()[..], b"more"].concat());
        assert_eq!(conn.frame().len(), 37);
    });
}

#[test]
fn row_2_5_a_second_connect_request_is_a_request_like_any_other() {
    on_shared(|s| {
        let mut client = s.client();
        // Read as a header: xid 0, type 0.
        client.conn.send_frame(&Connect::new(10_000).encode());
        let reply = client.reply();
        assert_eq!(
            (reply.xid, reply.zxid, reply.err, reply.body.len()),
            (0, -1, -6, 0)
        );
        client.conn.ends_silently();
    });
}

#[test]
fn row_2_9_a_session_taken_over_ends_the_old_connection_silently() {
    on_shared(|s| {
        let mut old = s.client();
        let mut new = old.reconnect();
        old.conn.ends_silently();
        assert_eq!(new.session.password, old.session.password);
        assert!(new.exists("/"));
    });
}

#[test]
fn row_2_9_a_server_that_stops_ends_connections_silently() {
    on_own(&Options::default(), |s, server| {
        let mut client = s.client();
        assert!(client.exists("/"));
        server.stop().expect("the server stops");
        client.conn.ends_silently();
    });
}

#[test]
fn row_2_9_a_connection_that_never_speaks_is_closed() {
    on_own(
        &Options::default().property("zookeeper.nio.sessionlessCnxnTimeout", 300),
        |s, _| {
            let mut quiet: Conn = s.conn();
            let since = std::time::Instant::now();
            quiet.ends_silently();
            let after = since.elapsed().as_millis();
            assert!(
                (250..5000).contains(&after),
                "closed after the timeout, not after {after} ms"
            );
        },
    );
}

#[test]
fn trap_092_the_timeout_may_change_on_reattaching() {
    on_own(&Options::default().set("tickTime", 2000), |s, _| {
        let client = s.client_with(&Connect::new(10_000));
        let again = s.client_with(&Connect {
            timeout_ms: 20_000,
            ..client.reattach()
        });
        assert_eq!(
            (client.session.timeout_ms, again.session.timeout_ms),
            (10_000, 20_000)
        );
        let least = s.client_with(&Connect {
            timeout_ms: 0,
            ..client.reattach()
        });
        assert_eq!(least.session.timeout_ms, 4000);
    });
}

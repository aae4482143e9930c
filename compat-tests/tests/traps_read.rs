//! Reads: what each answers, what each refuses, and in which order it looks.

use compat_tests::stage::{alone_on_shared, on_shared};
use compat_tests::wire::encode::{Blob, hex};
use compat_tests::wire::{Acl, Null, Stat, code, op, request};

const READS: [i32; 4] = [
    op::GET_DATA,
    op::GET_CHILDREN,
    op::GET_CHILDREN2,
    op::GET_ALL_CHILDREN_NUMBER,
];

/// Body of any read by path: a watch byte at the end is ignored where the record has none.
fn read(path: impl Into<Blob>) -> Vec<u8> {
    request::path_watch(path, false)
}

#[test]
fn trap_003_any_byte_but_0_is_true() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t003", "");
        let _ = client
            .call(op::GET_DATA, &[&request::path("/t003")[..], &[2]].concat())
            .ok();
        let (events, _) = client.call_noting(op::SET_DATA, &request::set_data("/t003", "x", -1));
        assert_eq!(events.len(), 1, "the watch byte 2 set a watch");
    });
}

#[test]
fn trap_004_bytes_after_the_record_are_ignored() {
    on_shared(|s| {
        let mut client = s.client();
        let body = [
            request::create("/t004", "hi", &Acl::open(), 0),
            vec![0xff; 100],
        ]
        .concat();
        assert_eq!(client.call(op::CREATE, &body).path(), "/t004");
        let body = [read("/t004"), b"trailing".to_vec()].concat();
        assert_eq!(client.call(op::GET_DATA, &body).data_text(), "hi");
    });
}

#[test]
fn trap_005_null_data_and_empty_data_differ() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t005null", Null, &Acl::open(), 0);
        client.create_as("/t005empty", "", &Acl::open(), 0);
        for (path, data) in [("/t005null", None), ("/t005empty", Some(vec![]))] {
            let (found, stat) = client.call(op::GET_DATA, &read(path)).data_and_stat();
            assert_eq!((found, stat.data_length), (data, 0));
        }
        let _ = client
            .call(op::SET_DATA, &request::set_data("/t005empty", Null, -1))
            .stat();
        assert_eq!(
            client
                .call(op::GET_DATA, &read("/t005empty"))
                .data_and_stat()
                .0,
            None
        );
    });
}

#[test]
fn trap_006_a_supplementary_character_comes_back_as_two_surrogates() {
    on_shared(|s| {
        let mut client = s.client();
        let acl = [Acl::world(31), Acl::new(1, "digest", "\u{1F600}:x")];
        client.create_as("/t006", "", &acl, 0);
        let (found, _) = client
            .call(op::GET_ACL, &request::path("/t006"))
            .acl_and_stat();
        assert_eq!(
            found[1].id,
            Blob(Some([&hex("eda0bdedb880")[..], b":x"].concat()))
        );
        // Sent back in that form, each of the six bytes is malformed.
        client.set_acl("/t006", &found);
        let (found, _) = client
            .call(op::GET_ACL, &request::path("/t006"))
            .acl_and_stat();
        let id = String::from_utf8(found[1].id.0.clone().expect("an id")).expect("now UTF-8");
        assert!(id.starts_with('\u{FFFD}') && id.ends_with(":x"), "{id:?}");
    });
}

#[test]
fn row_1_3_malformed_text_becomes_replacement_characters() {
    on_shared(|s| {
        let mut client = s.client();
        let sent = [
            (&b"\xff"[..], "\u{FFFD}"),
            (b"a\x80b", "a\u{FFFD}b"),
            (b"\xe2\x82", "\u{FFFD}"),
            (b"\xe2\x82x", "\u{FFFD}x"),
            (b"\xc0\x80", "\u{FFFD}\u{FFFD}"),
            (b"\xf0\x9f\x98", "\u{FFFD}"),
            (b"\xed\xa0\xbd\xed\xb8\x80", "\u{FFFD}\u{FFFD}"),
        ];
        for (bytes, expected) in sent {
            assert_eq!(
                client.call(op::SYNC, &request::path(bytes)).path(),
                expected,
                "{bytes:x?}"
            );
        }
    });
}

#[test]
fn trap_029_get_ephemerals_compares_text_and_not_path_components() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t029", "");
        for path in ["/t029/ab", "/t029/abc", "/t029/b"] {
            client.create_as(path, "", &Acl::open(), op::EPHEMERAL);
        }
        let mut other = s.client();
        other.create_as("/t029/other", "", &Acl::open(), op::EPHEMERAL);
        let mut named = |prefix: Blob| {
            client
                .call(op::GET_EPHEMERALS, &request::path(prefix))
                .names()
        };
        assert_eq!(named("/t029/ab".into()), ["/t029/ab", "/t029/abc"]);
        for all in [
            Blob::from(Null),
            "".into(),
            " ".into(),
            "/".into(),
            "/t029".into(),
            "/t029/".into(),
        ] {
            assert_eq!(named(all), ["/t029/ab", "/t029/abc", "/t029/b"]);
        }
        assert_eq!(
            named("/t029/other".into()),
            [""; 0],
            "only the session's own"
        );
        assert_eq!(named("t029".into()), [""; 0]);
    });
}

#[test]
fn trap_030_get_all_children_number_counts_all_descendants() {
    on_shared(|s| {
        let mut client = s.client();
        for path in ["/t030", "/t030/a", "/t030/a/b", "/t030/a/b/c", "/t030x"] {
            client.create(path, "");
        }
        for (path, expected) in [("/t030", 3), ("/t030/a", 2), ("/t030/a/b/c", 0)] {
            let reply = client.call(op::GET_ALL_CHILDREN_NUMBER, &request::path(path));
            assert_eq!(reply.read(|body| body.int()), expected, "{path}");
        }
    });
}

#[test]
fn trap_048_reads_do_not_validate_paths() {
    on_shared(|s| {
        let mut client = s.client();
        for root in ["", "/"] {
            assert_eq!(client.call(op::GET_DATA, &read(root)).data_text(), "");
            assert!(client.call(op::EXISTS, &read(root)).stat().num_children > 0);
            assert!(
                client
                    .call(op::GET_CHILDREN, &read(root))
                    .names()
                    .contains(&"zookeeper".to_owned())
            );
            assert_eq!(
                client
                    .call(op::GET_ACL, &request::path(root))
                    .acl_and_stat()
                    .0,
                Acl::open()
            );
        }
        for kind in READS {
            for path in [
                "foo",
                "/.",
                "//",
                "/zookeeper/",
                "/a\0b",
                "/\u{1F600}",
                "/missing",
            ] {
                client.call(kind, &read(path)).fails(code::NO_NODE);
            }
        }
        client
            .call(op::GET_ACL, &request::path("foo"))
            .fails(code::NO_NODE);
        for path in ["foo", "/.", "//", "/zookeeper/"] {
            client.call(op::EXISTS, &read(path)).fails(code::NO_NODE);
        }
        client
            .call(op::EXISTS, &read("/a\0b"))
            .fails(code::BAD_ARGUMENTS);
        client
            .call(op::EXISTS, &read("\0"))
            .fails(code::BAD_ARGUMENTS);
    });
}

#[test]
fn trap_048_the_empty_path_counts_the_root_among_its_own_descendants() {
    alone_on_shared(|s| {
        let mut client = s.client();
        let two = [request::path(""), request::path("/")];
        for body in &two {
            client.send(op::GET_ALL_CHILDREN_NUMBER, body);
        }
        let [empty, root] =
            [client.reply(), client.reply()].map(|reply| reply.read(|body| body.int()));
        assert_eq!(empty, root + 1);
    });
}

#[test]
fn row_1_5_a_null_path_is_a_marshalling_error_of_every_read() {
    on_shared(|s| {
        let mut client = s.client();
        for kind in READS.into_iter().chain([op::EXISTS, op::GET_ACL]) {
            client.call(kind, &read(Null)).fails(code::MARSHALLING);
        }
        assert!(client.exists("/"), "the connection stays open");
    });
}

#[test]
fn row_3_7_sync_echoes_any_path() {
    on_shared(|s| {
        let mut client = s.client();
        for path in ["/", "", "no slash", "/missing", "/a\0b"] {
            assert_eq!(client.call(op::SYNC, &request::path(path)).path(), path);
        }
        let reply = client.call(op::SYNC, &request::path(Null)).ok();
        assert_eq!(reply.body, hex("ffffffff"));
    });
}

#[test]
fn row_3_7_children_of_a_leaf_are_an_empty_list() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t37", "");
        assert_eq!(
            client.call(op::GET_CHILDREN, &read("/t37")).ok().body,
            [0; 4]
        );
        let stat = client.stat("/t37");
        assert_eq!(
            client
                .call(op::GET_CHILDREN2, &read("/t37"))
                .names_and_stat(),
            (vec![], stat)
        );
        client.create("/t37/b", "");
        client.create("/t37/a", "");
        assert_eq!(
            client.call(op::GET_CHILDREN, &read("/t37")).names(),
            ["a", "b"]
        );
        let (names, stat) = client
            .call(op::GET_CHILDREN2, &read("/t37"))
            .names_and_stat();
        assert_eq!((names.len(), stat), (2, client.stat("/t37")));
    });
}

#[test]
fn row_3_7_create_answers_what_its_operation_answers() {
    on_shared(|s| {
        let mut client = s.client();
        let body = |path| request::create(path, "data", &Acl::open(), 0);
        assert_eq!(client.call(op::CREATE, &body("/t37c1")).path(), "/t37c1");
        let reply = client.call(op::CREATE2, &body("/t37c2"));
        let (path, stat) = reply.path_and_stat();
        assert_eq!((path.as_str(), stat), ("/t37c2", client.stat("/t37c2")));
        let Stat {
            czxid,
            mzxid,
            pzxid,
            ctime,
            mtime,
            ..
        } = stat;
        assert_eq!(
            (czxid, mzxid, pzxid, ctime),
            (reply.zxid, reply.zxid, reply.zxid, mtime)
        );
        assert_eq!(
            (stat.version, stat.cversion, stat.aversion, stat.data_length),
            (0, 0, 0, 4)
        );
        assert_eq!((stat.num_children, stat.ephemeral_owner), (0, 0));
    });
}

#[test]
fn row_7_7_a_session_reads_its_own_pipelined_writes() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t77", "");
        let versions = 0..100;
        for version in versions.clone() {
            client.send(
                op::SET_DATA,
                &request::set_data("/t77", format!("{version}").as_str(), version),
            );
            client.send(op::GET_DATA, &read("/t77"));
        }
        for version in versions {
            let written = client.reply().stat();
            let (data, stat) = client.reply().data_and_stat();
            assert_eq!((written.version, stat), (version + 1, written));
            assert_eq!(data, Some(version.to_string().into_bytes()));
        }
    });
}

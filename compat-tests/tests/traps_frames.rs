//! A fresh server, byte by byte: the first frames of a conversation and the nodes that are there from the start.

use compat_tests::server::Options;
use compat_tests::stage::{Stage, on_own};
use compat_tests::wire::client::Session;
use compat_tests::wire::encode::{hex, to_hex};
use compat_tests::wire::multi::header;
use compat_tests::wire::{Acl, Client, Conn, Encoder, Stat, code, op, request};

/// A conversation in hexadecimal frames, lengths included.
struct Talk {
    conn: Conn,
    session: Session,
}

impl Talk {
    /// Opens the first session of a server with the published ConnectRequest.
    #[track_caller]
    fn open(stage: Stage) -> Self {
        let mut conn = stage.conn();
        conn.send(&hex(
            "0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010 00000000000000000000000000000000 00",
        ));
        let frame = conn.frame();
        let session = Session::parse(&frame);
        let id = Encoder::new().long(session.id).done();
        let expected = format!(
            "00000000 00002710 {} 00000010 {} 00",
            to_hex(&id),
            to_hex(&session.password)
        );
        assert_eq!(to_hex(&frame), to_hex(&hex(&expected)));
        Self { conn, session }
    }

    /// Sends a frame and expects frames, all in hexadecimal and with their lengths.
    #[track_caller]
    fn says(&mut self, sent: &str, expected: &[&str]) {
        self.conn.send(&hex(sent));
        for frame in expected {
            let bytes = self.conn.frame();
            let seen = to_hex(&Encoder::new().blob(&bytes).done());
            assert_eq!(seen, to_hex(&hex(frame)), "the answer to {sent}");
        }
    }
}

const CREATE_A: &str = "00000033 00000001 00000001 00000002 2f61 00000002 6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000";

#[test]
fn appendix_a_writes_watches_and_notifications() {
    on_own(&Options::default(), |s, _| {
        let mut talk = Talk::open(s);
        talk.says(
            CREATE_A,
            &["00000016 00000001 0000000000000002 00000000 00000002 2f61"],
        );
        let again = CREATE_A.replacen("00000001", "00000002", 1);
        talk.says(&again, &["00000010 00000002 0000000000000003 ffffff92"]);
        let stat = s.client().stat("/a"); // The client's session is zxid 4.
        let get_data = format!(
            "0000005a 00000003 0000000000000004 00000000 00000002 6869 {}",
            to_hex(&stat_bytes(&stat))
        );
        talk.says("0000000f 00000003 00000004 00000002 2f61 01", &[&get_data]);
        talk.conn.send(&hex(
            "0000001a 00000004 00000005 00000002 2f61 00000004 64617461 ffffffff",
        ));
        let event = talk.conn.frame();
        assert_eq!(
            event,
            hex("ffffffff 0000000000000005 00000000 00000003 00000003 00000002 2f61")
        );
        let reply = talk.conn.frame();
        assert_eq!(reply[..16], hex("00000004 0000000000000005 00000000"));
        assert_eq!(reply.len(), 16 + 68);
        talk.says(
            "00000008 fffffffe 0000000b",
            &["00000010 fffffffe 0000000000000005 00000000"],
        );
        // Another session ends: its own zxid, and the ping shows it.
        s.client().close();
        talk.says(
            "00000008 fffffffe 0000000b",
            &["00000010 fffffffe 0000000000000007 00000000"],
        );
    });
}

#[test]
fn appendix_a_multi_auth_and_close() {
    on_own(&Options::default(), |s, _| {
        let mut talk = Talk::open(s);
        talk.says(
            CREATE_A,
            &["00000016 00000001 0000000000000002 00000000 00000002 2f61"],
        );
        talk.says(
            "00000023 fffffffc 00000064 00000000 00000006 646967657374 00000009 757365723a70617373",
            &["00000010 fffffffc 0000000000000000 00000000"],
        );
        let check = |version: &str| {
            format!(
                "00000037 00000005 0000000e 0000000d 00 ffffffff 00000002 2f61 {version} 00000002 00 ffffffff 00000002 2f61 ffffffff ffffffff 01 ffffffff"
            )
        };
        talk.says(
            &check("00000007"),
            &["00000033 00000005 0000000000000003 00000000 ffffffff 00 ffffff99 ffffff99 ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff"],
        );
        talk.says(
            &check("00000000"),
            &["0000002b 00000005 0000000000000004 00000000 0000000d 00 00000000 00000002 00 00000000 ffffffff 01 ffffffff"],
        );
        talk.says(
            "00000022 fffffff8 00000065 0000000000000004 00000001 00000002 2f61 00000000 00000000",
            &[
                "0000001e ffffffff ffffffffffffffff 00000000 00000002 00000003 00000002 2f61",
                "00000010 fffffff8 0000000000000004 00000000",
            ],
        );
        talk.says(
            "00000012 00000007 0000006a 00000002 2f61 00000001",
            &["00000014 00000007 0000000000000004 00000000 00000000"],
        );
        talk.says(
            "00000008 00000006 fffffff5",
            &["00000010 00000006 0000000000000005 00000000"],
        );
        talk.conn.ends_silently();
    });
}

#[test]
fn appendix_a_refusals() {
    on_own(&Options::default(), |s, _| {
        let mut talk = Talk::open(s);
        talk.says(
            "00000008 00000008 00000063",
            &["00000010 00000008 ffffffffffffffff fffffffa"],
        );
        talk.conn.ends_silently();
        let mut refused = s.conn();
        refused.send_frame(&request::Connect::again(10_000, talk.session.id, &[1; 16]).encode());
        let expected =
            "00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00";
        assert_eq!(refused.frame(), hex(expected));
        refused.ends_silently();
        let mut talk = Talk::open(s);
        talk.says(
            "00000019 fffffffc 00000064 00000000 00000005 6e6f6e65 78 00000000",
            &["00000010 fffffffc 0000000000000000 ffffff8d"],
        );
        talk.conn.ends_silently();
    });
}

fn stat_bytes(stat: &Stat) -> Vec<u8> {
    Encoder::new()
        .long(stat.czxid)
        .long(stat.mzxid)
        .long(stat.ctime)
        .long(stat.mtime)
        .int(stat.version)
        .int(stat.cversion)
        .int(stat.aversion)
        .long(stat.ephemeral_owner)
        .int(stat.data_length)
        .int(stat.num_children)
        .long(stat.pzxid)
        .done()
}

const ZERO: Stat = Stat {
    czxid: 0,
    mzxid: 0,
    ctime: 0,
    mtime: 0,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeral_owner: 0,
    data_length: 0,
    num_children: 0,
    pzxid: 0,
};

/// Data and ACL of a node.
fn contents(client: &mut Client, path: &str) -> (Option<Vec<u8>>, Vec<Acl>) {
    let data = client
        .call(op::GET_DATA, &request::path_watch(path, false))
        .data_and_stat()
        .0;
    (
        data,
        client
            .call(op::GET_ACL, &request::path(path))
            .acl_and_stat()
            .0,
    )
}

#[test]
fn trap_062_what_a_fresh_tree_looks_like() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        let expected = [
            (
                "/",
                Stat {
                    cversion: -1,
                    num_children: 1,
                    ..ZERO
                },
                Acl::open(),
            ),
            (
                "/zookeeper",
                Stat {
                    cversion: -2,
                    num_children: 2,
                    ..ZERO
                },
                Acl::open(),
            ),
            ("/zookeeper/quota", ZERO, Acl::open()),
            (
                "/zookeeper/config",
                Stat {
                    aversion: -1,
                    ..ZERO
                },
                vec![Acl::world(1)],
            ),
        ];
        for (path, stat, acl) in expected {
            assert_eq!(client.stat(path), stat, "{path}");
            assert_eq!(contents(&mut client, path), (Some(vec![]), acl), "{path}");
        }
        let names = |client: &mut Client, path: &str| {
            client
                .call(op::GET_CHILDREN, &request::path_watch(path, false))
                .names()
        };
        assert_eq!(names(&mut client, "/"), ["zookeeper"]);
        assert_eq!(names(&mut client, "/zookeeper"), ["config", "quota"]);
    });
}

#[test]
fn trap_030_a_fresh_tree_has_3_descendants_of_the_root() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        let count = client.call(op::GET_ALL_CHILDREN_NUMBER, &request::path("/"));
        assert_eq!(count.read(|body| body.int()), 3);
    });
}

#[test]
fn row_5_6_the_worked_example_and_the_first_zxids() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client(); // zxid 1
        assert_eq!(client.create("/a", ""), 2);
        assert_eq!(client.create("/a/child", ""), 3);
        let seen = |stat: Stat| (stat.cversion, stat.num_children, stat.pzxid);
        assert_eq!(seen(client.stat("/")), (0, 2, 2));
        assert_eq!(seen(client.stat("/a")), (1, 1, 3));
        assert_eq!(client.delete("/a/child"), 4);
        assert_eq!(seen(client.stat("/a")), (2, 0, 4));
        assert_eq!(client.delete("/a"), 5);
        assert_eq!(seen(client.stat("/")), (1, 1, 5));
    });
}

#[test]
fn row_5_3_the_first_number_under_the_root_is_0() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        assert_eq!(client.create_sequential("/"), "/0000000000");
        assert_eq!(client.create_sequential("/n"), "/n0000000001");
        client.create("/zookeeper/x", "");
        assert_eq!(
            client.create_sequential("/zookeeper/"),
            "/zookeeper/0000000001"
        );
    });
}

#[test]
fn row_5_7_an_undecodable_first_request_has_the_zxid_of_the_session() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        assert_eq!(client.call(op::CREATE, &[0]).fails(code::MARSHALLING), 1);
        let empty = header(Encoder::new(), -1, true, -1).done();
        assert_eq!(client.call(op::MULTI, &empty).ok().zxid, 2);
    });
}

#[test]
fn row_3_7_children_are_names_without_an_order() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        client.create("/c", "");
        for name in [
            "n0",
            "n1",
            "n2",
            "n3",
            "n4",
            "n5",
            "zookeeper",
            "alpha",
            "beta",
        ] {
            client.create(&format!("/c/{name}"), "");
        }
        let reply = client.call(op::GET_CHILDREN, &request::path_watch("/c", false));
        let mut names = reply.read(|body| body.vector(|name| name.text()));
        names.sort();
        assert_eq!(names.join(" "), "alpha beta n0 n1 n2 n3 n4 n5 zookeeper");
    });
}

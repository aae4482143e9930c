//! How large requests may be, and what becomes of those that are too large, too small, or lie about lengths inside.

use compat_tests::server::Options;
use compat_tests::stage::{on_own, on_shared};
use compat_tests::wire::encode::hex;
use compat_tests::wire::{Acl, Client, Encoder, code, op, request};

/// Largest frame by default.
const MAX_FRAME: usize = 1_048_575;

/// A setData frame of exactly this length, header included.
fn set_data_of(path: &str, frame: usize) -> Vec<u8> {
    let data = vec![b'x'; frame - 8 - 4 - path.len() - 4 - 4];
    let body = request::set_data(path, &data, -1);
    assert_eq!(8 + body.len(), frame);
    body
}

/// Sends raw bytes behind a session; the connection must end silently and the session live on.
#[track_caller]
fn ends(mut client: Client, bytes: &[u8]) {
    client.conn.send(bytes);
    client.conn.ends_silently();
    assert!(client.reconnect().exists("/"), "the session lives on");
}

#[test]
fn trap_001_the_largest_frame_is_1048575_bytes() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t001", "");
        let stat = client
            .call(op::SET_DATA, &set_data_of("/t001", MAX_FRAME))
            .stat();
        assert_eq!(stat.version, 1);
        let (data, _) = client
            .call(op::GET_DATA, &request::path_watch("/t001", false))
            .data_and_stat();
        assert_eq!(
            data.map(|data| data.len()),
            usize::try_from(stat.data_length).ok()
        );
        client.call_ends_silently(op::SET_DATA, &set_data_of("/t001", MAX_FRAME + 1));
        let mut again = client.reconnect();
        assert_eq!(again.stat("/t001").version, 1);
        // The length alone is enough.
        ends(again, &hex("00100000"));
    });
}

#[test]
fn row_1_4_impossible_frame_lengths_end_the_connection() {
    on_shared(|s| {
        for length in [-1, -2, i32::MIN, i32::MAX, 0, 1, 4, 7] {
            let bytes = Encoder::new().int(length).raw(&[0; 8]).done();
            ends(s.client(), &bytes);
        }
    });
}

#[test]
fn row_1_4_the_limit_holds_for_the_first_frame_too() {
    on_shared(|s| {
        for length in ["00100000", "ffffffff", "80000000", "7fffffff"] {
            assert_eq!(s.answer_to(&hex(length)), []);
        }
    });
}

#[test]
fn row_1_4_a_frame_that_never_ends_is_waited_for() {
    on_shared(|s| {
        let mut client = s.client();
        let frame = compat_tests::wire::encode::framed(
            &Encoder::new().int(1).int(op::SYNC).blob("/").done(),
        );
        for byte in &frame[..frame.len() - 1] {
            client.conn.send(&[*byte]);
        }
        client
            .conn
            .stays_silent_for(std::time::Duration::from_millis(100));
        client.conn.send(&frame[frame.len() - 1..]);
        assert_eq!(client.reply().path(), "/");
    });
}

#[test]
fn row_1_4_a_client_that_hangs_up_inside_a_frame_loses_only_its_connection() {
    on_shared(|s| {
        let mut client = s.client();
        client.conn.send(&hex("00001000 00000001 00000009"));
        client.conn.finish_sending();
        client.conn.ends_silently();
        assert!(client.reconnect().exists("/"));
    });
}

#[test]
fn row_1_4_wrong_lengths_inside_a_record_are_marshalling_errors() {
    on_shared(|s| {
        let mut client = s.client();
        for length in [-2, i32::MIN, 5, 100, 1_048_576, 2_097_151, i32::MAX] {
            let path = Encoder::new().int(length).raw(b"/").byte(0).done();
            for kind in [
                op::EXISTS,
                op::GET_DATA,
                op::GET_CHILDREN,
                op::SYNC,
                op::GET_EPHEMERALS,
                op::GET_ACL,
            ] {
                client.call(kind, &path).fails(code::MARSHALLING);
            }
            let data = Encoder::new().blob("/x").int(length).raw(b"xyz").done();
            for kind in [op::CREATE, op::SET_DATA, op::CREATE_TTL] {
                client.call(kind, &data).fails(code::MARSHALLING);
            }
        }
        assert!(client.exists("/"), "the connection stays open");
    });
}

#[test]
fn row_1_4_a_vector_that_claims_more_than_the_frame_holds_is_a_marshalling_error() {
    on_shared(|s| {
        let mut client = s.client();
        for count in [2, 1000, 1_000_000, i32::MAX] {
            let entries = Encoder::new()
                .blob("/x")
                .blob("")
                .int(count)
                .int(31)
                .blob("world")
                .blob("anyone");
            client
                .call(op::CREATE, &entries.int(0).done())
                .fails(code::MARSHALLING);
            let watches = Encoder::new().long(0).int(count).blob("/x").done();
            client
                .call(op::SET_WATCHES, &watches)
                .fails(code::MARSHALLING);
        }
    });
}

#[test]
fn row_1_5_an_empty_body_is_a_marshalling_error_of_every_operation_that_has_one() {
    on_shared(|s| {
        let mut client = s.client();
        for kind in (1..=9)
            .chain([12, 14, 15])
            .chain(17..=22)
            .chain([101, 103, 104, 105, 106])
        {
            let reply = client.call(kind, &[]);
            assert_eq!(
                (reply.err, reply.body.len()),
                (code::MARSHALLING, 0),
                "operation {kind}"
            );
        }
        assert!(client.exists("/"), "the connection stays open");
    });
}

#[test]
fn row_1_4_the_limit_can_be_set_as_a_property() {
    on_own(
        &Options::default().property("jute.maxbuffer", 4096),
        |s, _| {
            let mut client = s.client();
            client.create("/x", "");
            let _ = client.call(op::SET_DATA, &set_data_of("/x", 4096)).stat();
            client.call_ends_silently(op::SET_DATA, &set_data_of("/x", 4097));
        },
    );
}

#[test]
fn row_1_4_replies_have_no_limit() {
    on_own(
        &Options::default().property("jute.maxbuffer", 4096),
        |s, _| {
            let mut client = s.client();
            for number in 0..100 {
                client.create(&format!("/{number:0100}"), "");
            }
            let children = client
                .call(op::GET_CHILDREN, &request::path_watch("/", false))
                .ok();
            assert!(children.body.len() > 10_000);
        },
    );
}

#[test]
fn row_1_4_a_line_in_the_settings_file_does_not_set_the_limit() {
    on_own(&Options::default().set("jute.maxbuffer", 4096), |s, _| {
        let mut client = s.client();
        client.create("/x", "");
        let _ = client
            .call(op::SET_DATA, &set_data_of("/x", 100_000))
            .stat();
    });
}

#[test]
fn row_10_3_large_requests_share_a_budget() {
    let options = Options::default()
        .property("zookeeper.largeRequestThreshold", 1000)
        .property("zookeeper.largeRequestMaxBytes", 10_000);
    on_own(&options, |s, _| {
        let mut client = s.client();
        client.create("/x", "");
        for _ in 0..5 {
            let _ = client.call(op::SET_DATA, &set_data_of("/x", 9000)).stat();
        }
        client.call_ends_silently(op::SET_DATA, &set_data_of("/x", 20_000));
        let mut again = client.reconnect();
        let _ = again.call(op::SET_DATA, &set_data_of("/x", 9000)).stat();
    });
}

#[test]
fn row_1_4_a_node_may_hold_what_fits_a_frame() {
    on_shared(|s| {
        let mut client = s.client();
        let overhead = 8 + request::create("/t019", "", &Acl::open(), 0).len();
        let data = vec![7; MAX_FRAME - overhead];
        let created = client.call(
            op::CREATE,
            &request::create("/t019", &data, &Acl::open(), 0),
        );
        assert_eq!(created.path(), "/t019");
        let read = client.call(op::GET_DATA, &request::path_watch("/t019", false));
        assert_eq!(read.data_and_stat().0, Some(data));
    });
}

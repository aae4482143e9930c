//! Frames as they are on the wire, written by hand from the field lists of Apache's protocol: what a client sends is
//! understood and would be sent so by us, what we answer is what a client expects. Nothing here may be computed by the
//! code under test. `tests/conversation.rs` has the frames that Apache's client and server really exchanged.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use jute::{Field, Reader};
use oxkeeper::proto::connect::{self, ConnectRequest, ConnectRequestHead};
use oxkeeper::proto::multi::{self, MultiOp};
use oxkeeper::proto::reply::{self, PathResponse, ReplyHeader, SaslResponse};
use oxkeeper::proto::request::{self, Request, RequestHeader};
use oxkeeper::proto::request::{
    AddWatchRequest, AuthPacket, CheckVersionRequest, CreateRequest, DeleteRequest, SetWatches,
    SetWatches2, WatchableRequest,
};
use oxkeeper::proto::shared::{Acl, Id};
use oxkeeper::proto::{append, event, frame};
use oxkeeper::session::secret;
use oxkeeper::types::{ErrorCode, EventType, OpCode, SessionId};

/// Spaces are for the reader.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    let pairs = digits.chunks_exact(2);
    assert!(pairs.remainder().is_empty(), "whole bytes");
    pairs
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits"))
        .collect()
}

/// The payload of the only frame.
fn payload(frame: &[u8]) -> &[u8] {
    let (payload, rest) = frame::split(frame, 1_048_575).unwrap().expect("whole");
    assert!(rest.is_empty(), "one frame");
    payload
}

/// A client's frame decodes to this header and body, and the body encodes to these bytes again.
fn asks<'a, F: Field<'a>>(frame: &'a [u8], xid: i32, op: OpCode, want: &Request<'a>, body: &F) {
    let mut reader = request::reader(payload(frame), 1_048_575);
    let header = request::decode_header(&mut reader).unwrap();
    let sent = RequestHeader { xid, op: op.code() };
    assert_eq!(header, sent);
    assert_eq!(&Request::decode(op, &mut reader).unwrap(), want);
    assert_eq!(reader.left(), 0, "nothing is left over");
    let mut encoded = frame[..4].to_vec();
    append(&header, &mut encoded);
    append(body, &mut encoded);
    assert_eq!(encoded, frame);
}

fn open_acl<'a>() -> Vec<Acl<'a>> {
    let id = Id {
        scheme: Some("world".into()),
        id: Some("anyone".into()),
    };
    vec![Acl { perms: 31, id }]
}

/// What our encoder appends.
fn ours(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn header_only(xid: i32, zxid: i64, err: i32) -> Vec<u8> {
    ours(|out| reply::append_header(&ReplyHeader { xid, zxid, err }, out))
}

#[test]
fn a_session_is_asked_for() {
    let frame = bytes(
        "0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010
         00000000000000000000000000000000 00",
    );
    let head = ConnectRequestHead {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout_ms: 10_000,
        session_id: 0,
        password: Some(&[0; 16]),
    };
    let request = ConnectRequest::decode(payload(&frame)).unwrap();
    assert_eq!(request.head, head);
    assert_eq!(request.read_only, Some(false));
    assert_eq!(jute::to_vec(&head), frame[4..frame.len() - 1]);
}

#[test]
fn a_session_is_given_or_refused() {
    let given = bytes(
        "00000025 00000000 00002710 0100000000000000 00000010 f22acd4a97e69d6d20a49bb638eadb38 00",
    );
    let session = SessionId(0x0100_0000_0000_0000);
    let password = secret::password(session);
    let answer = ours(|out| {
        connect::append_response(10_000, session.0, &password, Some(false), out);
    });
    assert_eq!(answer, given);
    let refused = bytes(
        "00000025 00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00",
    );
    let answer = ours(|out| connect::append_response(0, 0, &[0; 16], Some(false), out));
    assert_eq!(answer, refused);
}

#[test]
fn a_node_is_created() {
    let frame = bytes(
        "00000033 00000001 00000001 00000002 2f61 00000002 6869 00000001 0000001f 00000005
         776f726c64 00000006 616e796f6e65 00000000",
    );
    let create = CreateRequest {
        path: Some("/a".into()),
        data: Some(b"hi"),
        acl: Some(open_acl()),
        flags: 0,
    };
    let want = Request::Create(OpCode::Create, create.clone());
    asks(&frame, 1, OpCode::Create, &want, &create);

    let path = Some("/a".into());
    let answer = ours(|out| reply::append_reply(1, 2, &PathResponse { path }, out));
    let want = bytes("00000016 00000001 0000000000000002 00000000 00000002 2f61");
    assert_eq!(answer, want);
    let answer = header_only(2, 3, ErrorCode::NodeExists.code());
    let want = bytes("00000010 00000002 0000000000000003 ffffff92");
    assert_eq!(answer, want);
}

#[test]
fn data_is_read_and_watched() {
    let frame = bytes("0000000f 00000003 00000004 00000002 2f61 01");
    let get = WatchableRequest {
        path: Some("/a".into()),
        watch: true,
    };
    asks(
        &frame,
        3,
        OpCode::GetData,
        &Request::GetData(get.clone()),
        &get,
    );

    for (zxid, kind, want) in [
        (
            4,
            EventType::NodeDataChanged,
            "0000001e ffffffff 0000000000000004 00000000 00000003 00000003 00000002 2f61",
        ),
        // What setWatches finds to have happened has no transaction.
        (
            -1,
            EventType::NodeDeleted,
            "0000001e ffffffff ffffffffffffffff 00000000 00000002 00000003 00000002 2f61",
        ),
    ] {
        let sent = ours(|out| event::append_event(zxid, kind, "/a", out));
        assert_eq!(sent, bytes(want), "{kind:?}");
    }
}

#[test]
fn watches_are_set_again() {
    let frame = bytes(
        "00000022 fffffff8 00000065 0000000000000004 00000001 00000002 2f61 00000000 00000000",
    );
    let base = SetWatches {
        relative_zxid: 4,
        data: Some(vec![Some("/a".into())]),
        exist: Some(Vec::new()),
        child: Some(Vec::new()),
    };
    let want = Request::SetWatches(SetWatches2 {
        base: base.clone(),
        persistent: Some(Vec::new()),
        recursive: Some(Vec::new()),
    });
    asks(&frame, -8, OpCode::SetWatches, &want, &base);
}

#[test]
fn a_persistent_watch_is_added() {
    let frame = bytes("00000012 00000007 0000006a 00000002 2f61 00000001");
    let add = AddWatchRequest {
        path: Some("/a".into()),
        mode: 1,
    };
    asks(
        &frame,
        7,
        OpCode::AddWatch,
        &Request::AddWatch(add.clone()),
        &add,
    );

    let answer = ours(|out| reply::append_reply(7, 7, &reply::ErrorResponse { err: 0 }, out));
    let want = bytes("00000014 00000007 0000000000000007 00000000 00000000");
    assert_eq!(answer, want);
}

#[test]
fn pings_and_the_end_of_a_session() {
    for (xid, op, request, zxid, answer) in [
        (
            -2,
            OpCode::Ping,
            "00000008 fffffffe 0000000b",
            4,
            "00000010 fffffffe 0000000000000004 00000000",
        ),
        (
            6,
            OpCode::CloseSession,
            "00000008 00000006 fffffff5",
            7,
            "00000010 00000006 0000000000000007 00000000",
        ),
    ] {
        let frame = bytes(request);
        let mut reader = request::reader(payload(&frame), 1024);
        let header = request::decode_header(&mut reader).unwrap();
        assert_eq!(header, RequestHeader { xid, op: op.code() });
        assert!(Request::decode(op, &mut reader).is_ok(), "{op:?}");
        assert_eq!(reader.left(), 0);
        assert_eq!(header_only(xid, zxid, 0), bytes(answer));
    }
}

#[test]
fn who_one_is() {
    let frame = bytes(
        "00000023 fffffffc 00000064 00000000 00000006 646967657374 00000009 757365723a70617373",
    );
    let mut reader = request::reader(payload(&frame), 1024);
    let header = request::decode_header(&mut reader).unwrap();
    let op = OpCode::Auth.code();
    assert_eq!(header, RequestHeader { xid: -4, op });
    let want = AuthPacket {
        kind: 0,
        scheme: Some("digest".into()),
        auth: Some(b"user:pass"),
    };
    assert_eq!(request::decode_auth(&mut reader).unwrap(), want);

    let good = bytes("00000010 fffffffc 0000000000000000 00000000");
    assert_eq!(header_only(-4, 0, 0), good);
    let failed = bytes("00000010 fffffffc 0000000000000000 ffffff8d");
    assert_eq!(header_only(-4, 0, ErrorCode::AuthFailed.code()), failed);

    let header = ReplyHeader {
        xid: 1,
        zxid: 0,
        err: ErrorCode::AuthFailed.code(),
    };
    let body = jute::to_vec(&SaslResponse { token: None });
    let refused = ours(|out| reply::append_with_raw_body(&header, &body, out));
    let want = bytes("00000014 00000001 0000000000000000 ffffff8d ffffffff");
    assert_eq!(refused, want);
}

#[test]
fn an_operation_that_nobody_knows() {
    let answer = header_only(8, -1, ErrorCode::Unimplemented.code());
    let want = bytes("00000010 00000008 ffffffffffffffff fffffffa");
    assert_eq!(answer, want);
}

#[test]
fn several_at_once() {
    let frame = bytes(
        "00000037 00000005 0000000e 0000000d 00 ffffffff 00000002 2f61 00000000 00000002 00
         ffffffff 00000002 2f61 ffffffff ffffffff 01 ffffffff",
    );
    let mut reader = request::reader(payload(&frame), 1024);
    let header = request::decode_header(&mut reader).unwrap();
    let op = OpCode::Multi.code();
    assert_eq!(header, RequestHeader { xid: 5, op });
    let path = || Some("/a".into());
    let want = vec![
        MultiOp::Check(CheckVersionRequest {
            path: path(),
            version: 0,
        }),
        MultiOp::Delete(DeleteRequest {
            path: path(),
            version: -1,
        }),
    ];
    let decoded = Request::decode(OpCode::Multi, &mut reader).unwrap();
    assert_eq!(decoded, Request::Multi(want));
    assert_eq!(reader.left(), 0);

    let done = ours(|out| {
        let frame = reply::open(5, 6, out);
        multi::append_plain(OpCode::Check, out);
        multi::append_plain(OpCode::Delete, out);
        multi::append_end(out);
        frame.close(out);
    });
    let want = bytes(
        "0000002b 00000005 0000000000000006 00000000 0000000d 00 00000000 00000002 00 00000000
         ffffffff 01 ffffffff",
    );
    assert_eq!(done, want);

    let failed = ours(|out| {
        let frame = reply::open(5, 6, out);
        multi::append_error(ErrorCode::BadVersion.code(), out);
        multi::append_error(ErrorCode::RuntimeInconsistency.code(), out);
        multi::append_end(out);
        frame.close(out);
    });
    let want = bytes(
        "00000033 00000005 0000000000000006 00000000 ffffffff 00 ffffff99 ffffff99 ffffffff 00
         fffffffe fffffffe ffffffff 01 ffffffff",
    );
    assert_eq!(failed, want);
}

#[test]
fn a_frame_that_breaks_off_is_refused_everywhere() {
    let frame = bytes(
        "00000033 00000001 00000001 00000002 2f61 00000002 6869 00000001 0000001f 00000005
         776f726c64 00000006 616e796f6e65 00000000",
    );
    let whole = payload(&frame);
    for length in 8..whole.len() {
        let mut reader = Reader::new(&whole[..length]);
        request::decode_header(&mut reader).unwrap();
        assert!(
            Request::decode(OpCode::Create, &mut reader).is_err(),
            "cut to {length}"
        );
    }
}

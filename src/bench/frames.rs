//! Request frames, encoded once and sent often. A frame's xid, and the number in every path it names,
//! are patched in place; nothing is encoded on the hot path.

use crate::proto;
use crate::proto::connect::ConnectRequestHead;
use crate::proto::multi::MultiHeader;
use crate::proto::request::{
    AddWatchRequest, CreateRequest, DeleteRequest, PathRequest, RequestHeader, SetDataRequest,
    WatchableRequest,
};
use crate::proto::shared;
use crate::types;
use crate::types::OpCode;

/// Where a template's path has its number: ten decimal digits.
pub(crate) const NUMBER: &str = "##########";
const PREFIX_BYTES: usize = 4;
const XID_BYTES: usize = 4;

/// A request frame with holes.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    op: OpCode,
    bytes: Vec<u8>,
    /// Offsets of the numbers, in order.
    numbers: Vec<usize>,
}

impl Template {
    /// The operation, to name in errors.
    pub(crate) fn op(&self) -> OpCode {
        self.op
    }

    /// Appends the frame with this xid. `number` is asked once for every number in it.
    pub(crate) fn append(&self, xid: i32, mut number: impl FnMut() -> u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let frame = &mut out[start..];
        frame[PREFIX_BYTES..PREFIX_BYTES + XID_BYTES].copy_from_slice(&xid.to_be_bytes());
        for at in &self.numbers {
            put_digits(number(), &mut frame[*at..*at + NUMBER.len()]);
        }
    }

    fn new(op: OpCode, body: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = vec![0; PREFIX_BYTES];
        let header = RequestHeader {
            xid: 0,
            op: op.code(),
        };
        proto::append(&header, &mut bytes);
        body(&mut bytes);
        close(&mut bytes);
        let marks = bytes.windows(NUMBER.len()).enumerate();
        let numbers = marks
            .filter(|(_, window)| *window == NUMBER.as_bytes())
            .map(|(at, _)| at)
            .collect();
        Template { op, bytes, numbers }
    }
}

/// Right-aligned decimal digits with leading zeros; higher digits than fit are dropped.
fn put_digits(mut number: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a decimal digit");
        number /= 10;
    }
}

fn close(frame: &mut [u8]) {
    let length = i32::try_from(frame.len() - PREFIX_BYTES)
        .expect("the payload's length is limited by the arguments");
    frame[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// The first frame of a new session.
pub(crate) fn connect(timeout_ms: i32) -> Vec<u8> {
    let head = ConnectRequestHead {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout_ms,
        session_id: 0,
        password: Some(&[0; 16]),
    };
    let mut bytes = vec![0; PREFIX_BYTES];
    proto::append(&head, &mut bytes);
    bytes.push(u8::from(false));
    close(&mut bytes);
    bytes
}

/// getData.
pub(crate) fn get_data(path: &str, watch: bool) -> Template {
    watchable(OpCode::GetData, path, watch)
}

/// exists, without a watch.
pub(crate) fn exists(path: &str) -> Template {
    watchable(OpCode::Exists, path, false)
}

/// getChildren, without a watch.
pub(crate) fn get_children(path: &str) -> Template {
    watchable(OpCode::GetChildren, path, false)
}

fn watchable(op: OpCode, path: &str, watch: bool) -> Template {
    let path = Some(path.into());
    Template::new(op, |out| {
        proto::append(&WatchableRequest { path, watch }, out);
    })
}

/// setData of any version.
pub(crate) fn set_data(path: &str, data: &[u8]) -> Template {
    Template::new(OpCode::SetData, |out| append_set(path, data, out))
}

fn append_set(path: &str, data: &[u8], out: &mut Vec<u8>) {
    let set = SetDataRequest {
        path: Some(path.into()),
        data: Some(data),
        version: -1,
    };
    proto::append(&set, out);
}

/// A multi of `count` setData; `count` is at least 1.
pub(crate) fn multi_set(path: &str, data: &[u8], count: usize) -> Template {
    assert!(
        count > 0,
        "an empty multi has no first result to check for failure"
    );
    let header = |op, done| MultiHeader { op, done, err: -1 };
    Template::new(OpCode::Multi, |out| {
        for _ in 0..count {
            proto::append(&header(OpCode::SetData.code(), false), out);
            append_set(path, data, out);
        }
        proto::append(&header(-1, true), out);
    })
}

/// create of a persistent node that everyone may do everything with.
pub(crate) fn create(path: &str, data: &[u8]) -> Template {
    let open = types::open_acl();
    let request = CreateRequest {
        path: Some(path.into()),
        data: Some(data),
        acl: Some(shared::acl_records(&open)),
        flags: 0,
    };
    Template::new(OpCode::Create, |out| proto::append(&request, out))
}

/// delete of any version.
pub(crate) fn delete(path: &str) -> Template {
    let path = Some(path.into());
    Template::new(OpCode::Delete, |out| {
        proto::append(&DeleteRequest { path, version: -1 }, out);
    })
}

/// addWatch of a persistent watch.
pub(crate) fn add_watch(path: &str) -> Template {
    let path = Some(path.into());
    Template::new(OpCode::AddWatch, |out| {
        proto::append(&AddWatchRequest { path, mode: 0 }, out);
    })
}

/// What makes a server catch up with everything written before.
pub(crate) fn sync() -> Template {
    let path = Some("/".into());
    Template::new(OpCode::Sync, |out| {
        proto::append(&PathRequest { path }, out);
    })
}

/// A heartbeat.
pub(crate) fn ping() -> Template {
    Template::new(OpCode::Ping, |_| {})
}

/// The end of a session.
pub(crate) fn close_session() -> Template {
    Template::new(OpCode::CloseSession, |_| {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::frame;
    use crate::proto::request;
    use crate::proto::request::Request;

    fn decode(template: &Template, numbers: &[u64]) -> (i32, String) {
        let mut out = b"before".to_vec();
        let mut left = numbers.iter().copied();
        template.append(77, || left.next().unwrap(), &mut out);
        assert_eq!(left.next(), None, "every number has its place");
        let (body, rest) = frame::split(&out[6..], 1 << 20).unwrap().unwrap();
        assert!(rest.is_empty());
        let mut reader = request::reader(body, 1 << 20);
        let header = request::decode_header(&mut reader).unwrap();
        let op = OpCode::from_code(header.op).unwrap();
        assert_eq!(op, template.op());
        let request = Request::decode(op, &mut reader).unwrap();
        assert_eq!(reader.left(), 0);
        (header.xid, format!("{request:?}"))
    }

    #[test]
    fn numbers_are_patched_into_paths() {
        let path = format!("/a/k{NUMBER}");
        let (xid, set) = decode(&set_data(&path, b"x"), &[42]);
        assert_eq!(xid, 77);
        assert!(set.contains("/a/k0000000042"), "{set}");
        let (_, made) = decode(&create(&path, b"x"), &[9_999_999_999]);
        assert!(made.contains("/a/k9999999999"), "{made}");
    }

    #[test]
    fn a_multi_has_a_number_for_each_operation() {
        let (_, multi) = decode(&multi_set(&format!("/k{NUMBER}"), b"x", 3), &[1, 2, 3]);
        for path in ["/k0000000001", "/k0000000002", "/k0000000003"] {
            assert!(multi.contains(path), "{multi}");
        }
    }

    #[test]
    fn frames_without_numbers_decode_too() {
        for (template, want) in [
            (get_data("/a", true), "watch: true"),
            (exists("/a"), "Exists"),
            (get_children("/a"), "GetChildren"),
            (delete("/a"), "version: -1"),
            (add_watch("/a"), "mode: 0"),
            (ping(), "Ping"),
            (close_session(), "CloseSession"),
        ] {
            let (_, request) = decode(&template, &[]);
            assert!(request.contains(want), "{request}");
        }
    }

    #[test]
    fn the_first_frame_is_a_handshake() {
        let bytes = connect(30_000);
        let request = proto::connect::ConnectRequest::decode(&bytes[4..]).unwrap();
        assert_eq!(request.head.timeout_ms, 30_000);
        assert_eq!(request.read_only, Some(false));
        assert_eq!(bytes.len(), 4 + 45);
    }
}

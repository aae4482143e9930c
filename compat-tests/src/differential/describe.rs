//! What a server said, as a line of text without times and ids. Whatever does not fit its record is shown as bytes, never refused:
//! a wrong reply must be reported, not stop the tester.

use crate::differential::names::Names;
use crate::differential::text::quoted;
use crate::wire::Blob;
use crate::wire::encode::to_hex;
use crate::wire::op;

/// The fixed part of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The request's; -1 for a notification.
    pub xid: i32,
    /// A transaction.
    pub zxid: i64,
    /// 0 or an error number.
    pub err: i32,
}

impl Header {
    /// Reads the first 16 bytes of a frame; none if it is shorter.
    #[must_use]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(frame);
        Some(Self {
            xid: bytes.int()?,
            zxid: bytes.long()?,
            err: bytes.int()?,
        })
    }
}

/// What a ConnectResponse says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// 0 if there is no session.
    pub id: i64,
    /// The password that came with it.
    pub password: Vec<u8>,
    /// All of it, as text.
    pub line: String,
}

/// Reads a ConnectResponse; none if it is no such thing.
#[must_use]
pub fn granted(frame: &[u8], names: &mut Names) -> Option<Granted> {
    let mut bytes = Bytes(frame);
    let (protocol, timeout, id) = (bytes.int()?, bytes.int()?, bytes.long()?);
    let password = bytes.blob()?.0?;
    let name = if id == 0 {
        "none".to_owned()
    } else {
        names.granted(id)
    };
    let secret = if password == [0; 16] {
        "zeros".to_owned()
    } else {
        format!("{} bytes", password.len())
    };
    let rest = to_hex(bytes.0);
    let line = format!(
        "session {name} timeout {timeout} protocol {protocol} password {secret} rest {rest:?}"
    );
    Some(Granted { id, password, line })
}

/// A frame that is a reply to an operation of this kind, or a notification.
pub fn frame(kind: i32, frame: &[u8], names: &mut Names) -> String {
    let Some(header) = Header::read(frame) else {
        return format!("frame {}", to_hex(frame));
    };
    let body = &frame[16..];
    let zxid = names.zxid(header.zxid);
    if header.xid == -1 {
        let event = event(body).unwrap_or_else(|| to_hex(body));
        return format!("event {zxid} err {} {event}", header.err);
    }
    let body = match readable(kind, header.err, body, names) {
        Some(text) => text,
        None => format!("bytes {}", to_hex(body)),
    };
    format!("reply {} {zxid} err {} {body}", header.xid, header.err)
        .trim_end()
        .to_owned()
}

/// The path of the node that a create made.
#[must_use]
pub fn made(kind: i32, frame: &[u8]) -> Option<String> {
    let creates = [
        op::CREATE,
        op::CREATE2,
        op::CREATE_CONTAINER,
        op::CREATE_TTL,
    ];
    if !creates.contains(&kind) || Header::read(frame)?.err != 0 {
        return None;
    }
    String::from_utf8(Bytes(&frame[16..]).blob()?.0?).ok()
}

/// The names in the answer to getChildren, in the server's order.
#[must_use]
pub fn children(frame: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(frame.get(16..)?);
    let count = bytes.int()?;
    (0..count).map(|_| bytes.blob()?.0).collect()
}

fn event(body: &[u8]) -> Option<String> {
    let mut bytes = Bytes(body);
    let (kind, state, path) = (bytes.int()?, bytes.int()?, bytes.blob()?);
    let kind = match kind {
        op::CREATED => "created".to_owned(),
        op::DELETED => "deleted".to_owned(),
        op::DATA_CHANGED => "dataChanged".to_owned(),
        op::CHILDREN_CHANGED => "childrenChanged".to_owned(),
        other => other.to_string(),
    };
    bytes.end()?;
    Some(format!("{kind} state {state} {}", quoted(&path)))
}

/// The body as its record says; none if it does not fit.
fn readable(kind: i32, err: i32, body: &[u8], names: &mut Names) -> Option<String> {
    let mut bytes = Bytes(body);
    let text = match kind {
        op::MULTI | op::MULTI_READ if !body.is_empty() => entries(&mut bytes, names)?,
        op::SASL => quoted(&bytes.blob()?),
        _ if err != 0 => String::new(),
        _ => record(kind, &mut bytes, names)?,
    };
    bytes.end()?;
    Some(text)
}

/// What an operation answers when all is well, alone or in a multi.
fn record(kind: i32, bytes: &mut Bytes<'_>, names: &mut Names) -> Option<String> {
    Some(match kind {
        op::CREATE | op::SYNC => quoted(&bytes.blob()?),
        op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL | op::GET_DATA | op::RECONFIG => {
            let first = quoted(&bytes.blob()?);
            format!("{first} {}", stat(bytes, names)?)
        }
        op::EXISTS | op::SET_DATA | op::SET_ACL => stat(bytes, names)?,
        op::GET_ACL => {
            let acl = sorted(bytes, acl_entry)?;
            format!("{acl} {}", stat(bytes, names)?)
        }
        op::GET_CHILDREN | op::GET_EPHEMERALS => sorted(bytes, quoted_text)?,
        op::GET_CHILDREN2 => {
            let children = sorted(bytes, quoted_text)?;
            format!("{children} {}", stat(bytes, names)?)
        }
        op::GET_ALL_CHILDREN_NUMBER | op::ADD_WATCH => bytes.int()?.to_string(),
        op::WHO_AM_I => sorted(bytes, |entry| {
            let (scheme, user) = (entry.blob()?, entry.blob()?);
            Some(format!("{} {}", quoted(&scheme), quoted(&user)))
        })?,
        _ => String::new(),
    })
}

/// The elements of a multi's answer and the terminator behind them.
fn entries(bytes: &mut Bytes<'_>, names: &mut Names) -> Option<String> {
    let mut lines = Vec::new();
    loop {
        let (kind, done, err) = (bytes.int()?, bytes.byte()?, bytes.int()?);
        if done != 0 {
            lines.push(format!("end {kind} {done} {err}"));
            return Some(format!("{{ {} }}", lines.join("; ")));
        }
        let body = match kind {
            op::ERROR => bytes.int()?.to_string(),
            _ => record(kind, bytes, names)?,
        };
        lines.push(format!("{kind} err {err} {body}"));
    }
}

fn stat(bytes: &mut Bytes<'_>, names: &mut Names) -> Option<String> {
    let (czxid, mzxid) = (bytes.long()?, bytes.long()?);
    let (ctime, mtime) = (bytes.long()?, bytes.long()?);
    let (version, cversion, aversion) = (bytes.int()?, bytes.int()?, bytes.int()?);
    let (owner, length, children) = (bytes.long()?, bytes.int()?, bytes.int()?);
    let pzxid = names.zxid(bytes.long()?);
    Some(format!(
        "stat c {} {} m {} {} p {pzxid} versions {version} {cversion} {aversion} owner {} length {length} children {children}",
        names.zxid(czxid),
        names.time(czxid, ctime),
        names.zxid(mzxid),
        names.time(mzxid, mtime),
        names.owner(owner),
    ))
}

fn quoted_text(bytes: &mut Bytes<'_>) -> Option<String> {
    Some(quoted(&bytes.blob()?))
}

fn acl_entry(bytes: &mut Bytes<'_>) -> Option<String> {
    let (perms, scheme, id) = (bytes.int()?, bytes.blob()?, bytes.blob()?);
    Some(format!("{perms} {} {}", quoted(&scheme), quoted(&id)))
}

/// A list whose order is nobody's promise.
fn sorted(
    bytes: &mut Bytes<'_>,
    element: impl Fn(&mut Bytes<'_>) -> Option<String>,
) -> Option<String> {
    let count = bytes.int()?;
    if count < 0 {
        return Some(format!("list of {count}"));
    }
    let mut elements = (0..count)
        .map(|_| element(bytes))
        .collect::<Option<Vec<_>>>()?;
    elements.sort();
    Some(format!("[{}]", elements.join(", ")))
}

/// What is left of a frame; reading beyond its end is no error here but `None`.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn long(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn blob(&mut self) -> Option<Blob> {
        match self.int()? {
            -1 => Some(Blob(None)),
            length => Some(Blob(Some(
                self.take(usize::try_from(length).ok()?)?.to_vec(),
            ))),
        }
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::hex;

    fn told(kind: i32, bytes: &str) -> String {
        frame(kind, &hex(bytes), &mut Names::new(2))
    }

    #[test]
    fn replies_and_events_are_readable() {
        let event = "ffffffff 0000000000000004 00000000 00000003 00000003 00000002 2f61";
        assert_eq!(
            told(op::PING, event),
            r#"event z+2 err 0 dataChanged state 3 "/a""#
        );
        let reply = "00000005 0000000000000003 00000000 00000002 2f61";
        assert_eq!(told(op::CREATE, reply), r#"reply 5 z+1 err 0 "/a""#);
        let error = "00000002 0000000000000003 ffffff92";
        assert_eq!(told(op::CREATE, error), "reply 2 z+1 err -110");
    }

    #[test]
    fn lists_are_sorted() {
        let children = "00000005 0000000000000002 00000000 00000002 00000001 62 00000001 61";
        assert_eq!(
            told(op::GET_CHILDREN, children),
            r#"reply 5 z+0 err 0 ["a", "b"]"#
        );
    }

    #[test]
    fn what_does_not_fit_is_shown_as_bytes() {
        let longer = "00000005 0000000000000002 00000000 00";
        assert_eq!(told(op::DELETE, longer), "reply 5 z+0 err 0 bytes 00");
        let torn = "00000005 0000000000000002 00000000 00000009 61";
        assert_eq!(told(op::CREATE, torn), "reply 5 z+0 err 0 bytes 0000000961");
        assert_eq!(told(op::CREATE, "0102"), "frame 0102");
    }

    #[test]
    fn a_failed_multi_is_a_list_of_errors() {
        let frame =
            "00000005 0000000000000006 00000000 ffffffff 00 ffffff99 ffffff99 ffffffff 01 ffffffff";
        assert_eq!(
            told(op::MULTI, frame),
            "reply 5 z+4 err 0 { -1 err -103 -103; end -1 1 -1 }"
        );
    }
}

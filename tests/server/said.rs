//! What a server says, as one line of text each: for comparing with what was expected.

use jute::{Field, Reader};
use oxkeeper::proto::reply::ReplyHeader;
use oxkeeper::proto::shared::{Acl, Stat};
use oxkeeper::types::OpCode;

use crate::ask::Ask;

/// A stat, in the order of the documentation.
pub fn stat(stat: &Stat) -> String {
    format!(
        "c={} m={} p={} ct={} mt={} v={} cv={} av={} owner={} len={} kids={}",
        stat.czxid,
        stat.mzxid,
        stat.pzxid,
        stat.ctime,
        stat.mtime,
        stat.version,
        stat.cversion,
        stat.aversion,
        stat.ephemeral_owner,
        stat.data_length,
        stat.num_children
    )
}

/// Names, in alphabetical order: the server's own order promises nothing.
pub fn names(mut names: Vec<String>) -> String {
    names.sort_unstable();
    format!("[{}]", names.join(" "))
}

/// An access list.
pub fn list(entries: &[(i32, String, String)]) -> String {
    let entries = entries
        .iter()
        .map(|(bits, scheme, id)| format!("{bits} {scheme}:{id}"));
    format!("[{}]", entries.collect::<Vec<_>>().join(", "))
}

/// A reply's first half.
pub fn header(xid: i32, zxid: i64, err: i32) -> String {
    match err {
        0 => format!("{xid} @{zxid} ok"),
        _ => format!("{xid} @{zxid} err {err}"),
    }
}

/// An event.
pub fn event(zxid: i64, kind: i32, path: &str) -> String {
    let kind = match kind {
        1 => "created",
        2 => "deleted",
        3 => "changed",
        4 => "children",
        _ => "nonsense",
    };
    format!("event @{zxid} {kind} {path}")
}

/// One frame, without its length. `asked` finds the request of an xid.
pub fn frame(payload: &[u8], asked: &dyn Fn(i32) -> Ask) -> String {
    let mut from = Reader::new(payload);
    let head = ReplyHeader::read(&mut from).expect("every frame has a header");
    if head.xid == -1 {
        let (kind, state) = (from.int().unwrap(), from.int().unwrap());
        assert_eq!(state, 3, "events say connected");
        let path = from.string().unwrap().unwrap();
        let said = event(head.zxid, kind, &path);
        assert_eq!(from.left(), 0);
        return said;
    }
    let mut said = header(head.xid, head.zxid, head.err);
    let ask = if head.xid == -2 {
        Ask::Ping
    } else {
        asked(head.xid)
    };
    if head.err == 0 || from.left() > 0 {
        let body = body(&ask, &mut from);
        if !body.is_empty() {
            said.push(' ');
            said.push_str(&body);
        }
    }
    assert_eq!(from.left(), 0, "nothing behind the body of {ask:?}");
    said
}

fn path(from: &mut Reader<'_>) -> String {
    from.string().unwrap().unwrap().into_owned()
}

fn read_stat(from: &mut Reader<'_>) -> String {
    stat(&Stat::read(from).unwrap())
}

fn data(from: &mut Reader<'_>) -> String {
    let bytes = from.buffer().unwrap().unwrap_or(b"null");
    format!("'{}'", String::from_utf8_lossy(bytes))
}

fn read_names(from: &mut Reader<'_>) -> String {
    let count = from.count().unwrap().unwrap();
    names((0..count).map(|_| path(from)).collect())
}

fn body(ask: &Ask, from: &mut Reader<'_>) -> String {
    match ask {
        Ask::Create(how, ..) if how.op == OpCode::Create => path(from),
        Ask::Create(..) => format!("{} {}", path(from), read_stat(from)),
        Ask::Set(..) | Ask::SetAcl(..) | Ask::Exists(..) => read_stat(from),
        Ask::Get(..) => format!("{} {}", data(from), read_stat(from)),
        Ask::Ls(..) | Ask::Ephemerals(_) => read_names(from),
        Ask::Ls2(..) => format!("{} {}", read_names(from), read_stat(from)),
        Ask::GetAcl(_) => format!("{} {}", read_list(from), read_stat(from)),
        Ask::Count(_) | Ask::AddWatch(..) => from.int().unwrap().to_string(),
        Ask::Sync(_) => path(from),
        Ask::WhoAmI => {
            let count = from.count().unwrap().unwrap();
            names(
                (0..count)
                    .map(|_| format!("{}:{}", path(from), path(from)))
                    .collect(),
            )
        }
        Ask::Multi(_) | Ask::MultiRead(_) => multi(from),
        _ => String::new(),
    }
}

fn read_list(from: &mut Reader<'_>) -> String {
    let count = from.count().unwrap().unwrap();
    let entry = |from: &mut Reader<'_>| {
        let acl = Acl::read(from).unwrap();
        let text = |text: jute::Text<'_>| text.unwrap_or_default().into_owned();
        (acl.perms, text(acl.id.scheme), text(acl.id.id))
    };
    list(&(0..count).map(|_| entry(from)).collect::<Vec<_>>())
}

fn multi(from: &mut Reader<'_>) -> String {
    let mut parts = Vec::new();
    loop {
        let (op, done, err) = (
            from.int().unwrap(),
            from.bool().unwrap(),
            from.int().unwrap(),
        );
        if done {
            assert_eq!((op, err), (-1, -1), "the end mark");
            return format!("{{{}}}", parts.join("; "));
        }
        parts.push(match op {
            -1 => format!("err {}", from.int().unwrap()),
            1 => format!("create {}", path(from)),
            15 => format!("create2 {} {}", path(from), read_stat(from)),
            5 => format!("set {}", read_stat(from)),
            2 => "delete".to_owned(),
            13 => "check".to_owned(),
            4 => format!("get {} {}", data(from), read_stat(from)),
            8 => format!("ls {}", read_names(from)),
            _ => format!("result of type {op}?"),
        });
    }
}

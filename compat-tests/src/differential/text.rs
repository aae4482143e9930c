//! Scripts as text: a line for each step, so that a script can be kept in a file, read, cut by hand and played again. `parse` reads
//! them.
//!
//! ```text
//! house plain
//! c0 connect timeout 60000
//! c0 create "/a" data "xx" acl [ 31 "world" "anyone" ] flags 0
//! c0 multi { check "/a" version 0; delete "/a" version -1 }
//! c1 reattach c0 password wrong timeout 60000
//! ```
//!
//! Lines that begin with `#` are comments. `@"/b"` is a path behind the node that the slot made last.

use std::fmt::Write as _;

use crate::differential::script::Ask;
use crate::differential::script::Bend;
use crate::differential::script::Hello;
use crate::differential::script::Op;
use crate::differential::script::Password;
use crate::differential::script::Path;
use crate::differential::script::Script;
use crate::differential::script::Step;
use crate::wire::Acl;
use crate::wire::Blob;
use crate::wire::encode::to_hex;
use crate::wire::op;

/// Operations and what scripts call them.
pub(super) const OPERATIONS: [(i32, &str); 28] = [
    (op::CREATE, "create"),
    (op::CREATE2, "create2"),
    (op::CREATE_CONTAINER, "createContainer"),
    (op::CREATE_TTL, "createTTL"),
    (op::DELETE, "delete"),
    (op::CHECK, "check"),
    (op::EXISTS, "exists"),
    (op::GET_DATA, "getData"),
    (op::GET_CHILDREN, "getChildren"),
    (op::GET_CHILDREN2, "getChildren2"),
    (op::GET_ACL, "getACL"),
    (op::SYNC, "sync"),
    (op::GET_EPHEMERALS, "getEphemerals"),
    (op::GET_ALL_CHILDREN_NUMBER, "getAllChildrenNumber"),
    (op::DELETE_CONTAINER, "deleteContainer"),
    (op::SET_DATA, "setData"),
    (op::SET_ACL, "setACL"),
    (op::ADD_WATCH, "addWatch"),
    (op::CHECK_WATCHES, "checkWatches"),
    (op::REMOVE_WATCHES, "removeWatches"),
    (op::MULTI, "multi"),
    (op::MULTI_READ, "multiRead"),
    (op::SET_WATCHES, "setWatches"),
    (op::SET_WATCHES2, "setWatches2"),
    (op::AUTH, "auth"),
    (op::SASL, "sasl"),
    (op::RECONFIG, "reconfig"),
    (op::WHO_AM_I, "whoAmI"),
];

/// Text of a buffer: `null`, or in quotes, with what is not plain ASCII as `\xNN`.
#[must_use]
pub fn quoted(blob: &Blob) -> String {
    let Some(bytes) = &blob.0 else {
        return "null".to_owned();
    };
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            // Writing to a string does not fail.
            _ => drop(write!(text, "\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

impl std::fmt::Display for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "house {}", self.house.name())?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect { slot, hello } => write!(f, "c{slot} connect{hello}"),
            Self::Reattach {
                slot,
                of,
                password,
                hello,
            } => {
                let known = Password::ALL.iter().find(|(other, _)| other == password);
                let name = known.map_or("?", |(_, name)| name);
                write!(f, "c{slot} reattach c{of} password {name}{hello}")
            }
            Self::Visit { hello } => write!(f, "visit{hello}"),
            Self::Expire { slot, paths } => {
                let paths: Vec<String> = paths.iter().map(path).collect();
                write!(f, "c{slot} expire [ {} ]", paths.join(" "))
            }
            Self::Drop { slot } => write!(f, "c{slot} drop"),
            Self::Request { slot, op } => write!(f, "c{slot} {op}"),
            Self::Burst { slot, ops } => {
                let ops: Vec<String> = ops.iter().map(ToString::to_string).collect();
                write!(f, "c{slot} burst {{ {} }}", ops.join("; "))
            }
            Self::Raw { slot, bytes } => write!(f, "c{slot} raw {:?}", to_hex(bytes)),
        }
    }
}

impl std::fmt::Display for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, " timeout {}", self.timeout)?;
        if let Some(ahead) = self.ahead {
            write!(f, " ahead {ahead}")?;
        }
        match self.read_only {
            None => write!(f, " short")?,
            Some(0) => {}
            Some(flag) => write!(f, " readOnly {flag}")?,
        }
        if self.protocol != 0 {
            write!(f, " protocol {}", self.protocol)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.ask)?;
        match &self.bend {
            None => Ok(()),
            Some(Bend::Cut(length)) => write!(f, " cut {length}"),
            Some(Bend::Flip(bit)) => write!(f, " flip {bit}"),
            Some(Bend::Tail(bytes)) => write!(f, " tail {:?}", to_hex(bytes)),
        }
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind();
        let known = OPERATIONS.iter().find(|(code, _)| *code == kind);
        match known {
            Some((_, name)) if kind == op::WHO_AM_I || !matches!(self, Self::Bare { .. }) => {
                f.write_str(name)?;
            }
            _ => write!(f, "opcode {kind}")?,
        }
        f.write_str(&fields(self))
    }
}

/// What stands behind the name of an operation.
fn fields(ask: &Ask) -> String {
    match ask {
        Ask::Create {
            kind,
            path: at,
            data,
            acl: list,
            flags,
            ttl,
        } => {
            let lifetime = match *kind {
                op::CREATE_TTL => format!(" ttl {ttl}"),
                _ => String::new(),
            };
            let (at, data, list) = (path(at), quoted(data), acl(list));
            format!(" {at} data {data} acl {list} flags {flags}{lifetime}")
        }
        Ask::Version {
            path: at, version, ..
        } => format!(" {} version {version}", path(at)),
        Ask::Watch {
            path: at, watch, ..
        } => format!(" {} watch {watch}", path(at)),
        Ask::Path { path: at, .. } => format!(" {}", path(at)),
        Ask::SetData {
            path: at,
            data,
            version,
        } => format!(" {} data {} version {version}", path(at), quoted(data)),
        Ask::SetAcl {
            path: at,
            acl: list,
            version,
        } => format!(" {} acl {} version {version}", path(at), acl(list)),
        Ask::Typed { path: at, of, .. } => format!(" {} of {of}", path(at)),
        Ask::Multi { asks, .. } => {
            let asks: Vec<String> = asks.iter().map(ToString::to_string).collect();
            format!(" {{ {} }}", asks.join("; "))
        }
        Ask::SetWatches { back, lists, .. } => {
            let list = |list: &Vec<Blob>| list.iter().map(quoted).collect::<Vec<_>>().join(" ");
            let lists = lists.iter().map(|paths| format!(" [ {} ]", list(paths)));
            format!(" back {back}{}", lists.collect::<String>())
        }
        Ask::Auth { scheme, proof } => format!(" {} {}", quoted(scheme), quoted(proof)),
        Ask::Sasl { token } => format!(" {}", quoted(token)),
        Ask::Reconfig {
            joining,
            leaving,
            members,
            version,
        } => {
            let [joining, leaving, members] = [joining, leaving, members].map(quoted);
            format!(" {joining} {leaving} {members} version {version}")
        }
        Ask::Bare { .. } => String::new(),
    }
}

fn path(path: &Path) -> String {
    let mark = if path.made { "@" } else { "" };
    format!("{mark}{}", quoted(&path.text))
}

fn acl(entries: &[Acl]) -> String {
    let entries = entries.iter().map(|entry| {
        format!(
            "{} {} {}",
            entry.perms,
            quoted(&entry.scheme),
            quoted(&entry.id)
        )
    });
    format!("[ {} ]", entries.collect::<Vec<_>>().join(" "))
}

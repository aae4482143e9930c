//! Requests as the tests write them: words to bytes, and words to a request that the model understands.

use std::fmt;
use std::str::FromStr;

use jute::Writer;
use oxkeeper::types::OpCode;

/// An access list by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// These bits for everyone.
    World(i32),
    /// These bits for who asks (`auth`).
    Mine(i32),
    /// No entry at all, which is refused.
    Empty,
}

/// What kind of node a create wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    pub op: OpCode,
    pub flags: i32,
    pub ttl: i64,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Create(How, String, String, List),
    Delete(String, i32),
    Set(String, String, i32),
    SetAcl(String, List, i32),
    Check(String, i32),
    Get(String, bool),
    Exists(String, bool),
    Ls(String, bool),
    Ls2(String, bool),
    GetAcl(String),
    Count(String),
    Ephemerals(String),
    Sync(String),
    WhoAmI,
    Ping,
    AddWatch(String, i32),
    CheckWatch(String, i32),
    RemoveWatch(String, i32),
    /// zxid; then data, exist, child, persistent and recursive paths.
    SetWatches(i64, [Vec<String>; 5]),
    Multi(Vec<Ask>),
    MultiRead(Vec<Ask>),
    Close,
}

impl Ask {
    pub fn op(&self) -> OpCode {
        match self {
            Ask::Create(how, ..) => how.op,
            Ask::Delete(..) => OpCode::Delete,
            Ask::Set(..) => OpCode::SetData,
            Ask::SetAcl(..) => OpCode::SetAcl,
            Ask::Check(..) => OpCode::Check,
            Ask::Get(..) => OpCode::GetData,
            Ask::Exists(..) => OpCode::Exists,
            Ask::Ls(..) => OpCode::GetChildren,
            Ask::Ls2(..) => OpCode::GetChildren2,
            Ask::GetAcl(_) => OpCode::GetAcl,
            Ask::Count(_) => OpCode::GetAllChildrenNumber,
            Ask::Ephemerals(_) => OpCode::GetEphemerals,
            Ask::Sync(_) => OpCode::Sync,
            Ask::WhoAmI => OpCode::WhoAmI,
            Ask::Ping => OpCode::Ping,
            Ask::AddWatch(..) => OpCode::AddWatch,
            Ask::CheckWatch(..) => OpCode::CheckWatches,
            Ask::RemoveWatch(..) => OpCode::RemoveWatches,
            Ask::SetWatches(..) => OpCode::SetWatches2,
            Ask::Multi(_) => OpCode::Multi,
            Ask::MultiRead(_) => OpCode::MultiRead,
            Ask::Close => OpCode::CloseSession,
        }
    }

    /// The framed request.
    pub fn frame(&self, xid: i32) -> Vec<u8> {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.int(xid);
        writer.int(self.op().code());
        self.write(&mut body);
        let mut out = Vec::new();
        Writer::new(&mut out).buffer(Some(&body));
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut to = Writer::new(out);
        match self {
            Ask::Create(how, path, data, list) => {
                to.string(Some(path));
                to.buffer(Some(data.as_bytes()));
                write_list(*list, &mut to);
                to.int(how.flags);
                if how.op == OpCode::CreateTtl {
                    to.long(how.ttl);
                }
            }
            Ask::Set(path, data, version) => {
                to.string(Some(path));
                to.buffer(Some(data.as_bytes()));
                to.int(*version);
            }
            Ask::SetAcl(path, list, version) => {
                to.string(Some(path));
                write_list(*list, &mut to);
                to.int(*version);
            }
            Ask::Delete(path, number)
            | Ask::Check(path, number)
            | Ask::AddWatch(path, number)
            | Ask::CheckWatch(path, number)
            | Ask::RemoveWatch(path, number) => {
                to.string(Some(path));
                to.int(*number);
            }
            Ask::Get(path, watch)
            | Ask::Exists(path, watch)
            | Ask::Ls(path, watch)
            | Ask::Ls2(path, watch) => {
                to.string(Some(path));
                to.bool(*watch);
            }
            Ask::GetAcl(path) | Ask::Count(path) | Ask::Ephemerals(path) | Ask::Sync(path) => {
                to.string(Some(path));
            }
            Ask::SetWatches(zxid, lists) => {
                to.long(*zxid);
                for list in lists {
                    to.count(Some(list.len()));
                    list.iter().for_each(|path| to.string(Some(path)));
                }
            }
            Ask::Multi(asks) | Ask::MultiRead(asks) => write_multi(asks, out),
            Ask::WhoAmI | Ask::Ping | Ask::Close => {}
        }
    }
}

fn write_multi(asks: &[Ask], out: &mut Vec<u8>) {
    let header = |op: i32, done: bool, out: &mut Vec<u8>| {
        let mut to = Writer::new(out);
        to.int(op);
        to.bool(done);
        to.int(-1);
    };
    for ask in asks {
        header(ask.op().code(), false, out);
        ask.write(out);
    }
    header(-1, true, out);
}

fn write_list(list: List, to: &mut Writer<'_>) {
    let (bits, scheme, id) = match list {
        List::World(bits) => (bits, "world", "anyone"),
        List::Mine(bits) => (bits, "auth", ""),
        List::Empty => return to.count(Some(0)),
    };
    to.count(Some(1));
    to.int(bits);
    to.string(Some(scheme));
    to.string(Some(id));
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            List::World(bits) => write!(f, "world:{bits}"),
            List::Mine(bits) => write!(f, "mine:{bits}"),
            List::Empty => write!(f, "empty"),
        }
    }
}

impl FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bits = |text: &str| text.parse().map_err(|_| format!("{text}: not bits"));
        match text.split_once(':') {
            Some(("world", rest)) => Ok(List::World(bits(rest)?)),
            Some(("mine", rest)) => Ok(List::Mine(bits(rest)?)),
            _ if text == "empty" => Ok(List::Empty),
            _ => Err(format!("{text}: not an access list")),
        }
    }
}

/// The words of a request line, read one by one.
struct Words<'w>(std::str::SplitWhitespace<'w>);

impl Words<'_> {
    fn text(&mut self) -> Result<String, String> {
        self.0
            .next()
            .map(str::to_owned)
            .ok_or("a word is missing".into())
    }

    fn number<T: FromStr>(&mut self, default: T) -> Result<T, String> {
        match self.0.next() {
            Some(word) => word.parse().map_err(|_| format!("{word}: not a number")),
            None => Ok(default),
        }
    }

    fn watch(&mut self) -> bool {
        self.0.next() == Some("watch")
    }

    fn list(&mut self) -> Result<List, String> {
        self.0.next().map_or(Ok(List::World(31)), str::parse)
    }
}

fn how(word: &str) -> Option<How> {
    let of = |op, flags, ttl| Some(How { op, flags, ttl });
    match word {
        "create" => of(OpCode::Create, 0, -1),
        "create-e" => of(OpCode::Create, 1, -1),
        "create-s" => of(OpCode::Create, 2, -1),
        "create-es" => of(OpCode::Create, 3, -1),
        "create2" => of(OpCode::Create2, 0, -1),
        "container" => of(OpCode::CreateContainer, 4, -1),
        _ => {
            let ttl = word.strip_prefix("ttl=")?.parse().ok()?;
            of(OpCode::CreateTtl, 5, ttl)
        }
    }
}

impl FromStr for Ask {
    type Err = String;

    /// `verb path more`, for example `create /a data world:31`, `get /a watch`,
    /// `multi create /a x; delete /b`, `setwatches 7 data=/a,/b child=/c`.
    fn from_str(line: &str) -> Result<Self, String> {
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let mut words = Words(rest.split_whitespace());
        if let Some(how) = how(verb) {
            return Ok(Ask::Create(
                how,
                words.text()?,
                words.text()?,
                words.list()?,
            ));
        }
        let parts = || {
            rest.split(';')
                .map(str::trim)
                .filter(|part| !part.is_empty())
        };
        Ok(match verb {
            "delete" => Ask::Delete(words.text()?, words.number(-1)?),
            "set" => Ask::Set(words.text()?, words.text()?, words.number(-1)?),
            "setacl" => Ask::SetAcl(words.text()?, words.list()?, words.number(-1)?),
            "check" => Ask::Check(words.text()?, words.number(-1)?),
            "get" => Ask::Get(words.text()?, words.watch()),
            "exists" => Ask::Exists(words.text()?, words.watch()),
            "ls" => Ask::Ls(words.text()?, words.watch()),
            "ls2" => Ask::Ls2(words.text()?, words.watch()),
            "getacl" => Ask::GetAcl(words.text()?),
            "count" => Ask::Count(words.text()?),
            "ephemerals" => Ask::Ephemerals(words.text()?),
            "sync" => Ask::Sync(words.text()?),
            "whoami" => Ask::WhoAmI,
            "ping" => Ask::Ping,
            "addwatch" => Ask::AddWatch(words.text()?, words.number(0)?),
            "checkwatch" => Ask::CheckWatch(words.text()?, words.number(3)?),
            "removewatch" => Ask::RemoveWatch(words.text()?, words.number(3)?),
            "setwatches" => set_watches(&mut words)?,
            "multi" => Ask::Multi(parts().map(str::parse).collect::<Result<_, _>>()?),
            "multiread" => Ask::MultiRead(parts().map(str::parse).collect::<Result<_, _>>()?),
            "close" => Ask::Close,
            _ => return Err(format!("{verb}: not a verb")),
        })
    }
}

fn set_watches(words: &mut Words<'_>) -> Result<Ask, String> {
    let zxid = words.number(0)?;
    let mut lists: [Vec<String>; 5] = Default::default();
    for word in words.0.by_ref() {
        let (name, paths) = word.split_once('=').ok_or(format!("{word}: not a list"))?;
        let kinds = ["data", "exist", "child", "persistent", "recursive"];
        let at = kinds.iter().position(|kind| *kind == name);
        lists[at.ok_or(format!("{name}: not a kind"))?] =
            paths.split(',').map(str::to_owned).collect();
    }
    Ok(Ask::SetWatches(zxid, lists))
}

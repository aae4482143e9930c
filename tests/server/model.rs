//! The whole of the data model as maps and lists, slow and obvious. One request after another, each
//! judged and applied at once: no batches, no overlay, no index. Must not use the rooms it checks.

use std::collections::BTreeMap;

use oxkeeper::proto::shared::Stat;
use oxkeeper::types::{Id, OpCode};

use crate::ask::{Ask, How, List};
use crate::model_watches::{Change, ModelWatches};
use crate::said;

pub const READ: i32 = 1;
const WRITE: i32 = 2;
const CREATE: i32 = 4;
const DELETE: i32 = 8;
const ADMIN: i32 = 16;

pub type Entries = Vec<(i32, String, String)>;
type Judged<T> = Result<T, i32>;

/// Who decides when a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Nobody,
    Session(i64),
    Container,
    Ttl(i64),
}

#[derive(Debug, Clone)]
pub struct Node {
    pub data: Option<String>,
    pub acl: Entries,
    pub owner: Owner,
    /// As clients see it but for the sizes; `cversion` counts the children ever made.
    pub stat: Stat,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct From {
    pub conn: u64,
    pub session: i64,
    pub who: Vec<Id>,
    pub xid: i32,
}

/// One thing that happens, in the order in which it does.
#[derive(Debug, Clone)]
pub enum Happening {
    Asked(From, Ask, i64),
    Opened {
        conn: u64,
        session: i64,
        timeout: i32,
    },
    Expired(i64),
    Reaped(String),
}

#[derive(Debug, Clone)]
pub struct Model {
    pub nodes: BTreeMap<String, Node>,
    pub sessions: BTreeMap<i64, i32>,
    pub zxid: i64,
    /// Live connections, and who they are.
    pub conns: BTreeMap<u64, (i64, Vec<Id>)>,
    pub watches: ModelWatches,
    /// What each connection was told.
    pub told: BTreeMap<u64, Vec<String>>,
}

pub fn allows(acl: &[(i32, String, String)], who: &[Id], wanted: i32) -> bool {
    acl.iter().any(|(bits, scheme, id)| {
        let known = who.iter().any(|own| own.scheme == *scheme && own.id == *id);
        bits & wanted != 0 && (scheme == "world" || known)
    })
}

pub fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 => Some("/"),
        end => Some(&path[..end]),
    }
}

fn no_stat() -> Stat {
    Stat {
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
    }
}

fn is_valid(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            let bad = |name: &str| matches!(name, "" | "." | "..");
            !rest.split('/').any(bad)
        })
}

fn next(current: i32, expected: i32) -> Judged<i32> {
    match expected {
        -1 => Ok(current.wrapping_add(1)),
        _ if expected == current => Ok(current.wrapping_add(1)),
        _ => Err(-103),
    }
}

impl Model {
    /// A new server's tree.
    pub fn new() -> Model {
        let node = |bits: i32, data: Option<&str>| Node {
            data: data.map(str::to_owned),
            acl: vec![(bits, "world".into(), "anyone".into())],
            owner: Owner::Nobody,
            stat: no_stat(),
        };
        let nodes = [
            ("/", node(31, Some(""))),
            ("/zookeeper", node(31, Some(""))),
            ("/zookeeper/quota", node(31, Some(""))),
            ("/zookeeper/config", node(READ, Some(""))),
        ];
        let mut nodes = BTreeMap::from(nodes.map(|(path, node)| (path.to_owned(), node)));
        // apache 3.9.5: server/DataTree.java addConfigNode
        nodes.get_mut("/zookeeper/config").unwrap().stat.aversion = -1;
        Model {
            nodes,
            sessions: BTreeMap::new(),
            zxid: 0,
            conns: BTreeMap::new(),
            watches: ModelWatches::default(),
            told: BTreeMap::new(),
        }
    }

    pub fn children(&self, path: &str) -> Vec<String> {
        let of_path = |name: &&String| name.as_str() != "/" && parent(name) == Some(path);
        let leaf = |name: &String| name[name.rfind('/').unwrap() + 1..].to_owned();
        self.nodes.keys().filter(of_path).map(leaf).collect()
    }

    pub fn stat(&self, path: &str) -> Stat {
        let node = &self.nodes[path];
        let children = i32::try_from(self.children(path).len()).unwrap();
        let mut stat = node.stat.clone();
        stat.cversion = stat.cversion * 2 - children;
        stat.num_children = children;
        let len = node.data.as_ref().map_or(0, String::len);
        stat.data_length = i32::try_from(len).unwrap();
        stat.ephemeral_owner = match node.owner {
            Owner::Session(session) => session,
            _ => 0,
        };
        stat
    }

    pub fn tell(&mut self, conn: u64, what: String) {
        if self.conns.contains_key(&conn) {
            self.told.entry(conn).or_default().push(what);
        }
    }

    fn fire(&mut self, change: Change, path: &str, acl: &Entries, parent_acl: &Entries) {
        for (conn, kind, at, of_parent) in self.watches.fire(change, path) {
            let acl = if of_parent { parent_acl } else { acl };
            let reads = self
                .conns
                .get(&conn)
                .is_some_and(|(_, who)| allows(acl, who, READ));
            if reads {
                self.tell(conn, said::event(self.zxid, kind, &at));
            }
        }
    }

    /// Lets one thing happen. False when nothing did: nobody is answered, no number is taken.
    pub fn happen(&mut self, happening: Happening) -> bool {
        match happening {
            Happening::Opened {
                conn,
                session,
                timeout,
            } => {
                self.zxid += 1;
                self.sessions.insert(session, timeout);
                self.tell(conn, format!("session {session:#x} for {timeout}"));
            }
            Happening::Expired(session) => {
                if !self.sessions.contains_key(&session) {
                    return false;
                }
                self.zxid += 1;
                self.end_session(session);
            }
            Happening::Reaped(path) => {
                let due = self
                    .nodes
                    .get(&path)
                    .is_some_and(|node| matches!(node.owner, Owner::Container | Owner::Ttl(_)));
                if !due || !self.children(&path).is_empty() {
                    return false;
                }
                self.zxid += 1;
                self.remove(&path);
            }
            Happening::Asked(from, ask, time) => {
                if !self.sessions.contains_key(&from.session) {
                    return false;
                }
                if ask.op().is_write() {
                    self.write(&from, &ask, time);
                } else if self.conns.contains_key(&from.conn) {
                    self.serve(&from, &ask);
                }
            }
        }
        true
    }

    fn write(&mut self, from: &From, ask: &Ask, time: i64) {
        self.zxid += 1;
        if *ask == Ask::Close {
            // Events of this session's own nodes reach it before the reply does.
            let session = from.session;
            let paths = self.owned(session);
            paths.iter().for_each(|path| self.remove(path));
            self.sessions.remove(&session);
            self.tell(from.conn, said::header(from.xid, self.zxid, 0));
            self.hang_up(session);
            return;
        }
        let (mut err, mut body) = (0, String::new());
        if let Ask::Multi(parts) = ask {
            body = self.multi(from, parts, time);
        } else {
            match self.change(from, ask, time) {
                Ok(done) => body = done,
                Err(code) => err = code,
            }
        }
        let mut line = said::header(from.xid, self.zxid, err);
        if !body.is_empty() {
            line = format!("{line} {body}");
        }
        self.tell(from.conn, line);
    }

    fn multi(&mut self, from: &From, parts: &[Ask], time: i64) -> String {
        let before = self.clone();
        let mut results = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            match self.change(from, part, time) {
                Ok(body) => {
                    let name = match part {
                        Ask::Create(
                            How {
                                op: OpCode::Create, ..
                            },
                            ..,
                        ) => "create",
                        Ask::Create(..) => "create2",
                        Ask::Set(..) => "set",
                        Ask::Delete(..) => "delete",
                        _ => "check",
                    };
                    results.push(format!("{name} {body}").trim().to_owned());
                }
                Err(code) => {
                    *self = before;
                    let mut errors = vec!["err 0".to_owned(); at];
                    errors.push(format!("err {code}"));
                    errors.resize(parts.len(), "err -2".to_owned());
                    return format!("{{{}}}", errors.join("; "));
                }
            }
        }
        format!("{{{}}}", results.join("; "))
    }

    fn change(&mut self, from: &From, ask: &Ask, time: i64) -> Judged<String> {
        match ask {
            Ask::Create(how, path, data, list) => self.create(from, *how, path, data, *list, time),
            Ask::Delete(path, version) => self.delete(from, path, *version),
            Ask::Set(path, data, version) => {
                let node = self.writable(from, path, WRITE)?;
                let version = next(node.stat.version, *version)?;
                let zxid = self.zxid;
                let node = self.nodes.get_mut(path).unwrap();
                node.data = Some(data.clone());
                (node.stat.version, node.stat.mzxid, node.stat.mtime) = (version, zxid, time);
                let acl = node.acl.clone();
                let shown = said::stat(&self.stat(path));
                self.fire(Change::Data, path, &acl, &Entries::new());
                Ok(shown)
            }
            Ask::SetAcl(path, list, version) => {
                if !is_valid(path) {
                    return Err(-8);
                }
                let acl = entries(*list, &from.who)?;
                let node = self.writable(from, path, ADMIN)?;
                let version = next(node.stat.aversion, *version)?;
                let node = self.nodes.get_mut(path).unwrap();
                (node.acl, node.stat.aversion) = (acl, version);
                Ok(said::stat(&self.stat(path)))
            }
            Ask::Check(path, version) => {
                next(self.writable(from, path, READ)?.stat.version, *version)?;
                Ok(String::new())
            }
            _ => unreachable!("not a change"),
        }
    }

    fn writable(&self, from: &From, path: &str, wanted: i32) -> Judged<&Node> {
        if !is_valid(path) {
            return Err(-8);
        }
        let node = self.nodes.get(path).ok_or(-101)?;
        if !allows(&node.acl, &from.who, wanted) {
            return Err(-102);
        }
        Ok(node)
    }

    fn create(
        &mut self,
        from: &From,
        how: How,
        path: &str,
        data: &str,
        list: List,
        time: i64,
    ) -> Judged<String> {
        if how.op == OpCode::CreateTtl && how.ttl < 1 {
            return Err(-8);
        }
        let above = parent(path).ok_or(-8)?.to_owned();
        let acl = entries(list, &from.who)?;
        let parent = self.nodes.get(&above).ok_or(-101)?;
        if !allows(&parent.acl, &from.who, CREATE) {
            return Err(-102);
        }
        let mut path = path.to_owned();
        if matches!(how.flags, 2 | 3) {
            path = format!("{path}{:010}", parent.stat.cversion);
        }
        if !is_valid(&path) {
            return Err(-8);
        }
        if self.nodes.contains_key(&path) {
            return Err(-110);
        }
        if matches!(parent.owner, Owner::Session(_)) {
            return Err(-108);
        }
        let owner = match (how.op, how.flags) {
            (OpCode::CreateContainer, _) => Owner::Container,
            (OpCode::CreateTtl, _) => Owner::Ttl(how.ttl),
            (_, 1 | 3) => Owner::Session(from.session),
            _ => Owner::Nobody,
        };
        let parent_acl = parent.acl.clone();
        let zxid = self.zxid;
        let parent = self.nodes.get_mut(&above).unwrap();
        parent.stat.cversion += 1;
        parent.stat.pzxid = zxid;
        let mut stat = no_stat();
        (stat.czxid, stat.mzxid, stat.pzxid) = (zxid, zxid, zxid);
        (stat.ctime, stat.mtime) = (time, time);
        let node = Node {
            data: Some(data.to_owned()),
            acl: acl.clone(),
            owner,
            stat,
        };
        self.nodes.insert(path.clone(), node);
        let shown = said::stat(&self.stat(&path));
        self.fire(Change::Created, &path, &acl, &parent_acl);
        Ok(match how.op {
            OpCode::Create => path,
            _ => format!("{path} {shown}"),
        })
    }

    fn delete(&mut self, from: &From, path: &str, version: i32) -> Judged<String> {
        let fixed = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];
        let above = parent(path).ok_or(-8)?;
        if fixed.contains(&path) {
            return Err(-8);
        }
        let parent = self.nodes.get(above).ok_or(-101)?;
        if !allows(&parent.acl, &from.who, DELETE) {
            return Err(-102);
        }
        let node = self.nodes.get(path).ok_or(-101)?;
        next(node.stat.version, version)?;
        if !self.children(path).is_empty() {
            return Err(-111);
        }
        self.remove(path);
        Ok(String::new())
    }

    fn remove(&mut self, path: &str) {
        let node = self.nodes.remove(path).expect("it was there");
        let zxid = self.zxid;
        let parent = self.nodes.get_mut(parent(path).unwrap()).unwrap();
        parent.stat.pzxid = zxid;
        let parent_acl = parent.acl.clone();
        self.fire(Change::Deleted, path, &node.acl, &parent_acl);
    }

    fn owned(&self, session: i64) -> Vec<String> {
        let owns = |node: &Node| node.owner == Owner::Session(session);
        let owned = self.nodes.iter().filter(|(_, node)| owns(node));
        owned.map(|(path, _)| path.clone()).collect()
    }

    fn end_session(&mut self, session: i64) {
        for path in self.owned(session) {
            self.remove(&path);
        }
        self.sessions.remove(&session);
        self.hang_up(session);
    }

    fn hang_up(&mut self, session: i64) {
        let held = self.conns.iter().filter(|(_, (held, _))| *held == session);
        let held = held.map(|(conn, _)| *conn).collect::<Vec<_>>();
        for conn in held {
            self.tell(conn, "closed".to_owned());
        }
    }
}

/// A wanted list as it is kept.
fn entries(list: List, who: &[Id]) -> Judged<Entries> {
    match list {
        List::World(bits) => Ok(vec![(bits, "world".into(), "anyone".into())]),
        List::Mine(bits) => {
            let own = who.iter().filter(|id| id.scheme == "digest");
            let own = own.map(|id| (bits, id.scheme.clone(), id.id.clone()));
            let own = own.collect::<Entries>();
            if own.is_empty() { Err(-114) } else { Ok(own) }
        }
        List::Empty => Err(-114),
    }
}

//! A client that speaks to one member, and gives up when that member does not answer.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use jute::{Reader, Writer};
use oxkeeper::types::OpCode;

/// How long a member may take to answer before the client takes it for dead. Shorter than the tests'
/// deadline: whoever is not answered goes to another member.
const PATIENCE: Duration = Duration::from_secs(10);

/// Error codes that tests look for.
pub const NO_NODE: i32 = -101;
pub const NODE_EXISTS: i32 = -110;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub xid: i32,
    pub zxid: i64,
    pub err: i32,
    pub body: Vec<u8>,
}

/// A change of the membership.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    pub joining: Option<&'a str>,
    pub leaving: Option<&'a str>,
    pub members: Option<&'a str>,
}

/// A node as a read shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub data: Vec<u8>,
    /// The stat's bytes.
    pub stat: Vec<u8>,
}

/// What a client shows when it connects.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The session; 0 for a new one.
    pub session: i64,
    pub password: Vec<u8>,
    pub timeout_ms: i32,
    /// A member that has not seen this much sends the client away.
    pub last_zxid: i64,
    /// Whether reading alone will do.
    pub read_only: bool,
}

impl Ticket {
    /// For a new session.
    pub fn new(timeout_ms: i32) -> Ticket {
        Ticket {
            session: 0,
            password: vec![0; 16],
            timeout_ms,
            last_zxid: 0,
            read_only: false,
        }
    }
}

/// A connection with a session.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    pub session: i64,
    pub password: Vec<u8>,
    pub timeout_ms: i32,
    xid: i32,
    /// The highest zxid of all replies.
    pub last_zxid: i64,
    /// Paths of events, in the order in which they came.
    pub events: Vec<String>,
}

impl Client {
    /// A new session.
    pub fn open(at: SocketAddr) -> io::Result<Client> {
        Client::open_for(at, 30_000)
    }

    /// A new session with this timeout, ms.
    pub fn open_for(at: SocketAddr, timeout_ms: i32) -> io::Result<Client> {
        Client::connect(at, &Ticket::new(timeout_ms), PATIENCE)
    }

    /// The session of another connection, which may be to another member.
    pub fn moved(&self, to: SocketAddr) -> io::Result<Client> {
        let ticket = Ticket {
            last_zxid: 0,
            ..self.ticket()
        };
        Client::connect(to, &ticket, PATIENCE)
    }

    /// What opens another connection with this session.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            session: self.session,
            password: self.password.clone(),
            timeout_ms: self.timeout_ms,
            last_zxid: self.last_zxid,
            read_only: false,
        }
    }

    /// A connection to a member that is not waited for longer than this, now and later. An error of the kind `Other`
    /// says that the session is no more.
    pub fn connect(at: SocketAddr, ticket: &Ticket, patience: Duration) -> io::Result<Client> {
        let mut stream = TcpStream::connect_timeout(&at, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let mut body = Vec::new();
        let mut to = Writer::new(&mut body);
        to.int(0);
        to.long(ticket.last_zxid);
        to.int(ticket.timeout_ms);
        to.long(ticket.session);
        to.buffer(Some(&ticket.password));
        to.bool(ticket.read_only);
        send(&mut stream, &body)?;
        let answer = frame(&mut stream)?;
        let mut from = Reader::new(&answer);
        let (_version, timeout_ms) = (from.int().unwrap(), from.int().unwrap());
        let session = from.long().unwrap();
        let password = from.buffer().unwrap().unwrap_or_default().to_vec();
        if timeout_ms <= 0 {
            return Err(io::Error::other("the session is refused"));
        }
        Ok(Client {
            stream,
            session,
            password,
            timeout_ms,
            xid: 0,
            last_zxid: ticket.last_zxid,
            events: Vec::new(),
        })
    }

    /// Sends a request and returns its number.
    pub fn ask(&mut self, op: OpCode, body: &[u8]) -> io::Result<i32> {
        self.xid += 1;
        let mut request = Vec::with_capacity(body.len() + 8);
        request.extend(self.xid.to_be_bytes());
        request.extend(op.code().to_be_bytes());
        request.extend(body);
        send(&mut self.stream, &request)?;
        Ok(self.xid)
    }

    /// The next reply; events before it are kept.
    pub fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let bytes = frame(&mut self.stream)?;
            let mut from = Reader::new(&bytes);
            let reply = Reply {
                xid: from.int().unwrap(),
                zxid: from.long().unwrap(),
                err: from.int().unwrap(),
                body: from.rest().to_vec(),
            };
            self.last_zxid = self.last_zxid.max(reply.zxid);
            if reply.xid != -1 {
                return Ok(reply);
            }
            let mut event = Reader::new(&reply.body);
            let _kind_and_state = event.long().unwrap();
            let path = event.string().unwrap().unwrap_or_default().into_owned();
            self.events.push(path);
        }
    }

    pub fn call(&mut self, op: OpCode, body: &[u8]) -> io::Result<Reply> {
        let xid = self.ask(op, body)?;
        let reply = self.reply()?;
        assert_eq!(reply.xid, xid, "replies come in the order of requests");
        Ok(reply)
    }

    /// Creates a node; returns the error code.
    pub fn create(&mut self, path: &str, data: &[u8], flags: i32) -> io::Result<i32> {
        let reply = self.call(OpCode::Create, &create(path, data, flags))?;
        Ok(reply.err)
    }

    pub fn set(&mut self, path: &str, data: &[u8]) -> io::Result<i32> {
        Ok(self.call(OpCode::SetData, &set(path, data))?.err)
    }

    /// Creates so many nodes whose paths begin so.
    pub fn create_all(&mut self, prefix: &str, count: usize) {
        for n in 0..count {
            let path = format!("/{prefix}{n}");
            assert_eq!(self.create(&path, b"x", 0).unwrap(), 0);
        }
    }

    /// Changes the membership; returns the error code.
    pub fn reconfig(&mut self, change: Change) -> io::Result<i32> {
        Ok(self.call(OpCode::Reconfig, &reconfig(change, -1))?.err)
    }

    /// Waits until this member has everything that was committed before.
    pub fn sync(&mut self) -> io::Result<i32> {
        let mut body = Vec::new();
        Writer::new(&mut body).string(Some("/"));
        Ok(self.call(OpCode::Sync, &body)?.err)
    }

    /// A node, and a watch on it if wanted; `None` when there is none.
    pub fn get(&mut self, path: &str, watch: bool) -> io::Result<Option<Node>> {
        let reply = self.call(OpCode::GetData, &path_and_watch(path, watch))?;
        if reply.err == NO_NODE {
            return Ok(None);
        }
        assert_eq!(reply.err, 0, "getData of {path}");
        let mut from = Reader::new(&reply.body);
        let data = from.buffer().unwrap().unwrap_or_default().to_vec();
        Ok(Some(Node {
            data,
            stat: from.rest().to_vec(),
        }))
    }

    pub fn has(&mut self, path: &str) -> io::Result<bool> {
        Ok(self.get(path, false)?.is_some())
    }

    pub fn children(&mut self, path: &str) -> io::Result<Vec<String>> {
        let reply = self.call(OpCode::GetChildren, &path_and_watch(path, false))?;
        if reply.err == NO_NODE {
            return Ok(Vec::new());
        }
        assert_eq!(reply.err, 0, "getChildren of {path}");
        let mut from = Reader::new(&reply.body);
        let count = from.int().unwrap();
        let mut names: Vec<String> = (0..count)
            .map(|_| from.string().unwrap().unwrap_or_default().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Every node below the root, except what each member keeps for itself.
    pub fn tree(&mut self) -> io::Result<BTreeMap<String, Node>> {
        let mut all = BTreeMap::new();
        let mut left = vec!["/".to_owned()];
        while let Some(path) = left.pop() {
            for name in self.children(&path)? {
                left.push(format!("{}/{name}", path.trim_end_matches('/')));
            }
            // The membership's node is rewritten locally, with a local time.
            if path != "/zookeeper/config"
                && let Some(node) = self.get(&path, false)?
            {
                all.insert(path, node);
            }
        }
        Ok(all)
    }

    /// Ends the session.
    pub fn close(mut self) -> io::Result<()> {
        self.call(OpCode::CloseSession, &[]).map(drop)
    }
}

pub fn create(path: &str, data: &[u8], flags: i32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut to = Writer::new(&mut body);
    to.string(Some(path));
    to.buffer(Some(data));
    to.int(1);
    to.int(31);
    to.string(Some("world"));
    to.string(Some("anyone"));
    to.int(flags);
    body
}

pub fn set(path: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut to = Writer::new(&mut body);
    to.string(Some(path));
    to.buffer(Some(data));
    to.int(-1);
    body
}

/// The body of a change of the membership; -1 takes any version.
pub fn reconfig(change: Change, version: i64) -> Vec<u8> {
    let mut body = Vec::new();
    let mut to = Writer::new(&mut body);
    to.string(change.joining);
    to.string(change.leaving);
    to.string(change.members);
    to.long(version);
    body
}

pub fn path_and_watch(path: &str, watch: bool) -> Vec<u8> {
    let mut body = Vec::new();
    let mut to = Writer::new(&mut body);
    to.string(Some(path));
    to.bool(watch);
    body
}

fn send(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let mut framed = Vec::with_capacity(body.len() + 4);
    Writer::new(&mut framed).buffer(Some(body));
    stream.write_all(&framed)
}

fn frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

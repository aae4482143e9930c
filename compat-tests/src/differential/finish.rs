//! The end of a script on one server: its whole tree as text, and then everything that the script left behind taken away, so
//! that the next script finds (nearly) what the first one found.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::differential::describe;
use crate::differential::describe::Header;
use crate::differential::link::Heard;
use crate::differential::link::Link;
use crate::differential::names::Names;
use crate::differential::player::Player;
use crate::differential::script::SUPER;
use crate::differential::text::quoted;
use crate::wire::Blob;
use crate::wire::Encoder;
use crate::wire::op;
use crate::wire::request;
use crate::wire::request::Connect;

/// What a fresh server has, and nobody can delete.
const BUILT_IN: [&[u8]; 4] = [
    b"/",
    b"/zookeeper",
    b"/zookeeper/quota",
    b"/zookeeper/config",
];
/// Longer than any script.
const TIMEOUT_MS: i32 = 600_000;
/// How long a session of the shortest timeout may live on.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often its end is looked for.
const POLL: Duration = Duration::from_millis(10);

/// A session of the tester's own that may do everything.
#[derive(Debug)]
pub struct Keeper(Link);

impl Keeper {
    /// Opens the session; none if the server does not grant one.
    #[must_use]
    pub fn open(server: SocketAddr) -> Option<Self> {
        let mut link = Link::open(server)?;
        link.send_frame(&Connect::new(TIMEOUT_MS).encode());
        let Heard::Frame(_) = link.hear() else {
            return None;
        };
        let mut keeper = Self(link);
        keeper.ask(op::AUTH, &request::auth("digest", SUPER))?;
        Some(keeper)
    }

    /// The last zxid of the server.
    pub fn last_zxid(&mut self) -> Option<i64> {
        Some(Header::read(&self.ask(op::PING, &[])?)?.zxid)
    }

    /// Waits for the next transaction. Returns whether one came.
    pub fn waits_beyond(&mut self, zxid: i64) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.last_zxid().is_some_and(|last| last <= zxid) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }

    /// The frame that answers a request; none if there is none.
    fn ask(&mut self, kind: i32, body: &[u8]) -> Option<Vec<u8>> {
        self.0
            .send_frame(&Encoder::new().int(1).int(kind).raw(body).done());
        match self.0.hear() {
            Heard::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    /// The paths of all nodes, parents first, names in order.
    fn paths(&mut self) -> Vec<Vec<u8>> {
        let mut paths = vec![b"/".to_vec()];
        let mut next = 0;
        while next < paths.len() {
            let parent = paths[next].clone();
            let mut children = self.children(&parent);
            children.sort();
            for name in children {
                let mut path = parent.clone();
                if path != b"/" {
                    path.push(b'/');
                }
                path.extend(name);
                paths.push(path);
            }
            next += 1;
        }
        paths
    }

    fn children(&mut self, path: &[u8]) -> Vec<Vec<u8>> {
        let body = request::path_watch(path, false);
        let frame = self.ask(op::GET_CHILDREN, &body).unwrap_or_default();
        describe::children(&frame).unwrap_or_default()
    }

    /// One node with everything that can be asked about it.
    fn node(&mut self, path: &[u8], names: &mut Names) -> String {
        let mut line = quoted(&Blob::from(path));
        for (kind, body) in [
            (op::GET_DATA, request::path_watch(path, false)),
            (op::GET_ACL, request::path(path)),
        ] {
            let frame = self.ask(kind, &body).unwrap_or_default();
            line.push(' ');
            line.push_str(&describe::frame(kind, &frame, names));
        }
        line
    }
}

impl Player {
    /// The whole tree, a line for each node.
    pub fn tree(&mut self, keeper: &mut Keeper) -> Vec<String> {
        let paths = keeper.paths();
        let mut node = |path: &Vec<u8>| keeper.node(path, &mut self.names);
        paths.iter().map(&mut node).collect()
    }

    /// Ends all sessions of the script and deletes all nodes. Returns what was heard on the way.
    pub fn tidy(mut self, keeper: &mut Keeper) -> Vec<String> {
        let mut lines = Vec::new();
        for slot in &mut self.slots {
            if let Some(link) = slot.link.take() {
                link.cut();
            }
        }
        for session in std::mem::take(&mut self.alive) {
            let name = self.names.owner(session.id);
            let ended = end(self.server, session.id, &session.password);
            lines.push(format!(
                "{name} {}",
                if ended { "ended" } else { "was gone" }
            ));
        }
        let mut paths = keeper.paths();
        paths.reverse();
        for path in paths {
            if BUILT_IN.contains(&path.as_slice()) {
                continue;
            }
            let body = request::path_version(&path, -1);
            let frame = keeper.ask(op::DELETE, &body).unwrap_or_default();
            let said = describe::frame(op::DELETE, &frame, &mut self.names);
            lines.push(format!("delete {} {said}", quoted(&Blob::from(&path))));
        }
        lines
    }
}

/// Ends a session whose connection may be gone. Returns whether there was one to end.
fn end(server: SocketAddr, id: i64, password: &[u8]) -> bool {
    let close = || {
        let mut link = Link::open(server)?;
        link.send_frame(&Connect::again(TIMEOUT_MS, id, password).encode());
        let Heard::Frame(_) = link.hear() else {
            return None;
        };
        link.send_frame(&Encoder::new().int(1).int(op::CLOSE_SESSION).done());
        match link.hear() {
            Heard::Frame(frame) => Header::read(&frame),
            _ => None,
        }
    };
    close().is_some_and(|header| header.err == 0)
}

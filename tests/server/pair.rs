//! The server and the model side by side: whatever happens to one happens to the other, and after each
//! step every client must have heard the same.

use std::collections::{BTreeSet, VecDeque};

use oxkeeper::pipeline::State;
use oxkeeper::proto::shared::Stat;
use oxkeeper::tree::digest::node_digest;
use oxkeeper::types::{ConnId, Id, Millis, NodeStat, SessionId};

use crate::ask::Ask;
use crate::model::{From, Happening, Model, Owner};
use crate::snapshot::{Snapshot, Taking};
use crate::world::World;

pub struct Pair {
    pub world: World,
    pub model: Model,
    /// What the server has taken in and not finished.
    queue: VecDeque<Happening>,
    /// The connection of each client.
    pub conns: Vec<ConnId>,
    next_conn: u64,
    next_session: i64,
    taking: Option<Taking>,
    saved: Option<Snapshot>,
}

/// The identities of the clients: the second and the third have names, the third the second's too.
pub fn who(client: usize) -> Vec<Id> {
    let ip = Id::new("ip", "10.0.0.1");
    let named = |name: &str| Id::new("digest", format!("{name}:hash"));
    match client {
        0 => vec![ip],
        1 => vec![ip, named("alice")],
        _ => vec![ip, named("alice"), named("bob")],
    }
}

impl Pair {
    /// A server with this many clients, each with a session.
    pub fn new(clients: usize) -> Pair {
        let mut pair = Pair {
            world: World::new(),
            model: Model::new(),
            queue: VecDeque::new(),
            conns: Vec::new(),
            next_conn: 1,
            next_session: 0x100,
            taking: None,
            saved: None,
        };
        for client in 0..clients {
            pair.conns.push(ConnId(0));
            pair.open(client);
        }
        pair
    }

    /// A client gets a new connection and a new session; everything lands.
    pub fn open(&mut self, client: usize) {
        let session = self.next_session;
        self.next_session += 1;
        let conn = self.join(client, session, SessionId::NONE);
        self.world.open_session(conn, SessionId(session), 10_000);
        let timeout = 10_000;
        self.queue.push_back(Happening::Opened {
            conn: conn.0,
            session,
            timeout,
        });
        self.settle();
    }

    fn join(&mut self, client: usize, session: i64, known: SessionId) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conns[client] = conn;
        self.world.connect(conn, known, who(client));
        self.model.conns.insert(conn.0, (session, who(client)));
        conn
    }

    pub fn send(&mut self, client: usize, asks: &[Ask]) {
        let conn = self.conns[client];
        let Some(asker) = self.world.clients.get(&conn).filter(|asker| !asker.closed) else {
            return;
        };
        let (session, first) = (asker.session.0, asker.asked.len() + 1);
        let at_once = self.world.send(conn, asks);
        for (at, (ask, at_once)) in asks.iter().zip(at_once).enumerate() {
            let xid = i32::try_from(first + at).unwrap();
            let from = From {
                conn: conn.0,
                session,
                who: who(client),
                xid,
            };
            if at_once {
                self.model.serve(&from, ask);
            } else {
                let happening = Happening::Asked(from, ask.clone(), self.world.clock);
                self.queue.push_back(happening);
            }
        }
        self.compare_heard();
    }

    /// Finishes up to `count` items. Whether that many were ready.
    pub fn finish(&mut self, count: usize) -> bool {
        for _ in 0..count {
            if !self.world.finish_one() {
                return false;
            }
            loop {
                let next = self
                    .queue
                    .pop_front()
                    .expect("the server finishes what was asked");
                if self.model.happen(next) {
                    break;
                }
            }
            self.compare_heard();
        }
        true
    }

    pub fn settle(&mut self) {
        self.world.cut();
        while self.world.sync() {}
        while self.finish(1) {}
        for left in std::mem::take(&mut self.queue) {
            assert!(
                !self.model.happen(left.clone()),
                "the server has forgotten {left:?}"
            );
        }
        assert!(self.world.replica.is_idle());
        self.compare_state(&self.world.state);
    }

    pub fn expire(&mut self, client: usize) {
        let conn = self.conns[client];
        let Some(holder) = self.world.clients.get(&conn) else {
            return;
        };
        let session = holder.session;
        if !self.world.state.sessions.is_open(session) {
            return;
        }
        let now = self.world.now();
        self.world
            .replica
            .expire_session(&self.world.state, session, now);
        self.queue.push_back(Happening::Expired(session.0));
    }

    /// Time passes; containers and TTL nodes may go.
    pub fn pass(&mut self, ms: i64) {
        self.world.clock += ms;
        let now = self.world.now();
        if now.monotonic < self.world.replica.next_reap().unwrap() {
            return;
        }
        let due = self.world.state.tree.reapable(Millis(self.world.clock), 0);
        assert_eq!(
            due.iter().cloned().collect::<BTreeSet<_>>(),
            self.model_reapable()
        );
        self.world.replica.reap(&self.world.state, now);
        self.queue.extend(due.into_iter().map(Happening::Reaped));
    }

    fn model_reapable(&self) -> BTreeSet<String> {
        let clock = self.world.clock;
        let due = self.model.nodes.iter().filter(|(path, node)| {
            let gone = match node.owner {
                Owner::Container => node.stat.cversion > 0,
                Owner::Ttl(ttl) => clock - node.stat.mtime > ttl,
                _ => false,
            };
            gone && self.model.children(path).is_empty()
        });
        due.map(|(path, _)| path.clone()).collect()
    }

    /// A client loses its connection and gets another for the same session.
    pub fn reconnect(&mut self, client: usize) {
        let conn = self.conns[client];
        let session = self.world.clients[&conn].session;
        self.world.disconnect(conn);
        self.model.conns.remove(&conn.0);
        self.model.watches.forget(conn.0);
        self.join(client, session.0, session);
    }

    /// Some more of a snapshot.
    pub fn snapshot(&mut self, nodes: usize) {
        let state = &mut self.world.state;
        let mut taking = self.taking.take().unwrap_or_else(|| Taking::start(state));
        if taking.slice(state, nodes) {
            self.taking = Some(taking);
        } else {
            self.saved = Some(taking.finish(state));
        }
    }

    /// The power goes. Of the batches that were not durable this many happen to be on disk. What was
    /// answered must be there, whether a start uses the last snapshot or the log alone.
    pub fn crash(&mut self, lucky: usize) {
        self.taking = None;
        let answered = self.model.zxid;
        let mut log = std::mem::take(&mut self.world.log);
        self.world.cut();
        for batch in self.world.unsynced.iter().take(lucky) {
            log.extend_from_slice(&batch.bytes);
        }
        let state = World::recover(&log, None);
        assert!(state.last_zxid.0 >= answered, "acknowledged means durable");
        self.model.conns.clear();
        self.model.watches.clear();
        while self.model.zxid < state.last_zxid.0 {
            let next = self.queue.pop_front().expect("what is logged was asked");
            self.model.happen(next);
        }
        self.queue.clear();
        self.compare_state(&state);
        if let Some(snapshot) = &self.saved {
            self.compare_state(&World::recover(&log, Some(snapshot)));
        }
        let clock = self.world.clock;
        let sessions = self
            .conns
            .iter()
            .map(|conn| self.world.clients[conn].session);
        let sessions = sessions.collect::<Vec<_>>();
        self.world = World::over(state, log, clock);
        for (client, session) in sessions.into_iter().enumerate() {
            self.join(client, session.0, session);
        }
    }

    fn compare_heard(&mut self) {
        for (conn, client) in &mut self.world.clients {
            let told = self.model.told.remove(&conn.0).unwrap_or_default();
            let heard = std::mem::take(&mut client.heard);
            assert_eq!(heard, told, "{conn:?} heard (left) what it should (right)");
        }
        self.model.told.clear();
    }

    fn compare_state(&self, state: &State) {
        assert_eq!(state.last_zxid.0, self.model.zxid);
        let sessions = state.sessions.iter().map(|(id, timeout)| (id.0, timeout));
        assert_eq!(
            sessions.collect::<Vec<_>>(),
            Vec::from_iter(self.model.sessions.clone())
        );
        let mut digest = 0_i64;
        for (path, node) in &self.model.nodes {
            let found = state
                .tree
                .find(path)
                .unwrap_or_else(|| panic!("{path} is missing"));
            assert_eq!(
                Stat::from(found.stat()),
                self.model.stat(path),
                "stat of {path}"
            );
            let data = node.data.as_ref().map(String::as_bytes);
            assert_eq!(found.data(), data, "data of {path}");
            let acl = found.acl().iter();
            let acl = acl.map(|acl| (acl.perms.0, acl.id.scheme.clone(), acl.id.id.clone()));
            assert_eq!(acl.collect::<Vec<_>>(), node.acl, "access list of {path}");
            let kept: NodeStat = found.persisted();
            assert_eq!(
                kept.cversion, node.stat.cversion,
                "children ever made in {path}"
            );
            digest = digest.wrapping_add(node_digest(path, data, &kept));
        }
        assert_eq!(state.tree.node_count(), self.model.nodes.len());
        assert_eq!(state.tree.digest(), digest);
    }
}

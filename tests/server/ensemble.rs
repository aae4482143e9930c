//! Three servers in memory and links between them. What holds them together is not consensus but a stub: the
//! test says who leads, every proposal is committed in the end, and packets arrive in the order sent.

use std::collections::VecDeque;

use bytes::Bytes;
use oxkeeper::consensus::Effect;
use oxkeeper::ops::Rules;
use oxkeeper::pipeline::State;
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::replica::{Resume, Resumption, Role};
use oxkeeper::session::Sessions;
use oxkeeper::session::local::LocalSessions;
use oxkeeper::tree::Tree;
use oxkeeper::types::{ConnId, LinkId, Millis, ServerId, SessionId, Zxid};

use crate::ask::Ask;
use crate::pair;
use crate::world::{OPTIONS, TICK_MS, World, rules};

pub const SERVERS: usize = 3;

/// What is under way between the leader and one other server.
#[derive(Default)]
struct Link {
    up: VecDeque<ToLeader>,
    down: VecDeque<ToLearner>,
    /// Proposals that the learner knows and has not been told to apply.
    pending: VecDeque<(Zxid, Bytes)>,
}

pub struct Ensemble {
    pub servers: Vec<World>,
    links: Vec<Link>,
    pub leader: usize,
    epoch: i64,
    /// Proposed and not committed.
    outstanding: VecDeque<Zxid>,
    next_conn: u64,
    next_session: i64,
}

fn fresh(rules: Rules) -> World {
    let state = State {
        tree: Tree::new(OPTIONS),
        sessions: Sessions::new(TICK_MS),
        last_zxid: Zxid::ZERO,
    };
    World::member(state, rules)
}

impl Ensemble {
    /// Three servers without a leader.
    pub fn new() -> Ensemble {
        Ensemble::with_rules(&rules())
    }

    /// Three servers with these settings, without a leader.
    pub fn with_rules(rules: &Rules) -> Ensemble {
        Ensemble {
            servers: (0..SERVERS).map(|_| fresh(rules.clone())).collect(),
            links: (0..SERVERS).map(|_| Link::default()).collect(),
            leader: 0,
            epoch: 0,
            outstanding: VecDeque::new(),
            next_conn: 1,
            next_session: 0x100,
        }
    }

    /// Three servers led by the first, whose sessions are their own until they want ephemeral nodes: then
    /// they are made known to all, or refused.
    pub fn with_local_sessions(can_upgrade: bool) -> Ensemble {
        let mut ensemble = Ensemble::new();
        for (id, world) in (0..).zip(&mut ensemble.servers) {
            let local = LocalSessions::new(ServerId(id), can_upgrade, TICK_MS);
            let fresh = fresh(rules());
            *world = World {
                replica: fresh.replica.with_local_sessions(Some(local)),
                ..fresh
            };
        }
        ensemble.elect(0);
        ensemble
    }

    /// Three servers led by the first.
    pub fn led() -> Ensemble {
        let mut ensemble = Ensemble::new();
        ensemble.elect(0);
        ensemble
    }

    /// An effect of consensus at a server.
    pub fn obey(&mut self, at: usize, effect: Effect) {
        let now = self.servers[at].now();
        self.servers[at].replica.obey(effect, now);
    }

    /// The old leadership ends: everything proposed is committed, nobody is answered, connections close.
    pub fn retire(&mut self) {
        self.cut(self.leader);
        for at in 0..SERVERS {
            if self.servers[at].replica.role() != Role::None {
                self.obey(at, Effect::Retire);
                self.servers[at].cut();
                while self.servers[at].replica.is_retiring() {
                    self.servers[at].finish_one();
                }
                let clients = self.servers[at].clients.keys().copied();
                for conn in clients.collect::<Vec<_>>() {
                    self.servers[at].disconnect(conn);
                }
                self.servers[at]
                    .replica
                    .forget_connections(ConnId(self.next_conn));
            }
        }
        self.links.iter_mut().for_each(|link| link.up.clear());
        while self.commit() {}
        for at in 0..SERVERS {
            while self.down(at) {}
            self.finish(at);
        }
    }

    /// A new leadership begins.
    pub fn elect(&mut self, leader: usize) {
        self.retire();
        self.epoch += 1;
        self.leader = leader;
        self.servers[leader].durable = Zxid(self.epoch << 32);
        for at in 0..SERVERS {
            let effect = match at == leader {
                true => Effect::Lead {
                    epoch: Zxid(self.epoch << 32),
                },
                false => Effect::Follow {
                    leader: ServerId(0),
                    observer: false,
                },
            };
            self.obey(at, effect);
            self.cut(at);
            self.finish(at);
        }
    }

    /// A client connects to a server and asks for a session. Its connection.
    pub fn join(&mut self, at: usize) -> ConnId {
        let conn = self.connect(at);
        let begun_at = i64::try_from(at).unwrap() << 56;
        let session = SessionId(begun_at | self.next_session);
        self.next_session += 1;
        self.servers[at].open_session(conn, session, 10_000);
        conn
    }

    fn connect(&mut self, at: usize) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.servers[at].connect(conn, SessionId::NONE, pair::who(1));
        conn
    }

    /// A client wants to take up its session at a server.
    pub fn move_to(&mut self, at: usize, session: SessionId) -> (ConnId, Resumption) {
        let conn = self.connect(at);
        let world = &mut self.servers[at];
        let resume = Resume {
            conn,
            session,
            timeout_ms: 10_000,
        };
        let resumption = world.replica.resume_session(&world.state, resume);
        if resumption == Resumption::Granted {
            world.clients.get_mut(&conn).unwrap().session = session;
        }
        (conn, resumption)
    }

    /// The session of a connection.
    pub fn session(&self, at: usize, conn: ConnId) -> SessionId {
        self.servers[at].clients[&conn].session
    }

    pub fn send(&mut self, at: usize, conn: ConnId, line: &str) {
        let asks = line.split('|').map(|ask| ask.parse::<Ask>().expect(line));
        self.servers[at].send(conn, &asks.collect::<Vec<_>>());
    }

    /// What a client has heard since it was asked last.
    pub fn heard(&mut self, at: usize, conn: ConnId) -> Vec<String> {
        let client = self.servers[at].clients.get_mut(&conn).unwrap();
        std::mem::take(&mut client.heard)
    }

    /// The packets that a server wants to send are under way.
    fn post(&mut self, at: usize) {
        let mut mail = Vec::new();
        self.servers[at].replica.take_mail(&mut mail);
        for effect in mail {
            match effect {
                Effect::ToLeader(packet) => self.links[at].up.push_back(packet),
                Effect::Send(LinkId(link), packet) => {
                    let link = usize::try_from(link).unwrap();
                    self.links[link].down.push_back(packet);
                }
                other => panic!("{other:?} is no mail"),
            }
        }
    }

    /// A server judges what came in and cuts its batch; a leader proposes it.
    pub fn cut(&mut self, at: usize) {
        self.servers[at].admit();
        let before = self.servers[at].unsynced.len();
        self.servers[at].cut();
        self.post(at);
        let batches = self.servers[at].unsynced.iter().skip(before);
        let batches = batches.cloned().collect::<Vec<_>>();
        for batch in batches.iter().filter(|_| at == self.leader) {
            for (zxid, body) in (batch.first.0..).map(Zxid).zip(batch.bodies()) {
                for link in (0..SERVERS).filter(|link| *link != at) {
                    let body = body.clone();
                    let proposal = ToLearner::Proposal { zxid, body };
                    self.links[link].down.push_back(proposal);
                }
                self.outstanding.push_back(zxid);
            }
        }
        let world = &mut self.servers[at];
        for batch in world.unsynced.drain(..) {
            world.log.extend_from_slice(&batch.bytes);
            world.durable = batch.last;
        }
    }

    /// The oldest proposal is committed. False when there is none.
    pub fn commit(&mut self) -> bool {
        let Some(zxid) = self.outstanding.pop_front() else {
            return false;
        };
        for link in (0..SERVERS).filter(|link| *link != self.leader) {
            self.links[link].down.push_back(ToLearner::Commit(zxid));
        }
        self.obey(self.leader, Effect::Commit(zxid));
        self.post(self.leader);
        true
    }

    /// A packet reaches the leader. False when none is under way.
    pub fn up(&mut self, from: usize) -> bool {
        let Some(packet) = self.links[from].up.pop_front() else {
            return false;
        };
        let link = LinkId(u64::try_from(from).unwrap());
        let effect = match packet {
            ToLeader::Request(request) => Effect::Request(link, request),
            ToLeader::Revalidate {
                session,
                timeout_ms,
            } => Effect::Revalidate {
                link,
                session,
                timeout_ms,
            },
            ToLeader::Ping { touched, .. } => Effect::Touched {
                link,
                sessions: touched,
            },
            other => panic!("{other:?} is not the stub's"),
        };
        self.obey(self.leader, effect);
        true
    }

    /// A packet reaches a learner. False when none is under way.
    pub fn down(&mut self, to: usize) -> bool {
        let Some(packet) = self.links[to].down.pop_front() else {
            return false;
        };
        let effect = match packet {
            ToLearner::Proposal { zxid, body } => {
                self.links[to].pending.push_back((zxid, body.clone()));
                Effect::Append { zxid, body }
            }
            ToLearner::Commit(expected) => {
                let (zxid, body) = self.links[to].pending.pop_front().unwrap();
                assert_eq!(zxid, expected, "in order");
                Effect::Deliver { zxid, body }
            }
            ToLearner::Sync => Effect::Synced,
            ToLearner::Revalidate { session, valid } => Effect::Revalidated { session, valid },
            other => panic!("{other:?} is not the stub's"),
        };
        self.obey(to, effect);
        let world = &mut self.servers[to];
        world.cut();
        world.unsynced.clear();
        world.durable = world.durable.max(
            self.links[to]
                .pending
                .back()
                .map_or(Zxid::ZERO, |(zxid, _)| *zxid),
        );
        true
    }

    /// A server finishes everything that is ready.
    pub fn finish(&mut self, at: usize) {
        while self.servers[at].finish_one() {}
        self.post(at);
    }

    /// One round of everything; whether anything was under way.
    fn round(&mut self) -> bool {
        let mut moved = false;
        for at in 0..SERVERS {
            self.cut(at);
            moved |= self.up(at);
        }
        self.cut(self.leader);
        moved |= self.commit();
        for at in 0..SERVERS {
            moved |= self.down(at);
            self.finish(at);
        }
        moved
    }

    /// Until nothing is under way.
    pub fn settle(&mut self) {
        while self.round() {}
    }

    /// Time passes everywhere.
    pub fn pass(&mut self, ms: i64) {
        for world in &mut self.servers {
            world.clock += ms;
        }
    }

    /// A learner tells the leader which sessions it has heard of.
    pub fn report(&mut self, at: usize, heard: &[(SessionId, i32)]) {
        let world = &mut self.servers[at];
        let now = world.now();
        let packet = world
            .replica
            .report_touched(Zxid::ZERO, now, |_| heard.to_vec());
        self.links[at].up.push_back(packet);
    }

    /// The leader ends the sessions that were not heard. Which those are.
    pub fn expire(&mut self, at: usize) -> Vec<SessionId> {
        let world = &mut self.servers[at];
        let now = world.now();
        let expired = world
            .replica
            .expire(&mut world.state, now, &|_| None::<(Millis, i32)>);
        expired.into_iter().map(|(session, _)| session).collect()
    }

    /// Every server has the same tree and sessions.
    pub fn assert_same(&self) {
        let look = |world: &World| {
            let sessions = world.state.sessions.iter().collect::<Vec<_>>();
            (world.state.tree.digest(), sessions)
        };
        let expected = look(&self.servers[0]);
        for world in &self.servers {
            assert_eq!(look(world), expected);
            assert_eq!(world.replica.digest_mismatches(), 0);
        }
    }
}

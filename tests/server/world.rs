//! One whole server in memory: a replica, what it applied, its watches, clients that hear what it says.
//! The test decides when a batch is cut, when the log is durable, and how far is finished.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use oxkeeper::auth;
use oxkeeper::auth::AuthRules;
use oxkeeper::config::RequestThrottle;
use oxkeeper::ops;
use oxkeeper::ops::{Reading, Rules};
use oxkeeper::pipeline::{Audience, Effect, LogBatch, Outputs, Reaper, State};
use oxkeeper::proto::{frame, request};
use oxkeeper::replica::{Door, NewSession, Now, Parts, Recovery, Replica, Submission};
use oxkeeper::session::Sessions;
use oxkeeper::tree::{Tree, TreeOptions};
use oxkeeper::types::{Acl, ConnId, Id, Millis, OpCode, OwnerRules, Perms, SessionId, Zxid};
use oxkeeper::watch::Watches;

use crate::ask::Ask;
use crate::said;

const SEED: u64 = 7;
pub const TICK_MS: i32 = 1000;
pub const OPTIONS: TreeOptions = TreeOptions {
    digest: true,
    owner_rules: OwnerRules {
        extended_types: true,
        emulate_353: false,
    },
    hash_seed: SEED,
};
/// How often the reaper looks.
pub const REAP_MS: i64 = 60_000;

pub fn rules() -> Rules {
    Rules {
        auth: AuthRules::default(),
        owners: OPTIONS.owner_rules,
        enforce_quota: true,
        eager_acl_check: false,
        reconfig_enabled: false,
        close_session_lists_paths: true,
        field_bytes_max: 1 << 20,
    }
}

/// A client's connection.
#[derive(Debug)]
pub struct Client {
    pub session: SessionId,
    pub who: Arc<[Id]>,
    /// What was asked, by xid - 1.
    pub asked: Vec<Ask>,
    pub in_flight: usize,
    /// What the server said, one line each.
    pub heard: Vec<String>,
    pub closed: bool,
}

pub struct World {
    pub rules: Arc<Rules>,
    pub state: State,
    pub watches: Watches,
    pub replica: Replica,
    pub clients: BTreeMap<ConnId, Client>,
    /// Batches that are not durable yet.
    pub unsynced: VecDeque<LogBatch>,
    /// Every durable record, as in a log file without its header.
    pub log: Vec<u8>,
    pub durable: Zxid,
    pub clock: i64,
    /// Whether it belongs to an ensemble.
    pub is_member: bool,
    /// Sessions whose clients have gone to another server.
    pub left: Vec<SessionId>,
}

struct Ears<'e>(&'e BTreeMap<ConnId, Client>, &'e AuthRules);

impl Audience for Ears<'_> {
    fn may_read(&mut self, conn: ConnId, acl: &[Acl]) -> bool {
        let client = self.0.get(&conn);
        client.is_some_and(|client| auth::allows(self.1, acl, &client.who, Perms::READ))
    }

    fn everyone_may_read(&self, acl: &[Acl]) -> bool {
        auth::allows(self.1, acl, &[], Perms::READ)
    }

    fn is_here(&mut self, conn: ConnId) -> bool {
        self.0.contains_key(&conn)
    }
}

fn unthrottled() -> RequestThrottle {
    RequestThrottle {
        max_requests: None,
        stall_time_ms: 100,
        drop_stale: true,
        stale_latency_check: false,
        stale_connection_check: true,
        shutdown_timeout_ms: 0,
        throttled_op_wait_time_ms: None,
    }
}

fn parts(clock: i64, rules: &Arc<Rules>) -> Parts {
    Parts {
        rules: Arc::clone(rules),
        throttle: unthrottled(),
        reaper: Reaper::new(REAP_MS, i64::MAX, 0, Millis(clock)),
        seed: SEED,
        digests: true,
    }
}

/// Without a throttle nobody is asked for at the gate. Notes which sessions have moved away.
struct Unguarded<'w>(&'w mut Vec<SessionId>);

impl Door for Unguarded<'_> {
    fn is_gone(&mut self, conn: ConnId) -> bool {
        unreachable!("{conn:?} is let in as it is")
    }
    fn timeout_ms(&mut self, conn: ConnId) -> Option<i32> {
        unreachable!("{conn:?} is let in as it is")
    }
    fn cut(&mut self, _: ConnId) {}
    fn leave(&mut self, session: SessionId) {
        self.0.push(session);
    }
}

impl World {
    pub fn new() -> World {
        let state = State {
            tree: Tree::new(OPTIONS),
            sessions: Sessions::new(TICK_MS),
            last_zxid: Zxid::ZERO,
        };
        World::over(state, Vec::new(), 0)
    }

    /// A member of an ensemble with nothing but this state.
    pub fn member(state: State, rules: Rules) -> World {
        let mut world = World::over(state, Vec::new(), 0);
        world.rules = Arc::new(rules);
        world.replica = Replica::member(&world.state, parts(0, &world.rules));
        world.is_member = true;
        world
    }

    /// A server that starts with this state.
    pub fn over(state: State, log: Vec<u8>, clock: i64) -> World {
        let rules = Arc::new(rules());
        World {
            replica: Replica::new(&state, parts(clock, &rules)),
            rules,
            durable: state.last_zxid,
            state,
            watches: Watches::new(SEED),
            clients: BTreeMap::new(),
            unsynced: VecDeque::new(),
            log,
            clock,
            is_member: false,
            left: Vec::new(),
        }
    }

    pub fn now(&self) -> Now {
        let now = Millis(self.clock);
        Now {
            monotonic: now,
            wall: now,
        }
    }

    /// A connection that asks for no session, or has this one already.
    pub fn connect(&mut self, conn: ConnId, session: SessionId, who: Vec<Id>) {
        let client = Client {
            session,
            who: who.into(),
            asked: Vec::new(),
            in_flight: 0,
            heard: Vec::new(),
            closed: false,
        };
        self.clients.insert(conn, client);
    }

    pub fn open_session(&mut self, conn: ConnId, session: SessionId, timeout_ms: i32) {
        let new = NewSession {
            conn,
            session,
            timeout_ms,
        };
        let now = self.now();
        self.replica
            .open_session(&self.state, new, &mut Unguarded(&mut self.left), now);
    }

    /// A connection goes; its session stays.
    pub fn disconnect(&mut self, conn: ConnId) -> Client {
        self.watches.remove_connection(conn);
        self.clients.remove(&conn).expect("it was connected")
    }

    /// Sends requests as one socket read would bring them. Reads with nothing unanswered before them
    /// are served at once, as connections do; says which were.
    pub fn send(&mut self, conn: ConnId, asks: &[Ask]) -> Vec<bool> {
        let mut at_once = Vec::new();
        let (mut frames, mut count) = (Vec::new(), 0);
        for ask in asks {
            let client = self.clients.get_mut(&conn).expect("it is connected");
            client.asked.push(ask.clone());
            let xid = i32::try_from(client.asked.len()).unwrap();
            let bytes = ask.frame(xid);
            let through_line = ask.op().is_write() || (self.is_member && ask.op() == OpCode::Sync);
            let now = !through_line && count == 0 && client.in_flight == 0;
            at_once.push(now);
            if now {
                self.serve(conn, &bytes);
            } else {
                frames.extend(bytes);
                count += 1;
            }
        }
        if count > 0 {
            let client = self.clients.get_mut(&conn).unwrap();
            client.in_flight += count;
            let submission = Submission {
                conn,
                session: client.session,
                who: Arc::clone(&client.who),
                frames,
                count,
                since: Millis(self.clock),
            };
            let now = self.now();
            self.replica
                .submit(&self.state, submission, &mut Unguarded(&mut self.left), now);
        }
        at_once
    }

    /// Sends a request with this body through the line.
    pub fn send_raw(&mut self, conn: ConnId, op: OpCode, body: &[u8]) {
        let client = self.clients.get_mut(&conn).expect("it is connected");
        client.asked.push(Ask::Ping);
        client.in_flight += 1;
        let xid = i32::try_from(client.asked.len()).unwrap();
        let mut payload = xid.to_be_bytes().to_vec();
        payload.extend(op.code().to_be_bytes());
        payload.extend(body);
        let mut frames = i32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frames.extend(payload);
        let submission = Submission {
            conn,
            session: client.session,
            who: Arc::clone(&client.who),
            frames,
            count: 1,
            since: Millis(self.clock),
        };
        let now = self.now();
        self.replica
            .submit(&self.state, submission, &mut Unguarded(&mut self.left), now);
    }

    fn serve(&mut self, conn: ConnId, bytes: &[u8]) {
        let client = &self.clients[&conn];
        let (payload, _) = frame::split(bytes, usize::MAX).unwrap().unwrap();
        let mut body = request::reader(payload, usize::MAX);
        let header = request::decode_header(&mut body).unwrap();
        let who = Arc::clone(&client.who);
        let mut reading = Reading {
            rules: &self.rules,
            tree: &self.state.tree,
            zxid: self.state.last_zxid,
            session: client.session,
            conn,
            who: &who,
            watches: &mut self.watches,
        };
        let op = OpCode::from_code(header.op).unwrap();
        let mut out = Vec::new();
        ops::serve(&mut reading, header.xid, op, &mut body, &mut out);
        self.hear(conn, &out);
    }

    fn hear(&mut self, conn: ConnId, mut bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(&conn) else {
            return;
        };
        while let Some((payload, rest)) = frame::split(bytes, usize::MAX).unwrap() {
            let asked = |xid: i32| client.asked[usize::try_from(xid).unwrap() - 1].clone();
            client.heard.push(said::frame(payload, &asked));
            bytes = rest;
        }
        assert!(bytes.is_empty(), "whole frames only");
    }

    /// Takes in what waits outside.
    pub fn admit(&mut self) {
        let now = self.now();
        self.replica
            .admit(&self.state, &mut Unguarded(&mut self.left), now);
    }

    /// Cuts the batch.
    pub fn cut(&mut self) {
        if let Some(batch) = self.replica.take_log() {
            assert_eq!(batch.last.0 - batch.first.0 + 1, i64::from(batch.records));
            self.unsynced.push_back(batch);
        }
    }

    /// The oldest batch becomes durable. False when there is none.
    pub fn sync(&mut self) -> bool {
        let Some(batch) = self.unsynced.pop_front() else {
            return false;
        };
        self.log.extend_from_slice(&batch.bytes);
        self.durable = batch.last;
        self.replica.durable(batch.last);
        true
    }

    /// Finishes one item, and the requests without an answer before it. False when none is ready.
    pub fn finish_one(&mut self) -> bool {
        while self.replica.has_ready() {
            let out = self.finish_next();
            self.deliver(&out);
            if !matches!(out.effects[..], [Effect::Unanswered { .. }]) {
                return true;
            }
        }
        false
    }

    fn finish_next(&mut self) -> Outputs {
        let mut out = Outputs::default();
        let now = self.now();
        let mut ears = Ears(&self.clients, &self.rules.auth);
        let (state, watches) = (&mut self.state, &mut self.watches);
        let applied = self
            .replica
            .finish(state, watches, &mut ears, now, 1, &mut out);
        assert!(applied <= 1, "one item at a time");
        assert!(
            self.state.last_zxid <= self.durable,
            "what is applied is durable"
        );
        assert_eq!(
            self.replica.digest_mismatches(),
            0,
            "prep foresees the tree"
        );
        out
    }

    fn deliver(&mut self, out: &Outputs) {
        for effect in &out.effects {
            match effect {
                Effect::Reply { asker, bytes } => {
                    self.hear(asker.conn, &out.bytes[bytes.clone()]);
                    self.answered(asker.conn);
                }
                Effect::Unanswered { asker } => self.answered(asker.conn),
                Effect::Moved { asker } => {
                    self.answered(asker.conn);
                    self.note(asker.conn, "moved", true);
                }
                Effect::SessionResumed { conn, session, .. } => {
                    if let Some(client) = self.clients.get_mut(conn) {
                        client.session = *session;
                    }
                    self.note(*conn, "resumed", false);
                }
                Effect::SessionRefused { conn, .. } => self.note(*conn, "refused", true),
                Effect::SessionUnopened { conn, bytes } => {
                    let code = &out.bytes[bytes.clone()][bytes.len() - 4..];
                    let code = i32::from_be_bytes(code.try_into().unwrap());
                    self.note(*conn, &format!("unopened {code}"), false);
                }
                Effect::Event { receivers, bytes } => {
                    for conn in &out.receivers[receivers.clone()] {
                        self.hear(*conn, &out.bytes[bytes.clone()]);
                    }
                }
                Effect::SessionOpened {
                    conn,
                    session,
                    timeout_ms,
                } => {
                    if let Some(client) = self.clients.get_mut(conn) {
                        client.session = *session;
                        let line = format!("session {:#x} for {timeout_ms}", session.0);
                        client.heard.push(line);
                    }
                }
                Effect::SessionClosed { session } => {
                    let clients = self.clients.values_mut();
                    for client in clients.filter(|client| client.session == *session) {
                        client.heard.push("closed".to_owned());
                        client.closed = true;
                    }
                }
            }
        }
    }

    fn note(&mut self, conn: ConnId, what: &str, closed: bool) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.heard.push(what.to_owned());
            client.closed |= closed;
        }
    }

    fn answered(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.get_mut(&conn) {
            client.in_flight -= 1;
        }
    }

    /// What a start would find after these records, from an empty directory or from a snapshot.
    pub fn recover(log: &[u8], snapshot: Option<&crate::snapshot::Snapshot>) -> State {
        let mut recovery = Recovery::new(OPTIONS, TICK_MS, Millis(0));
        let mut from = Zxid::ZERO;
        if let Some(snapshot) = snapshot {
            recovery.begin(TICK_MS, snapshot.zxid);
            snapshot.load(&mut recovery);
            from = snapshot.zxid;
        }
        crate::snapshot::replay(log, from, &mut recovery);
        recovery.finish(Millis(0))
    }
}

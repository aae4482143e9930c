//! A server in memory, three clients, a clock and a log that becomes durable when the dice say so. Every step is
//! followed by the checks that clients could make; at the end the log, and a snapshot taken while requests went on,
//! must bring back the same tree.

use std::collections::VecDeque;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use oxkeeper::auth::{AuthRules, allows};
use oxkeeper::config::RequestThrottle;
use oxkeeper::ops::Rules;
use oxkeeper::pipeline::{Audience, Effect, Outputs, Reaper, State};
use oxkeeper::proto::frame;
use oxkeeper::replica::{Door, NewSession, Now, Parts, Recovery, Replica, Submission};
use oxkeeper::storage::format::snapshot_encode::{Sections, SnapshotEncoder};
use oxkeeper::storage::format::txn_log;
use oxkeeper::tree::TreeOptions;
use oxkeeper::tree::walk::SnapshotWalk;
use oxkeeper::types::{Acl, ConnId, Id, Millis, OpCode, OwnerRules, Perms, SessionId, Xid, Zxid};
use oxkeeper::watch::Watches;

use crate::asks;
use crate::replay::{load, replay};

pub const TICK_MS: i32 = 2000;
pub const FRAME_BYTES_MAX: usize = 1 << 20;

struct Client {
    conn: ConnId,
    session: SessionId,
    who: Arc<[Id]>,
    /// Numbers of the requests that wait for an answer, oldest first.
    asked: VecDeque<i32>,
    next_xid: i32,
}

/// A snapshot being written while requests go on.
struct Snapshot {
    zxid: Zxid,
    walk: Option<SnapshotWalk>,
    encoder: SnapshotEncoder,
}

pub struct World {
    rules: Arc<Rules>,
    state: State,
    watches: Watches,
    replica: Replica,
    clients: Vec<Client>,
    next_conn: u64,
    now: Now,
    /// The whole log file.
    log: Vec<u8>,
    logged: Zxid,
    /// The last transaction of each batch that is not durable yet.
    in_flight: VecDeque<Zxid>,
    durable: Zxid,
    snapshot: Option<Snapshot>,
}

/// Those who are connected.
struct Here<'c>(&'c [Client], &'c AuthRules);

impl Audience for Here<'_> {
    fn may_read(&mut self, conn: ConnId, acl: &[Acl]) -> bool {
        let client = self.0.iter().find(|client| client.conn == conn);
        client.is_some_and(|client| allows(self.1, acl, &client.who, Perms::READ))
    }

    fn everyone_may_read(&self, acl: &[Acl]) -> bool {
        allows(self.1, acl, &[], Perms::READ)
    }

    fn is_here(&mut self, conn: ConnId) -> bool {
        self.0.iter().any(|client| client.conn == conn)
    }
}

pub fn options() -> TreeOptions {
    let owner_rules = OwnerRules {
        extended_types: true,
        emulate_353: false,
    };
    TreeOptions {
        digest: true,
        owner_rules,
        hash_seed: 3,
    }
}

fn identities(client: usize) -> Arc<[Id]> {
    let ip = Id::new("ip", "127.0.0.1");
    if client == 0 {
        [ip].into()
    } else {
        [ip, Id::new("digest", "u:h")].into()
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

/// Without a throttle nobody is asked for at the gate.
struct Unguarded;

impl Door for Unguarded {
    fn is_gone(&mut self, conn: ConnId) -> bool {
        unreachable!("{conn:?} is let in as it is")
    }
    fn timeout_ms(&mut self, conn: ConnId) -> Option<i32> {
        unreachable!("{conn:?} is let in as it is")
    }
    fn cut(&mut self, conn: ConnId) {
        unreachable!("{conn:?} is let in as it is")
    }
    fn leave(&mut self, session: SessionId) {
        unreachable!("{session} has nowhere else to go")
    }
}

impl World {
    pub fn new() -> World {
        let state = Recovery::new(options(), TICK_MS, Millis(0)).finish(Millis(0));
        let rules = Arc::new(Rules {
            auth: AuthRules::default(),
            owners: options().owner_rules,
            enforce_quota: true,
            eager_acl_check: false,
            reconfig_enabled: false,
            close_session_lists_paths: true,
            field_bytes_max: FRAME_BYTES_MAX,
        });
        let reaper = Reaper::new(1000, 60_000, 0, Millis(0));
        let parts = Parts {
            rules: Arc::clone(&rules),
            throttle: unthrottled(),
            reaper,
            seed: 5,
            digests: true,
        };
        let mut log = Vec::new();
        txn_log::append_header(&mut log);
        let mut world = World {
            replica: Replica::new(&state, parts),
            rules,
            state,
            watches: Watches::new(11),
            clients: Vec::new(),
            next_conn: 1,
            now: Now {
                monotonic: Millis(0),
                wall: Millis(1_000_000),
            },
            log,
            logged: Zxid::ZERO,
            in_flight: VecDeque::new(),
            durable: Zxid::ZERO,
            snapshot: None,
        };
        for client in 0..3 {
            world.clients.push(Client {
                conn: ConnId(0),
                session: SessionId::NONE,
                who: identities(client),
                asked: VecDeque::new(),
                next_xid: 1,
            });
            world.connect(client);
        }
        world.settle();
        world
    }

    /// One thing happens.
    pub fn step(&mut self, dice: &mut Unstructured<'_>) -> Result<()> {
        match dice.int_in_range(0..=19)? {
            0..=9 => self.ask(dice)?,
            10 | 11 => self.turn(),
            12 | 13 => self.flush(),
            14..=16 => self.finish(dice.int_in_range(1..=3)?),
            17 => self.wait(i64::from(dice.int_in_range(1..=2000)?)),
            18 => self.expire(dice.int_in_range(0..=2)?),
            _ => self.snapshot(),
        }
        Ok(())
    }

    /// Lets everything land and compares with what the log and the snapshot bring back.
    pub fn end(mut self) {
        self.settle();
        for client in &self.clients {
            assert!(
                client.asked.is_empty(),
                "every request of an open session is answered"
            );
        }
        assert_eq!(
            self.replica.digest_mismatches(),
            0,
            "prep foresees the tree"
        );
        let empty = Recovery::new(options(), TICK_MS, Millis(0));
        self.compare(replay(&self.log, empty, Zxid::ZERO), "the log");
        while self
            .snapshot
            .as_ref()
            .is_some_and(|snapshot| snapshot.walk.is_some())
        {
            self.snapshot();
        }
        if let Some(snapshot) = self.snapshot.take() {
            let loaded = load(snapshot.encoder, snapshot.zxid);
            self.compare(replay(&self.log, loaded, snapshot.zxid), "snapshot and log");
        }
    }

    fn compare(&self, other: State, of: &str) {
        assert_eq!(
            other.last_zxid, self.state.last_zxid,
            "last transaction of {of}"
        );
        assert_eq!(
            other.tree.digest(),
            self.state.tree.digest(),
            "digest of {of}"
        );
        assert_eq!(
            other.tree.node_count(),
            self.state.tree.node_count(),
            "nodes of {of}"
        );
        assert_eq!(
            other.tree.data_bytes(),
            self.state.tree.data_bytes(),
            "bytes of {of}"
        );
        assert_eq!(
            other.tree.ephemeral_count(),
            self.state.tree.ephemeral_count(),
            "ephemerals of {of}"
        );
        assert_eq!(
            other.sessions.len(),
            self.state.sessions.len(),
            "sessions of {of}"
        );
    }

    fn connect(&mut self, client: usize) {
        let conn = ConnId(self.next_conn);
        let session = SessionId(0x100 + i64::try_from(self.next_conn).expect("few"));
        self.next_conn += 1;
        let client = &mut self.clients[client];
        (client.conn, client.session) = (conn, session);
        client.asked.clear();
        let new = NewSession {
            conn,
            session,
            timeout_ms: 10_000,
        };
        self.replica
            .open_session(&self.state, new, &mut Unguarded, self.now);
    }

    fn ask(&mut self, dice: &mut Unstructured<'_>) -> Result<()> {
        let client = dice.int_in_range(0..=2)?;
        let (op, body) = asks::draw(dice)?;
        let client = &mut self.clients[client];
        let xid = client.next_xid;
        client.next_xid += 1;
        let mut frames = Vec::new();
        frames.extend(i32::try_from(body.len() + 8).expect("short").to_be_bytes());
        frames.extend(xid.to_be_bytes());
        frames.extend(op.code().to_be_bytes());
        frames.extend(&body);
        let submission = Submission {
            conn: client.conn,
            session: client.session,
            who: Arc::clone(&client.who),
            frames,
            count: 1,
            since: self.now.monotonic,
        };
        // Whatever number a ping has, its answer has this one.
        let answered = if op == OpCode::Ping { Xid::PING.0 } else { xid };
        client.asked.push_back(answered);
        self.replica
            .submit(&self.state, submission, &mut Unguarded, self.now);
        Ok(())
    }

    /// The line's turn ends: its transactions go to the log.
    fn turn(&mut self) {
        let Some(batch) = self.replica.take_log() else {
            return;
        };
        assert_eq!(batch.first, self.logged.next(), "no gap between batches");
        let count = i64::from(batch.records);
        assert_eq!(
            batch.last.0 - batch.first.0 + 1,
            count,
            "no gap within a batch"
        );
        self.log.extend(&batch.bytes);
        self.logged = batch.last;
        self.in_flight.push_back(batch.last);
    }

    fn flush(&mut self) {
        if let Some(zxid) = self.in_flight.pop_front() {
            self.durable = zxid;
            self.replica.durable(zxid);
        }
    }

    fn finish(&mut self, count: usize) {
        let mut out = Outputs::default();
        let before = self.state.last_zxid;
        let mut here = Here(&self.clients, &self.rules.auth);
        let (state, watches) = (&mut self.state, &mut self.watches);
        self.replica
            .finish(state, watches, &mut here, self.now, count, &mut out);
        assert!(self.state.last_zxid >= before);
        assert!(
            self.state.last_zxid <= self.durable,
            "applied means durable"
        );
        let gone: Vec<SessionId> = out
            .effects
            .iter()
            .filter_map(|effect| self.hear(effect, &out))
            .collect();
        for owner in self.state.tree.ephemeral_owners() {
            assert!(
                self.state.sessions.is_open(owner),
                "{owner} owns a node and is gone"
            );
        }
        for session in gone {
            let client = self
                .clients
                .iter()
                .position(|client| client.session == session);
            let client = client.expect("only clients have sessions");
            self.watches.remove_connection(self.clients[client].conn);
            self.connect(client);
        }
    }

    fn client_of(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.conn == conn)
    }

    /// Checks one effect as its receiver would; returns the session that it ends.
    fn hear(&mut self, effect: &Effect, out: &Outputs) -> Option<SessionId> {
        let durable = self.durable;
        match effect {
            Effect::Reply { asker, bytes } => {
                let Some(client) = self.client_of(asker.conn) else {
                    assert!(bytes.is_empty(), "an answer to nobody");
                    return None;
                };
                let mut xids = Vec::new();
                let mut rest = &out.bytes[bytes.clone()];
                while let Some((payload, more)) =
                    frame::split(rest, FRAME_BYTES_MAX).expect("a good length")
                {
                    xids.push(check_header(payload, durable));
                    rest = more;
                }
                assert!(rest.is_empty(), "whole frames");
                let reply = xids.pop().expect("at least the reply");
                assert!(xids.iter().all(|xid| *xid == -1), "events before it");
                assert_eq!(
                    Some(reply),
                    client.asked.pop_front(),
                    "answers come in the order of requests"
                );
                None
            }
            Effect::Moved { .. }
            | Effect::SessionResumed { .. }
            | Effect::SessionUnopened { .. }
            | Effect::SessionRefused { .. } => unreachable!("only in an ensemble"),
            Effect::Unanswered { asker } => {
                if let Some(client) = self.client_of(asker.conn) {
                    let skipped = client.asked.pop_front();
                    assert!(skipped.is_some(), "it was asked for");
                }
                None
            }
            Effect::Event { receivers, bytes } => {
                let receivers = &out.receivers[receivers.clone()];
                assert!(!receivers.is_empty());
                let (payload, rest) = frame::split(&out.bytes[bytes.clone()], FRAME_BYTES_MAX)
                    .expect("a good length")
                    .expect("a whole frame");
                assert_eq!(check_header(payload, durable), -1);
                assert!(rest.is_empty(), "one frame");
                None
            }
            Effect::SessionOpened { session, .. } => {
                assert!(self.clients.iter().any(|client| client.session == *session));
                None
            }
            Effect::SessionClosed { session } => Some(*session),
        }
    }

    fn wait(&mut self, millis: i64) {
        self.now.monotonic = self.now.monotonic.plus(millis);
        self.now.wall = self.now.wall.plus(millis);
        self.replica.reap(&self.state, self.now);
    }

    fn expire(&mut self, client: usize) {
        let session = self.clients[client].session;
        if self.state.sessions.is_open(session) {
            self.replica.expire_session(&self.state, session, self.now);
        }
    }

    /// Begins a snapshot, or takes it one node further.
    fn snapshot(&mut self) {
        let state = &mut self.state;
        let Some(snapshot) = &mut self.snapshot else {
            let walk = SnapshotWalk::start(&mut state.tree);
            let mut encoder = SnapshotEncoder::new();
            encoder.sessions(&state.sessions.iter().collect::<Vec<_>>());
            encoder.acl_lists(&walk.acls(&state.tree));
            self.snapshot = Some(Snapshot {
                zxid: state.last_zxid,
                walk: Some(walk),
                encoder,
            });
            return;
        };
        let Some(mut walk) = snapshot.walk.take() else {
            return;
        };
        let more = walk.next_slice(&state.tree, 1, &mut |path, node| {
            snapshot
                .encoder
                .node(path, node.data(), node.acl_id(), node.persisted());
        });
        if more {
            snapshot.walk = Some(walk);
        } else {
            walk.finish(&mut state.tree);
            snapshot.encoder.end(&Sections::default());
        }
    }

    /// Lets everything in flight land. Ending a session opens another, so that takes some rounds.
    fn settle(&mut self) {
        loop {
            self.turn();
            if self.in_flight.is_empty() && !self.replica.has_ready() {
                break;
            }
            self.flush();
            self.finish(usize::MAX);
        }
        assert!(self.replica.is_idle(), "nothing is left in flight");
    }
}

/// The number of the answered request. The answer may not speak of what is not durable.
fn check_header(payload: &[u8], durable: Zxid) -> i32 {
    let (xid, rest) = payload.split_first_chunk::<4>().expect("a header");
    let (zxid, rest) = rest.split_first_chunk::<8>().expect("a header");
    assert!(rest.len() >= 4, "a header");
    let zxid = i64::from_be_bytes(*zxid);
    assert!(
        zxid <= durable.0,
        "{zxid} is answered, {durable} is durable"
    );
    i32::from_be_bytes(*xid)
}

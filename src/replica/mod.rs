//! One whole server with its wires cut: requests, ticks, packets of peers and "durable" go in; log batches
//! and effects come out. Pure: the street hands in clocks and chance, holds the locks and moves the bytes.

mod admit;
mod counts;
mod gate;
mod leader;
mod learner;
mod local;
mod member;
mod obey;
mod read_only;
mod recover;
mod relay;
mod role;
mod submission;

pub use admit::{NewSession, Resume, Resumption};
pub use counts::Counts;
pub use gate::Door;
pub use member::Member;
pub use recover::Recovery;
pub use role::Role;
pub use submission::{Header, Requests, Submission};

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::RequestThrottle;
use crate::consensus;
use crate::ops::Rules;
use crate::pipeline::{
    Asker, Audience, Effect, Finish, Forward, LogBatch, OpenBatch, Outputs, Prep, Prepared, Reaper,
    Room, State,
};
use crate::replica::gate::Gate;
use crate::replica::leader::Remote;
use crate::replica::relay::Relay;
use crate::session::local::LocalSessions;
use crate::session::owners::Owners;
use crate::types::{ConnId, LinkId, Millis, SessionId, Summary, Zxid};
use crate::watch::Watches;

/// Both clocks, read once per turn.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Since an arbitrary origin; never goes back.
    pub monotonic: Millis,
    /// Since the Unix epoch; stamps transactions.
    pub wall: Millis,
}

/// What a server is made of that does not change.
#[derive(Debug)]
pub struct Parts {
    /// The settings of operations.
    pub rules: Arc<Rules>,
    /// How many requests may be in process.
    pub throttle: RequestThrottle,
    /// When containers and TTL nodes go.
    pub reaper: Reaper,
    /// Randomises hashing.
    pub seed: u64,
    /// Whether the tree's digest is logged and compared with every transaction.
    pub digests: bool,
}

/// A server in any role: gate, prep or forward, log, room, finish.
#[derive(Debug)]
pub struct Replica {
    rules: Arc<Rules>,
    role: Role,
    gate: Gate,
    prep: Prep,
    forward: Forward,
    room: Room,
    open: OpenBatch,
    reaper: Reaper,
    digest_mismatches: u64,
    propagation_ms: Summary,
    /// The last transaction handed out by the leader.
    delivered: Zxid,
    /// Up to here the tree may hold effects of later transactions.
    fuzzy_upto: Zxid,
    /// What learners want of this leader and has not been looked at.
    remote: VecDeque<Remote>,
    /// Syncs of learners, and the transaction that each has to wait for.
    syncs: VecDeque<(Zxid, LinkId)>,
    /// Who serves which session, for a leader.
    owners: Owners,
    /// Sessions known to this server only; `None`: all are known to all.
    local: Option<LocalSessions>,
    /// Whether ephemeral nodes without a session are still to be removed.
    has_orphans: bool,
    /// Connections that wait for the leader's word about a session, and their timeouts in ms.
    resuming: BTreeMap<SessionId, (ConnId, i32)>,
    /// What a learner has asked of its leader, and for whom.
    relay: Relay,
    /// When a learner last told what it has heard of.
    reported: Millis,
    /// A role has ended, and what can still be answered of it has not been finished.
    retiring: bool,
    /// Requests of a role that has ended; finishing says so.
    unanswered: Vec<Asker>,
    /// Connections before this one belong to a role that has ended.
    first_conn: ConnId,
    /// The membership in force and its version.
    membership: Option<(Bytes, i64)>,
    /// For other servers.
    mail: Vec<consensus::Effect>,
}

impl Replica {
    /// A standalone server that stands at this state.
    pub fn new(state: &State, parts: Parts) -> Self {
        Replica {
            rules: parts.rules,
            role: Role::Standalone,
            gate: Gate::new(parts.throttle),
            prep: Prep::new(state, parts.seed, parts.digests),
            forward: Forward::new(parts.seed),
            room: Room::new(state.last_zxid),
            open: OpenBatch::default(),
            reaper: parts.reaper,
            digest_mismatches: 0,
            propagation_ms: Summary::default(),
            delivered: state.last_zxid,
            fuzzy_upto: Zxid(i64::MIN),
            remote: VecDeque::new(),
            syncs: VecDeque::new(),
            owners: Owners::new(parts.seed),
            local: None,
            has_orphans: false,
            resuming: BTreeMap::new(),
            relay: Relay::default(),
            reported: Millis(i64::MIN),
            retiring: false,
            unanswered: Vec::new(),
            first_conn: ConnId(0),
            membership: None,
            mail: Vec::new(),
        }
    }

    /// A member of an ensemble that stands at this state and has no role yet.
    pub fn member(state: &State, parts: Parts) -> Self {
        let mut replica = Replica::new(state, parts);
        replica.role = Role::None;
        replica.gate.retire();
        replica
    }

    /// With a table for new sessions, which are then known to this server only (`localSessionsEnabled`).
    #[must_use]
    pub fn with_local_sessions(mut self, local: Option<LocalSessions>) -> Self {
        self.local = local;
        self
    }

    /// The sessions known to this server only, and their timeouts in ms.
    pub fn local_sessions(&self) -> impl Iterator<Item = (SessionId, i32)> {
        self.local.iter().flat_map(LocalSessions::iter)
    }

    /// How many there are of these.
    pub fn local_session_count(&self) -> usize {
        self.local.as_ref().map_or(0, |local| local.iter().len())
    }

    /// What it is for its clients.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether this is a leader, who numbers transactions.
    fn leads(&self) -> bool {
        self.role == Role::Leader
    }

    /// How long whoever waits at the gate may be left alone, ms: 0 when it can enter now, `None` when
    /// nobody waits.
    pub fn gate_patience_ms(&self) -> Option<u32> {
        match (self.gate.is_empty(), self.gate.has_room()) {
            (true, _) => None,
            (false, true) => Some(0),
            (false, false) => Some(self.gate.stall_ms()),
        }
    }

    /// From now on whoever waits at the gate, and whoever comes, is dropped.
    pub fn close_gate(&mut self) {
        self.gate.close();
    }

    /// When [`Replica::expire`] wants to be called again, by the monotonic clock; `None` while this server
    /// ends no sessions.
    pub fn next_expiry(&self, state: &State) -> Option<Millis> {
        let local = self.local.as_ref().and_then(LocalSessions::next_deadline);
        let all = self.role.decides().then(|| state.sessions.next_deadline());
        [local, all.flatten()].into_iter().flatten().min()
    }

    /// Ends sessions that were not heard for too long. `last_touch` tells when a session was last heard at
    /// this server, and its timeout then. Returns them with the timeouts they had, ms.
    pub fn expire(
        &mut self,
        state: &mut State,
        now: Now,
        last_touch: &dyn Fn(SessionId) -> Option<(Millis, i32)>,
    ) -> Vec<(SessionId, i32)> {
        let mut expired = self.expire_local(now, last_touch);
        if !self.role.decides() {
            return expired;
        }
        let owners = &self.owners;
        let last_heard = |session| last_touch(session).max(owners.last_heard(session));
        for session in state.sessions.due(now.monotonic, &last_heard) {
            let timeout_ms = state.sessions.timeout(session).unwrap_or_default();
            expired.push((session, timeout_ms));
            self.expire_session(state, session, now);
        }
        expired
    }

    /// Ends a session that has expired.
    pub fn expire_session(&mut self, state: &State, session: SessionId, now: Now) {
        let start = self.open.log.len();
        let log = &mut self.open.log;
        let prepared = self
            .prep
            .expire_session(state, &self.rules, session, now.wall, log);
        if let Some(Prepared::Logged(zxid)) = prepared {
            self.open.push_txn(zxid, start, None);
        }
    }

    /// Removes containers and TTL nodes whose time has come.
    pub fn reap(&mut self, state: &State, now: Now) {
        if !self.role.decides() {
            return;
        }
        for path in self.reaper.due(state, now.monotonic, now.wall) {
            let start = self.open.log.len();
            let log = &mut self.open.log;
            let prepared = self.prep.reap(state, &self.rules, &path, now.wall, log);
            if let Some(Prepared::Logged(zxid)) = prepared {
                self.open.push_txn(zxid, start, None);
            }
        }
    }

    /// When [`Replica::reap`] wants to be called again, by the monotonic clock; `None` while this server
    /// removes nothing.
    pub fn next_reap(&self) -> Option<Millis> {
        self.role.decides().then(|| self.reaper.next())
    }

    /// Ends the turn: what was judged goes into the room. Its records, if any, are to be logged.
    pub fn take_log(&mut self) -> Option<LogBatch> {
        self.room.enter(std::mem::take(&mut self.open))
    }

    /// The log is on disk up to here: standalone, that is enough.
    pub fn durable(&mut self, zxid: Zxid) {
        assert_eq!(self.role, Role::Standalone, "an ensemble needs a quorum");
        self.room.release(zxid);
    }

    /// Whether [`Replica::finish`] has something to do.
    pub fn has_ready(&self) -> bool {
        self.room.has_ready() || !self.unanswered.is_empty()
    }

    /// Whether a role has ended, and what can still be answered of it is ready to be finished.
    pub fn is_retiring(&self) -> bool {
        self.retiring
    }

    /// Whether nothing at all waits or is in flight.
    pub fn is_idle(&self) -> bool {
        self.gate.is_empty()
            && self.room.is_empty()
            && self.forward.is_empty()
            && self.unanswered.is_empty()
    }

    /// Transactions whose digest did not match since the start.
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches
    }

    /// From the judgement of each transaction until it was applied here, ms by both clocks; of those since the
    /// last call.
    pub fn take_propagation_ms(&mut self) -> Summary {
        std::mem::take(&mut self.propagation_ms)
    }

    /// Syncs of learners that wait for what was proposed before them.
    pub fn pending_syncs(&self) -> usize {
        self.syncs.len()
    }

    /// Applies and answers up to `count` items that are ready. Returns how many transactions were
    /// applied.
    pub fn finish(
        &mut self,
        state: &mut State,
        watches: &mut Watches,
        audience: &mut dyn Audience,
        now: Now,
        count: usize,
        out: &mut Outputs,
    ) -> usize {
        let unanswered = self.unanswered.drain(..);
        let unanswered = unanswered.map(|asker| Effect::Unanswered { asker });
        out.effects.extend(unanswered);
        let before = out.effects.len();
        let mut finish = Finish {
            rules: &self.rules,
            state,
            watches,
            audience,
            prep: &mut self.prep,
            forward: &mut self.forward,
            now: now.monotonic,
            out,
            digest_mismatches: &mut self.digest_mismatches,
            wall: now.wall,
            propagation_ms: &mut self.propagation_ms,
            fuzzy_upto: self.fuzzy_upto,
            retiring: &mut self.retiring,
        };
        let was_retiring = *finish.retiring;
        let applied = finish.run(&mut self.room, count);
        self.note(&out.effects[before..]);
        if was_retiring && !self.retiring {
            self.gate.clear();
        }
        if let Role::Elected { epoch } = self.role
            && state.last_zxid >= epoch
        {
            self.role = Role::Leader;
        }
        applied
    }

    /// Requests that were let in are over, sessions have ended.
    fn note(&mut self, effects: &[Effect]) {
        let mut over = 0;
        for effect in effects {
            match effect {
                Effect::Reply { .. } | Effect::SessionOpened { .. } | Effect::Moved { .. } => {
                    over += 1;
                }
                Effect::SessionClosed { session } if self.role != Role::Standalone => {
                    self.owners.forget(*session);
                    self.forget_local(*session);
                }
                Effect::Event { .. }
                | Effect::Unanswered { .. }
                | Effect::SessionResumed { .. }
                | Effect::SessionRefused { .. }
                | Effect::SessionUnopened { .. }
                | Effect::SessionClosed { .. } => {}
            }
        }
        self.gate.left(over);
    }
}

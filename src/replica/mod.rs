//! One whole server with its wires cut: requests, ticks and "durable" go in; log batches and effects
//! come out. Pure: the street hands in clocks and chance, holds the locks and moves the bytes.

mod admit;
mod gate;
mod recover;
mod submission;

pub use admit::NewSession;
pub use gate::Door;
pub use recover::Recovery;
pub use submission::{Header, Requests, Submission};

use std::sync::Arc;

use crate::config::RequestThrottle;
use crate::ops::Rules;
use crate::pipeline::{
    Audience, Effect, Finish, LogBatch, OpenBatch, Outputs, Prep, Prepared, Reaper, Room, State,
};
use crate::replica::gate::Gate;
use crate::types::{Millis, SessionId, Zxid};
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

/// A standalone server: gate, prep, log, finish.
#[derive(Debug)]
pub struct Replica {
    rules: Arc<Rules>,
    gate: Gate,
    prep: Prep,
    room: Room,
    open: OpenBatch,
    reaper: Reaper,
    digest_mismatches: u64,
}

impl Replica {
    /// A server that stands at this state.
    pub fn new(state: &State, parts: Parts) -> Self {
        Replica {
            rules: parts.rules,
            gate: Gate::new(parts.throttle),
            prep: Prep::new(state, parts.seed, parts.digests),
            room: Room::new(state.last_zxid),
            open: OpenBatch::default(),
            reaper: parts.reaper,
            digest_mismatches: 0,
        }
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
        for path in self.reaper.due(state, now.monotonic, now.wall) {
            let start = self.open.log.len();
            if self
                .prep
                .reap(state, &self.rules, &path, now.wall, &mut self.open.log)
            {
                self.open.push_txn(self.prep.last_zxid(), start, None);
            }
        }
    }

    /// When [`Replica::reap`] wants to be called again, by the monotonic clock.
    pub fn next_reap(&self) -> Millis {
        self.reaper.next()
    }

    /// Whether a session can still be used: open, and its end not in flight.
    pub fn is_usable(&self, state: &State, session: SessionId) -> bool {
        state.sessions.is_open(session) && !self.prep.is_closing(session)
    }

    /// Ends the turn: what was judged goes into the room. Its records, if any, are to be logged.
    pub fn take_log(&mut self) -> Option<LogBatch> {
        self.room.enter(std::mem::take(&mut self.open))
    }

    /// The log is on disk up to here.
    pub fn durable(&mut self, zxid: Zxid) {
        self.room.durable(zxid);
    }

    /// Whether [`Replica::finish`] has something to do.
    pub fn has_ready(&self) -> bool {
        self.room.has_ready()
    }

    /// Whether nothing at all waits or is in flight.
    pub fn is_idle(&self) -> bool {
        self.gate.is_empty() && self.room.is_empty()
    }

    /// Transactions whose digest did not match since the start.
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches
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
        let mut finish = Finish {
            rules: &self.rules,
            state,
            watches,
            audience,
            prep: &mut self.prep,
            now: now.monotonic,
            out,
            digest_mismatches: &mut self.digest_mismatches,
        };
        let before = finish.out.effects.len();
        let applied = finish.run(&mut self.room, count);
        let answered = out.effects[before..].iter().filter(|effect| match effect {
            Effect::Reply { .. } | Effect::SessionOpened { .. } => true,
            Effect::Event { .. } | Effect::Unanswered { .. } | Effect::SessionClosed { .. } => {
                false
            }
        });
        self.gate.left(answered.count());
        applied
    }
}

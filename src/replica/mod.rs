//! One whole server with its wires cut: requests, ticks and "durable" go in; log batches and effects
//! come out. Pure: the street hands in clocks and chance, holds the locks and moves the bytes.

mod recover;
mod submission;

pub use recover::Recovery;
pub use submission::{Requests, Submission};

use std::sync::Arc;

use crate::ops::Rules;
use crate::pipeline::{
    Asker, Audience, Finish, Incoming, Item, LogBatch, OpenBatch, Outputs, Prep, Prepared, Reaper,
    Room, State,
};
use crate::proto::request;
use crate::types::{ConnId, Millis, SessionId, Zxid};
use crate::watch::Watches;

/// Both clocks, read once per turn.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Since an arbitrary origin; never goes back.
    pub monotonic: Millis,
    /// Since the Unix epoch; stamps transactions.
    pub wall: Millis,
}

/// A standalone server: prep, log, finish.
#[derive(Debug)]
pub struct Replica {
    rules: Arc<Rules>,
    prep: Prep,
    room: Room,
    open: OpenBatch,
    reaper: Reaper,
    digest_mismatches: u64,
}

impl Replica {
    /// A server that stands at this state. `seed` randomises hashing; `digests` logs and compares the
    /// tree's digest with every transaction.
    pub fn new(rules: Arc<Rules>, state: &State, reaper: Reaper, seed: u64, digests: bool) -> Self {
        Replica {
            rules,
            prep: Prep::new(state, seed, digests),
            room: Room::new(state.last_zxid),
            open: OpenBatch::default(),
            reaper,
            digest_mismatches: 0,
        }
    }

    /// Takes what a connection read: judges writes, lets reads wait behind them.
    ///
    /// Returns how many of them nobody will be answered: their session is gone or going.
    pub fn submit(&mut self, state: &State, submission: &Submission, now: Now) -> usize {
        let mut dropped = 0;
        for (header, body) in submission.requests() {
            let asker = Asker {
                conn: submission.conn,
                xid: header.xid,
                since: submission.since,
            };
            if header.op.is_write() {
                let incoming = Incoming {
                    session: submission.session,
                    xid: header.xid,
                    op: header.op,
                    body: request::reader(body, self.rules.field_bytes_max),
                    who: &submission.who,
                };
                dropped += usize::from(!self.write(state, incoming, asker, now));
            } else if self.is_usable(state, submission.session) {
                let start = self.open.frames.len();
                self.open.frames.extend_from_slice(body);
                self.open.items.push_back(Item::Read {
                    asker,
                    session: submission.session,
                    op: header.op,
                    body: start..self.open.frames.len(),
                    who: Arc::clone(&submission.who),
                });
            } else {
                dropped += 1;
            }
        }
        dropped
    }

    /// False when nobody will be answered.
    fn write(&mut self, state: &State, incoming: Incoming<'_>, asker: Asker, now: Now) -> bool {
        let start = self.open.log.len();
        let prepared =
            self.prep
                .request(state, &self.rules, incoming, now.wall, &mut self.open.log);
        match prepared {
            Prepared::Logged(zxid) => self.open.push_txn(zxid, start, Some(asker)),
            Prepared::Refused(code) => self.open.items.push_back(Item::Refusal { asker, code }),
            Prepared::Dropped => return false,
        }
        true
    }

    /// Opens a session for a connection; the answer is an effect of finishing.
    pub fn open_session(&mut self, conn: ConnId, session: SessionId, timeout_ms: i32, now: Now) {
        let start = self.open.log.len();
        let log = &mut self.open.log;
        if let Prepared::Logged(zxid) = self.prep.open_session(session, timeout_ms, now.wall, log) {
            let asker = Asker {
                conn,
                xid: 0,
                since: now.monotonic,
            };
            self.open.push_txn(zxid, start, Some(asker));
        }
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

    /// Whether nothing at all is in flight.
    pub fn is_idle(&self) -> bool {
        self.room.is_empty()
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
        finish.run(&mut self.room, count)
    }
}

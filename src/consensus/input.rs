//! Everything that can reach a peer. Who sends it: transports, the log, the clock, the local pipeline.

use bytes::Bytes;

use crate::proto::ballot::Ballot;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, Zxid};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed. Wanted at the latest at `Peer::next_tick`.
    Tick,
    /// What the oracle says: whether this server may go on without the other one. Wanted while
    /// `Peer::wants_oracle`, before anything else.
    Oracle(bool),
    /// A ballot arrived on the election port.
    Ballot {
        /// Who sent it.
        from: ServerId,
        /// What it says.
        ballot: Ballot,
    },

    /// The dialled leader is connected.
    LeaderUp,
    /// The leader cannot be reached, or its connection has ended.
    LeaderDown,
    /// The leader is alive although no whole packet came: part of a snapshot did.
    LeaderAlive,
    /// A packet of the leader. After [`ToLearner::Snap`] the transport receives the whole snapshot and
    /// hands in [`Input::Snapshot`] before the packets behind it.
    FromLeader(ToLearner),
    /// The leader's snapshot has been received whole and checked; it is held aside until
    /// [`crate::consensus::Effect::Install`].
    Snapshot(Zxid),

    /// A learner has connected.
    LearnerUp(LinkId),
    /// A learner's connection has ended.
    LearnerDown(LinkId),
    /// A packet of a learner.
    FromLearner(LinkId, ToLeader),

    /// The leader's own pipeline has numbered a transaction; it is on its way to the own log.
    Proposed {
        /// Its number: the successor of the last one.
        zxid: Zxid,
        /// The body of the log record.
        body: Bytes,
    },
    /// The own log is on disk up to here.
    Durable(Zxid),
    /// A task of storage is over.
    Done(Task, Outcome),
}

/// Names a task that was asked for; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task(pub u64);

/// How a task ended. A task that fails for good (broken disk) ends the process instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Saved,
    /// The state, and what is on disk, now stand at this transaction.
    At(Zxid),
    /// The log was streamed up to and including this transaction.
    Streamed(Zxid),
    /// The log does not reach that far back, or is too long to be worth it: send a snapshot instead.
    Unavailable,
}

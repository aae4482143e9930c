//! What a server is for its clients, and which stages their requests go through then. Every stage is there
//! once; a role only says which come after which.
//!
//! | role | a write | a transaction is applied |
//! | --- | --- | --- |
//! | standalone | prep, room, finish | when the log says it is durable |
//! | leader | prep (and out as a proposal), room, finish | when a quorum has it |
//! | learner | forward ... room, finish | when the leader says so |
//! | read-only | refused | never |
//! | none | dropped, with its connection | as the former role would have it |
//!
//! A learner's reads go through forward only behind an answer that the leader owes their session.

use crate::types::Zxid;

/// What a server is for its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Alone.
    Standalone,
    /// Nothing: no leader is known, or this server is not up to date.
    None,
    /// No leader has been known for a while: clients that are content with that may read.
    ReadOnly,
    /// About to lead: what it has of former leaders is still to be applied.
    Elected {
        /// Its epoch, as a zxid with counter 0.
        epoch: Zxid,
    },
    /// Leading.
    Leader,
    /// Following or observing.
    Learner,
}

impl Role {
    /// Whether this server judges writes, ends sessions and removes what has expired.
    pub(super) fn decides(self) -> bool {
        matches!(self, Role::Standalone | Role::Leader)
    }
}

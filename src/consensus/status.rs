//! What a peer shows of itself: plain numbers for the words, logs and metrics. Never read back by any decision.

use crate::consensus::Phase;
use crate::types::{ServerId, Zxid};

/// A picture of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How far it is.
    pub phase: Phase,
    /// Whom it follows, or itself when it leads.
    pub leader: Option<ServerId>,
    /// Whether the committed membership lets it vote.
    pub voter: bool,
    /// The highest epoch it has promised to take part in; durable.
    pub accepted_epoch: i64,
    /// The epoch of its history; durable.
    pub current_epoch: i64,
    /// The last transaction appended to its log.
    pub logged: Zxid,
    /// The last transaction applied to its state.
    pub delivered: Zxid,
    /// The last transaction proposed by it; only a leader has one.
    pub proposed: Option<Zxid>,
    /// How many proposals are not committed yet.
    pub outstanding: usize,
    /// Version of the committed membership.
    pub config_version: i64,
    /// A leader's learners; all 0 elsewhere.
    pub learners: Learners,
    /// Who serves this observer: the leader, or a follower in its place. Only an observer that has called has one.
    pub master: Option<ServerId>,
    /// The observers that this follower serves; `None` when it serves none at all.
    pub observers: Option<usize>,
    /// Sizes of the proposals of a leader.
    pub proposal_sizes: Option<ProposalSizes>,
}

/// How many learners a leader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Learners {
    /// All that are connected (`learners`).
    pub connected: usize,
    /// Followers that get proposals, voting or not (`followers`).
    pub followers: usize,
    /// Those of them that have acknowledged lately and vote (`synced_followers`).
    pub synced_followers: usize,
    /// Those of them that have acknowledged lately and do not vote (`synced_non_voting_followers`).
    pub synced_non_voters: usize,
    /// Observers that get committed transactions (`synced_observers`).
    pub observers: usize,
}

/// Sizes of proposals in bytes (`last_proposal_size` and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalSizes {
    /// Of the last one.
    pub last: usize,
    /// Of the smallest one.
    pub min: usize,
    /// Of the largest one.
    pub max: usize,
}

//! The electoral roll: who votes, what a vote weighs, and the text that says so in every ballot.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::Quorums;
use crate::consensus::Vote;
use crate::types::ServerId;

/// The committed membership, and the last seen one, as an election needs them.
#[derive(Debug, Clone)]
pub struct Roll {
    committed: Arc<Membership>,
    quorums: Quorums,
    /// Voters of either membership, whichever is newer.
    voters: BTreeSet<ServerId>,
    /// Text of the committed membership.
    text: Bytes,
    /// Two voters, and an oracle that does not want this one to go on alone.
    defers: bool,
}

impl Roll {
    /// The roll for a committed membership and the last seen one, which may be the same.
    /// `text` is the text of the committed one.
    pub fn of(committed: &Arc<Membership>, last_seen: &Membership, text: Bytes) -> Self {
        Roll {
            committed: Arc::clone(committed),
            quorums: Quorums::of(committed, last_seen),
            voters: committed.voters().chain(last_seen.voters()).collect(),
            text,
            defers: false,
        }
    }

    /// With the word of an oracle; `None`: there is none, or it has not been asked.
    #[must_use]
    pub fn with_oracle(mut self, says: Option<bool>) -> Self {
        self.quorums.set_lone(says == Some(true));
        self.defers = says == Some(false) && self.committed.voter_count() == 2;
        self
    }

    /// Whether the other voter is followed when it says that it leads, without a quorum: the oracle has let it
    /// go on alone.
    // apache 3.9.5: server/quorum/FastLeaderElection.java receivedLeadingNotification
    pub(crate) fn defers(&self) -> bool {
        self.defers
    }

    /// Version of the committed membership.
    pub(crate) fn version(&self) -> i64 {
        self.committed.version
    }

    /// Text of the committed membership.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// Everybody who votes in the committed or in the last seen membership, in ascending order.
    // apache 3.9.5: server/quorum/QuorumPeer.java getCurrentAndNextConfigVoters
    pub(crate) fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.voters.iter().copied()
    }

    /// Whether the server is one of them.
    pub(crate) fn is_voter(&self, id: ServerId) -> bool {
        self.voters.contains(&id)
    }

    /// Whether the server votes in the committed membership.
    pub(crate) fn is_committed_voter(&self, id: ServerId) -> bool {
        self.committed.is_voter(id)
    }

    /// Whether a vote wins over another. Who weighs nothing in the committed membership never wins.
    pub(crate) fn beats(&self, vote: &Vote, other: &Vote) -> bool {
        vote.beats(other, self.committed.weight(vote.leader))
    }

    /// Whether these servers are a quorum: of the committed membership, and of a newer one when there is one.
    pub(crate) fn is_quorum(&self, servers: &BTreeSet<ServerId>) -> bool {
        self.quorums.contains(servers)
    }

    /// Whether these servers are a quorum of the committed membership, or of a newer one when there is one.
    pub(crate) fn is_some_quorum(&self, servers: &BTreeSet<ServerId>) -> bool {
        self.quorums.any_contains(servers)
    }
}

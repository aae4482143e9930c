//! What a vote names, and which of two votes is better. Who voted, and how many, is `quorum`'s business.

use crate::types::{ServerId, Zxid};

/// A choice of a leader (`Vote`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// Whom; [`Vote::NOBODY`] from a server that may not vote for itself and knows nobody else.
    pub leader: ServerId,
    /// The last transaction of that server.
    pub zxid: Zxid,
    /// In which round of elections the vote was cast (`electionEpoch`, the logical clock).
    pub round: i64,
    /// The current epoch of that server (`peerEpoch`).
    pub epoch: i64,
}

impl Vote {
    /// Below every server.
    pub const NOBODY: ServerId = ServerId(i64::MIN);

    /// Whether this vote wins over `other`: the higher epoch first, then the higher transaction, then the higher id, all
    /// signed. `weight` is that of this vote's leader: who weighs nothing never wins. Rounds do not count.
    // apache 3.9.5: server/quorum/FastLeaderElection.java totalOrderPredicate
    pub fn beats(&self, other: &Vote, weight: i64) -> bool {
        let rank = |vote: &Vote| (vote.epoch, vote.zxid, vote.leader);
        weight != 0 && rank(self) > rank(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vote(epoch: i64, zxid: i64, leader: i64) -> Vote {
        Vote {
            leader: ServerId(leader),
            zxid: Zxid(zxid),
            round: 0,
            epoch,
        }
    }

    #[test]
    fn epoch_before_zxid_before_id() {
        assert!(vote(2, 0, 0).beats(&vote(1, 9, 9), 1));
        assert!(vote(1, 2, 0).beats(&vote(1, 1, 9), 1));
        assert!(vote(1, 1, 2).beats(&vote(1, 1, 1), 1));
        assert!(!vote(1, 1, 1).beats(&vote(1, 1, 1), 1));
    }

    #[test]
    fn numbers_are_signed_and_nobody_is_last() {
        assert!(vote(0, 0, 0).beats(&vote(-1, 9, 9), 1));
        assert!(vote(0, 0, 0).beats(&vote(0, -1, 9), 1));
        let nobody = vote(i64::MIN, i64::MIN, Vote::NOBODY.0);
        assert!(vote(0, 0, -7).beats(&nobody, 1));
    }

    #[test]
    fn weightless_servers_never_win() {
        assert!(!vote(9, 9, 9).beats(&vote(1, 1, 1), 0));
        assert!(vote(9, 9, 9).beats(&vote(1, 1, 1), -1));
    }

    fn votes() -> impl Strategy<Value = Vote> {
        (-1..3i64, -1..3i64, -1..3i64).prop_map(|(epoch, zxid, leader)| vote(epoch, zxid, leader))
    }

    proptest! {
        #[test]
        fn of_two_different_votes_exactly_one_wins(a in votes(), b in votes()) {
            prop_assert_eq!(a != b, a.beats(&b, 1) != b.beats(&a, 1));
        }

        #[test]
        fn the_order_is_transitive(a in votes(), b in votes(), c in votes()) {
            prop_assert!(!(a.beats(&b, 1) && b.beats(&c, 1)) || a.beats(&c, 1));
        }
    }
}

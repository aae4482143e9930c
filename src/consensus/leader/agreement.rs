//! What a leader and a quorum of voters agree on before it may lead: an epoch, that nobody has more history, and
//! that everybody has the same. Counting only. Upstream: `Leader.getEpochToPropose`, `waitForEpochAck`,
//! `waitForNewLeaderAck`.

use std::collections::BTreeSet;

use crate::consensus::{Electorate, Quorums};
use crate::types::{ServerId, Zxid};

/// Whose history is longer: the epoch comes first.
pub(crate) type Summary = (i64, Zxid);

/// Three quorums, one after the other; the leader itself is part of each.
#[derive(Debug)]
pub(crate) struct Agreement {
    me: ServerId,
    /// The leader's own history when it was elected.
    summary: Summary,
    /// Above every accepted epoch that was reported.
    epoch: i64,
    connected: BTreeSet<ServerId>,
    promised: BTreeSet<ServerId>,
    synchronised: BTreeSet<ServerId>,
}

/// What an `ACKEPOCH` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It was counted.
    Counted,
    /// The learner had accepted the epoch before, or has no history to vouch for: it goes on, but does not count.
    NotCounted,
    /// The learner has more history than the leader.
    Ahead,
}

impl Agreement {
    /// Begins with the leader's own voice.
    pub(crate) fn new(me: ServerId, accepted_epoch: i64, summary: Summary) -> Self {
        Agreement {
            me,
            summary,
            epoch: accepted_epoch + 1,
            connected: BTreeSet::from([me]),
            promised: BTreeSet::from([me]),
            synchronised: BTreeSet::new(),
        }
    }

    /// The epoch proposed so far.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// A learner has said which epoch it accepted last. Everybody's counts, or an observer could be offered an epoch
    /// it knows already.
    pub(crate) fn connect(&mut self, id: ServerId, accepted_epoch: i64) {
        self.epoch = self.epoch.max(accepted_epoch.saturating_add(1));
        self.connected.insert(id);
    }

    /// Whether enough servers are there to choose the epoch: of the last seen membership, too. It may be in force already
    /// where this server has not heard of it, and choose the same epoch.
    // apache 3.9.5: server/quorum/Leader.java getEpochToPropose, waitForEpochAck; they ask the committed one only
    pub(crate) fn connected(&self, quorums: &Quorums) -> bool {
        self.agreed(&self.connected, quorums)
    }

    /// A learner has promised to take part in no lower epoch.
    pub(crate) fn promise(&mut self, id: ServerId, summary: Option<Summary>) -> Promise {
        let Some((epoch, zxid)) = summary else {
            return Promise::NotCounted;
        };
        if (epoch, zxid) > self.summary {
            return Promise::Ahead;
        }
        if zxid == Zxid(-1) {
            return Promise::NotCounted;
        }
        self.promised.insert(id);
        Promise::Counted
    }

    /// Whether enough servers have promised.
    pub(crate) fn promised(&self, quorums: &Quorums) -> bool {
        self.agreed(&self.promised, quorums)
    }

    /// A server has acknowledged `NEWLEADER`.
    pub(crate) fn synchronise(&mut self, id: ServerId) {
        self.synchronised.insert(id);
    }

    /// Whether enough servers have the leader's history, now in the new epoch.
    pub(crate) fn synchronised(&self, quorums: &Quorums) -> bool {
        self.agreed(&self.synchronised, quorums)
    }

    /// Somebody of these who has acknowledged `NEWLEADER`, other than the leader.
    pub(crate) fn other(&self, of: &Electorate) -> Option<ServerId> {
        let others = self.synchronised.iter().filter(|id| **id != self.me);
        others.copied().find(|id| of.is_voter(*id))
    }

    fn agreed(&self, ids: &BTreeSet<ServerId>, quorums: &Quorums) -> bool {
        ids.contains(&self.me) && quorums.contains(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::membership;

    fn quorums() -> Quorums {
        let membership = membership(&[1, 2, 3], &[4]);
        Quorums::of(&membership, &membership)
    }

    fn agreement() -> Agreement {
        Agreement::new(ServerId(1), 5, (4, Zxid(4 << 32 | 7)))
    }

    #[test]
    fn the_epoch_is_above_everybodys_observers_included() {
        let mut agreement = agreement();
        assert_eq!(agreement.epoch(), 6);
        agreement.connect(ServerId(4), 9);
        assert_eq!(agreement.epoch(), 10);
        assert!(
            !agreement.connected(&quorums()),
            "an observer does not count"
        );
        agreement.connect(ServerId(2), 3);
        assert!(agreement.connected(&quorums()));
        assert_eq!(agreement.epoch(), 10);
    }

    #[test]
    fn a_repeated_promise_does_not_count() {
        let mut agreement = agreement();
        assert_eq!(agreement.promise(ServerId(2), None), Promise::NotCounted);
        let empty = Some((0, Zxid(-1)));
        assert_eq!(agreement.promise(ServerId(3), empty), Promise::NotCounted);
        assert!(!agreement.promised(&quorums()));
        let behind = Some((4, Zxid(4 << 32 | 6)));
        assert_eq!(agreement.promise(ServerId(2), behind), Promise::Counted);
        assert!(agreement.promised(&quorums()));
    }

    #[test]
    fn whoever_has_more_history_is_turned_away() {
        for ahead in [(5, Zxid(1)), (4, Zxid(4 << 32 | 8))] {
            let mut agreement = agreement();
            assert_eq!(agreement.promise(ServerId(2), Some(ahead)), Promise::Ahead);
            assert!(!agreement.promised(&quorums()));
        }
    }

    #[test]
    fn nothing_is_agreed_without_the_leader() {
        let mut agreement = agreement();
        agreement.synchronise(ServerId(2));
        agreement.synchronise(ServerId(3));
        assert!(!agreement.synchronised(&quorums()));
        agreement.synchronise(ServerId(1));
        assert!(agreement.synchronised(&quorums()));
    }
}

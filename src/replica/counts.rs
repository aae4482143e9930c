//! What a member counts of its part in the ensemble, for operators. Nothing is decided by it.

use std::collections::VecDeque;

use crate::consensus::{Effect, Input};
use crate::proto::peer::ToLearner;
use crate::types::{LinkId, Millis, Summary, Zxid};

/// Counts since they were taken last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Transactions that it has proposed as the leader.
    pub proposals: u64,
    /// Those of them that were committed.
    pub commits: u64,
    /// Learners that it has synchronised with transactions.
    pub diffs: u64,
    /// Learners that it has synchronised with a snapshot.
    pub snapshots: u64,
    /// Proposals that it has got as a follower.
    pub proposals_received: u64,
    /// Committed transactions that it has been told of as a learner.
    pub commits_received: u64,
    /// From a proposal to its commit, ms; of a leader.
    pub quorum_ack_ms: Summary,
    /// From a proposal until it reaches this follower, ms by both clocks.
    pub proposal_ms: Summary,
    /// From a proposal until this learner is told of its commit, ms by both clocks.
    pub commit_ms: Summary,
}

impl Counts {
    /// Those of another time as well.
    pub fn merge(&mut self, other: Counts) {
        let Counts {
            proposals,
            commits,
            diffs,
            snapshots,
            proposals_received,
            commits_received,
            quorum_ack_ms,
            proposal_ms,
            commit_ms,
        } = other;
        self.proposals += proposals;
        self.commits += commits;
        self.diffs += diffs;
        self.snapshots += snapshots;
        self.proposals_received += proposals_received;
        self.commits_received += commits_received;
        self.quorum_ack_ms.merge(quorum_ack_ms);
        self.proposal_ms.merge(proposal_ms);
        self.commit_ms.merge(commit_ms);
    }
}

/// Counts, and what they need to go on.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: Counts,
    /// Proposals that are not committed: the last one of each batch, and when it was proposed.
    pending: VecDeque<(Zxid, Millis)>,
    /// The learner that a snapshot was sent to last.
    snapshot_for: Option<LinkId>,
}

impl Counter {
    /// Those since the last call.
    pub(super) fn take(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// A leader has proposed so many at once.
    pub(super) fn proposed(&mut self, count: u32, last: Zxid, wall: Millis) {
        self.counts.proposals += u64::from(count);
        self.pending.push_back((last, wall));
    }

    /// A learner that serves hears this of its leader; `time` is that of the transaction in it.
    pub(super) fn heard(&mut self, input: &Input, time: Option<Millis>, wall: Millis) {
        let Input::FromLeader(packet) = input else {
            return;
        };
        match (packet, time) {
            (ToLearner::Proposal { zxid, .. }, Some(time)) => {
                self.counts.proposals_received += 1;
                self.counts.proposal_ms.add_latency(wall.0 - time.0);
                self.pending.push_back((*zxid, time));
            }
            (ToLearner::Commit(zxid), _) => {
                self.counts.commits_received += 1;
                if let Some(time) = self.settle(*zxid) {
                    self.counts.commit_ms.add_latency(wall.0 - time.0);
                }
            }
            (ToLearner::Inform { .. }, Some(time)) => {
                self.counts.commits_received += 1;
                self.counts.commit_ms.add_latency(wall.0 - time.0);
            }
            _ => {}
        }
    }

    /// What consensus wants done. `leads`: of a leader that numbers transactions.
    pub(super) fn note(&mut self, effect: &Effect, leads: bool, wall: Millis) {
        match effect {
            Effect::Commit(zxid) if leads => {
                self.counts.commits += 1;
                if let Some(time) = self.settle(*zxid) {
                    self.counts.quorum_ack_ms.add_latency(wall.0 - time.0);
                }
            }
            Effect::StreamSnapshot(link, _) => self.snapshot_for = Some(*link),
            // Whatever brought it here: the end of a learner's synchronisation.
            Effect::Send(link, ToLearner::NewLeader { .. }) => {
                match self.snapshot_for.take_if(|other| other == link) {
                    Some(_) => self.counts.snapshots += 1,
                    None => self.counts.diffs += 1,
                }
            }
            Effect::Retire => self.pending.clear(),
            _ => {}
        }
    }

    /// When this one was proposed, if it is known. Earlier ones are over.
    fn settle(&mut self, zxid: Zxid) -> Option<Millis> {
        while self
            .pending
            .pop_front_if(|(last, _)| *last < zxid)
            .is_some()
        {}
        self.pending.front().map(|(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::Task;
    use bytes::Bytes;

    const EPOCH: i64 = 1 << 32;

    #[test]
    fn a_leader_counts_what_it_proposes_until_it_is_committed() {
        let mut counter = Counter::default();
        counter.proposed(2, Zxid(EPOCH + 2), Millis(100));
        counter.proposed(1, Zxid(EPOCH + 3), Millis(110));
        for (at, wall) in [(1, 105), (2, 107), (3, 130)] {
            counter.note(&Effect::Commit(Zxid(EPOCH + at)), true, Millis(wall));
        }
        let counts = counter.take();
        assert_eq!((counts.proposals, counts.commits), (3, 3));
        let waits = counts.quorum_ack_ms;
        assert_eq!((waits.min, waits.max, waits.sum), (5, 20, 5 + 7 + 20));
        // What is applied at the end of a role was committed by nobody yet.
        counter.note(&Effect::Commit(Zxid(EPOCH + 4)), false, Millis(140));
        assert_eq!(counter.take(), Counts::default());
    }

    #[test]
    fn a_learner_is_synchronised_one_way_or_the_other() {
        let mut counter = Counter::default();
        let mut note = |effect| counter.note(&effect, true, Millis(0));
        let done = |link| {
            let (zxid, config) = (Zxid(EPOCH), None);
            Effect::Send(LinkId(link), ToLearner::NewLeader { zxid, config })
        };
        note(done(1));
        note(Effect::StreamSnapshot(LinkId(2), Task(1)));
        note(done(2));
        note(done(2));
        let counts = counter.take();
        assert_eq!((counts.diffs, counts.snapshots), (2, 1));
    }

    #[test]
    fn a_learner_counts_what_it_is_told() {
        let mut counter = Counter::default();
        let told = |counter: &mut Counter, packet, time: Option<i64>, wall| {
            let input = Input::FromLeader(packet);
            counter.heard(&input, time.map(Millis), Millis(wall));
        };
        let (zxid, body) = (Zxid(EPOCH + 7), Bytes::new());
        // Proposed before it served: nobody knows when.
        told(&mut counter, ToLearner::Commit(Zxid(EPOCH + 6)), None, 90);
        let proposal = ToLearner::Proposal {
            zxid,
            body: body.clone(),
        };
        told(&mut counter, proposal, Some(100), 103);
        told(&mut counter, ToLearner::Commit(zxid), None, 108);
        told(
            &mut counter,
            ToLearner::Inform { zxid, body },
            Some(100),
            99,
        );
        let counts = counter.take();
        assert_eq!((counts.proposals_received, counts.commits_received), (1, 3));
        assert_eq!(counts.proposal_ms, Summary::of(3));
        assert_eq!(counts.commit_ms, Summary::of(8), "clocks may disagree");
    }
}

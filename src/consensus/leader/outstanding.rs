//! Proposals that are not committed yet, and who has them on disk. Arithmetic only: an acknowledgement finds its
//! proposal by its number, and costs no allocation. Upstream: `Leader.outstandingProposals`, `tryToCommit`.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::consensus::{Electorate, Quorums};
use crate::types::{ServerId, Zxid};

/// A bit per voice.
pub(crate) type Voices = u128;

/// A proposal.
#[derive(Debug)]
struct Proposal {
    body: Bytes,
    /// Who has it on disk.
    has: Voices,
}

/// Who must have the proposals from a transaction on.
#[derive(Debug)]
struct Rule {
    from: Zxid,
    quorums: Quorums,
}

/// All proposals of an epoch that are not committed, without a gap.
#[derive(Debug)]
pub(crate) struct Outstanding {
    proposals: VecDeque<Proposal>,
    /// The last one committed, or the epoch's beginning.
    committed: Zxid,
    /// Up to where the leader itself has them on disk.
    own: Zxid,
    own_voice: Option<u32>,
    /// Never empty; each holds until the next one begins.
    rules: VecDeque<Rule>,
    /// Everybody who has, or had, a voice. The place is the bit.
    voters: Vec<ServerId>,
}

impl Outstanding {
    /// An epoch begins.
    pub(crate) fn new(me: ServerId, epoch: Zxid, quorums: Quorums) -> Self {
        assert!(epoch.counter() == 0, "{epoch} begins an epoch");
        let mut outstanding = Outstanding {
            proposals: VecDeque::new(),
            committed: epoch,
            own: epoch,
            own_voice: None,
            rules: VecDeque::new(),
            voters: Vec::new(),
        };
        outstanding.rule(epoch.next(), quorums);
        outstanding.own_voice = outstanding.voice(me);
        outstanding
    }

    /// From this transaction on, these must agree.
    pub(crate) fn rule(&mut self, from: Zxid, quorums: Quorums) {
        for id in quorums.voters() {
            // Whoever comes after 128 voters has no voice: that is safe, and nobody has as many.
            let room = self.voters.len() < 128;
            if room && !self.voters.contains(&id) {
                self.voters.push(id);
            }
        }
        self.rules.push_back(Rule { from, quorums });
    }

    /// Of two voters one is enough, or not any more.
    pub(crate) fn set_lone(&mut self, lone: bool) {
        for rule in &mut self.rules {
            rule.quorums.set_lone(lone);
        }
    }

    /// The bit of a voter.
    pub(crate) fn voice(&self, id: ServerId) -> Option<u32> {
        let at = self.voters.iter().position(|voter| *voter == id)?;
        u32::try_from(at).ok()
    }

    /// The last one committed, or the epoch's beginning.
    pub(crate) fn committed(&self) -> Zxid {
        self.committed
    }

    /// The last one proposed, or the epoch's beginning.
    pub(crate) fn proposed(&self) -> Zxid {
        let count = i64::try_from(self.proposals.len()).expect("a queue is shorter than an i64");
        Zxid(self.committed.0 + count)
    }

    pub(crate) fn len(&self) -> usize {
        self.proposals.len()
    }

    /// Adds the successor of the last one.
    pub(crate) fn push(&mut self, zxid: Zxid, body: Bytes) {
        let last = self.proposed();
        assert!(zxid == last.next(), "{zxid} is proposed after {last}");
        self.proposals.push_back(Proposal { body, has: 0 });
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Zxid, &Bytes)> {
        let zxids = (self.committed.0 + 1..).map(Zxid);
        zxids.zip(self.proposals.iter().map(|proposal| &proposal.body))
    }

    /// A voter has one on disk. What is committed, or was never proposed, is passed over.
    pub(crate) fn ack(&mut self, zxid: Zxid, voice: u32) {
        let ahead = zxid.0.checked_sub(self.committed.0 + 1);
        let at = ahead.and_then(|at| usize::try_from(at).ok());
        if let Some(proposal) = at.and_then(|at| self.proposals.get_mut(at)) {
            proposal.has |= 1 << voice;
        }
    }

    /// A voter may have lost what it had.
    pub(crate) fn forget(&mut self, voice: u32) {
        for proposal in &mut self.proposals {
            proposal.has &= !(1 << voice);
        }
    }

    /// The leader itself has them on disk, up to this one.
    pub(crate) fn own_ack(&mut self, durable: Zxid) {
        let upto = durable.min(self.proposed());
        if let Some(voice) = self.own_voice {
            let mut next = self.own.max(self.committed);
            while next < upto {
                next = next.next();
                self.ack(next, voice);
            }
        }
        self.own = self.own.max(upto);
    }

    /// Takes the next proposal out if enough servers have it. Returns also who has it, for [`Outstanding::best`].
    pub(crate) fn commit_next(&mut self) -> Option<(Zxid, Bytes, Voices)> {
        let zxid = self.committed.next();
        let has = self.proposals.front()?.has;
        self.retire_rules(zxid);
        let rule = &self.rules[0];
        if !rule.quorums.reached(|id| self.is_in(id, has)) {
            return None;
        }
        let proposal = self.proposals.pop_front()?;
        self.committed = zxid;
        Some((zxid, proposal.body, has))
    }

    /// Who of these has most of the proposals; `has` says who has the transaction before them. Somebody must.
    // apache 3.9.5: server/quorum/Leader.java getDesignatedLeader
    pub(crate) fn best(&self, of: &Electorate, has: Voices, except: ServerId) -> Option<ServerId> {
        let mut left: Vec<ServerId> = of.voters().to_vec();
        left.retain(|id| *id != except && self.is_in(*id, has));
        for proposal in &self.proposals {
            let first = left.first().copied();
            left.retain(|id| self.is_in(*id, proposal.has));
            if left.is_empty() {
                return first;
            }
        }
        left.first().copied()
    }

    fn is_in(&self, id: ServerId, has: Voices) -> bool {
        let voice = self.voice(id);
        voice.is_some_and(|voice| has >> voice & 1 == 1)
    }

    /// The first rule is the one for this transaction, which is the next to be committed.
    fn retire_rules(&mut self, zxid: Zxid) {
        while self.rules.get(1).is_some_and(|next| next.from <= zxid) {
            self.rules.pop_front();
        }
    }

    /// Takes all of them out, in order.
    pub(crate) fn into_rest(self) -> impl Iterator<Item = (Zxid, Bytes)> {
        let zxids = (self.committed.0 + 1..).map(Zxid);
        zxids.zip(self.proposals.into_iter().map(|proposal| proposal.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Membership;
    use crate::consensus::testing::membership;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const EPOCH: Zxid = Zxid(7 << 32);

    fn zxid(counter: i64) -> Zxid {
        Zxid(EPOCH.0 + counter)
    }

    fn outstanding(voters: &[i64], proposals: i64) -> Outstanding {
        let membership = membership(voters, &[]);
        let quorums = Quorums::of(&membership, &membership);
        let mut outstanding = Outstanding::new(ServerId(1), EPOCH, quorums);
        for counter in 1..=proposals {
            outstanding.push(zxid(counter), Bytes::new());
        }
        outstanding
    }

    fn commit_all(outstanding: &mut Outstanding) -> Vec<i64> {
        let next = std::iter::from_fn(|| outstanding.commit_next());
        next.map(|(zxid, ..)| zxid.counter()).collect()
    }

    #[test]
    fn commits_leave_in_order() {
        let mut outstanding = outstanding(&[1, 2, 3], 3);
        outstanding.own_ack(zxid(3));
        let voice = outstanding.voice(ServerId(2)).expect("it votes");
        outstanding.ack(zxid(2), voice);
        assert_eq!(
            commit_all(&mut outstanding),
            [0; 0],
            "the first one is not there"
        );
        outstanding.ack(zxid(1), voice);
        assert_eq!(commit_all(&mut outstanding), [1, 2]);
        assert_eq!(outstanding.committed(), zxid(2));
        assert_eq!(outstanding.proposed(), zxid(3));
    }

    #[test]
    fn others_may_have_it_before_the_leader() {
        let mut outstanding = outstanding(&[1, 2, 3], 1);
        for id in [2, 3] {
            let voice = outstanding.voice(ServerId(id)).expect("it votes");
            outstanding.ack(zxid(1), voice);
        }
        assert_eq!(commit_all(&mut outstanding), [1]);
        outstanding.own_ack(zxid(1));
        outstanding.push(zxid(2), Bytes::new());
        outstanding.own_ack(zxid(2));
        assert_eq!(commit_all(&mut outstanding), [0; 0]);
    }

    #[test]
    fn what_is_committed_or_unknown_is_passed_over() {
        let mut outstanding = outstanding(&[1], 1);
        outstanding.own_ack(zxid(1));
        assert_eq!(commit_all(&mut outstanding), [1]);
        for odd in [zxid(1), zxid(2), Zxid(0), Zxid(i64::MIN), Zxid(i64::MAX)] {
            outstanding.ack(odd, 0);
        }
        outstanding.push(zxid(2), Bytes::new());
        assert_eq!(commit_all(&mut outstanding), [0; 0]);
    }

    #[test]
    fn strangers_have_no_voice() {
        let outstanding = outstanding(&[1, 2, 3], 1);
        assert_eq!(outstanding.voice(ServerId(4)), None);
    }

    #[test]
    fn what_is_forgotten_must_be_said_again() {
        let mut outstanding = outstanding(&[1, 2, 3], 2);
        let voice = outstanding.voice(ServerId(2)).expect("it votes");
        outstanding.ack(zxid(1), voice);
        outstanding.ack(zxid(2), voice);
        outstanding.forget(voice);
        outstanding.own_ack(zxid(2));
        assert_eq!(commit_all(&mut outstanding), [0; 0]);
        outstanding.ack(zxid(1), voice);
        assert_eq!(commit_all(&mut outstanding), [1]);
    }

    #[test]
    fn from_a_change_on_both_memberships_must_agree() {
        let mut outstanding = outstanding(&[1, 2, 3], 1);
        let old = membership(&[1, 2, 3], &[]);
        let new = Membership {
            version: 9,
            ..membership(&[1, 4, 5], &[])
        };
        outstanding.push(zxid(2), Bytes::new());
        outstanding.rule(zxid(2), Quorums::of(&old, &new));
        outstanding.own_ack(zxid(2));
        let has = |outstanding: &mut Outstanding, id| {
            let voice = outstanding.voice(ServerId(id)).expect("it votes somewhere");
            outstanding.ack(zxid(1), voice);
            outstanding.ack(zxid(2), voice);
        };
        has(&mut outstanding, 4);
        assert_eq!(
            commit_all(&mut outstanding),
            [0; 0],
            "4 is not of the old one"
        );
        has(&mut outstanding, 2);
        assert_eq!(commit_all(&mut outstanding), [1, 2]);
    }

    proptest! {
        /// The dumbest version: a set of servers per transaction.
        #[test]
        fn counting_agrees_with_its_slow_twin(
            voters in 1..6i64,
            events in prop::collection::vec((0..6i64, 0..12i64), 0..60),
        ) {
            let ids: Vec<i64> = (1..=voters).collect();
            let mut fast = outstanding(&ids, 9);
            let mut slow: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); 10];
            let mut committed = 0;
            for (id, counter) in events {
                if id == 1 {
                    fast.own_ack(zxid(counter));
                    (1..=counter.min(9)).for_each(|at| {
                        slow[usize::try_from(at).expect("small")].insert(1);
                    });
                } else if let Some(voice) = fast.voice(ServerId(id)) {
                    fast.ack(zxid(counter), voice);
                    if let Some(set) = usize::try_from(counter).ok().and_then(|at| slow.get_mut(at)) {
                        set.insert(id);
                    }
                }
                let got = commit_all(&mut fast);
                let mut want = Vec::new();
                while committed < 9 && slow[committed + 1].len() > ids.len() / 2 {
                    committed += 1;
                    want.push(i64::try_from(committed).expect("small"));
                }
                prop_assert_eq!(got, want);
            }
        }
    }
}

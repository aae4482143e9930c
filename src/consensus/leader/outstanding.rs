//! Proposals that are not committed yet, and who has them on disk. Arithmetic only: an acknowledgement finds its
//! proposal by its number, and costs no allocation. Upstream: `Leader.outstandingProposals`, `tryToCommit`.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::consensus::Quorums;
use crate::types::{ServerId, Zxid};

/// A bit per voice.
type Voices = u128;

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

    /// Takes the next proposal out if enough servers have it.
    pub(crate) fn commit_next(&mut self) -> Option<(Zxid, Bytes)> {
        let zxid = self.committed.next();
        let has = self.proposals.front()?.has;
        self.retire_rules(zxid);
        let rule = &self.rules[0];
        if !rule.quorums.reached(|id| self.is_in(id, has)) {
            return None;
        }
        let proposal = self.proposals.pop_front()?;
        self.committed = zxid;
        Some((zxid, proposal.body))
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

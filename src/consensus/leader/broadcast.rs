//! The broadcast: proposals out, acknowledgements in, commits in order. This is where a leader spends its time;
//! nothing here looks through all proposals or allocates per transaction, beyond the queues. Upstream:
//! `Leader.propose`, `processAck`, `tryToCommit`.

use bytes::Bytes;

use crate::consensus::Effect;
use crate::consensus::end::{Turn, over};
use crate::consensus::leader::Leader;
use crate::consensus::leader::outstanding::Voices;
use crate::consensus::link::hand_in;
use crate::consensus::own::Own;
use crate::consensus::status::ProposalSizes;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::Zxid;

impl Leader {
    /// The own pipeline has numbered a transaction, and given it to the log.
    pub(crate) fn on_proposed(
        &mut self,
        own: &mut Own,
        zxid: Zxid,
        body: Bytes,
        out: &mut Vec<Effect>,
    ) -> Turn {
        if let Some(membership) = own.change_in(&body) {
            own.see(membership, out);
            self.change = Some(zxid);
            self.rule_from(own, zxid);
        }
        let outstanding = self
            .outstanding
            .as_mut()
            .expect("a pipeline numbers transactions only after Lead");
        own.appended(zxid);
        let followers = self.links.iter_mut();
        for link in followers.filter(|link| link.forwarding && !link.observer) {
            link.on_sent(zxid, own.now);
            let body = body.clone();
            out.push(Effect::Send(link.link, ToLearner::Proposal { zxid, body }));
        }
        let len = body.len();
        outstanding.push(zxid, body);
        let before = self.sizes;
        self.sizes = Some(ProposalSizes {
            last: len,
            min: before.map_or(len, |sizes| sizes.min.min(len)),
            max: before.map_or(len, |sizes| sizes.max.max(len)),
        });
        match zxid.counter() < own.settings.counter_max {
            true => Ok(()),
            false => over("the epoch's numbers are used up"),
        }
    }

    /// The own log is on disk further than before: the leader's own acknowledgements.
    pub(crate) fn on_durable(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.own_ack(own.durable());
            self.commit(own, out);
        }
    }

    /// A packet of a learner that serves.
    pub(crate) fn on_serving(
        &mut self,
        own: &mut Own,
        at: usize,
        packet: ToLeader,
        out: &mut Vec<Effect>,
    ) {
        let link = self.links[at].link;
        match packet {
            ToLeader::Ack(zxid) => self.on_ack(own, at, zxid, out),
            packet => {
                if let Err(packet) = hand_in(link, packet, out) {
                    let why = format!("{packet:?} of a learner that serves");
                    self.hang_up(own, link, &why, out);
                }
            }
        }
    }

    // apache 3.9.5: server/quorum/Leader.java processAck
    fn on_ack(&mut self, own: &mut Own, at: usize, zxid: Zxid, out: &mut Vec<Effect>) {
        // The second acknowledgement of NEWLEADER follows UPTODATE.
        if zxid.counter() == 0 {
            return;
        }
        let link = &mut self.links[at];
        link.on_ack(zxid);
        let (Some(outstanding), Some(voice)) = (&mut self.outstanding, link.voice) else {
            return;
        };
        outstanding.ack(zxid, voice);
        if zxid == outstanding.committed().next() {
            self.commit(own, out);
        }
    }

    /// What is enough has changed with the word of the oracle.
    // apache 3.9.5: server/quorum/flexible/QuorumOracleMaj.java revalidateOutstandingProp
    pub(crate) fn heed(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.set_lone(own.may_be_alone());
            self.commit(own, out);
        }
    }

    /// Commits what enough servers have, in order.
    // apache 3.9.5: server/quorum/Leader.java tryToCommit
    fn commit(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        while self.commits
            && let Some((zxid, body, has)) = self.next_committed()
        {
            match self.change == Some(zxid) {
                true => self.activate(own, zxid, &body, has, out),
                false => self.tell_commit(zxid, &body, out),
            }
            own.apply(zxid, body);
            own.is_sure(zxid);
            // Before anything of the next one: what waits for this transaction goes out right behind it.
            out.push(Effect::Commit(zxid));
        }
    }

    fn next_committed(&mut self) -> Option<(Zxid, Bytes, Voices)> {
        self.outstanding.as_mut()?.commit_next()
    }

    fn tell_commit(&self, zxid: Zxid, body: &Bytes, out: &mut Vec<Effect>) {
        for link in self.links.iter().filter(|link| link.forwarding) {
            let packet = match link.observer {
                false => ToLearner::Commit(zxid),
                true => ToLearner::Inform {
                    zxid,
                    body: body.clone(),
                },
            };
            out.push(Effect::Send(link.link, packet));
        }
    }
}

//! What mutants do to inputs and effects on their way.

use oxkeeper::consensus::{Effect, Input};
use oxkeeper::proto::ballot::Ballot;
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::{LinkId, Zxid};

use crate::disk::Disk;
use crate::member::Service;
use crate::mutant::Mutant;
use crate::scene::Event;
use crate::world::World;

impl World {
    /// What a mutant makes of an effect, before anybody sees it.
    pub fn falsify(&self, member: usize, effect: Effect) -> Effect {
        let Effect::ToLeader(ToLeader::AckEpoch {
            last_zxid,
            current_epoch,
        }) = effect
        else {
            return effect;
        };
        let disk = &self.scene.disks[member];
        let forged = match self.mutant {
            Some(Mutant::RepeatedEpochAck) => ToLeader::AckEpoch {
                last_zxid,
                current_epoch: current_epoch.or(Some(disk.current_epoch)),
            },
            Some(Mutant::HistoriesIgnored) => ToLeader::AckEpoch {
                last_zxid,
                current_epoch: current_epoch.and(Some(0)),
            },
            _ => ToLeader::AckEpoch {
                last_zxid,
                current_epoch,
            },
        };
        Effect::ToLeader(forged)
    }

    /// What a mutant makes of a ballot.
    pub fn counterfeit(&self, to: usize, mut ballot: Ballot) -> Ballot {
        if self.is_mutant(Mutant::HistoriesIgnored) && ballot.leader.0 > 0 {
            // Every history looks as good as the receiver's own, so the highest id wins.
            ballot.zxid = self.scene.states[to].last;
            ballot.epoch = self.scene.disks[to].current_epoch;
        }
        ballot
    }

    /// What a leader hears at once about what it sends, although nobody says it.
    pub fn forged_ack(&self, member: usize, link: LinkId, packet: &ToLearner) -> Option<Zxid> {
        let mutant = self.mutant?;
        let learner = self.wires.conns.get(&link.0)?.learner.member;
        match (mutant, packet) {
            (Mutant::ForgedAcks, ToLearner::Proposal { zxid, .. })
            | (Mutant::ForgedEpochAcks, ToLearner::NewLeader { zxid, .. }) => Some(*zxid),
            // Whoever is still catching up acknowledges something else first.
            (_, ToLearner::Proposal { zxid, .. })
                if self.scene.services[learner] == Service::Learner(member) =>
            {
                let Disk {
                    committed, next, ..
                } = &self.scene.disks[member];
                let next = next.filter(|next| next.version == *zxid)?;
                let votes = (
                    committed.council.votes(learner),
                    next.council.votes(learner),
                );
                let forges = matches!(
                    (mutant, votes),
                    (Mutant::ActivateEarly, _)
                        | (Mutant::OldQuorumOnly, (false, true))
                        | (Mutant::NewQuorumOnly, (true, false))
                );
                forges.then_some(*zxid)
            }
            _ => None,
        }
    }

    /// Whether this may be such an acknowledgement of a change: no law is to notice the forgery itself.
    pub fn is_forged(&self, member: usize, input: &Input) -> bool {
        let forges = matches!(
            self.mutant,
            Some(Mutant::OldQuorumOnly | Mutant::NewQuorumOnly | Mutant::ActivateEarly)
        );
        let next = self.scene.disks[member].next.map(|next| next.version);
        match input {
            Input::FromLearner(_, ToLeader::Ack(zxid)) => {
                forges && zxid.counter() != 0 && next == Some(*zxid)
            }
            _ => false,
        }
    }

    /// With one mutant the epoch is on disk before what it promises.
    pub fn hurry_epoch(&mut self, member: usize, packet: &ToLearner) {
        if let (Some(Mutant::CurrentEpochTooEarly), ToLearner::NewLeader { zxid, .. }) =
            (self.mutant, packet)
        {
            let epoch = &mut self.scene.disks[member].current_epoch;
            *epoch = (*epoch).max(zxid.epoch());
            self.see(member, &Event::Stored);
        }
    }
}

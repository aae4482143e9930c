//! What mutants do to inputs and effects on their way.

use oxkeeper::consensus::Effect;
use oxkeeper::proto::ballot::Ballot;
use oxkeeper::proto::peer::{ToLeader, ToLearner};

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

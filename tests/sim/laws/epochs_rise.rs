//! D-1, D-2: on disk, epochs never go back; the current one is not above the accepted one; no transaction lies in
//! the log before its epoch is the current one. And an epoch is acknowledged once.

use std::collections::BTreeSet;

use oxkeeper::consensus::{Effect, Input};
use oxkeeper::proto::peer::{ToLeader, ToLearner};

use crate::laws::{Judgement, Law};
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct EpochsRise {
    /// Accepted and current epoch of each member, as last seen on its disk.
    seen: Vec<(i64, i64)>,
    /// Offered last, by the leader that it is connected to.
    offered: Vec<i64>,
    acknowledged: BTreeSet<(usize, i64)>,
}

impl EpochsRise {
    fn stored(&mut self, scene: &Scene, member: usize) -> Judgement {
        let disk = &scene.disks[member];
        let (accepted, current) = (disk.accepted_epoch, disk.current_epoch);
        let before = std::mem::replace(&mut self.seen[member], (accepted, current));
        if accepted < before.0 || current < before.1 {
            return Err(format!(
                "epochs {before:?} went back to {:?}",
                (accepted, current)
            ));
        }
        if current > accepted {
            return Err(format!(
                "current epoch {current} is above the accepted epoch {accepted}"
            ));
        }
        match disk.last_logged() {
            Some(last) if last.epoch() > current => Err(format!(
                "{} is in the log in epoch {current}",
                say::zxid(last)
            )),
            _ => Ok(()),
        }
    }

    fn acknowledge(&mut self, scene: &Scene, member: usize) -> Judgement {
        let epoch = self.offered[member];
        if scene.disks[member].accepted_epoch != epoch {
            return Err(format!(
                "acknowledges epoch {epoch} before it is accepted on disk"
            ));
        }
        if self.acknowledged.insert((member, epoch)) {
            Ok(())
        } else {
            Err(format!("acknowledges epoch {epoch} a second time"))
        }
    }
}

impl Law for EpochsRise {
    fn name(&self) -> &'static str {
        "epochs rise"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        self.seen.resize(scene.disks.len(), (0, 0));
        self.offered.resize(scene.disks.len(), 0);
        match event {
            Event::Stored | Event::Started => self.stored(scene, member),
            // What was promised, and what was there, is forgotten: this server is a new one.
            Event::Wiped => {
                self.seen[member] = (-1, -1);
                self.acknowledged.retain(|(other, _)| *other != member);
                Ok(())
            }
            Event::Input(Input::FromLeader(ToLearner::LeaderInfo { epoch, .. })) => {
                self.offered[member] = *epoch;
                Ok(())
            }
            Event::Effect(Effect::ToLeader(ToLeader::AckEpoch {
                current_epoch: Some(_),
                ..
            })) => self.acknowledge(scene, member),
            Event::Effect(Effect::Send(_, ToLearner::LeaderInfo { epoch, .. })) => {
                let accepted = scene.disks[member].accepted_epoch;
                if accepted == *epoch {
                    return Ok(());
                }
                Err(format!(
                    "offers epoch {epoch} having accepted {accepted} itself"
                ))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use oxkeeper::types::Zxid;

    use super::*;
    use crate::laws::tests::{history, scene};

    #[test]
    fn epochs_on_disk_do_not_go_back() {
        let mut law = EpochsRise::default();
        let mut scene = scene();
        scene.disks[0].accepted_epoch = 3;
        scene.disks[0].current_epoch = 2;
        assert_eq!(law.see(&scene, 0, &Event::Stored), Ok(()));
        scene.disks[0].accepted_epoch = 2;
        assert!(law.see(&scene, 0, &Event::Started).is_err());
        scene.disks[1].current_epoch = 1;
        assert!(law.see(&scene, 1, &Event::Stored).is_err());
        scene.disks[2].append(Zxid((1 << 32) + 1), history(&[1]).entries[0].payload);
        assert!(law.see(&scene, 2, &Event::Stored).is_err());
    }

    #[test]
    fn an_epoch_is_acknowledged_once_and_only_when_accepted_on_disk() {
        let mut law = EpochsRise::default();
        let mut scene = scene();
        let offer = Input::FromLeader(ToLearner::LeaderInfo {
            epoch: 4,
            protocol: 0x1_0000,
        });
        let ack = Effect::ToLeader(ToLeader::AckEpoch {
            last_zxid: Zxid::ZERO,
            current_epoch: Some(0),
        });
        law.see(&scene, 0, &Event::Input(&offer)).expect("an offer");
        assert!(
            law.see(&scene, 0, &Event::Effect(&ack)).is_err(),
            "not on disk"
        );
        scene.disks[0].accepted_epoch = 4;
        assert_eq!(law.see(&scene, 0, &Event::Effect(&ack)), Ok(()));
        assert!(law.see(&scene, 0, &Event::Effect(&ack)).is_err(), "twice");
    }
}

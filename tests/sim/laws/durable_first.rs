//! D-3, D-4, Q-22: what an acknowledgement promises is on disk before it leaves: a transaction with all before it; or,
//! for NEWLEADER, the epoch and everything the leader had when it chose how to synchronise. And the current epoch,
//! which wins elections, is on disk only behind everything of earlier epochs that the leader had.

use std::collections::{BTreeMap, BTreeSet};

use oxkeeper::consensus::{Effect, Input, Phase};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::{LinkId, Zxid};

use crate::ensemble;
use crate::history::{Entry, History};
use crate::laws::{Judgement, Law};
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct DurableFirst {
    learners: BTreeMap<LinkId, usize>,
    /// Whom each member has found to lead, while it does not look again.
    leaders: BTreeMap<usize, usize>,
    /// The history of the leader when it chose how to synchronise this learner.
    chosen: BTreeMap<usize, History>,
    /// The current epoch on the disk of each member.
    epochs: BTreeMap<usize, i64>,
    /// Who has said to its leader that it only observes.
    observers: BTreeSet<usize>,
}

impl DurableFirst {
    fn chooses(&mut self, scene: &Scene, leader: usize, link: LinkId) {
        let Some(learner) = self.learners.get(&link) else {
            return;
        };
        // A leader that is slow to hear may still serve a connection of somebody who has gone on. Observers may be served by a
        // follower.
        let is_late = self.leaders.get(learner) != Some(&leader);
        if !is_late || self.observers.contains(learner) {
            self.chosen.insert(*learner, scene.states[leader].clone());
        }
    }

    fn acknowledges_leader(&self, scene: &Scene, member: usize, zxid: Zxid) -> Judgement {
        let disk = &scene.disks[member];
        if disk.current_epoch != zxid.epoch() {
            return Err(format!(
                "acknowledges NEWLEADER {} in epoch {}",
                say::zxid(zxid),
                disk.current_epoch
            ));
        }
        // An observer's word counts where it is about to vote.
        let next = disk.next.is_some_and(|next| next.council.votes(member));
        let counts = next || !self.observers.contains(&member);
        match self.missing(scene, member, zxid.epoch()).filter(|_| counts) {
            Some(last) => Err(format!(
                "acknowledges NEWLEADER {} without {last:?} on disk",
                say::zxid(zxid)
            )),
            None => Ok(()),
        }
    }

    /// The last transaction of epochs up to this one that the leader had, if it is not on this voter's disk.
    fn missing<'c>(&'c self, scene: &Scene, member: usize, epoch: i64) -> Option<&'c Entry> {
        let entries = &self.chosen.get(&member)?.entries;
        let of_before = entries.partition_point(|entry| entry.zxid.epoch() <= epoch);
        let last = entries[..of_before].last()?;
        (!scene.disks[member].holds(last)).then_some(last)
    }

    /// Something has changed on a disk: perhaps the epoch.
    fn stored(&mut self, scene: &Scene, member: usize) -> Judgement {
        let epoch = scene.disks[member].current_epoch;
        let before = self.epochs.insert(member, epoch).unwrap_or_default();
        if epoch <= before {
            return Ok(());
        }
        let counts = !self.observers.contains(&member);
        match self.missing(scene, member, epoch - 1).filter(|_| counts) {
            Some(last) => Err(format!("is in epoch {epoch} without {last:?} on disk")),
            None => Ok(()),
        }
    }

    fn acknowledges(&self, scene: &Scene, member: usize, zxid: Zxid) -> Judgement {
        if zxid.counter() == 0 {
            return self.acknowledges_leader(scene, member, zxid);
        }
        if self.observers.contains(&member) {
            return Err(format!(
                "acknowledges {}, and only observes",
                say::zxid(zxid)
            ));
        }
        let durable = scene.disks[member].durable_last();
        if durable >= zxid {
            Ok(())
        } else {
            Err(format!(
                "acknowledges {}, on disk is {}",
                say::zxid(zxid),
                say::zxid(durable)
            ))
        }
    }
}

impl Law for DurableFirst {
    fn name(&self) -> &'static str {
        "durable first, then acknowledged"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Input(Input::FromLearner(link, ToLeader::Info { info, .. })) => {
                if let Some(id) = info.id {
                    self.learners.insert(*link, ensemble::member(id));
                }
                Ok(())
            }
            Event::Effect(
                Effect::Send(link, ToLearner::Diff(_) | ToLearner::Trunc(_))
                | Effect::StreamSnapshot(link, _)
                | Effect::StreamLog {
                    link,
                    diff: Some(_),
                    ..
                },
            ) => {
                self.chooses(scene, member, *link);
                Ok(())
            }
            // As a leader, or with another one, nothing is promised to this one any more.
            Event::Effect(Effect::Phase(Phase::Looking)) | Event::Started => {
                self.chosen.remove(&member);
                self.leaders.remove(&member);
                Ok(())
            }
            Event::Effect(Effect::Phase(Phase::Discovery(leader))) => {
                self.leaders.insert(member, ensemble::member(*leader));
                Ok(())
            }
            Event::Wiped => {
                self.epochs.remove(&member);
                Ok(())
            }
            Event::Effect(Effect::ToLeader(ToLeader::Info { observer, .. })) => {
                self.observers.remove(&member);
                self.observers.extend(observer.then_some(member));
                Ok(())
            }
            Event::Stored => self.stored(scene, member),
            Event::Effect(Effect::ToLeader(ToLeader::Ack(zxid))) => {
                self.acknowledges(scene, member, *zxid)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use oxkeeper::proto::peer::LearnerInfo;

    use super::*;
    use crate::laws::tests::{history, scene};

    #[test]
    fn a_transaction_in_memory_is_not_acknowledged() {
        let mut law = DurableFirst::default();
        let mut scene = scene();
        let ack = Effect::ToLeader(ToLeader::Ack(Zxid(1)));
        scene.disks[1].append(Zxid(1), history(&[1]).entries[0].payload);
        assert!(law.see(&scene, 1, &Event::Effect(&ack)).is_err());
        scene.disks[1].flushed(1);
        assert_eq!(law.see(&scene, 1, &Event::Effect(&ack)), Ok(()));
    }

    #[test]
    fn newleader_promises_the_leaders_history_and_the_epoch() {
        let mut law = DurableFirst::default();
        let mut scene = scene();
        scene.states[0] = history(&[1]);
        let info = LearnerInfo {
            id: Some(ensemble::id(1)),
            protocol: 0x1_0000,
            config_version: 0,
        };
        let info = ToLeader::Info {
            observer: false,
            accepted_epoch: 0,
            info,
        };
        let info = Input::FromLearner(LinkId(7), info);
        let diff = Effect::Send(LinkId(7), ToLearner::Diff(Zxid(1)));
        let finds = Effect::Phase(Phase::Discovery(ensemble::id(0)));
        law.see(&scene, 1, &Event::Effect(&finds))
            .expect("a leader is found");
        law.see(&scene, 0, &Event::Input(&info))
            .expect("a learner comes");
        law.see(&scene, 0, &Event::Effect(&diff))
            .expect("the leader chooses");
        let ack = Effect::ToLeader(ToLeader::Ack(Zxid(2 << 32)));
        scene.disks[1].append(Zxid(1), history(&[1]).entries[0].payload);
        scene.disks[1].flushed(1);
        assert!(
            law.see(&scene, 1, &Event::Effect(&ack)).is_err(),
            "the epoch is not saved"
        );
        scene.disks[1].current_epoch = 2;
        assert_eq!(law.see(&scene, 1, &Event::Effect(&ack)), Ok(()));
        scene.disks[1].truncate(Zxid::ZERO);
        assert!(
            law.see(&scene, 1, &Event::Effect(&ack)).is_err(),
            "the transaction is not there"
        );
        assert!(
            law.see(&scene, 1, &Event::Stored).is_err(),
            "and the epoch is"
        );
    }
}

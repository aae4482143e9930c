//! D-3, D-4: what an acknowledgement promises is on disk before it leaves: a transaction with all before it; or,
//! for NEWLEADER, the epoch and everything the leader had when it chose how to synchronise.

use std::collections::BTreeMap;

use oxkeeper::consensus::{Effect, Input};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::{LinkId, Zxid};

use crate::ensemble;
use crate::history::Entry;
use crate::laws::{Judgement, Law};
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct DurableFirst {
    learners: BTreeMap<LinkId, usize>,
    /// The last transaction of the leader when it chose how to synchronise this learner.
    chosen: BTreeMap<usize, Option<Entry>>,
}

impl DurableFirst {
    fn chooses(&mut self, scene: &Scene, leader: usize, link: LinkId) {
        if let Some(learner) = self.learners.get(&link) {
            let last = scene.states[leader].entries.last().copied();
            self.chosen.insert(*learner, last);
        }
    }

    fn acknowledges_leader(&self, scene: &Scene, member: usize, zxid: Zxid) -> Judgement {
        let disk = &scene.disks[member];
        if disk.current_epoch != zxid.epoch() {
            return Err(format!(
                "acknowledges NEWLEADER {zxid} in epoch {}",
                disk.current_epoch
            ));
        }
        match self.chosen.get(&member) {
            Some(Some(last)) if !scene.shape.is_observer(member) && !disk.holds(last) => Err(
                format!("acknowledges NEWLEADER {zxid} without {last:?} on disk"),
            ),
            _ => Ok(()),
        }
    }

    fn acknowledges(&self, scene: &Scene, member: usize, zxid: Zxid) -> Judgement {
        if zxid.counter() == 0 {
            return self.acknowledges_leader(scene, member, zxid);
        }
        if scene.shape.is_observer(member) {
            return Err(format!("acknowledges {zxid}, and only observes"));
        }
        let durable = scene.disks[member].durable_last();
        if durable >= zxid {
            Ok(())
        } else {
            Err(format!("acknowledges {zxid}, on disk is {durable}"))
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
    }
}

//! E-1 to E-8, E-10, E-12: packets come to whom they are meant for, in the order that makes sense to the other end,
//! be it a Java server: it would end its process over some of what is forbidden here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oxkeeper::consensus::{Effect, Input, Phase};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::{LinkId, Zxid};

use crate::laws::{Judgement, Law};
use crate::member::Service;
use crate::say;
use crate::scene::{Event, Scene};

/// How far a learner is on its connection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Connected,
    Introduced,
    EpochKnown,
    EpochAcknowledged,
    Synchronising,
    Synchronised,
    Acknowledged,
    UpToDate,
}

/// When transactions may come.
const FROM_SYNCHRONISING: [Stage; 4] = [
    Stage::Synchronising,
    Stage::Synchronised,
    Stage::Acknowledged,
    Stage::UpToDate,
];

/// One learner, as it sees its connection.
#[derive(Debug, Default)]
struct Learner {
    stage: Stage,
    /// The last transaction it has, or has been promised.
    last: Zxid,
    /// What came with a snapshot: the leader may send parts of that once more.
    snapshot: Zxid,
    /// Proposed and not yet committed.
    pending: VecDeque<Zxid>,
}

/// One connection, as the leader sees it.
#[derive(Debug, Default)]
struct Link {
    epoch: i64,
    acknowledged: Zxid,
    leader_acknowledged: bool,
}

#[derive(Debug, Default)]
pub struct PacketsInOrder {
    phases: BTreeMap<usize, Phase>,
    learners: BTreeMap<usize, Learner>,
    links: BTreeMap<LinkId, Link>,
    /// Followers that serve observers.
    masters: BTreeSet<usize>,
}

impl PacketsInOrder {
    /// What a learner hears.
    fn hears(&mut self, scene: &Scene, member: usize, packet: &ToLearner) -> Judgement {
        let learner = self.learners.entry(member).or_default();
        let stage = learner.stage;
        let expect = |stages: &[Stage]| {
            if stages.contains(&stage) {
                Ok(())
            } else {
                Err(format!("hears {packet:?} when {stage:?}"))
            }
        };
        match packet {
            ToLearner::LeaderInfo { .. } => {
                expect(&[Stage::Introduced])?;
                learner.stage = Stage::EpochKnown;
            }
            ToLearner::Diff(_) | ToLearner::Trunc(_) | ToLearner::Snap(_) => {
                expect(&[Stage::EpochAcknowledged])?;
                learner.stage = Stage::Synchronising;
                learner.last = match packet {
                    ToLearner::Trunc(zxid) | ToLearner::Snap(zxid) => *zxid,
                    _ => scene.states[member].last,
                };
                if let ToLearner::Snap(zxid) = packet {
                    learner.snapshot = *zxid;
                }
            }
            ToLearner::NewLeader { .. } => {
                expect(&[Stage::Synchronising])?;
                learner.stage = Stage::Synchronised;
            }
            ToLearner::UpToDate => {
                expect(&[Stage::Acknowledged])?;
                learner.stage = Stage::UpToDate;
            }
            ToLearner::Proposal { zxid, .. }
            | ToLearner::Commit(zxid)
            | ToLearner::CommitAndActivate { zxid, .. }
            | ToLearner::Inform { zxid, .. }
            | ToLearner::InformAndActivate { zxid, .. }
                if *zxid <= learner.snapshot => {}
            ToLearner::Proposal { zxid, .. } => {
                expect(&FROM_SYNCHRONISING)?;
                learner.follows(*zxid)?;
                learner.pending.push_back(*zxid);
            }
            ToLearner::Commit(zxid) | ToLearner::CommitAndActivate { zxid, .. } => {
                if learner.pending.pop_front() != Some(*zxid) {
                    return Err(format!(
                        "hears of a commit of {} out of order",
                        say::zxid(*zxid)
                    ));
                }
            }
            ToLearner::Inform { zxid, .. } | ToLearner::InformAndActivate { zxid, .. } => {
                expect(&FROM_SYNCHRONISING)?;
                learner.follows(*zxid)?;
            }
            ToLearner::Ping(_) => {}
            ToLearner::Revalidate { .. } | ToLearner::Sync => expect(&[Stage::UpToDate])?,
        }
        Ok(())
    }

    /// What a learner says.
    fn says(&mut self, member: usize, packet: &ToLeader) -> Judgement {
        let learner = self.learners.entry(member).or_default();
        let next = match (packet, learner.stage) {
            (ToLeader::Info { .. }, Stage::Connected) => Stage::Introduced,
            (ToLeader::AckEpoch { .. }, Stage::EpochKnown) => Stage::EpochAcknowledged,
            (ToLeader::Ack(zxid), Stage::Synchronised) if zxid.counter() == 0 => {
                Stage::Acknowledged
            }
            (
                ToLeader::Ack(_)
                | ToLeader::Ping { .. }
                | ToLeader::Request(_)
                | ToLeader::Revalidate { .. },
                Stage::UpToDate,
            ) => Stage::UpToDate,
            (_, stage) => return Err(format!("says {packet:?} when {stage:?}")),
        };
        learner.stage = next;
        Ok(())
    }

    /// What a leader hears, or a follower of its observers.
    fn told(&mut self, member: usize, link: LinkId, packet: &ToLeader) -> Judgement {
        let phase = self.phases.get(&member);
        let leads = match phase {
            Some(Phase::Following(_)) => self.masters.contains(&member),
            Some(Phase::Looking | Phase::Observing(_)) => false,
            _ => true,
        };
        if !leads {
            return Err(format!("hears {packet:?} from a learner when {phase:?}"));
        }
        let it = self.links.entry(link).or_default();
        match packet {
            ToLeader::Ack(zxid) if zxid.counter() == 0 => {
                it.leader_acknowledged = true;
                if zxid.epoch() == it.epoch {
                    Ok(())
                } else {
                    Err(format!("of {} is told {}", it.epoch, say::zxid(*zxid)))
                }
            }
            ToLeader::Ack(zxid) if *zxid <= it.acknowledged => Err(format!(
                "is told {} after {} on {link:?}",
                say::zxid(*zxid),
                say::zxid(it.acknowledged)
            )),
            ToLeader::Ack(zxid) => {
                it.acknowledged = *zxid;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What a leader sends.
    fn sends(
        &mut self,
        scene: &Scene,
        member: usize,
        link: LinkId,
        packet: &ToLearner,
    ) -> Judgement {
        let it = self.links.entry(link).or_default();
        match packet {
            ToLearner::LeaderInfo { epoch, .. } => it.epoch = *epoch,
            ToLearner::UpToDate if !it.leader_acknowledged => {
                return Err("sends UPTODATE unasked".to_owned());
            }
            ToLearner::UpToDate
                if !matches!(scene.services[member], Service::Leader(_))
                    && !self.masters.contains(&member) =>
            {
                return Err("sends UPTODATE and is no leader yet".to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Learner {
    /// E-5, and D-6 on the wire.
    fn follows(&mut self, zxid: Zxid) -> Judgement {
        let last = std::mem::replace(&mut self.last, zxid);
        if zxid == last.next() || (zxid > last && zxid.counter() == 1) {
            return Ok(());
        }
        Err(format!(
            "is sent {} after {}",
            say::zxid(zxid),
            say::zxid(last)
        ))
    }
}

impl Law for PacketsInOrder {
    fn name(&self) -> &'static str {
        "packets come in order"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Effect(Effect::Phase(phase)) => {
                self.phases.insert(member, *phase);
                Ok(())
            }
            Event::Effect(Effect::ListenForObservers) => {
                self.masters.insert(member);
                Ok(())
            }
            Event::Effect(Effect::Unlisten) => {
                self.masters.remove(&member);
                Ok(())
            }
            Event::Started => {
                self.masters.remove(&member);
                self.phases.remove(&member);
                Ok(())
            }
            Event::Input(Input::LeaderUp) => {
                self.learners.insert(member, Learner::default());
                Ok(())
            }
            Event::Input(Input::FromLeader(packet)) => self.hears(scene, member, packet),
            Event::Input(Input::FromLearner(link, packet)) => self.told(member, *link, packet),
            Event::Effect(Effect::ToLeader(packet)) => self.says(member, packet),
            Event::Effect(Effect::Send(link, packet)) => self.sends(scene, member, *link, packet),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::tests::{body, scene};

    fn hear(law: &mut PacketsInOrder, packet: ToLearner) -> Judgement {
        law.see(&scene(), 1, &Event::Input(&Input::FromLeader(packet)))
    }

    fn at(stage: Stage) -> PacketsInOrder {
        let learner = Learner {
            stage,
            ..Learner::default()
        };
        PacketsInOrder {
            learners: BTreeMap::from([(1, learner)]),
            ..PacketsInOrder::default()
        }
    }

    #[test]
    fn holes_repetitions_and_wrong_commits_are_noticed() {
        let propose = |zxid| ToLearner::Proposal {
            zxid: Zxid(zxid),
            body: body(1),
        };
        let mut law = at(Stage::Synchronising);
        assert_eq!(hear(&mut law, propose(1)), Ok(()));
        assert_eq!(hear(&mut law, propose(2)), Ok(()));
        assert!(hear(&mut law, ToLearner::Commit(Zxid(2))).is_err());
        assert!(hear(&mut law, propose(4)).is_err());
        assert!(hear(&mut law, propose(4)).is_err());
        assert_eq!(hear(&mut law, propose((7 << 32) + 1)), Ok(()));
    }

    #[test]
    fn nothing_is_said_between_the_two_acknowledgements() {
        let mut law = at(Stage::Synchronised);
        let say = |law: &mut PacketsInOrder, zxid| {
            law.see(
                &scene(),
                1,
                &Event::Effect(&Effect::ToLeader(ToLeader::Ack(Zxid(zxid)))),
            )
        };
        assert!(say(&mut law, 5).is_err());
        assert_eq!(say(&mut law, 1 << 32), Ok(()));
        assert!(say(&mut law, 5).is_err());
    }
}

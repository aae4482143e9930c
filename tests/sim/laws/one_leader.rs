//! Z-1, Z-2: in an epoch, one server at most gets as far as to be acknowledged, and it does so once.

use std::collections::{BTreeMap, BTreeSet};

use oxkeeper::consensus::{Effect, Phase};
use oxkeeper::proto::peer::ToLearner;

use crate::laws::{Judgement, Law};
use crate::member::Service;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct OneLeader {
    /// Who leads or led an epoch, and in which of its reigns.
    leaders: BTreeMap<i64, (usize, u32)>,
    /// How often a server has begun to look for a leader.
    reigns: BTreeMap<usize, u32>,
    in_office: BTreeSet<i64>,
}

impl OneLeader {
    pub fn count(&self) -> usize {
        self.in_office.len()
    }

    fn claim(&mut self, member: usize, epoch: i64) -> Judgement {
        let reign = self.reigns.get(&member).copied().unwrap_or_default();
        let (first, its_reign) = *self.leaders.entry(epoch).or_insert((member, reign));
        if first != member {
            return Err(format!("epoch {epoch} belongs to server {}", first + 1));
        }
        if its_reign != reign {
            return Err(format!("leads epoch {epoch} a second time"));
        }
        Ok(())
    }
}

impl Law for OneLeader {
    fn name(&self) -> &'static str {
        "one leader"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Started | Event::Effect(Effect::Phase(Phase::Looking)) => {
                *self.reigns.entry(member).or_default() += 1;
                Ok(())
            }
            Event::Effect(Effect::Send(_, ToLearner::NewLeader { zxid, .. })) => {
                let epoch = zxid.epoch();
                match scene.services[member] {
                    // A follower tells observers in the name of its leader.
                    Service::Learner(_) if self.in_office.contains(&epoch) => Ok(()),
                    _ => self.claim(member, epoch),
                }
            }
            Event::Effect(Effect::Lead { epoch }) => {
                self.in_office.insert(epoch.epoch());
                self.claim(member, epoch.epoch())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use oxkeeper::types::Zxid;

    use super::*;
    use crate::laws::tests::scene;

    #[test]
    fn two_servers_do_not_lead_one_epoch_nor_one_twice() {
        let lead = Effect::Lead {
            epoch: Zxid(5 << 32),
        };
        let scene = scene();
        let mut law = OneLeader::default();
        assert_eq!(law.see(&scene, 0, &Event::Effect(&lead)), Ok(()));
        assert!(law.see(&scene, 1, &Event::Effect(&lead)).is_err());
        law.see(&scene, 0, &Event::Started)
            .expect("a start is lawful");
        assert!(law.see(&scene, 0, &Event::Effect(&lead)).is_err());
        assert_eq!(law.count(), 1);
    }
}

//! E-13: who settles on a leader has heard a quorum of the voters name it since it began to look, itself included.

use std::collections::{BTreeMap, BTreeSet};

use oxkeeper::consensus::{Effect, Input, Phase};
use oxkeeper::types::ServerId;

use crate::council::Council;
use crate::ensemble;
use crate::laws::{Judgement, Law};
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct BallotsDecide {
    /// By looking member: who has named whom.
    named: BTreeMap<usize, BTreeSet<(usize, ServerId)>>,
}

impl BallotsDecide {
    fn settle(&mut self, scene: &Scene, member: usize, leader: ServerId) -> Judgement {
        let Some(named) = self.named.remove(&member) else {
            return Ok(());
        };
        // Alone, a server tells nobody whom it votes for.
        let own = |voter: usize| voter == member && ensemble::id(member) == leader;
        let names = |voter: usize| own(voter) || named.contains(&(voter, leader));
        let mut deciding = scene.deciding(member);
        let agrees = |council: Council| council.is_quorum(names);
        // Who joins a leader leaves it to that one by which membership it leads.
        let decided = match ensemble::id(member) == leader {
            true => deciding.all(agrees),
            false => deciding.any(agrees),
        };
        if decided {
            return Ok(());
        }
        Err(format!(
            "settles on server {} having heard only {named:?}",
            leader.0
        ))
    }
}

impl Law for BallotsDecide {
    fn name(&self) -> &'static str {
        "ballots decide"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Effect(Effect::Phase(Phase::Looking)) => {
                self.named.insert(member, BTreeSet::new());
            }
            Event::Input(Input::Ballot { from, ballot }) => {
                if let Some(named) = self.named.get_mut(&member) {
                    named.insert((ensemble::member(*from), ballot.leader));
                }
            }
            Event::Effect(Effect::SendBallot { ballot, .. }) => {
                if let Some(named) = self.named.get_mut(&member) {
                    named.insert((member, ballot.leader));
                }
            }
            Event::Effect(Effect::Phase(Phase::Discovery(leader))) => {
                return self.settle(scene, member, *leader);
            }
            Event::Started => {
                self.named.remove(&member);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use oxkeeper::proto::ballot::{Ballot, PeerState};
    use oxkeeper::types::Zxid;

    use super::*;
    use crate::laws::tests::scene;

    #[test]
    fn one_voice_of_three_elects_nobody() {
        let mut law = BallotsDecide::default();
        let scene = scene();
        let mut see = |event: &Event<'_>| law.see(&scene, 0, event);
        let ballot = Ballot {
            state: PeerState::Looking,
            leader: ServerId(2),
            zxid: Zxid::ZERO,
            round: 1,
            epoch: 0,
            version: 2,
            config: None,
        };
        let looking = Effect::Phase(Phase::Looking);
        let settled = Effect::Phase(Phase::Discovery(ServerId(2)));
        let heard = |from| Input::Ballot {
            from: ServerId(from),
            ballot: ballot.clone(),
        };
        see(&Event::Effect(&looking)).expect("it begins to look");
        see(&Event::Input(&heard(2))).expect("a ballot");
        assert!(see(&Event::Effect(&settled)).is_err());
        see(&Event::Effect(&looking)).expect("it begins again");
        see(&Event::Input(&heard(2))).expect("a ballot");
        see(&Event::Input(&heard(3))).expect("a ballot");
        assert_eq!(see(&Event::Effect(&settled)), Ok(()));
    }
}

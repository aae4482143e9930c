//! What must hold in every run, whatever happens. A law is given the trace and what lies open to any onlooker;
//! it remembers, and knows nothing of how a machine works. The ids are those of Apache's TLA+ specifications
//! and of the checks that we have added to them: see `docs/simulator.md`.

mod answered_survives;
mod ballots_decide;
mod durable_first;
mod epochs_rise;
mod one_history;
mod one_leader;
mod one_membership;
mod packets_in_order;
mod proposed_once;
mod quorum_holds;
mod session_order;
mod sound_states;

use std::fmt;

use oxkeeper::types::Zxid;

use crate::laws::answered_survives::AnsweredSurvives;
use crate::laws::ballots_decide::BallotsDecide;
use crate::laws::durable_first::DurableFirst;
use crate::laws::epochs_rise::EpochsRise;
use crate::laws::one_history::OneHistory;
use crate::laws::one_leader::OneLeader;
use crate::laws::one_membership::OneMembership;
use crate::laws::packets_in_order::PacketsInOrder;
use crate::laws::proposed_once::ProposedOnce;
use crate::laws::quorum_holds::QuorumHolds;
use crate::laws::session_order::SessionOrder;
use crate::laws::sound_states::SoundStates;
use crate::scene::{Event, Scene};

/// What a law says of an event: fine, or why not.
pub type Judgement = Result<(), String>;

/// A law that was broken.
#[derive(Debug, Clone)]
pub struct Broken {
    pub law: &'static str,
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.why)
    }
}

/// Something that must hold.
pub trait Law {
    fn name(&self) -> &'static str;

    /// Looks at what happens to, or in, a member.
    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement;
}

/// All of them.
#[derive(Debug)]
pub struct Laws {
    one_history: OneHistory,
    one_leader: OneLeader,
    answered_survives: AnsweredSurvives,
    quorum_holds: QuorumHolds,
    durable_first: DurableFirst,
    epochs_rise: EpochsRise,
    proposed_once: ProposedOnce,
    packets_in_order: PacketsInOrder,
    ballots_decide: BallotsDecide,
    session_order: SessionOrder,
    one_membership: OneMembership,
    sound_states: SoundStates,
}

impl Laws {
    pub fn new() -> Laws {
        Laws {
            one_history: OneHistory::default(),
            one_leader: OneLeader::default(),
            answered_survives: AnsweredSurvives::default(),
            quorum_holds: QuorumHolds::default(),
            durable_first: DurableFirst::default(),
            epochs_rise: EpochsRise::default(),
            proposed_once: ProposedOnce::default(),
            packets_in_order: PacketsInOrder::default(),
            ballots_decide: BallotsDecide::default(),
            session_order: SessionOrder::default(),
            one_membership: OneMembership::default(),
            sound_states: SoundStates,
        }
    }

    /// The first law that an event breaks.
    pub fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Option<Broken> {
        let laws: [&mut dyn Law; 12] = [
            &mut self.one_leader,
            &mut self.epochs_rise,
            &mut self.durable_first,
            &mut self.one_membership,
            &mut self.quorum_holds,
            &mut self.proposed_once,
            &mut self.one_history,
            &mut self.sound_states,
            &mut self.answered_survives,
            &mut self.session_order,
            &mut self.packets_in_order,
            &mut self.ballots_decide,
        ];
        laws.into_iter().find_map(|law| {
            let judgement = law.see(scene, member, event);
            let broken = |why| Broken {
                law: law.name(),
                why: format!("server {}: {why}", member + 1),
            };
            judgement.err().map(broken)
        })
    }

    /// The last transaction that is known to be committed.
    pub fn committed_last(&self) -> Zxid {
        self.one_history
            .order()
            .last()
            .map_or(Zxid::ZERO, |entry| entry.zxid)
    }

    /// How many are.
    pub fn committed(&self) -> usize {
        self.one_history.order().len()
    }

    /// How many leaders came into office.
    pub fn leaders(&self) -> usize {
        self.one_leader.count()
    }
}

/// What the laws' own tests need.
#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::history::{History, Payload};
    use crate::plan::Shape;

    /// Three voters that have done nothing yet.
    pub fn scene() -> Scene {
        let shape = Shape {
            voters: 3,
            observers: 0,
            spares: 0,
            shares: None,
        };
        Scene::new(&shape, shape.council(), 1000)
    }

    /// Transactions numbered from 1, with these payloads.
    pub fn history(numbers: &[i32]) -> History {
        let mut history = History::default();
        for (zxid, number) in (1..).zip(numbers) {
            history.push(Zxid(zxid), Payload::write(0, *number));
        }
        history
    }

    /// A record with this payload.
    pub fn body(number: i32) -> Bytes {
        Payload::write(0, number).body(Zxid(1))
    }
}

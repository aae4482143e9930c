//! A member of an ensemble: one input in, a list of effects out. Here is the way from role to role; what happens in
//! a role is in files of their own.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::config::Membership;
use crate::consensus::election::{Decision, Heard};
use crate::consensus::end::{End, Turn, over};
use crate::consensus::ending::Ending;
use crate::consensus::laws;
use crate::consensus::leader::Leader;
use crate::consensus::learner::Learner;
use crate::consensus::observer_master::ObserverMaster;
use crate::consensus::own::Own;
use crate::consensus::settings::{Saved, Settings};
use crate::consensus::status::{Learners, Status};
use crate::consensus::{Effect, Input, Outcome, Phase, Task};
use crate::proto::ballot::{Ballot, PeerState};
use crate::types::{Millis, ServerId, Zxid};

/// The whole life of a member: it looks for a leader, agrees on an epoch, is synchronised or synchronises, takes
/// part in the broadcast, and looks again.
#[derive(Debug)]
pub struct Peer {
    own: Own,
    role: Role,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum Role {
    /// Between roles: looks for a leader from then on.
    Resting(Millis),
    Looking,
    Leading(Box<Leader>),
    Learning(Learner),
    /// A role is over; storage is not.
    Ending(Ending),
    /// It has asked for the end of the process.
    Dead,
}

impl Peer {
    /// A member that has just started. Its first effects come out of its first step.
    pub fn new(settings: Settings, saved: Saved, now: Millis) -> Self {
        Peer {
            own: Own::new(settings, saved, now),
            role: Role::Resting(now),
        }
    }

    /// Takes one event. Everything that is to be done is pushed on `out`, in order; nothing else happens. `now` is a
    /// reading of a clock that never goes back.
    pub fn step(&mut self, now: Millis, input: Input, out: &mut Vec<Effect>) {
        assert!(now >= self.own.now, "the clock does not go back");
        self.own.now = now;
        if matches!(self.role, Role::Dead) {
            return;
        }
        if let Err(end) = self.take(input, out) {
            self.end(end, out);
        }
        self.move_on(out);
        laws::hold(&self.own, &self.role);
    }

    fn take(&mut self, input: Input, out: &mut Vec<Effect>) -> Turn {
        let own = &mut self.own;
        match (input, &mut self.role) {
            (Input::Tick, _) => return self.on_tick(out),
            (Input::Oracle(says), _) => self.on_oracle(says, out),
            (Input::Ballot { from, ballot }, Role::Leading(leader))
                if leader.waits_in_vain(own) && own.elector.is_beaten(from, &ballot) =>
            {
                return over(format!("server {} looks as well, and is ahead", from.0));
            }
            (Input::Ballot { from, ballot }, _) => return self.on_ballot(from, ballot, out),
            (Input::Done(task, outcome), _) => return self.on_done(task, outcome, out),
            (Input::Durable(zxid), _) => self.on_durable(zxid, out),

            (Input::LeaderUp, Role::Learning(learner)) => return learner.on_up(own, out),
            (Input::LeaderDown, Role::Learning(_)) => return over("the leader is gone"),
            (Input::LeaderAlive, Role::Learning(learner)) => learner.on_alive(own),
            (Input::FromLeader(packet), Role::Learning(learner)) => {
                return learner.on_packet(own, packet, out);
            }
            (Input::Snapshot(zxid), Role::Learning(learner)) => {
                return learner.on_snapshot(own, zxid, out);
            }

            (
                input @ (Input::LearnerUp(_) | Input::LearnerDown(_) | Input::FromLearner(..)),
                Role::Learning(learner),
            ) => {
                if let Some(observers) = learner.observers_mut() {
                    observers.on_input(own, input, out);
                }
            }
            (Input::LearnerUp(link), Role::Leading(leader)) => leader.on_up(own, link),
            (Input::LearnerDown(link), Role::Leading(leader)) => leader.on_down(own, link),
            (Input::FromLearner(link, packet), Role::Leading(leader)) => {
                return leader.on_packet(own, link, packet, out);
            }
            (Input::Proposed { zxid, body }, Role::Leading(leader)) => {
                return leader.on_proposed(own, zxid, body, out);
            }
            (Input::Proposed { zxid, body }, Role::Ending(ending)) => {
                ending.on_proposed(own, zxid, body);
            }
            (Input::Proposed { zxid, .. }, role) => {
                unreachable!("only a leader numbers transactions, not {zxid} in {role:?}")
            }
            // What was on its way when the role ended.
            _ => {}
        }
        Ok(())
    }

    fn on_tick(&mut self, out: &mut Vec<Effect>) -> Turn {
        match &mut self.role {
            Role::Looking => {
                let decision = self.own.elector.tick(self.own.now, out);
                self.decide(decision, out);
                Ok(())
            }
            Role::Leading(leader) => leader.on_tick(&mut self.own, out),
            Role::Learning(learner) => learner.on_tick(&mut self.own, out),
            Role::Resting(_) | Role::Ending(_) | Role::Dead => Ok(()),
        }
    }

    fn on_oracle(&mut self, says: bool, out: &mut Vec<Effect>) {
        let own = &mut self.own;
        if !own.hear_oracle(says) {
            return;
        }
        let word = if says { "may" } else { "may not" };
        out.push(Effect::Note(format!(
            "the oracle says that this server {word} go on alone"
        )));
        own.reinstall();
        if let Role::Leading(leader) = &mut self.role {
            leader.on_oracle(own, out);
        }
    }

    /// Whether the next step must be [`Input::Oracle`]: there is an oracle, and there may be nobody but this
    /// server to go on.
    pub fn wants_oracle(&self) -> bool {
        let own = &self.own;
        let is_alone = match &self.role {
            Role::Leading(leader) => leader.is_alone(),
            Role::Learning(_) | Role::Dead => false,
            Role::Resting(_) | Role::Looking | Role::Ending(_) => true,
        };
        own.settings.oracle && is_alone
    }

    fn on_ballot(&mut self, from: ServerId, mut ballot: Ballot, out: &mut Vec<Effect>) -> Turn {
        let now = self.own.now;
        self.own.note_boast(from, &ballot);
        if let Role::Leading(leader) = &self.role
            && ballot.state == PeerState::Looking
        {
            leader.on_looking(&self.own, from)?;
        }
        let mut heard = self.own.elector.ballot(now, from, &ballot, out);
        if let Some(Heard::NewerMembership(text)) = heard {
            if self.catch_up_with(&text, out) {
                match self.own.go_back(out) {
                    true => self.role = Role::Ending(Ending::of_learner(VecDeque::new())),
                    false => self.own.look(out),
                }
                return Ok(());
            }
            ballot.config = None;
            heard = self.own.elector.ballot(now, from, &ballot, out);
        }
        if let Some(Heard::Decided(decision)) = heard {
            self.decide(Some(decision), out);
        }
        Ok(())
    }

    /// A newer membership is committed elsewhere. Returns whether the election begins anew: its members differ.
    // apache 3.9.5: server/quorum/FastLeaderElection.java WorkerReceiver.run
    fn catch_up_with(&mut self, text: &[u8], out: &mut Vec<Effect>) -> bool {
        let Some(membership) = self.own.membership_of(text).map(Arc::new) else {
            return false;
        };
        let differs = !membership.same_members(&self.own.committed);
        self.own.activate(&membership, None, out);
        differs
    }

    /// An election is over.
    fn decide(&mut self, decision: Option<Decision>, out: &mut Vec<Effect>) {
        if let Some(Decision { vote, backers, .. }) = decision {
            self.begin(vote.leader, backers, out);
        }
    }

    /// A role begins; these are the servers whose votes made it begin.
    fn begin(&mut self, leader: ServerId, backers: BTreeSet<ServerId>, out: &mut Vec<Effect>) {
        let own = &mut self.own;
        own.begin();
        self.role = match leader == own.id() {
            true => {
                let mut leader = Leader::new(own, backers, out);
                leader.go_on(own, out);
                Role::Leading(Box::new(leader))
            }
            false => Role::Learning(Learner::new(own, leader, out)),
        };
    }

    fn on_done(&mut self, task: Task, outcome: Outcome, out: &mut Vec<Effect>) -> Turn {
        let own = &mut self.own;
        own.done(task, outcome);
        match &mut self.role {
            Role::Leading(leader) => {
                leader.on_done(own, task, out);
                leader.on_streamed(own, task, outcome, out);
                Ok(())
            }
            Role::Learning(learner) => learner.on_done(own, (task, outcome), out),
            _ => Ok(()),
        }
    }

    fn on_durable(&mut self, zxid: Zxid, out: &mut Vec<Effect>) {
        let own = &mut self.own;
        own.on_durable(zxid);
        match &mut self.role {
            Role::Leading(leader) => leader.on_durable(own, out),
            Role::Learning(learner) => learner.on_durable(own, out),
            _ => {}
        }
    }

    fn end(&mut self, end: End, out: &mut Vec<Effect>) {
        match end {
            End::Over(why) => {
                out.push(Effect::Note(why));
                out.push(Effect::Retire);
                self.role = match std::mem::replace(&mut self.role, Role::Dead) {
                    Role::Leading(leader) => {
                        out.push(Effect::Unlisten);
                        self.own.backlog.pin(None);
                        Role::Ending(Ending::of_leader(leader.into_tail()))
                    }
                    Role::Learning(learner) => {
                        out.push(Effect::LeaveLeader);
                        if learner.observers().is_some() {
                            out.push(Effect::Unlisten);
                            self.own.backlog.pin(None);
                        }
                        Role::Ending(Ending::of_learner(learner.into_tail()))
                    }
                    role => unreachable!("{role:?} is no role that ends"),
                };
            }
            End::Fatal { code, why } => {
                self.role = Role::Dead;
                out.push(Effect::Fatal { code, why });
            }
        }
    }

    /// From the end of a role to the next election.
    fn move_on(&mut self, out: &mut Vec<Effect>) {
        let own = &mut self.own;
        if let Role::Ending(ending) = &mut self.role {
            if !ending.go_on(own, out) || own.go_back(out) {
                return;
            }
            let pause = match own.observes() {
                true => own.chance(own.settings.observer_delay_ms),
                false => 0,
            };
            self.role = Role::Resting(own.now.plus(pause));
        }
        if !matches!(self.role, Role::Resting(until) if own.now >= until) {
            return;
        }
        if let Some(vote) = own.next_vote.take() {
            // A change of the membership has said who leads.
            let state = match (vote.leader == own.id(), own.observes()) {
                (true, _) => PeerState::Leading,
                (false, false) => PeerState::Following,
                (false, true) => PeerState::Observing,
            };
            own.elector.settle(state, vote);
            self.begin(vote.leader, BTreeSet::new(), out);
        } else {
            self.role = Role::Looking;
            out.push(Effect::Phase(Phase::Looking));
            own.look(out);
        }
    }

    /// The committed membership.
    pub fn committed(&self) -> &Arc<Membership> {
        &self.own.committed
    }

    /// The membership that was proposed last; the committed one unless a change is under way.
    pub fn last_seen(&self) -> &Arc<Membership> {
        &self.own.last_seen
    }

    /// Whether this is a leader with enough synchronised learners for this membership (`isQuorumSynced`).
    pub fn could_lead(&self, membership: &Membership) -> bool {
        match &self.role {
            Role::Leading(leader) => leader.could_lead(&self.own, membership),
            _ => false,
        }
    }

    /// Who could decide with this leader now: itself and its followers that are up to date. Nobody unless it leads.
    pub fn synced(&self) -> BTreeSet<ServerId> {
        match &self.role {
            Role::Leading(leader) => leader.synced(&self.own),
            _ => BTreeSet::new(),
        }
    }

    /// When [`Input::Tick`] is wanted at the latest.
    pub fn next_tick(&self) -> Millis {
        let later = self.own.now.plus(self.own.settings.tick_ms);
        match &self.role {
            Role::Resting(until) => *until,
            Role::Looking => self.own.elector.next_tick().unwrap_or(later),
            Role::Leading(leader) => leader.next_tick(),
            Role::Learning(learner) => learner.next_tick(&self.own),
            Role::Ending(_) | Role::Dead => later,
        }
    }

    /// What it shows of itself.
    pub fn status(&self) -> Status {
        let own = &self.own;
        let mut status = Status {
            phase: Phase::Looking,
            leader: None,
            voter: own.committed.is_voter(own.id()),
            accepted_epoch: own.accepted_epoch(),
            current_epoch: own.current_epoch(),
            logged: own.logged(),
            delivered: own.delivered(),
            proposed: None,
            outstanding: 0,
            config_version: own.committed.version,
            learners: Learners::default(),
            master: None,
            observers: None,
            proposal_sizes: None,
        };
        match &self.role {
            Role::Leading(leader) => {
                status.phase = leader.phase(own);
                status.leader = Some(own.id());
                status.proposed = leader.proposed();
                status.outstanding = leader.outstanding();
                status.learners = leader.learners(own);
                status.proposal_sizes = leader.sizes();
            }
            Role::Learning(learner) => {
                status.phase = learner.phase();
                status.leader = Some(learner.leader());
                status.master = own.observes().then(|| learner.called());
                status.observers = learner.observers().map(ObserverMaster::synced);
            }
            _ => {}
        }
        status
    }
}

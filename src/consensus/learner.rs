//! A learner: from the call to its leader to the end of its role. Catching up, and what comes after it, are in
//! files of their own. Upstream: `Learner`.

mod catching_up;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::consensus::end::{BAD_SYNC, Turn, fatal, over};
use crate::consensus::follower::Follower;
use crate::consensus::learner::catching_up::CatchingUp;
use crate::consensus::observer::Observer;
use crate::consensus::observer_master::ObserverMaster;
use crate::consensus::own::Own;
use crate::consensus::{Effect, Outcome, Phase, Task};
use crate::proto::peer::{LearnerInfo, PROTOCOL_VERSION, ToLeader, ToLearner};
use crate::types::{Millis, ServerId, Zxid};

/// One role as follower or observer.
#[derive(Debug)]
pub(crate) struct Learner {
    leader: ServerId,
    /// The follower that serves this observer in the leader's place.
    master: Option<ServerId>,
    observer: bool,
    /// The epoch that the leader has offered; 0 before.
    epoch: i64,
    /// When the leader was last heard of, or last owed nothing.
    heard: Millis,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Calls at this time.
    Pausing(Millis),
    /// Not connected yet.
    Dialling,
    /// `FOLLOWERINFO` is sent.
    Introduced,
    /// The offered epoch is being made durable.
    Accepting {
        task: Task,
        /// Goes into `ACKEPOCH`.
        current_epoch: i64,
    },
    /// `ACKEPOCH` is sent.
    Registered,
    /// A snapshot is on its way.
    Receiving(Zxid),
    CatchingUp(CatchingUp),
    Following(Follower),
    Observing(Observer),
}

impl Learner {
    /// Calls the leader, or the follower that serves this observer, at once or after a pause.
    pub(crate) fn new(own: &mut Own, leader: ServerId, out: &mut Vec<Effect>) -> Self {
        assert!(leader != own.id(), "nobody learns from oneself");
        let master = own.next_master(leader);
        let pause_ms = own.pause_before_call(leader, master);
        out.push(Effect::Phase(Phase::Discovery(leader)));
        let mut learner = Learner {
            leader,
            master: master.map(|master| master.id),
            observer: own.observes(),
            epoch: 0,
            heard: own.now,
            stage: Stage::Pausing(own.now.plus(pause_ms)),
        };
        if pause_ms == 0 {
            learner.call(own, out);
        }
        learner
    }

    fn call(&mut self, own: &Own, out: &mut Vec<Effect>) {
        let within_ms = own.settings.connect_ms();
        let leader = self.leader;
        self.heard = own.now;
        self.stage = Stage::Dialling;
        let Some(master) = self.master else {
            return out.push(Effect::DialLeader { leader, within_ms });
        };
        let words = format!(
            "calls server {}, which serves observers for its leader",
            master.0
        );
        out.push(Effect::Note(words));
        out.push(Effect::DialObserverMaster { master, within_ms });
    }

    /// Who is called: the leader, or the follower that serves this observer in its place.
    pub(crate) fn called(&self) -> ServerId {
        self.master.unwrap_or(self.leader)
    }

    /// The observers that this follower serves, if it serves any.
    pub(crate) fn observers(&self) -> Option<&ObserverMaster> {
        match &self.stage {
            Stage::Following(follower) => follower.master.as_ref(),
            _ => None,
        }
    }

    /// The same, to work with.
    pub(crate) fn observers_mut(&mut self) -> Option<&mut ObserverMaster> {
        match &mut self.stage {
            Stage::Following(follower) => follower.master.as_mut(),
            _ => None,
        }
    }

    pub(crate) fn leader(&self) -> ServerId {
        self.leader
    }

    /// How far this role is.
    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Pausing(_)
            | Stage::Dialling
            | Stage::Introduced
            | Stage::Accepting { .. }
            | Stage::Registered => Phase::Discovery(self.leader),
            Stage::Receiving(_) | Stage::CatchingUp(_) => Phase::Synchronization(self.leader),
            Stage::Following(_) => Phase::Following(self.leader),
            Stage::Observing(_) => Phase::Observing(self.leader),
        }
    }

    /// When the leader counts as lost if it stays silent.
    pub(crate) fn deadline(&self, own: &Own) -> Millis {
        let silence = match &self.stage {
            Stage::Pausing(until) => return *until,
            Stage::Dialling => own.settings.connect_ms(),
            Stage::Following(_) | Stage::Observing(_) => own.settings.sync_ms(),
            Stage::CatchingUp(catching_up) if catching_up.acknowledged() => own.settings.sync_ms(),
            _ => own.settings.init_ms(),
        };
        self.heard.plus(silence)
    }

    /// When time matters next.
    pub(crate) fn next_tick(&self, own: &Own) -> Millis {
        let deadline = self.deadline(own);
        let observers = self.observers().and_then(ObserverMaster::next_tick);
        observers.map_or(deadline, |next| next.min(deadline))
    }

    pub(crate) fn on_tick(&mut self, own: &mut Own, out: &mut Vec<Effect>) -> Turn {
        match (own.now >= self.deadline(own), &self.stage) {
            (true, Stage::Pausing(_)) => self.call(own, out),
            (true, _) => {
                return over(format!("server {} is silent", self.called().0));
            }
            (false, _) => {}
        }
        if let Some(observers) = self.observers_mut() {
            observers.on_tick(own, out);
        }
        Ok(())
    }

    /// The leader is connected.
    pub(crate) fn on_up(&mut self, own: &Own, out: &mut Vec<Effect>) -> Turn {
        if !matches!(self.stage, Stage::Dialling) {
            return over("connected twice");
        }
        self.heard = own.now;
        self.stage = Stage::Introduced;
        out.push(Effect::ToLeader(ToLeader::Info {
            observer: self.observer,
            accepted_epoch: own.accepted_epoch(),
            info: LearnerInfo {
                id: Some(own.id()),
                protocol: PROTOCOL_VERSION,
                config_version: own.committed.version,
            },
        }));
        Ok(())
    }

    pub(crate) fn on_alive(&mut self, own: &Own) {
        self.heard = own.now;
    }

    /// A packet of the leader.
    pub(crate) fn on_packet(
        &mut self,
        own: &mut Own,
        packet: ToLearner,
        out: &mut Vec<Effect>,
    ) -> Turn {
        self.heard = own.now;
        match &mut self.stage {
            Stage::Following(follower) => follower.on_packet(own, packet, out),
            Stage::Observing(observer) => observer.on_packet(own, packet, out),
            Stage::CatchingUp(catching_up) => {
                catching_up.on_packet(own, packet, out)?;
                self.serve_if_caught_up(own, out);
                Ok(())
            }
            Stage::Introduced => self.on_offer(own, &packet, out),
            Stage::Registered => self.on_mode(own, &packet, out),
            stage => over(format!("{packet:?} while {stage:?}")),
        }
    }

    // apache 3.9.5: server/quorum/Learner.java registerWithLeader
    fn on_offer(&mut self, own: &mut Own, packet: &ToLearner, out: &mut Vec<Effect>) -> Turn {
        let ToLearner::LeaderInfo { epoch, protocol } = *packet else {
            return over(format!("{packet:?} instead of LEADERINFO"));
        };
        if protocol < PROTOCOL_VERSION {
            return over(format!("leader speaks protocol {protocol:#x}"));
        }
        let accepted = own.accepted_epoch();
        if epoch < accepted {
            return over(format!("epoch {epoch} is offered after {accepted}"));
        }
        self.epoch = epoch;
        if epoch == accepted {
            self.register(own, None, out);
            return Ok(());
        }
        // The promise is durable before anybody hears of it.
        self.stage = Stage::Accepting {
            task: own.save_accepted_epoch(epoch, out),
            current_epoch: own.current_epoch(),
        };
        Ok(())
    }

    fn register(&mut self, own: &Own, current_epoch: Option<i64>, out: &mut Vec<Effect>) {
        self.heard = own.now;
        self.stage = Stage::Registered;
        out.push(Effect::ToLeader(ToLeader::AckEpoch {
            last_zxid: own.delivered(),
            current_epoch,
        }));
    }

    /// The leader says how it will bring this server up to date.
    fn on_mode(&mut self, own: &mut Own, packet: &ToLearner, out: &mut Vec<Effect>) -> Turn {
        out.push(Effect::Phase(Phase::Synchronization(self.leader)));
        match *packet {
            ToLearner::Diff(_) => {
                self.stage = Stage::CatchingUp(CatchingUp::after(own.delivered(), self.epoch));
                Ok(())
            }
            // Followers are not all equally far: another one, or this one in a moment, has what this server has.
            ToLearner::Trunc(to) | ToLearner::Snap(to)
                if to < own.sure() && self.master.is_some() =>
            {
                over(format!("{packet:?} lies behind, at {}", own.sure()))
            }
            // E-4. A start would forget what was known to be committed, and say so to nobody.
            ToLearner::Trunc(to) | ToLearner::Snap(to) if to < own.sure() => {
                let why = format!(
                    "{packet:?} takes back what was committed, up to {}",
                    own.sure()
                );
                fatal(BAD_SYNC, why)
            }
            ToLearner::Trunc(keep) => {
                if keep > own.delivered() {
                    return over(format!("TRUNC {keep} lies ahead"));
                }
                let task = own.truncate(keep, out);
                self.stage = Stage::CatchingUp(CatchingUp::once(task, keep, self.epoch));
                Ok(())
            }
            ToLearner::Snap(zxid) => {
                if zxid.epoch() > self.epoch {
                    return over(format!("SNAP {zxid} lies beyond epoch {}", self.epoch));
                }
                self.stage = Stage::Receiving(zxid);
                Ok(())
            }
            // Nothing was changed yet: Apache's server ends with 13 all the same.
            ref packet => over(format!("{packet:?} instead of DIFF, TRUNC or SNAP")),
        }
    }

    /// The snapshot has been received whole.
    pub(crate) fn on_snapshot(&mut self, own: &mut Own, zxid: Zxid, out: &mut Vec<Effect>) -> Turn {
        self.heard = own.now;
        if !matches!(self.stage, Stage::Receiving(wanted) if wanted == zxid) {
            return over(format!("snapshot {zxid} while {:?}", self.stage));
        }
        let task = own.install(out);
        self.stage = Stage::CatchingUp(CatchingUp::once(task, zxid, self.epoch));
        Ok(())
    }

    /// Storage has finished something.
    pub(crate) fn on_done(
        &mut self,
        own: &mut Own,
        (task, outcome): (Task, Outcome),
        out: &mut Vec<Effect>,
    ) -> Turn {
        match &mut self.stage {
            Stage::Accepting {
                task: wanted,
                current_epoch,
            } if *wanted == task => {
                let current_epoch = Some(*current_epoch);
                self.register(own, current_epoch, out);
                Ok(())
            }
            Stage::CatchingUp(catching_up) => catching_up.on_done(own, task, out),
            Stage::Following(follower) => {
                if let Some(observers) = &mut follower.master {
                    observers.on_streamed(own, task, outcome, out);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The log is on disk further than before.
    pub(crate) fn on_durable(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        match &mut self.stage {
            Stage::Following(follower) => follower.on_durable(own, out),
            Stage::CatchingUp(catching_up) => catching_up.go_on(own, out),
            _ => {}
        }
    }

    /// After `UPTODATE`: serves clients.
    fn serve_if_caught_up(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        let Stage::CatchingUp(catching_up) = &mut self.stage else {
            return;
        };
        let Some(rest) = catching_up.take_rest() else {
            return;
        };
        let epoch = Zxid(self.epoch << 32);
        out.push(Effect::ToLeader(ToLeader::Ack(epoch)));
        own.elector.update_epoch(self.epoch);
        let leader = self.leader;
        let observer = self.observer;
        self.stage = match observer {
            true => Stage::Observing(Observer::new(own, epoch, rest, out)),
            false => Stage::Following(Follower::new(own, epoch, rest, out)),
        };
        out.push(Effect::Follow { leader, observer });
        out.push(Effect::Phase(self.phase()));
        own.call_succeeded();
        if let Stage::Following(follower) = &mut self.stage {
            follower.serve_observers(own, self.epoch, out);
        }
    }

    /// What must hold after every step.
    pub(crate) fn check(&self, own: &Own) {
        if let Stage::Following(follower) = &self.stage {
            follower.check(own);
        }
    }

    /// The role is over: what is logged and not applied yet.
    pub(crate) fn into_tail(self) -> VecDeque<(Zxid, Bytes)> {
        match self.stage {
            Stage::Following(follower) => follower.into_pending(),
            _ => VecDeque::new(),
        }
    }
}

/// What a learner holds when it may serve.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// Proposals, none of them logged yet.
    pub(crate) pending: VecDeque<(Zxid, Bytes)>,
    /// How many of them, from the first on, are committed.
    pub(crate) committed: usize,
    /// The last transaction heard of.
    pub(crate) last: Zxid,
}

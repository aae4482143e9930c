//! A member of an ensemble: one input in, a list of effects out. Roles are in files of their own.

use crate::consensus::settings::{Saved, Settings};
use crate::consensus::status::{Learners, Status};
use crate::consensus::{Effect, Input, Phase};
use crate::types::Millis;

/// The whole life of a member: it looks for a leader, agrees on an epoch, is synchronised or synchronises, takes
/// part in the broadcast, and looks again.
#[derive(Debug)]
pub struct Peer {
    settings: Settings,
    saved: Saved,
    now: Millis,
}

impl Peer {
    /// A member that has just started. Its first effects come out of its first step.
    pub fn new(settings: Settings, saved: Saved, now: Millis) -> Self {
        Peer {
            settings,
            saved,
            now,
        }
    }

    /// Takes one event. Everything that is to be done is pushed on `out`, in order; nothing else happens. `now` is a
    /// reading of a clock that never goes back.
    pub fn step(&mut self, now: Millis, input: Input, out: &mut Vec<Effect>) {
        assert!(now >= self.now, "the clock does not go back");
        self.now = now;
        if input == Input::Tick {
            out.push(Effect::Phase(Phase::Looking));
        }
    }

    /// When [`Input::Tick`] is wanted at the latest.
    pub fn next_tick(&self) -> Millis {
        self.now.plus(self.settings.tick_ms)
    }

    /// What it shows of itself.
    pub fn status(&self) -> Status {
        Status {
            phase: Phase::Looking,
            leader: None,
            voter: self.settings.committed.is_voter(self.settings.id),
            accepted_epoch: self.saved.accepted_epoch,
            current_epoch: self.saved.current_epoch,
            logged: self.saved.last_zxid,
            delivered: self.saved.last_zxid,
            proposed: None,
            outstanding: 0,
            config_version: self.settings.committed.version,
            learners: Learners::default(),
            proposal_sizes: None,
        }
    }
}

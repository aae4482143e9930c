//! What a run has seen of what can happen at all. A simulator that never gets somewhere proves nothing about it.

use std::collections::BTreeMap;

use oxkeeper::consensus::{Effect, Input, Outcome};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::Zxid;

use crate::history::History;
use crate::member::Job;
use crate::scene::Event;

/// How often each of these was seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sights(pub BTreeMap<&'static str, u64>);

/// Everything that must be seen in a few hundred seeds.
pub const ALL: &[&str] = &[
    "DIFF",
    "TRUNC",
    "SNAP",
    "INFORM",
    "log streamed",
    "log unavailable",
    "snapshot installed",
    "truncated",
    "epoch acknowledged before",
    "observer calls a follower",
    "request forwarded",
    "sync answered",
    "session taken up",
    "role ended",
    "connection to a leader lost",
    "crash while flushing",
    "crash while saving the accepted epoch",
    "crash while saving the current epoch",
    "crash while truncating",
    "crash while installing",
    "fuzzy snapshot on disk",
    "fuzzy snapshot sent",
    "disk lost",
    "joined without a history",
    "numbers used up",
    "membership proposed",
    "membership activated",
    "another leader designated",
    "follower without a vote",
];

impl Sights {
    pub fn see(&mut self, event: &Event<'_>) {
        let sight = match event {
            Event::Input(Input::FromLeader(ToLearner::Diff(_))) => "DIFF",
            Event::Input(Input::FromLeader(ToLearner::Trunc(_))) => "TRUNC",
            Event::Input(Input::FromLeader(ToLearner::Snap(_))) => "SNAP",
            Event::Input(Input::FromLeader(ToLearner::Inform { .. })) => "INFORM",
            Event::Input(Input::LeaderDown) => "connection to a leader lost",
            Event::Input(Input::Done(_, Outcome::Streamed(_))) => "log streamed",
            Event::Input(Input::Done(_, Outcome::Unavailable)) => "log unavailable",
            Event::Effect(Effect::ToLeader(ToLeader::AckEpoch {
                last_zxid: Zxid(-1),
                ..
            })) => "joined without a history",
            Event::Effect(Effect::Note(why)) if why.contains("used up") => "numbers used up",
            Event::Numbered { payload, .. } if payload.change.is_some() => "membership proposed",
            Event::Effect(Effect::Activate { differs: true, .. }) => "membership activated",
            Event::Effect(Effect::Install(_)) => "snapshot installed",
            Event::Effect(Effect::Truncate(..)) => "truncated",
            Event::Effect(Effect::ToLeader(ToLeader::AckEpoch {
                current_epoch: None,
                ..
            })) => "epoch acknowledged before",
            Event::Effect(Effect::DialObserverMaster { .. }) => "observer calls a follower",
            Event::Effect(Effect::Request(..)) => "request forwarded",
            Event::Effect(Effect::Synced) => "sync answered",
            Event::Effect(Effect::Retire) => "role ended",
            _ => return,
        };
        self.add(sight, 1);
    }

    /// A process ends in the middle of this.
    pub fn crash(&mut self, job: Option<&Job>) {
        let sight = match job {
            Some(Job::Flush(_)) => "crash while flushing",
            Some(Job::AcceptedEpoch(..)) => "crash while saving the accepted epoch",
            Some(Job::CurrentEpoch(..)) => "crash while saving the current epoch",
            Some(Job::Truncate(..)) => "crash while truncating",
            Some(Job::Install(..)) => "crash while installing",
            Some(Job::Append(..)) | None => return,
        };
        self.add(sight, 1);
    }

    /// A snapshot is done: whether it shows what it does not have.
    pub fn fuzz(&mut self, snapshot: &History, sight: &'static str) {
        if snapshot.fuzz.is_some() {
            self.add(sight, 1);
        }
    }

    pub fn add(&mut self, sight: &'static str, times: u64) {
        *self.0.entry(sight).or_default() += times;
    }

    pub fn add_all(&mut self, other: &Sights) {
        for (sight, times) in &other.0 {
            self.add(sight, *times);
        }
    }

    /// What was never seen.
    pub fn missing(&self) -> Vec<&'static str> {
        ALL.iter()
            .copied()
            .filter(|sight| !self.0.contains_key(sight))
            .collect()
    }
}

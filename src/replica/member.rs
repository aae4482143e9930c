//! A server and its seat in the ensemble, if it has one: values go between the two here, and what
//! neither of them can do is left for the street.

use crate::consensus::{Effect, Input, Peer};
use crate::pipeline::LogBatch;
use crate::proto::peer::ToLearner;
use crate::proto::txn::LoggedTxn;
use crate::replica::counts::{Counter, Counts};
use crate::replica::read_only::Grace;
use crate::replica::role::Role;
use crate::replica::{Now, Replica};
use crate::types::{Millis, Zxid};

/// A server, standalone or member of an ensemble.
#[derive(Debug)]
pub struct Member {
    /// The server itself.
    pub replica: Replica,
    peer: Option<Peer>,
    /// How long it looks for a leader before clients may read; `None`: for ever.
    grace: Option<Grace>,
    counter: Counter,
    effects: Vec<Effect>,
    street: Vec<Effect>,
}

impl Member {
    /// A standalone server.
    pub fn alone(replica: Replica) -> Self {
        Member {
            replica,
            peer: None,
            grace: None,
            counter: Counter::default(),
            effects: Vec::new(),
            street: Vec::new(),
        }
    }

    /// A member of an ensemble, in no role yet.
    pub fn new(replica: Replica, peer: Peer) -> Self {
        Member {
            peer: Some(peer),
            ..Member::alone(replica)
        }
    }

    /// The same, and when it has looked for a leader for a tick, and two seconds at least, clients may read
    /// (`readonlymode.enabled`).
    #[must_use]
    pub fn reading_alone(mut self, tick_ms: i64) -> Self {
        self.grace = Some(Grace::new(tick_ms));
        self
    }

    /// Whether clients may read from now on although there is no leader. To be asked once per turn.
    pub fn lets_read(&mut self, now: Now) -> bool {
        let grace = self.grace.as_mut();
        let is_over = grace.is_some_and(|grace| grace.is_over(now.monotonic));
        if is_over {
            self.replica.let_read();
        }
        is_over
    }

    /// The seat in the ensemble, if there is one.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Takes an event of the ensemble; nothing happens without one.
    pub fn step(&mut self, input: Input, now: Now) {
        let Some(peer) = &mut self.peer else { return };
        // What was to be sent before must not come behind the commits of this event.
        self.replica.take_mail(&mut self.street);
        let input = match time_of(&input) {
            Ok(time) => {
                if self.replica.role() == Role::Learner {
                    self.counter.heard(&input, time, now.wall);
                }
                input
            }
            Err(Unsound) => {
                tracing::error!("The leader has proposed what is no transaction; leaving it");
                self.street.push(Effect::LeaveLeader);
                Input::LeaderDown
            }
        };
        peer.step(now.monotonic, input, &mut self.effects);
        for effect in self.effects.drain(..) {
            if let Some(grace) = &mut self.grace {
                grace.note(&effect, now.monotonic);
            }
            let leads = self.replica.leads();
            self.counter.note(&effect, leads, now.wall);
            self.street.extend(self.replica.obey(effect, now));
            self.replica.take_mail(&mut self.street);
        }
    }

    /// The log is on disk up to here.
    pub fn durable(&mut self, zxid: Zxid, now: Now) {
        match self.peer {
            Some(_) => self.step(Input::Durable(zxid), now),
            None => self.replica.durable(zxid),
        }
    }

    /// Ends the turn: what was judged, or has come, goes into the room. Its records, if any, are to be
    /// logged; those that a leader has numbered are thereby proposed.
    pub fn take_log(&mut self, now: Now) -> Option<LogBatch> {
        let batch = self.replica.take_log()?;
        if self.replica.leads() {
            self.counter.proposed(batch.records, batch.last, now.wall);
            for (zxid, body) in (batch.first.0..).map(Zxid).zip(batch.bodies()) {
                self.step(Input::Proposed { zxid, body }, now);
            }
        }
        Some(batch)
    }

    /// What is left for the street, in order. Before any of it is done, everything that is ready must be
    /// finished: a snapshot that is wanted is one of that state.
    pub fn take_street(&mut self, street: &mut Vec<Effect>) {
        street.append(&mut self.street);
        self.replica.take_mail(street);
    }

    /// What it has counted of its part in the ensemble since the last call.
    pub fn take_counts(&mut self) -> Counts {
        self.counter.take()
    }

    /// Whether the oracle is to be asked before anything else happens.
    pub fn wants_oracle(&self) -> bool {
        self.peer.as_ref().is_some_and(Peer::wants_oracle)
    }

    /// When [`Input::Tick`] is wanted at the latest.
    pub fn next_tick(&self) -> Option<Millis> {
        self.peer.as_ref().map(Peer::next_tick)
    }

    /// When [`Member::lets_read`] may be true.
    pub fn grace_end(&self) -> Option<Millis> {
        self.grace.as_ref().and_then(Grace::end)
    }
}

/// What a leader has proposed is no transaction.
struct Unsound;

/// The time of a leader's proposal, if this is one.
///
/// # Errors
/// When it could not be applied once it is committed. Found out before anybody relies on it.
fn time_of(input: &Input) -> Result<Option<Millis>, Unsound> {
    let Input::FromLeader(packet) = input else {
        return Ok(None);
    };
    match packet {
        ToLearner::Proposal { zxid, body }
        | ToLearner::Inform { zxid, body }
        | ToLearner::InformAndActivate { zxid, body, .. } => {
            let logged = LoggedTxn::decode(body).map_err(|_| Unsound)?;
            match logged.header.zxid == zxid.0 {
                true => Ok(Some(Millis(logged.header.time))),
                false => Err(Unsound),
            }
        }
        _ => Ok(None),
    }
}

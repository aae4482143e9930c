//! One member as the street sees it: the process with its machine, its clock, its pipeline, what it has asked of
//! its disk. What survives it is in `scene.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use oxkeeper::consensus::{Input, Peer, Task};
use oxkeeper::types::{LinkId, Millis, SessionId, Zxid};

use crate::council::Council;
use crate::history::{History, Payload};
use crate::plan::{MS, Time};
use crate::walk::{Stream, Walk};

/// A clock that is not the world's: it began elsewhere and runs at a speed of its own.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub origin_ms: i64,
    /// In thousandths of the world's speed.
    pub rate: i64,
}

impl Clock {
    pub fn read(&self, now: Time) -> Millis {
        Millis(self.origin_ms + now * self.rate / 1000 / MS)
    }

    /// When this clock will show at least `at`.
    pub fn when(&self, at: Millis) -> Time {
        let away =
            at.0.saturating_sub(self.origin_ms)
                .saturating_mul(1000 * MS);
        let rate = self.rate;
        away / rate + i64::from(away % rate > 0)
    }
}

/// An order to the log thread, which does one after the other.
#[derive(Debug, Clone)]
pub enum Job {
    Append(Zxid, Payload),
    /// What has been appended, up to this length of the log.
    Flush(usize),
    AcceptedEpoch(i64, Task),
    CurrentEpoch(i64, Task),
    Truncate(Zxid, Task),
    Install(Box<History>, Task),
}

/// Who waits for a sync.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    Link(LinkId),
    Client(usize, i32),
}

/// Whom a port of a member is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Learners of a leader.
    Learners,
    /// Observers of a follower.
    Observers,
}

impl Door {
    /// With whether it is at the other place of a server, in the eyes of somebody who goes by this council. There, only the
    /// quorum port is another one.
    pub fn of(self, council: Council, member: usize) -> (Door, bool) {
        (self, self == Door::Learners && council.is_moved(member))
    }
}

/// What the process serves its clients as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Nothing,
    /// As the leader of this epoch.
    Leader(i64),
    /// As a learner of this member, connected to it in this epoch.
    Learner(usize),
}

/// A process.
#[derive(Debug)]
pub struct Member {
    /// `None` while it is down.
    pub peer: Option<Peer>,
    /// Counts starts; what was meant for an earlier life is void.
    pub life: u32,
    pub clock: Clock,
    /// Inputs that wait for their turn.
    pub inbox: VecDeque<Input>,
    pub feeding: bool,
    /// When it will be woken next.
    pub wake_at: Time,
    pub paused_until: Time,
    pub slow_until: Time,
    /// Ends the process after so many more steps of its disk, or effects.
    pub disk_fuse: Option<usize>,
    pub effect_fuse: Option<usize>,
    /// How long it stays away when a fuse has burnt.
    pub fuse_down: Time,

    pub service: Service,
    /// Its role has ended; with a mutant it goes on serving.
    pub retired: bool,
    /// Counts services, so that a client knows whether it still talks to the same.
    pub term: u32,
    /// The number of the pipeline's next transaction.
    pub next_zxid: Zxid,
    /// Numbered and not yet applied.
    pub in_flight: VecDeque<(Zxid, Payload)>,
    /// Syncs that wait until this transaction is applied.
    pub syncs: VecDeque<(Zxid, Asker)>,
    /// Syncs that were forwarded.
    pub asked_syncs: VecDeque<Asker>,
    /// Sessions that the leader is asked about.
    pub asked_sessions: VecDeque<SessionId>,

    pub orders: VecDeque<Job>,
    /// The order that is being carried out.
    pub busy: Option<Job>,
    /// Snapshots that are being written.
    pub walks: BTreeMap<u64, Walk>,
    /// Snapshots that are being sent, by connection.
    pub streams: BTreeMap<u64, Stream>,
    /// A snapshot that was received and is held aside.
    pub received: Option<Box<History>>,

    /// The port that is open, and whether at the member's other place.
    pub listening: Option<(Door, bool)>,
    /// Learners' connections.
    pub links: BTreeSet<u64>,
    /// The connection to the leader.
    pub upstream: Option<u64>,
    /// A dial that is not over.
    pub dialling: Option<u64>,
}

impl Member {
    pub fn new(clock: Clock) -> Member {
        Member {
            peer: None,
            life: 0,
            clock,
            inbox: VecDeque::new(),
            feeding: false,
            wake_at: Time::MAX,
            paused_until: 0,
            slow_until: 0,
            disk_fuse: None,
            effect_fuse: None,
            fuse_down: 0,
            service: Service::Nothing,
            retired: false,
            term: 0,
            next_zxid: Zxid::ZERO,
            in_flight: VecDeque::new(),
            syncs: VecDeque::new(),
            asked_syncs: VecDeque::new(),
            asked_sessions: VecDeque::new(),
            orders: VecDeque::new(),
            busy: None,
            walks: BTreeMap::new(),
            streams: BTreeMap::new(),
            received: None,
            listening: None,
            links: BTreeSet::new(),
            upstream: None,
            dialling: None,
        }
    }

    pub fn is_up(&self) -> bool {
        self.peer.is_some()
    }

    /// Forgets everything that lives in memory.
    pub fn end_process(&mut self) {
        *self = Member {
            life: self.life + 1,
            term: self.term + 1,
            slow_until: self.slow_until,
            ..Member::new(self.clock)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_awaited_exactly() {
        for rate in [900, 1000, 1070] {
            let clock = Clock {
                origin_ms: 77_000,
                rate,
            };
            for ms in 77_000..77_200 {
                let at = clock.when(Millis(ms));
                assert!(clock.read(at) >= Millis(ms));
                assert!(at == 0 || clock.read(at - 1) < Millis(ms));
            }
        }
    }
}

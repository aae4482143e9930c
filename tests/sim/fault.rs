//! The faults of a plan: when, for how long, to whom.

use std::fmt;

use crate::council::Council;
use crate::plan::{MS, Time};

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub at: Time,
    /// How long it lasts; for crashes, how long the member stays away.
    pub length: Time,
    pub what: What,
}

/// To whom it happens, as seen at that moment.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    Member(usize),
    /// The leader of the highest epoch, or who last was.
    Leader,
    /// So many behind the leader.
    Follower(usize),
}

/// Something that a disk does, other than to flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    AcceptedEpoch,
    CurrentEpoch,
    Truncate,
    Install,
}

#[derive(Debug, Clone, Copy)]
pub enum What {
    /// The process ends. Without power its connections just fall silent.
    Crash { who: Who, power: bool },
    /// The process ends at the n-th thing it does to its disk from now on.
    CrashAtDisk { who: Who, nth: usize },
    /// The process ends after the n-th effect from now on, in the middle of a list.
    CrashAtEffect { who: Who, nth: usize },
    /// Whoever is the next to have its disk do this ends in the middle of it.
    CrashDuring { order: Order },
    /// All processes end.
    CrashAll { power: bool },
    /// The process stands still: no input reaches it.
    Pause { who: Who },
    /// Members whose bit is set cannot talk with those whose is not.
    Partition { side: u32 },
    /// One member cannot talk with anybody.
    Isolate { who: Who },
    /// Nothing gets from one member to another; the other way it does.
    OneWay { from: usize, to: usize },
    /// Two members cannot talk with each other, but with all others.
    Split { a: usize, b: usize },
    /// The connections between two members break; new ones can be made at once.
    Cut { a: usize, b: usize },
    /// Flushes take fifty times as long.
    SlowDisk { who: Who },
    /// A member takes a snapshot and purges old files.
    Snapshot { who: Who },
    /// A process ends, and everything is gone that its disk held.
    Wipe { who: Who },
    /// An operator asks the leader for another membership.
    Change(Wish),
    /// Whoever is the next to see a membership, proposed or committed, ends so many effects later.
    CrashNearChange { after: usize },
}

/// What an operator wants the membership to become.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    Remove(Who),
    /// Takes a member in as a voter, or makes it one.
    Vote(usize),
    Observe(Who),
    /// The quorum port changes.
    Move(Who),
    /// All of it at once; who was moved stays where it is.
    Whole(Council),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {} ms, for {} ms: {:?}",
            self.at / MS,
            self.length / MS,
            self.what
        )
    }
}

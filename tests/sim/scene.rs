//! What an onlooker may see of a run: disks, applied states, who is in office. Laws are given this and the trace,
//! never a member's inside.

use oxkeeper::consensus::{Effect, Input};
use oxkeeper::types::Zxid;

use crate::council::{Charter, Council};
use crate::disk::Disk;
use crate::history::{Entry, History, Payload};
use crate::member::Service;
use crate::plan::{Shape, Time};
use crate::reconfig::joining;

/// Everything that is to be seen at one moment.
#[derive(Debug)]
pub struct Scene {
    pub now: Time,
    /// The first membership.
    pub council: Council,
    /// The last counter of an epoch.
    pub counter_max: i64,
    pub disks: Vec<Disk>,
    /// What each member has applied.
    pub states: Vec<History>,
    pub services: Vec<Service>,
}

impl Scene {
    /// `believed`: what the members take for the first membership.
    pub fn new(shape: &Shape, believed: Council, counter_max: i64) -> Scene {
        let members = shape.members();
        let disk = |member| {
            let mut disk = Disk::of(believed);
            if !believed.has(member) {
                disk.committed = joining(member, believed);
            }
            disk
        };
        Scene {
            now: 0,
            council: shape.council(),
            counter_max,
            disks: (0..members).map(disk).collect(),
            states: vec![History::default(); members],
            services: vec![Service::Nothing; members],
        }
    }
}

impl Scene {
    /// Who must agree, as this member knows it: the members, and those that are about to be.
    pub fn deciding(&self, member: usize) -> impl Iterator<Item = Council> {
        let Disk {
            committed, next, ..
        } = &self.disks[member];
        let newer = next.filter(|next| next.version > committed.version);
        let both = std::iter::once(*committed).chain(newer);
        // Before the first change, what the members believe is not asked for.
        let truth = |charter: Charter| match charter.version == Zxid::ZERO {
            true if charter.council.voters == self.council.voters => self.council,
            _ => charter.council,
        };
        both.map(truth)
    }
}

/// One thing that happened to a member, or in one.
#[derive(Debug)]
pub enum Event<'e> {
    /// The process has started and has made its state from its disk.
    Started,
    /// The process has ended.
    Crashed,
    /// The disk has lost everything.
    Wiped,
    /// The machine is about to see this.
    Input(&'e Input),
    /// The machine asks for this; it is carried out next.
    Effect(&'e Effect),
    /// A transaction has been applied. Only what is applied while serving counts as committed: a learner that is being
    /// synchronised, and a member at the end of its role, apply what a later leader may take back.
    Applied { entry: Entry, serving: bool },
    /// Something durable has changed.
    Stored,
    /// A client has sent a write.
    Asked(Payload),
    /// A leader's pipeline has given a number; from here on it may be found in the leader's log.
    Numbered { zxid: Zxid, payload: Payload },
    /// A client has been told that its write succeeded.
    Acknowledged { payload: Payload, zxid: Zxid },
    /// A client has sent a sync.
    SyncAsked { client: usize, number: i32 },
    /// A client has read; `sync`: the request was the sync of this number.
    Read {
        client: usize,
        zxid: Zxid,
        sync: Option<i32>,
    },
    /// All faults are over and everything is quiet.
    Settled,
}

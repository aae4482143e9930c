//! What an onlooker may see of a run: disks, applied states, who is in office. Laws are given this and the trace,
//! never a member's inside.

use oxkeeper::consensus::{Effect, Input};
use oxkeeper::types::Zxid;

use crate::disk::Disk;
use crate::history::{Entry, History, Payload};
use crate::member::Service;
use crate::plan::{Shape, Time};

/// Everything that is to be seen at one moment.
#[derive(Debug)]
pub struct Scene {
    pub now: Time,
    pub shape: Shape,
    pub disks: Vec<Disk>,
    /// What each member has applied.
    pub states: Vec<History>,
    pub services: Vec<Service>,
}

impl Scene {
    pub fn new(shape: &Shape) -> Scene {
        let members = shape.members();
        Scene {
            now: 0,
            shape: shape.clone(),
            disks: vec![Disk::new(); members],
            states: vec![History::default(); members],
            services: vec![Service::Nothing; members],
        }
    }
}

/// One thing that happened to a member, or in one.
#[derive(Debug)]
pub enum Event<'e> {
    /// The process has started and has made its state from its disk.
    Started,
    /// The process has ended.
    Crashed,
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

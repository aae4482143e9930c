//! The network as it stands: who cannot reach whom, the connections of the quorum port, the pairs of the election
//! port. Only what is there; what happens to it is in `links.rs` and `ballots.rs`.

use std::collections::{BTreeMap, VecDeque};

use oxkeeper::proto::ballot::Ballot;
use oxkeeper::proto::peer::{ToLeader, ToLearner};

use crate::history::History;
use crate::plan::Time;

/// What travels on a connection of the quorum port.
#[derive(Debug, Clone)]
pub enum Item {
    ToLearner(ToLearner),
    ToLeader(ToLeader),
    /// Some bytes of a snapshot.
    Part,
    /// The last bytes of a snapshot: the state that it holds.
    Whole(Box<History>),
    /// The connection has ended.
    End,
}

/// One direction of a connection: nothing overtakes.
#[derive(Debug, Default)]
pub struct Pipe {
    pub queue: VecDeque<(Time, Item)>,
    /// When the last item arrives.
    pub front: Time,
    /// Whether an event is waiting for the first item.
    pub armed: bool,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    pub member: usize,
    pub life: u32,
    pub open: bool,
}

/// A connection of the quorum port.
#[derive(Debug)]
pub struct Conn {
    pub learner: Side,
    pub leader: Side,
    /// From the leader to the learner.
    pub down: Pipe,
    /// From the learner to the leader.
    pub up: Pipe,
}

impl Conn {
    pub fn pipe(&mut self, down: bool) -> &mut Pipe {
        if down { &mut self.down } else { &mut self.up }
    }

    /// Who sends and who receives in this direction.
    pub fn ends(&self, down: bool) -> (Side, Side) {
        if down {
            (self.leader, self.learner)
        } else {
            (self.learner, self.leader)
        }
    }

    pub fn receiver(&mut self, down: bool) -> &mut Side {
        if down {
            &mut self.learner
        } else {
            &mut self.leader
        }
    }
}

/// The election port from one member to another.
#[derive(Debug, Default, Clone)]
pub struct Wire {
    /// Sent or waiting to be sent: what a fresh connection begins with.
    pub last: Option<Ballot>,
    /// When the last one on its way arrives.
    pub front: Time,
    /// On their way, but held up.
    pub held: Vec<(u32, Ballot)>,
}

/// Both directions share one connection.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pair {
    pub up: bool,
    /// Counts connections, so that what was on its way on an older one is known.
    pub generation: u32,
}

/// The network.
#[derive(Debug)]
pub struct Wires {
    members: usize,
    /// How many faults block each way.
    blocked: Vec<u32>,
    wires: Vec<Wire>,
    pairs: Vec<Pair>,
    pub conns: BTreeMap<u64, Conn>,
    pub next_conn: u64,
}

impl Wires {
    pub fn new(members: usize) -> Wires {
        Wires {
            members,
            blocked: vec![0; members * members],
            wires: vec![Wire::default(); members * members],
            pairs: vec![Pair::default(); members * members],
            conns: BTreeMap::new(),
            next_conn: 1,
        }
    }

    pub fn is_blocked(&self, from: usize, to: usize) -> bool {
        self.blocked[from * self.members + to] > 0
    }

    /// Whether a connection can be made.
    pub fn can_connect(&self, a: usize, b: usize) -> bool {
        !self.is_blocked(a, b) && !self.is_blocked(b, a)
    }

    /// One more fault blocks this way.
    pub fn block(&mut self, from: usize, to: usize) {
        self.blocked[from * self.members + to] += 1;
    }

    /// One fault less.
    pub fn unblock(&mut self, from: usize, to: usize) {
        let count = &mut self.blocked[from * self.members + to];
        *count = count.checked_sub(1).expect("what is unblocked was blocked");
    }

    /// No fault any more.
    pub fn clear(&mut self) {
        self.blocked.fill(0);
    }

    pub fn wire(&mut self, from: usize, to: usize) -> &mut Wire {
        &mut self.wires[from * self.members + to]
    }

    pub fn pair(&mut self, a: usize, b: usize) -> &mut Pair {
        &mut self.pairs[a.min(b) * self.members + a.max(b)]
    }
}

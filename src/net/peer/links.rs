//! The line's end of the quorum port: what is to be sent is appended to outboxes, letters are opened.
//! Nothing here waits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::consensus::Input;
use crate::net::peer::bell::{Bell, Order};
use crate::net::peer::dial::Target;
use crate::net::peer::outbox::{Cut, Outbox};
use crate::net::peer::ports::Letter;
use crate::net::peer::stream::Stream;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::limits;
use crate::types::{LinkId, ServerId};

/// What both ends of the quorum port share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) bell: Arc<Bell>,
    next_link: AtomicU64,
    /// Where learners can connect now.
    pub(super) doors: Mutex<Vec<SocketAddr>>,
}

impl Common {
    pub(super) fn new() -> Common {
        Common {
            bell: Arc::default(),
            next_link: AtomicU64::new(1),
            doors: Mutex::default(),
        }
    }

    /// A new connection, with the next number.
    pub(super) fn new_link(&self) -> Outbox {
        let link = LinkId(self.next_link.fetch_add(1, Ordering::Relaxed));
        Outbox::new(link, Arc::clone(&self.bell), limits::LINK_OUTBOX_BYTES_MAX)
    }
}

/// A connection, and what this turn of the line has for it.
#[derive(Debug)]
struct Desk {
    outbox: Arc<Outbox>,
    pending: Vec<u8>,
}

impl Desk {
    fn new(outbox: &Arc<Outbox>) -> Desk {
        Desk {
            outbox: Arc::clone(outbox),
            pending: Vec::new(),
        }
    }

    fn hand_over(&mut self) {
        if !self.pending.is_empty() {
            self.outbox.push(&mut self.pending);
        }
    }
}

/// All connections of the quorum port, as the line sees them: to its leader, to its learners.
///
/// Whatever is asked of it takes effect with [`Links::flush`], at the end of a turn.
#[derive(Debug)]
pub struct Links {
    common: Arc<Common>,
    leader: Option<Desk>,
    learners: BTreeMap<LinkId, Desk>,
    /// Learners are wanted, with this number or a higher one: the others came before.
    wanted_from: Option<LinkId>,
}

impl Links {
    pub(super) fn new(common: Arc<Common>) -> Links {
        Links {
            common,
            leader: None,
            learners: BTreeMap::new(),
            wanted_from: None,
        }
    }

    /// The next input out of a letter. What came too late, from a connection that was left or hung up in
    /// the meantime, is passed over.
    pub fn next(&mut self, letter: &mut Letter) -> Option<Input> {
        loop {
            let input = letter.next()?;
            if self.admits(letter.from(), &input) {
                return Some(input);
            }
        }
    }

    fn admits(&mut self, from: &Arc<Outbox>, input: &Input) -> bool {
        match input {
            Input::LearnerUp(link) => {
                let is_wanted = self.wanted_from.is_some_and(|first| *link >= first);
                if is_wanted {
                    self.learners.insert(*link, Desk::new(from));
                }
                is_wanted
            }
            Input::LearnerDown(link) => self.learners.remove(link).is_some(),
            Input::FromLearner(link, _) => self.learners.contains_key(link),
            _ => {
                let leader = self.leader.as_ref().map(|desk| desk.outbox.link);
                let is_leader = leader == Some(from.link);
                if is_leader && *input == Input::LeaderDown {
                    self.leader = None;
                }
                is_leader
            }
        }
    }

    /// Connects to a leader; an earlier one is left.
    pub fn dial(&mut self, leader: ServerId, at: Vec<Target>, within: Duration) {
        self.leave();
        let outbox = Arc::new(self.common.new_link());
        self.leader = Some(Desk::new(&outbox));
        self.common.bell.order(Order::Dial {
            leader,
            outbox,
            at,
            within,
        });
    }

    /// Ends the connection to the leader, or the attempt to make one.
    pub fn leave(&mut self) {
        if let Some(desk) = self.leader.take() {
            desk.outbox.cut(Cut::Wanted);
        }
    }

    /// Sends to the leader, as soon as it is connected.
    pub fn to_leader(&mut self, packet: &ToLeader) {
        if let Some(desk) = &mut self.leader {
            packet.append(&mut desk.pending);
        }
    }

    /// Accepts learners at these addresses and no others. Those that are connected stay.
    pub fn listen(&mut self, at: Vec<Target>) {
        let next = LinkId(self.common.next_link.load(Ordering::Relaxed));
        self.wanted_from.get_or_insert(next);
        self.common.bell.order(Order::Listen(at));
    }

    /// Accepts no more learners, and ends every learner's connection.
    pub fn unlisten(&mut self) {
        self.wanted_from = None;
        for desk in self.learners.values() {
            desk.outbox.cut(Cut::Wanted);
        }
        self.learners.clear();
        self.common.bell.order(Order::Unlisten);
    }

    /// Sends to a learner; nothing when it is gone.
    pub fn send(&mut self, link: LinkId, packet: &ToLearner) {
        if let Some(desk) = self.learners.get_mut(&link) {
            packet.append(&mut desk.pending);
        }
    }

    /// Ends a learner's connection.
    pub fn hang_up(&mut self, link: LinkId) {
        if let Some(desk) = self.learners.remove(&link) {
            desk.outbox.cut(Cut::Wanted);
        }
    }

    /// Opens a stream to a learner, behind everything sent to it so far and before everything sent from
    /// now on. `None` when the learner is gone.
    pub fn stream(&mut self, link: LinkId) -> Option<Stream> {
        let desk = self.learners.get_mut(&link)?;
        desk.hand_over();
        Some(Stream::open(&desk.outbox))
    }

    /// Where a learner connects from.
    pub fn address(&self, link: LinkId) -> Option<SocketAddr> {
        self.learners.get(&link)?.outbox.peer()
    }

    /// Where learners can connect at present: not at once after [`Links::listen`].
    pub fn doors(&self) -> Vec<SocketAddr> {
        self.common.doors.lock().clone()
    }

    /// The end of a turn: whatever was asked for is handed over, and the peers thread woken once.
    pub fn flush(&mut self) {
        self.leader
            .iter_mut()
            .chain(self.learners.values_mut())
            .for_each(Desk::hand_over);
        self.common.bell.ring();
    }

    /// Ends the peers thread, once it has sent what peers take at once.
    pub fn stop(&mut self) {
        self.flush();
        self.common.bell.order(Order::Stop);
        self.common.bell.ring();
    }
}

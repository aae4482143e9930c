//! What the connections of the peers thread share, and how one begins and ends.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::consensus::Input;
use crate::net::peer::dial::{self, Target};
use crate::net::peer::links::Common;
use crate::net::peer::outbox::{Cut, Outbox};
use crate::net::peer::ports::{Letter, Ports};
use crate::net::peer::quorum::Settings;
use crate::net::peer::reader::Reader;
use crate::net::peer::wire::{End, Wire};
use crate::types::limits;
use crate::types::{LinkId, ServerId};

/// Everything that the tasks of the quorum port share.
pub(super) struct Room {
    pub(super) settings: Settings,
    pub(super) ports: Ports,
    pub(super) common: Arc<Common>,
    wires: RefCell<BTreeMap<LinkId, Rc<Wire>>>,
    /// Learners that have not said anything yet, oldest first.
    silent: RefCell<VecDeque<LinkId>>,
    /// Told when a letter was posted in this round of the runtime.
    posted: Notify,
}

impl Room {
    pub(super) fn new(settings: Settings, ports: Ports, common: Arc<Common>) -> Room {
        Room {
            settings,
            ports,
            common,
            wires: RefCell::default(),
            silent: RefCell::default(),
            posted: Notify::new(),
        }
    }

    /// Posts a letter. The line is woken once, after everything that is ready now has had its turn.
    pub(super) fn post(&self, from: &Wire, news: Vec<Input>, bytes: usize) {
        self.ports.line.post(Letter::new(&from.outbox, news, bytes));
        self.posted.notify_one();
    }

    /// Wakes the line when letters were posted.
    pub(super) async fn wake_line(&self) {
        loop {
            self.posted.notified().await;
            self.ports.line.wake();
        }
    }

    /// These connections were marked.
    pub(super) fn attend(&self, links: &[LinkId]) {
        let wires = self.wires.borrow();
        for wire in links.iter().filter_map(|link| wires.get(link)) {
            wire.attend();
        }
    }

    /// Ends every learner's connection.
    pub(super) fn cut_learners(&self) {
        let wires = self.wires.borrow();
        for wire in wires.values().filter(|wire| wire.is_learner) {
            wire.outbox.cut(Cut::Wanted);
            wire.attend();
        }
    }

    /// A learner has connected.
    pub(super) fn welcome(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.settings.leader_no_delay
            && let Err(error) = stream.set_nodelay(true)
        {
            tracing::debug!("connection of {peer} ends before it began: {error}");
            return;
        }
        let outbox = self.common.new_link();
        let link = outbox.link;
        outbox.set_peer(peer);
        let wire = Rc::new(Wire::new(Arc::new(outbox), true));
        self.wires.borrow_mut().insert(link, Rc::clone(&wire));
        self.post(&wire, vec![Input::LearnerUp(link)], 0);
        self.make_room_for(link);
        spawn_local(Rc::clone(self).serve_learner(wire, stream, peer));
    }

    /// One more that has not said anything yet.
    fn make_room_for(&self, link: LinkId) {
        let mut silent = self.silent.borrow_mut();
        silent.push_back(link);
        if silent.len() <= limits::LINKS_SILENT_MAX {
            return;
        }
        let oldest = silent.pop_front().expect("one was just added");
        if let Some(wire) = self.wires.borrow().get(&oldest) {
            wire.outbox.cut(Cut::Silent);
            wire.attend();
        }
    }

    /// A learner has said something.
    pub(super) fn heard(&self, link: LinkId) {
        self.silent.borrow_mut().retain(|silent| *silent != link);
    }

    async fn serve_learner(self: Rc<Self>, wire: Rc<Wire>, stream: TcpStream, peer: SocketAddr) {
        let (input, output) = stream.into_split();
        wire.connected(output);
        let reader = Reader::of_learner(Rc::clone(&self), Rc::clone(&wire), input);
        let end = wire.during(reader.run()).await;
        self.heard(wire.outbox.link);
        if let End::Cut(Cut::Wanted) = end {
            tracing::debug!("connection of learner {peer} ends: {end}");
        } else {
            tracing::warn!("connection of learner {peer} ends: {end}");
        }
        let link = wire.outbox.link;
        self.leave(&wire, Input::LearnerDown(link));
    }

    /// Connects to a leader, and serves the connection.
    pub(super) fn dial(
        self: &Rc<Self>,
        leader: ServerId,
        outbox: Arc<Outbox>,
        at: Vec<Target>,
        within: Duration,
    ) {
        let wire = Rc::new(Wire::new(outbox, false));
        self.wires
            .borrow_mut()
            .insert(wire.outbox.link, Rc::clone(&wire));
        // The line may have left the leader already.
        wire.attend();
        let room = Rc::clone(self);
        spawn_local(async move {
            let work = room.serve_leader(&wire, leader, &at, within);
            let end = wire.during(work).await;
            match end {
                End::Cut(Cut::Wanted) => {
                    tracing::debug!("connection to server {} ends: {end}", leader.0);
                }
                End::Dial(why) => tracing::warn!("cannot connect to server {}: {why}", leader.0),
                _ => tracing::warn!("connection to server {} ends: {end}", leader.0),
            }
            room.leave(&wire, Input::LeaderDown);
        });
    }

    async fn serve_leader(
        self: &Rc<Self>,
        wire: &Rc<Wire>,
        leader: ServerId,
        at: &[Target],
        within: Duration,
    ) -> End {
        let stream = match dial::dial(at, within, self.settings.dial_pause).await {
            Ok(stream) => stream,
            Err(error) => return error.into(),
        };
        if self.settings.follower_no_delay
            && let Err(error) = stream.set_nodelay(true)
        {
            return error.into();
        }
        if let Ok(peer) = stream.peer_addr() {
            tracing::info!("connected to server {} at {peer}, to follow", leader.0);
            wire.outbox.set_peer(peer);
        }
        let (input, output) = stream.into_split();
        self.post(wire, vec![Input::LeaderUp], 0);
        wire.connected(output);
        let reader = Reader::of_leader(Rc::clone(self), Rc::clone(wire), input);
        reader.run().await
    }

    /// A connection has ended.
    fn leave(&self, wire: &Wire, down: Input) {
        // Whoever still writes to it is told.
        wire.outbox.cut(Cut::Wanted);
        self.wires.borrow_mut().remove(&wire.outbox.link);
        self.post(wire, vec![down], 0);
    }

    /// Sends what sockets take at once, and closes them.
    pub(super) fn close(&self) {
        for wire in self.wires.borrow().values() {
            wire.flush_now();
            wire.outbox.cut(Cut::Wanted);
        }
    }
}

//! The servers of an ensemble as the election port sees them: who is connected, who is being dialled, and what
//! becomes of a caller.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::net::listen;
use crate::net::peer::ballots::dial::connect_any;
use crate::net::peer::ballots::letter::BallotPort;
use crate::net::peer::ballots::wire::{Outgoing, Wire, WireEnd};
use crate::net::peer::ballots::{AddressBook, ElectionSettings, doors};
use crate::proto::ballot::{ANONYMOUS, ElectionAddress, Hello};
use crate::types::ServerId;
use crate::types::limits;

/// Before a server is dialled again: after the first failure, and at most.
const DIAL_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(1600));
/// How long a server with a larger id may take to call back. A second knock would make it hang up and dial again.
const KNOCK_PATIENCE: Duration = Duration::from_millis(500);

/// What the tasks of the election port share.
pub(super) struct Room {
    pub(super) settings: ElectionSettings,
    pub(super) port: Arc<dyn BallotPort>,
    book: RefCell<AddressBook>,
    peers: RefCell<BTreeMap<ServerId, Peer>>,
    /// Callers that have not said who they are, oldest first.
    silent: RefCell<VecDeque<AbortHandle>>,
    next_wire: Cell<u64>,
    /// The id that the next caller without one gets.
    next_anonymous: Cell<i64>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// Another server.
struct Peer {
    outgoing: Rc<Outgoing>,
    link: Option<Link>,
    dial: Option<Dial>,
    /// Not dialled before, unless it knocks.
    not_before: Instant,
    /// Dials in a row that have failed.
    failures: u32,
}

/// The connection with a server.
struct Link {
    number: u64,
    task: AbortHandle,
    /// Where the other end is.
    ip: Option<IpAddr>,
    /// Whether it is being asked for an answer.
    is_checked: bool,
    /// Whether a ballot has come since this was looked at.
    heard: Rc<Cell<bool>>,
    /// When the first ballot was sent after the last one that came.
    asked: Cell<Option<Instant>>,
}

impl Link {
    /// A ballot is being sent. How long the other end has owed a word.
    fn asks(&self, now: Instant) -> Duration {
        let answered = self.heard.replace(false);
        let asked = self.asked.get().filter(|_| !answered);
        let asked = asked.unwrap_or(now);
        self.asked.set(Some(asked));
        now - asked
    }
}

/// A dial under way.
struct Dial {
    task: AbortHandle,
    /// Whether it has begun, or still waits for its time.
    begun: Rc<Cell<bool>>,
}

impl Peer {
    fn new() -> Self {
        Peer {
            outgoing: Rc::default(),
            link: None,
            dial: None,
            not_before: Instant::now(),
            failures: 0,
        }
    }

    fn hang_up(&mut self) {
        if let Some(link) = self.link.take() {
            link.task.abort();
        }
    }

    /// Gives up a dial that has not begun.
    fn no_dial_ahead(&mut self) {
        if let Some(dial) = self.dial.take_if(|dial| !dial.begun.get()) {
            dial.task.abort();
        }
    }
}

impl Room {
    /// Begins to listen.
    pub(super) fn open(
        settings: ElectionSettings,
        book: AddressBook,
        port: Arc<dyn BallotPort>,
    ) -> Rc<Room> {
        let room = Rc::new(Room {
            settings,
            port,
            book: RefCell::new(book),
            peers: RefCell::default(),
            silent: RefCell::default(),
            next_wire: Cell::new(0),
            next_anonymous: Cell::new(-1),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        });
        doors::open(&room);
        room
    }

    /// Ends everything; all sockets are closed when it returns.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs a task until it ends or the room closes.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) -> AbortHandle {
        let closing = self.closing.clone();
        let until = async move {
            closing.run_until_cancelled(task).await;
        };
        self.tasks.spawn_local(until).abort_handle()
    }

    /// The own addresses.
    pub(super) fn own(&self) -> Vec<ElectionAddress> {
        self.book.borrow().find(self.settings.me).to_vec()
    }

    /// Servers are to be found here from now on.
    pub(super) fn know(&self, book: AddressBook) {
        *self.book.borrow_mut() = book;
    }

    pub(super) fn book(&self) -> AddressBook {
        self.book.borrow().clone()
    }

    /// Sends a ballot, in its frame.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java toSend
    pub(super) fn send(self: &Rc<Self>, to: ServerId, frame: Bytes) {
        let mut peers = self.peers.borrow_mut();
        let stranger = self.book.borrow().find(to).is_empty();
        if stranger && !peers.contains_key(&to) {
            tracing::warn!("no ballot for server {}: it has no election address", to.0);
            return;
        }
        let peer = peers.entry(to).or_insert_with(Peer::new);
        peer.outgoing.put(frame);
        match &mut peer.link {
            Some(link) if link.asks(Instant::now()) > self.settings.silent_within => {
                tracing::warn!("server {} says nothing: dialling it anew", to.0);
                peer.hang_up();
                self.dial(to, peer, Vec::new());
            }
            Some(link) => self.check(to, link),
            None if peer.dial.is_none() => self.dial(to, peer, Vec::new()),
            None => {}
        }
    }

    /// Finds out whether the other end is still there, if the server could be reached elsewhere.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java connectOne
    fn check(self: &Rc<Self>, to: ServerId, link: &mut Link) {
        let has_several = self.book.borrow().find(to).len() > 1;
        let checks = self.settings.reachability.filter(|_| has_several);
        let Some((checks, ip)) = checks.zip(link.ip) else {
            return;
        };
        if mem::replace(&mut link.is_checked, true) {
            return;
        }
        let (room, number) = (Rc::clone(self), link.number);
        self.spawn(async move {
            let answers = checks.answers(ip).await;
            room.checked(to, number, answers);
        });
    }

    /// The address of a connection has answered, or has not.
    fn checked(self: &Rc<Self>, to: ServerId, number: u64, answers: bool) {
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(&to) else {
            return;
        };
        let Some(link) = peer.link.as_mut().filter(|link| link.number == number) else {
            return;
        };
        link.is_checked = false;
        if !answers {
            tracing::warn!(
                "server {} does not answer where it was connected: dialling it anew",
                to.0
            );
            peer.hang_up();
            self.dial(to, peer, Vec::new());
        }
    }

    /// Dials a server once, when its time has come: at the addresses that it has announced, else at those in the
    /// book.
    fn dial(self: &Rc<Self>, to: ServerId, peer: &mut Peer, announced: Vec<ElectionAddress>) {
        let begun = Rc::new(Cell::new(false));
        let (room, begins, at) = (Rc::clone(self), Rc::clone(&begun), peer.not_before);
        let task = self.spawn(async move {
            sleep_until(at).await;
            begins.set(true);
            let called = timeout(room.settings.dial_within, room.call(to, announced)).await;
            let timed_out = |_| Err(io::ErrorKind::TimedOut.into());
            room.called(to, called.unwrap_or_else(timed_out));
        });
        peer.dial = Some(Dial { task, begun });
    }

    /// Connects, and says who calls. Java's servers want to hear that at once and in one piece.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java startConnection
    async fn call(&self, to: ServerId, announced: Vec<ElectionAddress>) -> io::Result<TcpStream> {
        let known = self.book.borrow().find(to).to_vec();
        let mut stream = connect_any(&announced).await;
        if stream.is_err() && announced != known {
            stream = connect_any(&known).await;
        }
        let mut stream = stream?;
        listen::tune(&stream, self.settings.keep_alive)?;
        let hello = Hello {
            from: self.settings.me,
            addresses: self.own(),
        };
        let mut bytes = Vec::new();
        hello.append(self.settings.hello, &mut bytes);
        stream.write_all(&bytes).await?;
        Ok(stream)
    }

    /// A dial is over.
    fn called(self: &Rc<Self>, to: ServerId, outcome: io::Result<TcpStream>) {
        let now = Instant::now();
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(&to) else {
            return;
        };
        peer.dial = None;
        match outcome {
            Ok(stream) if to < self.settings.me => {
                self.adopt(to, peer, stream, BytesMut::new());
            }
            // That was a knock: the larger id dials, and is waited for.
            Ok(_) => peer.not_before = now + KNOCK_PATIENCE,
            Err(error) => {
                let (first, most) = DIAL_PAUSES;
                let pause = first.saturating_mul(1 << peer.failures.min(10));
                peer.failures += 1;
                peer.not_before = now + pause.min(most);
                let book = self.book.borrow();
                let at = Addresses(book.find(to));
                tracing::warn!(
                    "Cannot open channel to {} at election address {at}: {error}",
                    to.0
                );
            }
        }
        drop(peers);
        self.forget_stranger(to);
    }

    /// Somebody has connected.
    pub(super) fn welcome(self: &Rc<Self>, stream: TcpStream, from: SocketAddr) {
        if let Err(error) = listen::tune(&stream, self.settings.keep_alive) {
            tracing::debug!("{from} was gone before it could be heard: {error}");
            return;
        }
        let room = Rc::clone(self);
        let task = self.spawn(async move {
            let hello = timeout(room.settings.hello_within, hear(stream)).await;
            match hello.unwrap_or_else(|_| Err("it does not say who it is".to_owned())) {
                Ok((hello, stream, received)) => room.introduced(hello, stream, received),
                Err(why) => tracing::warn!("hanging up on {from} at the election port: {why}"),
            }
        });
        let mut silent = self.silent.borrow_mut();
        silent.retain(|task| !task.is_finished());
        silent.push_back(task);
        if silent.len() > limits::ELECTION_CALLERS_SILENT_MAX
            && let Some(oldest) = silent.pop_front()
        {
            oldest.abort();
        }
    }

    /// A caller has said who it is.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java handleConnection
    fn introduced(self: &Rc<Self>, hello: Hello, stream: TcpStream, received: BytesMut) {
        let from = self.name(hello.from);
        let mut peers = self.peers.borrow_mut();
        let known = |id: &ServerId| !self.book.borrow().find(*id).is_empty();
        if !known(&from) && !peers.contains_key(&from) {
            let strangers = peers.keys().filter(|id| !known(id)).count();
            if strangers >= limits::ELECTION_STRANGERS_MAX {
                tracing::warn!("hanging up on server {}: too many strangers", from.0);
                return;
            }
        }
        match from.cmp(&self.settings.me) {
            Ordering::Equal => {
                tracing::warn!(
                    "a server with the own id {} calls: a mistake in somebody's settings",
                    from.0
                );
            }
            Ordering::Greater => {
                let peer = peers.entry(from).or_insert_with(Peer::new);
                self.adopt(from, peer, stream, received);
            }
            Ordering::Less => {
                // It has no connection, whatever this end believes.
                drop(stream);
                let peer = peers.entry(from).or_insert_with(Peer::new);
                peer.hang_up();
                peer.no_dial_ahead();
                if peer.dial.is_none() {
                    peer.not_before = Instant::now();
                    self.dial(from, peer, hello.addresses);
                }
            }
        }
    }

    /// Who calls: a caller without an id gets one of its own.
    fn name(&self, from: ServerId) -> ServerId {
        if from != ANONYMOUS {
            return from;
        }
        let id = self.next_anonymous.get();
        self.next_anonymous.set(id - 1);
        ServerId(id)
    }

    /// Carries ballots over this connection from now on, and over no other one with this server.
    fn adopt(
        self: &Rc<Self>,
        id: ServerId,
        peer: &mut Peer,
        stream: TcpStream,
        received: BytesMut,
    ) {
        peer.hang_up();
        peer.no_dial_ahead();
        peer.failures = 0;
        let number = self.next_wire.get();
        self.next_wire.set(number + 1);
        let ip = stream.peer_addr().ok().map(|at| at.ip());
        let wire = Wire {
            peer: id,
            stream,
            received,
            outgoing: Rc::clone(&peer.outgoing),
            heard: Rc::default(),
            port: Arc::clone(&self.port),
        };
        let heard = Rc::clone(&wire.heard);
        let room = Rc::clone(self);
        let task = self.spawn(async move {
            let end = wire.run().await;
            room.ended(id, number, &end);
        });
        peer.link = Some(Link {
            number,
            task,
            ip,
            is_checked: false,
            heard,
            asked: Cell::new(None),
        });
        tracing::info!("connected with server {} for elections", id.0);
    }

    fn ended(&self, id: ServerId, number: u64, end: &WireEnd) {
        tracing::info!("connection with server {} for elections: {end}", id.0);
        if let Some(peer) = self.peers.borrow_mut().get_mut(&id) {
            peer.link.take_if(|link| link.number == number);
        }
        self.forget_stranger(id);
    }

    /// Nothing is kept of strangers that are not connected.
    fn forget_stranger(&self, id: ServerId) {
        let known = !self.book.borrow().find(id).is_empty();
        let mut peers = self.peers.borrow_mut();
        let idle = |peer: &Peer| peer.link.is_none() && peer.dial.is_none();
        if !known && peers.get(&id).is_some_and(idle) {
            peers.remove(&id);
        }
    }
}

/// Waits for a caller's hello. What has come in behind it belongs to the connection.
async fn hear(mut stream: TcpStream) -> Result<(Hello, TcpStream, BytesMut), String> {
    let mut received = BytesMut::new();
    loop {
        let hello = Hello::split(&mut received).map_err(|error| error.to_string())?;
        if let Some(hello) = hello {
            return Ok((hello, stream, received));
        }
        match stream.read_buf(&mut received).await {
            Ok(0) => return Err("it has hung up".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Addresses for a log line.
struct Addresses<'a>(&'a [ElectionAddress]);

impl std::fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

//! One server's quorum port for tests: a peers thread of its own, and this thread as its line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::consensus::Input;
use crate::net::peer::{
    Letter, LinePort, Links, Ports, Settings, SnapshotPort, SnapshotSink, Target, quorum, run,
};
use crate::proto::disk::NodeRecord;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::proto::shared::Acl;
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::types::{LinkId, ServerId, SessionId, Zxid};

/// Longer than anything takes on a loaded machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// Longest string or buffer.
pub(super) const FIELD_BYTES_MAX: usize = 4 << 20;

/// A snapshot as it was received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) zxid: Zxid,
    pub(super) sessions: Vec<(SessionId, i32)>,
    pub(super) lists: Vec<i64>,
    pub(super) nodes: u64,
    pub(super) data_bytes: u64,
    pub(super) is_whole: bool,
}

/// Keeps what was received.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Arc<Mutex<Vec<Taken>>>);

struct Sink {
    taken: Taken,
    all: Arc<Mutex<Vec<Taken>>>,
}

impl SnapshotPort for Snapshots {
    fn begin(&self, zxid: Zxid) -> Box<dyn SnapshotSink> {
        let taken = Taken {
            zxid,
            ..Taken::default()
        };
        Box::new(Sink {
            taken,
            all: Arc::clone(&self.0),
        })
    }
}

impl SnapshotVisitor for Sink {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.taken.sessions.push((id, timeout_ms));
    }
    fn acl_list(&mut self, number: i64, _: &[Acl<'_>]) {
        self.taken.lists.push(number);
    }
    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        if node.path == "/refused" {
            return Err("no such node".to_owned());
        }
        self.taken.nodes += 1;
        self.taken.data_bytes += node.data.map_or(0, <[u8]>::len) as u64;
        Ok(())
    }
}

impl SnapshotSink for Sink {
    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.taken.is_whole = true;
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.all.lock().push(self.taken.clone());
    }
}

struct Line(Sender<Letter>);

impl LinePort for Line {
    fn post(&self, letter: Letter) {
        // A server that is being torn down does not read its letters.
        let _ = self.0.send(letter);
    }
    fn wake(&self) {}
}

/// A server with nothing but a quorum port.
pub(super) struct Server {
    pub(super) links: Links,
    pub(super) letters: Receiver<Letter>,
    open: Option<Letter>,
    snapshots: Arc<Mutex<Vec<Taken>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn new() -> Server {
        Server::with(settings())
    }

    pub(super) fn with(settings: Settings) -> Server {
        let (sender, letters) = channel();
        let snapshots = Snapshots::default();
        let taken = Arc::clone(&snapshots.0);
        let ports = Ports {
            line: Arc::new(Line(sender)),
            snapshots: Arc::new(snapshots),
        };
        let (links, port) = quorum(settings, ports);
        let thread = thread::spawn(move || run(port, async {}).expect("a runtime"));
        Server {
            links,
            letters,
            open: None,
            snapshots: taken,
            thread: Some(thread),
        }
    }

    /// A server that learners can connect to, and where.
    pub(super) fn listening() -> (Server, SocketAddr) {
        let mut server = Server::new();
        let address = server.listen();
        (server, address)
    }

    /// Listens at some port.
    pub(super) fn listen(&mut self) -> SocketAddr {
        self.links.listen(vec![target(([127, 0, 0, 1], 0).into())]);
        self.links.flush();
        self.door()
    }

    /// Waits until learners can connect, and says where.
    pub(super) fn door(&self) -> SocketAddr {
        until("a door", || self.links.doors().first().copied())
    }

    /// A server connected to another one, and its connection as that one sees it.
    pub(super) fn dialled(leader: &mut Server, at: SocketAddr) -> (Server, LinkId) {
        let mut learner = Server::new();
        learner.dial(at);
        assert_eq!(learner.input(), Input::LeaderUp);
        let Input::LearnerUp(link) = leader.input() else {
            panic!("a learner comes up first");
        };
        (learner, link)
    }

    pub(super) fn dial(&mut self, at: SocketAddr) {
        self.links.dial(ServerId(1), vec![target(at)], DEADLINE);
        self.links.flush();
    }

    pub(super) fn send(&mut self, link: LinkId, packet: &ToLearner) {
        self.links.send(link, packet);
        self.links.flush();
    }

    pub(super) fn tell_leader(&mut self, packet: &ToLeader) {
        self.links.to_leader(packet);
        self.links.flush();
    }

    /// The next input but [`Input::LeaderAlive`].
    pub(super) fn input(&mut self) -> Input {
        loop {
            if let Some(letter) = &mut self.open
                && let Some(input) = self.links.next(letter)
            {
                if input != Input::LeaderAlive {
                    return input;
                }
                continue;
            }
            let letter = self.letters.recv_timeout(DEADLINE);
            self.open = Some(letter.expect("something happens"));
        }
    }

    /// The next packet of the leader.
    pub(super) fn leader_says(&mut self) -> ToLearner {
        match self.input() {
            Input::FromLeader(packet) => packet,
            other => panic!("a packet was expected, not {other:?}"),
        }
    }

    /// The next packet of a learner.
    pub(super) fn learner_says(&mut self, link: LinkId) -> ToLeader {
        match self.input() {
            Input::FromLearner(from, packet) if from == link => packet,
            other => panic!("a packet was expected, not {other:?}"),
        }
    }

    /// Snapshots that were received, or of which a part was.
    pub(super) fn snapshots(&self) -> Vec<Taken> {
        self.snapshots.lock().clone()
    }

    /// Stops, and waits for the peers thread.
    pub(super) fn stop(&mut self) {
        self.links.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the peers thread ends well");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.stop();
        }
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        field_bytes_max: FIELD_BYTES_MAX,
        dial_pause: Duration::from_millis(10),
        listen_on_all_ips: false,
        leader_no_delay: true,
        follower_no_delay: true,
    }
}

pub(super) fn target(at: SocketAddr) -> Target {
    Target {
        host: at.ip().to_string(),
        port: at.port(),
    }
}

/// Waits until there is something.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

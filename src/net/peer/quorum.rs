//! The peers thread's end of the quorum port: carries out the line's orders, and looks after connections
//! that were marked.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::task::{LocalSet, spawn_local};

use crate::net::peer::bell::Order;
use crate::net::peer::doors::Doors;
use crate::net::peer::links::{Common, Links};
use crate::net::peer::ports::Ports;
use crate::net::peer::room::Room;

/// The settings of the quorum port.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest string or buffer in a packet: `jute.maxbuffer` and `jute.maxbuffer.extrasize` together.
    pub field_bytes_max: usize,
    /// Between attempts to reach a leader (`leaderConnectDelayDuringRetryMs`).
    pub dial_pause: Duration,
    /// Listen on all addresses of the machine (`quorumListenOnAllIPs`).
    pub listen_on_all_ips: bool,
    /// `TCP_NODELAY` towards learners (`leader.nodelay`).
    pub leader_no_delay: bool,
    /// `TCP_NODELAY` towards the leader (`follower.nodelay`).
    pub follower_no_delay: bool,
}

/// The quorum port before it is served.
pub struct QuorumPort {
    settings: Settings,
    ports: Ports,
    common: Arc<Common>,
}

/// Both ends of the quorum port: one for the line, one for the peers thread.
pub fn quorum(settings: Settings, ports: Ports) -> (Links, QuorumPort) {
    let common = Arc::new(Common::new());
    let links = Links::new(Arc::clone(&common));
    let port = QuorumPort {
        settings,
        ports,
        common,
    };
    (links, port)
}

/// How long a stopping thread waits for a name that is being looked up.
const LOOK_UP_PATIENCE: Duration = Duration::from_millis(100);

/// Runs the peers thread until [`Links::stop`]: the quorum port, and `beside` it the election port, which
/// is dropped then if it has not ended.
///
/// # Errors
/// When the runtime cannot be built.
pub fn run(port: QuorumPort, beside: impl Future<Output = ()> + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    local.spawn_local(beside);
    local.block_on(&runtime, port.serve());
    drop(local);
    runtime.shutdown_timeout(LOOK_UP_PATIENCE);
    Ok(())
}

impl QuorumPort {
    async fn serve(self) {
        let common = Arc::clone(&self.common);
        let room = Rc::new(Room::new(self.settings, self.ports, self.common));
        let mut doors = Doors::default();
        let waker = Rc::clone(&room);
        spawn_local(async move { waker.wake_line().await });
        loop {
            let marked = common.bell.wait().await;
            for order in marked.orders {
                match order {
                    Order::Dial {
                        leader,
                        outbox,
                        at,
                        within,
                    } => room.dial(leader, outbox, at, within),
                    Order::Listen(at) => doors.open(&room, at),
                    Order::Unlisten => {
                        doors.close();
                        room.cut_learners();
                    }
                    Order::Stop => {
                        doors.close();
                        room.close();
                        return;
                    }
                }
            }
            room.attend(&marked.links);
            // However often the line rings, sockets are looked at, too.
            consume_budget().await;
        }
    }
}

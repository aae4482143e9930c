//! A shard: one thread, one runtime, its share of the connections.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio_util::task::TaskTracker;

use crate::auth;
use crate::auth::PeerAddress;
use crate::net::client::bell::{Bell, Door};
use crate::net::client::connection::Connection;
use crate::net::client::local::Local;
use crate::net::client::outbox::{Closing, Outbox};
use crate::net::client::ports::Ports;
use crate::net::listen;
use crate::types::limits;
use crate::types::{ConnId, Millis};

/// How often a shard looks for connections that never opened a session, or that cannot end because their
/// peer does not read.
const SWEEP: Duration = Duration::from_secs(1);

/// How long a stopping shard waits for clients to take their last replies.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// An accepted socket on its way to its shard.
#[derive(Debug)]
pub struct Arrival {
    stream: StdStream,
    peer: SocketAddr,
}

/// What the connections of a shard share.
pub(super) struct Rooms {
    pub(super) ports: Ports,
    /// What one socket read brings.
    pub(super) input: RefCell<Vec<u8>>,
    /// Replies of one run of reads.
    pub(super) output: RefCell<Vec<u8>>,
    locals: RefCell<HashMap<ConnId, Rc<Local>, RandomState>>,
    /// Told when something was handed to the line in this round of the runtime.
    submitted: Notify,
    /// The connections' tasks.
    tasks: TaskTracker,
    bell: Arc<Bell>,
}

impl Rooms {
    pub(super) fn new(ports: Ports, bell: Arc<Bell>) -> Self {
        Rooms {
            ports,
            input: RefCell::new(vec![0; limits::READ_CHUNK_BYTES]),
            output: RefCell::default(),
            locals: RefCell::default(),
            submitted: Notify::new(),
            tasks: TaskTracker::new(),
            bell,
        }
    }

    /// The line has something to do. It is woken once, after every connection that is ready now has
    /// had its turn: what they bring goes into one batch.
    pub(super) fn note_submission(&self) {
        self.submitted.notify_one();
    }

    /// Closes every connection once its client has taken what is queued, or not in time.
    async fn wind_down(&self) {
        for local in self.locals.borrow().values() {
            local.outbox.close(Closing::AfterFlush);
            local.wake();
        }
        self.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::info!(
                "{} connections are cut: they took too long",
                self.tasks.len()
            );
        }
    }

    /// A connection has ended.
    pub(super) fn leave(&self, conn: ConnId) {
        self.locals.borrow_mut().remove(&conn);
    }
}

/// A shard before it runs.
#[derive(Debug)]
pub struct Shard {
    /// How others get its attention.
    pub bell: Arc<Bell>,
    /// All shards' bells, this one's included: accepted sockets are dealt out in turn.
    pub bells: Vec<Arc<Bell>>,
    /// Whose turn it is.
    pub turn: Arc<AtomicUsize>,
    /// The listening sockets; every shard accepts.
    pub listeners: Vec<StdListener>,
}

impl Shard {
    /// Runs the shard until its bell says stop. Blocks the thread.
    ///
    /// # Errors
    /// When the runtime cannot be built or a listener cannot be watched.
    pub fn run(self, ports: Ports) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let rooms = Rc::new(Rooms::new(ports, Arc::clone(&self.bell)));
        let local = LocalSet::new();
        local.block_on(&runtime, self.serve(rooms))
    }

    async fn serve(mut self, rooms: Rc<Rooms>) -> io::Result<()> {
        let mut doors = Vec::new();
        for listener in mem::take(&mut self.listeners) {
            doors.push(self.open(listener, &rooms)?);
        }
        spawn_local(wake_line(Rc::clone(&rooms)));
        spawn_local(sweep(Rc::clone(&rooms)));
        loop {
            let marked = self.bell.wait().await;
            for Arrival { stream, peer } in marked.arrivals {
                if let Ok(stream) = TcpStream::from_std(stream) {
                    admit(&rooms, stream, peer);
                }
            }
            flush(&rooms, &marked.dirty);
            for door in marked.doors {
                self.change(door, &mut doors, &rooms).await?;
            }
            if marked.stop {
                break;
            }
        }
        doors.iter().for_each(JoinHandle::abort);
        rooms.wind_down().await;
        Ok(())
    }

    /// Accepts connections from now on.
    fn open(&self, listener: StdListener, rooms: &Rc<Rooms>) -> io::Result<JoinHandle<()>> {
        let listener = TcpListener::from_std(listener)?;
        let (bells, turn) = (self.bells.clone(), Arc::clone(&self.turn));
        let accept = accept(listener, Rc::clone(rooms), bells, turn);
        Ok(spawn_local(accept))
    }

    async fn change(
        &self,
        door: Door,
        doors: &mut Vec<JoinHandle<()>>,
        rooms: &Rc<Rooms>,
    ) -> io::Result<()> {
        match door {
            Door::Open(listener) => doors.push(self.open(listener, rooms)?),
            Door::Close(closed) => {
                for door in doors.drain(..) {
                    door.abort();
                    // Its socket is closed when its task has ended, not before.
                    drop(door.await);
                }
                drop(closed);
            }
        }
        Ok(())
    }
}

fn flush(rooms: &Rooms, dirty: &[ConnId]) {
    let locals = rooms.locals.borrow();
    for conn in dirty {
        if let Some(local) = locals.get(conn) {
            local.flush_now();
        }
    }
}

async fn wake_line(rooms: Rc<Rooms>) {
    loop {
        rooms.submitted.notified().await;
        rooms.ports.write.wake();
    }
}

async fn sweep(rooms: Rc<Rooms>) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        let now = (rooms.ports.clock)();
        for local in rooms.locals.borrow().values() {
            let outbox = &local.outbox;
            let is_over = match outbox.closing() {
                Closing::AfterFlush => local.is_stuck(now),
                Closing::No if outbox.session().is_none() => {
                    sessionless_end(outbox.touched(), rooms.ports.limits.sessionless_ms) <= now
                }
                Closing::No | Closing::AtNextRequest | Closing::Now => false,
            };
            if is_over {
                local.outbox.close(Closing::Now);
                local.wake();
            }
        }
    }
}

/// When a connection without a session ends that was last heard at this time: the timeout later, at the
/// next multiple of the timeout.
// apache 3.9.5: server/ExpiryQueue.java roundToNextInterval
fn sessionless_end(heard: Millis, timeout_ms: i64) -> Millis {
    let periods = heard.plus(timeout_ms).0.div_euclid(timeout_ms);
    Millis(periods.saturating_add(1).saturating_mul(timeout_ms))
}

async fn accept(
    listener: TcpListener,
    rooms: Rc<Rooms>,
    bells: Vec<Arc<Bell>>,
    turn: Arc<AtomicUsize>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let next = turn.fetch_add(1, Ordering::Relaxed) % bells.len();
                if Arc::ptr_eq(&bells[next], &rooms.bell) {
                    admit(&rooms, stream, peer);
                } else if let Ok(stream) = stream.into_std() {
                    bells[next].arrive(Arrival { stream, peer });
                }
            }
            Err(error) => {
                // Out of descriptors, mostly: other connections must end before this one can begin.
                tracing::warn!("accepting a client connection failed: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn admit(rooms: &Rc<Rooms>, stream: TcpStream, peer: SocketAddr) {
    // A client of IPv4 is one, on a socket of both families too.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let conn = ConnId(rooms.ports.next_conn.fetch_add(1, Ordering::Relaxed));
    let identity = auth::ip_identity(address_bytes(peer.ip()));
    let now = (rooms.ports.clock)();
    let bell = Arc::clone(&rooms.bell);
    let outbox = Arc::new(Outbox::new(conn, peer, identity, bell, now));
    if !rooms.ports.write.opened(&outbox) {
        listen::reset(&stream);
        return;
    }
    if let Err(error) = listen::tune(&stream, rooms.ports.limits.tcp_keep_alive) {
        tracing::debug!("connection of {peer} ends before it began: {error}");
        rooms.ports.write.closed(&outbox);
        return;
    }
    let local = Rc::new(Local::new(outbox, stream));
    rooms.locals.borrow_mut().insert(conn, Rc::clone(&local));
    let connection = Connection::new(local, Rc::clone(rooms));
    rooms.tasks.spawn_local(connection.run());
}

fn address_bytes(ip: IpAddr) -> PeerAddress {
    match ip {
        IpAddr::V4(ip) => PeerAddress::V4(ip.octets()),
        IpAddr::V6(ip) => PeerAddress::V6(ip.octets(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_a_session_lives_between_one_and_two_timeouts() {
        for (heard, end) in [(0, 20), (1, 20), (9, 20), (10, 30), (19, 30)] {
            assert_eq!(sessionless_end(Millis(heard), 10), Millis(end), "{heard}");
        }
    }
}

//! Listening for learners.

use std::future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::sleep;

use crate::net::listen;
use crate::net::peer::dial::Target;
use crate::net::peer::room::Room;

/// What Java's `ServerSocket` takes when told nothing.
const BACKLOG: i32 = 50;
/// Between attempts to listen while no address can be bound.
const BIND_PAUSE: Duration = Duration::from_secs(1);
/// After a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets.
#[derive(Debug, Default)]
pub(super) struct Doors {
    /// Where they are wanted.
    at: Option<Vec<Target>>,
    /// Holds them; may be over.
    task: Option<JoinHandle<()>>,
}

impl Doors {
    /// Listens at these addresses and no others.
    pub(super) fn open(&mut self, room: &Rc<Room>, at: Vec<Target>) {
        if self.at.as_ref() == Some(&at) {
            return;
        }
        self.close();
        self.at = Some(at.clone());
        let before = self.task.take();
        self.task = Some(spawn_local(keep_open(Rc::clone(room), before, at)));
    }

    /// Listens no more.
    pub(super) fn close(&mut self) {
        self.at = None;
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Says where learners can connect, for as long as they can.
struct Open(Rc<Room>);

impl Open {
    fn new(room: &Rc<Room>, listeners: &[TcpListener]) -> Open {
        let addresses = listeners.iter().map(TcpListener::local_addr);
        *room.common.doors.lock() = addresses.filter_map(Result::ok).collect();
        Open(Rc::clone(room))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.common.doors.lock().clear();
    }
}

async fn keep_open(room: Rc<Room>, before: Option<JoinHandle<()>>, at: Vec<Target>) {
    if let Some(before) = before {
        // Its sockets may have the same ports. It was aborted, which is how it ends.
        let _ = before.await;
    }
    let listeners = bind(&room, &at).await;
    let _open = Open::new(&room, &listeners);
    loop {
        match future::poll_fn(|cx| poll_accept(&listeners, cx)).await {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                room.welcome(stream, peer);
                // Whoever has something to say says it before the next one comes in.
                yield_now().await;
            }
            Err(error) => {
                // Out of descriptors, mostly: other connections must end before this one can begin.
                tracing::warn!("accepting a learner's connection failed: {error}; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Binds every address that can be; waits until one can.
async fn bind(room: &Room, at: &[Target]) -> Vec<TcpListener> {
    let mut complaints = Vec::new();
    loop {
        let (mut listeners, mut failures) = (Vec::new(), Vec::new());
        for (target, bound) in bind_each(at, room.settings.listen_on_all_ips).await {
            match bound {
                Ok(listener) => {
                    tracing::info!("listening for learners at {target}");
                    listeners.push(listener);
                }
                Err(error) => {
                    failures.push(format!("cannot listen for learners at {target}: {error}"));
                }
            }
        }
        // Said once, not every second.
        if failures != complaints {
            failures
                .iter()
                .for_each(|failure| tracing::error!("{failure}"));
            if listeners.is_empty() {
                tracing::error!("no learner can connect before an address of this server is free");
            }
        }
        if !listeners.is_empty() {
            return listeners;
        }
        complaints = failures;
        sleep(BIND_PAUSE).await;
    }
}

async fn bind_each(at: &[Target], on_all_ips: bool) -> Vec<(Target, io::Result<TcpListener>)> {
    let mut bound = Vec::new();
    if !on_all_ips {
        for target in at {
            bound.push((target.clone(), bind_one(target).await));
        }
        return bound;
    }
    let mut ports: Vec<u16> = at.iter().map(|target| target.port).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports {
        let listener = listen::bind_any(port, BACKLOG).and_then(TcpListener::from_std);
        let host = "*".to_owned();
        bound.push((Target { host, port }, listener));
    }
    bound
}

async fn bind_one(target: &Target) -> io::Result<TcpListener> {
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((target.host.as_str(), target.port)).await? {
        match listen::bind(address, BACKLOG).and_then(TcpListener::from_std) {
            Ok(listener) => return Ok(listener),
            Err(failure) => error = failure,
        }
    }
    Err(error)
}

fn poll_accept(
    listeners: &[TcpListener],
    cx: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
    for listener in listeners {
        if let Poll::Ready(accepted) = listener.poll_accept(cx) {
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

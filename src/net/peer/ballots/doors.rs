//! Listening for other servers.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};
use tokio::time::sleep;

use crate::net::listen;
use crate::net::peer::ballots::room::Room;
use crate::proto::ballot::ElectionAddress;

/// What Java's `ServerSocket` takes when told nothing.
const BACKLOG: i32 = 50;
/// After a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to listen.
enum Door {
    /// At one address.
    At(ElectionAddress),
    /// At a port of every address of the machine.
    Everywhere(u16),
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Door::At(address) => address.fmt(f),
            Door::Everywhere(port) => write!(f, "*:{port}"),
        }
    }
}

impl Door {
    async fn bind(&self) -> io::Result<TcpListener> {
        let address = match self {
            Door::Everywhere(port) => {
                return TcpListener::from_std(listen::bind_any(*port, BACKLOG)?);
            }
            Door::At(address) => address,
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((address.host.as_str(), address.port)).await? {
            match listen::bind(address, BACKLOG).and_then(TcpListener::from_std) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Listens at every own address. When none can be bound any more, the port is told.
// apache 3.9.5: server/quorum/QuorumCnxManager.java Listener.run
pub(super) fn open(room: &Rc<Room>) {
    let own = room.own();
    let doors: Vec<Door> = if room.settings.listen_on_all_ips {
        let ports: BTreeSet<u16> = own.iter().map(|address| address.port).collect();
        ports.into_iter().map(Door::Everywhere).collect()
    } else {
        own.into_iter().map(Door::At).collect()
    };
    let left = Rc::new(Cell::new(doors.len()));
    for door in doors {
        let (room_, left) = (Rc::clone(room), Rc::clone(&left));
        room.spawn(async move {
            let room = room_;
            let Some(listener) = keep_binding(&room, &door).await else {
                left.set(left.get() - 1);
                if left.get() == 0 {
                    room.port.deaf();
                }
                return;
            };
            accept(&room, &listener).await;
        });
    }
}

async fn keep_binding(room: &Room, door: &Door) -> Option<TcpListener> {
    let attempts = room.settings.bind_attempts;
    let mut attempt = 0;
    loop {
        match door.bind().await {
            Ok(listener) => {
                tracing::info!("listening for elections at {door}");
                return Some(listener);
            }
            Err(error) => tracing::error!("cannot listen for elections at {door}: {error}"),
        }
        attempt += 1;
        if attempts != 0 && attempt >= attempts {
            tracing::error!("no listener for elections at {door} after {attempt} attempts");
            return None;
        }
        sleep(room.settings.bind_pause).await;
    }
}

async fn accept(room: &Rc<Room>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                room.welcome(stream, from);
            }
            Err(error) => {
                // Out of descriptors, mostly: that passes. Upstream gives up after a few of them.
                tracing::warn!("accepting a connection for elections failed: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

//! Connecting to another server's election port.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

use crate::proto::ballot::ElectionAddress;

/// Connects to whichever address answers first. Names are looked up every time: they may have moved.
///
/// # Errors
/// The last failure, when no address answers.
pub(super) async fn connect(at: &[ElectionAddress]) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for address in at.iter().cloned() {
        tries.spawn_local(async move { connect_by_name(&address).await });
    }
    first(tries).await
}

async fn connect_by_name(address: &ElectionAddress) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for address in lookup_host((address.host.as_str(), address.port)).await? {
        tries.spawn_local(connect_to(address));
    }
    first(tries).await
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A port that nobody listens on may be the very one that TCP picks for this end, which then is connected
    // with itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// The first that succeeds; the others are given up.
async fn first(mut tries: JoinSet<io::Result<TcpStream>>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    while let Some(tried) = tries.join_next().await {
        match tried.map_err(io::Error::other).flatten() {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

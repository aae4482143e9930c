//! Connecting to another server's election port.

use std::io;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::net::peer::dial::{Target, connect};
use crate::proto::ballot::ElectionAddress;

/// Connects to whichever address answers first. Names are looked up every time: they may have moved.
///
/// # Errors
/// The last failure, when no address answers.
pub(super) async fn connect_any(at: &[ElectionAddress]) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for address in at {
        let target = Target {
            host: address.host.clone(),
            port: address.port,
        };
        tries.spawn_local(async move { connect(&target).await });
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    while let Some(tried) = tries.join_next().await {
        match tried.map_err(io::Error::other).flatten() {
            // The others are given up when the set is dropped.
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

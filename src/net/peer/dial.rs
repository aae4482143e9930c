//! Connecting to a leader: names looked up at each attempt, all addresses at once, within a budget.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// How often each address is tried, with the longest pause in between.
// apache 3.9.5: server/quorum/Learner.java LeaderConnector
const ATTEMPTS: usize = 5;
/// How many pauses come before those, each half as long as the next one: a leader listens a moment after it was elected,
/// and who follows it may have been quicker.
const SHORTER_PAUSES: u32 = 5;

/// Where a server takes connections of other servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a leader could not be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// It has no address.
    #[error("it has no address")]
    NoAddress,
    /// Every address has failed.
    #[error("{}", Failures(.0))]
    Unreachable(Vec<(Target, io::Error)>),
}

struct Failures<'f>(&'f [(Target, io::Error)]);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (target, error)) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "; " };
            write!(f, "{gap}{target}: {error}")?;
        }
        Ok(())
    }
}

/// Connects to whichever of the addresses answers first.
///
/// # Errors
/// When none does within the budget, or each has failed too often.
pub(super) async fn dial(
    at: &[Target],
    within: Duration,
    pause: Duration,
) -> Result<TcpStream, DialError> {
    let deadline = Instant::now() + within;
    let mut tries = JoinSet::new();
    for target in at.iter().cloned() {
        tries.spawn_local(async move {
            let reached = reach(&target, deadline, pause).await;
            reached.map_err(|error| (target, error))
        });
    }
    let mut failures = Vec::new();
    while let Some(tried) = tries.join_next().await {
        match tried {
            // The others are given up when the set is dropped.
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(failure)) => failures.push(failure),
            Err(_) => {}
        }
    }
    if failures.is_empty() {
        return Err(DialError::NoAddress);
    }
    Err(DialError::Unreachable(failures))
}

/// How long to wait before each try.
fn pauses(longest: Duration) -> impl Iterator<Item = Duration> {
    let shorter = (1..=SHORTER_PAUSES).rev().map(move |n| longest / (1 << n));
    let longest = std::iter::repeat_n(longest, ATTEMPTS - 1);
    std::iter::once(Duration::ZERO)
        .chain(shorter)
        .chain(longest)
}

async fn reach(target: &Target, deadline: Instant, pause: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for pause in pauses(pause) {
        if !pause.is_zero() && timeout_at(deadline, sleep(pause)).await.is_err() {
            break;
        }
        match timeout_at(deadline, connect(target)).await {
            Err(_) => break,
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
        }
    }
    Err(last)
}

/// One attempt at one target: its name may stand for several addresses.
pub(super) async fn connect(target: &Target) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for address in lookup_host((target.host.as_str(), target.port)).await? {
        tries.spawn_local(connect_to(address));
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A port of the range for outgoing connections, on this machine, with nobody listening: TCP may
    // pick that port for this end too, and connect it with itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let tenths_of_ms = pauses(Duration::from_millis(320)).map(|pause| pause.as_micros() / 100);
        let want = [0, 100, 200, 400, 800, 1600, 3200, 3200, 3200, 3200];
        assert_eq!(tenths_of_ms.collect::<Vec<_>>(), want);
    }
}

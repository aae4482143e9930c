//! Free TCP ports that stay free while their owner restarts.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Below the range from which the kernel takes ports for outgoing connections: a server that is down for a moment
/// must find its port free again, and a client that keeps trying must not be given the very port it tries.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

/// How often a run of ports is looked for.
const TRIES: usize = 1000;

/// A port that no other test will be given while this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Finds a port that nobody listens on and no other test holds.
    ///
    /// # Errors
    /// When the folder of lock files cannot be written, or the whole range is taken.
    pub fn reserve() -> Result<Self> {
        let locks = locks()?;
        let width = RANGE.end - RANGE.start;
        // The kernel picks a free port at random; folded into our range it is a random place to start looking.
        let start = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port() % width;
        for step in 0..width {
            if let Some(port) = Self::take(&locks, RANGE.start + (start + step) % width)? {
                return Ok(port);
            }
        }
        bail!("no free port in {RANGE:?}")
    }

    /// Finds so many ports that follow one another.
    ///
    /// # Errors
    /// As [`Self::reserve`].
    pub fn reserve_run(count: u16) -> Result<Vec<Self>> {
        let locks = locks()?;
        for _ in 0..TRIES {
            let first = Self::reserve()?;
            let others = (1..count).map(|step| Self::take(&locks, first.number + step));
            let others: Result<Option<Vec<Self>>> = others.collect();
            if let Some(others) = others?
                && RANGE.contains(&(first.number + count))
            {
                return Ok(std::iter::once(first).chain(others).collect());
            }
        }
        bail!("no {count} free ports in a row in {RANGE:?}")
    }

    /// Takes this port, unless somebody has it.
    fn take(locks: &Path, number: u16) -> Result<Option<Self>> {
        let path = locks.join(number.to_string());
        let lock = File::create(&path).with_context(|| format!("open {}", path.display()))?;
        let free = lock.try_lock().is_ok() && !is_listened_at(number)?;
        let _lock = lock;
        Ok(free.then_some(Self { number, _lock }))
    }

    /// The port's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Whether anybody listens at this port. Not found out by listening there: a process that is being started at that moment
/// would hold the listener for as long as it takes to become another program.
fn is_listened_at(number: u16) -> Result<bool> {
    const LISTENING: &str = "0A";
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let sockets = std::fs::read_to_string(table).with_context(|| format!("read {table}"))?;
        let taken = sockets.lines().skip(1).any(|socket| {
            let mut words = socket.split_whitespace().skip(1);
            let port = words.next().and_then(|local| local.rsplit(':').next());
            let port = port.and_then(|port| u16::from_str_radix(port, 16).ok());
            port == Some(number) && words.nth(1) == Some(LISTENING)
        });
        if taken {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folder of lock files: where every test of this machine finds it, whatever its target folder is.
fn locks() -> Result<PathBuf> {
    let locks = std::env::temp_dir().join("oxkeeper-compat-ports");
    std::fs::create_dir_all(&locks).with_context(|| format!("create {}", locks.display()))?;
    Ok(locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reservations_never_share_a_port() {
        let ports: Vec<Port> = (0..20).map(|_| Port::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 20);
    }

    #[test]
    fn a_port_that_somebody_listens_at_is_not_free() {
        let port = Port::reserve().unwrap().number();
        assert!(!is_listened_at(port).unwrap());
        for host in ["127.0.0.1", "0.0.0.0", "[::1]"] {
            let _listener = TcpListener::bind(format!("{host}:{port}")).unwrap();
            assert!(is_listened_at(port).unwrap(), "{host}");
        }
    }

    #[test]
    fn a_run_of_ports_follows_on_and_nobody_else_is_given_one_of_them() {
        let runs = [
            Port::reserve_run(30).unwrap(),
            Port::reserve_run(30).unwrap(),
        ];
        let numbers = runs.map(|run| run.iter().map(Port::number).collect::<Vec<_>>());
        for run in &numbers {
            assert_eq!(*run, (run[0]..run[0] + 30).collect::<Vec<_>>());
        }
        assert!(numbers[0].iter().all(|number| !numbers[1].contains(number)));
    }
}

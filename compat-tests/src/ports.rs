//! Free TCP ports that stay free while their owner restarts.

use std::fs::File;
use std::net::TcpListener;

use anyhow::{Context, Result, bail};

/// Below the range from which the kernel takes ports for outgoing connections: a server that is down for a moment
/// must find its port free again, and a client that keeps trying must not be given the very port it tries.
const RANGE: std::ops::Range<u16> = 15_000..30_000;

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
        // Where every test of this machine finds it, whatever its target folder is.
        let locks = std::env::temp_dir().join("oxkeeper-compat-ports");
        std::fs::create_dir_all(&locks).with_context(|| format!("create {}", locks.display()))?;
        let width = RANGE.end - RANGE.start;
        // The kernel picks a free port at random; folded into our range it is a random place to start looking.
        let start = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port() % width;
        for step in 0..width {
            let number = RANGE.start + (start + step) % width;
            let path = locks.join(number.to_string());
            let lock = File::create(&path).with_context(|| format!("open {}", path.display()))?;
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        bail!("no free port in {RANGE:?}")
    }

    /// The port's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
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
}

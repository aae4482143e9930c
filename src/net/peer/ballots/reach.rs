//! Whether the address of a server still answers. A connection to one that does not may look sound for a long time,
//! and a server of several addresses can be reached at another. Upstream: `InetAddress.isReachable`,
//! `SendWorker.asyncValidateIfSocketIsStillReachable`.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// The port at which machines are asked; nothing need listen there.
const ECHO: u16 = 7;

/// How addresses are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reachability {
    /// How long an answer may take.
    pub within: Duration,
    /// The TCP port at which machines are asked.
    pub port: u16,
}

impl Reachability {
    /// Checks as upstream does without the right to send raw packets.
    pub fn new(within: Duration) -> Self {
        Reachability { within, port: ECHO }
    }

    /// Whether the machine answers. To refuse a connection is an answer.
    pub(super) async fn answers(self, ip: IpAddr) -> bool {
        let call = TcpStream::connect(SocketAddr::new(ip, self.port));
        match timeout(self.within, call).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
            Err(_) => false,
        }
    }
}

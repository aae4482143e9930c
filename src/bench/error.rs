//! Everything that ends a benchmark early, each with what to look at next.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::types::ErrorCode;
use crate::types::OpCode;

/// Why a benchmark failed. A run with an unexpected error has no result: numbers of a load that the
/// server partly refused compare with nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The address could not be looked up.
    #[error("cannot resolve server {server:?}: {source}")]
    Resolve {
        /// As given.
        server: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody listens, or the way there is closed.
    #[error("cannot connect to {server}: {source}")]
    Connect {
        /// Whom.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The connection ended before the handshake was answered.
    #[error(
        "{server} closed a connection during the handshake: is it a ZooKeeper client port, is the \
         server serving, and does its maxClientCnxns allow this many connections?"
    )]
    Handshake {
        /// Whom.
        server: SocketAddr,
    },
    /// What came back is not ZooKeeper's protocol.
    #[error("{server} does not speak ZooKeeper's client protocol: {what}")]
    Protocol {
        /// Whom.
        server: SocketAddr,
        /// What was seen.
        what: String,
    },
    /// The server says that the session is not valid.
    #[error("{server} answered the handshake with an expired session")]
    SessionExpired {
        /// Whom.
        server: SocketAddr,
    },
    /// The server closed an established session's connection.
    #[error("{server} closed a connection with {in_flight} requests unanswered")]
    Closed {
        /// Whom.
        server: SocketAddr,
        /// Requests sent and not answered.
        in_flight: usize,
    },
    /// A request failed.
    #[error("{op:?} failed with {code}{}", code_name(*code))]
    Refused {
        /// The operation.
        op: OpCode,
        /// The error of its reply.
        code: i32,
    },
    /// Nothing was answered for a long time.
    #[error("no answer from {server} for {} s", .waited.as_secs())]
    Stalled {
        /// Whom.
        server: SocketAddr,
        /// How long.
        waited: Duration,
    },
    /// A socket failed.
    #[error("connection to {server}: {source}")]
    Io {
        /// Whom.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system refused something that is not about one connection.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The server process cannot be observed.
    #[error("--server-pid {pid}: cannot read {path}: {source}")]
    Process {
        /// The process.
        pid: u32,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The command under `bench start` ended, or never served.
    #[error("{command} {what}")]
    Start {
        /// Its first word.
        command: String,
        /// What happened.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A result file is not one.
    #[error("{}: not a result of `oxkeeper bench`: {source}", .path.display())]
    Result {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The arguments contradict each other.
    #[error("{0}")]
    Arguments(String),
}

/// The name of an error number, for those that a load can run into.
fn code_name(code: i32) -> String {
    use ErrorCode::{
        InvalidAcl, MarshallingError, NoAuth, NoNode, NodeExists, QuotaExceeded, SessionExpired,
        SessionMoved, ThrottledOp, Unimplemented,
    };
    [
        InvalidAcl,
        MarshallingError,
        NoAuth,
        NoNode,
        NodeExists,
        QuotaExceeded,
        SessionExpired,
        SessionMoved,
        ThrottledOp,
        Unimplemented,
    ]
    .into_iter()
    .find(|known| known.code() == code)
    .map_or_else(String::new, |known| format!(" ({known:?})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_operation_and_code() {
        let refused = |code| BenchError::Refused {
            op: OpCode::SetData,
            code,
        };
        assert_eq!(
            refused(-101).to_string(),
            "SetData failed with -101 (NoNode)"
        );
        assert_eq!(refused(-7).to_string(), "SetData failed with -7");
    }
}

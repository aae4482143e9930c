//! Why the server cannot start, or cannot go on. Each has the exit code that upstream's scripts know.

use std::io;

use crate::config::PROMETHEUS_PROVIDER;
use crate::server::recover::RecoveryError;
use crate::storage::layout::LayoutError;
use crate::storage::lock::LockError;
use crate::storage::snapshots::SnapshotError;
use crate::storage::txn_log::LogError;

/// What ends the server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The directories are not usable.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Another server uses the directories.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The marker that permits an empty start cannot be removed.
    #[error("cannot remove the file `initialize` beside the log directory: {0}; remove it by hand")]
    Marker(io::Error),
    /// What is on disk cannot be loaded.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The client port cannot be opened.
    #[error("cannot listen for clients on {address} (clientPort, clientPortAddress): {source}")]
    Listen {
        /// Host and port as configured.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The metrics endpoint cannot be opened.
    #[error(
        "Cannot boot MetricsProvider {PROMETHEUS_PROVIDER}: cannot listen on {address} \
         (metricsProvider.httpHost, metricsProvider.httpPort): {source}"
    )]
    Metrics {
        /// Host and port as configured.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// A thread or runtime cannot be started.
    #[error("cannot start the {what}: {source}")]
    Thread {
        /// Which.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The log cannot be written. Nothing was acknowledged that is not in it.
    #[error("{0}; the server stops, since it can acknowledge nothing more")]
    Log(#[from] LogError),
    /// A snapshot cannot be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A thread died of a broken invariant.
    #[error("the {0} died; the line above says of what")]
    Died(&'static str),
}

impl ServerError {
    /// The process's exit code, as `org.apache.zookeeper.server.ExitCode` numbers them.
    pub fn exit_code(&self) -> u8 {
        match self {
            ServerError::Layout(_) => 3,
            ServerError::Snapshot(_) => 10,
            ServerError::Lock(_)
            | ServerError::Marker(_)
            | ServerError::Recovery(_)
            | ServerError::Listen { .. }
            | ServerError::Metrics { .. }
            | ServerError::Thread { .. }
            | ServerError::Log(_)
            | ServerError::Died(_) => 1,
        }
    }
}

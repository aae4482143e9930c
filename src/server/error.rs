//! Why the server cannot start, or cannot go on. Each has the exit code that upstream's scripts know.

use std::io;
use std::path::PathBuf;

use crate::config::PROMETHEUS_PROVIDER;
use crate::server::recover::RecoveryError;
use crate::storage::disk::DiskError;
use crate::storage::epochs::EpochError;
use crate::storage::layout::LayoutError;
use crate::storage::lock::LockError;
use crate::storage::snapshots::{InstallError, SnapshotError};
use crate::storage::truncate::TruncateError;
use crate::storage::txn_log::LogError;
use crate::types::ServerId;

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
    /// No data where there should be some.
    #[error(
        "Unexpected empty data tree: there is neither a snapshot nor a log, and db.autocreate is false. \
         Restore the data, or create the file {} to start with none",
        dir.join("initialize").display()
    )]
    Empty {
        /// Where the marker belongs.
        dir: PathBuf,
    },
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
    /// A leader's snapshot cannot be put in the place of the own data.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The own data cannot be cut back to what the leader has.
    #[error(
        "Not able to truncate the log: {0}; if the leader has the history that counts, move the data of this \
         server away (version-2 in dataDir and in dataLogDir): it is then sent everything"
    )]
    Truncate(#[from] TruncateError),
    /// The files that hold a member's epochs contradict each other, or the log.
    #[error("Unable to load database: {0}")]
    Epochs(#[from] EpochError),
    /// An epoch cannot be saved: it may have been promised or not.
    #[error("the epoch cannot be saved: {0}; the server stops, since it can promise nothing more")]
    Epoch(DiskError),
    /// The settings name other servers only.
    #[error("My id {} not in the peer list", .0.0)]
    NotAMember(ServerId),
    /// The election port cannot be opened, however often it is tried.
    #[error(
        "As I'm leaving the listener thread, I won't be able to participate in leader election any longer: \
         none of the election addresses of server.{} can be bound (electionPortBindRetry)",
        .0.0
    )]
    ElectionPort(ServerId),
    /// Going on would lose data.
    #[error("{why}")]
    Fatal {
        /// The exit code.
        code: u8,
        /// Why.
        why: String,
    },
    /// A thread died of a broken invariant.
    #[error("the {0} died; the line above says of what")]
    Died(&'static str),
}

impl ServerError {
    /// The process's exit code, as `org.apache.zookeeper.server.ExitCode` numbers them.
    pub fn exit_code(&self) -> u8 {
        match self {
            ServerError::Layout(_) => 3,
            ServerError::Snapshot(_) | ServerError::Install(_) => 10,
            ServerError::Truncate(_) => 13,
            ServerError::ElectionPort(_) => 14,
            ServerError::Fatal { code, .. } => *code,
            ServerError::Lock(_)
            | ServerError::Marker(_)
            | ServerError::Recovery(_)
            | ServerError::Empty { .. }
            | ServerError::Listen { .. }
            | ServerError::Metrics { .. }
            | ServerError::Thread { .. }
            | ServerError::Log(_)
            | ServerError::Epochs(_)
            | ServerError::Epoch(_)
            | ServerError::NotAMember(_)
            | ServerError::Died(_) => 1,
        }
    }
}

//! The two data directories: found, made, checked, locked. What is in their files is not looked at.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use crate::storage::format::file_name::{VERSION_DIR, looks_like_log, looks_like_snapshot};
use crate::storage::lock::{DirLock, LockError};

/// The name of the marker beside `version-2` that says: starting empty is right.
const INITIALIZE: &str = "initialize";

/// Why the data directories cannot be used: exit code 3. The texts are Apache's where it has them.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A directory is missing and may not be made.
    #[error(
        "Missing {kind} directory {}, automatic data directory creation is disabled \
         (zookeeper.datadir.autocreate is false). Please create this directory manually.",
        dir.display()
    )]
    Missing {
        /// `data` or `snap`.
        kind: &'static str,
        /// The directory.
        dir: PathBuf,
    },
    /// A directory cannot be made.
    #[error("Unable to create {kind} directory {}: {source}", dir.display())]
    Create {
        /// `data` or `snap`.
        kind: &'static str,
        /// The directory.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A directory cannot be read.
    #[error("Cannot read {kind} directory {}: {source}", dir.display())]
    Read {
        /// `data` or `snap`.
        kind: &'static str,
        /// The directory.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A directory cannot be written to.
    #[error("Cannot write to {kind} directory {}: {source}", dir.display())]
    Write {
        /// `data` or `snap`.
        kind: &'static str,
        /// The directory.
        dir: PathBuf,
        /// The lock file's error.
        source: LockError,
    },
    /// Another process uses a directory.
    #[error(transparent)]
    Lock(LockError),
    /// The directory for logs has snapshots, and they are not the same.
    #[error(
        "Log directory has snapshot files. Check if dataLogDir and dataDir configuration is correct."
    )]
    SnapshotsInLogDir,
    /// The directory for snapshots has logs, and they are not the same.
    #[error(
        "Snapshot directory has log files. Check if dataLogDir and dataDir configuration is correct."
    )]
    LogsInSnapshotDir,
}

/// Where the files are: the `version-2` directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDirs {
    /// Snapshots and epoch files, under `dataDir`.
    pub snap: PathBuf,
    /// Logs, under `dataLogDir`.
    pub log: PathBuf,
}

impl DataDirs {
    /// The directories of these settings. `data_log_dir` defaults to `data_dir`.
    pub fn of(data_dir: &Path, data_log_dir: Option<&Path>) -> Self {
        DataDirs {
            snap: data_dir.join(VERSION_DIR),
            log: data_log_dir.unwrap_or(data_dir).join(VERSION_DIR),
        }
    }

    /// Makes the directories if `auto_create` (`zookeeper.datadir.autocreate`) allows, checks that they
    /// can be written to and hold what belongs there, and locks them.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    // apache 3.9.5: server/persistence/FileTxnSnapLog.java constructor
    pub fn open(&self, auto_create: bool) -> Result<DirLocks, LayoutError> {
        prepare("data", &self.log, auto_create)?;
        let log = lock("data", &self.log)?;
        prepare("snap", &self.snap, auto_create)?;
        if self.same()? {
            return Ok(DirLocks { _locks: vec![log] });
        }
        let snap = lock("snap", &self.snap)?;
        if any_name("data", &self.log, looks_like_snapshot)? {
            return Err(LayoutError::SnapshotsInLogDir);
        }
        if any_name("snap", &self.snap, looks_like_log)? {
            return Err(LayoutError::LogsInSnapshotDir);
        }
        Ok(DirLocks {
            _locks: vec![log, snap],
        })
    }

    /// Looks for the file `initialize` beside the logs' `version-2` and removes it. When it was there,
    /// an empty database is what it should be.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn take_initialize_marker(&self) -> io::Result<bool> {
        let beside = self.log.parent().unwrap_or(Path::new(""));
        match fs::remove_file(beside.join(INITIALIZE)) {
            Ok(()) => {
                info!(
                    "Initialize file found, an empty database will not block voting participation"
                );
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether both are one directory, by whatever paths. Apache compares the paths' texts.
    fn same(&self) -> Result<bool, LayoutError> {
        let real = |kind, dir: &Path| {
            fs::canonicalize(dir).map_err(|source| LayoutError::Read {
                kind,
                dir: dir.to_owned(),
                source,
            })
        };
        Ok(real("data", &self.log)? == real("snap", &self.snap)?)
    }
}

/// The locks of the data directories, held until dropped.
#[derive(Debug)]
#[must_use = "the directories are locked only as long as this lives"]
pub struct DirLocks {
    _locks: Vec<DirLock>,
}

fn prepare(kind: &'static str, dir: &Path, auto_create: bool) -> Result<(), LayoutError> {
    if dir.is_dir() {
        return Ok(());
    }
    let owned = dir.to_owned();
    if !auto_create {
        return Err(LayoutError::Missing { kind, dir: owned });
    }
    make(dir).map_err(|source| LayoutError::Create {
        kind,
        dir: owned,
        source,
    })
}

/// Makes a directory and those above it, and makes their names durable.
fn make(dir: &Path) -> io::Result<()> {
    let missing = dir.ancestors().take_while(|dir| !dir.exists()).count();
    fs::create_dir_all(dir)?;
    for above in dir.ancestors().skip(1).take(missing) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn lock(kind: &'static str, dir: &Path) -> Result<DirLock, LayoutError> {
    DirLock::acquire(dir).map_err(|error| match error {
        LockError::Held { .. } => LayoutError::Lock(error),
        LockError::Disk { .. } => LayoutError::Write {
            kind,
            dir: dir.to_owned(),
            source: error,
        },
    })
}

fn any_name(
    kind: &'static str,
    dir: &Path,
    matches: impl Fn(&str) -> bool,
) -> Result<bool, LayoutError> {
    let fail = |source| LayoutError::Read {
        kind,
        dir: dir.to_owned(),
        source,
    };
    for entry in fs::read_dir(dir).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        if matches(&name.to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;

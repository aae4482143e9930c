//! The two promises of a member of an ensemble: `acceptedEpoch`, the newest epoch it has agreed to, and
//! `currentEpoch`, the newest one whose leader's history it holds. Files are read, judged and replaced
//! here; when an epoch may be promised is the consensus' to know.
//!
//! *Invariant:* a promise is durable, under its final name, before it is reported as saved: written
//! aside, flushed, renamed, directory synced. (Apache leaves out the last step, and a power cut can take
//! the promise back.)

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};

use crate::storage::disk::{Create, Disk, DiskError};
use crate::storage::format::epoch;
use crate::types::Zxid;

const ACCEPTED: &str = "acceptedEpoch";
const CURRENT: &str = "currentEpoch";
/// How an epoch's file is called until it is whole.
const TEMPORARY: &str = ".tmp";
/// No number is longer.
const FILE_BYTES_MAX: u64 = 64;

/// What a member has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    /// No older leader is followed any more.
    pub accepted: i64,
    /// The last leader whose history this server holds.
    pub current: i64,
}

/// Why a member must not take part with what its files say.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file does not hold a number.
    #[error(
        "Found {text:?} in {}, which must hold a decimal number. Restore it from a backup, or empty the \
         data directories: this server then gets the data from the others",
        path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// Its first line.
        text: String,
    },
    /// There are transactions of an epoch that was never promised.
    #[error(
        "The current epoch, {current:x}, is older than the last zxid, {last}, and the accepted epoch, {}, \
         does not explain it. Were the files {CURRENT} and {ACCEPTED} in {} restored from an older backup \
         than the logs?",
        accepted.map_or("none".to_owned(), |accepted| format!("{accepted:x}")),
        dir.display()
    )]
    Behind {
        /// The directory.
        dir: PathBuf,
        /// The current epoch.
        current: i64,
        /// The accepted one, if there is any.
        accepted: Option<i64>,
        /// The last transaction.
        last: Zxid,
    },
    /// The accepted epoch is below the current one.
    #[error(
        "The accepted epoch, {accepted:x} is less than the current epoch, {current:x}. Were the files of {} \
         restored from different backups?",
        dir.display()
    )]
    Backwards {
        /// The directory.
        dir: PathBuf,
        /// The accepted epoch.
        accepted: i64,
        /// The current one.
        current: i64,
    },
}

/// The epoch files of a data directory.
#[derive(Debug, Clone)]
pub struct EpochFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl EpochFiles {
    /// The epoch files in `dir`, the directory of the snapshots.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        EpochFiles {
            disk,
            dir: dir.to_owned(),
        }
    }

    /// What was promised, at a start whose recovery ended at `last`. Files that are missing are written,
    /// with the epoch of `last`; what an unfinished save left behind is used or removed.
    ///
    /// A current epoch below that of `last` is what a crash leaves behind that came after the leader's
    /// transactions were logged and before the new epoch was saved. It is then that of `last`: whoever
    /// holds a transaction of an epoch holds the history that the epoch began with. (Apache does not
    /// start in this case, unless the save itself was cut short.)
    ///
    /// # Errors
    /// When the files contradict the log or each other: taking part could lose what others were promised.
    // apache 3.9.5: server/quorum/QuorumPeer.java loadDataBase
    pub fn load(&self, last: Zxid) -> Result<Epochs, EpochError> {
        let accepted = read(&*self.disk, &self.dir, ACCEPTED)?;
        let current = match current(&*self.disk, &self.dir)? {
            None => self.write_missing(CURRENT, last.epoch())?,
            Some(current) if current < last.epoch() => self.lift(current, accepted, last)?,
            Some(current) => current,
        };
        let accepted = match accepted {
            None => self.write_missing(ACCEPTED, last.epoch())?,
            Some(accepted) => accepted,
        };
        if accepted < current {
            return Err(EpochError::Backwards {
                dir: self.dir.clone(),
                accepted,
                current,
            });
        }
        self.remove_leftovers()?;
        Ok(Epochs { accepted, current })
    }

    /// Makes a promise not to follow a leader of an older epoch.
    ///
    /// # Errors
    /// When the disk refuses; the file may then hold either epoch.
    pub fn save_accepted(&self, epoch: i64) -> Result<(), DiskError> {
        save(&*self.disk, &self.dir, ACCEPTED, epoch)
    }

    /// Says that the history of this epoch's leader is on disk. Everything of it must be durable before.
    ///
    /// # Errors
    /// When the disk refuses; the file may then hold either epoch.
    pub fn save_current(&self, epoch: i64) -> Result<(), DiskError> {
        save(&*self.disk, &self.dir, CURRENT, epoch)
    }

    /// The current epoch when the file's is below that of the last transaction.
    fn lift(&self, current: i64, accepted: Option<i64>, last: Zxid) -> Result<i64, EpochError> {
        let unfinished = match read(&*self.disk, &self.dir, &temporary(CURRENT)) {
            // It was not even written.
            Err(EpochError::NotANumber { .. }) => None,
            unfinished => unfinished?,
        };
        let lifted = match (unfinished, accepted) {
            (Some(epoch), _) if epoch >= last.epoch() => {
                info!(
                    "{} found. Setting current epoch to {epoch:x}.",
                    self.dir.join(temporary(CURRENT)).display()
                );
                epoch
            }
            (_, Some(accepted)) if accepted >= last.epoch() => {
                warn!(
                    "The current epoch, {current:x}, is older than the last zxid, {last}: a crash came \
                     between the leader's transactions and its epoch. Setting current epoch to {:x}.",
                    last.epoch()
                );
                last.epoch()
            }
            _ => {
                return Err(EpochError::Behind {
                    dir: self.dir.clone(),
                    current,
                    accepted,
                    last,
                });
            }
        };
        self.save_current(lifted)?;
        Ok(lifted)
    }

    fn write_missing(&self, name: &'static str, epoch: i64) -> Result<i64, DiskError> {
        info!("{name} not found! Creating with a reasonable default of {epoch}.");
        save(&*self.disk, &self.dir, name, epoch)?;
        Ok(epoch)
    }

    /// A save that was cut short promised nothing, and must not be found by a later start.
    fn remove_leftovers(&self) -> Result<(), DiskError> {
        for name in [temporary(ACCEPTED), temporary(CURRENT)] {
            match self.disk.remove(&self.dir.join(name)) {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What `currentEpoch` in this directory holds; `None` when there is none.
pub(crate) fn current(disk: &dyn Disk, dir: &Path) -> Result<Option<i64>, EpochError> {
    read(disk, dir, CURRENT)
}

fn read(disk: &dyn Disk, dir: &Path, name: &str) -> Result<Option<i64>, EpochError> {
    let path = dir.join(name);
    let file = match disk.open(&path) {
        Err(error) if error.is_not_found() => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(DiskError::of("read", &path))?;
    let epoch = epoch::decode(&bytes);
    let epoch = epoch.map_err(|text| EpochError::NotANumber { path, text })?;
    Ok(Some(epoch))
}

/// Writes the next `currentEpoch` aside, durably: a start that finds transactions of it takes it.
pub(crate) fn announce_current(disk: &dyn Disk, dir: &Path, epoch: i64) -> Result<(), DiskError> {
    write_aside(disk, dir, CURRENT, epoch)?;
    disk.sync_dir(dir)
}

/// The `currentEpoch` that was announced counts from now on.
pub(crate) fn adopt_announced(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    disk.rename(&dir.join(temporary(CURRENT)), &dir.join(CURRENT))?;
    disk.sync_dir(dir)
}

fn save(disk: &dyn Disk, dir: &Path, name: &str, epoch: i64) -> Result<(), DiskError> {
    let aside = write_aside(disk, dir, name, epoch)?;
    disk.rename(&aside, &dir.join(name))?;
    disk.sync_dir(dir)
}

fn write_aside(disk: &dyn Disk, dir: &Path, name: &str, epoch: i64) -> Result<PathBuf, DiskError> {
    let aside = dir.join(temporary(name));
    let mut file = disk.create(&aside, Create::Replace)?;
    file.write_at(0, &epoch::encode(epoch))?;
    file.sync_data()?;
    Ok(aside)
}

fn temporary(name: &str) -> String {
    format!("{name}{TEMPORARY}")
}

#[cfg(test)]
mod tests;

//! Back to an earlier transaction, because the leader's history has no later one (`TRUNC`): the state at
//! that transaction is read first, and only when it can be reached, the rest is forgotten.
//!
//! Apache cuts the log behind the first record *at or after* the transaction and leaves snapshots alone,
//! so that a forgotten transaction can survive in either.
// apache 3.9.5: server/persistence/FileTxnLog.java truncate

use std::path::PathBuf;

use crate::storage::disk::{Disk, DiskError};
use crate::storage::layout::DataDirs;
use crate::storage::recover::{self, RecoverError, RecoverOptions, Recovered, RecoveryVisitor};
use crate::storage::rewind::{self, RewindError};
use crate::storage::snapshots;
use crate::types::Zxid;

/// Where a truncation has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The state that was handed out; `last` is the last transaction that is left.
    pub recovered: Recovered,
    /// Whether that is the one asked for. If not, the two histories parted before it, and nothing says that
    /// what is left is part of the leader's.
    pub found: bool,
}

/// Why the end of the history was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum TruncateError {
    /// No snapshot is old enough. Nothing has changed on disk.
    #[error("the way back to {target} is gone: every snapshot in {} is newer", dir.display())]
    NoBase {
        /// Where to.
        target: Zxid,
        /// The snapshot directory.
        dir: PathBuf,
    },
    /// What is on disk does not lead there. Nothing has changed on disk.
    #[error("the way back to {target} is broken: {source}")]
    Unreachable {
        /// Where to.
        target: Zxid,
        /// What is in the way.
        source: RecoverError,
    },
    /// The disk refused. The next start finds the history whole or truncated.
    #[error(transparent)]
    Rewind(#[from] RewindError),
}

impl From<DiskError> for TruncateError {
    fn from(error: DiskError) -> Self {
        TruncateError::Rewind(RewindError::Disk(error))
    }
}

/// Hands the state at `target` to `visitor` and forgets everything after it: log records and snapshots.
/// Durable on return. When there is no such transaction, it is the last one before.
///
/// No log may be open ([`LogWriter::roll`](crate::storage::txn_log::LogWriter::roll) first,
/// [`LogWriter::resume_at`](crate::storage::txn_log::LogWriter::resume_at) afterwards), and no purge may
/// run. Snapshots that are being written are withdrawn.
///
/// # Errors
/// See [`TruncateError`]. The visitor has then seen records that must be forgotten.
pub fn truncate<V: RecoveryVisitor + ?Sized>(
    disk: &dyn Disk,
    dirs: &DataDirs,
    options: &RecoverOptions,
    target: Zxid,
    visitor: &mut V,
) -> Result<Truncated, TruncateError> {
    let recovered = recover::read_upto(disk, dirs, options, target, visitor);
    let recovered = recovered.map_err(|source| match source {
        RecoverError::Disk(error) => error.into(),
        source => TruncateError::Unreachable { target, source },
    })?;
    if recovered.snapshot.is_none() && !snapshots::list(disk, &dirs.snap)?.is_empty() {
        let dir = dirs.snap.clone();
        return Err(TruncateError::NoBase { target, dir });
    }
    rewind::rewind(disk, dirs, target, None)?;
    let found = recovered.last == target;
    Ok(Truncated { recovered, found })
}

#[cfg(test)]
mod tests;

//! Which old files may go (`autopurge`), keeping every log that a kept snapshot needs.
//!
//! Apache counts a snapshot as good when its last five bytes look right, so that three files which only
//! look good can cost the one that is. Here a snapshot counts when all of it was read and its seals hold.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use crate::proto::disk::NodeRecord;
use crate::proto::shared::Acl;
use crate::storage::disk::{Disk, DiskError};
use crate::storage::format::file_name::{LogName, SnapshotName};
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::storage::recover::RECORD_BYTES_MAX_DEFAULT;
use crate::storage::snapshots;
use crate::types::{SessionId, Zxid};

/// The fewest snapshots that are kept, whatever the settings say.
pub const RETAIN_MIN: usize = 3;

/// Removes the snapshots older than the newest `retain` whole ones (at least [`RETAIN_MIN`]), and the
/// logs that none of the kept ones needs. Returns what was removed. Nothing is removed when no snapshot
/// is whole; files with other names are left alone.
///
/// # Errors
/// When a directory cannot be read or a file cannot be removed; what was removed before stays removed.
// apache 3.9.5: server/PurgeTxnLog.java purge
pub fn purge(
    disk: &dyn Disk,
    snap_dir: &Path,
    log_dir: &Path,
    retain: usize,
) -> Result<Vec<PathBuf>, DiskError> {
    let snapshots = snapshots::list(disk, snap_dir)?;
    let Some(oldest) = oldest_kept(disk, snap_dir, &snapshots, retain.max(RETAIN_MIN)) else {
        warn!(
            "no whole snapshot in {}: nothing is purged",
            snap_dir.display()
        );
        return Ok(Vec::new());
    };
    let logs = disk.list(log_dir)?;
    let logs: Vec<_> = logs
        .iter()
        .filter_map(|name| LogName::parse(name))
        .collect();
    // It can hold transactions after the snapshot, although its name is older.
    let first_log = logs.iter().filter(|log| log.0 <= oldest).max();

    // Snapshots go before the logs they need, the oldest first: at no moment is there a snapshot that
    // could not be replayed from.
    let mut doomed = Vec::new();
    let old = snapshots.iter().rev().filter(|name| name.zxid < oldest);
    doomed.extend(old.map(|name| snap_dir.join(name.to_string())));
    let mut old: Vec<_> = logs
        .iter()
        .filter(|log| first_log.is_some_and(|kept| *log < kept))
        .collect();
    old.sort_unstable();
    doomed.extend(old.iter().map(|name| log_dir.join(name.to_string())));
    for path in &doomed {
        info!("Removing file: {}", path.display());
        disk.remove(path)?;
    }
    Ok(doomed)
}

/// The zxid of the last of the newest `retain` whole snapshots.
fn oldest_kept(
    disk: &dyn Disk,
    dir: &Path,
    newest_first: &[SnapshotName],
    retain: usize,
) -> Option<Zxid> {
    let whole = newest_first
        .iter()
        .filter(|name| is_whole(disk, dir, **name));
    whole.take(retain).last().map(|name| name.zxid)
}

fn is_whole(disk: &dyn Disk, dir: &Path, name: SnapshotName) -> bool {
    let read = snapshots::read(disk, dir, name, RECORD_BYTES_MAX_DEFAULT, &mut Nobody);
    if let Err(flaw) = &read {
        warn!(
            "{} does not count as a snapshot: {flaw}",
            dir.join(name.to_string()).display()
        );
    }
    read.is_ok()
}

/// Looks at no record: only the seals matter.
struct Nobody;

impl SnapshotVisitor for Nobody {
    fn session(&mut self, _: SessionId, _: i32) {}

    fn acl_list(&mut self, _: i64, _: &[Acl<'_>]) {}

    fn node(&mut self, _: &NodeRecord<'_>) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

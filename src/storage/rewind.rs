//! Forgetting the end of a history: every log record and every snapshot after a transaction, all or
//! nothing. Or the whole of it, for a received snapshot that comes in its place: what it was made of may be
//! another history than what is here, and nothing of this one may be taken for a part of that. Whether it may
//! be forgotten was decided before.
//!
//! What must go is written down in a file of its own first ([`RewindPlan`]), durably. From then on the
//! end is forgotten: after a crash the next start does the rest ([`resume`]), before it reads anything.
//! Until then nothing has happened.
//!
//! The order matters for Apache's server alone, which does not know that file: snapshots go first, the
//! newest first, then logs, the newest first, so that at every moment an older snapshot and the logs that
//! are left make up the old history or a beginning of it. Snapshots from before one that is installed go
//! last, when that has its name.

use std::io::Read;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use crate::storage::disk::{Create, Disk, DiskError};
use crate::storage::epochs::{self, EpochError};
use crate::storage::format::file_name::{LogName, SnapshotName};
use crate::storage::format::rewind_plan::{Cut, RewindPlan};
use crate::storage::format::scan::{LogScanner, Step, Verdict};
use crate::storage::layout::DataDirs;
use crate::storage::snapshots;
use crate::types::Zxid;

/// The plan that is being carried out, in the directory of the snapshots.
const PLAN: &str = ".oxkeeper-rewind";
/// The same until it is whole.
const PLAN_ASIDE: &str = ".oxkeeper-rewind.tmp";

/// Why the end of a history is still there, or not wholly gone.
#[derive(Debug, thiserror::Error)]
pub enum RewindError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The current epoch cannot be read.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// The plan of an unfinished rewind cannot be read.
    #[error(
        "{} says what a crash left to be removed, and cannot be read. Empty the data directories: this \
         server then gets the data from the others",
        path.display()
    )]
    Unreadable {
        /// The plan.
        path: PathBuf,
    },
    /// The received snapshot of an unfinished rewind is gone.
    #[error(
        "{} was to get its name and is not there any more. Empty the data directories: this server then \
         gets the data from the others",
        path.display()
    )]
    Lost {
        /// The snapshot, as it was called until then.
        path: PathBuf,
    },
}

/// Forgets everything after `to`. With a snapshot of that transaction to install, which waits aside, forgets
/// everything, and gives it its name; the current epoch is then at least that of the transaction. Snapshots that
/// others are writing are withdrawn.
///
/// No log may be open, and no purge may run.
///
/// # Errors
/// When the disk refuses: the history may then be the old or the new one, after the next start.
pub(crate) fn rewind(
    disk: &dyn Disk,
    dirs: &DataDirs,
    to: Zxid,
    install: Option<SnapshotName>,
) -> Result<(), RewindError> {
    let aside = install.map(snapshots::aside);
    snapshots::withdraw(disk, &dirs.snap, aside.as_deref())?;
    let plan = plan(disk, dirs, to, install)?;
    // What is installed can be of a newer epoch than the current one, which a start must be able to explain.
    let lifts = install.is_some() && plan.epoch.is_some_and(|current| current < to.epoch());
    if lifts {
        epochs::announce_current(disk, &dirs.snap, to.epoch())?;
    }
    if plan.forgets_nothing() {
        name_installed(disk, &dirs.snap, &plan)?;
    } else {
        write_plan(disk, &dirs.snap, &plan)?;
        carry_out(disk, dirs, &plan)?;
    }
    if lifts {
        epochs::adopt_announced(disk, &dirs.snap)?;
    }
    Ok(())
}

/// From here on the end of the history is forgotten.
fn write_plan(disk: &dyn Disk, dir: &Path, plan: &RewindPlan) -> Result<(), DiskError> {
    let path = dir.join(PLAN_ASIDE);
    let mut file = disk.create(&path, Create::Replace)?;
    file.write_at(0, plan.to_string().as_bytes())?;
    file.sync_data()?;
    disk.rename(&path, &dir.join(PLAN))?;
    disk.sync_dir(dir)
}

/// Does what a crash left undone of a rewind. For every start, before anything is read.
///
/// # Errors
/// When the disk refuses, or what is needed is not there.
pub(crate) fn resume(disk: &dyn Disk, dirs: &DataDirs) -> Result<(), RewindError> {
    let path = dirs.snap.join(PLAN);
    let Some(text) = read(disk, &path)? else {
        return Ok(remove(disk, &dirs.snap, PLAN_ASIDE)?);
    };
    let plan = String::from_utf8(text).ok();
    let plan = plan.and_then(|text| RewindPlan::parse(&text));
    let plan = plan.ok_or(RewindError::Unreadable { path })?;
    if is_outdated(disk, dirs, &plan)? {
        warn!(
            "another server has used {} since a crash interrupted the return to {}: what it left counts",
            dirs.snap.display(),
            plan.to
        );
        return Ok(remove_plan(disk, &dirs.snap)?);
    }
    info!(
        "Finishing what a crash interrupted: the return to {}",
        plan.to
    );
    carry_out(disk, dirs, &plan)
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    let mut file = match disk.open(path) {
        Err(error) if error.is_not_found() => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    let read = file.read_to_end(&mut bytes);
    read.map_err(DiskError::of("read", path))?;
    Ok(Some(bytes))
}

/// What is there after `to`. Lengths that a start after a crash compares with the plan are durable afterwards,
/// so that the crash does not change them.
fn plan(
    disk: &dyn Disk,
    dirs: &DataDirs,
    to: Zxid,
    install: Option<SnapshotName>,
) -> Result<RewindPlan, RewindError> {
    let mut plan = RewindPlan {
        to,
        epoch: epochs::current(disk, &dirs.snap)?,
        snapshots: Vec::new(),
        logs: Vec::new(),
        cut: None,
        install,
    };
    for name in snapshots::list(disk, &dirs.snap)? {
        let other = install.is_some_and(|new| new != name);
        if name.zxid > to || other {
            let length = settle(disk, &dirs.snap.join(name.to_string()), name.zxid > to)?;
            plan.snapshots.push((name, length));
        }
    }
    for log in logs(disk, &dirs.log)? {
        let path = dirs.log.join(log.to_string());
        if log.0 > to || install.is_some() {
            plan.logs.push((log, settle(disk, &path, log.0 > to)?));
            continue;
        }
        match excess(disk, &path, to)? {
            Excess::None => {}
            Excess::All => plan.logs.push((log, settle(disk, &path, false)?)),
            Excess::Behind(to) => {
                let from = settle(disk, &path, true)?;
                plan.cut = Some(Cut { log, to, from });
            }
        }
        // Those before begin and end before this one begins.
        break;
    }
    Ok(plan)
}

/// A file's length, made durable where it is `compared` after a crash ([`is_outdated`]).
fn settle(disk: &dyn Disk, path: &Path, compared: bool) -> Result<u64, DiskError> {
    let length = disk.len(path)?;
    if compared {
        disk.cut(path, length)?;
    }
    Ok(length)
}

/// The logs in a directory, newest first.
fn logs(disk: &dyn Disk, dir: &Path) -> Result<Vec<LogName>, DiskError> {
    let names = disk.list(dir)?;
    let mut logs: Vec<_> = names
        .iter()
        .filter_map(|name| LogName::parse(name))
        .collect();
    logs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(logs)
}

/// What of a log must go.
enum Excess {
    None,
    All,
    /// What lies behind so many bytes.
    Behind(u64),
}

/// What a log holds after `to`. What is torn or damaged goes too: everything up to `to` that is needed was
/// read already, or is in the snapshot that is installed.
fn excess(disk: &dyn Disk, path: &Path, to: Zxid) -> Result<Excess, DiskError> {
    let mut scanner = LogScanner::new(disk.open(path)?, usize::MAX);
    let mut kept = 0_u64;
    let end = loop {
        match scanner.step().map_err(DiskError::of("read", path))? {
            Step::Record(record) if record.zxid > to => break record.offset,
            Step::Record(_) => kept += 1,
            Step::End(Verdict::Clean { .. }) => return Ok(Excess::None),
            Step::End(Verdict::Torn { end, .. }) => break end,
            Step::End(Verdict::Corrupt { at, .. }) => break at,
        }
    };
    Ok(if kept == 0 {
        Excess::All
    } else {
        Excess::Behind(end)
    })
}

/// Whether files have changed in a way that a crash does not explain.
fn is_outdated(disk: &dyn Disk, dirs: &DataDirs, plan: &RewindPlan) -> Result<bool, RewindError> {
    if epochs::current(disk, &dirs.snap)? != plan.epoch {
        return Ok(true);
    }
    for name in snapshots::list(disk, &dirs.snap)? {
        let length = disk.len(&dirs.snap.join(name.to_string()))?;
        if name.zxid > plan.to && !plan.snapshots.contains(&(name, length)) {
            return Ok(true);
        }
    }
    for name in logs(disk, &dirs.log)? {
        let length = disk.len(&dirs.log.join(name.to_string()))?;
        if name.0 > plan.to && !plan.logs.contains(&(name, length)) {
            return Ok(true);
        }
        let cut = plan.cut.filter(|cut| cut.log == name);
        if cut.is_some_and(|cut| ![cut.from, cut.to].contains(&length)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Can be done any number of times.
fn carry_out(disk: &dyn Disk, dirs: &DataDirs, plan: &RewindPlan) -> Result<(), RewindError> {
    let (before, after): (Vec<_>, Vec<_>) = plan
        .snapshots
        .iter()
        .map(|(name, _)| *name)
        .partition(|name| name.zxid < plan.to);
    for name in after {
        forget(disk, &dirs.snap, &name.to_string())?;
    }
    disk.sync_dir(&dirs.snap)?;
    for (name, _) in &plan.logs {
        forget(disk, &dirs.log, &name.to_string())?;
    }
    if let Some(cut) = &plan.cut {
        let path = dirs.log.join(cut.log.to_string());
        info!("Cutting {} after {}", path.display(), plan.to);
        disk.cut(&path, cut.to)?;
    }
    disk.sync_dir(&dirs.log)?;
    name_installed(disk, &dirs.snap, plan)?;
    for name in before {
        forget(disk, &dirs.snap, &name.to_string())?;
    }
    Ok(remove_plan(disk, &dirs.snap)?)
}

/// Gives the received snapshot its name, unless it has it.
fn name_installed(disk: &dyn Disk, dir: &Path, plan: &RewindPlan) -> Result<(), RewindError> {
    let Some(name) = plan.install else {
        return Ok(());
    };
    let aside = dir.join(snapshots::aside(name));
    let path = dir.join(name.to_string());
    match disk.len(&aside) {
        Err(error) if error.is_not_found() => {
            if disk.len(&path).is_err() {
                return Err(RewindError::Lost { path: aside });
            }
        }
        length => {
            length?;
            disk.rename(&aside, &path)?;
        }
    }
    Ok(disk.sync_dir(dir)?)
}

fn forget(disk: &dyn Disk, dir: &Path, name: &str) -> Result<(), DiskError> {
    info!("Removing file: {}", dir.join(name).display());
    remove(disk, dir, name)
}

fn remove(disk: &dyn Disk, dir: &Path, name: &str) -> Result<(), DiskError> {
    match disk.remove(&dir.join(name)) {
        Err(error) if error.is_not_found() => Ok(()),
        removed => removed,
    }
}

/// Ends a rewind. Durably: what is written from now on may have the names in the plan.
fn remove_plan(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    remove(disk, dir, PLAN)?;
    disk.sync_dir(dir)
}

#[cfg(test)]
mod tests;

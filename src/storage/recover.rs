//! From files to a state: the newest whole snapshot, then every later record of the logs, to a visitor.
//! Every start goes through here; there is no path for a clean shutdown.
//!
//! What may be lost is told from what must not be: a torn end of the log holds nothing that was
//! acknowledged and is cut off; rot, gaps and missing snapshots refuse the start, and the error names
//! file, offset and remedy. Broken snapshots are passed over as long as older ones and the logs lead to
//! the same state.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use crate::proto::DecodeError;
use crate::proto::disk::NodeRecord;
use crate::proto::shared::Acl;
use crate::proto::txn::LoggedTxn;
use crate::storage::disk::{Disk, DiskError};
use crate::storage::format::file_name::{
    LogName, SnapshotName, looks_like_log, looks_like_snapshot,
};
use crate::storage::format::scan::Flaw;
use crate::storage::format::snapshot::{SnapshotFlaw, SnapshotSummary, SnapshotVisitor};
use crate::storage::layout::DataDirs;
use crate::storage::replay::{Replay, Tear};
use crate::storage::rewind::{self, RewindError};
use crate::storage::snapshots;
use crate::types::{SessionId, Zxid};

/// The longest transaction, node or ACL list that is believed, in bytes: the longest that can be written.
/// Less would be a trap, since the transaction that closes a session lists all its ephemeral nodes and
/// can be far longer than any request. Memory is only taken for bytes that are there.
pub const RECORD_BYTES_MAX_DEFAULT: usize = 0x7fff_ffff;
/// How often a long recovery says how far it is.
const PROGRESS_PERIOD: Duration = Duration::from_secs(5);
/// Records between two looks at the clock.
const PROGRESS_STRIDE: u64 = 1 << 14;
/// Everything there is.
const NO_END: Zxid = Zxid(i64::MAX);

/// How to recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverOptions {
    /// `zookeeper.snapshot.trust.empty`: logs without any snapshot start from an empty tree.
    pub trust_empty: bool,
    /// Longer transactions, nodes and ACL lists are taken for rot, in bytes.
    pub record_bytes_max: usize,
}

impl Default for RecoverOptions {
    fn default() -> Self {
        RecoverOptions {
            trust_empty: false,
            record_bytes_max: RECORD_BYTES_MAX_DEFAULT,
        }
    }
}

/// Receives a recovered state: a snapshot's records, then transactions in zxid order.
pub trait RecoveryVisitor: SnapshotVisitor {
    /// Forget everything: a state as of `zxid` follows. Called again when a snapshot turned out to be
    /// broken, and with [`Zxid::ZERO`] when there is none.
    fn begin(&mut self, zxid: Zxid);

    /// A snapshot has come to its end and is whole.
    fn loaded(&mut self, summary: &SnapshotSummary);

    /// A transaction, and the bytes that it was decoded from. Replay from a fuzzy snapshot: its effects
    /// may be there already.
    fn txn(&mut self, body: &[u8], txn: &LoggedTxn<'_>);
}

/// What was recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The snapshot that was loaded.
    pub snapshot: Option<SnapshotName>,
    /// What it held.
    pub summary: Option<SnapshotSummary>,
    /// How long loading it took.
    pub snapshot_took: Duration,
    /// Transactions after it.
    pub txns: u64,
    /// How long replaying them took.
    pub replay_took: Duration,
    /// The last transaction of the state; [`Zxid::ZERO`] for an empty one.
    pub last: Zxid,
    /// Newer snapshots that could not be used.
    pub broken_snapshots: u64,
    /// Bytes of torn writes that were cut off.
    pub torn_bytes: u64,
}

impl Recovered {
    /// Whether there was nothing: no snapshot and no transaction.
    pub fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.txns == 0
    }
}

/// Why there is no state to serve. No snapshot and no log was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What a crash left to be removed cannot be removed.
    #[error(transparent)]
    Rewind(#[from] RewindError),
    /// Snapshots, but none of them whole.
    #[error(
        "Not able to find valid snapshots in {}: all {count} are broken, the newest: {newest}. Restore one \
         of them from a backup, or empty the data directories to start over (in an ensemble, this \
         server then gets the data from the others)",
        dir.display()
    )]
    NoValidSnapshot {
        /// The snapshot directory.
        dir: PathBuf,
        /// How many there are.
        count: usize,
        /// What is wrong with the newest.
        newest: SnapshotFlaw,
    },
    /// Logs, but no snapshot.
    #[error(
        "No snapshot found, but there are log entries. Something is broken! {} begins with {first}, and \
         there is no snapshot in {}. Restore one, or set zookeeper.snapshot.trust.empty=true if the data \
         comes from a release before 3.5 that never wrote one",
        log.display(), dir.display()
    )]
    NoSnapshot {
        /// The snapshot directory.
        dir: PathBuf,
        /// The first log with transactions.
        log: PathBuf,
        /// Its first transaction.
        first: Zxid,
    },
    /// The logs end before a broken snapshot was taken.
    #[error(
        "{} is broken ({flaw}), and the logs end at {last}, before it was taken: transactions are \
         missing. Restore the snapshot or the logs, or remove the snapshot to go on without them",
        path.display()
    )]
    Behind {
        /// The broken snapshot.
        path: PathBuf,
        /// What is wrong with it.
        flaw: SnapshotFlaw,
        /// The last transaction found.
        last: Zxid,
    },
    /// The logs go on after a broken snapshot, but do not lead to it.
    #[error(
        "{} is broken ({flaw}), and the logs do not hold the transaction that it was taken at: what older \
         snapshots and the logs lead to need not be what it held. Restore it from a backup, or empty the \
         data directories (in an ensemble, this server then gets the data from the others)",
        path.display()
    )]
    Disconnected {
        /// The broken snapshot.
        path: PathBuf,
        /// What is wrong with it.
        flaw: SnapshotFlaw,
    },
    /// Bytes of a log are no longer what was written.
    #[error(
        "{} is corrupt at byte {at}: {flaw}{}. Restore the file from a backup; `truncate -s {at}` on it \
         gives up every transaction from there on (in an ensemble, empty the data directories instead, \
         and this server gets the data from the others)",
        path.display(),
        if *follows { ", and later transactions follow" } else { "" }
    )]
    CorruptLog {
        /// The log.
        path: PathBuf,
        /// Where, in bytes from its start.
        at: u64,
        /// What is wrong there.
        flaw: Flaw,
        /// Whether whole records follow.
        follows: bool,
    },
    /// A record is whole, but not a transaction that this release knows.
    #[error(
        "{}: the transaction {zxid} at byte {at} cannot be decoded: {error}. Was it written by a newer \
         release?",
        path.display()
    )]
    UnknownTxn {
        /// The log.
        path: PathBuf,
        /// Where the record starts, in bytes.
        at: u64,
        /// The transaction's number.
        zxid: Zxid,
        /// What is wrong; its offset counts from the start of the body.
        error: DecodeError,
    },
    /// Transactions are missing between two that are there.
    #[error(
        "transactions are missing: {} goes on with {found} at byte {at}, after {after}. Restore the log \
         or the snapshot in between",
        path.display()
    )]
    Gap {
        /// The log that goes on after the gap.
        path: PathBuf,
        /// Where, in bytes.
        at: u64,
        /// The last transaction before the gap.
        after: Zxid,
        /// The first one after it.
        found: Zxid,
    },
}

/// Hands the state on disk to `visitor`, and cuts off what a power cut left behind.
///
/// The caller holds the locks of both directories.
///
/// # Errors
/// When the state on disk is not whole. The visitor has then seen records that must not be served.
pub fn read_all<V: RecoveryVisitor + ?Sized>(
    disk: &dyn Disk,
    dirs: &DataDirs,
    options: &RecoverOptions,
    visitor: &mut V,
) -> Result<Recovered, RecoverError> {
    rewind::resume(disk, dirs)?;
    snapshots::withdraw(disk, &dirs.snap, None)?;
    warn_of_strangers(disk, dirs)?;
    let (recovered, tears) = read(disk, dirs, options, NO_END, visitor)?;
    cut(disk, &dirs.log, &tears)?;
    info!(
        "{} txns loaded in {} ms",
        recovered.txns,
        recovered.replay_took.as_millis()
    );
    Ok(recovered)
}

/// Hands the state at `upto` to `visitor`, or the last one before it when that transaction is not there.
/// Changes nothing on disk.
///
/// # Errors
/// When what is on disk does not lead there. The visitor has then seen records that must be forgotten.
pub(crate) fn read_upto<V: RecoveryVisitor + ?Sized>(
    disk: &dyn Disk,
    dirs: &DataDirs,
    options: &RecoverOptions,
    upto: Zxid,
    visitor: &mut V,
) -> Result<Recovered, RecoverError> {
    read(disk, dirs, options, upto, visitor).map(|(recovered, _)| recovered)
}

fn read<V: RecoveryVisitor + ?Sized>(
    disk: &dyn Disk,
    dirs: &DataDirs,
    options: &RecoverOptions,
    upto: Zxid,
    visitor: &mut V,
) -> Result<(Recovered, Vec<Tear>), RecoverError> {
    let start = Instant::now();
    let Snapshots { loaded, broken } = load_newest(disk, &dirs.snap, options, upto, visitor)?;
    let snapshot_took = start.elapsed();
    let snapshot = loaded.as_ref().map(|(name, _)| *name);

    let start = Instant::now();
    let landmarks = broken.iter().map(|(name, _)| name.zxid).collect();
    let from = snapshot.map(|name| name.zxid);
    let mut replay = Replay::new(disk, dirs, options, from, upto, landmarks);
    replay.run(visitor)?;
    let recovered = Recovered {
        snapshot,
        summary: loaded.map(|(_, summary)| summary),
        snapshot_took,
        txns: replay.txns(),
        replay_took: start.elapsed(),
        last: replay.last(),
        broken_snapshots: broken.len() as u64,
        torn_bytes: replay.tears().iter().map(|tear| tear.bytes).sum(),
    };
    check_reached(&dirs.snap, broken, &replay)?;
    Ok((recovered, replay.into_tears()))
}

/// What was found of snapshots.
struct Snapshots {
    /// The newest whole one.
    loaded: Option<(SnapshotName, SnapshotSummary)>,
    /// Those that are newer and broken, newest first.
    broken: Vec<(SnapshotName, SnapshotFlaw)>,
}

/// Loads the newest snapshot up to `upto` that is whole.
fn load_newest<V: RecoveryVisitor + ?Sized>(
    disk: &dyn Disk,
    dir: &Path,
    options: &RecoverOptions,
    upto: Zxid,
    visitor: &mut V,
) -> Result<Snapshots, RecoverError> {
    let mut broken = Vec::new();
    let mut names = snapshots::list(disk, dir)?;
    names.retain(|name| name.zxid <= upto);
    for name in names {
        let path = dir.join(name.to_string());
        info!("Reading snapshot {}", path.display());
        visitor.begin(name.zxid);
        let mut counting = Counting::new(visitor);
        match snapshots::read(disk, dir, name, options.record_bytes_max, &mut counting) {
            Ok(summary) => {
                visitor.loaded(&summary);
                let loaded = Some((name, summary));
                return Ok(Snapshots { loaded, broken });
            }
            Err(flaw) => {
                error!("problem reading snap file {}: {flaw}", path.display());
                broken.push((name, flaw));
            }
        }
    }
    visitor.begin(Zxid::ZERO);
    // An unfinished `snapshot.0` is a first start that was cut short: there was nothing in it.
    if broken.iter().any(|(name, _)| name.zxid > Zxid::ZERO) {
        return Err(RecoverError::NoValidSnapshot {
            dir: dir.to_owned(),
            count: broken.len(),
            newest: broken.swap_remove(0).1,
        });
    }
    let loaded = None;
    Ok(Snapshots { loaded, broken })
}

/// Whether the state is as new as the snapshots that could not be read, and what they held is part of it:
/// their names tell what had been processed. A server that was sent its state has no log that leads to it,
/// and older logs that lead elsewhere.
fn check_reached(
    dir: &Path,
    broken: Vec<(SnapshotName, SnapshotFlaw)>,
    replay: &Replay<'_>,
) -> Result<(), RecoverError> {
    for (name, flaw) in broken {
        let path = dir.join(name.to_string());
        let last = replay.last();
        if last < name.zxid {
            return Err(RecoverError::Behind { path, flaw, last });
        }
        if name.zxid > Zxid::ZERO && replay.missed(name.zxid) {
            return Err(RecoverError::Disconnected { path, flaw });
        }
        warn!(
            "{} is broken and was not needed: what was there besides leads to {last}",
            path.display()
        );
    }
    Ok(())
}

/// Cuts torn writes off, so that no reader, Apache's included, stumbles over them later.
fn cut(disk: &dyn Disk, dir: &Path, tears: &[Tear]) -> Result<(), DiskError> {
    for tear in tears {
        let path = dir.join(tear.log.to_string());
        warn!(
            "{}: the last write was cut short by a crash ({}); {} bytes from byte {} on, which were \
             never acknowledged, are cut off",
            path.display(),
            tear.flaw,
            tear.bytes,
            tear.end
        );
        if tear.records == 0 {
            disk.remove(&path)?;
            disk.sync_dir(dir)?;
        } else {
            disk.cut(&path, tear.end)?;
        }
    }
    Ok(())
}

/// Apache takes `log.5.bak` for a log and `snapshot.13.tmp` for a snapshot; here they are ignored.
fn warn_of_strangers(disk: &dyn Disk, dirs: &DataDirs) -> Result<(), DiskError> {
    let warn_of = |dir: &Path, name: &str, kind| {
        let path = dir.join(name);
        warn!(
            "{} is not the name of a {kind} and is ignored",
            path.display()
        );
    };
    for name in disk.list(&dirs.log)? {
        if looks_like_log(&name) && LogName::parse(&name).is_none() {
            warn_of(&dirs.log, &name, "log");
        }
    }
    for name in disk.list(&dirs.snap)? {
        if looks_like_snapshot(&name) && SnapshotName::parse(&name).is_none() {
            warn_of(&dirs.snap, &name, "snapshot");
        }
    }
    Ok(())
}

/// Says now and then how far a long recovery is.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    count: u64,
    told: Instant,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Progress {
            what,
            count: 0,
            told: Instant::now(),
        }
    }

    /// One more.
    #[inline]
    pub(crate) fn step(&mut self) {
        self.count += 1;
        if self.count.is_multiple_of(PROGRESS_STRIDE) {
            self.tell();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    #[cold]
    fn tell(&mut self) {
        if self.told.elapsed() >= PROGRESS_PERIOD {
            self.told = Instant::now();
            info!("recovering: {} {} so far", self.count, self.what);
        }
    }
}

/// Passes a snapshot's records on and counts the nodes.
struct Counting<'v, V: ?Sized> {
    visitor: &'v mut V,
    progress: Progress,
}

impl<'v, V: ?Sized> Counting<'v, V> {
    fn new(visitor: &'v mut V) -> Self {
        Counting {
            visitor,
            progress: Progress::new("nodes"),
        }
    }
}

impl<V: SnapshotVisitor + ?Sized> SnapshotVisitor for Counting<'_, V> {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.visitor.session(id, timeout_ms);
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.visitor.acl_list(number, list);
    }

    #[inline]
    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        self.progress.step();
        self.visitor.node(node)
    }
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

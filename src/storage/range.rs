//! Transactions out of the log, for a server that has fallen behind: everything after one zxid up to
//! another, while the log thread goes on appending to the last file. Changes nothing; reads every file
//! once, from its start, in large pieces.
//!
//! The end of the range must be durable when it is asked for. Then every byte up to it is in its place
//! for good, and what lies behind it, half a record perhaps, is never looked at.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::info;

use crate::storage::disk::{Disk, DiskError};
use crate::storage::format::file_name::LogName;
use crate::storage::format::scan::{LogScanner, Step, Verdict};
use crate::storage::layout::DataDirs;
use crate::storage::recover::RECORD_BYTES_MAX_DEFAULT;
use crate::storage::replay::logs_from;
use crate::storage::snapshots;
use crate::types::Zxid;

/// `zookeeper.snapshotSizeFactor` when it is not set, or above 1.
pub const SIZE_FACTOR_DEFAULT: f64 = 0.33;

/// Why a range ended before its end. Transactions may have been handed out before.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// The disk refused, or a purge took a log away.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A log ends, or cannot be read on, where it should go on.
    #[error(
        "{} cannot be read on after {after}, although {upto} was logged: {verdict:?}",
        path.display()
    )]
    Ended {
        /// The log.
        path: PathBuf,
        /// The last transaction that was read.
        after: Zxid,
        /// Where the range ends.
        upto: Zxid,
        /// What was found instead.
        verdict: Verdict,
    },
    /// Transactions are missing between two that are there.
    #[error("transactions are missing: {} goes on with {found} after {after}", path.display())]
    Gap {
        /// The log that goes on.
        path: PathBuf,
        /// The last transaction before the gap.
        after: Zxid,
        /// The first one after it.
        found: Zxid,
    },
    /// No log is left, and the end was not reached.
    #[error("the logs in {} end at {after}, before {upto}", dir.display())]
    Short {
        /// The log directory.
        dir: PathBuf,
        /// The last transaction that was read.
        after: Zxid,
        /// Where the range ends.
        upto: Zxid,
    },
}

/// A range of transactions being read.
#[derive(Debug)]
pub struct LogRange {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Logs that were not begun.
    logs: VecDeque<LogName>,
    open: Option<OpenLog>,
    /// The first transaction, when it was read to find out where the range begins.
    ahead: Option<(Zxid, Vec<u8>)>,
    last: Zxid,
    upto: Zxid,
}

struct OpenLog {
    path: PathBuf,
    scanner: LogScanner<Box<dyn Read + Send>>,
}

impl fmt::Debug for OpenLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenLog({})", self.path.display())
    }
}

impl LogRange {
    /// The transactions behind `after`, up to and including `upto`, which is durable. `None` when a
    /// snapshot must be sent instead: `after` is not in the log (one that begins an epoch, with the counter
    /// 0, never is; then the log must reach back to something older), or the logs are too long to be worth
    /// it.
    ///
    /// They are when all those needed, without preallocated space, are longer than the newest snapshot
    /// times `size_factor` (`zookeeper.snapshotSizeFactor`): 0 for no limit, below 0 for always, above 1
    /// for [`SIZE_FACTOR_DEFAULT`].
    ///
    /// # Errors
    /// When a log cannot be read.
    // apache 3.9.5: server/ZKDatabase.java getProposalsFromTxnLog, calculateTxnLogSizeLimit
    pub fn open(
        disk: Arc<dyn Disk>,
        dirs: &DataDirs,
        after: Zxid,
        upto: Zxid,
        size_factor: f64,
    ) -> Result<Option<LogRange>, RangeError> {
        let mut logs = logs_from(&*disk, &dirs.log, after)?;
        logs.retain(|log| log.0 <= upto);
        if size_factor < 0.0 || !is_worth_it(&*disk, dirs, &logs, upto, size_factor)? {
            return Ok(None);
        }
        let mut range = LogRange {
            disk,
            dir: dirs.log.clone(),
            logs: logs.into(),
            open: None,
            ahead: None,
            last: Zxid(i64::MIN),
            upto,
        };
        Ok(range.find(after)?.then_some(range))
    }

    /// The last transaction handed out; at the start, the one that the range begins behind.
    pub fn last(&self) -> Zxid {
        self.last
    }

    /// Hands out the next transactions: zxids and bodies of log records, in order, without a gap, until
    /// they make up `bytes_max` bytes. False when the range has come to its end.
    ///
    /// # Errors
    /// When the log does not hold what it should. What was handed out is right.
    pub fn next_batch(
        &mut self,
        bytes_max: usize,
        visit: &mut dyn FnMut(Zxid, &[u8]),
    ) -> Result<bool, RangeError> {
        let mut bytes = 0;
        if let Some((zxid, body)) = self.ahead.take() {
            visit(zxid, &body);
            self.last = zxid;
            bytes += body.len();
        }
        while self.last < self.upto {
            if bytes >= bytes_max {
                return Ok(true);
            }
            let (after, upto) = (self.last, self.upto);
            let handed = self.step(|path, zxid, body| {
                if zxid <= after {
                    return Ok((after, 0));
                }
                if !follows(after, zxid) || zxid > upto {
                    let path = path.to_owned();
                    let found = zxid;
                    return Err(RangeError::Gap { path, after, found });
                }
                visit(zxid, body);
                Ok((zxid, body.len()))
            })?;
            let Some(handed) = handed else {
                let dir = self.dir.clone();
                return Err(RangeError::Short { dir, after, upto });
            };
            let (last, length) = handed?;
            self.last = last;
            bytes += length;
        }
        Ok(false)
    }

    /// Reads up to and including `after`. False when it is not there.
    fn find(&mut self, after: Zxid) -> Result<bool, RangeError> {
        let mut reaches_back = false;
        loop {
            let record = self.step(|_, zxid, body| {
                let ahead = (zxid > after && reaches_back).then(|| body.to_vec());
                (zxid, ahead)
            })?;
            match record {
                Some((zxid, None)) if zxid <= after => {
                    self.last = zxid;
                    reaches_back = true;
                    if zxid == after {
                        return Ok(true);
                    }
                }
                Some((zxid, Some(body))) if after.counter() == 0 && follows(after, zxid) => {
                    self.last = after;
                    self.ahead = (zxid <= self.upto).then_some((zxid, body));
                    return Ok(true);
                }
                _ => return Ok(false),
            }
        }
    }

    /// The next record to `take`; `None` when no log is left.
    fn step<T>(
        &mut self,
        take: impl FnOnce(&Path, Zxid, &[u8]) -> T,
    ) -> Result<Option<T>, RangeError> {
        loop {
            let Some(log) = &mut self.open else {
                if !self.begin()? {
                    return Ok(None);
                }
                continue;
            };
            match log
                .scanner
                .step()
                .map_err(DiskError::of("read", &log.path))?
            {
                Step::Record(record) => return Ok(Some(take(&log.path, record.zxid, record.body))),
                Step::End(Verdict::Clean { .. }) => self.open = None,
                Step::End(verdict) => {
                    return Err(RangeError::Ended {
                        path: log.path.clone(),
                        after: self.last,
                        upto: self.upto,
                        verdict,
                    });
                }
            }
        }
    }

    fn begin(&mut self) -> Result<bool, DiskError> {
        let Some(name) = self.logs.pop_front() else {
            return Ok(false);
        };
        self.open = Some(OpenLog::new(&*self.disk, &self.dir, name)?);
        Ok(true)
    }
}

impl OpenLog {
    fn new(disk: &dyn Disk, dir: &Path, name: LogName) -> Result<Self, DiskError> {
        let path = dir.join(name.to_string());
        let scanner = LogScanner::new(disk.open(&path)?, RECORD_BYTES_MAX_DEFAULT);
        Ok(OpenLog { path, scanner })
    }
}

/// Whether `next` can be the transaction right after `zxid`: the next of its epoch, or the first of a later one.
fn follows(zxid: Zxid, next: Zxid) -> bool {
    next == zxid.next() || (next.epoch() > zxid.epoch() && next.counter() == 1)
}

/// Whether the logs are not too long against the newest snapshot.
fn is_worth_it(
    disk: &dyn Disk,
    dirs: &DataDirs,
    logs: &[LogName],
    upto: Zxid,
    size_factor: f64,
) -> Result<bool, DiskError> {
    let newest = snapshots::list(disk, &dirs.snap)?.into_iter().next();
    let newest = newest.map(|name| disk.len(&dirs.snap.join(name.to_string())));
    let limit = size_limit(newest.transpose()?.unwrap_or(0), size_factor);
    let Some((last, older)) = logs.split_last() else {
        return Ok(true);
    };
    let mut bytes = 0;
    for log in older {
        bytes += disk.len(&dirs.log.join(log.to_string()))?;
    }
    if limit == 0 || bytes + disk.len(&dirs.log.join(last.to_string()))? <= limit {
        return Ok(true);
    }
    // The last one is being written to, and has preallocated space.
    let end = match bytes <= limit {
        true => end_of(disk, &dirs.log, *last, upto, limit - bytes)?,
        false => 0,
    };
    let worth_it = bytes + end <= limit;
    if !worth_it {
        info!("the logs are longer than {limit} bytes: a snapshot is sent instead");
    }
    Ok(worth_it)
}

/// How many bytes of logs are worth reading; 0 for any number.
fn size_limit(snapshot_bytes: u64, factor: f64) -> u64 {
    let factor = if factor > 1.0 {
        SIZE_FACTOR_DEFAULT
    } else {
        factor
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rule of thumb; the product is between 0 and the length of a file"
    )]
    let limit = (snapshot_bytes as f64 * factor) as u64;
    limit
}

/// About where in a log `upto` ends, or the first record beyond `limit`, in bytes.
fn end_of(
    disk: &dyn Disk,
    dir: &Path,
    log: LogName,
    upto: Zxid,
    limit: u64,
) -> Result<u64, DiskError> {
    let OpenLog { path, mut scanner } = OpenLog::new(disk, dir, log)?;
    let mut end = 0;
    while let Step::Record(record) = scanner.step().map_err(DiskError::of("read", &path))? {
        end = record.offset + record.body.len() as u64;
        if record.zxid >= upto || end > limit {
            break;
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests;

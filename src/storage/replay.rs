//! The logs from a snapshot on, record by record, in order and without a gap. Changes nothing on disk:
//! torn ends are reported.

use std::path::Path;

use tracing::{error, warn};

use crate::proto::txn::LoggedTxn;
use crate::storage::disk::{Disk, DiskError};
use crate::storage::format::file_name::LogName;
use crate::storage::format::scan::{Flaw, LogScanner, Record, Step, Verdict};
use crate::storage::layout::DataDirs;
use crate::storage::recover::{Progress, RecoverError, RecoverOptions, RecoveryVisitor};
use crate::types::Zxid;

/// A log whose last write was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tear {
    /// Which log.
    pub(crate) log: LogName,
    /// Where the last whole record ends, in bytes.
    pub(crate) end: u64,
    /// Bytes behind it, zeros included.
    pub(crate) bytes: u64,
    /// Whole records before it.
    pub(crate) records: u64,
    /// What was seen.
    pub(crate) flaw: Flaw,
}

/// Reads logs after a snapshot.
#[derive(Debug)]
pub(crate) struct Replay<'d> {
    disk: &'d dyn Disk,
    dirs: &'d DataDirs,
    options: &'d RecoverOptions,
    snapshot: Option<Zxid>,
    upto: Zxid,
    last: Option<Zxid>,
    /// Broken snapshots after the loaded one whose transaction was not seen yet.
    landmarks: Vec<Zxid>,
    progress: Progress,
    tears: Vec<Tear>,
}

impl<'d> Replay<'d> {
    /// A replay of everything after a snapshot, or of everything, up to and including the end of the range.
    /// `landmarks` are transactions that [`Replay::missed`] can be asked about.
    pub(crate) fn new(
        disk: &'d dyn Disk,
        dirs: &'d DataDirs,
        options: &'d RecoverOptions,
        snapshot: Option<Zxid>,
        upto: Zxid,
        landmarks: Vec<Zxid>,
    ) -> Self {
        Replay {
            disk,
            dirs,
            options,
            snapshot,
            upto,
            last: snapshot,
            landmarks,
            progress: Progress::new("transactions"),
            tears: Vec::new(),
        }
    }

    /// Transactions handed on.
    pub(crate) fn txns(&self) -> u64 {
        self.progress.count()
    }

    /// The last zxid of the state.
    pub(crate) fn last(&self) -> Zxid {
        self.last.unwrap_or_default()
    }

    /// Where logs ended in a torn write.
    pub(crate) fn tears(&self) -> &[Tear] {
        &self.tears
    }

    /// The same, for good.
    pub(crate) fn into_tears(self) -> Vec<Tear> {
        self.tears
    }

    /// Whether a landmark after the snapshot was not among the transactions.
    pub(crate) fn missed(&self, landmark: Zxid) -> bool {
        self.snapshot != Some(landmark) && self.landmarks.contains(&landmark)
    }

    /// Hands every later transaction to the visitor.
    pub(crate) fn run<V: RecoveryVisitor + ?Sized>(
        &mut self,
        visitor: &mut V,
    ) -> Result<(), RecoverError> {
        for log in logs_from(self.disk, &self.dirs.log, self.first())? {
            if log.0 <= self.upto {
                self.read_log(log, visitor)?;
            }
        }
        Ok(())
    }

    /// The first zxid that is missing from the snapshot.
    fn first(&self) -> Zxid {
        self.snapshot.map_or(Zxid::ZERO, Zxid::next)
    }

    fn read_log<V: RecoveryVisitor + ?Sized>(
        &mut self,
        log: LogName,
        visitor: &mut V,
    ) -> Result<(), RecoverError> {
        let path = self.dirs.log.join(log.to_string());
        let file = self.disk.open(&path)?;
        let mut scanner = LogScanner::new(file, self.options.record_bytes_max);
        let first = self.first();
        let mut records = 0;
        loop {
            match scanner.step().map_err(DiskError::of("read", &path))? {
                Step::Record(record) if record.zxid > self.upto => return Ok(()),
                Step::Record(record) => {
                    records += 1;
                    if record.zxid >= first {
                        self.take(&path, record, visitor)?;
                    }
                }
                Step::End(verdict) => return self.end(log, &path, records, verdict),
            }
        }
    }

    fn take<V: RecoveryVisitor + ?Sized>(
        &mut self,
        path: &Path,
        record: Record<'_>,
        visitor: &mut V,
    ) -> Result<(), RecoverError> {
        self.check_order(path, &record)?;
        let txn = LoggedTxn::decode(record.body).map_err(|error| RecoverError::UnknownTxn {
            path: path.to_owned(),
            at: record.offset,
            zxid: record.zxid,
            error,
        })?;
        visitor.txn(record.body, &txn);
        self.landmarks.retain(|landmark| *landmark != record.zxid);
        self.progress.step();
        self.last = self.last.max(Some(record.zxid));
        Ok(())
    }

    fn check_order(&self, path: &Path, record: &Record<'_>) -> Result<(), RecoverError> {
        let found = record.zxid;
        let Some(after) = self.last else {
            return self.check_trust(path, found);
        };
        if found <= after {
            // apache 3.9.5: server/persistence/FileTxnSnapLog.java fastForwardFromEdits
            error!(
                "{after}(highestZxid) > {found}(next log) in {}",
                path.display()
            );
        } else if found != after.next() && found.epoch() == after.epoch() {
            return Err(RecoverError::Gap {
                path: path.to_owned(),
                at: record.offset,
                after,
                found,
            });
        }
        Ok(())
    }

    /// The first transaction, without a snapshot before it.
    fn check_trust(&self, log: &Path, first: Zxid) -> Result<(), RecoverError> {
        if !self.options.trust_empty {
            return Err(RecoverError::NoSnapshot {
                dir: self.dirs.snap.clone(),
                log: log.to_owned(),
                first,
            });
        }
        warn!(
            "No snapshot found, but there are log entries. This should only be allowed during upgrading."
        );
        Ok(())
    }

    fn end(
        &mut self,
        log: LogName,
        path: &Path,
        records: u64,
        verdict: Verdict,
    ) -> Result<(), RecoverError> {
        match verdict {
            Verdict::Clean { .. } => {}
            Verdict::Torn { end, flaw } => {
                let length = self.disk.len(path)?;
                self.tears.push(Tear {
                    log,
                    end,
                    bytes: length.saturating_sub(end),
                    records,
                    flaw,
                });
            }
            Verdict::Corrupt { at, flaw, follows } => {
                return Err(RecoverError::CorruptLog {
                    path: path.to_owned(),
                    at,
                    flaw,
                    follows,
                });
            }
        }
        Ok(())
    }
}

/// The logs that can hold `first` or later records, oldest first: all that begin after it, and the last
/// one that does not.
pub(crate) fn logs_from(
    disk: &dyn Disk,
    dir: &Path,
    first: Zxid,
) -> Result<Vec<LogName>, DiskError> {
    let names = disk.list(dir)?;
    let mut logs: Vec<_> = names
        .iter()
        .filter_map(|name| LogName::parse(name))
        .collect();
    logs.sort_unstable();
    let before = logs.iter().filter(|log| log.0 <= first).count();
    logs.drain(..before.saturating_sub(1));
    Ok(logs)
}

//! Appending to the transaction log: preallocation, flushes, rolls. What a record means is not known
//! here, only from where to where its zxids go.
//!
//! *Invariant:* at most one log file is not durable, the newest: a file is flushed before the next
//! one is begun. So a power cut tears the newest file only, and recovery may say that any other damage
//! is rot. (Apache leaves the old file to the next commit.)
//!
//! *Invariant:* after a failed write or flush nothing is written again. What the kernel then has in
//! memory is not what is on disk, and a second flush would succeed without having written it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::storage::disk::{Create, Disk, DiskError, DiskFile};
use crate::storage::format::file_name::LogName;
use crate::storage::format::scan::{LogScanner, Step, Verdict};
use crate::storage::format::txn_log::{HEADER_BYTES, append_header};
use crate::types::Zxid;

/// A file grows by another step of preallocated space when less than this is left of it, in bytes.
const ROOM_BYTES_MIN: u64 = 4096;

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `zookeeper.preAllocSize`, KiB: the step in which files grow. 0 for no preallocation.
    pub pre_alloc_size_kb: u64,
    /// `zookeeper.txnLogSizeLimitInKb`, KiB: a file that is longer is not appended to after the next
    /// flush. `None` for no limit.
    pub size_limit_kb: Option<u64>,
    /// `zookeeper.forceSync`. When false, a flush promises nothing: a power cut loses transactions that
    /// were acknowledged.
    pub force_sync: bool,
    /// `fsync.warningthresholdms`: a flush that takes longer is logged as a warning.
    pub fsync_warning: Duration,
}

impl Default for LogOptions {
    /// Apache's defaults: 64 MiB steps, no size limit, flushes forced, warnings from a second on.
    fn default() -> Self {
        LogOptions {
            pre_alloc_size_kb: 65536,
            size_limit_kb: None,
            force_sync: true,
            fsync_warning: Duration::from_millis(1000),
        }
    }
}

/// Why the log cannot go on. All of them are final: the server must stop without another
/// acknowledgement, and recover at its next start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A write or flush failed; what was not flushed before may be lost.
    #[error("the transaction log cannot be written: {0}")]
    Disk(#[from] DiskError),
    /// There is a log with transactions where a new one is to begin.
    #[error(
        "{} holds transactions already and is not overwritten; was it put there while the server ran?",
        path.display()
    )]
    Occupied {
        /// The log.
        path: PathBuf,
    },
    /// An earlier call failed.
    #[error("the transaction log was given up after an earlier failure")]
    GivenUp,
}

/// What a flush achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Everything up to this zxid survives a power cut (with `force_sync`).
    pub zxid: Zxid,
    /// How long the disk took; zero when there was nothing to do or flushes are not forced.
    pub took: Duration,
}

/// How much went into the log since [`LogWriter::roll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Transactions.
    pub records: u64,
    /// Bytes of them, frames included. (Apache counts preallocated space too, which makes snapshots
    /// more frequent when the step is large against `snapSizeLimitInKb`.)
    pub bytes: u64,
}

/// The end of the transaction log. Dropping it loses nothing that was flushed.
#[derive(Debug)]
pub struct LogWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: LogOptions,
    file: Option<OpenLog>,
    appended: Zxid,
    durable: Zxid,
    tally: Tally,
    given_up: bool,
}

#[derive(Debug)]
struct OpenLog {
    file: Box<dyn DiskFile>,
    /// Where the next batch goes.
    end: u64,
    /// The file's length: `end`, or more with preallocation.
    length: u64,
    dirty: bool,
    /// The directory does not durably name the file yet.
    nameless: bool,
}

impl LogWriter {
    /// A writer that begins a new file with its first batch. `last` is the last zxid that recovery
    /// found.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, options: LogOptions, last: Zxid) -> Self {
        LogWriter {
            disk,
            dir: dir.to_owned(),
            options,
            file: None,
            appended: last,
            durable: last,
            tally: Tally::default(),
            given_up: false,
        }
    }

    /// Appends whole records, as [`OpenRecord`](crate::storage::format::txn_log::OpenRecord) leaves
    /// them, with one write. They are durable after [`LogWriter::flush`].
    ///
    /// # Errors
    /// See [`LogError`].
    ///
    /// # Panics
    /// When the zxids do not follow those appended before.
    pub fn append(
        &mut self,
        batch: &[u8],
        first: Zxid,
        last: Zxid,
        records: u32,
    ) -> Result<(), LogError> {
        assert!(records > 0 && !batch.is_empty(), "a batch has records");
        assert!(
            self.appended < first && first <= last,
            "zxids rise: {first}..{last} cannot follow {}",
            self.appended
        );
        self.guarded(|log| log.append_batch(batch, first))?;
        self.appended = last;
        self.tally.records += u64::from(records);
        self.tally.bytes += batch.len() as u64;
        Ok(())
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn flush(&mut self) -> Result<Durable, LogError> {
        self.guarded(|log| {
            let took = log.sync()?;
            if log.is_full() {
                log.finish_file()?;
            }
            Ok(Durable {
                zxid: log.durable,
                took,
            })
        })
    }

    /// Flushes and ends the current file, so that the next batch begins a new one, and starts the tally
    /// anew.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn roll(&mut self) -> Result<Durable, LogError> {
        self.guarded(|log| {
            let took = log.sync()?;
            log.finish_file()?;
            log.tally = Tally::default();
            Ok(Durable {
                zxid: log.durable,
                took,
            })
        })
    }

    /// Goes on after `last`, in a new file, when the history behind the log has changed: its end was
    /// forgotten, or a snapshot was installed. To be called after [`LogWriter::roll`], whose file that
    /// change may have removed. The tally starts anew.
    ///
    /// # Panics
    /// When a file is open.
    pub fn resume_at(&mut self, last: Zxid) {
        assert!(
            self.file.is_none(),
            "an open log does not change its history"
        );
        (self.appended, self.durable) = (last, last);
        self.tally = Tally::default();
    }

    /// What went into the log since the last roll.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The last zxid appended.
    pub fn appended(&self) -> Zxid {
        self.appended
    }

    /// The last zxid known to be durable (with `force_sync`).
    pub fn durable(&self) -> Zxid {
        self.durable
    }

    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        if self.given_up {
            return Err(LogError::GivenUp);
        }
        let result = work(self);
        self.given_up = result.is_err();
        result
    }

    fn append_batch(&mut self, batch: &[u8], first: Zxid) -> Result<(), LogError> {
        let log = match &mut self.file {
            Some(log) => log,
            None => {
                let log = begin(&*self.disk, &self.dir, first)?;
                self.file.insert(log)
            }
        };
        log.append(batch, self.options.pre_alloc_size_kb * 1024)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<Duration, LogError> {
        let mut took = Duration::ZERO;
        if let Some(log) = &mut self.file
            && log.dirty
            && self.options.force_sync
        {
            let start = Instant::now();
            log.sync(&*self.disk, &self.dir)?;
            took = start.elapsed();
            self.warn_if_slow(took);
        }
        self.durable = self.appended;
        Ok(took)
    }

    fn is_full(&self) -> bool {
        let end = self.file.as_ref().map_or(0, |log| log.end);
        let limit = self.options.size_limit_kb;
        limit.is_some_and(|limit| end > limit * 1024)
    }

    /// Gives back the space that was preallocated beyond the end; a reader needs no zeros there.
    fn finish_file(&mut self) -> Result<(), LogError> {
        if let Some(mut log) = self.file.take()
            && log.length > log.end
        {
            log.file.set_len(log.end)?;
        }
        Ok(())
    }

    fn warn_if_slow(&self, took: Duration) {
        if took > self.options.fsync_warning {
            let thread = std::thread::current();
            warn!(
                "fsync-ing the write ahead log in {} took {}ms which will adversely effect operation \
                 latency.File size is {} bytes. See the ZooKeeper troubleshooting guide",
                thread.name().unwrap_or("unnamed"),
                took.as_millis(),
                self.file.as_ref().map_or(0, |log| log.length),
            );
        }
    }
}

impl OpenLog {
    fn append(&mut self, batch: &[u8], step_bytes: u64) -> Result<(), DiskError> {
        let end = self.end + batch.len() as u64;
        if step_bytes > 0 && end + ROOM_BYTES_MIN >= self.length {
            let missing = end + ROOM_BYTES_MIN - self.length + 1;
            let length = self.length + missing.next_multiple_of(step_bytes);
            self.file.set_len(length)?;
            self.length = length;
        }
        self.file.write_at(self.end, batch)?;
        self.dirty = true;
        self.end = end;
        self.length = self.length.max(end);
        Ok(())
    }

    fn sync(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
        self.file.sync_data()?;
        if self.nameless {
            disk.sync_dir(dir)?;
            self.nameless = false;
        }
        self.dirty = false;
        Ok(())
    }
}

/// Begins the log whose first record is `first`.
fn begin(disk: &dyn Disk, dir: &Path, first: Zxid) -> Result<OpenLog, LogError> {
    let name = LogName(first).to_string();
    let path = dir.join(&name);
    let mut file = match disk.create(&path, Create::New) {
        Err(error) if error.is_exists() => {
            if has_records(disk, &path)? {
                return Err(LogError::Occupied { path });
            }
            disk.create(&path, Create::Replace)?
        }
        created => created?,
    };
    info!("Creating new log file: {name}");
    let mut header = Vec::with_capacity(HEADER_BYTES);
    append_header(&mut header);
    file.write_at(0, &header)?;
    Ok(OpenLog {
        file,
        end: HEADER_BYTES as u64,
        length: HEADER_BYTES as u64,
        dirty: true,
        nameless: true,
    })
}

/// Whether a log begins with a whole record. What cannot be read might.
fn has_records(disk: &dyn Disk, path: &Path) -> Result<bool, DiskError> {
    let mut scanner = LogScanner::new(disk.open(path)?, usize::MAX);
    let step = scanner.step().map_err(DiskError::of("read", path))?;
    let empty = matches!(
        step,
        Step::End(Verdict::Clean { .. } | Verdict::Torn { .. })
    );
    Ok(!empty)
}

#[cfg(test)]
mod tests;

//! Servers' lives on a disk in memory, and what must hold after any of their deaths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::disk::Disk;
use crate::storage::format::file_name::{Compression, LogName};
use crate::storage::format::scan::{LogScanner, Step};
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::format::txn_log::append_header;
use crate::storage::layout::DataDirs;
use crate::storage::recover::{RecoverError, RecoverOptions, Recovered, read_all};
use crate::storage::snapshots::{self, SnapshotError, SnapshotWriter};
use crate::storage::testing::mem_disk::{MemDisk, Unflushed};
use crate::storage::testing::records::{Recorder, batch};
use crate::storage::txn_log::{LogError, LogOptions, LogWriter};
use crate::types::{NodeStat, Zxid};

pub(crate) fn dirs() -> DataDirs {
    DataDirs::of(Path::new("/snaps"), Some(Path::new("/logs")))
}

pub(crate) fn options() -> LogOptions {
    LogOptions {
        pre_alloc_size_kb: 8,
        ..LogOptions::default()
    }
}

/// What a power cut may leave of what was not flushed.
pub(crate) const AFTERMATHS: [Unflushed; 6] = [
    Unflushed::Lost,
    Unflushed::Kept,
    Unflushed::Tossed(1),
    Unflushed::Tossed(22),
    Unflushed::Tossed(333),
    Unflushed::Tossed(4444),
];

/// A snapshot whose only trace of `zxid` is its root's mzxid.
pub(crate) fn write_snapshot(disk: &MemDisk, zxid: i64) -> Result<PathBuf, SnapshotError> {
    let writer = fill_snapshot(disk, zxid, Compression::None)?;
    let written = writer.finish(&Sections::default())?;
    Ok(written.path)
}

/// The same, not finished.
pub(crate) fn fill_snapshot(
    disk: &MemDisk,
    zxid: i64,
    compression: Compression,
) -> Result<SnapshotWriter, SnapshotError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut writer = SnapshotWriter::create(disk, &dirs().snap, Zxid(zxid), compression)?;
    writer.sessions(&[]);
    writer.acl_lists(&[]);
    writer.write_out()?;
    let stat = NodeStat {
        mzxid: zxid,
        ..NodeStat::default()
    };
    writer.node("", Some(b""), -1, stat);
    Ok(writer)
}

pub(crate) fn recover_with(
    disk: &MemDisk,
    options: &RecoverOptions,
) -> Result<(Recorder, Recovered), RecoverError> {
    let mut seen = Recorder::default();
    let recovered = read_all(disk, &dirs(), options, &mut seen)?;
    let from = recovered.snapshot.map_or(0, |name| name.zxid.0);
    assert_eq!(seen.begun.last(), Some(&from));
    assert_eq!(recovered.txns, u64::try_from(seen.txns.len()).unwrap());
    Ok((seen, recovered))
}

pub(crate) fn recover(disk: &MemDisk) -> Result<(Recorder, Recovered), RecoverError> {
    recover_with(disk, &RecoverOptions::default())
}

/// A server's life on a disk: what it tried to append, and what it acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) appended: i64,
    pub(crate) acknowledged: i64,
}

#[derive(Debug)]
pub(crate) enum Death {
    Log,
    Snapshot,
}

impl From<LogError> for Death {
    fn from(_: LogError) -> Self {
        Death::Log
    }
}

impl From<SnapshotError> for Death {
    fn from(_: SnapshotError) -> Self {
        Death::Snapshot
    }
}

impl Life {
    pub(crate) fn append(
        &mut self,
        log: &mut LogWriter,
        count: i64,
        payload: usize,
    ) -> Result<(), Death> {
        let (first, last) = (self.appended + 1, self.appended + count);
        self.appended = last;
        let records = u32::try_from(count).unwrap();
        log.append(
            &batch(first..=last, payload),
            Zxid(first),
            Zxid(last),
            records,
        )?;
        Ok(())
    }

    pub(crate) fn flush(&mut self, log: &mut LogWriter) -> Result<(), Death> {
        self.acknowledged = log.flush()?.zxid.0;
        assert_eq!(self.acknowledged, self.appended);
        Ok(())
    }

    /// Batches of all sizes, rolls, snapshots between them; goes on until something fails.
    pub(crate) fn live(&mut self, disk: &MemDisk) -> Result<(), Death> {
        write_snapshot(disk, 0)?;
        let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, options(), Zxid::ZERO);
        self.append(&mut log, 1, 10)?;
        self.flush(&mut log)?;
        self.append(&mut log, 20, 30)?;
        self.append(&mut log, 3, 900)?;
        self.flush(&mut log)?;
        log.roll()?;
        self.append(&mut log, 2, 5000)?;
        self.flush(&mut log)?;
        write_snapshot(disk, 22)?;
        self.append(&mut log, 40, 60)?;
        log.roll()?;
        self.append(&mut log, 1, 10)?;
        write_snapshot(disk, 60)?;
        self.flush(&mut log)
    }
}

/// What recovery finds is everything acknowledged and at most what was appended, without a gap; and a
/// second start finds the same.
pub(crate) fn check_survivor(disk: &MemDisk, life: &Life, what: &str) {
    let (seen, recovered) = match recover(disk) {
        Ok(found) => found,
        Err(error) => panic!("{what}: {error}"),
    };
    let last = recovered.last.0;
    assert!(
        life.acknowledged <= last && last <= life.appended,
        "{what}: {last} after {life:?}"
    );
    let from = recovered.snapshot.map_or(0, |name| name.zxid.0);
    assert_eq!(seen.txns, (from + 1..=last).collect::<Vec<_>>(), "{what}");
    let (again, second) = recover(disk).unwrap();
    assert_eq!((again, second.torn_bytes), (seen, 0), "{what}");
    go_on(disk, last, what);
}

/// The next server's first write lands, and is found.
pub(crate) fn go_on(disk: &MemDisk, last: i64, what: &str) {
    let mut life = Life {
        appended: last,
        acknowledged: last,
    };
    if recover(disk).unwrap().1.snapshot.is_none() {
        write_snapshot(disk, last).unwrap();
    }
    let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, options(), Zxid(last));
    life.append(&mut log, 2, 10).unwrap();
    life.flush(&mut log).unwrap();
    assert_eq!(recover(disk).unwrap().1.last, Zxid(last + 2), "{what}");
}

/// The zxids of all snapshots, and of all whole records of all logs.
pub(crate) fn remains(disk: &MemDisk) -> (Vec<i64>, Vec<i64>) {
    let snapshots = snapshots::list(disk, &dirs().snap).unwrap();
    let mut records = Vec::new();
    for name in disk.list(&dirs().log).unwrap() {
        let file = disk.open(&dirs().log.join(&name)).unwrap();
        let mut scanner = LogScanner::new(file, usize::MAX);
        while let Step::Record(record) = scanner.step().unwrap() {
            records.push(record.zxid.0);
        }
    }
    records.sort_unstable();
    (snapshots.iter().map(|name| name.zxid.0).collect(), records)
}

/// A log with these records, durably.
pub(crate) fn put_log(disk: &MemDisk, zxids: std::ops::RangeInclusive<i64>) {
    let name = LogName(Zxid(*zxids.start())).to_string();
    disk.put(&dirs().log.join(name), &log_file(&batch(zxids, 40)));
}

pub(crate) fn start_with_log(records: &[u8]) -> MemDisk {
    let disk = MemDisk::default();
    write_snapshot(&disk, 0).unwrap();
    disk.put(&dirs().log.join("log.1"), &log_file(records));
    disk
}

pub(crate) fn log_file(records: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_header(&mut bytes);
    bytes.extend_from_slice(records);
    bytes
}

//! What a start finds after every kind of end: power cuts at every operation, refusing disks, rot, and
//! files that are missing, broken or foreign.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::disk::{Disk, RealDisk};
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::layout::DataDirs;
use crate::storage::recover::{RecoverError, RecoverOptions, Recovered, read_all};
use crate::storage::snapshots::{SnapshotError, SnapshotWriter};
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::{Recorder, batch};
use crate::storage::txn_log::{LogError, LogOptions, LogWriter};
use crate::types::{NodeStat, Zxid};

fn dirs() -> DataDirs {
    DataDirs::of(Path::new("/snaps"), Some(Path::new("/logs")))
}

fn options() -> LogOptions {
    LogOptions {
        pre_alloc_size_kb: 8,
        ..LogOptions::default()
    }
}

/// A snapshot whose only trace of `zxid` is its root's mzxid.
fn write_snapshot(disk: &MemDisk, zxid: i64) -> Result<PathBuf, SnapshotError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let compression = Compression::None;
    let mut writer = SnapshotWriter::create(disk, &dirs().snap, Zxid(zxid), compression)?;
    writer.sessions(&[]);
    writer.acl_lists(&[]);
    writer.write_out()?;
    let stat = NodeStat {
        mzxid: zxid,
        ..NodeStat::default()
    };
    writer.node("", Some(b""), -1, stat);
    let written = writer.finish(&Sections::default())?;
    Ok(written.path)
}

fn recover_with(
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

fn recover(disk: &MemDisk) -> Result<(Recorder, Recovered), RecoverError> {
    recover_with(disk, &RecoverOptions::default())
}

/// A server's life on a disk: what it tried to append, and what it acknowledged.
#[derive(Debug, Default)]
struct Life {
    appended: i64,
    acknowledged: i64,
}

#[derive(Debug)]
enum Death {
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
    fn append(&mut self, log: &mut LogWriter, count: i64, payload: usize) -> Result<(), Death> {
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

    fn flush(&mut self, log: &mut LogWriter) -> Result<(), Death> {
        self.acknowledged = log.flush()?.zxid.0;
        assert_eq!(self.acknowledged, self.appended);
        Ok(())
    }

    /// Batches of all sizes, rolls, snapshots between them; goes on until something fails.
    fn live(&mut self, disk: &MemDisk) -> Result<(), Death> {
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
fn check_survivor(disk: &MemDisk, life: &Life, what: &str) {
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
fn go_on(disk: &MemDisk, last: i64, what: &str) {
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

const AFTERMATHS: [Unflushed; 6] = [
    Unflushed::Lost,
    Unflushed::Kept,
    Unflushed::Tossed(1),
    Unflushed::Tossed(22),
    Unflushed::Tossed(333),
    Unflushed::Tossed(4444),
];

/// The power goes before each operation; of what was not flushed, all, nothing or any part is there.
#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let disk = MemDisk::default();
    Life::default().live(&disk).unwrap();
    let operations = disk.operations();
    assert!(operations > 40, "{operations}");
    for at in 0..=operations {
        for aftermath in AFTERMATHS {
            let disk = MemDisk::default();
            disk.fail_at(at, Fault::Full);
            let mut life = Life::default();
            let died = life.live(&disk).is_err();
            assert_eq!(died, at < operations);
            let what = format!("operation {at}, {aftermath:?}");
            check_survivor(&disk.power_cut(aftermath), &life, &what);
        }
    }
}

/// One operation fails; the server stops there, without or with a power cut after.
#[test]
fn a_failing_operation_loses_nothing_acknowledged() {
    let disk = MemDisk::default();
    Life::default().live(&disk).unwrap();
    for fault in [Fault::ShortWrite, Fault::FailedSync] {
        for at in 0..disk.operations() {
            let disk = MemDisk::default();
            disk.fail_at(at, fault);
            let mut life = Life::default();
            let _ = life.live(&disk);
            let what = format!("{fault:?} at {at}");
            for aftermath in AFTERMATHS {
                check_survivor(&disk.power_cut(aftermath), &life, &what);
            }
            disk.heal();
            check_survivor(&disk, &life, &what);
        }
    }
}

fn start_with_log(records: &[u8]) -> MemDisk {
    let disk = MemDisk::default();
    write_snapshot(&disk, 0).unwrap();
    disk.put(&dirs().log.join("log.1"), &log_file(records));
    disk
}

fn log_file(records: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::storage::format::txn_log::append_header(&mut bytes);
    bytes.extend_from_slice(records);
    bytes
}

/// The log ends after every one of its bytes, in a file that ends there or goes on with zeros.
#[test]
fn a_log_cut_at_any_byte_gives_its_whole_records() {
    let lengths: Vec<usize> = (1..=4)
        .map(|last| log_file(&batch(1..=last, 50)).len())
        .collect();
    let whole = log_file(&batch(1..=4, 50));
    for length in 0..=whole.len() {
        for padding in [0, 5000] {
            let disk = start_with_log(&[]);
            let mut bytes = whole[..length].to_vec();
            bytes.resize(length + padding, 0);
            disk.put(&dirs().log.join("log.1"), &bytes);
            let records = lengths.iter().filter(|end| **end <= length).count();
            let life = Life {
                appended: i64::try_from(records).unwrap(),
                acknowledged: i64::try_from(records).unwrap(),
            };
            check_survivor(&disk, &life, &format!("{length} bytes and {padding} zeros"));
        }
    }
}

#[test]
fn a_torn_end_is_cut_off_for_the_next_reader() {
    let records = batch(1..=2, 50);
    let mut torn = records.clone();
    torn.extend_from_slice(&batch([3], 50)[..40]);
    let disk = start_with_log(&torn);
    let (_, recovered) = recover(&disk).unwrap();
    assert_eq!((recovered.last, recovered.torn_bytes), (Zxid(2), 40));
    assert_eq!(disk.bytes(&dirs().log.join("log.1")), log_file(&records));
    assert_eq!(
        disk.power_cut(Unflushed::Lost)
            .bytes(&dirs().log.join("log.1")),
        log_file(&records)
    );
}

#[test]
fn an_empty_or_recordless_torn_log_is_removed() {
    let header = log_file(&[]);
    let torn = [header.as_slice(), &batch([3], 50)[..40]].concat();
    for left in [&b""[..], &header[..9], &[0; 4000], &torn] {
        let disk = start_with_log(&batch(1..=2, 50));
        disk.put(&dirs().log.join("log.3"), left);
        assert_eq!(recover(&disk).unwrap().1.last, Zxid(2));
        assert_eq!(disk.list(&dirs().log).unwrap(), ["log.1"]);
    }
    let disk = start_with_log(&batch(1..=2, 50));
    disk.put(&dirs().log.join("log.3"), &header);
    recover(&disk).unwrap();
    assert_eq!(
        disk.list(&dirs().log).unwrap(),
        ["log.1", "log.3"],
        "only a header is valid"
    );
}

#[test]
fn rot_in_the_middle_is_refused_and_named() {
    let disk = start_with_log(&batch(1..=3, 50));
    let at = log_file(&batch([1], 50)).len();
    disk.flip(&dirs().log.join("log.1"), at + 30, 5);
    let error = recover(&disk).unwrap_err();
    let RecoverError::CorruptLog {
        at: offset,
        follows,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((usize::try_from(*offset).unwrap(), *follows), (at, true));
    let text = error.to_string();
    assert!(text.contains("/logs/version-2/log.1"), "{text}");
    assert!(text.contains(&format!("at byte {at}")), "{text}");
    assert!(text.contains("truncate -s"), "{text}");
    let before = disk.operations();
    recover(&disk).unwrap_err();
    assert_eq!(disk.operations(), before, "a refused start changes nothing");
}

#[test]
fn a_missing_log_is_a_gap_and_a_new_epoch_is_not() {
    let epoch = 1_i64 << 32;
    for (later, ok) in [(3, true), (4, false), (epoch + 1, true), (epoch + 7, true)] {
        let disk = start_with_log(&batch(1..=2, 50));
        disk.put(
            &dirs().log.join(format!("log.{later:x}")),
            &log_file(&batch([later], 50)),
        );
        match recover(&disk) {
            Ok((seen, _)) => assert!(ok && seen.txns == [1, 2, later], "{later:x}"),
            Err(RecoverError::Gap {
                after,
                found,
                at: 16,
                ..
            }) => {
                assert!(!ok && after == Zxid(2) && found == Zxid(later), "{later:x}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn transactions_missing_right_after_the_snapshot_are_a_gap() {
    let disk = MemDisk::default();
    write_snapshot(&disk, 5).unwrap();
    disk.put(&dirs().log.join("log.8"), &log_file(&batch([8], 50)));
    let error = recover(&disk).unwrap_err();
    assert!(
        matches!(
            error,
            RecoverError::Gap {
                after: Zxid(5),
                found: Zxid(8),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn transactions_lost_at_the_end_of_an_older_log_are_a_gap() {
    let mut torn = batch(1..=3, 50);
    torn.truncate(torn.len() - 20);
    let disk = start_with_log(&torn);
    disk.put(&dirs().log.join("log.4"), &log_file(&batch([4], 50)));
    let error = recover(&disk).unwrap_err();
    assert!(
        matches!(
            error,
            RecoverError::Gap {
                after: Zxid(2),
                found: Zxid(4),
                ..
            }
        ),
        "{error}"
    );
    // A torn write whose transactions were written again is none.
    let disk = start_with_log(&torn);
    disk.put(&dirs().log.join("log.3"), &log_file(&batch(3..=4, 50)));
    assert_eq!(recover(&disk).unwrap().0.txns, [1, 2, 3, 4]);
}

#[test]
fn a_log_that_begins_before_the_snapshot_counts_from_there() {
    let disk = start_with_log(&batch(1..=5, 50));
    write_snapshot(&disk, 3).unwrap();
    let (seen, recovered) = recover(&disk).unwrap();
    assert_eq!(seen.txns, [4, 5]);
    assert_eq!(recovered.snapshot.unwrap().zxid, Zxid(3));
    // Nothing to replay: the state is the snapshot's.
    write_snapshot(&disk, 5).unwrap();
    let (seen, recovered) = recover(&disk).unwrap();
    assert_eq!((seen.txns, recovered.last), (vec![], Zxid(5)));
}

#[test]
fn logs_older_than_the_snapshot_are_not_read() {
    let disk = start_with_log(&batch(1..=2, 50));
    disk.put(&dirs().log.join("log.3"), &log_file(&batch(3..=4, 50)));
    write_snapshot(&disk, 3).unwrap();
    disk.flip(&dirs().log.join("log.1"), 50, 1);
    assert_eq!(recover(&disk).unwrap().0.txns, [4]);
}

#[test]
fn a_broken_snapshot_falls_back_to_an_older_one_and_the_logs() {
    let disk = start_with_log(&batch(1..=5, 50));
    let newest = write_snapshot(&disk, 4).unwrap();
    disk.flip(&newest, 60, 0);
    let (seen, recovered) = recover(&disk).unwrap();
    assert_eq!(seen.begun, [4, 0]);
    assert_eq!(seen.txns, [1, 2, 3, 4, 5]);
    assert_eq!(recovered.broken_snapshots, 1);
    assert!(
        disk.list(&dirs().snap)
            .unwrap()
            .contains(&"snapshot.4".to_owned()),
        "it is kept"
    );
}

#[test]
fn a_broken_snapshot_newer_than_the_logs_is_refused() {
    let disk = start_with_log(&batch(1..=5, 50));
    let newest = write_snapshot(&disk, 6).unwrap();
    disk.flip(&newest, 60, 0);
    let error = recover(&disk).unwrap_err();
    assert!(
        matches!(error, RecoverError::Behind { last: Zxid(5), .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("/snaps/version-2/snapshot.6"),
        "{error}"
    );
}

#[test]
fn without_a_whole_snapshot_nothing_starts() {
    let disk = MemDisk::default();
    let path = write_snapshot(&disk, 4).unwrap();
    disk.flip(&path, 60, 0);
    disk.put(&dirs().snap.join("snapshot.3"), b"");
    for trust_empty in [false, true] {
        let options = RecoverOptions {
            trust_empty,
            ..RecoverOptions::default()
        };
        let error = recover_with(&disk, &options).unwrap_err();
        assert!(
            matches!(error, RecoverError::NoValidSnapshot { count: 2, .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.starts_with("Not able to find valid snapshots in /snaps/version-2"),
            "{text}"
        );
    }
}

#[test]
fn an_unfinished_first_snapshot_is_an_empty_start() {
    for left in [&b""[..], b"ZKSN\0\0"] {
        let disk = MemDisk::default();
        disk.put(&dirs().snap.join("snapshot.0"), left);
        let (_, recovered) = recover(&disk).unwrap();
        assert!(recovered.is_empty());
        disk.put(&dirs().log.join("log.1"), &log_file(&batch(1..=2, 50)));
        let error = recover(&disk).unwrap_err();
        assert!(matches!(error, RecoverError::NoSnapshot { .. }), "{error}");
    }
}

#[test]
fn logs_without_a_snapshot_are_refused_unless_trusted() {
    let disk = MemDisk::default();
    assert!(recover(&disk).unwrap().1.is_empty());
    disk.put(&dirs().log.join("log.7"), &log_file(&[]));
    assert!(
        recover(&disk).unwrap().1.is_empty(),
        "a log without records loses nothing"
    );
    disk.put(&dirs().log.join("log.7"), &log_file(&batch(7..=9, 50)));
    let error = recover(&disk).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("No snapshot found, but there are log entries. Something is broken!"),
        "{text}"
    );
    let options = RecoverOptions {
        trust_empty: true,
        ..RecoverOptions::default()
    };
    let (seen, recovered) = recover_with(&disk, &options).unwrap();
    assert_eq!((seen.txns, recovered.snapshot), (vec![7, 8, 9], None));
    assert!(!recovered.is_empty());
}

#[test]
fn strangers_are_left_alone() {
    let disk = start_with_log(&batch(1..=2, 50));
    let stranger = log_file(&batch(3..=9, 50));
    disk.put(&dirs().log.join("log.3.bak"), &stranger);
    let path = write_snapshot(&disk, 2).unwrap();
    disk.put(&dirs().snap.join("snapshot.13.tmp"), &disk.bytes(&path));
    let (_, recovered) = recover(&disk).unwrap();
    assert_eq!(recovered.last, Zxid(2));
    assert!(
        disk.list(&dirs().log)
            .unwrap()
            .contains(&"log.3.bak".to_owned())
    );
    assert!(
        disk.list(&dirs().snap)
            .unwrap()
            .contains(&"snapshot.13.tmp".to_owned())
    );
}

#[test]
fn unfinished_snapshots_of_a_killed_server_are_removed() {
    let disk = start_with_log(&batch(1..=2, 50));
    disk.put(&dirs().snap.join(".oxkeeper-snapshot.2.gz"), b"half");
    disk.put(&dirs().snap.join(".oxkeeper.lock"), b"");
    recover(&disk).unwrap();
    assert_eq!(
        disk.list(&dirs().snap).unwrap(),
        [".oxkeeper.lock", "snapshot.0"]
    );
}

#[test]
fn a_transaction_of_a_newer_release_is_refused_and_named() {
    let mut body = crate::storage::testing::records::body(2, 20);
    body[28..32].copy_from_slice(&99_i32.to_be_bytes());
    let mut records = batch([1], 20);
    let at = log_file(&records).len();
    crate::storage::format::txn_log::append_record(&body, &mut records);
    let error = recover(&start_with_log(&records)).unwrap_err();
    let RecoverError::UnknownTxn {
        zxid: Zxid(2),
        at: offset,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(usize::try_from(offset).unwrap(), at);
}

#[test]
fn a_refused_node_makes_the_snapshot_a_broken_one() {
    let disk = start_with_log(&batch(1..=2, 50));
    let mut seen = Recorder {
        refuse: Some(String::new()),
        ..Recorder::default()
    };
    let error = read_all(&disk, &dirs(), &RecoverOptions::default(), &mut seen).unwrap_err();
    assert!(matches!(error, RecoverError::NoSnapshot { .. }), "{error}");
}

#[test]
fn a_state_written_to_a_real_disk_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let dirs = DataDirs::of(home.path(), None);
    let _locks = dirs.open(true).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let zero = Zxid::ZERO;
    let mut writer =
        SnapshotWriter::create(disk.clone(), &dirs.snap, zero, Compression::Gzip).unwrap();
    writer.sessions(&[]);
    writer.acl_lists(&[]);
    writer.node("", Some(b""), -1, NodeStat::default());
    writer.finish(&Sections::default()).unwrap();
    let mut log = LogWriter::new(disk.clone(), &dirs.log, LogOptions::default(), zero);
    log.append(&batch(1..=3, 10), Zxid(1), Zxid(3), 3).unwrap();
    assert_eq!(log.flush().unwrap().zxid, Zxid(3));
    log.roll().unwrap();
    log.append(&batch(4..=5, 10), Zxid(4), Zxid(5), 2).unwrap();
    log.flush().unwrap();

    let mut seen = Recorder::default();
    let recovered = read_all(&*disk, &dirs, &RecoverOptions::default(), &mut seen).unwrap();
    assert_eq!(seen.txns, [1, 2, 3, 4, 5]);
    assert_eq!(seen.nodes.len(), 1);
    assert_eq!(recovered.last, Zxid(5));
    assert_eq!(recovered.torn_bytes, 0);
}

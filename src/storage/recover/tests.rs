//! What a start says to files that are missing, broken or foreign.

use std::sync::Arc;

use crate::storage::disk::{Disk, RealDisk};
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::format::txn_log::append_record;
use crate::storage::layout::DataDirs;
use crate::storage::recover::{RecoverError, RecoverOptions, read_all};
use crate::storage::snapshots::SnapshotWriter;
use crate::storage::testing::life::{
    dirs, log_file, recover, recover_with, start_with_log, write_snapshot,
};
use crate::storage::testing::mem_disk::{MemDisk, Unflushed};
use crate::storage::testing::records::{Recorder, batch, body};
use crate::storage::txn_log::{LogOptions, LogWriter};
use crate::types::{NodeStat, Zxid};

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
    let mut unknown = body(2, 20);
    unknown[28..32].copy_from_slice(&99_i32.to_be_bytes());
    let mut records = batch([1], 20);
    let at = log_file(&records).len();
    append_record(&unknown, &mut records);
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

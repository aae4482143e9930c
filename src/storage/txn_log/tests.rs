//! What reaches the disk and when; what happens when it does not.

use super::*;
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::batch;

fn dir() -> &'static Path {
    Path::new("/data/version-2")
}

fn writer(disk: &MemDisk, options: LogOptions) -> LogWriter {
    LogWriter::new(Arc::new(disk.clone()), dir(), options, Zxid::ZERO)
}

fn unpadded() -> LogOptions {
    LogOptions {
        pre_alloc_size_kb: 0,
        ..LogOptions::default()
    }
}

fn in_small_steps() -> LogOptions {
    LogOptions {
        pre_alloc_size_kb: 8,
        ..LogOptions::default()
    }
}

fn append(log: &mut LogWriter, first: i64, last: i64) -> Result<(), LogError> {
    let records = u32::try_from(last - first + 1).unwrap();
    log.append(&batch(first..=last, 20), Zxid(first), Zxid(last), records)
}

/// The zxids in a log, and how it ends.
fn contents(disk: &MemDisk, name: &str) -> (Vec<i64>, Verdict) {
    let mut scanner = LogScanner::new(disk.open(&dir().join(name)).unwrap(), 1 << 20);
    let mut zxids = Vec::new();
    loop {
        match scanner.step().unwrap() {
            Step::Record(record) => zxids.push(record.zxid.0),
            Step::End(verdict) => return (zxids, verdict),
        }
    }
}

#[test]
fn a_batch_is_one_write_and_a_flush_is_one_sync() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, LogOptions::default());
    append(&mut log, 1, 3).unwrap();
    append(&mut log, 4, 4).unwrap();
    assert_eq!(log.durable(), Zxid::ZERO);
    assert_eq!(log.flush().unwrap().zxid, Zxid(4));
    append(&mut log, 5, 900).unwrap();
    log.flush().unwrap();
    assert_eq!(
        disk.history(),
        [
            "create log.1",
            "write log.1",
            "set_len log.1",
            "write log.1",
            "write log.1",
            "sync log.1",
            "sync_dir version-2",
            "write log.1",
            "sync log.1"
        ]
    );
    assert_eq!(log.tally().records, 900);
}

#[test]
fn the_first_preallocation_is_apaches() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, LogOptions::default());
    append(&mut log, 1, 1).unwrap();
    log.flush().unwrap();
    assert_eq!(disk.len(&dir().join("log.1")).unwrap(), 16 + (64 << 20));
}

#[test]
fn files_grow_in_steps_and_keep_room() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, in_small_steps());
    for zxid in 1..500 {
        append(&mut log, zxid, zxid).unwrap();
        let length = disk.len(&dir().join("log.1")).unwrap();
        let used = 16 + log.tally().bytes;
        assert_eq!((length - 16) % 8192, 0);
        assert!(used + ROOM_BYTES_MIN < length && length <= used + ROOM_BYTES_MIN + 8192);
    }
    log.flush().unwrap();
    let (zxids, verdict) = contents(&disk, "log.1");
    assert_eq!(zxids.len(), 499);
    assert!(matches!(verdict, Verdict::Clean { .. }));
}

#[test]
fn a_rolled_log_is_durable_and_trimmed_before_the_next_begins() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, in_small_steps());
    append(&mut log, 1, 2).unwrap();
    assert_eq!(log.roll().unwrap().zxid, Zxid(2));
    assert_eq!(log.tally(), Tally::default());
    append(&mut log, 3, 3).unwrap();
    let survivor = disk.power_cut(Unflushed::Lost);
    assert_eq!(survivor.list(dir()).unwrap(), ["log.1"]);
    assert_eq!(contents(&survivor, "log.1").0, [1, 2]);
    let trimmed = disk.len(&dir().join("log.1")).unwrap();
    assert_eq!(
        contents(&disk, "log.1"),
        (vec![1, 2], Verdict::Clean { end: trimmed })
    );
    log.flush().unwrap();
    let survivor = disk.power_cut(Unflushed::Lost);
    assert_eq!(contents(&survivor, "log.3").0, [3]);
}

#[test]
fn a_log_beyond_the_size_limit_ends_at_a_flush() {
    let disk = MemDisk::default();
    let options = LogOptions {
        size_limit_kb: Some(1),
        ..in_small_steps()
    };
    let mut log = writer(&disk, options);
    for zxid in 1..=30 {
        append(&mut log, zxid, zxid).unwrap();
        log.flush().unwrap();
    }
    let names = disk.list(dir()).unwrap();
    assert!(names.len() > 2, "{names:?}");
    assert_eq!(log.tally().records, 30, "only a roll starts the tally anew");
    let mut zxids: Vec<i64> = names
        .iter()
        .flat_map(|name| contents(&disk, name).0)
        .collect();
    zxids.sort_unstable();
    assert_eq!(zxids, (1..=30).collect::<Vec<_>>());
}

#[test]
fn without_force_sync_nothing_is_flushed() {
    let disk = MemDisk::default();
    let options = LogOptions {
        force_sync: false,
        ..in_small_steps()
    };
    let mut log = writer(&disk, options);
    append(&mut log, 1, 1).unwrap();
    assert_eq!(log.flush().unwrap().zxid, Zxid(1));
    assert!(!disk.history().iter().any(|line| line.starts_with("sync")));
}

#[test]
fn an_idle_flush_touches_nothing() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, in_small_steps());
    log.flush().unwrap();
    log.roll().unwrap();
    assert_eq!(disk.operations(), 0);
    append(&mut log, 1, 1).unwrap();
    log.flush().unwrap();
    let before = disk.operations();
    log.flush().unwrap();
    assert_eq!(disk.operations(), before);
}

#[test]
fn a_log_with_records_is_not_overwritten() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, unpadded());
    append(&mut log, 1, 2).unwrap();
    log.flush().unwrap();
    let mut other = writer(&disk, unpadded());
    let error = append(&mut other, 1, 1).unwrap_err();
    assert!(
        error.to_string().contains("/data/version-2/log.1"),
        "{error}"
    );
    assert!(matches!(append(&mut other, 2, 2), Err(LogError::GivenUp)));
    assert_eq!(contents(&disk, "log.1").0, [1, 2]);
}

#[test]
fn a_log_without_records_is_taken_over() {
    let mut header = Vec::new();
    append_header(&mut header);
    for left in [
        &b""[..],
        &header[..7],
        &header,
        &[header.clone(), vec![0; 9000]].concat(),
    ] {
        let disk = MemDisk::default();
        disk.put(&dir().join("log.1"), left);
        let mut log = writer(&disk, unpadded());
        append(&mut log, 1, 2).unwrap();
        log.flush().unwrap();
        let survivor = disk.power_cut(Unflushed::Lost);
        assert_eq!(contents(&survivor, "log.1").0, [1, 2]);
    }
}

#[test]
#[should_panic(expected = "zxids rise")]
fn a_zxid_twice_is_a_broken_invariant() {
    let mut log = writer(&MemDisk::default(), unpadded());
    append(&mut log, 1, 2).unwrap();
    let _ = append(&mut log, 2, 3);
}

/// Whatever operation fails, the writer says so, says so again, and never touches the disk again.
#[test]
fn after_any_failure_nothing_is_written_again() {
    let steps = |log: &mut LogWriter| -> Result<(), LogError> {
        append(log, 1, 3)?;
        log.flush()?;
        append(log, 4, 4)?;
        log.roll()?;
        append(log, 5, 5)?;
        log.flush().map(|_| ())
    };
    let disk = MemDisk::default();
    steps(&mut writer(&disk, in_small_steps())).unwrap();
    let operations = disk.operations();
    assert!(operations > 10);
    for at in 0..operations {
        let disk = MemDisk::default();
        disk.fail_at(at, Fault::Full);
        let mut log = writer(&disk, in_small_steps());
        let error = steps(&mut log).unwrap_err();
        assert!(
            matches!(error, LogError::Disk(_)),
            "operation {at}: {error}"
        );
        disk.heal();
        let before = disk.operations();
        assert!(matches!(log.flush(), Err(LogError::GivenUp)));
        assert!(matches!(log.roll(), Err(LogError::GivenUp)));
        assert!(matches!(append(&mut log, 50, 50), Err(LogError::GivenUp)));
        assert_eq!(disk.operations(), before, "operation {at}");
    }
}

#[test]
fn a_failed_flush_acknowledges_nothing() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, in_small_steps());
    append(&mut log, 1, 1).unwrap();
    log.flush().unwrap();
    append(&mut log, 2, 2).unwrap();
    disk.fail_at(0, Fault::FailedSync);
    let error = log.flush().unwrap_err();
    assert!(error.to_string().contains("log.1"), "{error}");
    assert_eq!(log.durable(), Zxid(1));
    assert_eq!(contents(&disk.power_cut(Unflushed::Kept), "log.1").0, [1]);
}

#[test]
fn a_short_write_leaves_a_torn_tail_and_no_acknowledgement() {
    let disk = MemDisk::default();
    let mut log = writer(&disk, in_small_steps());
    append(&mut log, 1, 1).unwrap();
    log.flush().unwrap();
    disk.fail_at(0, Fault::ShortWrite);
    append(&mut log, 2, 2).unwrap_err();
    assert_eq!(log.durable(), Zxid(1));
    let (zxids, verdict) = contents(&disk, "log.1");
    assert_eq!(zxids, [1]);
    assert!(matches!(verdict, Verdict::Torn { .. }), "{verdict:?}");
}

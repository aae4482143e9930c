//! What is handed out, what is not there, and logs that change meanwhile.

use proptest::prelude::*;

use super::*;
use crate::storage::disk::RealDisk;
use crate::storage::testing::life::{dirs, log_file, put_log, write_snapshot};
use crate::storage::testing::mem_disk::MemDisk;
use crate::storage::testing::records::{batch, body};
use crate::storage::txn_log::{LogOptions, LogWriter};

const NO_LIMIT: f64 = 0.0;

fn open(disk: &MemDisk, after: i64, upto: i64) -> Option<LogRange> {
    let disk = Arc::new(disk.clone());
    LogRange::open(disk, &dirs(), Zxid(after), Zxid(upto), NO_LIMIT).unwrap()
}

/// The zxids of a range; the bodies are those of [`put_log`].
fn zxids(range: &mut LogRange) -> Result<Vec<i64>, RangeError> {
    let mut seen = Vec::new();
    let mut visit = |zxid: Zxid, bytes: &[u8]| {
        assert_eq!(bytes, body(zxid.0, 40));
        seen.push(zxid.0);
    };
    while range.next_batch(300, &mut visit)? {}
    Ok(seen)
}

fn logs(files: &[(i64, i64)]) -> MemDisk {
    let disk = MemDisk::default();
    for (first, last) in files {
        put_log(&disk, *first..=*last);
    }
    disk
}

const EPOCH_2: i64 = 2 << 32;

#[test]
fn exactly_what_was_asked_for_across_files() {
    let disk = logs(&[(1, 8), (9, 9), (10, 20)]);
    for after in 1..20 {
        for upto in after..=20 {
            let mut range = open(&disk, after, upto).unwrap();
            assert_eq!(range.last(), Zxid(after));
            let expected: Vec<_> = (after + 1..=upto).collect();
            assert_eq!(zxids(&mut range).unwrap(), expected);
            assert_eq!(range.last(), Zxid(upto));
        }
    }
}

#[test]
fn a_log_that_does_not_reach_back_is_unavailable() {
    let disk = logs(&[(5, 8), (9, 12)]);
    for after in [0, 3, 4] {
        assert!(open(&disk, after, 12).is_none(), "{after}");
    }
    assert!(open(&disk, 5, 12).is_some());
    assert!(open(&MemDisk::default(), 3, 12).is_none());
    // Histories that parted: what the other has last is not here.
    let disk = logs(&[(1, 8), (EPOCH_2 + 1, EPOCH_2 + 3)]);
    assert!(open(&disk, 9, EPOCH_2 + 3).is_none());
}

#[test]
fn the_beginning_of_an_epoch_need_not_be_in_the_log() {
    let disk = logs(&[(1, 8), (EPOCH_2 + 1, EPOCH_2 + 3)]);
    let mut range = open(&disk, EPOCH_2, EPOCH_2 + 2).unwrap();
    assert_eq!(range.last(), Zxid(EPOCH_2));
    assert_eq!(zxids(&mut range).unwrap(), [EPOCH_2 + 1, EPOCH_2 + 2]);
    let mut range = open(&disk, 1 << 32, EPOCH_2 + 2).unwrap();
    assert_eq!(zxids(&mut range).unwrap(), [EPOCH_2 + 1, EPOCH_2 + 2]);
    let disk = logs(&[(EPOCH_2 + 1, EPOCH_2 + 3)]);
    assert!(open(&disk, EPOCH_2, EPOCH_2 + 2).is_none());
    // Within the epoch the first one is missing.
    let disk = logs(&[(1, 8), (EPOCH_2 + 2, EPOCH_2 + 3)]);
    assert!(open(&disk, EPOCH_2, EPOCH_2 + 3).is_none());
}

#[test]
fn an_empty_range_is_over_at_once() {
    let disk = logs(&[(1, 8)]);
    let mut range = open(&disk, 8, 8).unwrap();
    assert_eq!(zxids(&mut range).unwrap(), [0; 0]);
}

#[test]
fn a_batch_is_as_long_as_asked_for() {
    let disk = logs(&[(1, 100)]);
    let mut range = open(&disk, 1, 100).unwrap();
    let one = body(1, 40).len();
    let mut seen = 0;
    assert!(range.next_batch(3 * one, &mut |_, _| seen += 1).unwrap());
    assert_eq!((seen, range.last()), (3, Zxid(4)));
    assert!(range.next_batch(1, &mut |_, _| seen += 1).unwrap());
    assert_eq!(seen, 4);
    assert!(!range.next_batch(1 << 30, &mut |_, _| seen += 1).unwrap());
    assert_eq!(seen, 99);
}

#[test]
fn what_should_be_there_and_is_not_is_named() {
    let gap = logs(&[(1, 8), (10, 12)]);
    let short = logs(&[(1, 8)]);
    let rotten = logs(&[(1, 12)]);
    rotten.flip(&dirs().log.join("log.1"), 1000, 1);
    let gone = logs(&[(1, 8), (9, 12)]);
    for (disk, expected) in [
        (gap, "log.a goes on with 0xa after 0x8"),
        (short, "end at 0x8, before 0xc"),
        (rotten, "log.1 cannot be read on after"),
    ] {
        let mut range = open(&disk, 2, 12).unwrap();
        let error = zxids(&mut range).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let mut range = open(&gone, 2, 12).unwrap();
    gone.remove(&dirs().log.join("log.9")).unwrap();
    let error = zxids(&mut range).unwrap_err();
    assert!(
        matches!(&error, RangeError::Disk(error) if error.is_not_found()),
        "{error}"
    );
}

#[test]
fn only_logs_that_are_short_against_the_snapshot_are_read() {
    let disk = logs(&[(1, 8), (9, 12)]);
    let length = |name| disk.len(&dirs().log.join(name)).unwrap();
    let (first, second) = (length("log.1"), length("log.9"));
    let open = |after, upto, snapshot_bytes: u64, factor| {
        let snapshot = vec![0; usize::try_from(snapshot_bytes).unwrap()];
        disk.put(&dirs().snap.join("snapshot.5"), &snapshot);
        let disk = Arc::new(disk.clone());
        LogRange::open(disk, &dirs(), Zxid(after), Zxid(upto), factor)
            .unwrap()
            .is_some()
    };
    assert!(open(2, 12, first + second, 1.0));
    assert!(!open(2, 12, first + 100, 1.0));
    assert!(open(2, 8, first, 1.0), "later logs do not count");
    assert!(open(9, 12, second, 1.0), "earlier logs do not count");
    assert!(!open(2, 12, first + second, 0.9));
    assert!(open(2, 12, 10 * (first + second), 7.0));
    assert!(
        !open(2, 12, 2 * (first + second), 7.0),
        "as if it were 0.33"
    );
    assert!(open(2, 12, 1, NO_LIMIT));
    assert!(open(2, 12, 1, 0.5), "a limit of no byte is no limit");
    assert!(!open(2, 12, 1 << 20, -0.1));
    // Preallocated space does not count.
    let mut padded = log_file(&batch(9..=12, 40));
    padded.resize(1 << 20, 0);
    disk.put(&dirs().log.join("log.9"), &padded);
    assert!(open(2, 12, first + second, 1.0));
    assert!(!open(2, 12, first + 100, 1.0));
}

/// Half a record behind the end, and whole ones that come while the range is read.
#[test]
fn a_log_that_grows_meanwhile_is_read_up_to_the_end_of_the_range() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = DataDirs {
        snap: dir.path().join("snaps"),
        log: dir.path().to_owned(),
    };
    std::fs::create_dir(&dirs.snap).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = LogOptions {
        pre_alloc_size_kb: 64,
        ..LogOptions::default()
    };
    let mut log = LogWriter::new(Arc::clone(&disk), &dirs.log, options, Zxid::ZERO);
    let mut append = |first: i64, last: i64| {
        let records = u32::try_from(last - first + 1).unwrap();
        let batch = batch(first..=last, 40);
        log.append(&batch, Zxid(first), Zxid(last), records)
            .unwrap();
        log.flush().unwrap();
    };
    append(1, 500);
    let path = dirs.log.join("log.1");
    let end = log_file(&batch(1..=500, 40)).len() as u64;
    let half = &batch([501], 40)[..50];
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, half, end).unwrap();
    let open = |upto| LogRange::open(Arc::clone(&disk), &dirs, Zxid(1), Zxid(upto), NO_LIMIT);
    let mut range = open(500).unwrap().unwrap();
    let mut seen = 0;
    assert!(range.next_batch(1000, &mut |_, _| seen += 1).unwrap());
    append(501, 40_000);
    let mut longer = open(40_000).unwrap().unwrap();
    assert!(!range.next_batch(1 << 30, &mut |_, _| seen += 1).unwrap());
    assert_eq!(seen, 499);
    assert_eq!(
        zxids(&mut longer).unwrap(),
        (2..=40_000).collect::<Vec<_>>()
    );
}

proptest! {
    #[test]
    fn any_range_of_any_logs(
        lengths in proptest::collection::vec(1_i64..9, 1..8),
        after in 1_i64..70,
        length in 0_i64..70,
    ) {
        let disk = MemDisk::default();
        write_snapshot(&disk, 0).unwrap();
        let mut first = 1;
        for length in &lengths {
            put_log(&disk, first..=first + length - 1);
            first += length;
        }
        let last = first - 1;
        let after = after.min(last);
        let upto = (after + length).min(last);
        let seen = zxids(&mut open(&disk, after, upto).unwrap()).unwrap();
        prop_assert_eq!(seen, (after + 1..=upto).collect::<Vec<_>>());
    }
}

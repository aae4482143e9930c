//! What the log's thread reports, on a disk that can fail.

use std::path::Path;

use super::*;
use crate::storage::disk::Disk;
use crate::storage::format::scan::{LogScanner, Step};
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::batch;
use crate::storage::txn_log::{LogError, LogOptions};

const AT_ONCE: FlushPolicy = FlushPolicy {
    delay: Duration::ZERO,
    idle: Duration::ZERO,
    records_max: Some(1),
};

fn dir() -> &'static Path {
    Path::new("/data/version-2")
}

struct Bench {
    disk: MemDisk,
    thread: LogThread,
}

fn bench(policy: FlushPolicy, snap_count: u64) -> Bench {
    let disk = MemDisk::default();
    let options = LogOptions {
        pre_alloc_size_kb: 0,
        ..LogOptions::default()
    };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let thread = LogThread {
        stats: Arc::default(),
        epochs: EpochFiles::new(Arc::clone(&shared), dir()),
        writer: LogWriter::new(shared, dir(), options, Zxid::ZERO),
        mailbox: Arc::default(),
        line: Arc::default(),
        snapshots: Arc::default(),
        checkpoint: Checkpoint::new(snap_count, None, 0),
        policy,
    };
    Bench { disk, thread }
}

fn order(first: i64, last: i64) -> Order {
    Order::Append(LogBatch {
        bytes: batch(first..=last, 30).into(),
        first: Zxid(first),
        last: Zxid(last),
        records: u32::try_from(last - first + 1).unwrap(),
    })
}

/// What is in the log of a disk, in order.
fn logged(disk: &MemDisk) -> Vec<i64> {
    let mut names = disk.list(dir()).unwrap_or_default();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let mut zxids = Vec::new();
    for name in names {
        let mut scanner = LogScanner::new(disk.open(&dir().join(name)).unwrap(), 1 << 20);
        while let Step::Record(record) = scanner.step().unwrap() {
            zxids.push(record.zxid.0);
        }
    }
    zxids
}

impl Bench {
    /// Runs the thread to its end over these orders; what it reported durable, and how it ended.
    fn run(self, orders: impl IntoIterator<Item = Order>) -> (Vec<i64>, Result<(), ServerError>) {
        let line = Arc::clone(&self.thread.line);
        orders
            .into_iter()
            .for_each(|order| self.thread.mailbox.put(order));
        self.thread.mailbox.send(Order::Stop);
        let ended = self.thread.run();
        let mut letters = Vec::new();
        line.take(&mut letters, Duration::ZERO);
        let durable = letters.into_iter().map(|letter| match letter {
            Letter::Durable(zxid) => zxid.0,
            other => panic!("{other:?}"),
        });
        (durable.collect(), ended)
    }
}

#[test]
fn what_piled_up_goes_in_one_flush() {
    let bench = bench(
        FlushPolicy {
            records_max: None,
            ..AT_ONCE
        },
        1000,
    );
    let disk = bench.disk.clone();
    let (durable, ended) = bench.run([order(1, 2), order(3, 3), order(4, 9)]);
    ended.unwrap();
    assert_eq!(durable, [9]);
    let survivors = logged(&disk.power_cut(Unflushed::Lost));
    assert_eq!(survivors, (1..=9).collect::<Vec<_>>());
}

#[test]
fn a_full_batch_is_flushed_before_the_next_is_begun() {
    let policy = FlushPolicy {
        records_max: Some(3),
        ..AT_ONCE
    };
    let bench = bench(policy, 1000);
    let stats = Arc::clone(&bench.thread.stats);
    let (durable, ended) = bench.run([order(1, 2), order(3, 4), order(5, 5)]);
    ended.unwrap();
    assert_eq!(durable, [4, 5]);
    let flushed = stats.flushed_records.read();
    assert_eq!((flushed.count, flushed.sum), (2, 5));
    assert_eq!((flushed.min, flushed.max), (1, 4));
    assert_eq!(stats.fsync_ms.read().count, 2);
}

#[test]
fn a_delay_lets_others_join_and_ends() {
    let policy = FlushPolicy {
        delay: Duration::from_secs(3600),
        idle: Duration::from_millis(1),
        records_max: None,
    };
    let bench = bench(policy, 1000);
    let (mailbox, line) = (
        Arc::clone(&bench.thread.mailbox),
        Arc::clone(&bench.thread.line),
    );
    let thread = std::thread::spawn(move || bench.thread.run());
    mailbox.send(order(1, 1));
    // Nothing follows: the flush comes although the delay is not over.
    let mut letters = Vec::new();
    assert!(line.take(&mut letters, Duration::from_secs(60)));
    assert!(matches!(letters[0], Letter::Durable(Zxid(1))));
    mailbox.send(Order::Stop);
    thread.join().unwrap().unwrap();
}

#[test]
fn acknowledged_means_durable_whatever_the_disk_does() {
    let orders = || (0..6).map(|at| order(at * 2 + 1, at * 2 + 2));
    let fine = bench(AT_ONCE, 4);
    let disk = fine.disk.clone();
    let (durable, ended) = fine.run(orders());
    ended.unwrap();
    assert_eq!(durable, [2, 4, 6, 8, 10, 12]);
    for fault in [Fault::Full, Fault::ShortWrite, Fault::FailedSync] {
        for operation in 0..disk.operations() {
            let bench = bench(AT_ONCE, 4);
            bench.disk.fail_at(operation, fault);
            let disk = bench.disk.clone();
            let (durable, ended) = bench.run(orders());
            let promised = durable.last().copied().unwrap_or(0);
            let survivors = logged(&disk.power_cut(Unflushed::Lost));
            let expected = (1..=promised).collect::<Vec<_>>();
            assert!(
                survivors.starts_with(&expected),
                "{fault:?} at {operation}: {promised} was promised, {survivors:?} survived"
            );
            if promised < 12 {
                ended.expect_err("what is not durable is an error");
            }
        }
    }
}

#[test]
fn a_failed_flush_is_never_tried_again() {
    let fine = bench(AT_ONCE, 1000);
    let disk = fine.disk.clone();
    fine.run([order(1, 1)]).1.unwrap();
    let flush = disk.history().iter().position(|done| done == "sync log.1");

    let bench = bench(AT_ONCE, 1000);
    let flush = u64::try_from(flush.expect("a flush syncs")).unwrap();
    bench.disk.fail_at(flush, Fault::FailedSync);
    let (durable, ended) = bench.run([order(1, 1), order(2, 2)]);
    assert_eq!(durable, [] as [i64; 0], "later flushes would lie");
    assert!(
        matches!(ended, Err(ServerError::Log(LogError::Disk(_)))),
        "{ended:?}"
    );
}

#[test]
fn enough_records_roll_the_log_and_ask_for_a_snapshot() {
    let bench = bench(AT_ONCE, 4);
    let (disk, snapshots) = (bench.disk.clone(), Arc::clone(&bench.thread.snapshots));
    let (durable, ended) = bench.run([order(1, 1), order(2, 2), order(3, 3), order(4, 4)]);
    ended.unwrap();
    assert_eq!(durable, [1, 2, 3, 4]);
    let mut orders = Vec::new();
    assert!(snapshots.take(&mut orders, Duration::ZERO));
    assert!(matches!(orders[..], [SnapshotOrder::Take]), "{orders:?}");
    let mut names = disk.list(dir()).unwrap();
    names.sort();
    assert_eq!(names, ["log.1", "log.4"], "the fourth begins another file");
}

#[test]
fn a_promise_is_kept_behind_what_was_appended_before_it() {
    let bench = bench(
        FlushPolicy {
            records_max: None,
            ..AT_ONCE
        },
        1000,
    );
    let (disk, line) = (bench.disk.clone(), Arc::clone(&bench.thread.line));
    for order in [
        Order::Do(Task(1), Chore::AcceptedEpoch(5)),
        order(1, 2),
        Order::Do(Task(2), Chore::CurrentEpoch(5)),
        order(3, 3),
        Order::Stop,
    ] {
        bench.thread.mailbox.send(order);
    }
    bench.thread.run().unwrap();
    let mut letters = Vec::new();
    line.take(&mut letters, Duration::ZERO);
    let said = letters.iter().map(|letter| match letter {
        Letter::Durable(zxid) => format!("{zxid}"),
        Letter::Done(task, outcome) => format!("{} {outcome:?}", task.0),
        other => panic!("{other:?}"),
    });
    let said: Vec<String> = said.collect();
    assert_eq!(said, ["1 Saved", "0x2", "2 Saved", "0x3"]);
    let history = disk.history();
    let at = |what: &str| history.iter().position(|done| done == what);
    let (flushed, promised) = (at("sync log.1"), at("rename currentEpoch.tmp"));
    assert!(flushed < promised && flushed.is_some(), "{history:?}");
    let cut = disk.power_cut(Unflushed::Lost);
    let files = EpochFiles::new(Arc::new(cut), dir());
    let epochs = files.load(Zxid(3)).unwrap();
    assert_eq!((epochs.accepted, epochs.current), (5, 5));
}

#[test]
fn a_rewritten_history_closes_the_log_and_it_goes_on_behind_it() {
    let bench = bench(AT_ONCE, 1000);
    let (disk, snapshots) = (bench.disk.clone(), Arc::clone(&bench.thread.snapshots));
    let back = Chore::Rewrite(Rewrite::Truncate(Zxid(2)));
    let orders = [
        order(1, 4),
        Order::Do(Task(9), back),
        Order::ResumeAt(Zxid(2)),
        order(3, 3),
    ];
    let (durable, ended) = bench.run(orders);
    ended.unwrap();
    assert_eq!(durable, [4, 3]);
    let mut orders = Vec::new();
    snapshots.take(&mut orders, Duration::ZERO);
    assert!(
        matches!(
            orders[..],
            [SnapshotOrder::Rewrite(Task(9), Rewrite::Truncate(Zxid(2)))]
        ),
        "{orders:?}"
    );
    let mut names = disk.list(dir()).unwrap();
    names.retain(|name| name.starts_with("log."));
    names.sort();
    assert_eq!(names, ["log.1", "log.3"]);
}

//! Snapshots while serving goes on, and disks that refuse them.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::config::Config;
use crate::proto::txn::{CreateTxn, DeleteTxn, LoggedTxn, Txn, TxnHeader};
use crate::server::test_support::shared;
use crate::storage::format::txn_log::OpenRecord;
use crate::storage::layout::DataDirs;
use crate::storage::testing::mem_disk::{Fault, MemDisk};
use crate::storage::txn_log::{LogOptions, LogWriter};
use crate::types::OpCode;

const LAST: i64 = 3000;

fn config() -> Config {
    let text = b"dataDir=/data\nclientPort=2181\n";
    Config::from_zoo_cfg(text, "zoo.cfg", &[]).unwrap().config
}

fn snapshots(disk: &MemDisk, dirs: &DataDirs) -> Snapshots {
    Snapshots {
        disk: Arc::new(disk.clone()),
        dirs: dirs.clone(),
        compression: Compression::None,
        digests: true,
        zxid_section: true,
    }
}

/// Creates for the most part; every third deletes what came just before.
fn txn(zxid: i64) -> LoggedTxn<'static> {
    let deletes = zxid % 3 == 0;
    let path = |zxid: i64| Cow::Owned(format!("/n{zxid}"));
    let create = CreateTxn {
        path: path(zxid),
        data: Some(b"some data"),
        acl: None,
        ephemeral: false,
        // One more for every create so far.
        parent_cversion: i32::try_from(zxid - zxid / 3).unwrap(),
    };
    let (op, txn) = if deletes {
        let path = path(zxid - 1);
        (
            OpCode::Delete,
            Txn::Delete(OpCode::Delete, DeleteTxn { path }),
        )
    } else {
        (OpCode::Create, Txn::Create(OpCode::Create, create))
    };
    let header = TxnHeader {
        client_id: 1,
        cxid: 0,
        zxid,
        time: zxid,
        kind: op.code(),
    };
    LoggedTxn {
        header,
        txn,
        digest: None,
    }
}

/// Logs and applies everything, one by one.
fn serve(shared: &Shared, log: &mut LogWriter) {
    serve_pausing(shared, log, |_| {});
}

/// The same, asking before each transaction whether to go on yet.
fn serve_pausing(shared: &Shared, log: &mut LogWriter, pause: impl Fn(i64)) {
    for zxid in 1..=LAST {
        pause(zxid);
        let logged = txn(zxid);
        let mut bytes = Vec::new();
        let record = OpenRecord::open(&mut bytes);
        logged.append(&mut bytes);
        record.close(&mut bytes);
        log.append(&bytes, Zxid(zxid), Zxid(zxid), 1).unwrap();
        let mut state = shared.state.write();
        state.tree.apply(&logged.header, &logged.txn, &mut ());
        state.last_zxid = Zxid(zxid);
    }
    log.flush().unwrap();
}

#[test]
fn a_start_converges_from_any_snapshot_taken_while_serving() {
    let (config, disk) = (config(), MemDisk::default());
    let dirs = DataDirs::of(Path::new("/data"), None);
    let shared = Arc::new(shared(&config));
    let snapshots = snapshots(&disk, &dirs);
    snapshots.take(&shared).unwrap();
    let options = LogOptions {
        pre_alloc_size_kb: 0,
        ..LogOptions::default()
    };
    let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs.log, options, Zxid::ZERO);
    let (done, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Now and then another snapshot must be complete, whoever gets more of the processor.
            serve_pausing(&shared, &mut log, |zxid| {
                let before = taken.load(Ordering::Acquire);
                while zxid % (LAST / 4) == 0 && taken.load(Ordering::Acquire) == before {
                    std::thread::yield_now();
                }
            });
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            snapshots.take(&shared).unwrap();
            taken.fetch_add(1, Ordering::Release);
        }
    });
    let all: Arc<dyn Disk> = Arc::new(disk.clone());
    let names = disk.list(&dirs.snap).unwrap();
    let taken = names.iter().filter(|name| name.starts_with("snapshot."));
    assert!(taken.count() > 1, "{names:?}");
    // The newest first; without it, the one before must do, down to the first.
    loop {
        let loaded = Recoverer::of(&config).recover(&*all, &dirs).unwrap();
        let (state, recovered) = (loaded.state, loaded.recovered);
        let live = shared.state.read();
        assert_eq!(state.last_zxid, Zxid(LAST));
        assert_eq!(state.tree.digest(), live.tree.digest());
        assert_eq!(state.tree.node_count(), live.tree.node_count());
        let used = recovered.snapshot.expect("it starts from a snapshot").zxid;
        if used == Zxid::ZERO {
            return;
        }
        all.remove(&dirs.snap.join(format!("snapshot.{:x}", used.0)))
            .unwrap();
    }
}

#[test]
fn a_disk_that_refuses_ends_the_thread() {
    let config = config();
    let dirs = DataDirs::of(Path::new("/data"), None);
    let shared = Arc::new(shared(&config));
    let disk = MemDisk::default();
    snapshots(&disk, &dirs).take(&shared).unwrap();
    let operations = disk.operations();
    for operation in 0..operations {
        let disk = MemDisk::default();
        disk.fail_at(operation, Fault::Full);
        let thread = SnapshotThread {
            shared: Arc::clone(&shared),
            mailbox: Arc::default(),
            line: Arc::default(),
            snapshots: snapshots(&disk, &dirs),
            recoverer: Recoverer::of(&config),
            purge: None,
        };
        thread.mailbox.send(SnapshotOrder::Take);
        thread.mailbox.send(SnapshotOrder::Stop);
        thread
            .run()
            .expect_err("the log must not become the only thing left");
    }
    // The walks that failed hold nothing back.
    snapshots(&MemDisk::default(), &dirs).take(&shared).unwrap();
}

#[test]
fn told_to_stop_it_first_does_what_was_ordered() {
    let config = config();
    let dirs = DataDirs::of(Path::new("/data"), None);
    let disk = MemDisk::default();
    let thread = SnapshotThread {
        shared: Arc::new(shared(&config)),
        mailbox: Arc::default(),
        line: Arc::default(),
        snapshots: snapshots(&disk, &dirs),
        recoverer: Recoverer::of(&config),
        purge: Some(PurgePolicy {
            retain: 3,
            interval: Duration::from_secs(3600),
        }),
    };
    thread.mailbox.send(SnapshotOrder::Take);
    thread.mailbox.send(SnapshotOrder::Stop);
    thread.run().unwrap();
    assert_eq!(disk.list(&dirs.snap).unwrap(), ["snapshot.0"]);
}

/// A housekeeper on this disk, and what the line is told by it.
fn housekeeper(
    disk: &MemDisk,
    dirs: &DataDirs,
    shared: &Arc<Shared>,
) -> (SnapshotThread, Arc<Mailbox<Letter>>) {
    let line = Arc::<Mailbox<Letter>>::default();
    let thread = SnapshotThread {
        shared: Arc::clone(shared),
        mailbox: Arc::default(),
        line: Arc::clone(&line),
        snapshots: snapshots(disk, dirs),
        recoverer: Recoverer::of(&config()),
        purge: None,
    };
    (thread, line)
}

fn log_on(disk: &MemDisk, dirs: &DataDirs) -> LogWriter {
    let options = LogOptions {
        pre_alloc_size_kb: 0,
        ..LogOptions::default()
    };
    LogWriter::new(Arc::new(disk.clone()), &dirs.log, options, Zxid::ZERO)
}

#[test]
fn a_snapshot_whose_history_is_given_up_breaks_off_and_leaves_nothing() {
    let (disk, dirs) = (MemDisk::default(), DataDirs::of(Path::new("/data"), None));
    let shared = Arc::new(shared(&config()));
    let (thread, line) = housekeeper(&disk, &dirs, &shared);
    let begun = || {
        let (walk, opening) = SharedWalk::start(&shared);
        SnapshotOrder::Write(Task(7), walk, Box::new(opening))
    };
    thread.mailbox.send(begun());
    shared.break_walks();
    thread.mailbox.send(begun());
    thread.mailbox.send(SnapshotOrder::Stop);
    thread.run().unwrap();
    let mut letters = Vec::new();
    line.take(&mut letters, Duration::ZERO);
    assert!(
        matches!(letters[..], [Letter::Done(Task(7), Outcome::Saved)]),
        "only the second one is whole: {letters:?}"
    );
    assert_eq!(disk.list(&dirs.snap).unwrap(), ["snapshot.0"]);
}

#[test]
fn a_walk_of_a_state_that_was_replaced_breaks_off() {
    let shared = Arc::new(shared(&config()));
    let (mut walk, _) = SharedWalk::start(&shared);
    let other = crate::server::test_support::shared(&config());
    shared.replace(other.state.into_inner());
    assert_eq!(walk.next_slice(&mut |_, _| {}), Slice::Broken);
    drop(walk);
    // The new tree is as free as if nobody had ever walked it.
    let (mut walk, _) = SharedWalk::start(&shared);
    assert_eq!(walk.next_slice(&mut |_, _| {}), Slice::Last);
}

#[test]
fn the_end_of_a_history_is_forgotten_and_the_line_gets_the_state_without_it() {
    let (disk, dirs) = (MemDisk::default(), DataDirs::of(Path::new("/data"), None));
    let shared = Arc::new(shared(&config()));
    snapshots(&disk, &dirs).take(&shared).unwrap();
    let mut log = log_on(&disk, &dirs);
    serve(&shared, &mut log);
    log.roll().unwrap();
    let (thread, line) = housekeeper(&disk, &dirs, &shared);
    let back = Rewrite::Truncate(Zxid(LAST - 10));
    thread.mailbox.send(SnapshotOrder::Rewrite(Task(3), back));
    thread.mailbox.send(SnapshotOrder::Stop);
    thread.run().unwrap();
    let mut letters = Vec::new();
    line.take(&mut letters, Duration::ZERO);
    let Some(Letter::Truncated(Task(3), state)) = letters.pop() else {
        panic!("{letters:?}");
    };
    assert_eq!(state.last_zxid, Zxid(LAST - 10));
    let again = Recoverer::of(&config()).recover(&disk, &dirs).unwrap();
    assert_eq!(again.state.last_zxid, Zxid(LAST - 10));
    assert_eq!(again.state.tree.digest(), state.tree.digest());
}

#[test]
fn an_installed_state_is_what_a_start_finds() {
    let (disk, dirs) = (MemDisk::default(), DataDirs::of(Path::new("/data"), None));
    let shared = Arc::new(shared(&config()));
    snapshots(&disk, &dirs).take(&shared).unwrap();
    let mut log = log_on(&disk, &dirs);
    serve(&shared, &mut log);
    log.roll().unwrap();
    // From elsewhere: shorter, and another history.
    let other = crate::server::test_support::shared(&config()).state;
    let mut other = other.into_inner();
    let logged = txn(1);
    other.tree.apply(&logged.header, &logged.txn, &mut ());
    other.last_zxid = Zxid(1);
    let digest = other.tree.digest();
    shared.replace(other);
    let (thread, line) = housekeeper(&disk, &dirs, &shared);
    let install = Rewrite::Install(Zxid(1));
    thread
        .mailbox
        .send(SnapshotOrder::Rewrite(Task(4), install));
    thread.mailbox.send(SnapshotOrder::Stop);
    thread.run().unwrap();
    let mut letters = Vec::new();
    line.take(&mut letters, Duration::ZERO);
    assert!(
        matches!(letters[..], [Letter::Installed(Task(4), Zxid(1))]),
        "{letters:?}"
    );
    let again = Recoverer::of(&config()).recover(&disk, &dirs).unwrap();
    assert_eq!(again.state.last_zxid, Zxid(1));
    assert_eq!(again.state.tree.digest(), digest);
}

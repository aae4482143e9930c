//! A received snapshot in the place of whatever was there, and power cuts at every verb.

use std::sync::Arc;

use crate::storage::disk::Disk;
use crate::storage::epochs::EpochFiles;
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::snapshots::InstallError;
use crate::storage::testing::life::{
    AFTERMATHS, dirs, fill_snapshot, go_on, put_log, recover, remains, write_snapshot,
};
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::batch;
use crate::types::Zxid;

fn install(disk: &MemDisk, zxid: i64) -> Result<(), InstallError> {
    let writer = fill_snapshot(disk, zxid, Compression::None)?;
    writer.install(&Sections::default(), &dirs())?;
    Ok(())
}

fn history(snapshots: &[i64], logs: &[(i64, i64)]) -> MemDisk {
    let disk = MemDisk::default();
    for zxid in snapshots {
        write_snapshot(&disk, *zxid).unwrap();
    }
    for (first, last) in logs {
        put_log(&disk, *first..=*last);
    }
    disk
}

/// What a server may be like to which a snapshot of transaction 100 is sent: its disk and its last zxid.
fn histories() -> Vec<(&'static str, MemDisk, i64)> {
    vec![
        ("nothing", MemDisk::default(), 0),
        ("behind", history(&[0, 20], &[(1, 20), (21, 40)]), 40),
        ("ahead", history(&[0, 20], &[(1, 20), (21, 130)]), 130),
        (
            "far ahead",
            history(&[0, 20, 120], &[(1, 20), (21, 110), (111, 130)]),
            130,
        ),
        ("no way back", history(&[120], &[(111, 130)]), 130),
        ("right there", history(&[100], &[(80, 105)]), 105),
    ]
}

#[test]
fn nothing_after_a_received_snapshot_remains() {
    for (name, disk, _) in histories() {
        install(&disk, 100).unwrap();
        let after = disk.power_cut(Unflushed::Lost);
        let (snapshots, records) = remains(&after);
        assert_eq!(snapshots[0], 100, "{name}");
        assert!(
            records.iter().all(|zxid| *zxid <= 100),
            "{name}: {records:?}"
        );
        let (seen, recovered) = recover(&after).unwrap();
        assert_eq!(recovered.last, Zxid(100), "{name}");
        assert_eq!(
            seen.txns, [0; 0],
            "{name}: the state is that of the snapshot alone"
        );
        assert_eq!(seen.nodes[0].3.mzxid, 100, "{name}");
        assert!(
            after
                .list(&dirs().snap)
                .unwrap()
                .iter()
                .all(|name| !name.starts_with('.'))
        );
        go_on(&after, 100, name);
    }
}

#[test]
fn a_power_cut_at_any_verb_leaves_the_old_state_or_the_received_one() {
    for (name, history, last) in histories() {
        let start = || history.power_cut(Unflushed::Lost);
        let whole = start();
        install(&whole, 100).unwrap();
        for at in 0..=whole.operations() {
            for aftermath in AFTERMATHS {
                let what = format!("{name}, verb {at}, {aftermath:?}");
                let disk = start();
                disk.fail_at(at, Fault::PowerLoss);
                let done = install(&disk, 100).is_ok();
                assert_eq!(done, at == whole.operations(), "{what}");
                let after = disk.power_cut(aftermath);
                let (seen, recovered) = recover(&after).unwrap();
                let found = recovered.last.0;
                assert!(found == 100 || (found == last && !done), "{what}: {found}");
                assert_eq!(
                    found == 100,
                    seen.txns.is_empty() && seen.loaded.is_some(),
                    "{what}"
                );
                install(&after, 100).unwrap();
                let after = after.power_cut(Unflushed::Lost);
                assert_eq!(recover(&after).unwrap().1.last, Zxid(100), "{what}");
                go_on(&after, 100, &what);
            }
        }
    }
}

/// The epoch of what was installed is explained at every moment, to Apache's server too.
#[test]
fn a_received_snapshot_brings_its_epoch() {
    let sent = (4 << 32) + 7;
    for torn_bytes in [0, 40] {
        let start = || {
            let disk = history(&[0], &[(1, 40)]);
            let log = dirs().log.join("log.1");
            let torn = &batch([41], 50)[..torn_bytes];
            disk.put(&log, &[&disk.bytes(&log), torn].concat());
            disk.put(&dirs().snap.join("acceptedEpoch"), b"5");
            disk.put(&dirs().snap.join("currentEpoch"), b"3");
            disk
        };
        let begun = start().operations();
        let whole = start();
        install(&whole, sent).unwrap();
        for at in 0..=whole.operations() - begun {
            for aftermath in AFTERMATHS {
                let what = format!("verb {at}, {aftermath:?}");
                let disk = start();
                disk.fail_at(at, Fault::PowerLoss);
                let done = install(&disk, sent).is_ok();
                let after = disk.power_cut(aftermath);
                let last = recover(&after).unwrap().1.last;
                let text = |name| {
                    let there = after.list(&dirs().snap).unwrap().iter().any(|n| n == name);
                    there.then(|| after.bytes(&dirs().snap.join(name)))
                };
                let current = text("currentEpoch").unwrap();
                if last == Zxid(sent) {
                    assert!(
                        current == b"4" || text("currentEpoch.tmp").unwrap() == b"4",
                        "{what}"
                    );
                }
                let files = EpochFiles::new(Arc::new(after.clone()), &dirs().snap);
                let current = files.load(last).unwrap().current;
                assert_eq!(done, at == whole.operations() - begun, "{what}");
                assert!(!done || current == 4, "{what}");
                assert!([3, 4].contains(&current), "{what}");
            }
        }
    }
}

#[test]
fn of_two_snapshots_of_one_transaction_the_received_one_counts() {
    let disk = history(&[0], &[(1, 100)]);
    let other = fill_snapshot(&disk, 100, Compression::Snappy).unwrap();
    other.finish(&Sections::default()).unwrap();
    install(&disk, 100).unwrap();
    assert_eq!(disk.list(&dirs().snap).unwrap(), ["snapshot.64"]);
}

/// What was here before may be another history: neither a start nor a learner must ever see it as the
/// beginning of the received one.
#[test]
fn nothing_of_the_old_history_stays_beside_a_received_snapshot() {
    let sent = (3 << 32) + 50;
    for (name, disk, _) in histories() {
        install(&disk, sent).unwrap();
        assert_eq!(disk.list(&dirs().log).unwrap(), [""; 0], "{name}");
        let left = disk.list(&dirs().snap).unwrap();
        let left: Vec<_> = left
            .iter()
            .filter(|file| file.starts_with("snap"))
            .collect();
        assert_eq!(left, [&format!("snapshot.{sent:x}")], "{name}");
    }
}

#[test]
fn damage_in_a_log_that_is_not_needed_any_more_does_not_stop_the_next_start() {
    let disk = history(&[0], &[(1, 90)]);
    disk.flip(&dirs().log.join("log.1"), 300, 1);
    install(&disk, 100).unwrap();
    assert_eq!(recover(&disk).unwrap().1.last, Zxid(100));
}

/// Nothing else leads to a state that was sent, whatever follows it.
#[test]
fn a_broken_received_snapshot_is_not_passed_over() {
    let sent = (2 << 32) + 50;
    let disk = history(&[0], &[(1, 40)]);
    install(&disk, sent).unwrap();
    put_log(&disk, sent + 1..=sent + 9);
    let name = format!("snapshot.{sent:x}");
    disk.flip(&dirs().snap.join(&name), 60, 1);
    let error = recover(&disk).unwrap_err().to_string();
    assert!(error.contains("all 1 are broken"), "{error}");
}

#[test]
fn a_failing_disk_is_named() {
    let disk = history(&[0], &[(1, 130)]);
    let whole = disk.power_cut(Unflushed::Lost);
    install(&whole, 100).unwrap();
    for at in 0..whole.operations() {
        let disk = disk.power_cut(Unflushed::Lost);
        disk.fail_at(at, Fault::FailedSync);
        // Other verbs than flushes do not fail.
        if let Err(error) = install(&disk, 100) {
            assert!(error.to_string().contains("input/output error"), "{error}");
        }
        let last = recover(&disk.power_cut(Unflushed::Lost)).unwrap().1.last.0;
        assert!([100, 130].contains(&last), "verb {at}: {last}");
    }
}

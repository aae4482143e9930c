//! What is left after a truncation, what refuses one, and power cuts at every verb.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::storage::disk::Disk;
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::testing::life::{
    AFTERMATHS, Life, dirs, fill_snapshot, go_on, log_file, options, put_log, recover, remains,
    start_with_log, write_snapshot,
};
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::{Recorder, batch};
use crate::storage::txn_log::{LogOptions, LogWriter};

fn back_to(disk: &MemDisk, target: i64) -> Result<(Recorder, Truncated), TruncateError> {
    let mut seen = Recorder::default();
    let options = RecoverOptions::default();
    let truncated = truncate(disk, &dirs(), &options, Zxid(target), &mut seen)?;
    Ok((seen, truncated))
}

/// Snapshots 0, 8 and 15; logs 1..=8, 9..=15 and 16..=20.
fn a_history() -> MemDisk {
    let disk = MemDisk::default();
    for zxid in [0, 8, 15] {
        write_snapshot(&disk, zxid).unwrap();
    }
    for zxids in [1..=8, 9..=15, 16..=20] {
        put_log(&disk, zxids);
    }
    disk
}

/// F-11: no record and no snapshot above the target, and the state is that of a replay up to it.
fn check_truncated(disk: &MemDisk, last: i64, what: &str) {
    let (snapshots, records) = remains(disk);
    assert!(
        snapshots.iter().all(|zxid| *zxid <= last),
        "{what}: {snapshots:?}"
    );
    assert!(
        records.iter().all(|zxid| *zxid <= last),
        "{what}: {records:?}"
    );
    assert_eq!(recover(disk).unwrap().1.last, Zxid(last), "{what}");
}

#[test]
fn nothing_above_the_target_remains() {
    for target in 0..=20 {
        let disk = a_history();
        let (seen, truncated) = back_to(&disk, target).unwrap();
        let base = [15, 8, 0].into_iter().find(|zxid| *zxid <= target).unwrap();
        assert_eq!(seen.txns, (base + 1..=target).collect::<Vec<_>>());
        assert!(truncated.found);
        assert_eq!(truncated.recovered.last, Zxid(target));
        let what = format!("back to {target}");
        let durable = disk.power_cut(Unflushed::Lost);
        check_truncated(&durable, target, &what);
        assert_eq!(
            remains(&durable).1,
            (1..=target).collect::<Vec<_>>(),
            "{what}"
        );
        go_on(&durable, target, &what);
    }
}

#[test]
fn at_the_end_of_the_history_there_is_nothing_to_do() {
    let disk = a_history();
    let operations = disk.operations();
    assert!(back_to(&disk, 20).unwrap().1.found);
    assert_eq!(disk.operations(), operations);
}

#[test]
fn a_target_between_two_epochs_is_not_found() {
    let disk = MemDisk::default();
    write_snapshot(&disk, 0).unwrap();
    let new_epoch = (1 << 32) + 1;
    put_log(&disk, 1..=5);
    put_log(&disk, new_epoch..=new_epoch + 2);
    let (_, truncated) = back_to(&disk, 9).unwrap();
    assert_eq!(
        (truncated.recovered.last, truncated.found),
        (Zxid(5), false)
    );
    check_truncated(&disk, 5, "not found");
}

#[test]
fn a_log_is_cut_right_behind_the_record() {
    let disk = start_with_log(&batch(1..=9, 50));
    back_to(&disk, 4).unwrap();
    assert_eq!(
        disk.bytes(&dirs().log.join("log.1")),
        log_file(&batch(1..=4, 50))
    );
}

/// The log thread's way: flush, truncate, go on.
#[test]
fn the_log_goes_on_behind_the_target() {
    let disk = MemDisk::default();
    write_snapshot(&disk, 0).unwrap();
    let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, options(), Zxid::ZERO);
    let mut life = Life::default();
    life.append(&mut log, 6, 30).unwrap();
    log.roll().unwrap();
    let (_, truncated) = back_to(&disk, 3).unwrap();
    log.resume_at(truncated.recovered.last);
    (life.appended, life.acknowledged) = (3, 3);
    life.append(&mut log, 4, 30).unwrap();
    life.flush(&mut log).unwrap();
    let after = disk.power_cut(Unflushed::Lost);
    assert_eq!(recover(&after).unwrap().0.txns, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn without_a_way_back_nothing_is_touched() {
    let corrupt = a_history();
    corrupt.flip(&dirs().log.join("log.9"), 60, 1);
    let no_base = MemDisk::default();
    write_snapshot(&no_base, 8).unwrap();
    put_log(&no_base, 9..=12);
    let gap = a_history();
    gap.remove(&dirs().log.join("log.9")).unwrap();
    let bare = MemDisk::default();
    put_log(&bare, 1..=12);
    for (disk, target, expected) in [
        (corrupt, 12, "the way back to 0xc is broken: "),
        (no_base, 7, "the way back to 0x7 is gone: "),
        (gap, 14, "the way back to 0xe is broken: "),
        (bare, 5, "the way back to 0x5 is broken: No snapshot found"),
    ] {
        let before = (disk.operations(), remains(&disk));
        if let Ok((_, truncated)) = back_to(&disk, target) {
            // Without the log that held it, the target is only not found.
            assert!(!truncated.found && truncated.recovered.last == Zxid(8));
            continue;
        }
        let error = back_to(&disk, target).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!((disk.operations(), remains(&disk)), before);
    }
}

#[test]
fn a_snapshot_that_is_being_written_is_withdrawn() {
    let disk = a_history();
    let writer = fill_snapshot(&disk, 19, Compression::None).unwrap();
    back_to(&disk, 12).unwrap();
    let error = writer.finish(&Sections::default()).unwrap_err();
    assert!(error.is_withdrawn(), "{error}");
    check_truncated(&disk.power_cut(Unflushed::Kept), 12, "withdrawn");
}

/// A snapshot that was sent, and older files that do not lead to it.
fn a_history_with_a_hole() -> (MemDisk, i64) {
    let sent = (2 << 32) + 50;
    let disk = MemDisk::default();
    write_snapshot(&disk, 0).unwrap();
    write_snapshot(&disk, sent).unwrap();
    put_log(&disk, 1..=9);
    put_log(&disk, sent + 1..=sent + 4);
    (disk, sent + 4)
}

/// The whole history or the truncated one, never a part in between, and the same can be done again.
#[test]
fn a_power_cut_at_any_verb_leaves_all_or_nothing() {
    let (holed, holed_last) = a_history_with_a_hole();
    for (history, last, target) in [
        (a_history(), 20, 12),
        (a_history(), 20, 8),
        (a_history(), 20, 3),
        (holed, holed_last, 6),
    ] {
        let start = || history.power_cut(Unflushed::Lost);
        let whole = start();
        back_to(&whole, target).unwrap();
        assert!(whole.operations() > 8, "{:?}", whole.history());
        for at in 0..=whole.operations() {
            for aftermath in AFTERMATHS {
                let what = format!("{last} back to {target}, verb {at}, {aftermath:?}");
                let disk = start();
                disk.fail_at(at, Fault::PowerLoss);
                let done = back_to(&disk, target).is_ok();
                assert_eq!(done, at == whole.operations(), "{what}");
                let after = disk.power_cut(aftermath);
                let found = recover(&after).unwrap().1.last.0;
                assert!(
                    found == target || (found == last && !done),
                    "{what}: {found}"
                );
                back_to(&after, target).unwrap();
                let after = after.power_cut(Unflushed::Lost);
                check_truncated(&after, target, &what);
                go_on(&after, target, &what);
            }
        }
    }
}

/// What Apache's server would find in between is the old history or a beginning of it.
#[test]
fn snapshots_go_before_logs_and_the_newest_first() {
    let disk = a_history();
    let before = disk.history().len();
    back_to(&disk, 3).unwrap();
    let history = disk.history();
    let gone = history[before..]
        .iter()
        .filter(|line| line.starts_with("remove "));
    assert_eq!(
        gone.collect::<Vec<_>>(),
        [
            "remove snapshot.f",
            "remove snapshot.8",
            "remove log.10",
            "remove log.9",
            "remove .oxkeeper-rewind"
        ]
    );
}

/// The log's last file has just been trimmed, which a power cut may undo.
#[test]
fn a_power_cut_may_bring_preallocated_space_back() {
    let live = |disk: &MemDisk, at| {
        write_snapshot(disk, 0).unwrap();
        let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, options(), Zxid::ZERO);
        let mut life = Life::default();
        life.append(&mut log, 6, 30).unwrap();
        log.roll().unwrap();
        life.append(&mut log, 6, 30).unwrap();
        log.roll().unwrap();
        write_snapshot(disk, 9).unwrap();
        disk.fail_at(at, Fault::PowerLoss);
        back_to(disk, 3).is_ok()
    };
    for at in 0.. {
        let mut done = false;
        for seed in 0..20 {
            let disk = MemDisk::default();
            done = live(&disk, at);
            let after = disk.power_cut(Unflushed::Tossed(seed));
            let found = recover(&after).unwrap().1.last.0;
            assert!(
                found == 3 || (found == 12 && !done),
                "verb {at}, seed {seed}: {found}"
            );
        }
        if done {
            assert!(at > 10, "{at}");
            return;
        }
    }
}

/// Files that are written afterwards can be like those that were removed; the plan must not come back.
#[test]
fn what_is_written_after_a_truncation_is_not_forgotten_again() {
    let disk = a_history();
    back_to(&disk, 8).unwrap();
    let unpadded = LogOptions {
        pre_alloc_size_kb: 0,
        ..LogOptions::default()
    };
    let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, unpadded, Zxid(8));
    log.append(&batch(9..=15, 40), Zxid(9), Zxid(15), 7)
        .unwrap();
    log.flush().unwrap();
    let name = dirs().log.join("log.9");
    assert_eq!(disk.bytes(&name), a_history().bytes(&name));
    for aftermath in AFTERMATHS {
        assert_eq!(
            recover(&disk.power_cut(aftermath)).unwrap().1.last,
            Zxid(15)
        );
    }
}

/// The second crash comes while the first one's rest is cleared away.
#[test]
fn a_power_cut_while_a_start_finishes_the_work_is_no_worse() {
    let whole = a_history();
    let begun = whole.operations();
    back_to(&whole, 3).unwrap();
    for first in 0..whole.operations() - begun {
        let disk = a_history();
        disk.fail_at(first, Fault::PowerLoss);
        back_to(&disk, 3).unwrap_err();
        let crashed = disk.power_cut(Unflushed::Tossed(first));
        let found = {
            let start = crashed.power_cut(Unflushed::Lost);
            recover(&start).unwrap().1.last
        };
        for second in 0..12 {
            let start = crashed.power_cut(Unflushed::Lost);
            start.fail_at(second, Fault::PowerLoss);
            let _ = recover(&start);
            for aftermath in AFTERMATHS {
                let after = start.power_cut(aftermath);
                let what = format!("verbs {first} and {second}, {aftermath:?}");
                assert_eq!(recover(&after).unwrap().1.last, found, "{what}");
            }
        }
    }
}

/// A disk whose truncation to 3 was interrupted after `verbs` verbs.
fn interrupted(verbs: u64) -> MemDisk {
    let disk = a_history();
    disk.put(&dirs().snap.join("currentEpoch"), b"0");
    disk.fail_at(verbs, Fault::PowerLoss);
    back_to(&disk, 3).unwrap_err();
    disk.power_cut(Unflushed::Kept)
}

fn verbs_until(verb: &str) -> u64 {
    let disk = a_history();
    let before = disk.history().len();
    back_to(&disk, 3).unwrap();
    let history = disk.history();
    let at = history[before..].iter().position(|line| line == verb);
    u64::try_from(at.unwrap()).unwrap()
}

#[test]
fn what_another_server_made_of_an_interrupted_truncation_counts() {
    let verbs = verbs_until("remove snapshot.8");
    assert_eq!(recover(&interrupted(verbs)).unwrap().1.last, Zxid(3));
    let took_part = interrupted(verbs);
    took_part.put(&dirs().snap.join("currentEpoch"), b"1");
    let wrote = interrupted(verbs);
    put_log(&wrote, 21..=24);
    let overwrote = interrupted(verbs);
    put_log(&overwrote, 16..=24);
    for (disk, last) in [(took_part, 20), (wrote, 24), (overwrote, 24)] {
        assert_eq!(recover(&disk).unwrap().1.last, Zxid(last));
        assert!(
            !disk
                .list(&dirs().snap)
                .unwrap()
                .contains(&".oxkeeper-rewind".to_owned())
        );
    }
}

#[test]
fn a_plan_that_rotted_is_named() {
    let disk = interrupted(verbs_until("remove snapshot.8"));
    disk.flip(&dirs().snap.join(".oxkeeper-rewind"), 3, 2);
    let error = recover(&disk).unwrap_err();
    assert!(
        error.to_string().contains(".oxkeeper-rewind says what"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_history_is_truncated_or_not(
        lengths in proptest::collection::vec(1_i64..6, 1..6),
        snapshots in proptest::collection::vec(0.0..1.0, 0..4),
        target in 0.0..1.0,
        at in 0_u64..30,
        seed: u64,
    ) {
        let last: i64 = lengths.iter().sum();
        #[expect(clippy::cast_possible_truncation, reason = "a share of a small number")]
        let of = |share: f64| (share * (last + 1) as f64) as i64;
        let disk = MemDisk::default();
        write_snapshot(&disk, 0).unwrap();
        for share in snapshots {
            write_snapshot(&disk, of(share)).unwrap();
        }
        let mut first = 1;
        for length in lengths {
            put_log(&disk, first..=first + length - 1);
            first += length;
        }
        let target = of(target);
        disk.fail_at(at, Fault::PowerLoss);
        let done = back_to(&disk, target).is_ok();
        let after = disk.power_cut(Unflushed::Tossed(seed));
        let found = recover(&after).unwrap().1.last.0;
        prop_assert!(found == target || (found == last && !done), "{} of {}", found, last);
        prop_assert!(back_to(&after, target).unwrap().1.found);
        check_truncated(&after.power_cut(Unflushed::Lost), target, "again");
    }
}

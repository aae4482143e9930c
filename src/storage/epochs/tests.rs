//! Apache's boot rules, and power cuts while promises are saved.

use super::*;
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};

fn dir() -> &'static Path {
    Path::new("/data/version-2")
}

fn files(disk: &MemDisk) -> EpochFiles {
    EpochFiles::new(Arc::new(disk.clone()), dir())
}

fn disk_with(contents: &[(&str, &str)]) -> MemDisk {
    let disk = MemDisk::default();
    for (name, text) in contents {
        disk.put(&dir().join(name), text.as_bytes());
    }
    disk
}

fn in_epoch(epoch: i64) -> Zxid {
    Zxid(epoch << 32 | 9)
}

fn text(disk: &MemDisk, name: &str) -> String {
    String::from_utf8(disk.bytes(&dir().join(name))).unwrap()
}

#[test]
fn missing_files_are_those_of_the_last_transaction() {
    let disk = MemDisk::default();
    let epochs = files(&disk).load(in_epoch(3)).unwrap();
    let expected = Epochs {
        accepted: 3,
        current: 3,
    };
    assert_eq!(epochs, expected);
    let after = disk.power_cut(Unflushed::Lost);
    assert_eq!(after.list(dir()).unwrap(), [ACCEPTED, CURRENT]);
    assert_eq!(text(&after, CURRENT), "3", "no line end");
    assert_eq!(files(&after).load(in_epoch(3)).unwrap(), expected);
}

#[test]
fn what_the_files_say_counts_when_it_is_newer() {
    let disk = disk_with(&[(ACCEPTED, "7"), (CURRENT, "5\n")]);
    let epochs = files(&disk).load(in_epoch(4)).unwrap();
    assert_eq!((epochs.accepted, epochs.current), (7, 5));
}

#[test]
fn an_unfinished_save_counts_only_for_a_log_that_is_ahead() {
    let disk = disk_with(&[(ACCEPTED, "6"), (CURRENT, "4"), ("currentEpoch.tmp", "6")]);
    assert_eq!(files(&disk).load(in_epoch(5)).unwrap().current, 6);
    assert_eq!(text(&disk, CURRENT), "6");

    let disk = disk_with(&[(ACCEPTED, "6"), (CURRENT, "4"), ("currentEpoch.tmp", "6")]);
    assert_eq!(files(&disk).load(in_epoch(4)).unwrap().current, 4);
    assert_eq!(disk.list(dir()).unwrap(), [ACCEPTED, CURRENT]);
}

#[test]
fn a_crash_between_the_log_and_the_epoch_is_survived() {
    let disk = disk_with(&[(ACCEPTED, "6"), (CURRENT, "3")]);
    let epochs = files(&disk).load(in_epoch(5)).unwrap();
    assert_eq!((epochs.accepted, epochs.current), (6, 5));
    assert_eq!(text(&disk.power_cut(Unflushed::Lost), CURRENT), "5");
    // Neither does a save that was begun for an older epoch explain the log, nor one that got nowhere.
    for unfinished in ["4", ""] {
        let disk = disk_with(&[
            (ACCEPTED, "6"),
            (CURRENT, "3"),
            ("currentEpoch.tmp", unfinished),
        ]);
        assert_eq!(files(&disk).load(in_epoch(5)).unwrap().current, 5);
    }
}

#[test]
fn files_that_contradict_the_log_are_refused_and_left_alone() {
    for contents in [
        &[(CURRENT, "3")][..],
        &[(ACCEPTED, "4"), (CURRENT, "3")],
        &[(ACCEPTED, "4"), (CURRENT, "3"), ("currentEpoch.tmp", "4")],
    ] {
        let disk = disk_with(contents);
        let error = files(&disk).load(in_epoch(5)).unwrap_err();
        assert!(matches!(error, EpochError::Behind { .. }), "{error}");
        assert!(error.to_string().contains("The current epoch, 3, is older"));
        assert_eq!(disk.operations(), 0);
    }
}

#[test]
fn an_accepted_epoch_below_the_current_one_is_refused() {
    let disk = disk_with(&[(ACCEPTED, "2"), (CURRENT, "3")]);
    let error = files(&disk).load(in_epoch(1)).unwrap_err();
    let text = "The accepted epoch, 2 is less than the current epoch, 3";
    assert!(error.to_string().starts_with(text), "{error}");
    // A missing one is that of the last transaction, which may be too low.
    let disk = disk_with(&[(CURRENT, "3")]);
    assert!(files(&disk).load(in_epoch(1)).is_err());
}

#[test]
fn what_is_no_number_is_refused() {
    for name in [ACCEPTED, CURRENT] {
        for bytes in ["", "five", "1 ", "99999999999999999999"] {
            let disk = disk_with(&[(ACCEPTED, "1"), (CURRENT, "1")]);
            disk.put(&dir().join(name), bytes.as_bytes());
            let error = files(&disk).load(Zxid::ZERO).unwrap_err();
            assert!(
                matches!(&error, EpochError::NotANumber { path, text } if path.ends_with(name) && text == bytes),
                "{error}"
            );
        }
    }
}

/// Saves two promises, and reports the last ones that were saved.
fn promise(disk: &MemDisk) -> Epochs {
    let mut saved = Epochs {
        accepted: 1,
        current: 1,
    };
    let files = files(disk);
    for epoch in [4, 12] {
        if files.save_accepted(epoch).is_err() {
            break;
        }
        saved.accepted = epoch;
        if files.save_current(epoch).is_err() {
            break;
        }
        saved.current = epoch;
    }
    saved
}

#[test]
fn a_saved_promise_is_kept_whatever_verb_the_power_is_cut_at() {
    let start = [(ACCEPTED, "1"), (CURRENT, "1")];
    let whole = disk_with(&start);
    promise(&whole);
    for at in 0..=whole.operations() {
        for seed in 0..40 {
            let disk = disk_with(&start);
            disk.fail_at(at, Fault::PowerLoss);
            let saved = promise(&disk);
            let after = disk.power_cut(match seed {
                0 => Unflushed::Lost,
                1 => Unflushed::Kept,
                seed => Unflushed::Tossed(seed),
            });
            let found = files(&after).load(in_epoch(1)).unwrap();
            let what = format!("{found:?} after {saved:?}, verb {at}, seed {seed}");
            assert!(found.accepted >= saved.accepted, "{what}");
            assert!(found.current >= saved.current, "{what}");
            assert!([1, 4, 12].contains(&found.accepted), "{what}");
            assert!([1, 4, 12].contains(&found.current), "{what}");
            assert!(found.current <= found.accepted, "{what}");
            assert_eq!(after.list(dir()).unwrap(), [ACCEPTED, CURRENT], "{what}");
        }
    }
}

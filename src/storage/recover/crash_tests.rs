//! Power cuts at every operation and every byte, and disks that refuse.

use proptest::prelude::*;

use crate::storage::testing::life::{
    AFTERMATHS, Death, Life, check_survivor, dirs, log_file, options, start_with_log,
    write_snapshot,
};
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::batch;
use crate::storage::txn_log::LogWriter;
use crate::types::Zxid;
use std::sync::Arc;

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

/// What a server does next.
#[derive(Debug, Clone)]
enum Deed {
    Append { records: i64, payload: usize },
    Flush,
    Roll,
    Snapshot,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1_i64..12, 0_usize..1200).prop_map(|(records, payload)| Deed::Append { records, payload }),
        3 => Just(Deed::Flush),
        1 => Just(Deed::Roll),
        1 => Just(Deed::Snapshot),
    ]
}

fn live(disk: &MemDisk, life: &mut Life, deeds: &[Deed]) -> Result<(), Death> {
    write_snapshot(disk, 0)?;
    let mut log = LogWriter::new(Arc::new(disk.clone()), &dirs().log, options(), Zxid::ZERO);
    for deed in deeds {
        match deed {
            Deed::Append { records, payload } => life.append(&mut log, *records, *payload)?,
            Deed::Flush => life.flush(&mut log)?,
            Deed::Roll => {
                log.roll()?;
            }
            // Only what is durable is ever applied, and only what is applied is in a snapshot.
            Deed::Snapshot => {
                write_snapshot(disk, life.acknowledged)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_life_survives_a_power_cut_anywhere(
        deeds in proptest::collection::vec(deed(), 1..25),
        at in 0_u64..90,
        seed: u64,
    ) {
        let disk = MemDisk::default();
        disk.fail_at(at, Fault::Full);
        let mut life = Life::default();
        let _ = live(&disk, &mut life, &deeds);
        let what = format!("operation {at}, seed {seed}");
        check_survivor(&disk.power_cut(Unflushed::Tossed(seed)), &life, &what);
    }
}

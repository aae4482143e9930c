//! The decision table, every row of it, and whole logs cut, zeroed and flipped at every byte.

use super::*;
use crate::storage::format::txn_log::{append_header, append_record};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

/// A body whose bytes are nowhere zero for long, with this zxid.
fn body(zxid: i64, length: usize) -> Vec<u8> {
    let mut body: Vec<u8> = (0..length)
        .map(|i| u8::try_from(i % 250).unwrap() + 1)
        .collect();
    body[BODY_ZXID].copy_from_slice(&zxid.to_be_bytes());
    body
}

/// A log with records of these lengths and zxids 1, 2, ..; also where each record starts, and the end.
fn log(lengths: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    append_header(&mut bytes);
    for (i, length) in lengths.iter().enumerate() {
        starts.push(bytes.len());
        append_record(&body(i64::try_from(i).unwrap() + 1, *length), &mut bytes);
    }
    starts.push(bytes.len());
    (bytes, starts)
}

fn scan(bytes: &[u8]) -> (Vec<i64>, Verdict) {
    let mut scanner = LogScanner::new(bytes, LIMIT);
    let mut zxids = Vec::new();
    loop {
        match scanner.step().unwrap() {
            Step::Record(record) => zxids.push(record.zxid.0),
            Step::End(verdict) => return (zxids, verdict),
        }
    }
}

fn padded(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.resize(length, 0);
    bytes
}

fn at(offset: usize) -> u64 {
    u64::try_from(offset).unwrap()
}

#[test]
fn the_table_is_total() {
    let flaw = Flaw::EndsInside;
    let mut seen = [0; 3];
    for bits in 0..32 {
        let [zero, hole, follows, sector, near] = [1, 2, 4, 8, 16].map(|bit| bits & bit != 0);
        let rest = Rest {
            zero,
            hole,
            follows,
            sector,
            near,
        };
        let torn = hole && (!follows || (sector && near));
        let (row, want) = match (zero, torn) {
            (true, _) => (0, Verdict::Clean { end: 99 }),
            (false, true) => (1, Verdict::Torn { end: 99, flaw }),
            (false, false) => {
                let at = 99;
                (2, Verdict::Corrupt { at, flaw, follows })
            }
        };
        seen[row] += 1;
        assert_eq!(judge(99, flaw, rest), want, "{rest:?}");
    }
    assert_eq!(seen, [16, 5, 11]);
    let flaw = Flaw::HeaderShort;
    assert_eq!(judge(0, flaw, Rest::ZERO), Verdict::Torn { end: 0, flaw });
}

#[test]
fn records_come_out_as_they_went_in() {
    let (bytes, starts) = log(&[32, 100, 3000]);
    let mut scanner = LogScanner::new(&bytes[..], LIMIT);
    for (i, length) in [32, 100, 3000].into_iter().enumerate() {
        let Step::Record(record) = scanner.step().unwrap() else {
            panic!("three records");
        };
        assert_eq!(record.offset, at(starts[i]));
        assert_eq!(record.body, body(i64::try_from(i).unwrap() + 1, length));
    }
    for _ in 0..2 {
        let Step::End(verdict) = scanner.step().unwrap() else {
            panic!("no fourth");
        };
        assert_eq!(verdict, Verdict::Clean { end: at(starts[3]) });
    }
}

#[test]
fn padding_of_any_length_carries_no_meaning() {
    let (bytes, starts) = log(&[40, 50]);
    for extra in [0, 1, 3, 4, 11, 12, 13, 511, 512, 4096, 3 << 20] {
        let (zxids, verdict) = scan(&padded(bytes.clone(), bytes.len() + extra));
        assert_eq!(zxids, [1, 2]);
        assert_eq!(verdict, Verdict::Clean { end: at(starts[2]) }, "{extra}");
    }
}

#[test]
fn a_log_without_records_is_clean_and_one_without_a_header_is_torn() {
    let (bytes, _) = log(&[]);
    assert_eq!(scan(&bytes), (vec![], Verdict::Clean { end: 16 }));
    assert_eq!(
        scan(&padded(bytes.clone(), 70_000)),
        (vec![], Verdict::Clean { end: 16 })
    );
    for length in 0..16 {
        let flaw = Flaw::HeaderShort;
        let torn = Verdict::Torn { end: 0, flaw };
        assert_eq!(scan(&bytes[..length]), (vec![], torn), "{length}");
    }
    let flaw = Flaw::Magic(0);
    let torn = Verdict::Torn { end: 0, flaw };
    assert_eq!(scan(&[0; 5000]), (vec![], torn));
}

#[test]
fn another_magic_number_is_corrupt() {
    let (mut bytes, _) = log(&[600]);
    bytes[0] = b'z';
    let (_, verdict) = scan(&bytes);
    assert!(
        matches!(
            verdict,
            Verdict::Corrupt {
                at: 0,
                flaw: Flaw::Magic(_),
                follows: true
            }
        ),
        "{verdict:?}"
    );
}

/// A log cut anywhere, as it would be without preallocation.
#[test]
fn every_prefix_keeps_its_whole_records() {
    let (bytes, starts) = log(&[40, 700, 33, 1500, 60]);
    for length in 16..=bytes.len() {
        let whole = starts.iter().filter(|start| **start <= length).count() - 1;
        let (zxids, verdict) = scan(&bytes[..length]);
        assert_eq!(zxids.len(), whole, "cut at {length}");
        let end = at(starts[whole]);
        let want = if starts[whole] == length {
            Verdict::Clean { end }
        } else {
            let flaw = Flaw::EndsInside;
            Verdict::Torn { end, flaw }
        };
        if starts[whole] != length && bytes[starts[whole]..length].iter().all(|byte| *byte == 0) {
            assert_eq!(
                verdict,
                Verdict::Clean { end },
                "the checksum's zeros, cut at {length}"
            );
        } else {
            assert_eq!(verdict, want, "cut at {length}");
        }
    }
}

/// A log whose last bytes were never written, in preallocated space.
#[test]
fn every_zeroed_tail_keeps_its_whole_records() {
    let (bytes, starts) = log(&[40, 700, 33, 1500, 60]);
    for length in 16..=bytes.len() {
        let whole = starts.iter().filter(|start| **start <= length).count() - 1;
        let file = padded(bytes[..length].to_vec(), bytes.len() + 5000);
        let (zxids, verdict) = scan(&file);
        assert_eq!(zxids.len(), whole, "cut at {length}");
        let cut = file[starts[whole]..].iter().any(|byte| *byte != 0);
        match verdict {
            Verdict::Clean { end } => assert!(!cut && end == at(starts[whole]), "cut at {length}"),
            Verdict::Torn { end, .. } => {
                assert!(cut && end == at(starts[whole]), "cut at {length}")
            }
            Verdict::Corrupt { .. } => panic!("cut at {length}: {verdict:?}"),
        }
    }
}

/// Every bit of a record's head and one of every other byte.
fn bits(from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    let head = (from..from + RECORD_HEAD_BYTES).flat_map(|byte| (0..8).map(move |bit| (byte, bit)));
    head.chain((from + RECORD_HEAD_BYTES..to).map(|byte| (byte, byte % 8)))
}

/// A bit of a record that is followed by another one is never taken for the end of the log.
#[test]
fn every_flipped_bit_of_an_inner_record_is_corruption() {
    let (bytes, starts) = log(&[40, 700, 33]);
    for file in [bytes.clone(), padded(bytes.clone(), bytes.len() + 9000)] {
        for byte in starts[1]..starts[2] {
            for bit in 0..8 {
                let mut file = file.clone();
                file[byte] ^= 1 << bit;
                let (zxids, verdict) = scan(&file);
                assert_eq!(zxids, [1], "byte {byte} bit {bit}");
                let Verdict::Corrupt {
                    at: offset,
                    follows,
                    ..
                } = verdict
                else {
                    panic!("byte {byte} bit {bit}: {verdict:?}");
                };
                assert!(follows && offset == at(starts[1]), "byte {byte} bit {bit}");
            }
        }
    }
}

/// The last record rots: everything of it is there, so it is not torn. A length that points beyond the
/// end of the used space looks as if the rest had not been written; only there doubt remains.
#[test]
fn flipped_bits_of_the_last_record() {
    let (bytes, starts) = log(&[40, 700]);
    let file = padded(bytes.clone(), bytes.len() + 9000);
    let length = starts[1] + 8..starts[1] + 12;
    for (byte, bit) in bits(starts[1], starts[2]) {
        let mut file = file.clone();
        file[byte] ^= 1 << bit;
        let (zxids, verdict) = scan(&file);
        assert_eq!(zxids, [1], "byte {byte} bit {bit}");
        match verdict {
            Verdict::Corrupt {
                at: offset,
                follows,
                ..
            } => {
                assert!(!follows && offset == at(starts[1]), "byte {byte} bit {bit}");
            }
            Verdict::Torn { .. } => assert!(length.contains(&byte), "byte {byte} bit {bit}"),
            Verdict::Clean { .. } => panic!("byte {byte} bit {bit}"),
        }
    }
}

/// Sectors of the last write reach the disk in any order; each may be missing.
#[test]
fn a_missing_sector_of_the_last_record_is_a_tear_even_if_its_end_survived() {
    let (bytes, starts) = log(&[40, 3000]);
    let file = padded(bytes.clone(), bytes.len() + 9000);
    let sectors = starts[1] / SECTOR_BYTES..starts[2].div_ceil(SECTOR_BYTES);
    for lost in sectors {
        let mut file = file.clone();
        let from = (lost * SECTOR_BYTES).max(starts[1]);
        let to = ((lost + 1) * SECTOR_BYTES).min(starts[2]);
        file[from..to].fill(0);
        let (zxids, verdict) = scan(&file);
        assert_eq!(zxids, [1]);
        assert!(
            matches!(verdict, Verdict::Torn { end, .. } if end == at(starts[1])),
            "sector {lost}: {verdict:?}"
        );
    }
}

/// Far from the end, a hole is one of acknowledged records: later writes got through.
#[test]
fn a_hole_with_records_far_behind_it_is_corruption() {
    let mut lengths = vec![40, 3000, 3000, 60];
    lengths.extend([16_000; 70]);
    let (bytes, starts) = log(&lengths);
    for (from, to) in [(starts[1], starts[2]), (starts[1], starts[3]), (1024, 2048)] {
        for extra in [0, 9000] {
            let mut file = padded(bytes.clone(), bytes.len() + extra);
            file[from..to].fill(0);
            let (zxids, verdict) = scan(&file);
            assert_eq!(zxids, [1]);
            assert!(
                matches!(verdict, Verdict::Corrupt { follows: true, .. }),
                "{from}..{to}: {verdict:?}"
            );
        }
    }
}

/// One flush wrote many records; each of its sectors got through or not.
#[test]
fn any_sectors_of_the_last_flush_may_be_missing() {
    let (bytes, starts) = log(&[40, 100, 100, 700, 100, 100, 100, 100, 100]);
    let acknowledged = starts[2];
    let file = padded(bytes.clone(), bytes.len() + 9000);
    let sectors = acknowledged / SECTOR_BYTES..bytes.len().div_ceil(SECTOR_BYTES);
    for kept in 0..1_u32 << sectors.len() {
        let mut file = file.clone();
        for (i, sector) in sectors.clone().enumerate() {
            if kept & 1 << i == 0 {
                let from = (sector * SECTOR_BYTES).max(acknowledged);
                file[from..(sector + 1) * SECTOR_BYTES].fill(0);
            }
        }
        let (zxids, verdict) = scan(&file);
        assert!(zxids.len() >= 2, "{kept:b}");
        assert_eq!(
            zxids,
            (1..=i64::try_from(zxids.len()).unwrap()).collect::<Vec<_>>()
        );
        assert!(
            !matches!(verdict, Verdict::Corrupt { .. }),
            "{kept:b}: {verdict:?}"
        );
    }
}

#[test]
fn an_end_mark_that_is_neither_b_nor_zero_is_corruption() {
    let (mut bytes, starts) = log(&[40, 50]);
    bytes[starts[2] - 1] = b'C';
    let flaw = Flaw::EndMark(b'C');
    let corrupt = Verdict::Corrupt {
        at: at(starts[1]),
        flaw,
        follows: false,
    };
    assert_eq!(scan(&bytes), (vec![1], corrupt));
    // Zero: the write stopped one byte early.
    bytes[starts[2] - 1] = 0;
    let flaw = Flaw::EndMark(0);
    let end = at(starts[1]);
    assert_eq!(scan(&bytes), (vec![1], Verdict::Torn { end, flaw }));
}

#[test]
fn lengths_that_no_transaction_has() {
    for length in [
        -1,
        -2,
        i32::MIN,
        31,
        i32::try_from(LIMIT).unwrap() + 1,
        i32::MAX,
    ] {
        let (mut bytes, starts) = log(&[40, 600, 50]);
        bytes[starts[1] + 8..starts[1] + 12].copy_from_slice(&length.to_be_bytes());
        let (zxids, verdict) = scan(&bytes);
        assert_eq!(zxids, [1]);
        let corrupt = Verdict::Corrupt {
            at: at(starts[1]),
            flaw: Flaw::Length(length),
            follows: true,
        };
        assert_eq!(verdict, corrupt);
    }
}

/// Data that contains a record of an older zxid is data.
#[test]
fn a_record_inside_a_payload_does_not_follow() {
    let mut inner = Vec::new();
    append_record(&body(1, 40), &mut inner);
    let (mut bytes, starts) = log(&[40, 60]);
    let mut outer = body(3, 2000);
    outer[1500..1500 + inner.len()].copy_from_slice(&inner);
    append_record(&outer, &mut bytes);
    bytes.pop();
    let (zxids, verdict) = scan(&bytes);
    assert_eq!(zxids, [1, 2]);
    let end = at(starts[2]);
    let flaw = Flaw::EndsInside;
    assert_eq!(verdict, Verdict::Torn { end, flaw });
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_verdict(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        is_log: bool,
    ) {
        if is_log && bytes.len() >= 16 {
            bytes[..4].copy_from_slice(b"ZKLG");
        }
        scan(&bytes);
    }

    #[test]
    fn logs_round_trip(lengths in proptest::collection::vec(32_usize..5000, 0..40), extra in 0_usize..20_000) {
        let (bytes, starts) = log(&lengths);
        let end = at(*starts.last().unwrap());
        let length = bytes.len() + extra;
        let (zxids, verdict) = scan(&padded(bytes, length));
        prop_assert_eq!(zxids.len(), lengths.len());
        prop_assert_eq!(verdict, Verdict::Clean { end });
    }
}

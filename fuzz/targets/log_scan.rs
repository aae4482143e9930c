//! A transaction log after an accident. Any bytes: the scan ends, with records in ascending order of place. A log of
//! ours cut off anywhere, with nothing or with zeros behind the cut: every whole record before it, and no complaint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::txn::LoggedTxn;
use oxkeeper::storage::format::scan::{LogScanner, Step, Verdict};
use oxkeeper::storage::format::txn_log::{append_header, append_record};

const RECORD_BYTES_MAX: usize = 4096;
/// Of a transaction's header, the zxid in the middle.
const TXN_HEADER_BYTES: usize = 32;
/// A file's first field.
const MAGIC_BYTES: usize = 4;

/// The places of the records, and how the log ends.
fn scan(log: &[u8]) -> (Vec<u64>, Verdict) {
    let mut scanner = LogScanner::new(log, RECORD_BYTES_MAX);
    let mut offsets = Vec::new();
    loop {
        match scanner.step().expect("bytes in memory can be read") {
            Step::End(verdict) => return (offsets, verdict),
            Step::Record(record) => {
                assert!(offsets.last().is_none_or(|last| *last < record.offset));
                offsets.push(record.offset);
                if let Ok(logged) = LoggedTxn::decode(record.body) {
                    let mut again = Vec::new();
                    logged.append(&mut again);
                    let twice = LoggedTxn::decode(&again).expect("what was encoded");
                    assert_eq!(twice, logged);
                }
            }
        }
    }
}

/// A whole log: each pair of bytes is a record's length and filling. Returns where records begin, and the end.
fn build(pairs: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut log = Vec::new();
    append_header(&mut log);
    let mut places = vec![log.len()];
    for (number, pair) in (1_i64..).zip(pairs.chunks_exact(2)) {
        let mut body = vec![0; TXN_HEADER_BYTES];
        body[12..20].copy_from_slice(&number.to_be_bytes());
        body.resize(TXN_HEADER_BYTES + usize::from(pair[0]), pair[1]);
        append_record(&body, &mut log);
        places.push(log.len());
    }
    (log, places)
}

fn cut(pairs: &[u8], at: u16, zeros: bool) {
    let (mut log, places) = build(pairs);
    let at = usize::from(at) % (log.len() + 1);
    if zeros {
        log[at..].fill(0);
    } else {
        log.truncate(at);
    }
    let (records, verdict) = scan(&log);
    let whole = places[1..].iter().filter(|end| **end <= at).count();
    assert_eq!(records.len(), whole, "{verdict:?}");
    // Of the file's header only the magic number is looked at: with it and zeros, it is whole.
    let header_whole = at >= places[0] || (zeros && at >= MAGIC_BYTES);
    let end = if header_whole { places[whole] } else { 0 };
    match verdict {
        Verdict::Clean { end: found } | Verdict::Torn { end: found, .. } => {
            assert_eq!(found, u64::try_from(end).expect("small"), "{verdict:?}");
        }
        Verdict::Corrupt { .. } => panic!("a cut is no rot: {verdict:?}"),
    }
}

fuzz_target!(|input: &[u8]| {
    match input {
        [0, rest @ ..] => drop(scan(rest)),
        [mode, high, low, pairs @ ..] => {
            let pairs = &pairs[..pairs.len().min(64)];
            cut(pairs, u16::from_be_bytes([*high, *low]), mode % 2 == 0);
        }
        _ => {}
    }
});

//! A million watches on a million paths: what they cost the process, measured from outside. Alone in its
//! file, because a process has one resident size.

#![cfg(target_os = "linux")]

use oxkeeper::types::ConnId;
use oxkeeper::watch::{Mode, Table, Watches};

const WATCHES: u64 = 1_000_000;

/// Bytes of memory the process has in use.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it here");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib = kib.and_then(|kib| kib.parse::<u64>().ok());
    kib.expect("VmRSS is a number of kB") * 1024
}

/// The bytes that a million watches add, each on a path of its own of 27 bytes, from 1,000 connections.
#[test]
fn a_million_watches_cost_less_than_128_bytes_each() {
    let mut watches = Watches::new(1);
    let before = resident_bytes();
    for n in 0..WATCHES {
        let path = format!("/app/members/member-{n:07}");
        assert_eq!(path.len(), 27);
        watches.add(ConnId(n % 1000), &path, Table::Data, Mode::Standard);
    }
    let each = (resident_bytes() - before) / WATCHES;
    assert_eq!(watches.total(), 1_000_000);
    assert!((60..128).contains(&each), "{each} bytes each");
}

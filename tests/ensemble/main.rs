//! Ensembles of real processes: they elect, replicate, lose members and take them back.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod client;
mod cluster;
mod member;

mod catching_up;
mod leaders;
mod operators;
mod sessions;

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Generous: machines are slow and loaded.
const DEADLINE: Duration = Duration::from_secs(90);

/// Waits for something to become true.
#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

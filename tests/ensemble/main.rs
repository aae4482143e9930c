//! Ensembles of real processes: they elect, replicate, lose members and take them back.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod client;
mod cluster;
mod member;
mod moving;
mod oracle;

mod catching_up;
mod failing_flushes;
mod impostors;
mod leaders;
mod local_sessions;
mod observer_masters;
mod operators;
mod pipelines;
mod read_only;
mod sessions;
mod strangers;
mod troubles;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;

/// The program under test.
fn program(settings: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxkeeper"));
    command.arg("server").arg(settings);
    command
}

/// The same, started where its settings file is.
fn at_home(settings: &Path) -> Command {
    let mut command = program(settings);
    command.current_dir(settings.parent().expect("a file is in a directory"));
    command
}

/// Voters, then observers; none runs yet.
fn ensemble(voters: usize, observers: usize, lines: &str) -> Cluster {
    let programs = vec![program as member::Launch; voters + observers];
    Cluster::of(&programs, voters, lines)
}

/// Three voters that run and serve.
fn of_three() -> Cluster {
    let mut cluster = ensemble(3, 0, "");
    cluster.start_all();
    cluster.settle();
    cluster
}

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

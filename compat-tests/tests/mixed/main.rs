//! Ensembles of Apache's servers and ours: they elect each other, replicate to each other, bring each other up
//! to date, and have equal trees at the end. The members are those of `tests/ensemble`; only the programs differ.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "../../../tests/ensemble/client.rs"]
mod client;
#[path = "../../../tests/ensemble/cluster.rs"]
mod cluster;
#[path = "../../../tests/ensemble/member.rs"]
mod member;
#[path = "../../../tests/ensemble/moving.rs"]
mod moving;
#[path = "../../../tests/ensemble/oracle.rs"]
mod oracle;

mod catching_up;
mod changes;
mod client_ports;
mod historian;
mod histories;
mod islands;
mod leader_serves;
mod metrics;
mod moved;
mod observer_masters;
mod older;
mod operator;
mod oracles;
mod read_only;
mod replication;
mod rolling;
mod sessions;

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::java::{ClassPath, NEWEST, Project};
use compat_tests::server::oxkeeper_binary;

use crate::cluster::Cluster;
use crate::member::Launch;

/// How long anything may take before a test gives up. Generous: machines are slow and loaded.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits for something to become true.
#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

static APACHE: LazyLock<ClassPath> =
    LazyLock::new(|| Project::apache(NEWEST).build().expect("Apache's server"));

/// Apache's server.
fn java(settings: &Path) -> Command {
    java_of(&APACHE, settings)
}

/// Apache's server of some release.
fn java_of(release: &ClassPath, settings: &Path) -> Command {
    let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let mut command = release.command(main, &[("zookeeper.admin.enableServer", "false")]);
    command.arg(settings);
    command
}

/// This project's server.
fn ours(settings: &Path) -> Command {
    let mut command = Command::new(oxkeeper_binary().expect("a build of the program"));
    command.arg("server").arg(settings);
    command
}

/// Whether to look at what takes long, and at Apache's servers alone: `COMPAT_THOROUGH`.
fn thorough() -> bool {
    std::env::var_os("COMPAT_THOROUGH").is_some()
}

/// Every mix of three members. Of members that know the same, the one with the largest number leads.
const MIXES: [[Launch; 3]; 6] = [
    [java, java, ours],
    [ours, java, java],
    [java, ours, java],
    [ours, ours, java],
    [java, ours, ours],
    [ours, java, ours],
];

/// Three members of these programs that run and serve.
fn of_three(programs: &[Launch; 3]) -> Cluster {
    let mut cluster = Cluster::of(programs, 3, "");
    cluster.start_all();
    cluster.settle();
    cluster
}

/// A test for each mix.
macro_rules! in_every_mix {
    ($($scenario:ident)*) => {$(
        mod $scenario {
            #[test]
            fn two_of_apaches_led_by_ours() { super::$scenario(&crate::MIXES[0]); }
            #[test]
            fn two_of_apaches_the_first_is_ours() { super::$scenario(&crate::MIXES[1]); }
            #[test]
            fn two_of_apaches_the_second_is_ours() { super::$scenario(&crate::MIXES[2]); }
            #[test]
            fn two_of_ours_led_by_apaches() { super::$scenario(&crate::MIXES[3]); }
            #[test]
            fn two_of_ours_the_first_is_apaches() { super::$scenario(&crate::MIXES[4]); }
            #[test]
            fn two_of_ours_the_second_is_apaches() { super::$scenario(&crate::MIXES[5]); }
        }
    )*};
}
use in_every_mix;

//! The server is killed again and again under load: nothing acknowledged is lost, nothing is applied twice, nothing
//! appears that nobody wrote, and sessions with their ephemerals outlive the crash.
//!
//! `COMPAT_CRASH_ROUNDS` sets the number of crashes (6 if unset).

use std::time::Duration;

use anyhow::{Context, Result};
use compat_tests::java::{NEWEST, Project};
use compat_tests::program;
use compat_tests::server::{Options, Server, kinds};

#[test]
fn what_was_acknowledged_survives_kill_9() -> Result<()> {
    let rounds: u32 = match std::env::var("COMPAT_CRASH_ROUNDS") {
        Ok(text) => text.parse().context("COMPAT_CRASH_ROUNDS")?,
        Err(_) => 6,
    };
    let sources = &["common", "crash"];
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: NEWEST,
        sources,
    }
    .build()?;
    for kind in kinds() {
        // Snapshots and new log files are begun all the time, so that crashes meet them half done.
        let options = Options::default()
            .set("snapCount", 300)
            .set("preAllocSize", 256);
        let mut server = Server::start(kind, options)?;
        let mut client = class_path.scenario("Crash", &server.address());
        client.arg(rounds.to_string());
        let limit = Duration::from_secs(120 + 30 * u64::from(rounds));
        program::run(&mut server, vec![client], limit)
            .with_context(|| format!("against {kind}"))?;
    }
    Ok(())
}

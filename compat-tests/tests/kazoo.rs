//! kazoo, the Python client: its operations and states from one process, its recipes from several.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use compat_tests::program;
use compat_tests::python::Environment;
use compat_tests::server::{Options, Server, kinds};

/// kazoo waits for the answer to its handshake as long as the session that it asks for. Apache's server, when a handshake
/// reaches it in the middle of its start, may never answer it: the session must be much longer than that wait.
fn options() -> Options {
    Options::default()
        .set("minSessionTimeout", 60_000)
        .set("maxSessionTimeout", 60_000)
}

/// How many processes share the recipes.
const PROCESSES: usize = 3;

fn kazoo() -> Result<Environment> {
    Environment::with("kazoo", &["kazoo==2.11.0"])
}

#[test]
fn operations_states_and_sessions() -> Result<()> {
    for kind in kinds() {
        let mut server = Server::start(kind, options())?;
        let program = kazoo()?.script("kazoo_basics.py", &server.address());
        program::run(&mut server, vec![program], Duration::from_secs(180))
            .with_context(|| format!("against {kind}"))?;
    }
    Ok(())
}

#[test]
fn recipes_between_processes_across_restarts() -> Result<()> {
    for kind in kinds() {
        let mut server = Server::start(kind, options())?;
        let environment = kazoo()?;
        let workers = (0..PROCESSES).map(|worker| {
            let mut program = environment.script("kazoo_recipes.py", &server.address());
            program.args([worker.to_string(), PROCESSES.to_string()]);
            program
        });
        let workers: Vec<Command> = workers.collect();
        program::run(&mut server, workers, Duration::from_secs(300))
            .with_context(|| format!("against {kind}"))?;
    }
    Ok(())
}

//! Curator: its operations, transactions and caches from one process, its recipes from several.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use compat_tests::java::{ClassPath, Project};
use compat_tests::program;
use compat_tests::server::{Options, Server, kinds};

/// How many processes share the recipes.
const PROCESSES: usize = 3;

fn curator() -> Result<ClassPath> {
    let sources = &["common", "recipes"];
    Project {
        pom: "curator",
        zookeeper: "its-own",
        sources,
    }
    .build()
}

#[test]
fn operations_transactions_and_caches() -> Result<()> {
    for kind in kinds() {
        let mut server = Server::start(kind, Options::default())?;
        let program = curator()?.scenario("Framework", &server.address());
        program::run(&mut server, vec![program], Duration::from_secs(180))
            .with_context(|| format!("against {kind}"))?;
    }
    Ok(())
}

#[test]
fn recipes_between_processes_across_restarts() -> Result<()> {
    for kind in kinds() {
        let mut server = Server::start(kind, Options::default())?;
        let class_path = curator()?;
        let workers = (0..PROCESSES).map(|worker| {
            let mut program = class_path.scenario("Recipes", &server.address());
            program.args([worker.to_string(), PROCESSES.to_string()]);
            program
        });
        let workers: Vec<Command> = workers.collect();
        program::run(&mut server, workers, Duration::from_secs(300))
            .with_context(|| format!("against {kind}"))?;
    }
    Ok(())
}

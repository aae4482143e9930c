//! `scripts/conformance.sh`: runs a foreign suite, class by class, and compares with its table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use compat_tests::server::kinds;
use compat_tests::suite::{Suite, Table, Verdict, read_table, surprises};

fn main() -> Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let suite = args
        .next()
        .context("usage: conformance apache [class ...]")?;
    if suite != "apache" {
        bail!("no such suite: {suite}");
    }
    let table = read_table(&table_of(&suite))?;
    let classes: Vec<String> = args.collect();
    let mut strange = 0;
    for kind in kinds() {
        println!("--- {suite} against {kind}");
        let suite = Suite::apache(kind)?;
        strange += run(&suite, &table, &classes)?;
    }
    Ok(if strange == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn table_of(suite: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("suites")
        .join(suite)
        .with_extension("tsv")
}

/// Runs the classes asked for, or all that the table does not leave out. Returns how many were not as expected.
fn run(suite: &Suite, table: &Table, asked: &[String]) -> Result<usize> {
    let none = Verdict::Passes(Default::default());
    let classes: Vec<(&String, &Verdict)> = if asked.is_empty() {
        table.iter().collect()
    } else {
        let verdict = |class| table.get(class).unwrap_or(&none);
        asked.iter().map(|class| (class, verdict(class))).collect()
    };
    let (mut passed, mut methods, mut left, mut strange) = (0, 0, 0, 0);
    for (class, verdict) in classes {
        let excepted = match verdict {
            Verdict::Passes(excepted) => excepted,
            Verdict::Left(_) if asked.is_empty() => {
                left += 1;
                continue;
            }
            Verdict::Left(_) => &Default::default(),
        };
        let began = Instant::now();
        let outcomes = suite.run(class)?;
        let found = surprises(&outcomes, excepted);
        let good = outcomes.iter().filter(|outcome| outcome.result == "pass");
        let good = good.count();
        println!(
            "{} {class}: {good} of {} methods pass, {:.1} s",
            if found.is_empty() { "ok  " } else { "FAIL" },
            outcomes.len(),
            began.elapsed().as_secs_f64()
        );
        for line in &found {
            println!("     {line}");
        }
        methods += good;
        passed += usize::from(found.is_empty());
        strange += usize::from(!found.is_empty());
    }
    println!(
        "{passed} classes as expected ({methods} methods passed), {strange} not, {left} left out"
    );
    Ok(strange)
}

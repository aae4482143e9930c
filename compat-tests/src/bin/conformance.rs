//! `scripts/conformance.sh`: runs a foreign suite, class by class, and compares with its table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use compat_tests::server::{Kind, kinds};
use compat_tests::suite::curator::Curator;
use compat_tests::suite::kazoo::Kazoo;
use compat_tests::suite::{Outcome, Suite, Table, Verdict, read_table, surprises};

/// How often a class is run at most, until one run is as expected. Foreign tests have races of their own, and Curator's own
/// build runs twice more what failed. What was not as expected is printed each time.
const ATTEMPTS: usize = 3;

/// Which suite.
enum Examination {
    Apache(Suite),
    Curator(Curator),
    Kazoo(Kazoo),
}

impl Examination {
    fn new(suite: &str, kind: Kind) -> Result<Self> {
        Ok(match suite {
            "apache" => Self::Apache(Suite::apache(kind)?),
            "curator" => Self::Curator(Curator::new(kind)?),
            "kazoo" => Self::Kazoo(Kazoo::new(kind)?),
            other => bail!("no such suite: {other}"),
        })
    }

    fn run(&self, class: &str) -> Result<Vec<Outcome>> {
        match self {
            Self::Apache(suite) => suite.run(class),
            Self::Curator(suite) => suite.run(class),
            Self::Kazoo(suite) => suite.run(class),
        }
    }
}

fn main() -> Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let suite = args
        .next()
        .context("usage: conformance apache|curator|kazoo [class ...]")?;
    let table = read_table(&table_of(&suite))?;
    let classes: Vec<String> = args.collect();
    let mut strange = 0;
    for kind in kinds() {
        println!("--- {suite} against {kind}");
        let suite = Examination::new(&suite, kind)?;
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
fn run(suite: &Examination, table: &Table, asked: &[String]) -> Result<usize> {
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
        let mut outcomes = suite.run(class)?;
        let mut found = surprises(&outcomes, excepted);
        for _ in 1..ATTEMPTS {
            if found.is_empty() {
                break;
            }
            println!("again {class}: {}", found.join("; "));
            outcomes = suite.run(class)?;
            found = surprises(&outcomes, excepted);
        }
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

//! `scripts/conformance.sh`: runs a foreign suite, class by class, and compares with its table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use compat_tests::server::{Kind, kinds};
use compat_tests::suite::{MOST_AT_ONCE, Report, Suite};
use compat_tests::table::{self, Row, Table, Verdict};

const USAGE: &str = "usage: conformance apache [--jobs N] [--ci | class ...]";

fn main() -> Result<ExitCode> {
    let asked = Asked::read(std::env::args().skip(1))?;
    let table = table::read(&listed(&asked.suite, "tsv"))?;
    let mut strange = 0;
    for kind in kinds() {
        println!("--- {} against {kind}", asked.suite);
        strange += run(&Suite::apache(kind)?, &table, &asked)?;
    }
    Ok(if strange == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the command line asks for.
struct Asked {
    suite: String,
    jobs: usize,
    /// The classes named; all that the table does not leave out if none is.
    classes: Vec<String>,
}

impl Asked {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let suite = args.next().context(USAGE)?;
        if suite != "apache" {
            bail!("no such suite: {suite}");
        }
        let (mut jobs, mut classes) = (1, Vec::new());
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--jobs" => jobs = args.next().context(USAGE)?.parse()?,
                "--ci" => classes.extend(lines(&listed(&suite, "ci"))?),
                flag if flag.starts_with('-') => bail!("{flag}: {USAGE}"),
                _ => classes.push(arg),
            }
        }
        if !(1..=MOST_AT_ONCE).contains(&jobs) {
            bail!("--jobs: want 1 to {MOST_AT_ONCE}");
        }
        Ok(Self {
            suite,
            jobs,
            classes,
        })
    }
}

fn listed(suite: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("suites")
        .join(suite)
        .with_extension(extension)
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// Runs the classes asked for, or all that the table does not leave out. Returns how many were not as expected.
fn run(suite: &Suite, table: &Table, asked: &Asked) -> Result<usize> {
    let unknown = Row {
        verdict: Verdict::Passes,
        detail: String::new(),
        excepted: BTreeMap::new(),
    };
    let classes: Vec<(&String, &Row)> = if asked.classes.is_empty() {
        let applicable = |(_, row): &(&String, &Row)| row.verdict == Verdict::Passes;
        table.iter().filter(applicable).collect()
    } else {
        let row = |class| table.get(class).unwrap_or(&unknown);
        asked.classes.iter().map(|it| (it, row(it))).collect()
    };
    let waiting = Mutex::new(classes.into_iter());
    let (mut passed, mut methods, mut strange) = (0, 0, 0);
    thread::scope(|scope| {
        let (done, results) = mpsc::channel();
        for slot in 0..asked.jobs {
            let (waiting, done) = (&waiting, done.clone());
            scope.spawn(move || {
                while let Some((class, row)) = next(waiting) {
                    let began = Instant::now();
                    let report = suite.run(class, slot);
                    let sent = done.send((class, row, report, began.elapsed()));
                    sent.expect("the results are read to the end");
                }
            });
        }
        drop(done);
        for (class, row, report, took) in results {
            let report = report.with_context(|| class.clone())?;
            let good = told(suite.kind(), class, row, &report, took);
            methods += report.passed();
            passed += usize::from(good);
            strange += usize::from(!good);
        }
        anyhow::Ok(())
    })?;
    println!("{passed} classes as expected ({methods} methods passed), {strange} not");
    Ok(strange)
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().expect("no thread panics with it").next()
}

/// Prints what a class did, and says whether that was expected. Exceptions are those of our server: with Apache's, a method that is
/// excepted may pass.
fn told(kind: Kind, class: &str, row: &Row, report: &Report, took: Duration) -> bool {
    let ours = kind == Kind::Oxkeeper;
    let mut found = report.surprises(row, ours);
    if !ours {
        found.retain(|line| !line.ends_with("is excepted and does not fail"));
    }
    println!(
        "{} {class}: {} of {} methods pass, {} servers, {:.1} s",
        if found.is_empty() { "ok  " } else { "FAIL" },
        report.passed(),
        report.outcomes.len(),
        report.servers,
        took.as_secs_f64()
    );
    for line in &found {
        println!("     {line}");
    }
    found.is_empty()
}

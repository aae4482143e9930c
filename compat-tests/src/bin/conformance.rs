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
use compat_tests::suite::curator::Curator;
use compat_tests::suite::kazoo::Kazoo;
use compat_tests::suite::{MOST_AT_ONCE, Report, Suite};
use compat_tests::table::{self, Row, Table, Verdict};

const USAGE: &str = "usage: conformance apache|curator|kazoo [--jobs N] [--ci | class ...]";

fn main() -> Result<ExitCode> {
    let asked = Asked::read(std::env::args().skip(1))?;
    let table = table::read(&listed(&asked.suite, "tsv"))?;
    let mut strange = 0;
    for kind in kinds() {
        println!("--- {} against {kind}", asked.suite);
        strange += run(&Examination::new(&asked.suite, kind)?, &table, &asked)?;
    }
    Ok(if strange == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One of the suites.
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
            _ => bail!("no such suite: {suite}"),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Apache(suite) => suite.kind(),
            Self::Curator(suite) => suite.kind(),
            Self::Kazoo(suite) => suite.kind(),
        }
    }

    /// How often a class is run at most, until one run is as expected. These suites have races of their own; Curator's own build
    /// runs what failed twice more.
    fn attempts(&self) -> usize {
        match self {
            Self::Apache(_) => 1,
            Self::Curator(_) | Self::Kazoo(_) => 3,
        }
    }

    fn run_once(&self, class: &str, slot: usize) -> Result<Report> {
        match self {
            Self::Apache(suite) => suite.run(class, slot),
            Self::Curator(suite) => suite.run(class),
            Self::Kazoo(suite) => suite.run(class),
        }
    }

    /// The first run that is as expected, or the last; says what was not as expected in others.
    fn run(&self, class: &str, row: &Row, slot: usize) -> Result<Report> {
        let mut report = self.run_once(class, slot)?;
        for _ in 1..self.attempts() {
            let found = surprises(self.kind(), row, &report);
            if found.is_empty() {
                break;
            }
            println!("again {class}: {}", found.join("; "));
            report = self.run_once(class, slot)?;
        }
        Ok(report)
    }
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
fn run(suite: &Examination, table: &Table, asked: &Asked) -> Result<usize> {
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
                    let report = suite.run(class, row, slot);
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

/// Prints what a class did, and says whether that was expected.
fn told(kind: Kind, class: &str, row: &Row, report: &Report, took: Duration) -> bool {
    let found = surprises(kind, row, report);
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

/// What is not as the table says. Exceptions are those of our server: with Apache's, a method that is excepted may pass.
fn surprises(kind: Kind, row: &Row, report: &Report) -> Vec<String> {
    let ours = kind == Kind::Oxkeeper;
    let mut found = report.surprises(row, ours);
    if !ours {
        found.retain(|line| !line.ends_with("is excepted and does not fail"));
    }
    found
}

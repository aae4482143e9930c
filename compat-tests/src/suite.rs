//! Foreign test suites as examiners. A suite's own, unmodified test classes run in a process of their own each, and start
//! the server through classes of ours; a table says what is expected of every class ([`crate::table`]).

mod attempt;
pub mod curator;
pub mod kazoo;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::java::{ClassPath, NEWEST, Project};
use crate::server::{self, Kind};
use crate::suite::attempt::Attempt;
use crate::table::Row;

/// The longest a class may take.
const CLASS_LIMIT: Duration = Duration::from_secs(1200);
/// How the reason of an exception begins that a method needs only now and then.
const SOMETIMES: &str = "sometimes: ";
/// How many classes can run at once: the suite parts the ports among so many.
pub const MOST_AT_ONCE: usize = 8;

/// A suite and the classes that start servers for it.
#[derive(Debug)]
pub struct Suite {
    classes: ClassPath,
    kind: Kind,
    /// The binary, for servers of the kind that has one.
    binary: Option<PathBuf>,
}

/// What one class did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What its methods did.
    pub outcomes: Vec<Outcome>,
    /// How many server processes it started.
    pub servers: usize,
}

/// What one method did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name, with arguments where it is run several times.
    pub method: String,
    /// `pass`, `skip` or `fail`.
    pub result: String,
    /// Why.
    pub reason: String,
}

impl Suite {
    /// Apache's own tests, to be run against a server of this kind: our process, or Apache's classes in the same virtual
    /// machine, as they were written for.
    ///
    /// # Errors
    /// When it cannot be fetched or built.
    pub fn apache(kind: Kind) -> Result<Self> {
        let ours = kind == Kind::Oxkeeper;
        let project = Project {
            pom: "suite",
            zookeeper: NEWEST,
            sources: if ours {
                &["suite", "bridge"]
            } else {
                &["suite"]
            },
        };
        let mut classes = project.build()?;
        if ours {
            classes = classes.woven("suite-woven", "oxkeeper.examiner.Weaver")?;
        }
        let binary = ours.then(server::oxkeeper_binary).transpose()?;
        Ok(Suite {
            classes,
            kind,
            binary,
        })
    }

    /// Whose server is examined.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The names of all test classes of the suite.
    ///
    /// # Errors
    /// When the program that lists them fails.
    pub fn class_names(&self) -> Result<BTreeSet<String>> {
        let none: [(&str, &str); 0] = [];
        let output = self
            .classes
            .command("oxkeeper.examiner.Examiner", &none)
            .args(["--list", "org.apache.zookeeper.ZKTestCase"])
            .output()
            .context("cannot start `java`")?;
        anyhow::ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Runs one class and says what its methods did. Of classes that run at once, each has a `slot` of its own, below
    /// [`MOST_AT_ONCE`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, class: &str, slot: usize) -> Result<Report> {
        let attempt = Attempt::prepare(&format!("suite/{}", self.kind), class)?;
        let mut command = self.command(attempt.dir(), slot);
        command
            .arg(class)
            .stdout(fs::File::create(attempt.results())?);
        attempt.run(&mut command, CLASS_LIMIT, Signal::TERM)
    }

    fn command(&self, dir: &Path, slot: usize) -> Command {
        let mut properties = vec![
            ("build.test.dir", dir.join("build").display().to_string()),
            // As in the project's own build.
            (
                "zookeeper.DigestAuthenticationProvider.superDigest",
                "super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned(),
            ),
            ("compat.log.level", "INFO".to_owned()),
            ("test.junit.threads", MOST_AT_ONCE.to_string()),
            ("zookeeper.junit.threadid", (slot + 1).to_string()),
        ];
        if let Some(binary) = &self.binary {
            properties.push(("examiner.binary", binary.display().to_string()));
            properties.push(("examiner.work", dir.join("servers").display().to_string()));
        }
        self.classes
            .command("oxkeeper.examiner.Examiner", &properties)
    }
}

impl Outcome {
    fn broken(reason: String) -> Self {
        Self {
            method: "-".to_owned(),
            result: "fail".to_owned(),
            reason,
        }
    }
}

impl Report {
    fn read(said: &str) -> Self {
        let mut report = Self::default();
        for line in said.lines() {
            let fields: Vec<_> = line.splitn(4, '\t').skip(1).collect();
            match fields[..] {
                ["-", "servers", count] => report.servers = count.parse().unwrap_or_default(),
                [method, result, reason] => report.outcomes.push(Outcome {
                    method: method.to_owned(),
                    result: result.to_owned(),
                    reason: reason.to_owned(),
                }),
                _ => {}
            }
        }
        report
    }

    /// How many methods did what they test.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|it| it.result == "pass")
            .count()
    }

    /// What is not as the table says: failures that are not excepted, exceptions that pass, and a class that proves
    /// nothing, because no method passed, or none of ours was started for it where `started` asks for one.
    #[must_use]
    pub fn surprises(&self, row: &Row, started: bool) -> Vec<String> {
        let mut found = Vec::new();
        let failures = self.outcomes.iter().filter(|it| it.result == "fail");
        for outcome in failures.clone() {
            if !row.excepted.contains_key(&outcome.method) {
                found.push(format!("{} fails: {}", outcome.method, outcome.reason));
            }
        }
        let failed: BTreeSet<_> = failures.map(|it| it.method.as_str()).collect();
        for (method, reason) in &row.excepted {
            if !failed.contains(method.as_str()) && !reason.starts_with(SOMETIMES) {
                found.push(format!("{method} is excepted and does not fail"));
            }
        }
        if self.passed() == 0 {
            found.push("no method passed".to_owned());
        }
        if started && self.servers == 0 {
            found.push("no server was started".to_owned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Verdict;

    fn row(excepted: &[&str]) -> Row {
        let reason = |method: &&str| ((*method).to_owned(), "reason".to_owned());
        Row {
            verdict: Verdict::Passes,
            detail: String::new(),
            excepted: excepted.iter().map(reason).collect(),
        }
    }

    #[test]
    fn a_failure_and_a_stale_exception_are_surprises() {
        let report = Report::read(
            "X\ta()\tfail\tbecause\nX\tb()\tfail\t\nX\tc()\tpass\t\nX\t-\tservers\t2\nnoise\n",
        );
        assert_eq!((report.passed(), report.servers), (1, 2));
        assert_eq!(
            report.surprises(&row(&["b()", "c()"]), true),
            ["a() fails: because", "c() is excepted and does not fail"]
        );
        assert!(report.surprises(&row(&["a()", "b()"]), true).is_empty());
    }

    #[test]
    fn what_fails_sometimes_may_pass() {
        let mut row = row(&["a()"]);
        let reason = format!("{SOMETIMES}reason");
        row.excepted.insert("a()".to_owned(), reason);
        for result in ["pass", "fail"] {
            let report = Report::read(&format!("X\tb()\tpass\t\nX\ta()\t{result}\t\n"));
            assert!(report.surprises(&row, false).is_empty(), "{result}");
        }
    }

    #[test]
    fn a_class_that_proves_nothing_is_a_surprise() {
        let report = Report::read("X\ta()\tskip\t\nX\t-\tservers\t0\n");
        assert_eq!(
            report.surprises(&row(&[]), true),
            ["no method passed", "no server was started"]
        );
        assert_eq!(report.surprises(&row(&[]), false), ["no method passed"]);
        assert_eq!(
            Report::read("").surprises(&row(&[]), false),
            ["no method passed"]
        );
    }
}

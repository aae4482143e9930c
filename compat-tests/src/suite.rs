//! Foreign test suites as examiners. A suite's own, unmodified test classes run in a process of their own each, and start
//! the server through classes of ours; a table says what is expected of every class.
//!
//! The table has a line for each class, or for each method that is excepted: class, verdict, detail, parted by tabs.
//!
//! | verdict | of the class | detail |
//! | --- | --- | --- |
//! | `passes` | every method passes | |
//! | `except` | all but the methods that have such a line pass | method, colon, reason |
//! | `internal` | not applicable: examines classes of the Java server, not what a server does | which |
//! | `client` | not applicable: no server takes part | |
//! | `later` | needs what the server does not have yet | what |

mod attempt;
pub mod curator;
pub mod kazoo;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cache;
use crate::java::{ClassPath, NEWEST, Project};
use crate::server::{self, Kind};

/// How often the end of a class is looked for.
const POLL: Duration = Duration::from_millis(20);
/// The longest a class may take.
const CLASS_LIMIT: Duration = Duration::from_secs(240);

/// What is expected of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its methods pass, but for these, each with a reason.
    Passes(BTreeMap<String, String>),
    /// It is not run, for this reason.
    Left(String),
}

/// The expectations of a suite, by class.
pub type Table = BTreeMap<String, Verdict>;

/// A suite and the classes that start servers for it.
#[derive(Debug)]
pub struct Suite {
    classes: ClassPath,
    kind: Kind,
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

impl Outcome {
    fn failure(method: &str, reason: &str) -> Self {
        Self {
            method: method.to_owned(),
            result: "fail".to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// What passes without a server proves nothing of ours: a failure, if none was started.
fn no_server(started: usize) -> Option<Outcome> {
    (started == 0).then(|| Outcome::failure("-", "started no server"))
}

/// Reads a table.
///
/// # Errors
/// When the file cannot be read, or a line is none of a table.
pub fn read_table(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let mut table = Table::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
    {
        let at = || format!("{}:{}: {line}", path.display(), number + 1);
        let mut fields = line.split('\t');
        let (Some(class), Some(verdict)) = (fields.next(), fields.next()) else {
            bail!("{}: want class, verdict and detail", at());
        };
        let detail = fields.next().unwrap_or_default();
        let entry = table.entry(class.to_owned());
        match verdict {
            "passes" => {
                entry.or_insert_with(|| Verdict::Passes(BTreeMap::new()));
            }
            "except" => {
                let (method, reason) = detail.split_once(": ").with_context(at)?;
                let verdict = entry.or_insert_with(|| Verdict::Passes(BTreeMap::new()));
                let Verdict::Passes(methods) = verdict else {
                    bail!("{}: the class is left out", at());
                };
                methods.insert(method.to_owned(), reason.to_owned());
            }
            "internal" | "client" | "later" => {
                entry.or_insert_with(|| Verdict::Left(format!("{verdict}: {detail}")));
            }
            _ => bail!("{}: no such verdict", at()),
        }
    }
    Ok(table)
}

impl Suite {
    /// Apache's own tests, to be run against a server of this kind: our process, or Apache's classes in the same virtual
    /// machine, as they were written for.
    ///
    /// # Errors
    /// When it cannot be fetched or built.
    pub fn apache(kind: Kind) -> Result<Self> {
        let project = Project {
            pom: "suite",
            zookeeper: NEWEST,
            sources: &["suite"],
        };
        let classes = project.build()?;
        Ok(Suite { classes, kind })
    }

    /// Runs one class and says what its methods did.
    ///
    /// # Errors
    /// When it cannot be started, says nothing, or takes too long; the message carries the end of what it printed.
    pub fn run(&self, class: &str) -> Result<Vec<Outcome>> {
        let dir = cache::compat_dir()?.join("suite").join(class);
        fs::create_dir_all(&dir)?;
        let log = dir.join("log");
        let mut command = self.command(&dir)?;
        let mut child = command
            .arg(class)
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context("cannot start `java`")?;
        let deadline = Instant::now() + CLASS_LIMIT;
        let late = loop {
            if child.try_wait()?.is_some() {
                break false;
            }
            if Instant::now() >= deadline {
                break true;
            }
            std::thread::sleep(POLL);
        };
        if late {
            // Its hooks end the servers that it started.
            kill_process(Pid::from_child(&child), Signal::TERM)?;
        }
        child.wait()?;
        let mut said = String::new();
        let mut output = child.stdout.take().context("the output was piped")?;
        output.read_to_string(&mut said)?;
        let mut outcomes: Vec<_> = said.lines().filter_map(outcome).collect();
        if late {
            outcomes.push(Outcome {
                method: "-".to_owned(),
                result: "fail".to_owned(),
                reason: format!("not done after {CLASS_LIMIT:?}; see {}", log.display()),
            });
        }
        if outcomes.is_empty() {
            bail!("{class} ran no test; see {}", log.display());
        }
        Ok(outcomes)
    }

    fn command(&self, dir: &Path) -> Result<Command> {
        let mut properties = vec![
            ("build.test.dir", dir.join("build").display().to_string()),
            // As in the project's own build.
            (
                "zookeeper.DigestAuthenticationProvider.superDigest",
                "super:D/InIHSb7yEEbrWz8b9l71RjZJU=".to_owned(),
            ),
            ("compat.log.level", "INFO".to_owned()),
        ];
        if self.kind == Kind::Oxkeeper {
            let factory = "oxkeeper.examiner.ProcessCnxnFactory".to_owned();
            properties.push(("zookeeper.serverCnxnFactory", factory));
            let binary = server::oxkeeper_binary()?.display().to_string();
            properties.push(("examiner.binary", binary));
            properties.push(("examiner.work", dir.join("servers").display().to_string()));
        }
        Ok(self
            .classes
            .command("oxkeeper.examiner.Examiner", &properties))
    }
}

fn outcome(line: &str) -> Option<Outcome> {
    let mut fields = line.split('\t').skip(1).map(str::to_owned);
    Some(Outcome {
        method: fields.next()?,
        result: fields.next()?,
        reason: fields.next()?,
    })
}

/// What of a class's outcomes is not as its table says: failures that are not excepted, exceptions that pass.
#[must_use]
pub fn surprises(outcomes: &[Outcome], excepted: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    let failed: BTreeSet<_> = outcomes
        .iter()
        .filter(|outcome| outcome.result == "fail")
        .map(|outcome| outcome.method.as_str())
        .collect();
    for outcome in outcomes.iter().filter(|outcome| outcome.result == "fail") {
        if !excepted.contains_key(&outcome.method) {
            found.push(format!("{} fails: {}", outcome.method, outcome.reason));
        }
    }
    for method in excepted
        .keys()
        .filter(|method| !failed.contains(method.as_str()))
    {
        found.push(format!("{method} is excepted and does not fail"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(method: &str, result: &str) -> Outcome {
        Outcome {
            method: method.to_owned(),
            result: result.to_owned(),
            reason: "because".to_owned(),
        }
    }

    #[test]
    fn a_failure_and_a_stale_exception_are_surprises() {
        let excepted = [("b()", "reason"), ("c()", "reason")];
        let excepted = excepted.map(|(method, reason)| (method.to_owned(), reason.to_owned()));
        let outcomes = [
            outcome("a()", "fail"),
            outcome("b()", "fail"),
            outcome("c()", "pass"),
        ];
        let found = surprises(&outcomes, &BTreeMap::from(excepted));
        assert_eq!(
            found,
            ["a() fails: because", "c() is excepted and does not fail"]
        );
        assert!(surprises(&outcomes[2..], &BTreeMap::new()).is_empty());
    }
}

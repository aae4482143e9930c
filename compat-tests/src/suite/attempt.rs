//! One run of one class or module of a foreign suite, in a process of its own: what it did, and how many servers it started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::cache;
use crate::suite::{Outcome, Report};

/// How often the end is looked for.
const POLL: Duration = Duration::from_millis(20);
/// How long what is asked to end may take to end its servers.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// A directory for a run, and the names of the files in it.
#[derive(Debug)]
pub(crate) struct Attempt {
    dir: PathBuf,
}

impl Attempt {
    /// An empty directory under `target/compat/<suite>`. What the run before left is kept beside it, for whoever wonders why
    /// the class is run again.
    ///
    /// # Errors
    /// When it cannot be renamed or made.
    pub(crate) fn prepare(suite: &str, row: &str) -> Result<Self> {
        let runs = cache::compat_dir()?.join(suite);
        let name = row.replace('/', "-");
        let dir = runs.join(&name);
        if dir.exists() {
            let before = runs.join(format!("{name}-before"));
            let _ = fs::remove_dir_all(&before);
            fs::rename(&dir, &before).with_context(|| format!("rename {}", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the program writes what [`Report::read`] reads.
    pub(crate) fn results(&self) -> PathBuf {
        self.dir.join("results")
    }

    /// Runs the program to its end, or until it has taken too long: then `signal` asks it to end itself and its servers. What
    /// it prints is in the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn run(
        &self,
        command: &mut Command,
        limit: Duration,
        signal: Signal,
    ) -> Result<Report> {
        let log = self.dir.join("log");
        let errors = fs::File::create(&log)?;
        let mut child = command
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let ended = ends_within(&mut child, limit)?;
        let trouble = match ended.map(|status| status.code()) {
            // Test runners end with 1 where tests failed.
            Some(Some(0 | 1)) => None,
            Some(code) => Some(format!("ended in the middle, exit code {code:?}")),
            None => {
                kill_process(Pid::from_child(&child), signal)?;
                if ends_within(&mut child, LAST_WORDS)?.is_none() {
                    child.kill()?;
                    child.wait()?;
                }
                Some(format!("not done after {limit:?}"))
            }
        };
        let said = fs::read_to_string(self.results()).unwrap_or_default();
        let mut report = Report::read(&said);
        if let Some(trouble) = trouble {
            let broken = Outcome::broken(format!("{trouble}; see {}", log.display()));
            report.outcomes.push(broken);
        }
        Ok(report)
    }
}

fn ends_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(POLL);
    }
    Ok(None)
}

//! Python clients: packages in a virtual environment under `target/compat`, scripts in `python/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cache;
use crate::java::run;

/// A virtual environment with some packages installed.
#[derive(Debug, Clone)]
pub struct Environment(PathBuf);

impl Environment {
    /// Installs the packages (`name==version`), or finds what an earlier run installed.
    ///
    /// # Errors
    /// When `python3` is missing or cannot make environments, or `pip` fails; the message carries their output.
    pub fn with(name: &str, packages: &[&str]) -> Result<Self> {
        let fingerprint = cache::fingerprint(packages, &[])?;
        let built = cache::built_once(&format!("python/{name}"), &fingerprint, |dir| {
            run(Command::new("python3")
                .args(["-m", "venv"])
                .arg(dir.join("venv")))?;
            let python = dir.join("venv/bin/python");
            run(Command::new(python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(packages))
        })?;
        Ok(Self(built.join("venv/bin/python")))
    }

    /// A command that starts its Python.
    #[must_use]
    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// A command that runs a script of `python/` against the server at `address`.
    #[must_use]
    pub fn script(&self, name: &str, address: &str) -> Command {
        let mut command = self.command();
        // Bytecode would be written next to the sources.
        command
            .args(["-u", "-B"])
            .arg(cache::crate_dir().join("python").join(name))
            .arg(address);
        command
    }
}

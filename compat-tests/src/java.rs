//! Java programs: class paths resolved by Maven, our scenario classes compiled by `javac`, both kept in `target/compat`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache;

/// Apache ZooKeeper's release that this project answers like.
pub const NEWEST: &str = "3.9.5";
/// One release of each line that is still met, up to [`NEWEST`].
pub const RELEASES: [&str; 6] = ["3.4.14", "3.5.10", "3.6.4", "3.7.2", "3.8.6", NEWEST];

/// One Java program's build: a pom, the ZooKeeper release to put in it, and folders of sources.
#[derive(Debug, Clone, Copy)]
pub struct Project {
    /// The folder under `java/` that holds `pom.xml` and the logging settings.
    pub pom: &'static str,
    /// The ZooKeeper release on the class path, where the pom asks for one.
    pub zookeeper: &'static str,
    /// Folders under `java/` whose `*.java` files are compiled.
    pub sources: &'static [&'static str],
}

/// A program ready to start.
#[derive(Debug, Clone)]
pub struct ClassPath(String);

impl Project {
    /// Apache's own server and shell of a release, without any class of ours.
    #[must_use]
    pub const fn apache(zookeeper: &'static str) -> Self {
        Self {
            pom: "zookeeper",
            zookeeper,
            sources: &[],
        }
    }

    /// Resolves and compiles, or finds what an earlier run left.
    ///
    /// # Errors
    /// When `mvn` or `javac` is missing or fails; the message carries their output.
    pub fn build(&self) -> Result<ClassPath> {
        let java = cache::crate_dir().join("java");
        let pom_dir = java.join(self.pom);
        let pom = pom_dir.join("pom.xml");
        let sources = self.source_files(&java)?;
        let jars = resolve(self, &pom)?;
        let mut inputs = sources.clone();
        inputs.push(pom);
        let fingerprint = cache::fingerprint(&[self.zookeeper, &jars], &inputs)?;
        let name = format!(
            "java/{}-{}-{}",
            self.pom,
            self.sources.join("-"),
            self.zookeeper
        );
        let built = cache::built_once(&name, &fingerprint, |dir| {
            let classes = dir.join("classes");
            fs::create_dir(&classes)?;
            if sources.is_empty() {
                Ok(())
            } else {
                compile(&sources, &jars, &classes)
            }
        })?;
        Ok(ClassPath(format!(
            "{}:{}:{jars}",
            built.join("classes").display(),
            pom_dir.display()
        )))
    }

    fn source_files(&self, java: &Path) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for dir in self.sources.iter().map(|name| java.join(name)) {
            let entries = fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))?;
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|ext| ext == "java") {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

impl ClassPath {
    /// As Java wants it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// With these folders in front.
    #[must_use]
    pub fn after(&self, folders: &[&Path]) -> Self {
        let folders = folders.iter().map(|folder| folder.display().to_string());
        let mut parts: Vec<String> = folders.collect();
        parts.push(self.0.clone());
        Self(parts.join(":"))
    }

    /// With what the class `main` of this class path writes into a folder, its only argument, before everything else: variants of
    /// classes from the jars. `name` tells the folder in `target/compat`.
    ///
    /// # Errors
    /// When the program fails; the message carries its output.
    pub fn woven(&self, name: &str, main: &str) -> Result<Self> {
        let classes = self.0.split(':').next().unwrap_or_default();
        let mut files = Vec::new();
        class_files(Path::new(classes), &mut files)?;
        files.sort();
        let fingerprint = cache::fingerprint(&[&self.0], &files)?;
        let woven = cache::built_once(&format!("java/{name}"), &fingerprint, |dir| {
            let none: [(&str, &str); 0] = [];
            run(self.command(main, &none).arg(dir))
        })?;
        Ok(Self(format!("{}:{}", woven.display(), self.0)))
    }

    /// A command that runs the class `main` with this class path and a small, quickly started virtual machine.
    #[must_use]
    pub fn command(
        &self,
        main: &str,
        properties: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Command {
        let mut command = Command::new("java");
        command.args([
            "-Xmx256m",
            "-Xshare:auto",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ]);
        for (name, value) in properties {
            command.arg(format!("-D{}={}", name.as_ref(), value.as_ref()));
        }
        command.arg("-cp").arg(&self.0).arg(main);
        command
    }

    /// A command that runs the scenario `compat.<name>` against the server at `address`, or the servers, with commas
    /// between them.
    ///
    /// A single address is given several times over: a client that waits for an answer to its handshake tries the next
    /// server after its session's timeout divided by the number of servers. Apache's server, when a handshake reaches
    /// it in the middle of its start, may never answer it, and must not cost the client its session.
    #[must_use]
    pub fn scenario(&self, name: &str, address: &str) -> Command {
        self.scenario_with(name, address, &[])
    }

    /// As [`Self::scenario`], with properties of the scenario's own.
    #[must_use]
    pub fn scenario_with(&self, name: &str, address: &str, properties: &[(&str, &str)]) -> Command {
        // Without the second, the 3.4 client looks for the server's principal in a way that today's Java cannot follow.
        let mut properties = properties.to_vec();
        properties.extend([
            ("compat.log.level", "ERROR"),
            ("zookeeper.sasl.client", "false"),
        ]);
        let mut command = self.command(&format!("compat.{name}"), &properties);
        command.arg(if address.contains(',') {
            address.to_owned()
        } else {
            [address; 4].join(",")
        });
        command
    }
}

fn class_files(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            class_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The jars of a pom, joined with `:`. Asked of Maven again when the pom has changed or a jar has gone.
fn resolve(project: &Project, pom: &Path) -> Result<String> {
    let name = format!("java/{}-{}-jars", project.pom, project.zookeeper);
    let mut fingerprint = cache::fingerprint(&[project.zookeeper], &[pom.to_owned()])?;
    for attempt in ["", "-again"] {
        fingerprint.push_str(attempt);
        let dir = cache::built_once(&name, &fingerprint, |dir| {
            run(Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(pom)
                .arg(format!("-Dzookeeper.version={}", project.zookeeper))
                .arg(format!("-Dmdep.outputFile={}", dir.join("jars").display()))
                .arg("dependency:build-classpath"))
        })?;
        let jars = fs::read_to_string(dir.join("jars"))?.trim().to_owned();
        if jars.split(':').all(|jar| Path::new(jar).exists()) {
            return Ok(jars);
        }
    }
    bail!("Maven names jars of {} that do not exist", pom.display())
}

/// Compiles sources.
///
/// # Errors
/// When `javac` is missing or fails; the message carries its output.
pub(crate) fn compile(sources: &[PathBuf], jars: &str, classes: &Path) -> Result<()> {
    run(Command::new("javac")
        .args(["-nowarn", "-proc:none", "-cp", jars, "-d"])
        .arg(classes)
        .args(sources))
}

/// Runs a build tool to its end.
///
/// # Errors
/// When it is not installed, or ends with another exit code than 0; the message carries its output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| {
        format!("cannot start `{tool}`: the compatibility tests need it installed")
    })?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "`{tool}` failed ({}): {command:?}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

//! Curator's own tests, unmodified, of the modules `client`, `framework`, `recipes`, `x-discovery` and `x-async`.
//!
//! A row of the table is a module and a class, with `/` between: two modules have classes of the same name. Whatever Curator's tests
//! start, one server or a cluster, they start through one class of curator-test; ours (`java/curator-suite`) takes its place on
//! the class path and starts processes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::cache;
use crate::java::{ClassPath, NEWEST, Project, compile, run};
use crate::server::{self, Kind};
use crate::suite::Report;
use crate::suite::attempt::Attempt;

/// The longest a class may take.
const CLASS_LIMIT: Duration = Duration::from_secs(900);
/// Modules whose tests are in a jar.
const IN_JARS: [&str; 3] = ["client", "framework", "recipes"];
/// Modules whose tests are only in the sources of the release.
const IN_SOURCES: [&str; 2] = ["x-discovery", "x-async"];
/// The sources of the whole release.
const SOURCES: &str = "org.apache.curator:apache-curator:5.9.0:zip:source-release";
/// The folder that they unpack to.
const UNPACKED: &str = "apache-curator-5.9.0";

/// Curator's tests and the classes that start servers for them.
#[derive(Debug)]
pub struct Curator {
    classes: ClassPath,
    sources: PathBuf,
    kind: Kind,
}

impl Curator {
    /// Fetches and compiles what is needed.
    ///
    /// # Errors
    /// When it cannot be fetched or built.
    pub fn new(kind: Kind) -> Result<Self> {
        let classes = project(match kind {
            Kind::Oxkeeper => &["suite", "curator-suite"],
            Kind::Java(_) => &["suite"],
        });
        let classes = classes.build()?;
        // The same for either kind, so that it is compiled once.
        let sources = from_sources(&project(&[]).build()?)?;
        Ok(Self {
            classes,
            sources,
            kind,
        })
    }

    /// Whose server is examined.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The rows of all classes that hold tests: those whose sources have such methods, or inherit them, and can be made.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub fn rows(&self) -> Result<BTreeSet<String>> {
        let mut rows = BTreeSet::new();
        for module in IN_JARS.into_iter().chain(IN_SOURCES) {
            for path in test_sources(&self.sources, module)? {
                let text = std::fs::read_to_string(&path)?;
                let tests = text.contains("@Test") || text.contains(" extends Test");
                if tests && !text.contains("public abstract class") {
                    let name = path.display().to_string();
                    let (_, name) = name.split_once("src/test/java/").unwrap_or(("", &name));
                    let class = name.trim_end_matches(".java").replace('/', ".");
                    rows.insert(format!("{module}/{class}"));
                }
            }
        }
        Ok(rows)
    }

    /// Runs one class and says what its methods did.
    ///
    /// # Errors
    /// When it cannot be started, or the row names no module.
    pub fn run(&self, row: &str) -> Result<Report> {
        let (module, class) = row
            .split_once('/')
            .with_context(|| format!("{row}: want module/class"))?;
        let attempt = Attempt::prepare("curator", row)?;
        let results = std::fs::File::create(attempt.results())?;
        let mut command = self.command(module, &attempt)?;
        command.arg(class).stdout(results);
        attempt.run(&mut command, CLASS_LIMIT, Signal::TERM)
    }

    fn command(&self, module: &str, attempt: &Attempt) -> Result<Command> {
        let dir = attempt.dir();
        let mut properties = vec![("compat.log.level", "INFO".to_owned())];
        if self.kind == Kind::Oxkeeper {
            let binary = server::oxkeeper_binary()?;
            properties.extend([
                ("examiner.binary", binary.display().to_string()),
                ("examiner.work", dir.join("servers").display().to_string()),
            ]);
        }
        let classes = if IN_JARS.contains(&module) {
            self.classes.clone()
        } else if IN_SOURCES.contains(&module) {
            let resources = self.resources(module);
            let compiled = self.sources.join(module);
            self.classes.after(&[&compiled, &resources])
        } else {
            bail!("Curator has no tests of {module} here");
        };
        let mut command = classes.command("oxkeeper.examiner.Examiner", &properties);
        // As Curator's own build, where Java is new enough to ask for it.
        let opened = ["lang", "math", "net", "text", "util", "util.concurrent"]
            .map(|package| format!("--add-opens=java.base/java.{package}=ALL-UNNAMED"));
        command.env("JDK_JAVA_OPTIONS", opened.join(" "));
        Ok(command)
    }

    fn resources(&self, module: &str) -> PathBuf {
        let module = format!("curator-{module}");
        let release = self.sources.join(UNPACKED);
        release.join(module).join("src/test/resources")
    }
}

fn project(sources: &'static [&'static str]) -> Project {
    Project {
        pom: "curator-suite",
        zookeeper: NEWEST,
        sources,
    }
}

/// Unpacks the sources of the release and compiles the tests of the modules that have them only there. The folder
/// has the classes of each module in a folder of its name.
fn from_sources(classes: &ClassPath) -> Result<PathBuf> {
    let fingerprint = cache::fingerprint(&[SOURCES, classes.text()], &[])?;
    cache::built_once("java/curator-sources", &fingerprint, |dir| {
        run(Command::new("mvn")
            .args(["-q", "-B", "dependency:copy"])
            .arg(format!("-Dartifact={SOURCES}"))
            .arg(format!("-DoutputDirectory={}", dir.display())))?;
        let archive = format!("{UNPACKED}-source-release.zip");
        run(Command::new("jar").args(["xf", &archive]).current_dir(dir))?;
        for module in IN_SOURCES {
            let sources = test_sources(dir, module)?;
            let target = dir.join(module);
            std::fs::create_dir(&target)?;
            compile(&sources, classes.text(), &target)?;
        }
        Ok(())
    })
}

fn test_sources(unpacked: &Path, module: &str) -> Result<Vec<PathBuf>> {
    let folder = format!("{UNPACKED}/curator-{module}/src/test/java");
    let mut sources = Vec::new();
    java_files(&unpacked.join(folder), &mut sources)?;
    Ok(sources)
}

fn java_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            java_files(&path, found)?;
        } else if path.extension().is_some_and(|ext| ext == "java") {
            found.push(path);
        }
    }
    Ok(())
}

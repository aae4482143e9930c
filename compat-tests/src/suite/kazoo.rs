//! kazoo's own tests, unmodified, from its package, with its own harness: that one writes settings files and starts a cluster
//! through the program `java`, as whose stand-in a script of ours (`python/kazoo_suite/java`) starts our binary.
//!
//! A row of the table is a module, or a variant of the cluster and a module, with `/` between.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::cache;
use crate::java::{ClassPath, NEWEST, Project};
use crate::ports::Port;
use crate::python::Environment;
use crate::server::{self, Kind};
use crate::suite::Report;
use crate::suite::attempt::Attempt;

/// The longest a module may take; a single test has three minutes, as in kazoo's own settings.
const MODULE_LIMIT: Duration = Duration::from_secs(1200);
/// The longest a single test may take, in seconds.
const TEST_LIMIT: &str = "180";
/// kazoo and what its tests import. pyOpenSSL lost a function that kazoo's harness calls in the release after this one.
const PACKAGES: [&str; 11] = [
    "kazoo==2.11.0",
    "pytest==8.3.5",
    "pytest-timeout==2.3.1",
    "pyjks==20.0.0",
    "pyopenssl==24.2.1",
    "cryptography==43.0.3",
    "pure-sasl==0.6.2",
    "objgraph==3.6.2",
    "gevent>=24.11",
    "eventlet>=0.39",
    "setuptools",
];
/// Ports that kazoo's harness takes for each server.
const PORTS_PER_SERVER: u16 = 10;

/// How a variant differs from three voters: how many servers, the first of the observers, variables.
struct Variant {
    name: &'static str,
    size: u16,
    first_observer: Option<u16>,
    variables: &'static [(&'static str, &'static str)],
}

/// Three voters, as kazoo's tests run by themselves.
const PLAIN: Variant = Variant {
    name: "",
    size: 3,
    first_observer: None,
    variables: &[],
};

/// Others, by the names that rows begin with.
const VARIANTS: [Variant; 3] = [
    Variant {
        name: "observers",
        size: 5,
        first_observer: Some(4),
        ..PLAIN
    },
    Variant {
        name: "local",
        variables: &[("ZOOKEEPER_LOCAL_SESSION_RO", "true")],
        ..PLAIN
    },
    // kazoo's test of the version asks for this variable, and other tests then believe it instead of asking the server.
    Variant {
        name: "ci",
        variables: &[("CI", "true")],
        ..PLAIN
    },
];

/// kazoo's tests and what starts servers for them.
#[derive(Debug)]
pub struct Kazoo {
    python: Environment,
    kind: Kind,
    /// Of Apache's server, for that kind.
    apache: Option<ClassPath>,
}

impl Kazoo {
    /// Fetches what is needed.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn new(kind: Kind) -> Result<Self> {
        let python = Environment::with("kazoo-suite", &PACKAGES)?;
        let apache = match kind {
            Kind::Java(version) => Some(Project::apache(version).build()?),
            Kind::Oxkeeper => None,
        };
        Ok(Self {
            python,
            kind,
            apache,
        })
    }

    /// Whose server is examined.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The names of all modules of tests.
    ///
    /// # Errors
    /// When the package cannot be looked into.
    pub fn modules(&self) -> Result<BTreeSet<String>> {
        let list = "import kazoo.tests, pkgutil\n\
                    for module in pkgutil.iter_modules(kazoo.tests.__path__): print(module.name)";
        let output = self.python.command().args(["-c", list]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let tests = text.lines().filter(|name| name.starts_with("test_"));
        Ok(tests.map(str::to_owned).collect())
    }

    /// Runs one module and says what its tests did.
    ///
    /// # Errors
    /// When it cannot be started, or the row names no variant.
    pub fn run(&self, row: &str) -> Result<Report> {
        let (variant, module) = match row.split_once('/') {
            None => (&PLAIN, row),
            Some((name, module)) => {
                let variant = VARIANTS.iter().find(|variant| variant.name == name);
                let Some(variant) = variant else {
                    bail!("{row}: no variant {name}");
                };
                (variant, module)
            }
        };
        let attempt = Attempt::prepare("kazoo", row)?;
        let ports = Port::reserve_run(variant.size * PORTS_PER_SERVER)?;
        let mut command = self.command(module, &attempt)?;
        command.env("ZOOKEEPER_PORT_OFFSET", ports[0].number().to_string());
        command.env("ZOOKEEPER_CLUSTER_SIZE", variant.size.to_string());
        if let Some(first) = variant.first_observer {
            command.env("ZOOKEEPER_OBSERVER_START_ID", first.to_string());
        }
        command.envs(variant.variables.iter().copied());
        // Interrupted, the harness ends its servers.
        attempt.run(&mut command, MODULE_LIMIT, Signal::INT)
    }

    fn command(&self, module: &str, attempt: &Attempt) -> Result<Command> {
        let ours = ours();
        let mut command = self.python.command();
        command
            .args(["-m", "pytest", "-p", "examiner", "-p", "no:cacheprovider"])
            .args(["-W", "ignore", "--timeout", TEST_LIMIT, "--pyargs"])
            .arg(format!("kazoo.tests.{module}"))
            .stdout(std::fs::File::create(attempt.dir().join("pytest"))?)
            .env_remove("CI")
            .env("PYTHONPATH", &ours)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TMPDIR", attempt.dir())
            .env("EXAMINER_RESULTS", attempt.results())
            .env("ZOOKEEPER_VERSION", NEWEST);
        if let Some(apache) = &self.apache {
            command.env("ZOOKEEPER_CLASSPATH", apache.text()).env(
                "JDK_JAVA_OPTIONS",
                "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            );
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let path = std::iter::once(ours).chain(std::env::split_paths(&path));
            command
                .env("PATH", std::env::join_paths(path)?)
                .env("EXAMINER_BINARY", server::oxkeeper_binary()?)
                .env("EXAMINER_STARTS", attempt.dir().join("starts"))
                .env("ZOOKEEPER_CLASSPATH", "none");
        }
        Ok(command)
    }
}

/// The folder of the stand-in and of the plug-in for pytest.
fn ours() -> PathBuf {
    cache::crate_dir().join("python/kazoo_suite")
}

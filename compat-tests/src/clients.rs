//! Clients in other languages, each fetched by its own package manager: their own tests where they can be pointed at a server,
//! otherwise a scenario with every operation that they have. Which of them exist, how they are built, and how they are run;
//! what a scenario checks is in its own file under `clients/`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::c_client;
use crate::cache;
use crate::java::Project;
use crate::java::run;
use crate::program;
use crate::server;
use crate::server::Kind;
use crate::server::Options;
use crate::server::Server;

/// Where a scenario may end at the latest.
const LIMIT: Duration = Duration::from_secs(300);
/// The release of go-zookeeper.
const GO_ZOOKEEPER: &str = "v1.0.4";
/// How often those of its tests that failed are run again, alone.
const GO_TRIES: usize = 2;
/// go-zookeeper asks a server how it is with the word `srvr`, and reads the date in the form that releases before 3.6 wrote.
/// Without these two changes its tests take no server of today for healthy, Apache's own included.
const GO_DATES: [(&str, &str); 2] = [
    (
        r"built on (\d\d/\d\d/\d\d\d\d \d\d:\d\d",
        r"built on (\d\d\d\d-\d\d-\d\d \d\d:\d\d",
    ),
    ("01/02/2006 15:04 MST", "2006-01-02 15:04 MST"),
];

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The C client's shell, from Debian: a script, every line of whose transcript counts.
    C,
    /// node-zookeeper-client, from npm: a scenario.
    Node,
    /// go-zookeeper, from the Go module proxy: its own tests, which start servers of their own.
    Go,
    /// zookeeper-client, from crates.io: a scenario.
    Rust,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::C, Self::Node, Self::Go, Self::Rust];

    /// Its name on the command line and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "cli_mt",
            Self::Node => "node-zookeeper-client",
            Self::Go => "go-zookeeper",
            Self::Rust => "zookeeper-client",
        }
    }

    /// Runs it against a server of this kind. Returns the names of what passed, or what was printed: with either server the same.
    ///
    /// # Errors
    /// When it cannot be fetched or built, and when anything fails; the message carries its output.
    pub fn run(self, kind: Kind) -> Result<Vec<String>> {
        let passed = match self {
            Self::C => {
                c_client::transcript(kind).map(|text| text.lines().map(str::to_owned).collect())
            }
            Self::Node => scenario(kind, node),
            Self::Rust => scenario(kind, rust),
            Self::Go => go(kind),
        };
        passed.with_context(|| format!("{} against {kind}", self.name()))
    }
}

/// Sources of ours for a client.
fn sources(client: &str) -> PathBuf {
    cache::crate_dir().join("clients").join(client)
}

fn scenario(kind: Kind, program: impl Fn(&str) -> Result<Command>) -> Result<Vec<String>> {
    let options = Options::default()
        .set("maxSessionTimeout", 60_000)
        .property("zookeeper.extendedTypesEnabled", true);
    let mut server = Server::start(kind, options)?;
    let command = program(&server.address())?;
    program::run(&mut server, vec![command], LIMIT)
}

fn node(address: &str) -> Result<Command> {
    let package = sources("node").join("package.json");
    let fingerprint = cache::fingerprint(&[], std::slice::from_ref(&package))?;
    let dir = cache::built_once("node", &fingerprint, |dir| {
        fs::copy(&package, dir.join("package.json"))?;
        run(Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund"])
            .current_dir(dir))
    })?;
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", dir.join("node_modules"))
        .arg(sources("node").join("scenario.js"))
        .arg(address);
    Ok(command)
}

fn rust(address: &str) -> Result<Command> {
    let sources = sources("rust");
    let files = ["Cargo.toml", "Cargo.lock", "src/main.rs"].map(|name| sources.join(name));
    let fingerprint = cache::fingerprint(&[], &files)?;
    let dir = cache::built_once("rust-client", &fingerprint, |dir| {
        run(Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(&files[0])
            .arg("--target-dir")
            .arg(dir))
    })?;
    let mut command = Command::new(dir.join("debug/compat-rust"));
    command.arg(address);
    Ok(command)
}

/// go-zookeeper's own tests. They start servers, alone and in ensembles, by a script `zkServer.sh` in a folder that a variable
/// names.
fn go(kind: Kind) -> Result<Vec<String>> {
    let module = go_module()?;
    let scripts = cache::built_once(
        &format!("go-server-{kind}"),
        &format!("{:?}", server_command(kind)?),
        |dir| start_script(kind, dir),
    )?;
    let (mut passed, mut failed) = go_test(&module, &scripts, None)?;
    // Some wait for a fixed time only, in which a busy machine may not be done.
    for _ in 0..GO_TRIES {
        if failed.is_empty() {
            break;
        }
        let (good, _) = go_test(&module, &scripts, Some(&failed))?;
        failed.retain(|test| !good.contains(test));
        passed.extend(good);
    }
    ensure!(failed.is_empty(), "failed: {failed:?}");
    passed.sort();
    passed.dedup();
    Ok(passed)
}

/// Runs all tests, or some. Returns the names of those that passed, and of those that failed.
fn go_test(
    module: &Path,
    scripts: &Path,
    some: Option<&[String]>,
) -> Result<(Vec<String>, Vec<String>)> {
    let some = some.map_or(".".to_owned(), |names| format!("^({})$", names.join("|")));
    let output = Command::new("go")
        .args(["test", "-count=1", "-timeout=1200s", "-v", "-run", &some])
        // The one test left out checks the two changes, with no server.
        .args(["-skip=^TestFLWSrvr$", "."])
        .env("ZOOKEEPER_BIN_PATH", scripts)
        .env("GOFLAGS", "-mod=mod")
        .current_dir(module)
        .output()
        .context("run go test")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tests = |verdict: &str| -> Vec<String> {
        let start = format!("--- {verdict}: ");
        let named = text.lines().filter_map(|line| line.strip_prefix(&start));
        let name = |line: &str| line.split(' ').next().unwrap_or(line).to_owned();
        named.map(name).collect()
    };
    let (passed, failed) = (tests("PASS"), tests("FAIL"));
    ensure!(
        !text.contains("\npanic: ") && !passed.is_empty() | !failed.is_empty(),
        "the tests broke off\n{}",
        last_lines(&text)
    );
    Ok((passed, failed))
}

/// The module with its tests, in a folder that can be written to.
fn go_module() -> Result<PathBuf> {
    let built = cache::built_once("go-zookeeper", GO_ZOOKEEPER, |dir| {
        fs::write(dir.join("go.mod"), "module fetch\n\ngo 1.21\n")?;
        let module = format!("github.com/go-zookeeper/zk@{GO_ZOOKEEPER}");
        let output = Command::new("go")
            .args(["mod", "download", "-json", &module])
            .current_dir(dir)
            .output()
            .context("go is needed: fetch go-zookeeper")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("\"Dir\": \""));
        let Some(fetched) = field.and_then(|rest| rest.split('"').next()) else {
            bail!(
                "go mod download {module}: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        run(Command::new("cp")
            .arg("-r")
            .arg(fetched)
            .arg(dir.join("zk")))?;
        run(Command::new("chmod")
            .args(["-R", "u+w"])
            .arg(dir.join("zk")))?;
        let words = dir.join("zk/flw.go");
        let mut text = fs::read_to_string(&words)?;
        for (old, new) in GO_DATES {
            ensure!(text.contains(old), "flw.go has no {old}");
            text = text.replace(old, new);
        }
        Ok(fs::write(words, text)?)
    })?;
    Ok(built.join("zk"))
}

/// A folder with a script that starts a server in the foreground, as Apache's does.
fn start_script(kind: Kind, dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let words = server_command(kind)?.join(" ");
    let path = dir.join("zkServer.sh");
    fs::write(
        &path,
        format!("#!/bin/sh\n# zkServer.sh start-foreground FILE\nexec {words} \"$2\"\n"),
    )?;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// What the script runs; properties come in a variable.
fn server_command(kind: Kind) -> Result<Vec<String>> {
    let words = match kind {
        Kind::Oxkeeper => vec![
            quoted(&server::oxkeeper_binary()?.display().to_string()),
            "server".to_owned(),
            "$SERVER_JVMFLAGS".to_owned(),
        ],
        Kind::Java(version) => {
            let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
            let none: [(&str, &str); 0] = [];
            let command = Project::apache(version).build()?.command(main, &none);
            let mut words = vec!["java".to_owned(), "$SERVER_JVMFLAGS".to_owned()];
            words.extend(command.get_args().map(|arg| quoted(&arg.to_string_lossy())));
            words
        }
    };
    Ok(words)
}

fn quoted(word: &str) -> String {
    format!("'{word}'")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

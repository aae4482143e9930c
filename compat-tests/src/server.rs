//! One standalone server in a process of its own: Oxkeeper's binary or Apache's, told apart by nothing but [`Kind`].

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cache;
use crate::java::{self, Project};
use crate::ports::Port;

/// How long a server may take until it serves, and until it has stopped, on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(10);
/// How long to wait for the answer to one such look.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The binary of this repository.
    Oxkeeper,
    /// Apache's server of the release named, such as [`java::NEWEST`].
    Java(&'static str),
}

impl Kind {
    /// Apache's server of the newest release.
    pub const JAVA: Self = Self::Java(java::NEWEST);
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Oxkeeper => f.write_str("oxkeeper"),
            Self::Java(version) => write!(f, "java-{version}"),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "oxkeeper" {
            return Ok(Self::Oxkeeper);
        }
        let known = java::RELEASES.into_iter().map(Self::Java);
        known
            .into_iter()
            .find(|kind| kind.to_string() == text)
            .with_context(|| format!("{text} is no kind of server"))
    }
}

/// The servers that scenarios run against: `COMPAT_SERVERS` is `java`, `oxkeeper` or `both` (the default).
///
/// # Panics
/// When the variable says something else.
#[must_use]
#[expect(
    clippy::panic,
    reason = "a test must not pass because of a misspelt variable"
)]
pub fn kinds() -> Vec<Kind> {
    match std::env::var("COMPAT_SERVERS").as_deref() {
        Ok("java") => vec![Kind::JAVA],
        Ok("oxkeeper") => vec![Kind::Oxkeeper],
        Ok("both") | Err(_) => vec![Kind::JAVA, Kind::Oxkeeper],
        Ok(other) => panic!("COMPAT_SERVERS={other}: want java, oxkeeper or both"),
    }
}

/// What a server is started with, beyond the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The data directory; a temporary one if absent. It is left in place either way until the server is dropped.
    pub data_dir: Option<PathBuf>,
    /// Lines of `zoo.cfg`, added to the defaults; a key named here replaces the default.
    pub settings: Vec<(String, String)>,
    /// Properties given on the command line as `-Dname=value`.
    pub properties: Vec<(String, String)>,
}

impl Options {
    /// With one more line of `zoo.cfg`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// With one more `-Dname=value`.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl ToString) -> Self {
        self.properties.push((name.to_owned(), value.to_string()));
        self
    }

    /// On an existing data directory.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }
}

/// A server process. Dropping it kills the process; in a failing test it also prints the end of the server's log.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    properties: Vec<(String, String)>,
    port: Port,
    data_dir: PathBuf,
    /// Settings file and log; the data directory too, unless one was given.
    home: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts a server and waits until it serves clients.
    ///
    /// # Errors
    /// When the binary or the class path is missing, or the server does not serve within a minute; the message carries
    /// the end of its log.
    pub fn start(kind: Kind, options: Options) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("compat-").tempdir()?;
        let data_dir = options
            .data_dir
            .clone()
            .unwrap_or_else(|| home.path().join("data"));
        fs::create_dir_all(&data_dir)?;
        let port = Port::reserve()?;
        fs::write(
            home.path().join("zoo.cfg"),
            zoo_cfg(&data_dir, port.number(), &options.settings),
        )?;
        let properties = options.properties;
        let mut server = Self {
            kind,
            properties,
            port,
            data_dir,
            home,
            child: None,
        };
        server.start_again()?;
        Ok(server)
    }

    /// `127.0.0.1:port`, as clients want it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The client port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Whose server this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where its snapshots and logs are: `version-2` is in here.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The file that its standard output and standard error go to, over all its starts.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.home.path().join("server.log")
    }

    /// What it has logged so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.log_path())?).into_owned())
    }

    /// Ends the process as an operator does (SIGTERM) and waits for it.
    ///
    /// # Errors
    /// When it is not running, or has not ended within a minute.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.end(Signal::TERM)
    }

    /// Ends the process as a crash does (SIGKILL) and waits for it.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.end(Signal::KILL)
    }

    /// Starts the server again on the same port and data directory, and waits until it serves.
    ///
    /// # Errors
    /// As [`Server::start`]; and when it still runs.
    pub fn start_again(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("the server is running");
        }
        self.child = Some(self.spawn()?);
        self.wait_until_serving()
    }

    /// As [`Server::start_again`], but a server of another kind takes over the port and the data directory.
    ///
    /// # Errors
    /// As [`Server::start_again`].
    pub fn start_again_as(&mut self, kind: Kind) -> Result<()> {
        self.kind = kind;
        self.start_again()
    }

    /// Sends a four-letter word and returns the answer.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer and close within 10 s.
    pub fn four_letter(&self, word: &str) -> Result<String> {
        self.four_letter_within(word, Duration::from_secs(10))
    }

    fn four_letter_within(&self, word: &str, limit: Duration) -> Result<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port()));
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(word.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut command = self.command()?;
        command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        command
            .spawn()
            .with_context(|| format!("start {}: {command:?}", self.kind))
    }

    fn command(&self) -> Result<Command> {
        let cfg = self.home.path().join("zoo.cfg");
        let mut command = match self.kind {
            Kind::Java(version) => {
                let mut properties = self.properties.clone();
                properties.push(("compat.log.level".into(), "INFO".into()));
                let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
                Project::apache(version).build()?.command(main, &properties)
            }
            Kind::Oxkeeper => {
                let mut command = Command::new(binary()?);
                command.arg("server");
                command.args(
                    self.properties
                        .iter()
                        .map(|(name, value)| format!("-D{name}={value}")),
                );
                command
            }
        };
        command.arg(cfg);
        Ok(command)
    }

    fn wait_until_serving(&mut self) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            // Asked first: while the process lives, whoever answers on its port is most likely itself.
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                self.child = None;
                bail!(
                    "{} ended ({status}) instead of serving:\n{}",
                    self.kind,
                    self.log_end()
                );
            }
            if self.serves() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!(
            "{} does not serve after {DEADLINE:?}:\n{}",
            self.kind,
            self.log_end()
        )
    }

    /// Whether this server, and not somebody else's that took its port in the meantime, serves clients.
    fn serves(&self) -> bool {
        // Apache's server leaves a word unanswered that reaches it in the middle of its start.
        let ask = |word: &str| self.four_letter_within(word, PATIENCE).unwrap_or_default();
        let stranger = || {
            let conf = ask("conf");
            conf.contains("dataDir=") && !conf.contains(&self.data_dir.display().to_string())
        };
        ask("srvr").contains("Mode: ") && !stranger()
    }

    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let mut child = self.child.take().context("the server is not running")?;
        kill_process(Pid::from_child(&child), signal)?;
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        self.child = Some(child);
        bail!(
            "{} still runs {DEADLINE:?} after {signal:?}:\n{}",
            self.kind,
            self.log_end()
        )
    }

    /// The last lines of the log, for the reader of a failure.
    #[must_use]
    pub fn log_end(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Nothing is left to do about a process that cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!(
                "--- end of the log of {} ---\n{}",
                self.kind,
                self.log_end()
            );
        }
    }
}

/// The settings file: a standalone server on loopback, every four-letter word allowed, and what the test adds.
fn zoo_cfg(data_dir: &Path, port: u16, settings: &[(String, String)]) -> String {
    let defaults = [
        ("dataDir", data_dir.display().to_string()),
        ("clientPort", port.to_string()),
        ("clientPortAddress", "127.0.0.1".to_owned()),
        ("tickTime", "2000".to_owned()),
        ("admin.enableServer", "false".to_owned()),
        ("4lw.commands.whitelist", "*".to_owned()),
    ];
    let kept = defaults
        .iter()
        .filter(|(key, _)| settings.iter().all(|(other, _)| other != key));
    let lines = kept.map(|(key, value)| format!("{key}={value}\n"));
    lines
        .chain(
            settings
                .iter()
                .map(|(key, value)| format!("{key}={value}\n")),
        )
        .collect()
}

/// `OXKEEPER_BIN`, or the newest of the release and debug builds.
///
/// # Errors
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("OXKEEPER_BIN") {
        return Ok(PathBuf::from(path));
    }
    let built =
        ["release", "debug"].map(|profile| cache::target_dir().join(profile).join("oxkeeper"));
    let age = |path: &&PathBuf| {
        File::open(path)
            .and_then(|file| file.metadata()?.modified())
            .ok()
    };
    let newest = built
        .iter()
        .filter(|path| age(path).is_some())
        .max_by_key(age);
    newest.cloned().with_context(|| {
        format!("no oxkeeper binary: run `cargo build --release` or set OXKEEPER_BIN (looked for {built:?})")
    })
}

//! One member: a process of the program, its directory, its ports.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How long a four-letter word may take.
const WORD_PATIENCE: Duration = Duration::from_secs(5);

/// Where a member listens.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub quorum: SocketAddr,
    pub election: SocketAddr,
    pub client: SocketAddr,
}

/// How a server is started on a settings file.
pub type Launch = fn(&Path) -> Command;

/// A member, running or not.
#[derive(Debug)]
pub struct Member {
    pub id: i64,
    /// The program; may be another one at the next start.
    pub launch: Launch,
    pub places: Places,
    pub dir: PathBuf,
    child: Option<Child>,
}

impl Member {
    pub fn new(id: i64, launch: Launch, places: Places, dir: PathBuf) -> Member {
        fs::create_dir_all(dir.join("data")).unwrap();
        fs::write(dir.join("data/myid"), format!("{id}\n")).unwrap();
        Member {
            id,
            launch,
            places,
            dir,
            child: None,
        }
    }

    /// Writes the settings file; `lines` are those all members have in common.
    pub fn configure(&self, lines: &str) {
        let data = self.dir.join("data");
        let text = format!("dataDir={}\n{lines}", data.display());
        fs::write(self.dir.join("zoo.cfg"), text).unwrap();
    }

    pub fn start(&mut self) {
        assert!(self.child.is_none(), "member {} runs", self.id);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .unwrap();
        let child = (self.launch)(&self.dir.join("zoo.cfg"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.child = Some(child);
    }

    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The number of the process.
    pub fn process(&self) -> u32 {
        self.child.as_ref().expect("the member runs").id()
    }

    /// Sends a signal without waiting for what it does.
    pub fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("the member runs");
        kill_process(Pid::from_child(child), signal).expect("the process is there");
    }

    /// Stops the process as it is, and waits until none of its threads runs any more: the signal alone stops
    /// nobody until one of them has taken it.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.process());
        let is_stopped = |task: &fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state stands behind the name, which is in parentheses.
            stat.rsplit_once(')')
                .is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
        };
        wait(&format!("member {} stands still", self.id), || {
            let mut tasks = fs::read_dir(&tasks).expect("procfs").flatten();
            tasks.all(|task| is_stopped(&task))
        });
    }

    /// Ends the process by a signal and waits for its end.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Waits for the end of the process.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the member runs");
        let mut status = None;
        wait(&format!("member {} ends", self.id), || {
            status = child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        status.expect("waited for")
    }

    /// Forgets everything but who it is.
    pub fn wipe(&self) {
        assert!(self.child.is_none(), "member {} runs", self.id);
        fs::remove_dir_all(self.dir.join("data/version-2")).unwrap();
    }

    /// The answer to a four-letter word; `None` when nobody answers.
    pub fn word(&self, word: &str) -> Option<String> {
        self.child.as_ref()?;
        let mut stream = TcpStream::connect_timeout(&self.places.client, WORD_PATIENCE).ok()?;
        stream.set_read_timeout(Some(WORD_PATIENCE)).ok()?;
        stream.write_all(word.as_bytes()).ok()?;
        stream.shutdown(Shutdown::Write).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// What it says it is; `None` while it does not serve.
    pub fn mode(&self) -> Option<String> {
        let answer = self.word("srvr")?;
        let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "));
        mode.map(str::to_owned)
    }

    /// One value of the word `mntr`.
    pub fn metric(&self, name: &str) -> Option<String> {
        let answer = self.word("mntr")?;
        let lines = answer.lines().filter_map(|line| line.split_once('\t'));
        let mut found = lines.filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.to_owned())
    }

    /// Everything it logged since it was first started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub fn says(&self, text: &str) -> bool {
        self.log().contains(text)
    }

    pub fn data(&self) -> PathBuf {
        Path::new(&self.dir).join("data")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Nothing is left to do about a process that cannot be killed.
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let words = |line: &&str| !line.contains("Processing ");
            let lines: Vec<&str> = log.lines().filter(words).collect();
            let end = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("--- end of the log of member {} ---\n{end}", self.id);
        }
    }
}

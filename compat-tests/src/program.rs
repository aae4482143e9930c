//! Foreign clients as programs. A program prints `PASS <check>` and `FAIL <check>: <why>` lines and ends with exit code
//! 0 if nothing failed. It may ask for the server to be acted upon: it prints `ASK restart`, `ASK kill`, `ASK stop` or
//! `ASK start`, and reads one line from its standard input, which comes when that is done (`kill` is a crash followed
//! by a start). `ASK become <kind>` and `ASK usurp <kind>` are a restart and a crash after which a server of another
//! kind, named as [`Kind`] prints itself, goes on with the same port and data.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::server::{Kind, Server};

/// Who does what programs ask for, and is asked for its log when they fail.
pub trait Host {
    /// Does what a program asked for with `ASK <wish>`.
    ///
    /// # Errors
    /// When nobody knows how to do that, or it fails.
    fn grant(&mut self, wish: &str) -> Result<()>;

    /// What the reader of a failure wants to see of the servers.
    fn last_words(&self) -> String;
}

impl Host for Server {
    fn grant(&mut self, wish: &str) -> Result<()> {
        grant(wish, self)
    }

    fn last_words(&self) -> String {
        format!("--- {} logged\n{}", self.kind(), self.log_end())
    }
}

/// One line, or the end, of one program's output.
enum News {
    Line(String),
    Complaint(String),
    OutputEnded,
}

/// A running program and what it has said so far.
struct Running {
    name: String,
    child: Child,
    stdin: ChildStdin,
    said: Vec<String>,
    complained: Vec<String>,
    open: u8,
}

/// Runs programs side by side until all have ended, and has done what they ask for.
///
/// With `COMPAT_SHOW` set, what they say is printed even if all is well. Returns the names of the checks that passed, of all programs.
///
/// # Errors
/// When a program cannot be started, says `FAIL`, passes nothing, ends with another exit code than 0, or has not ended
/// before the deadline; the message carries the output of all programs.
pub fn run(host: &mut impl Host, programs: Vec<Command>, limit: Duration) -> Result<Vec<String>> {
    let deadline = Instant::now() + limit;
    let (sender, news) = mpsc::channel();
    let mut running = Vec::new();
    for (index, command) in programs.into_iter().enumerate() {
        running.push(start(index, command, &sender)?);
    }
    let mut trouble = None;
    while trouble.is_none() && running.iter().any(|program| program.open > 0) {
        match news.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((index, item)) => trouble = hear(&mut running[index], item, host).err(),
            Err(RecvTimeoutError::Timeout) => {
                trouble = Some(anyhow::anyhow!("not done after {limit:?}"));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let verdict = match trouble {
        Some(error) => Err(error),
        None => judge(&mut running, deadline),
    };
    for program in &mut running {
        // It has ended already, or is of no more use.
        let _ = program.child.kill();
        let _ = program.child.wait();
    }
    if std::env::var_os("COMPAT_SHOW").is_some() {
        eprintln!("{}", transcript(&running));
    }
    verdict.with_context(|| format!("{}{}", transcript(&running), host.last_words()))
}

fn start(index: usize, mut command: Command, sender: &Sender<(usize, News)>) -> Result<Running> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let name = format!("program {index}");
    let mut child = command
        .spawn()
        .with_context(|| format!("start {name}: {command:?}"))?;
    let stdin = child.stdin.take().context("stdin is a pipe")?;
    forward(
        index,
        child.stdout.take().context("stdout is a pipe")?,
        sender.clone(),
        News::Line,
    );
    forward(
        index,
        child.stderr.take().context("stderr is a pipe")?,
        sender.clone(),
        News::Complaint,
    );
    Ok(Running {
        name,
        child,
        stdin,
        said: Vec::new(),
        complained: Vec::new(),
        open: 2,
    })
}

/// Sends each line of a pipe to the channel, from a thread of its own.
fn forward(
    index: usize,
    pipe: impl Read + Send + 'static,
    sender: Sender<(usize, News)>,
    wrap: fn(String) -> News,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            // Nobody listens any more once the verdict is in.
            let _ = sender.send((index, wrap(String::from_utf8_lossy(&line).into_owned())));
        }
        let _ = sender.send((index, News::OutputEnded));
    });
}

fn hear(program: &mut Running, item: News, host: &mut impl Host) -> Result<()> {
    match item {
        News::OutputEnded => program.open -= 1,
        News::Complaint(line) => program.complained.push(line),
        News::Line(line) => {
            let wish = line.strip_prefix("ASK ").map(str::to_owned);
            program.said.push(line);
            if let Some(wish) = wish {
                host.grant(&wish)
                    .with_context(|| format!("asked to {wish} the server"))?;
                program.stdin.write_all(b"DONE\n")?;
                program.stdin.flush()?;
            }
        }
    }
    Ok(())
}

fn grant(wish: &str, server: &mut Server) -> Result<()> {
    if let Some(kind) = wish.strip_prefix("become ") {
        server.stop()?;
        return server.start_again_as(kind.parse::<Kind>()?);
    }
    if let Some(kind) = wish.strip_prefix("usurp ") {
        server.kill()?;
        return server.start_again_as(kind.parse::<Kind>()?);
    }
    match wish {
        "restart" => {
            server.stop()?;
            server.start_again()
        }
        "kill" => {
            server.kill()?;
            server.start_again()
        }
        "stop" => server.stop().map(drop),
        "start" => server.start_again(),
        other => bail!("nobody knows how to {other} a server"),
    }
}

fn judge(running: &mut [Running], deadline: Instant) -> Result<Vec<String>> {
    let mut passed = Vec::new();
    for program in running {
        let status = wait(&mut program.child, deadline)?;
        let with = |prefix: &'static str| {
            program
                .said
                .iter()
                .filter_map(move |line| line.strip_prefix(prefix))
        };
        if let Some(failure) = with("FAIL ").next() {
            bail!("{} failed {failure}", program.name);
        }
        if !status.success() {
            bail!("{} ended with {status}", program.name);
        }
        if with("PASS ").next().is_none() {
            bail!("{} passed nothing", program.name);
        }
        passed.extend(with("PASS ").map(str::to_owned));
    }
    Ok(passed)
}

fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            bail!("closed its output but does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything that was said, for the reader of a failure.
fn transcript(running: &[Running]) -> String {
    let mut text = String::new();
    for program in running {
        // Writing to a string does not fail.
        let _ = writeln!(text, "--- {} said", program.name);
        let complained = &program.complained[program.complained.len().saturating_sub(40)..];
        for line in program.said.iter().chain(complained) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

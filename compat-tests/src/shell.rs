//! An interactive shell (Apache's `zkCli`, the C client's `cli_mt`) driven line by line: each line is sent only after
//! the shell has prompted for it, so what it prints can be told apart by command.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long one command may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running shell. Dropping it kills the process.
#[derive(Debug)]
pub struct Shell {
    child: Child,
    stdin: ChildStdin,
    output: Receiver<Vec<u8>>,
    pending: String,
}

impl Shell {
    /// Starts the program with its standard output and standard error in one stream, in the order of writing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let (mut reader, writer) = std::io::pipe()?;
        command
            .stdin(Stdio::piped())
            .stderr(writer.try_clone()?)
            .stdout(writer);
        let mut child = command
            .spawn()
            .with_context(|| format!("start {command:?}"))?;
        // The command keeps the writing end; without it the reader sees the end of the stream when the shell ends.
        drop(command);
        let stdin = child.stdin.take().context("stdin is a pipe")?;
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            stdin,
            output,
            pending: String::new(),
        })
    }

    /// Sends one line.
    ///
    /// # Errors
    /// When the shell has closed its standard input.
    pub fn send(&mut self, line: &str) -> Result<()> {
        // At once: a shell may take what it can read for a whole line.
        self.stdin.write_all(format!("{line}\n").as_bytes())?;
        Ok(self.stdin.flush()?)
    }

    /// Takes the output up to the place that `done` finds in it (the number of bytes to take).
    ///
    /// # Errors
    /// When the shell ends before, or the place does not come within half a minute; the message carries the output.
    pub fn read_until(&mut self, mut done: impl FnMut(&str) -> Option<usize>) -> Result<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(end) = done(&self.pending) {
                let rest = self.pending.split_off(end);
                return Ok(std::mem::replace(&mut self.pending, rest));
            }
            match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.pending.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("waited {DEADLINE:?} after:\n{}", self.pending)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the shell ended after:\n{}", self.pending)
                }
            }
        }
    }

    /// Takes all output until the shell ends, and its exit code.
    ///
    /// # Errors
    /// When it does not end within half a minute.
    pub fn finish(&mut self) -> Result<(String, Option<i32>)> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.pending.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) => bail!("does not end after:\n{}", self.pending),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok((std::mem::take(&mut self.pending), self.child.wait()?.code()))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! `bench start`: from the start of a server's process to its first answer to a client.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::args::StartArgs;
use crate::bench::control::Control;
use crate::bench::error::BenchError;
use crate::bench::frames;
use crate::bench::meter::{Latencies, Measured, Meter, Reading};
use crate::bench::outcome::Outcome;
use crate::bench::process::Memory;

/// Between two attempts to connect.
const STEP: Duration = Duration::from_millis(1);
/// What an attempt waits for an answer at first. Java's server forgets connections that come between
/// its first listening and its serving: they are never answered, nor closed.
const PATIENCE_FIRST: Duration = Duration::from_millis(50);
const PATIENCE_MAX: Duration = Duration::from_secs(5);

/// Runs it. The server keeps running; its process id is in the result.
pub(crate) fn run(args: &StartArgs) -> Result<Outcome, BenchError> {
    let address = args.common.addresses()?[0];
    let mut command = command(args)?;
    let client_cpu = Meter::new(&[]).read()?.client_cpu;
    let started = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| failed(args, format!("cannot be started: {error}")))?;
    let answered = match wait(args, address, &mut child, started) {
        Ok(answered) => answered,
        Err(error) => {
            // The wait's error is the one to report; a server that never served is of no use.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    let mut latency = Latencies::new();
    latency.record(started, answered);
    let measured = Measured {
        from: newborn(started, client_cpu),
        to: Reading {
            at: answered,
            ..Meter::new(&[child.id()]).read()?
        },
        operations: 1,
        latency,
    };
    let mut outcome = Outcome::new("start", "starts", &[], &measured);
    if let Some(server) = &mut outcome.server {
        server.pid = Some(child.id());
    }
    Ok(outcome)
}

/// The reading of a server that has not run yet.
fn newborn(at: Instant, client_cpu: f64) -> Reading {
    Reading {
        at,
        server_cpu: Some(0.0),
        memory: Some(Memory {
            resident: 0,
            peak: 0,
        }),
        client_cpu,
    }
}

fn command(args: &StartArgs) -> Result<Command, BenchError> {
    let (program, rest) = args
        .command
        .split_first()
        .ok_or_else(|| failed(args, "is missing".to_owned()))?;
    let mut command = Command::new(program);
    // A group of its own: what interrupts the benchmark is not meant for the server.
    command.args(rest).stdin(Stdio::null()).process_group(0);
    let Some(path) = &args.log else {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        return Ok(command);
    };
    let file_failed = |source| BenchError::File {
        path: path.clone(),
        source,
    };
    let log = File::create(path).map_err(file_failed)?;
    command.stderr(log.try_clone().map_err(file_failed)?);
    command.stdout(log);
    Ok(command)
}

/// When the first answer came.
fn wait(
    args: &StartArgs,
    address: SocketAddr,
    child: &mut Child,
    started: Instant,
) -> Result<Instant, BenchError> {
    let (root, mut patience) = (frames::exists("/"), PATIENCE_FIRST);
    let timeout_ms = args.common.session_timeout_ms();
    loop {
        // Until it serves, a server refuses connections or hangs up; any failure may be of that kind.
        let asked = Control::open_within(patience, address, timeout_ms)
            .and_then(|mut control| control.call(&root, 0).map(|_| (control, Instant::now())));
        match asked {
            Ok((control, answered)) => {
                control.close()?;
                return Ok(answered);
            }
            Err(error) if started.elapsed() > args.deadline => {
                return Err(failed(args, format!("does not answer in time: {error}")));
            }
            Err(BenchError::Stalled { .. }) => patience = (patience * 2).min(PATIENCE_MAX),
            Err(_) => {}
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(failed(args, format!("ended before it served: {status}")));
        }
        thread::sleep(STEP);
    }
}

fn failed(args: &StartArgs, what: String) -> BenchError {
    BenchError::Start {
        command: args.command.first().cloned().unwrap_or_default(),
        what,
    }
}

//! `bench outage`: how long an ensemble takes until it acknowledges a write again, after one of its servers was killed, or
//! until it acknowledges its first.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::args::OutageArgs;
use crate::bench::control::Control;
use crate::bench::error::BenchError;
use crate::bench::frames;
use crate::bench::meter::{Latencies, Measured};
use crate::bench::outcome::Outcome;

/// Between two attempts.
const STEP: Duration = Duration::from_millis(1);
/// What an attempt waits for an answer. Without a quorum a server may take a connection and never answer it.
const PATIENCE: Duration = Duration::from_millis(100);

/// Runs it. The one operation is the outage, its latency how long it was.
pub(crate) fn run(args: &OutageArgs) -> Result<Outcome, BenchError> {
    let servers = args.common.addresses()?;
    let meter = args.common.meter();
    let from = meter.read()?;
    let began = Instant::now();
    if let Some(pid) = args.kill {
        kill(pid)?;
    }
    let written = wait(args, &servers, began)?;
    let mut latency = Latencies::new();
    latency.record(began, written);
    let mut to = meter.read()?;
    to.at = written;
    let measured = Measured {
        from,
        to,
        operations: 1,
        latency,
    };
    Ok(Outcome::new("outage", "outages", &[], &measured))
}

fn kill(pid: u32) -> Result<(), BenchError> {
    let bad = || {
        BenchError::Arguments(format!(
            "--kill {pid}: not the id of a process that can be killed"
        ))
    };
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(raw.ok_or_else(bad)?, Signal::KILL).map_err(|_| bad())
}

/// When the first write was acknowledged; the servers are asked in turn.
fn wait(args: &OutageArgs, servers: &[SocketAddr], began: Instant) -> Result<Instant, BenchError> {
    for server in servers.iter().cycle() {
        // Any failure may be one of an ensemble that has not found together yet.
        match write(args, *server) {
            Ok(written) => return Ok(written),
            Err(error) if began.elapsed() > args.deadline => return Err(error),
            Err(_) => thread::sleep(STEP),
        }
    }
    unreachable!("there is always a server to ask next")
}

fn write(args: &OutageArgs, server: SocketAddr) -> Result<Instant, BenchError> {
    let timeout_ms = args.common.session_timeout_ms();
    let mut control = Control::open_within(PATIENCE, server, timeout_ms)?;
    let base = control.create_base()?;
    let written = Instant::now();
    control.call(&frames::delete(&base), 0)?;
    control.close()?;
    Ok(written)
}

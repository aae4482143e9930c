//! `bench idle`: what sessions cost that do nothing but stay alive.

use std::time::{Duration, Instant};

use crate::bench::args::IdleArgs;
use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::frames;
use crate::bench::meter::{Latencies, Measured, Reading};
use crate::bench::outcome::Outcome;
use crate::bench::session::Incoming;
use crate::bench::steady::wide;

const TURN: Duration = Duration::from_millis(100);
/// Heartbeats in each session timeout, as clients send them.
const PINGS_PER_TIMEOUT: u32 = 3;

/// Runs it. Time and CPU are those of opening the sessions; the last memory is that after keeping them.
pub(crate) fn run(args: &IdleArgs) -> Result<Outcome, BenchError> {
    let (servers, timeout) = (args.common.addresses()?, args.common.session_timeout_ms());
    let (meter, mut progress) = (args.common.meter(), args.common.progress("idle"));
    let mut latency = Latencies::new();
    let from = meter.read()?;
    let mut fleet = Fleet::open(&servers, args.sessions, timeout)?;
    let opened = meter.read()?;
    let (ping, step) = (
        frames::ping(),
        args.common.session_timeout / PINGS_PER_TIMEOUT,
    );
    let end = Instant::now() + args.duration;
    let mut next_ping = Instant::now() + step;
    loop {
        let now = Instant::now();
        if now >= next_ping {
            for session in fleet.sessions() {
                session.request(&ping, || 0, now);
            }
            fleet.flush()?;
            next_ping = now + step;
        }
        if now >= end {
            break;
        }
        let timeout = next_ping.min(end) - now;
        fleet.turn(timeout.min(TURN), |_, _, incoming, now| {
            if let Incoming::Reply { sent_at, .. } = incoming {
                latency.record(sent_at, now);
            }
            Ok(())
        })?;
        progress.tick("keep", wide(args.sessions));
    }
    let measured = Measured {
        from,
        to: Reading {
            memory: meter.read()?.memory,
            ..opened
        },
        operations: wide(args.sessions),
        latency,
    };
    fleet.settle(|_, _, _, _| Ok(()))?;
    fleet.close()?;
    let parameters = [("sessions", wide(args.sessions))];
    Ok(Outcome::new("idle", "sessions", &parameters, &measured))
}

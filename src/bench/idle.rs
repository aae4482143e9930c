//! `bench idle`: what sessions cost that do nothing but stay alive.

use std::time::{Duration, Instant};

use crate::bench::args::IdleArgs;
use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::frames;
use crate::bench::meter::{Latencies, Measured};
use crate::bench::outcome::Outcome;
use crate::bench::session::Incoming;
use crate::bench::steady::wide;

const TURN: Duration = Duration::from_millis(100);
/// Heartbeats in each session timeout, as clients send them.
const PINGS_PER_TIMEOUT: u32 = 3;

/// Runs it. The measured time is that of opening and keeping the sessions; memory is read at its ends.
pub(crate) fn run(args: &IdleArgs) -> Result<Outcome, BenchError> {
    let (address, timeout) = (args.common.address()?, args.common.session_timeout_ms());
    let (meter, mut progress) = (args.common.meter(), args.common.progress("idle"));
    let mut latency = Latencies::new();
    let from = meter.read()?;
    let mut fleet = Fleet::open(address, args.sessions, timeout)?;
    let kept = Instant::now();
    let (ping, step) = (
        frames::ping(),
        args.common.session_timeout / PINGS_PER_TIMEOUT,
    );
    let mut next_ping = kept + step;
    while kept.elapsed() < args.duration {
        if Instant::now() >= next_ping {
            let now = Instant::now();
            for session in fleet.sessions() {
                session.request(&ping, || 0, now);
            }
            fleet.flush()?;
            next_ping = now + step;
        }
        fleet.turn(TURN, |_, _, incoming, now| {
            if let Incoming::Reply { sent_at, .. } = incoming {
                latency.record(sent_at, now);
            }
            Ok(())
        })?;
        progress.tick("keep", wide(args.sessions));
    }
    let measured = Measured {
        from,
        to: meter.read()?,
        operations: wide(args.sessions),
        latency,
    };
    fleet.settle(|_, _, _, _| Ok(()))?;
    fleet.close()?;
    let parameters = [("sessions", wide(args.sessions))];
    Ok(Outcome::new("idle", "sessions", &parameters, &measured))
}

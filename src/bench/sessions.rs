//! `bench sessions`: connect, open a session, close it, and again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bench::args::SessionsArgs;
use crate::bench::error::BenchError;
use crate::bench::fleet::{Fleet, PATIENCE};
use crate::bench::frames::{self, Template};
use crate::bench::meter::{Latencies, Measured, Meter};
use crate::bench::outcome::Outcome;
use crate::bench::progress::Progress;
use crate::bench::session::{Incoming, Session};
use crate::bench::steady::wide;
use crate::types::OpCode;

/// Runs it. One operation is a session from connect to the answer of closeSession.
pub(crate) fn run(args: &SessionsArgs) -> Result<Outcome, BenchError> {
    let (meter, mut progress) = (args.common.meter(), args.common.progress("sessions"));
    let (servers, timeout_ms) = (args.common.addresses()?, args.common.session_timeout_ms());
    let mut churn = Churn {
        fleet: Fleet::open(&servers, args.connections, timeout_ms)?,
        servers,
        timeout_ms,
        started: vec![Instant::now(); args.connections],
        close: frames::close_session(),
        latency: Latencies::new(),
    };
    churn.begin()?;
    churn.go_on(args.time.warmup, "warm-up", &meter, &mut progress)?;
    let measured = churn.go_on(args.time.duration, "measure", &meter, &mut progress)?;
    churn.end()?;
    let parameters = [("connections", wide(args.connections))];
    Ok(Outcome::new("sessions", "sessions", &parameters, &measured))
}

struct Churn {
    servers: Vec<SocketAddr>,
    timeout_ms: i32,
    fleet: Fleet,
    /// When each session began to connect.
    started: Vec<Instant>,
    close: Template,
    latency: Latencies,
}

impl Churn {
    fn begin(&mut self) -> Result<(), BenchError> {
        let now = Instant::now();
        for session in self.fleet.sessions() {
            session.request(&self.close, || 0, now);
        }
        self.fleet.flush()
    }

    fn go_on(
        &mut self,
        time: Duration,
        stage: &str,
        meter: &Meter,
        progress: &mut Progress,
    ) -> Result<Measured, BenchError> {
        self.latency = Latencies::new();
        let (from, mut closed) = (meter.read()?, 0);
        while from.at.elapsed() < time {
            let over = self.turn()?;
            closed += wide(over.len());
            for index in over {
                self.started[index] = Instant::now();
                let next =
                    Session::connect(self.servers[index % self.servers.len()], self.timeout_ms)?;
                self.fleet.replace(index, next)?;
            }
            progress.tick(stage, closed);
        }
        Ok(Measured {
            from,
            to: meter.read()?,
            operations: closed,
            latency: self.latency.clone(),
        })
    }

    /// Closes what has opened; returns the indices of what has closed.
    fn turn(&mut self) -> Result<Vec<usize>, BenchError> {
        let mut over = Vec::new();
        let (close, latency, started) = (&self.close, &mut self.latency, &self.started);
        self.fleet.turn(PATIENCE, |session, index, incoming, now| {
            match incoming {
                Incoming::Opened => session.request(close, || 0, now),
                Incoming::Reply {
                    op: OpCode::CloseSession,
                    ..
                } => {
                    latency.record(started[index], now);
                    over.push(index);
                }
                Incoming::Reply { .. } | Incoming::Event => {}
            }
            Ok(())
        })?;
        Ok(over)
    }

    fn end(&mut self) -> Result<(), BenchError> {
        while self
            .fleet
            .sessions()
            .iter()
            .any(|session| !session.is_closing())
        {
            self.turn()?;
        }
        Ok(())
    }
}

//! The load itself: every connection keeps `depth` requests in flight, on one thread or several.
//!
//! The load is closed: a request is sent when another was answered. So latencies are those of a server
//! that is as busy as `connections` times `depth` can make it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::load::Load;
use crate::bench::meter::{Latencies, Measured, Meter};
use crate::bench::progress::Progress;
use crate::bench::session::{Incoming, Session};

const TURN: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(100);

const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// How a load is driven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Requests in flight on each connection.
    pub(crate) depth: usize,
    /// Threads that share the connections.
    pub(crate) threads: usize,
    /// Time before the measurement.
    pub(crate) warmup: Duration,
    /// Length of the measurement; `None` to go on until the loads have ended.
    pub(crate) duration: Option<Duration>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    phase: AtomicU8,
    done: AtomicU64,
}

impl Shared {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
    }
}

type Worked = Result<(Vec<Session>, Latencies), BenchError>;

/// Drives each session with the load of the same index; hands the sessions back with nothing in flight.
pub(crate) fn run(
    lanes: Vec<(Session, Load)>,
    pace: Pace,
    meter: &Meter,
    progress: &mut Progress,
) -> Result<(Vec<Session>, Measured), BenchError> {
    let shared = Shared {
        phase: AtomicU8::new(WARM_UP),
        done: AtomicU64::new(0),
    };
    let threads = pace.threads.clamp(1, lanes.len().max(1));
    let mut parts: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, lane) in lanes.into_iter().enumerate() {
        parts[index % threads].push(lane);
    }
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for part in parts {
            let (sender, shared) = (sender.clone(), &shared);
            scope.spawn(move || {
                // Nobody listens any more once another thread has failed.
                let _ = sender.send(work(part, pace.depth, shared));
            });
        }
        drop(sender);
        let mut conductor = Conductor {
            shared: &shared,
            results,
            sessions: Vec::new(),
            latency: Latencies::new(),
        };
        let measured = conductor.conduct(pace, meter, progress);
        shared.enter(STOP);
        measured
    })
}

/// The thread that looks at the clock.
struct Conductor<'a> {
    shared: &'a Shared,
    results: Receiver<Worked>,
    sessions: Vec<Session>,
    latency: Latencies,
}

impl Conductor<'_> {
    fn conduct(
        &mut self,
        pace: Pace,
        meter: &Meter,
        progress: &mut Progress,
    ) -> Result<(Vec<Session>, Measured), BenchError> {
        if !pace.warmup.is_zero() {
            self.wait(Some(pace.warmup), "warm-up", progress)?;
        }
        let (from, before) = (meter.read()?, self.shared.done());
        self.shared.enter(MEASURE);
        self.wait(pace.duration, "measure", progress)?;
        let (to, after) = (meter.read()?, self.shared.done());
        self.shared.enter(STOP);
        self.wait(None, "drain", progress)?;
        let measured = Measured {
            from,
            to,
            // A load with an end counts from its first request, which may have been before the reading.
            operations: after - if pace.duration.is_some() { before } else { 0 },
            latency: self.latency.clone(),
        };
        Ok((std::mem::take(&mut self.sessions), measured))
    }

    /// Waits for this long, or until every thread has ended; fails as soon as one has failed.
    fn wait(
        &mut self,
        time: Option<Duration>,
        stage: &str,
        progress: &mut Progress,
    ) -> Result<(), BenchError> {
        let start = Instant::now();
        loop {
            let left = time.map_or(TICK, |time| time.saturating_sub(start.elapsed()));
            if left.is_zero() {
                return Ok(());
            }
            match self.results.recv_timeout(left.min(TICK)) {
                Ok(worked) => {
                    let (sessions, latency) = worked?;
                    self.sessions.extend(sessions);
                    self.latency.add(&latency);
                }
                Err(RecvTimeoutError::Timeout) => progress.tick(stage, self.shared.done()),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

/// One thread: keeps its sessions busy until told to stop, or until their loads have ended.
fn work(lanes: Vec<(Session, Load)>, depth: usize, shared: &Shared) -> Worked {
    let (sessions, mut loads): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
    let mut fleet = Fleet::adopt(sessions)?;
    let mut latency = Latencies::new();
    let now = Instant::now();
    for (session, load) in fleet.sessions().iter_mut().zip(&mut loads) {
        let _ended_early = (0..depth).any(|_| !load.send(session, now));
    }
    fleet.flush()?;
    while fleet.in_flight() > 0 {
        let mut done = 0;
        fleet.turn(TURN, |session, index, incoming, now| {
            if let Incoming::Reply { sent_at, .. } = incoming {
                done += 1;
                let phase = shared.phase.load(Ordering::Relaxed);
                if phase == MEASURE {
                    latency.record(sent_at, now);
                }
                if phase != STOP {
                    loads[index].send(session, now);
                }
            }
            Ok(())
        })?;
        shared.done.fetch_add(done, Ordering::Relaxed);
    }
    Ok((fleet.into_sessions()?, latency))
}

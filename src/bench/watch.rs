//! `bench watch`: one node changes, and everyone who watches it is told.
//!
//! A round is one setData and its events. The next begins when every watcher has had its event and, with
//! one-shot watches, has read the node and so watches it again.

use std::time::{Duration, Instant};

use crate::bench::args::WatchArgs;
use crate::bench::control::Control;
use crate::bench::error::BenchError;
use crate::bench::fleet::{Fleet, PATIENCE};
use crate::bench::frames::{self, Template};
use crate::bench::load::Chance;
use crate::bench::meter::{Latencies, Measured, Meter};
use crate::bench::outcome::Outcome;
use crate::bench::progress::Progress;
use crate::bench::session::Incoming;
use crate::bench::steady::wide;
use crate::types::OpCode;

/// The session that changes the node; the others watch.
const WRITER: usize = 0;

/// Runs it.
pub(crate) fn run(args: &WatchArgs) -> Result<Outcome, BenchError> {
    let (servers, timeout) = (args.common.addresses()?, args.common.session_timeout_ms());
    let mut control = Control::open(servers[0], timeout)?;
    let node = control.create_base()?;
    control.close()?;
    let mut fanout = Fanout {
        fleet: Fleet::open(&servers, args.watchers + 1, timeout)?,
        watchers: args.watchers,
        set: frames::set_data(&node, &Chance::new(1, 0).letters(args.payload)),
        read_again: (!args.persistent).then(|| frames::get_data(&node, true)),
        latency: Latencies::new(),
    };
    let first = if args.persistent {
        frames::add_watch(&node)
    } else {
        frames::get_data(&node, true)
    };
    fanout.watch(&first)?;
    let scenario = if args.persistent {
        "watch-persistent"
    } else {
        "watch-once"
    };
    let mut progress = args.common.progress(scenario);
    let meter = args.common.meter();
    fanout.rounds(args.time.warmup, "warm-up", &meter, &mut progress)?;
    let measured = fanout.rounds(args.time.duration, "measure", &meter, &mut progress)?;
    fanout.fleet.close()?;
    let mut control = Control::open(servers[0], timeout)?;
    control.delete_tree(&node, 0)?;
    control.close()?;
    let parameters = [
        ("watchers", wide(args.watchers)),
        ("payload_bytes", wide(args.payload)),
    ];
    Ok(Outcome::new(scenario, "events", &parameters, &measured))
}

struct Fanout {
    fleet: Fleet,
    watchers: usize,
    set: Template,
    /// What a watcher asks after each event; nothing when its watch stays.
    read_again: Option<Template>,
    latency: Latencies,
}

impl Fanout {
    /// Every watcher leaves its first watch.
    fn watch(&mut self, first: &Template) -> Result<(), BenchError> {
        let now = Instant::now();
        for watcher in &mut self.fleet.sessions()[WRITER + 1..] {
            watcher.request(first, || 0, now);
        }
        self.fleet.flush()?;
        self.fleet.settle(|_, _, _, _| Ok(()))
    }

    /// Rounds for this long.
    fn rounds(
        &mut self,
        time: Duration,
        stage: &str,
        meter: &Meter,
        progress: &mut Progress,
    ) -> Result<Measured, BenchError> {
        self.latency = Latencies::new();
        let (from, mut events) = (meter.read()?, 0);
        while from.at.elapsed() < time {
            self.round()?;
            events += wide(self.watchers);
            progress.tick(stage, events);
        }
        Ok(Measured {
            from,
            to: meter.read()?,
            operations: events,
            latency: self.latency.clone(),
        })
    }

    fn round(&mut self) -> Result<(), BenchError> {
        let Fanout {
            fleet,
            watchers,
            set,
            read_again,
            latency,
        } = self;
        let start = Instant::now();
        let writer = &mut fleet.sessions()[WRITER];
        writer.request(set, || 0, start);
        writer.flush()?;
        let reads = if read_again.is_some() { *watchers } else { 0 };
        let (mut events_left, mut reads_left, mut written) = (*watchers, reads, false);
        while events_left > 0 || reads_left > 0 || !written {
            fleet.turn(PATIENCE, |session, _, incoming, now| {
                match incoming {
                    Incoming::Event => {
                        latency.record(start, now);
                        events_left -= 1;
                        if let Some(read) = read_again {
                            session.request(read, || 0, now);
                        }
                    }
                    Incoming::Reply {
                        op: OpCode::SetData,
                        ..
                    } => written = true,
                    Incoming::Reply { .. } => reads_left -= 1,
                    Incoming::Opened => {}
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

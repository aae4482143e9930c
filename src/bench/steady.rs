//! The scenarios with a steady load: read, write, create, mixed, multi.

use crate::bench::args::{LoadArgs, MixedArgs, MultiArgs};
use crate::bench::control::Control;
use crate::bench::drive::{self, Pace};
use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::frames::{self, NUMBER, Template};
use crate::bench::load::{self, Chance, Load};
use crate::bench::outcome::Outcome;
use crate::bench::progress::Progress;
use crate::bench::session::Session;

/// `bench read`.
pub(crate) fn read(args: &LoadArgs) -> Result<Outcome, BenchError> {
    Steady::new("read", "reads", args).random(100, |_, _| None)
}

/// `bench write`.
pub(crate) fn write(args: &LoadArgs) -> Result<Outcome, BenchError> {
    Steady::new("write", "writes", args).random(0, |_, _| None)
}

/// `bench mixed`.
pub(crate) fn mixed(args: &MixedArgs) -> Result<Outcome, BenchError> {
    let mut steady = Steady::new("mixed", "operations", &args.load);
    steady.parameters.push(("reads_percent", args.reads));
    steady.random(args.reads, |_, _| None)
}

/// `bench multi`.
pub(crate) fn multi(args: &MultiArgs) -> Result<Outcome, BenchError> {
    let mut steady = Steady::new("multi", "multis", &args.load);
    let operations = args.operations;
    if operations.saturating_mul(args.load.shape.payload + 100) > frame_bytes_max() {
        return Err(BenchError::Arguments(format!(
            "a multi of {operations} operations with --payload {} is longer than a server's default \
             jute.maxbuffer allows",
            args.load.shape.payload
        )));
    }
    steady.parameters.push(("multi_size", wide(operations)));
    steady.random(0, |path, data| {
        Some(frames::multi_set(path, data, operations))
    })
}

/// `bench create`.
pub(crate) fn create(args: &LoadArgs) -> Result<Outcome, BenchError> {
    Steady::new("create", "creates", args).create()
}

fn frame_bytes_max() -> usize {
    crate::types::limits::FRAME_BYTES_MAX_DEFAULT
}

/// A count as results have it.
pub(crate) fn wide(count: usize) -> u64 {
    u64::try_from(count).expect("usize has 64 bits at most")
}

/// One scenario with its arguments.
struct Steady<'a> {
    scenario: &'static str,
    unit: &'static str,
    args: &'a LoadArgs,
    parameters: Vec<(&'static str, u64)>,
    progress: Progress,
}

impl<'a> Steady<'a> {
    fn new(scenario: &'static str, unit: &'static str, args: &'a LoadArgs) -> Self {
        let shape = &args.shape;
        Steady {
            scenario,
            unit,
            args,
            parameters: vec![
                ("connections", wide(shape.connections)),
                ("depth", wide(shape.depth)),
                ("payload_bytes", wide(shape.payload)),
                ("threads", wide(shape.threads)),
                ("seed", shape.seed),
            ],
            progress: args.common.progress(scenario),
        }
    }

    /// Operations about random keys: `first_percent` of getData, the rest setData or what `other` makes.
    fn random(
        mut self,
        first_percent: u64,
        other: impl FnOnce(&str, &[u8]) -> Option<Template>,
    ) -> Result<Outcome, BenchError> {
        let args = self.args;
        self.parameters.push(("keys", args.keys));
        let data = Chance::new(args.shape.seed, 0).letters(args.shape.payload);
        let (base, sessions) = self.open()?;
        let path = format!("{base}/k{NUMBER}");
        let creates =
            load::split_sequence(&frames::create(&path, &data), args.keys, 1, sessions.len());
        let sessions = self.prepare(sessions, creates)?;
        let first = frames::get_data(&path, false);
        let second = other(&path, &data).unwrap_or_else(|| frames::set_data(&path, &data));
        let loads = (1..=wide(sessions.len())).map(|user| Load::Random {
            first: first.clone(),
            first_percent,
            second: second.clone(),
            keys: args.keys,
            chance: Chance::new(args.shape.seed, user),
        });
        let loads = loads.collect();
        self.measure(sessions, loads, &base, 1)
    }

    fn create(mut self) -> Result<Outcome, BenchError> {
        let args = self.args;
        let data = Chance::new(args.shape.seed, 0).letters(args.shape.payload);
        let (base, sessions) = self.open()?;
        let parents = frames::create(&format!("{base}/p{NUMBER}"), b"");
        let lanes = wide(sessions.len());
        let creates = load::split_sequence(&parents, lanes, 1, sessions.len());
        let sessions = self.prepare(sessions, creates)?;
        let loads = (0..lanes).map(|lane| Load::Sequence {
            template: frames::create(&format!("{base}/p{lane:010}/n{NUMBER}"), &data),
            columns: 1,
            next: 0,
            end: u64::MAX,
        });
        let loads = loads.collect();
        self.measure(sessions, loads, &base, 2)
    }

    /// The node for this run, and the sessions.
    fn open(&self) -> Result<(String, Vec<Session>), BenchError> {
        let (servers, timeout) = self.servers()?;
        let mut control = Control::open(servers[0], timeout)?;
        let base = control.create_base()?;
        control.close()?;
        let fleet = Fleet::open(&servers, self.args.shape.connections, timeout)?;
        Ok((base, fleet.into_sessions()?))
    }

    fn servers(&self) -> Result<(Vec<std::net::SocketAddr>, i32), BenchError> {
        let common = &self.args.common;
        Ok((common.addresses()?, common.session_timeout_ms()))
    }

    /// Makes the nodes that the load is about.
    fn prepare(
        &mut self,
        sessions: Vec<Session>,
        creates: Vec<Load>,
    ) -> Result<Vec<Session>, BenchError> {
        let pace = Pace {
            depth: 16,
            threads: 1,
            warmup: std::time::Duration::ZERO,
            duration: None,
        };
        let lanes = sessions.into_iter().zip(creates).collect();
        let meter = self.args.common.meter();
        let (sessions, _) = drive::run(lanes, pace, &meter, &mut self.progress)?;
        // Each server has them now, not only those that made them.
        let mut fleet = Fleet::adopt(sessions)?;
        let now = std::time::Instant::now();
        for session in fleet.sessions() {
            session.request(&frames::sync(), || 0, now);
        }
        fleet.flush()?;
        fleet.settle(|_, _, _, _| Ok(()))?;
        fleet.into_sessions()
    }

    fn measure(
        mut self,
        sessions: Vec<Session>,
        loads: Vec<Load>,
        base: &str,
        levels: usize,
    ) -> Result<Outcome, BenchError> {
        let args = self.args;
        let pace = Pace {
            depth: args.shape.depth,
            threads: args.shape.threads,
            warmup: args.time.warmup,
            duration: Some(args.time.duration),
        };
        let lanes = sessions.into_iter().zip(loads).collect();
        let (sessions, measured) =
            drive::run(lanes, pace, &args.common.meter(), &mut self.progress)?;
        Fleet::adopt(sessions)?.close()?;
        if !args.keep {
            let (servers, timeout) = self.servers()?;
            let mut control = Control::open(servers[0], timeout)?;
            control.delete_tree(base, levels)?;
            control.close()?;
        }
        let outcome = Outcome::new(self.scenario, self.unit, &self.parameters, &measured);
        Ok(outcome)
    }
}

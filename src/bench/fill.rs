//! `bench fill`: a large tree, to see what a node costs in memory and how long a start with it takes.

use std::time::Duration;

use crate::bench::args::FillArgs;
use crate::bench::control::Control;
use crate::bench::drive::{self, Pace};
use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::frames::{self, NUMBER};
use crate::bench::load::{self, Chance};
use crate::bench::outcome::Outcome;
use crate::bench::steady::wide;

/// Runs it.
pub(crate) fn run(args: &FillArgs) -> Result<Outcome, BenchError> {
    let (servers, timeout) = (args.common.addresses()?, args.common.session_timeout_ms());
    let mut control = Control::open(servers[0], timeout)?;
    let base = control.create_base()?;
    control.close()?;

    let (meter, mut progress) = (args.common.meter(), args.common.progress("fill"));
    let shape = &args.shape;
    let pace = Pace {
        depth: shape.depth,
        threads: shape.threads,
        warmup: Duration::ZERO,
        duration: None,
    };
    let mut fill = |template, rows, columns, sessions: Vec<_>| {
        let loads = load::split_sequence(template, rows, columns, sessions.len());
        let lanes = sessions.into_iter().zip(loads).collect();
        drive::run(lanes, pace, &meter, &mut progress)
    };
    let parent = frames::create(&format!("{base}/p{NUMBER}"), b"");
    let data = Chance::new(shape.seed, 0).letters(shape.payload);
    let child = frames::create(&format!("{base}/p{NUMBER}/c{NUMBER}"), &data);
    let sessions = Fleet::open(&servers, shape.connections, timeout)?.into_sessions()?;
    let (sessions, _) = fill(&parent, args.parents, 1, sessions)?;
    let (sessions, measured) = fill(&child, args.parents, args.children, sessions)?;
    Fleet::adopt(sessions)?.close()?;

    let parameters = [
        ("connections", wide(shape.connections)),
        ("depth", wide(shape.depth)),
        ("payload_bytes", wide(shape.payload)),
        ("parents", args.parents),
        ("children", args.children),
    ];
    Ok(Outcome::new("fill", "creates", &parameters, &measured))
}

//! What the page compares: groups of cases that have a table and a plot in common.

use crate::bench::outcome::Outcome;
use crate::bench::report::results::{Results, Spread};

/// Cases that are measured by the same number.
#[derive(Debug)]
pub(crate) struct Group {
    /// Name of the plot's file.
    pub(crate) name: &'static str,
    /// Heading.
    pub(crate) title: &'static str,
    /// What the numbers count.
    pub(crate) unit: &'static str,
    /// Whether more is better.
    pub(crate) more_is_better: bool,
    /// Decimals shown.
    pub(crate) decimals: usize,
    /// Whether it has a plot.
    pub(crate) plotted: bool,
    /// The number.
    number: fn(&Results, &Outcome) -> Option<f64>,
    /// Name of the results, and what people call it.
    cases: &'static [(&'static str, &'static str)],
}

/// A case with its numbers for each server, in the order of [`Results::servers`].
#[derive(Debug)]
pub(crate) struct Row {
    /// What people call the case.
    pub(crate) label: &'static str,
    /// One for each server.
    pub(crate) spreads: Vec<Option<Spread>>,
}

impl Group {
    /// The cases that any server has results for.
    pub(crate) fn rows(&self, results: &Results) -> Vec<Row> {
        let row = |(case, label): &(&'static str, &'static str)| Row {
            label,
            spreads: results
                .servers()
                .iter()
                .map(|server| {
                    results.spread(*server, case, |outcome| (self.number)(results, outcome))
                })
                .collect(),
        };
        let rows = self.cases.iter().map(row);
        rows.filter(|row| row.spreads.iter().any(Option::is_some))
            .collect()
    }
}

/// The requests of the steady scenarios.
pub(crate) const STEADY: &[(&str, &str)] = &[
    ("read-16", "getData, 16 in flight"),
    ("read-1", "getData, 1 in flight"),
    ("write-16", "setData, 16 in flight"),
    ("write-1", "setData, 1 in flight"),
    ("create-16", "create, 16 in flight"),
    ("mixed-16", "getData and 10 % setData, 16"),
    ("multi-4", "multi of 10 setData, 4 in flight"),
];

const SESSIONS: &[(&str, &str)] = &[
    ("watch-once", "events, one-shot watches"),
    ("watch-persistent", "events, persistent watches"),
    ("sessions", "sessions opened and closed"),
];

/// All groups, in the page's order.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "cpu",
        title: "Operations per CPU second of the server",
        unit: "operations per CPU second",
        more_is_better: true,
        decimals: 0,
        plotted: true,
        number: per_cpu_second,
        cases: STEADY,
    },
    Group {
        name: "rate",
        title: "Operations per second",
        unit: "operations per second",
        more_is_better: true,
        decimals: 0,
        plotted: true,
        number: |_, outcome| Some(outcome.per_second),
        cases: STEADY,
    },
    Group {
        name: "latency",
        title: "99th percentile of the latency",
        unit: "milliseconds",
        more_is_better: false,
        decimals: 1,
        plotted: true,
        number: |_, outcome| Some(outcome.latency_us.as_ref()?.p99 / 1e3),
        cases: STEADY,
    },
    Group {
        name: "sessions",
        title: "Watches and sessions, per CPU second of the server",
        unit: "per CPU second",
        more_is_better: true,
        decimals: 0,
        plotted: true,
        number: per_cpu_second,
        cases: SESSIONS,
    },
    Group {
        name: "memory",
        title: "Memory of the server's process",
        unit: "MiB resident",
        more_is_better: false,
        decimals: 0,
        plotted: true,
        number: resident_mib,
        cases: &[
            ("start-empty", "started, empty"),
            ("fill", "after the tree was loaded"),
            ("start-tree", "after a restart with the tree"),
            ("idle", "with idle sessions"),
        ],
    },
    Group {
        name: "pieces",
        title: "Memory by the piece",
        unit: "resident bytes",
        more_is_better: false,
        decimals: 0,
        plotted: false,
        number: bytes_per_piece,
        cases: &[
            ("fill", "znode, after the tree was loaded"),
            ("start-tree", "znode, after a restart"),
            ("idle", "idle session"),
        ],
    },
    Group {
        name: "start",
        title: "From start to first answer",
        unit: "milliseconds",
        more_is_better: false,
        decimals: 0,
        plotted: true,
        number: |_, outcome| Some(outcome.seconds * 1e3),
        cases: &[
            ("start-empty", "empty directory"),
            ("start-tree", "directory with the tree"),
        ],
    },
];

fn per_cpu_second(_: &Results, outcome: &Outcome) -> Option<f64> {
    outcome.server.as_ref()?.per_cpu_second
}

#[expect(clippy::cast_precision_loss, reason = "a size for people to read")]
fn resident_mib(_: &Results, outcome: &Outcome) -> Option<f64> {
    Some(outcome.server.as_ref()?.resident_after as f64 / f64::from(1 << 20))
}

/// Of all that the process uses, a znode's share; of what it grew by, a session's.
#[expect(clippy::cast_precision_loss, reason = "a size for people to read")]
fn bytes_per_piece(results: &Results, outcome: &Outcome) -> Option<f64> {
    let server = outcome.server.as_ref()?;
    let (bytes, pieces) = if outcome.scenario == "idle" {
        let grown = server.resident_after.saturating_sub(server.resident_before);
        (grown, results.parameter("idle", "sessions")?)
    } else {
        (server.resident_after, results.znodes()?)
    };
    Some(bytes as f64 / pieces as f64)
}

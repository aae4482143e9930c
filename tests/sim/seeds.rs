//! Many seeds, on all cores; and one, with everything that happened in it.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::mutant::{ALL, Mutant};
use crate::plan::{MS, Plan};
use crate::run::{Tally, run};
use crate::shrink::shrink;
use crate::sights::Sights;

/// How many seeds a plain `cargo test` tries. `scripts/simulate.sh` tries as many as one likes.
const SEEDS: u64 = 400;
/// After so many seeds, a word.
const WORD_EVERY: u64 = 1_000;
/// After so many failures it is enough.
const FAILURES_MAX: usize = 10;
/// How much of a trace is printed.
const TRACE_LINES_MAX: usize = 400;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
    )
}

/// What all runs together were worth.
#[derive(Debug, Default)]
struct Total {
    runs: u64,
    steps: u64,
    acknowledged: usize,
    leaders: usize,
    sights: Sights,
    /// In thousandths of what is allowed.
    slowest_recovery: i64,
}

impl Total {
    fn add(&mut self, tally: &Tally) {
        self.runs += 1;
        self.steps += tally.steps;
        self.acknowledged += tally.acknowledged;
        self.leaders += tally.leaders;
        self.sights.add_all(&tally.sights);
        self.slowest_recovery = self.slowest_recovery.max(tally.recovery);
    }
}

/// Everything that is worth knowing of a failing plan.
pub fn report(seed: u64, mutant: Option<Mutant>) -> String {
    let small = shrink(&Plan::of(seed), mutant);
    let verdict = run(&small, mutant, true);
    let trace = verdict.trace.unwrap_or_default();
    let lines: Vec<&str> = trace.lines().collect();
    let from = lines.len().saturating_sub(TRACE_LINES_MAX);
    let (broken, at) = verdict.broken.expect("a shrunken plan fails as well");
    format!(
        "{}\n\n{small}\nbroken at {} ms: {broken}\nreplay: scripts/simulate.sh replay {seed}\n",
        lines[from..].join("\n"),
        at / MS,
    )
}

/// Runs so many seeds. Stops early after a few failures: the seeds that failed, and how.
fn try_seeds(first: u64, count: u64) -> (Total, BTreeMap<u64, String>) {
    let next = AtomicU64::new(first);
    let sum = Mutex::new((Total::default(), BTreeMap::new()));
    let lock = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        while lock().1.len() < FAILURES_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            let verdict = run(&Plan::of(seed), None, false);
            let mut sum = lock();
            sum.0.add(&verdict.tally);
            if sum.0.runs.is_multiple_of(WORD_EVERY) {
                println!("{} of {count} seeds", sum.0.runs);
            }
            if let Some((broken, _)) = verdict.broken {
                println!("seed {seed}: {broken}");
                sum.1.insert(seed, broken.to_string());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn no_seed_breaks_a_law() {
    let first = number("SIM_FIRST").unwrap_or(1);
    let count = number("SIM_SEEDS").unwrap_or(SEEDS);
    let (total, failed) = try_seeds(first, count);
    println!("{total:?}");
    if let Some(seed) = failed.keys().next() {
        panic!("{}", report(*seed, None));
    }
    let missing = total.sights.missing();
    let few = count < SEEDS;
    assert!(
        few || missing.is_empty(),
        "what is never seen is not tested: {missing:?}"
    );
    assert!(
        total.acknowledged > 0 && total.leaders > 0,
        "nothing has happened: {total:?}"
    );
}

#[test]
fn a_seed_replays_exactly() {
    let mutant = env::var("SIM_MUTANT").ok();
    let mutant = mutant.map(|name| {
        let found = ALL.iter().find(|mutant| format!("{mutant:?}") == name);
        *found.unwrap_or_else(|| panic!("there is no mutant {name}"))
    });
    let wanted = number("SIM_SEED");
    let plan = Plan::of(wanted.unwrap_or(1));
    let verdict = run(&plan, mutant, true);
    let trace = verdict.trace.unwrap_or_default();
    if wanted.is_some() {
        println!("{plan}\n{trace}\n{:?}", verdict.tally);
    }
    if let (Some(_), Some((broken, _))) = (wanted, verdict.broken) {
        println!("{broken}\n\nmade smaller:\n{}", report(plan.seed, mutant));
        panic!("{broken}");
    }
    let again = run(&plan, mutant, true).trace.unwrap_or_default();
    assert!(trace == again, "a seed replays exactly");
}

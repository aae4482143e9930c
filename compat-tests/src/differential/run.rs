//! Many seeds: scripts are played to pairs of servers, what differs is shrunk and kept.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;

use crate::cache;
use crate::differential::generator;
use crate::differential::pair;
use crate::differential::pair::Difference;
use crate::differential::pair::Pair;
use crate::differential::pair::Servers;
use crate::differential::script::Script;
use crate::differential::shrink;
use crate::server::Kind;

/// Scripts that a pair of servers is used for before it is replaced.
const SCRIPTS_PER_PAIR: usize = 25;
/// Scripts that are tried to shrink one.
const MOST_TRIES: usize = 600;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose servers.
    pub kinds: [Kind; 2],
    /// The seeds.
    pub seeds: Range<u64>,
    /// Steps of each script.
    pub length: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Seeds whose scripts read the same on both servers.
    pub same: usize,
    /// What was found on the others, for a person to read.
    pub reports: Vec<String>,
}

/// Plays the scripts of all seeds. Differences do not end it; `say` is told how it goes.
///
/// # Errors
/// When a server does not start, or a script cannot be kept.
pub fn run(plan: &Plan, say: impl Fn(&str)) -> Result<Found> {
    let began = Instant::now();
    let mut found = Found::default();
    let mut done = 0;
    let whole = plan.seeds.end - plan.seeds.start;
    for remainder in 0..4 {
        let seeds: Vec<u64> = plan
            .seeds
            .clone()
            .filter(|seed| seed % 4 == remainder)
            .collect();
        for some in seeds.chunks(SCRIPTS_PER_PAIR) {
            play_some(plan, some, &mut found, &say)?;
            done += some.len();
            say(&format!(
                "{done} of {whole} seeds, {} differ, {:.0} s",
                found.reports.len(),
                began.elapsed().as_secs_f64()
            ));
        }
    }
    Ok(found)
}

/// Plays the scripts of a few seeds, all for servers that are set up alike.
fn play_some(plan: &Plan, seeds: &[u64], found: &mut Found, say: &impl Fn(&str)) -> Result<()> {
    let mut pair = None;
    for seed in seeds {
        let script = generator::script(*seed, plan.length);
        let servers = match &pair {
            Some(pair) => pair,
            None => pair.insert(Pair::start(plan.kinds, script.house)?),
        };
        let Some(difference) = pair::play(servers.addresses(), &script)? else {
            found.same += 1;
            continue;
        };
        // What they hold is no longer the same.
        pair = None;
        let report = examine(plan, *seed, &script, &difference, say)?;
        say(&report);
        found.reports.push(report);
    }
    Ok(())
}

/// Shrinks a script that told servers apart, keeps it, and says so.
fn examine(
    plan: &Plan,
    seed: u64,
    script: &Script,
    difference: &Difference,
    say: &impl Fn(&str),
) -> Result<String> {
    let [one, two] = plan.kinds.map(|kind| kind.to_string());
    let names = [one.as_str(), two.as_str()];
    let first = difference.report(script, names);
    say(&format!("seed {seed} differs at {first}"));
    let (small, last) = shrunk(|| Pair::start(plan.kinds, script.house), script, difference)?;
    let path = kept_at(seed)?;
    let Some(last) = last else {
        fs::write(&path, script.to_string()).context("keep the script")?;
        return Ok(format!(
            "seed {seed} differs, but not on fresh servers; whole script in {}\n{first}",
            path.display()
        ));
    };
    let text = format!("# seed {seed} of length {}\n{small}", plan.length);
    fs::write(&path, &text).context("keep the script")?;
    let last = last.report(&small, names);
    Ok(format!(
        "seed {seed} differs; shrunk to {} steps in {}\n{text}{last}",
        small.steps.len(),
        path.display()
    ))
}

/// The shortest script with the same kind of difference, and that difference; none if fresh servers do not show it. `start` starts
/// servers that are set up for the script.
///
/// # Errors
/// When a server does not start.
pub fn shrunk<S: Servers>(
    start: impl FnMut() -> Result<S>,
    script: &Script,
    difference: &Difference,
) -> Result<(Script, Option<Difference>)> {
    let wanted = kinds_of(script, difference);
    let mut bench = Bench {
        start,
        servers: None,
        tries: 0,
    };
    let mut trouble = None;
    let mut last = None;
    let mut differs = |script: &Script| {
        if bench.tries >= MOST_TRIES || trouble.is_some() {
            return None;
        }
        let found = bench.play(script).unwrap_or_else(|error| {
            trouble = Some(error);
            None
        });
        let found = found.filter(|found| is_same(&wanted, &kinds_of(script, found)))?;
        let step = found.step;
        last = Some(found);
        Some(step)
    };
    let mut small = script.clone();
    small.steps.truncate(difference.step + 1);
    if differs(&small).is_some() {
        small = shrink::shrink(&small, differs);
    }
    match trouble {
        Some(error) => Err(error),
        None => Ok((small, last)),
    }
}

/// By what differences are told from each other: the operations at which they show. None: at the end.
fn kinds_of(script: &Script, difference: &Difference) -> Option<Vec<i32>> {
    let step = script.steps.get(difference.step)?;
    Some(step.ops().iter().map(|op| op.ask.kind()).collect())
}

/// Whether a difference is the one that is looked for, or a part of it.
fn is_same(wanted: &Option<Vec<i32>>, found: &Option<Vec<i32>>) -> bool {
    match (wanted, found) {
        (Some(wanted), Some(found)) => {
            wanted.is_empty() == found.is_empty() && found.iter().all(|kind| wanted.contains(kind))
        }
        (wanted, found) => wanted == found,
    }
}

/// Where scripts are tried: servers that are replaced whenever they have shown a difference.
struct Bench<F, S> {
    start: F,
    servers: Option<S>,
    tries: usize,
}

impl<S: Servers, F: FnMut() -> Result<S>> Bench<F, S> {
    fn play(&mut self, script: &Script) -> Result<Option<Difference>> {
        self.tries += 1;
        let servers = match &self.servers {
            Some(servers) => servers,
            None => self.servers.insert((self.start)()?),
        };
        let found = pair::play(servers.addresses(), script)?;
        if found.is_some() {
            self.servers = None;
        }
        Ok(found)
    }
}

/// Where the script of a seed is kept.
fn kept_at(seed: u64) -> Result<PathBuf> {
    let dir = cache::compat_dir()?.join("differential");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir.join(format!("seed-{seed}.txt")))
}

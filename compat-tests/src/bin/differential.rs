//! `scripts/conformance.sh differential`: the scripts of many seeds, or one from a file, to Apache's server and ours.

use std::fs;
use std::ops::Range;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use compat_tests::differential::generator;
use compat_tests::differential::pair::{self, Pair, Servers};
use compat_tests::differential::run::{self, Plan};
use compat_tests::differential::script::Script;
use compat_tests::server::Kind;

/// Steps of the script of one seed.
const LENGTH: usize = 2_000;
/// Whose servers.
const KINDS: [Kind; 2] = [Kind::JAVA, Kind::Oxkeeper];

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let same = match args[..] {
        [] => seeds(1..21)?,
        ["--replay", file] => replay(file)?,
        ["--print", seed] => {
            let seeds = range("1", seed)?;
            print!("{}", generator::script(seeds.start, LENGTH));
            true
        }
        [count] => seeds(range(count, "1")?)?,
        [count, first] => seeds(range(count, first)?)?,
        _ => bail!("usage: differential [SEEDS [FIRST]] | --replay FILE | --print SEED"),
    };
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn range(count: &str, first: &str) -> Result<Range<u64>> {
    let number = |text: &str| -> Result<u64> {
        text.parse()
            .with_context(|| format!("{text} is no number of seeds"))
    };
    let first = number(first)?;
    Ok(first..first + number(count)?)
}

/// Plays the scripts of many seeds. Returns whether all read the same.
fn seeds(seeds: Range<u64>) -> Result<bool> {
    let plan = Plan {
        kinds: KINDS,
        seeds,
        length: LENGTH,
    };
    let found = run::run(&plan, |line| println!("{line}"))?;
    println!(
        "{} seeds of {LENGTH} steps read the same, {} did not",
        found.same,
        found.reports.len()
    );
    Ok(found.reports.is_empty())
}

/// Plays a script from a file and shows everything. Returns whether both servers said the same.
fn replay(file: &str) -> Result<bool> {
    let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let script: Script = text.parse().with_context(|| file.to_owned())?;
    let servers = Pair::start(KINDS, script.house)?;
    let found = pair::play_showing(servers.addresses(), &script, |step, lines| {
        if let Some(step) = script.steps.get(step) {
            println!("{step}");
        }
        for line in lines {
            println!("    {line}");
        }
    })?;
    let [one, two] = KINDS.map(|kind| kind.to_string());
    match &found {
        None => println!("both said the same"),
        Some(found) => println!("{}", found.report(&script, [&one, &two])),
    }
    Ok(found.is_none())
}

//! The laws are worth something: every mutant breaks one.

use crate::mutant::{ALL, Mutant};
use crate::plan::Plan;
use crate::run::run;

/// Within so many seeds.
const SEEDS_MAX: u64 = 400;

/// The first seed that catches a mutant, and the law that did.
fn caught(mutant: Mutant) -> Option<(u64, String)> {
    (1..=SEEDS_MAX).find_map(|seed| {
        let broken = run(&Plan::of(seed), Some(mutant), false).broken;
        broken.map(|(broken, _)| (seed, broken.to_string()))
    })
}

#[test]
fn every_mutant_is_caught() {
    let mut free = Vec::new();
    for mutant in ALL {
        match caught(*mutant) {
            Some((seed, broken)) => println!("{mutant:?}: seed {seed}: {broken}"),
            None => free.push(mutant),
        }
    }
    assert!(
        free.is_empty(),
        "not caught within {SEEDS_MAX} seeds: {free:?}"
    );
}

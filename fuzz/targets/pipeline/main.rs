//! Random requests against a whole server without its wires: nothing that clients can ask in any order makes it
//! panic or break an invariant of `docs/invariants.md`. Files: what clients ask, the
//! world that checks, and the way back from log and snapshot.
#![no_main]

mod asks;
mod replay;
mod world;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

use crate::world::World;

/// Enough for clients to meet; more would only make inputs slower to try.
const STEPS_MAX: usize = 200;

fuzz_target!(|input: &[u8]| {
    let mut dice = Unstructured::new(input);
    let mut world = World::new();
    for _ in 0..STEPS_MAX {
        if dice.is_empty() || world.step(&mut dice).is_err() {
            break;
        }
    }
    world.end();
});

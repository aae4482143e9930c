//! Whole ensembles from a seed: real machines of `oxkeeper::consensus`, everything else made up. See
//! `docs/simulator.md`.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `SIM_SEEDS` | how many seeds |
//! | `SIM_FIRST` | the first of them |
//! | `SIM_SEED` | this one only, with its whole trace |
//! | `SIM_MUTANT` | with this mutant |

#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

mod agenda;
mod ballots;
mod carry;
mod client;
mod council;
mod disk;
mod ensemble;
mod falsify;
mod fault;
mod history;
mod laws;
mod links;
mod member;
mod mutant;
mod mutants;
mod outlook;
mod plan;
mod reconfig;
mod rng;
mod run;
mod say;
mod scene;
mod seeds;
mod service;
mod shrink;
mod sights;
mod store;
mod strike;
mod walk;
mod wires;
mod world;

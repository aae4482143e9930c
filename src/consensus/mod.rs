//! Leader election and Zab as plain values: one input in, a list of effects out. No clock, no chance, no
//! file, no socket, no thread.

mod input;
mod output;
mod quorum;
mod vote;

pub use input::{Input, Outcome, Task};
pub use output::{Effect, Phase};
pub use quorum::{Electorate, Quorums};
pub use vote::Vote;

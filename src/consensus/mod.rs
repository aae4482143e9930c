//! Leader election and Zab as plain values: one input in, a list of effects out. No clock, no chance, no
//! file, no socket, no thread.

pub mod election;
mod input;
mod output;
mod peer;
mod quorum;
mod settings;
mod status;
mod vote;

pub use input::{Input, Outcome, Task};
pub use output::{Effect, Phase};
pub use peer::Peer;
pub use quorum::{Electorate, Quorums};
pub use settings::{Saved, Settings};
pub use status::{Learners, ProposalSizes, Status};
pub use vote::Vote;

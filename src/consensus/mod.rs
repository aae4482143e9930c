//! Leader election and Zab as plain values: one input in, a list of effects out. No clock, no chance, no
//! file, no socket, no thread.

mod backlog;
mod bring_up;
mod calls;
mod catchup;
mod change;
pub mod election;
mod end;
mod ending;
mod follower;
mod input;
mod laws;
mod leader;
mod learner;
mod link;
mod observer;
mod observer_master;
mod output;
mod own;
mod peer;
mod quorum;
mod settings;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod vote;

pub use input::{Input, Outcome, Task};
pub use output::{Effect, Phase};
pub use peer::Peer;
pub use quorum::{Electorate, Quorums};
pub use settings::{Saved, Settings};
pub use status::{Learners, ProposalSizes, Status};
pub use vote::Vote;

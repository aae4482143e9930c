//! Connections between servers.
//!
//! ```text
//! line:   Links  -- packets into outboxes, orders -->  bell  -->  peers thread: sockets
//!                <-- letters: what one read brought, through LinePort --
//!       Ballots  -- the latest ballot for each server  -->  bell  -->
//!                <-- letters: a ballot each, through BallotPort --
//! ```
//!
//! One thread serves all of them. Outboxes are appended to under a short lock; one ring of the bell and
//! one write per connection carry everything that a turn of the line has to say.

mod ballots;
mod bell;
mod dial;
mod doors;
mod links;
mod outbox;
mod ports;
mod quorum;
mod reader;
mod room;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod stream;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wire;

pub use ballots::{
    AddressBook, BallotLetter, BallotPort, Ballots, ElectionPort, ElectionSettings, Reachability,
    election,
};
pub use dial::Target;
pub use links::Links;
pub use outbox::LinkGone;
pub use ports::{Letter, LinePort, Ports, SnapshotPort, SnapshotSink};
pub use quorum::{QuorumPort, Settings, quorum, run};
pub use stream::Stream;

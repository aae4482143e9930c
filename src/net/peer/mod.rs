//! Connections between servers.

mod ballots;

pub use ballots::{
    AddressBook, BallotLetter, BallotPort, Ballots, ElectionPort, ElectionSettings, election,
};

//! The election port: who dials whom, and how ballots travel. Carries them, counts none. Upstream:
//! `QuorumCnxManager`.
//!
//! ```text
//! line:   Ballots::send -> mailbox, latest ballot per server wins -> bell -> peers thread: sockets
//!                   <- letters, one ballot each, through BallotPort
//! ```
//!
//! Of two servers there is one connection, dialled by the one with the larger id. The other one dials as well,
//! but only to knock: it says who it is and hangs up, and is called back. A ballot that could not be sent yet
//! is replaced by a later one; the last one sent is sent again on a new connection, because nobody knows
//! whether it has arrived.

mod dial;
mod doors;
mod handle;
mod letter;
mod reach;
mod room;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Membership;
use crate::proto::ballot::{ElectionAddress, HelloVersion};
use crate::types::ServerId;

pub use crate::net::peer::ballots::handle::{Ballots, ElectionPort, election};
pub use crate::net::peer::ballots::letter::{BallotLetter, BallotPort};
pub use crate::net::peer::ballots::reach::Reachability;

/// The settings of the election port.
#[derive(Debug, Clone)]
pub struct ElectionSettings {
    /// This server.
    pub me: ServerId,
    /// How long connecting to another server may take (`cnxTimeout`).
    pub dial_within: Duration,
    /// How long a caller may take to say who it is (`quorumCnxnTimeoutMs`, else `tickTime` times `syncLimit`).
    pub hello_within: Duration,
    /// Checks of connections with servers of several addresses, whenever there is a ballot for them; `None`: there are
    /// none (`multiAddress.reachabilityCheckEnabled`).
    pub reachability: Option<Reachability>,
    /// How long a server may be silent before the next ballot for it goes over a new connection. Whoever is sent
    /// ballots has a word to say, at once or when it sends its own again; a connection may be dead without a sign of it.
    pub silent_within: Duration,
    /// Keep-alive probes on all connections (`tcpKeepAlive`).
    pub keep_alive: bool,
    /// Listen on all addresses of the machine (`quorumListenOnAllIPs`).
    pub listen_on_all_ips: bool,
    /// V2 with `multiAddress.enabled`: all own addresses are announced.
    pub hello: HelloVersion,
    /// How often binding an address is tried (`electionPortBindRetry`); 0: for ever.
    pub bind_attempts: u32,
    /// Between two attempts.
    pub bind_pause: Duration,
}

/// Where the election ports of an ensemble are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressBook {
    members: BTreeMap<ServerId, Vec<ElectionAddress>>,
}

impl AddressBook {
    /// The addresses of a committed membership, and behind them those that the last seen one has in addition.
    // apache 3.9.5: server/quorum/QuorumCnxManager.java connectOne
    pub fn of(committed: &Membership, last_seen: &Membership) -> Self {
        let mut members = BTreeMap::<ServerId, Vec<ElectionAddress>>::new();
        for (id, member) in committed.members.iter().chain(&last_seen.members) {
            let known = members.entry(*id).or_default();
            for address in &member.addresses {
                let address = ElectionAddress {
                    host: address.host.clone(),
                    port: address.election_port,
                };
                if !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        AddressBook { members }
    }

    /// With the own addresses of an older book, if this one has none: a server that is no member any more goes on
    /// where it was.
    #[must_use]
    fn with_own(mut self, me: ServerId, before: &AddressBook) -> Self {
        let own = self.members.entry(me);
        own.or_insert_with(|| before.find(me).to_vec());
        self
    }

    /// Where a server is; nothing about a stranger.
    fn find(&self, id: ServerId) -> &[ElectionAddress] {
        self.members.get(&id).map_or(&[], Vec::as_slice)
    }
}

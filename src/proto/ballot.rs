//! The messages of the election port (3888): who calls, and what it votes for. Upstream:
//! `QuorumCnxManager.InitialMessage`, `FastLeaderElection.Notification`.

mod hello;
mod notification;

pub use hello::{ANONYMOUS, ElectionAddress, Hello, HelloError, HelloVersion};
pub use notification::{BallotError, FRAME_BYTES_MAX, split};

use bytes::Bytes;

use crate::types::{ServerId, Zxid};

/// What a server is doing, as it says in its ballots (`QuorumPeer.ServerState`); the discriminant is on
/// the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PeerState {
    /// Looking for a leader.
    Looking = 0,
    /// Following one.
    Following = 1,
    /// Being one.
    Leading = 2,
    /// Observing one.
    Observing = 3,
}

/// One message of an election (`Notification`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// What the sender is doing.
    pub state: PeerState,
    /// Whom it votes for; `i64::MIN` for nobody.
    pub leader: ServerId,
    /// The last transaction of that server.
    pub zxid: Zxid,
    /// The sender's round (logical clock).
    pub round: i64,
    /// That server's current epoch.
    pub epoch: i64,
    /// Version of the message format; 2 from us, 0 for the old short forms.
    pub version: i32,
    /// Text of the sender's committed membership.
    pub config: Option<Bytes>,
}

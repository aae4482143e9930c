//! What the election port hands to the line.

use tokio::sync::OwnedSemaphorePermit;

use crate::proto::ballot::Ballot;
use crate::types::ServerId;

/// A ballot on its way to the line. Its sender is not read from while too many of its letters are unopened.
#[derive(Debug)]
pub struct BallotLetter {
    from: ServerId,
    ballot: Ballot,
    _unopened: OwnedSemaphorePermit,
}

impl BallotLetter {
    pub(super) fn new(from: ServerId, ballot: Ballot, unopened: OwnedSemaphorePermit) -> Self {
        BallotLetter {
            from,
            ballot,
            _unopened: unopened,
        }
    }

    /// Who sent it, and what it says.
    pub fn open(self) -> (ServerId, Ballot) {
        (self.from, self.ballot)
    }
}

/// What the election port asks of the server.
pub trait BallotPort: Send + Sync {
    /// Puts a ballot into the line's mailbox, without waking it.
    fn ballot(&self, letter: BallotLetter);
    /// Wakes the line: everything that one read has brought was posted.
    fn wake(&self);
    /// No election address of this server can be bound, and no attempt is left: it cannot take part in
    /// elections any more. Upstream ends the process with exit code 14.
    fn deaf(&self);
}

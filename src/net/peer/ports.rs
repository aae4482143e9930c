//! What the peers thread asks of the server: to take letters, and to take in a snapshot. Implemented in
//! `server`.

use std::sync::Arc;
use std::vec;

use crate::consensus::Input;
use crate::net::peer::outbox::Outbox;
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::types::Zxid;

/// Everything that one read of a peer's socket brought, or what has become of the connection. Opened with
/// [`Links::next`](crate::net::peer::Links::next).
#[derive(Debug)]
pub struct Letter {
    from: Arc<Outbox>,
    news: vec::IntoIter<Input>,
    bytes: usize,
}

impl Letter {
    /// `bytes` of the peer's count as unread until the letter is dropped.
    pub(super) fn new(from: &Arc<Outbox>, news: Vec<Input>, bytes: usize) -> Letter {
        from.inbox.add(bytes);
        Letter {
            from: Arc::clone(from),
            news: news.into_iter(),
            bytes,
        }
    }

    /// The connection it is from.
    pub(super) fn from(&self) -> &Arc<Outbox> {
        &self.from
    }

    pub(super) fn next(&mut self) -> Option<Input> {
        self.news.next()
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        self.from.read_by_line(self.bytes);
    }
}

/// Takes letters to the line.
pub trait LinePort: Send + Sync {
    /// Puts a letter into the line's mailbox, without waking it.
    fn post(&self, letter: Letter);
    /// Wakes the line: the peers thread has finished its round.
    fn wake(&self);
}

/// Takes in the leader's snapshot.
pub trait SnapshotPort: Send + Sync {
    /// A snapshot begins. What was kept of an earlier one is of no use any more.
    fn begin(&self, zxid: Zxid) -> Box<dyn SnapshotSink>;
}

/// Takes in the records of one snapshot. Dropped before its end, it leaves nothing behind.
pub trait SnapshotSink: SnapshotVisitor {
    /// All records have come, and the signature behind them. They are kept aside until
    /// [`Effect::Install`](crate::consensus::Effect::Install).
    ///
    /// # Errors
    /// Why they are no state of a server; the connection then ends.
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// All that the peers thread can reach.
#[derive(Clone)]
pub struct Ports {
    /// The line.
    pub line: Arc<dyn LinePort>,
    /// Whoever builds a state from a snapshot.
    pub snapshots: Arc<dyn SnapshotPort>,
}

//! One watch, and the lists it can be in.

use crate::watch::conns::Conn;
use crate::watch::paths::WatchedPath;
use crate::watch::slab::Slot;

/// The lists of a path. Apache's data table is two of them here: recursive watches are apart, so that a
/// change below a path looks at these alone, however many others wait for the path itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Data,
    Recursive,
    Child,
}

impl List {
    pub(crate) const ALL: [List; 3] = [List::Data, List::Recursive, List::Child];

    /// The other half of the data table. A connection in both halves counts once.
    pub(crate) fn other_half(self) -> Option<List> {
        match self {
            List::Data => Some(List::Recursive),
            List::Recursive => Some(List::Data),
            List::Child => None,
        }
    }
}

/// A set of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modes(u8);

impl Modes {
    pub(crate) const STANDARD: Modes = Modes(1);
    pub(crate) const PERSISTENT: Modes = Modes(2);
    pub(crate) const RECURSIVE: Modes = Modes(4);
    pub(crate) const ALL: Modes = Modes(7);

    pub(crate) fn insert(&mut self, modes: Modes) {
        self.0 |= modes.0;
    }

    pub(crate) fn remove(&mut self, modes: Modes) {
        self.0 &= !modes.0;
    }

    pub(crate) fn intersects(self, modes: Modes) -> bool {
        self.0 & modes.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A connection waits for a path: a link of the path's ring and of the connection's chain.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) conn: Slot<Conn>,
    pub(crate) path: Slot<WatchedPath>,
    /// In the ring of the path's list: registered before this one; the first's is the last.
    pub(crate) earlier: Slot<Watch>,
    /// In the ring of the path's list: registered after this one; the last's is the first.
    pub(crate) later: Slot<Watch>,
    /// In the connection's chain.
    pub(crate) chain_prev: Option<Slot<Watch>>,
    /// In the connection's chain.
    pub(crate) chain_next: Option<Slot<Watch>>,
    pub(crate) list: List,
    /// Never empty between two calls.
    pub(crate) modes: Modes,
    /// Too far down its list to be found by looking through it.
    pub(crate) indexed: bool,
}

//! Who waits for what. A watch may wait for a path that has no node; nothing here knows the tree, and
//! nothing here sends: receivers are named to a [`Deliver`].
//!
//! Invariants: a connection is in a list of a path at most once; a watch is in its path's list and in its
//! connection's; a path is kept while a list of it is not empty; the order of a path's list is the order of
//! registration, and so is the order of delivery.

mod book;
mod conns;
mod counts;
mod entry;
mod fire;
mod paths;
mod slab;

pub use crate::watch::counts::DataCounts;
pub use crate::watch::fire::{Deliver, Side};

use crate::types::ConnId;
use crate::watch::book::Book;
use crate::watch::entry::{List, Modes};

/// The two tables of Apache's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// What happens to the node itself.
    Data,
    /// What happens to its children.
    Child,
}

/// How a watch was set (`WatcherMode`). A connection may have several on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Gone when it has fired.
    Standard,
    /// Stays until removed.
    Persistent,
    /// Stays until removed, and hears of all descendants.
    Recursive,
}

/// What checkWatches and removeWatches ask for (`Watcher.WatcherType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatcherType {
    /// 1: standard, in the child table.
    Children,
    /// 2: standard, in the data table.
    Data,
    /// 3: every mode in both tables.
    Any,
    /// 4: persistent, in both tables.
    Persistent,
    /// 5: persistent recursive.
    PersistentRecursive,
}

impl WatcherType {
    /// The type with this number; `None` outside 1..=5.
    pub fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            1 => WatcherType::Children,
            2 => WatcherType::Data,
            3 => WatcherType::Any,
            4 => WatcherType::Persistent,
            5 => WatcherType::PersistentRecursive,
            _ => return None,
        })
    }
}

/// Every watch of every connection.
#[derive(Debug)]
pub struct Watches {
    book: Book,
    /// Of the event being fired; empty in between.
    receivers: Vec<ConnId>,
    /// Stamps the connections that one change has served.
    round: u64,
}

impl Watches {
    /// No watches. `seed` spreads the paths over the index: a random number keeps clients from choosing
    /// paths that collide, and has no other effect.
    pub fn new(seed: u64) -> Self {
        Watches {
            book: Book::new(seed),
            receivers: Vec::new(),
            round: 0,
        }
    }

    /// Sets a watch; setting it again changes nothing. A recursive watch hears of no children and is
    /// counted with the data table, whatever `table` says. The path need not be valid.
    ///
    /// The connection has to be alive: [`remove_connection`](Self::remove_connection) ends it.
    pub fn add(&mut self, conn: ConnId, path: &str, table: Table, mode: Mode) {
        let (list, mode) = Self::list_of(table, mode);
        self.book.add(conn, path, list, mode);
    }

    fn list_of(table: Table, mode: Mode) -> (List, Modes) {
        match (table, mode) {
            (_, Mode::Recursive) => (List::Recursive, Modes::RECURSIVE),
            (Table::Data, Mode::Standard) => (List::Data, Modes::STANDARD),
            (Table::Data, Mode::Persistent) => (List::Data, Modes::PERSISTENT),
            (Table::Child, Mode::Standard) => (List::Child, Modes::STANDARD),
            (Table::Child, Mode::Persistent) => (List::Child, Modes::PERSISTENT),
        }
    }

    /// Whether the connection has such a watch on exactly this path. `Persistent` looks at the data table
    /// only.
    // apache 3.9.5: server/DataTree.java containsWatcher
    pub fn contains(&self, conn: ConnId, path: &str, wanted: WatcherType) -> bool {
        let has = |list, modes| self.book.has(conn, path, list, modes);
        match wanted {
            WatcherType::Children => has(List::Child, Modes::STANDARD),
            WatcherType::Data => has(List::Data, Modes::STANDARD),
            WatcherType::Persistent => has(List::Data, Modes::PERSISTENT),
            WatcherType::PersistentRecursive => has(List::Recursive, Modes::RECURSIVE),
            WatcherType::Any => List::ALL.iter().any(|list| has(*list, Modes::ALL)),
        }
    }

    /// Removes such watches of the connection on exactly this path, silently. Whether there was one.
    // apache 3.9.5: server/DataTree.java removeWatch
    pub fn remove(&mut self, conn: ConnId, path: &str, wanted: WatcherType) -> bool {
        let (lists, modes): (&[List], Modes) = match wanted {
            WatcherType::Children => (&[List::Child], Modes::STANDARD),
            WatcherType::Data => (&[List::Data], Modes::STANDARD),
            WatcherType::Persistent => (&[List::Child, List::Data], Modes::PERSISTENT),
            WatcherType::PersistentRecursive => (&[List::Recursive], Modes::RECURSIVE),
            WatcherType::Any => (&List::ALL, Modes::ALL),
        };
        self.book.remove(conn, path, lists, modes)
    }

    /// Forgets a connection and all its watches, at a cost of its watches alone.
    pub fn remove_connection(&mut self, conn: ConnId) {
        self.book.remove_connection(conn);
    }

    /// Whether there is no watch at all.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

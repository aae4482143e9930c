//! What an operator may know about the watches: counts kept up to date, and walks in an order that
//! follows from the history alone.

use std::iter::successors;

use crate::types::ConnId;
use crate::watch::Watches;
use crate::watch::conns::Conn;
use crate::watch::entry::{List, Watch};
use crate::watch::paths::WatchedPath;
use crate::watch::slab::Slot;

/// Counts of the data table: what `wchs` and its admin command show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataCounts {
    /// Connections that have data watches, or had and did not remove the last one themselves.
    pub connections: usize,
    /// Paths.
    pub paths: usize,
    /// Pairs of a connection and a path.
    pub total: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) data: DataCounts,
    pub(crate) child_total: usize,
    /// Of the data table: recursive watches.
    pub(crate) recursive: usize,
}

impl Watches {
    /// Counts of the data table.
    pub fn data_counts(&self) -> DataCounts {
        self.book.counts.data
    }

    /// Pairs of a connection and a path in both tables together (`watch_count`).
    pub fn total(&self) -> usize {
        self.book.counts.data.total + self.book.counts.child_total
    }

    /// The data table by path: each with its connections (`wchp`).
    pub fn data_by_path(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = ConnId>)> {
        let paths = self.book.paths.iter();
        paths
            .filter(|(_, path)| path.is_in_data_table())
            .map(|(slot, path)| (path.text(), self.data_conns(slot, path)))
    }

    /// The data table by connection: each with its paths (`wchc`). A connection whose watches have all
    /// fired has none.
    pub fn data_by_connection(&self) -> impl Iterator<Item = (ConnId, impl Iterator<Item = &str>)> {
        let conns = self.book.conns.iter();
        conns
            .filter(|(_, conn)| conn.in_data_table)
            .map(|(slot, conn)| (conn.id, self.data_paths(slot, conn)))
    }

    fn data_conns(
        &self,
        slot: Slot<WatchedPath>,
        path: &WatchedPath,
    ) -> impl Iterator<Item = ConnId> {
        let conn_of = |watch: &Watch| self.book.conns.get(watch.conn).id;
        let data = self.ring(path.head(List::Data)).map(conn_of);
        let is_first = move |watch: &&Watch| self.book.find(watch.conn, slot, List::Data).is_none();
        let recursive = self.ring(path.head(List::Recursive)).filter(is_first);
        data.chain(recursive.map(conn_of))
    }

    fn data_paths(&self, slot: Slot<Conn>, conn: &Conn) -> impl Iterator<Item = &str> {
        let watches = &self.book.watches;
        let chain = successors(conn.head, |at| watches[*at].chain_next);
        chain
            .map(|at| &watches[at])
            .filter(move |watch| match watch.list {
                List::Data => true,
                List::Recursive => self.book.find(slot, watch.path, List::Data).is_none(),
                List::Child => false,
            })
            .map(|watch| self.book.paths.get(watch.path).text())
    }

    /// The watches of a list, as registered.
    fn ring(&self, first: Option<Slot<Watch>>) -> impl Iterator<Item = &Watch> {
        let watches = &self.book.watches;
        let next = move |at: &Slot<Watch>| {
            let later = watches[*at].later;
            (Some(later) != first).then_some(later)
        };
        successors(first, next).map(|at| &watches[at])
    }
}

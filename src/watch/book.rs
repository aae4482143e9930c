//! Path to watches and connection to watches, kept in step.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::types::ConnId;
use crate::watch::conns::{Conn, Conns};
use crate::watch::counts::Counts;
use crate::watch::entry::{List, Modes, Watch};
use crate::watch::paths::{Paths, WatchedPath, give_back};
use crate::watch::slab::{Slab, Slot};

/// So many of a list are looked through; those behind them are found by the index. Most lists are short,
/// so most watches need no place in it. As watches only ever move towards the front, whoever is not in
/// the index stays within reach.
const WITHIN_REACH: usize = 8;

/// Every watch, from both sides.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) paths: Paths,
    pub(crate) conns: Conns,
    pub(crate) watches: Slab<Watch>,
    /// By connection, path and list: watches out of reach.
    index: HashTable<Slot<Watch>>,
    hasher: FixedState,
    pub(crate) counts: Counts,
}

enum Search {
    Found(Slot<Watch>),
    Missing { out_of_reach: bool },
}

fn hash(hasher: &FixedState, conn: Slot<Conn>, path: Slot<WatchedPath>, list: List) -> u64 {
    hasher.hash_one((conn.number(), path.number(), list as u8))
}

fn rehash(hasher: &FixedState, watch: &Watch) -> u64 {
    hash(hasher, watch.conn, watch.path, watch.list)
}

impl Book {
    pub(crate) fn new(seed: u64) -> Self {
        Book {
            paths: Paths::new(seed),
            conns: Conns::new(seed),
            watches: Slab::new(),
            index: HashTable::new(),
            hasher: FixedState::with_seed(seed),
            counts: Counts::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.watches.len() == 0
    }

    pub(crate) fn add(&mut self, conn: ConnId, path: &str, list: List, mode: Modes) {
        let (conn, path) = (self.conns.intern(conn), self.paths.intern(path));
        match self.search(conn, path, list) {
            Search::Found(slot) => self.watches[slot].modes.insert(mode),
            Search::Missing { out_of_reach } => self.link(conn, path, list, mode, out_of_reach),
        }
    }

    /// Whether the connection has one of these modes in this list of the path.
    pub(crate) fn has(&self, conn: ConnId, path: &str, list: List, modes: Modes) -> bool {
        let (Some(conn), Some(path)) = (self.conns.find(conn), self.paths.find(path)) else {
            return false;
        };
        self.find(conn, path, list)
            .is_some_and(|slot| self.watches[slot].modes.intersects(modes))
    }

    /// Takes these modes of the connection out of these lists of the path. Whether there was one.
    pub(crate) fn remove(
        &mut self,
        conn: ConnId,
        path: &str,
        lists: &[List],
        modes: Modes,
    ) -> bool {
        let (Some(conn), Some(path)) = (self.conns.find(conn), self.paths.find(path)) else {
            return false;
        };
        let data_paths = self.conns.get(conn).data_paths;
        let mut removed = false;
        for list in lists {
            if let Some(slot) = self.find(conn, path, *list) {
                removed |= self.watches[slot].modes.intersects(modes);
                self.strip(slot, modes);
            }
        }
        self.paths.release_if_unwatched(path);
        let conn = self.conns.get_mut(conn);
        if conn.data_paths < data_paths && conn.data_paths == 0 {
            conn.in_data_table = false;
            self.counts.data.connections -= 1;
        }
        removed
    }

    pub(crate) fn remove_connection(&mut self, conn: ConnId) {
        let Some(slot) = self.conns.find(conn) else {
            return;
        };
        while let Some(watch) = self.conns.get(slot).head {
            let path = self.watches[watch].path;
            self.unlink(watch);
            self.paths.release_if_unwatched(path);
        }
        if self.conns.get(slot).in_data_table {
            self.counts.data.connections -= 1;
        }
        self.conns.remove(slot);
    }

    /// Takes modes from a watch; without any left it is gone. Its path stays, even without watches.
    pub(crate) fn strip(&mut self, slot: Slot<Watch>, modes: Modes) {
        let watch = &mut self.watches[slot];
        watch.modes.remove(modes);
        if watch.modes.is_empty() {
            self.unlink(slot);
        }
    }

    /// The connection's watch in this list of the path.
    pub(crate) fn find(
        &self,
        conn: Slot<Conn>,
        path: Slot<WatchedPath>,
        list: List,
    ) -> Option<Slot<Watch>> {
        match self.search(conn, path, list) {
            Search::Found(slot) => Some(slot),
            Search::Missing { .. } => None,
        }
    }

    fn search(&self, conn: Slot<Conn>, path: Slot<WatchedPath>, list: List) -> Search {
        let Some(first) = self.paths.get(path).head(list) else {
            return Search::Missing {
                out_of_reach: false,
            };
        };
        let mut at = first;
        for before in 0..WITHIN_REACH {
            let watch = &self.watches[at];
            if watch.conn == conn {
                return Search::Found(at);
            }
            at = watch.later;
            if at == first && before + 1 < WITHIN_REACH {
                return Search::Missing {
                    out_of_reach: false,
                };
            }
        }
        let is_it = |slot: &Slot<Watch>| {
            let watch = &self.watches[*slot];
            watch.conn == conn && watch.path == path && watch.list == list
        };
        match self.index.find(hash(&self.hasher, conn, path, list), is_it) {
            Some(slot) => Search::Found(*slot),
            None => Search::Missing { out_of_reach: true },
        }
    }

    /// Enters a watch at the end of its path's list and at the head of its connection's chain.
    fn link(
        &mut self,
        conn: Slot<Conn>,
        path: Slot<WatchedPath>,
        list: List,
        modes: Modes,
        indexed: bool,
    ) {
        self.count_in(conn, path, list);
        let first = self.paths.get(path).head(list);
        let last = first.map(|first| self.watches[first].earlier);
        let chain_next = self.conns.get(conn).head;
        let slot = self.watches.insert_with(|own| Watch {
            conn,
            path,
            earlier: last.unwrap_or(own),
            later: first.unwrap_or(own),
            chain_prev: None,
            chain_next,
            list,
            modes,
            indexed,
        });
        match (first, last) {
            (Some(first), Some(last)) => {
                self.watches[first].earlier = slot;
                self.watches[last].later = slot;
            }
            _ => self.paths.get_mut(path).set_head(list, Some(slot)),
        }
        if let Some(next) = chain_next {
            self.watches[next].chain_prev = Some(slot);
        }
        self.conns.get_mut(conn).head = Some(slot);
        if indexed {
            let hash = hash(&self.hasher, conn, path, list);
            self.index.insert_unique(hash, slot, |slot| {
                rehash(&self.hasher, &self.watches[*slot])
            });
        }
    }

    fn unlink(&mut self, slot: Slot<Watch>) {
        let watch = self.watches.remove(slot);
        self.leave_ring(slot, &watch);
        match watch.chain_prev {
            Some(prev) => self.watches[prev].chain_next = watch.chain_next,
            None => self.conns.get_mut(watch.conn).head = watch.chain_next,
        }
        if let Some(next) = watch.chain_next {
            self.watches[next].chain_prev = watch.chain_prev;
        }
        if watch.indexed {
            self.index
                .find_entry(rehash(&self.hasher, &watch), |entry| *entry == slot)
                .expect("a watch out of reach is in the index")
                .remove();
            give_back(&mut self.index);
        }
        self.count_out(watch.conn, watch.path, watch.list);
    }

    fn leave_ring(&mut self, slot: Slot<Watch>, watch: &Watch) {
        let path = self.paths.get_mut(watch.path);
        if watch.later == slot {
            path.set_head(watch.list, None);
            return;
        }
        if path.head(watch.list) == Some(slot) {
            path.set_head(watch.list, Some(watch.later));
        }
        self.watches[watch.earlier].later = watch.later;
        self.watches[watch.later].earlier = watch.earlier;
    }

    /// Before a watch is entered.
    fn count_in(&mut self, conn: Slot<Conn>, path: Slot<WatchedPath>, list: List) {
        let Some(other_half) = list.other_half() else {
            self.counts.child_total += 1;
            return;
        };
        if list == List::Recursive {
            self.counts.recursive += 1;
        }
        if !self.paths.get(path).is_in_data_table() {
            self.counts.data.paths += 1;
        }
        if self.find(conn, path, other_half).is_none() {
            self.counts.data.total += 1;
            let conn = self.conns.get_mut(conn);
            conn.data_paths += 1;
            self.counts.data.connections += usize::from(!conn.in_data_table);
            conn.in_data_table = true;
        }
    }

    /// After a watch has gone.
    fn count_out(&mut self, conn: Slot<Conn>, path: Slot<WatchedPath>, list: List) {
        let Some(other_half) = list.other_half() else {
            self.counts.child_total -= 1;
            return;
        };
        if list == List::Recursive {
            self.counts.recursive -= 1;
        }
        if !self.paths.get(path).is_in_data_table() {
            self.counts.data.paths -= 1;
        }
        if self.find(conn, path, other_half).is_none() {
            self.counts.data.total -= 1;
            self.conns.get_mut(conn).data_paths -= 1;
        }
    }
}

#[cfg(test)]
impl Book {
    /// Walks everything from both sides and panics where they do not agree.
    pub(crate) fn check(&self) {
        let mut seen = 0;
        for (path_slot, path) in self.paths.iter() {
            for list in List::ALL {
                let Some(first) = path.head(list) else {
                    continue;
                };
                let (mut at, mut position) = (first, 0);
                loop {
                    let watch = &self.watches[at];
                    assert_eq!((watch.path, watch.list), (path_slot, list));
                    assert_eq!(self.watches[watch.later].earlier, at);
                    assert!(!watch.modes.is_empty());
                    assert!(watch.indexed || position < WITHIN_REACH);
                    assert_eq!(self.find(watch.conn, path_slot, list), Some(at));
                    (at, position, seen) = (watch.later, position + 1, seen + 1);
                    assert!(seen <= self.watches.len(), "a ring closes");
                    if at == first {
                        break;
                    }
                }
            }
        }
        assert_eq!(seen, self.watches.len());
        for (slot, conn) in self.conns.iter() {
            let (mut next, mut prev) = (conn.head, None);
            while let Some(at) = next {
                let watch = &self.watches[at];
                assert!(seen > 0, "a chain ends");
                assert_eq!((watch.conn, watch.chain_prev), (slot, prev));
                (next, prev, seen) = (watch.chain_next, Some(at), seen - 1);
            }
        }
        assert_eq!(seen, 0, "as many watches in chains as in rings");
        let indexed = self.watches.iter().filter(|(_, watch)| watch.indexed);
        assert_eq!(indexed.count(), self.index.len());
    }

    /// Bytes taken from the allocator for watches, paths and their indexes, by what was asked for.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.watches.heap_bytes() + self.index.allocation_size() + self.paths.heap_bytes()
    }
}

//! The watched paths: each text kept once, found by its hash.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::watch::entry::{List, Watch};
use crate::watch::slab::{Slab, Slot};

/// A path that somebody watches.
#[derive(Debug)]
pub(crate) struct WatchedPath {
    text: Box<str>,
    hash: u32,
    /// First of each list; the lists are rings.
    heads: [Option<Slot<Watch>>; List::ALL.len()],
}

impl WatchedPath {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn head(&self, list: List) -> Option<Slot<Watch>> {
        self.heads[list as usize]
    }

    pub(crate) fn set_head(&mut self, list: List, head: Option<Slot<Watch>>) {
        self.heads[list as usize] = head;
    }

    /// Whether the data table of Apache's server has the path.
    pub(crate) fn is_in_data_table(&self) -> bool {
        self.head(List::Data).is_some() || self.head(List::Recursive).is_some()
    }
}

/// All watched paths.
#[derive(Debug)]
pub(crate) struct Paths {
    slab: Slab<WatchedPath>,
    by_text: HashTable<Slot<WatchedPath>>,
    hasher: FixedState,
}

/// Position bits and tag bits of the index both come from the 32 bits that are kept.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// An index keeps its room when it shrinks; one that is empty need not.
pub(crate) fn give_back<T>(index: &mut HashTable<T>) {
    if index.is_empty() && index.capacity() > 1024 {
        *index = HashTable::new();
    }
}

impl Paths {
    pub(crate) fn new(seed: u64) -> Self {
        Paths {
            slab: Slab::new(),
            by_text: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    fn hash(&self, text: &str) -> u32 {
        let [a, b, c, d, ..] = self.hasher.hash_one(text.as_bytes()).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    pub(crate) fn find(&self, text: &str) -> Option<Slot<WatchedPath>> {
        self.find_hashed(text, self.hash(text))
    }

    fn find_hashed(&self, text: &str, hash: u32) -> Option<Slot<WatchedPath>> {
        let is_it = |slot: &Slot<WatchedPath>| *self.slab[*slot].text == *text;
        self.by_text.find(spread(hash), is_it).copied()
    }

    /// The path, entered if need be.
    pub(crate) fn intern(&mut self, text: &str) -> Slot<WatchedPath> {
        let hash = self.hash(text);
        if let Some(slot) = self.find_hashed(text, hash) {
            return slot;
        }
        let slot = self.slab.insert(WatchedPath {
            text: text.into(),
            hash,
            heads: [None; List::ALL.len()],
        });
        let rehash = |slot: &Slot<WatchedPath>| spread(self.slab[*slot].hash);
        self.by_text.insert_unique(spread(hash), slot, rehash);
        slot
    }

    /// Forgets the path unless somebody watches it.
    pub(crate) fn release_if_unwatched(&mut self, slot: Slot<WatchedPath>) {
        let path = &self.slab[slot];
        if path.heads.iter().any(Option::is_some) {
            return;
        }
        self.by_text
            .find_entry(spread(path.hash), |entry| *entry == slot)
            .expect("a watched path is in the index")
            .remove();
        self.slab.remove(slot);
        give_back(&mut self.by_text);
    }

    pub(crate) fn get(&self, slot: Slot<WatchedPath>) -> &WatchedPath {
        &self.slab[slot]
    }

    pub(crate) fn get_mut(&mut self, slot: Slot<WatchedPath>) -> &mut WatchedPath {
        &mut self.slab[slot]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<WatchedPath>, &WatchedPath)> {
        self.slab.iter()
    }

    /// Bytes taken from the allocator, by what was asked for.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts: usize = self.slab.iter().map(|(_, path)| path.text.len()).sum();
        texts + self.slab.heap_bytes() + self.by_text.allocation_size()
    }
}

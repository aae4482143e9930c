//! The connections that watch something or did: each from its first watch until it is removed.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::types::ConnId;
use crate::watch::entry::Watch;
use crate::watch::slab::{Slab, Slot};

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    /// First of its chain of watches.
    pub(crate) head: Option<Slot<Watch>>,
    /// On how many paths it has a watch in the data table.
    pub(crate) data_paths: u32,
    /// Whether Apache's data table lists the connection: from its first watch there until its last one is
    /// **removed**. One whose watches have all fired stays listed.
    // apache 3.9.5: server/watch/WatchManager.java unwatch, triggerWatch
    pub(crate) in_data_table: bool,
    /// The last round in which it was served.
    pub(crate) served: u64,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Conns {
    slab: Slab<Conn>,
    by_id: HashTable<Slot<Conn>>,
    hasher: FixedState,
}

impl Conns {
    pub(crate) fn new(seed: u64) -> Self {
        Conns {
            slab: Slab::new(),
            by_id: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    pub(crate) fn find(&self, id: ConnId) -> Option<Slot<Conn>> {
        let hash = self.hasher.hash_one(id);
        let is_it = |slot: &Slot<Conn>| self.slab[*slot].id == id;
        self.by_id.find(hash, is_it).copied()
    }

    /// The connection, entered if need be.
    pub(crate) fn intern(&mut self, id: ConnId) -> Slot<Conn> {
        if let Some(slot) = self.find(id) {
            return slot;
        }
        let slot = self.slab.insert(Conn {
            id,
            head: None,
            data_paths: 0,
            in_data_table: false,
            served: 0,
        });
        let rehash = |slot: &Slot<Conn>| self.hasher.hash_one(self.slab[*slot].id);
        let hash = self.hasher.hash_one(id);
        self.by_id.insert_unique(hash, slot, rehash);
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot<Conn>) {
        let conn = self.slab.remove(slot);
        assert!(conn.head.is_none(), "{:?} went with its watches", conn.id);
        self.by_id
            .find_entry(self.hasher.hash_one(conn.id), |entry| *entry == slot)
            .expect("a connection is in the index")
            .remove();
    }

    pub(crate) fn get(&self, slot: Slot<Conn>) -> &Conn {
        &self.slab[slot]
    }

    pub(crate) fn get_mut(&mut self, slot: Slot<Conn>) -> &mut Conn {
        &mut self.slab[slot]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<Conn>, &Conn)> {
        self.slab.iter()
    }
}

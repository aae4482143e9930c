//! From a whole path to its node. Only numbers are stored: the caller says whether a node is the one.
//!
//! The table is our own because a look-up in a tree of millions of nodes costs what its cache misses
//! cost. Hash and number lie side by side, so that one line is read; a general hash table reads its
//! tags first and its entry from elsewhere, and growing it would read every node for its hash. Tables
//! grow by a quarter instead of doubling, so at least 64 % of the room is in use.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use crate::tree::node::NodeId;

/// Tables; each grows alone, so that no single growth takes long.
const SHARDS: usize = 256;
const SHARD_SHIFT: u32 = u32::BITS - SHARDS.ilog2();
/// A table grows when more than four of five slots would be in use.
const FULL: (usize, usize) = (4, 5);
const SLOTS_MIN: usize = 8;

/// A hash table over paths, in shards.
#[derive(Debug)]
pub(crate) struct PathIndex {
    shards: Vec<Shard>,
    hasher: FixedState,
}

/// Open addressing with linear probing.
#[derive(Debug, Clone, Default)]
struct Shard {
    slots: Vec<Slot>,
    used: usize,
}

/// Empty with the root's number, which is in no index.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    node: NodeId,
}

impl PathIndex {
    /// An empty index. The seed keeps clients from choosing names that collide.
    pub(crate) fn new(seed: u64) -> Self {
        PathIndex {
            shards: vec![Shard::default(); SHARDS],
            hasher: FixedState::with_seed(seed),
        }
    }

    /// The hash of a path.
    pub(crate) fn hash(&self, path: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(path.as_bytes());
        (hasher.finish() >> 32) as u32
    }

    /// The node with this hash that `is` the one looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        self.shards[shard(hash)].find(hash, is)
    }

    /// Adds a node that is not there yet.
    pub(crate) fn insert(&mut self, hash: u32, node: NodeId) {
        assert_ne!(node, NodeId::ROOT, "the root is found without an index");
        self.shards[shard(hash)].insert(Slot { hash, node });
    }

    /// Removes a node that is there.
    pub(crate) fn remove(&mut self, hash: u32, node: NodeId) {
        self.shards[shard(hash)].remove(hash, node);
    }
}

impl Shard {
    #[inline]
    fn find(&self, hash: u32, is: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        if self.used == 0 {
            return None;
        }
        let mut at = home(hash, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot.is_empty() {
                return None;
            }
            if slot.hash == hash && is(slot.node) {
                return Some(slot.node);
            }
            at = self.after(at);
        }
    }

    fn insert(&mut self, slot: Slot) {
        if (self.used + 1) * FULL.1 > self.slots.len() * FULL.0 {
            self.grow();
        }
        self.used += 1;
        self.place(slot);
    }

    fn place(&mut self, slot: Slot) {
        let mut at = home(slot.hash, self.slots.len());
        while !self.slots[at].is_empty() {
            at = self.after(at);
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let len = self.slots.len() + (self.slots.len() / 4).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for slot in old.into_iter().filter(|slot| !slot.is_empty()) {
            self.place(slot);
        }
    }

    /// Closes the gap, so that no chain is cut: a slot moves back unless its home lies after the gap.
    fn remove(&mut self, hash: u32, node: NodeId) {
        let len = self.slots.len();
        assert!(self.used > 0, "a node that goes is in the index");
        let mut gap = home(hash, len);
        while self.slots[gap].node != node {
            assert!(
                !self.slots[gap].is_empty(),
                "a node that goes is in the index"
            );
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        while !self.slots[at].is_empty() {
            let from_home = |to: usize| (to + len - home(self.slots[at].hash, len)) % len;
            if from_home(gap) <= from_home(at) {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.slots[gap] = Slot::default();
        self.used -= 1;
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }
}

impl Slot {
    #[inline]
    fn is_empty(self) -> bool {
        self.node == NodeId::ROOT
    }
}

#[inline]
fn shard(hash: u32) -> usize {
    (hash >> SHARD_SHIFT) as usize
}

/// Where among `len` slots a hash belongs: its bits below the shard's, mixed again and scaled to `len`.
#[inline]
fn home(hash: u32, len: usize) -> usize {
    let mixed = hash.wrapping_mul(0x9e37_79b1);
    ((u64::from(mixed) * len as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, so that chains are long, meet and wrap around.
        #[test]
        fn same_as_a_map(steps in prop::collection::vec((any::<bool>(), 0u32..12, 1u32..40), 0..300)) {
            let mut index = PathIndex::new(1);
            let mut model = BTreeMap::new();
            for (insert, hash, node) in steps {
                let hash = hash.wrapping_mul(0x1f);
                match (insert, model.get(&node).copied()) {
                    (true, None) => {
                        index.insert(hash, NodeId(node));
                        model.insert(node, hash);
                    }
                    (false, Some(hash)) => {
                        index.remove(hash, NodeId(node));
                        model.remove(&node);
                    }
                    _ => {}
                }
                for (node, hash) in &model {
                    let node = NodeId(*node);
                    prop_assert_eq!(index.find(*hash, |id| id == node), Some(node));
                }
                let used = index.shards.iter().map(|shard| shard.used).sum::<usize>();
                prop_assert_eq!(used, model.len());
            }
        }
    }

    #[test]
    fn many_nodes_use_most_of_the_room() {
        let mut index = PathIndex::new(1);
        for node in 1..=100_000 {
            index.insert(index.hash(&format!("/{node}")), NodeId(node));
        }
        let slots = index
            .shards
            .iter()
            .map(|shard| shard.slots.len())
            .sum::<usize>();
        assert!(slots < 170_000, "{slots}");
        let probe = |node: u32| index.find(index.hash(&format!("/{node}")), |id| id.0 == node);
        assert!((1..=100_000).all(|node| probe(node) == Some(NodeId(node))));
        assert_eq!(probe(100_001), None);
    }
}

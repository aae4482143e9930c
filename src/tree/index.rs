//! From a whole path to its node. Only numbers are stored: the caller says whether a node is the one.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::tree::node::NodeId;

/// Tables; each grows alone, so that no single growth takes long.
const SHARDS: usize = 256;
const SHARD_SHIFT: u32 = u32::BITS - SHARDS.ilog2();

/// A hash table over paths, in shards.
#[derive(Debug)]
pub(crate) struct PathIndex {
    shards: Vec<HashTable<NodeId>>,
    hasher: FixedState,
}

impl PathIndex {
    /// An empty index. The seed keeps clients from choosing names that collide.
    pub(crate) fn new(seed: u64) -> Self {
        PathIndex {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
            hasher: FixedState::with_seed(seed),
        }
    }

    /// The hash of a path, to be stored in its node.
    pub(crate) fn hash(&self, path: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(path.as_bytes());
        (hasher.finish() >> 32) as u32
    }

    /// The node with this hash that `is` the one looked for.
    pub(crate) fn find(&self, hash: u32, is: impl FnMut(&NodeId) -> bool) -> Option<NodeId> {
        self.shards[shard(hash)].find(spread(hash), is).copied()
    }

    /// Adds a node that is not there yet. `hash_of` reads a node's stored hash.
    pub(crate) fn insert(&mut self, hash: u32, node: NodeId, hash_of: impl Fn(NodeId) -> u32) {
        self.shards[shard(hash)].insert_unique(spread(hash), node, |id| spread(hash_of(*id)));
    }

    /// Removes a node that is there.
    pub(crate) fn remove(&mut self, hash: u32, node: NodeId) {
        self.shards[shard(hash)]
            .find_entry(spread(hash), |id| *id == node)
            .expect("every node but the root is in the index")
            .remove();
    }
}

fn shard(hash: u32) -> usize {
    (hash >> SHARD_SHIFT) as usize
}

/// The 64 bits that the table wants, all of which depend on all stored bits that the shard leaves.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

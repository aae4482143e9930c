//! Which session owns which nodes.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::node::NodeId;
use crate::types::SessionId;

/// Session to its ephemeral nodes. A session without any is not listed.
#[derive(Debug, Default)]
pub(crate) struct Ephemerals {
    owned: BTreeMap<SessionId, BTreeSet<NodeId>>,
    count: usize,
}

impl Ephemerals {
    pub(crate) fn insert(&mut self, owner: SessionId, node: NodeId) {
        let new = self.owned.entry(owner).or_default().insert(node);
        assert!(new, "a node gets its owner once");
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, owner: SessionId, node: NodeId) {
        let nodes = self.owned.get_mut(&owner);
        let nodes = nodes.expect("a node's owner is listed");
        assert!(nodes.remove(&node), "a node's owner lists it");
        if nodes.is_empty() {
            self.owned.remove(&owner);
        }
        self.count -= 1;
    }

    /// The nodes of a session, none if it has none.
    pub(crate) fn of(&self, owner: SessionId) -> impl Iterator<Item = NodeId> {
        self.owned.get(&owner).into_iter().flatten().copied()
    }

    /// Sessions with at least one node, ascending.
    pub(crate) fn owners(&self) -> impl Iterator<Item = SessionId> {
        self.owned.keys().copied()
    }

    /// All ephemeral nodes.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

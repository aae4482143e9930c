//! Nodes that go by themselves: containers and nodes with a time to live. Says which could go, given
//! the time; whoever deletes them checks again.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::tree::node::NodeId;
use crate::tree::read::NodeRef;
use crate::types::{Millis, Owner};

/// The nodes to look at.
#[derive(Debug, Default)]
pub(crate) struct Expiring {
    nodes: BTreeSet<NodeId>,
}

impl Expiring {
    pub(crate) fn insert(&mut self, node: NodeId) {
        self.nodes.insert(node);
    }

    pub(crate) fn remove(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }
}

impl Tree {
    /// Paths of the containers and TTL nodes that could be deleted at wall-clock time `now`.
    /// `never_used_ms`: after how long a container goes that never had a child; 0 for never.
    // apache 3.9.5: server/ContainerManager.java getCandidates
    pub fn reapable(&self, now: Millis, never_used_ms: i64) -> Vec<String> {
        let nodes = self.expiring.nodes.iter().map(|id| self.node(*id));
        nodes
            .filter(|node| is_reapable(node, now, never_used_ms))
            .map(|node| node.path())
            .collect()
    }
}

fn is_reapable(node: &NodeRef<'_>, now: Millis, never_used_ms: i64) -> bool {
    let stat = node.persisted();
    let age = now.0.saturating_sub(stat.mtime);
    node.child_count() == 0
        && match node.owner() {
            Owner::Container if stat.cversion > 0 => true,
            Owner::Container => never_used_ms != 0 && age > never_used_ms,
            Owner::Ttl(ttl) => ttl != 0 && age > ttl,
            Owner::Nobody | Owner::Session(_) => false,
        }
}

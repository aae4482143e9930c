//! Walking the tree out for a snapshot, a slice at a time, while it goes on changing.
//!
//! What comes out is fuzzy: nodes as they are when the walk passes. Replaying every transaction after
//! the walk's [`start`](SnapshotWalk::start) makes it exact. Two things help: nodes made since the
//! start are left out, since replay makes them anyway (and only then with the right parents); and no
//! node's slot or access list's number is used again before the walk ends.

use crate::tree::Tree;
use crate::tree::node::NodeId;
use crate::tree::read::NodeRef;
use crate::types::Acl;

/// A walk under way. Ends with [`SnapshotWalk::finish`]; a walk that is dropped instead costs memory.
#[derive(Debug)]
#[must_use = "a walk holds slots until it is finished"]
pub struct SnapshotWalk {
    /// The tree's last transaction at the start.
    zxid: i64,
    /// Path of the node that the innermost level belongs to; empty for the root.
    path: String,
    /// Parents that were visited and have children left to visit, outermost first.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    /// The children when the parent was visited, visited from the end.
    left: Vec<NodeId>,
    /// Length of the parent's path.
    path_len: usize,
}

impl SnapshotWalk {
    /// Begins a walk. The snapshot's name is the last transaction processed now.
    pub fn start(tree: &mut Tree) -> SnapshotWalk {
        tree.nodes.hold();
        tree.acls.hold();
        let root = Level {
            left: vec![NodeId::ROOT],
            path_len: 0,
        };
        SnapshotWalk {
            zxid: tree.last_zxid,
            path: String::new(),
            levels: vec![root],
        }
    }

    /// The access lists that nodes of the walk may have, by their number in the snapshot, ascending,
    /// without -1, the open one. A list set after this call can be missing; replay sets it again.
    pub fn acls<'t>(&self, tree: &'t Tree) -> Vec<(i64, &'t [Acl])> {
        tree.acls.stored().collect()
    }

    /// Visits up to `max_nodes` nodes, a parent before its children, and says whether some are left.
    /// `visit` gets the path as snapshots hold it, empty for the root.
    pub fn next_slice(
        &mut self,
        tree: &Tree,
        max_nodes: usize,
        visit: &mut dyn FnMut(&str, NodeRef<'_>),
    ) -> bool {
        for _ in 0..max_nodes {
            let Some(id) = self.next_id() else {
                return false;
            };
            let cell = tree.nodes.get(id);
            let is_newer = cell.meta().stat.czxid > self.zxid && id != NodeId::ROOT;
            if cell.is_free() || is_newer {
                continue;
            }
            let node = tree.node(id);
            if id != NodeId::ROOT {
                self.path.push('/');
                self.path.push_str(node.name());
            }
            visit(&self.path, node);
            self.levels.push(Level {
                left: node.child_ids().to_vec(),
                path_len: self.path.len(),
            });
        }
        !self.levels.is_empty()
    }

    fn next_id(&mut self) -> Option<NodeId> {
        loop {
            let level = self.levels.last_mut()?;
            self.path.truncate(level.path_len);
            match level.left.pop() {
                Some(id) => return Some(id),
                None => self.levels.pop(),
            };
        }
    }

    /// Ends the walk, whether it came to the end or not: what it held may be used again.
    pub fn finish(self, tree: &mut Tree) {
        tree.nodes.release();
        tree.acls.release();
    }
}

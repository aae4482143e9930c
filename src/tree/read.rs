//! Reading a node: a shared reference in, borrowed answers out. Nobody is asked for permission here.

use std::fmt;

use crate::tree::Tree;
use crate::tree::acl_cache::{OPEN, on_disk};
use crate::tree::digest::node_digest;
use crate::tree::node::NodeId;
use crate::tree::nodes::NodeCell;
use crate::types::{Acl, NodeStat, Owner, Stat};

/// A node of a tree, borrowed.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    tree: &'a Tree,
    id: NodeId,
    node: NodeCell<'a>,
}

impl<'a> NodeRef<'a> {
    pub(crate) fn new(tree: &'a Tree, id: NodeId) -> Self {
        let node = tree.nodes.get(id);
        NodeRef { tree, id, node }
    }

    /// The node's slot.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The last component of the path; empty for the root.
    pub fn name(&self) -> &'a str {
        self.node.name()
    }

    /// The whole path; `/` for the root.
    pub fn path(&self) -> String {
        self.tree.path_of(self.id)
    }

    /// The payload; `None` is null, which clients can tell from empty.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.node.data()
    }

    /// What clients see.
    pub fn stat(&self) -> Stat {
        self.tree.stat_of(self.node)
    }

    /// What is kept.
    pub fn persisted(&self) -> NodeStat {
        self.node.meta().stat
    }

    /// The access list. Empty means that everybody passes.
    pub fn acl(&self) -> &'a [Acl] {
        self.tree.acls.get(self.node.meta().acl)
    }

    /// Whether the list is world:anyone with all permissions, without looking at it.
    pub fn is_open_acl(&self) -> bool {
        self.node.meta().acl == OPEN
    }

    /// The list's number in a snapshot: -1 for the open one, else positive.
    pub fn acl_id(&self) -> i64 {
        on_disk(self.node.meta().acl)
    }

    /// Who or what decides when the node goes.
    pub fn owner(&self) -> Owner {
        self.tree.rules.read(self.persisted().ephemeral_owner)
    }

    /// Children now.
    pub fn child_count(&self) -> usize {
        self.child_ids().len()
    }

    /// The children's names, in no particular order.
    pub fn children(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let tree = self.tree;
        self.child_ids()
            .iter()
            .map(move |id| tree.nodes.get(*id).name())
    }

    pub(crate) fn child_ids(&self) -> &'a [NodeId] {
        self.tree.lists.get(self.node.meta().children)
    }

    /// The parent; `None` for the root.
    pub fn parent(&self) -> Option<NodeRef<'a>> {
        (self.id != NodeId::ROOT).then(|| NodeRef::new(self.tree, self.node.meta().parent))
    }

    /// What the node adds to the tree's digest. `path` is its own path.
    pub fn digest(&self, path: &str) -> i64 {
        node_digest(path, self.data(), &self.persisted())
    }
}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:?}",
            self.path(),
            self.data(),
            self.persisted()
        )
    }
}

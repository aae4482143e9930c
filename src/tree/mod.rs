//! The replicated tree as a plain data structure. Knows neither sockets nor files, asks nobody for
//! permission and judges nothing: what is applied was judged before.
//!
//! What always holds between two calls:
//! - Every node but the root is in the index under its path's hash, and in its parent's child list at
//!   the position it remembers. A parent exists before and after its children.
//! - The digest is the sum of [`digest::node_digest`] over all nodes, the counters are the sums that
//!   they claim, and the side tables (owners, expiring nodes, quotas, access lists) list exactly the
//!   nodes that call for it.
//! - A path is stored nowhere: it is the names from the root down.

mod acl_cache;
mod apply;
mod cells;
mod children;
mod content;
pub mod digest;
mod edit;
mod ephemerals;
mod expiring;
mod index;
mod load;
mod node;
mod nodes;
mod quota;
mod quota_text;
mod read;
mod reserved;
mod slab;
pub mod walk;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod test_steps;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod walk_tests;

pub use apply::Applied;
pub use load::{LoadError, Loader};
pub use node::NodeId;
pub use quota::QuotaUse;
pub use read::NodeRef;

use crate::tree::acl_cache::AclCache;
use crate::tree::children::ChildLists;
use crate::tree::ephemerals::Ephemerals;
use crate::tree::expiring::Expiring;
use crate::tree::index::PathIndex;
use crate::tree::nodes::{NodeCell, Nodes};
use crate::tree::quota::Quotas;
use crate::types::{OwnerRules, SessionId, Stat};

/// How a tree is to behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeOptions {
    /// `zookeeper.digest.enabled`: keep the digest up to date.
    pub digest: bool,
    /// Which owners are times to live.
    pub owner_rules: OwnerRules,
    /// Seed of the hash tables; drawn at random by whoever starts the server, so that clients cannot
    /// choose names that collide. Nothing that anyone can see depends on it.
    pub hash_seed: u64,
}

/// The tree: nodes, and every table that spares a search through them.
#[derive(Debug)]
pub struct Tree {
    nodes: Nodes,
    lists: ChildLists,
    index: PathIndex,
    acls: AclCache,
    ephemerals: Ephemerals,
    expiring: Expiring,
    quotas: Quotas,
    rules: OwnerRules,
    /// `None` when digests are off.
    digest: Option<i64>,
    node_count: usize,
    data_bytes: u64,
    last_zxid: i64,
}

impl Tree {
    /// The tree of a new server: the root and the nodes under `/zookeeper` that are always there.
    pub fn new(options: TreeOptions) -> Tree {
        let mut tree = Tree::bare(options);
        tree.add_reserved();
        tree
    }

    /// Nothing but the root.
    fn bare(options: TreeOptions) -> Tree {
        let mut tree = Tree {
            nodes: Nodes::new(),
            lists: ChildLists::new(),
            index: PathIndex::new(options.hash_seed),
            acls: AclCache::new(options.hash_seed),
            ephemerals: Ephemerals::default(),
            expiring: Expiring::default(),
            quotas: Quotas::default(),
            rules: options.owner_rules,
            digest: options.digest.then_some(0),
            node_count: 0,
            data_bytes: 0,
            last_zxid: 0,
        };
        tree.add_root();
        tree
    }

    /// The node at `path`, compared byte by byte: `/a/` and `//a` are no node's path. The root answers
    /// to `/` and to the empty string.
    #[inline]
    pub fn find(&self, path: &str) -> Option<NodeRef<'_>> {
        self.find_id(path).map(|id| self.node(id))
    }

    fn find_id(&self, path: &str) -> Option<NodeId> {
        match path {
            "" | "/" => Some(NodeId::ROOT),
            path => self.lookup(self.index.hash(path), path),
        }
    }

    fn lookup(&self, hash: u32, path: &str) -> Option<NodeId> {
        self.index.find(hash, |id| self.is_at(id, path))
    }

    /// Whether the names from the node up to the root are those of `path`.
    fn is_at(&self, mut id: NodeId, path: &str) -> bool {
        let mut left = path.as_bytes();
        while id != NodeId::ROOT {
            let node = self.nodes.get(id);
            let head = left.strip_suffix(node.name_bytes());
            let Some(head) = head.and_then(|head| head.strip_suffix(b"/")) else {
                return false;
            };
            left = head;
            id = node.meta().parent;
        }
        left.is_empty()
    }

    fn path_of(&self, mut id: NodeId) -> String {
        let mut names = Vec::new();
        while id != NodeId::ROOT {
            let node = self.nodes.get(id);
            names.push(node.name());
            id = node.meta().parent;
        }
        let mut path = String::new();
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    fn node(&self, id: NodeId) -> NodeRef<'_> {
        NodeRef::new(self, id)
    }

    fn stat_of(&self, node: NodeCell<'_>) -> Stat {
        let meta = node.meta();
        let children = self.lists.get(meta.children).len();
        let owner = self.rules.read(meta.stat.ephemeral_owner);
        let data = node.data().map_or(0, <[u8]>::len);
        meta.stat.to_client(data, children, owner.shown())
    }

    /// Number of nodes, the root counted once.
    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// What operators see as the approximate data size: bytes of data, and of all paths in UTF-16
    /// units, the root's counted as 1.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Number of ephemeral nodes.
    pub fn ephemeral_count(&self) -> usize {
        self.ephemerals.count()
    }

    /// The sum of all node digests; 0 when digests are off.
    pub fn digest(&self) -> i64 {
        self.digest.unwrap_or(0)
    }

    /// The highest transaction that was applied; of a tree just loaded, the highest that made a node.
    pub fn last_zxid(&self) -> i64 {
        self.last_zxid
    }

    /// Full paths of a session's ephemeral nodes, ascending.
    pub fn ephemerals_of(&self, session: SessionId) -> impl Iterator<Item = String> + use<> {
        let paths = self.ephemerals.of(session).map(|id| self.path_of(id));
        let mut paths = paths.collect::<Vec<_>>();
        paths.sort_unstable();
        paths.into_iter()
    }

    /// Sessions that own an ephemeral node, ascending.
    pub fn ephemeral_owners(&self) -> impl Iterator<Item = SessionId> {
        self.ephemerals.owners()
    }

    /// Number of nodes below `path`; `None` without a node there. Visits them all, save for the root.
    pub fn descendant_count(&self, path: &str) -> Option<usize> {
        let id = self.find_id(path)?;
        if id == NodeId::ROOT {
            return Some(self.node_count - 1);
        }
        Some(self.descend(id).count() - 1)
    }

    /// The node and everything below it, a parent before its children.
    fn descend(&self, from: NodeId) -> impl Iterator<Item = NodeId> {
        let mut left = vec![from];
        std::iter::from_fn(move || {
            let id = left.pop()?;
            left.extend_from_slice(self.node(id).child_ids());
            Some(id)
        })
    }
}

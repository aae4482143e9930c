//! Building a tree from a snapshot's nodes.

use std::collections::BTreeMap;

use crate::tree::Tree;
use crate::tree::TreeOptions;
use crate::tree::acl_cache::{OPEN, on_disk};
use crate::tree::edit::{NewNode, split};
use crate::tree::node::NodeId;
use crate::types::{Acl, NodeStat, Perms};

/// Why a snapshot's node cannot be put into the tree: the snapshot is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Neither empty, for the root, nor `/`-separated non-empty names.
    #[error("the snapshot holds a node {path:?}, which is no node's path")]
    BadPath {
        /// The path.
        path: String,
    },
    /// Parents come first.
    #[error("the snapshot holds the node {path:?} but not, before it, its parent")]
    NoParent {
        /// The node's path.
        path: String,
    },
    /// Every node comes once.
    #[error("the snapshot holds the node {path:?} twice")]
    Twice {
        /// The node's path.
        path: String,
    },
}

/// A tree in the making: access lists first, then nodes, then [`Loader::finish`].
#[derive(Debug)]
pub struct Loader {
    tree: Tree,
    /// The snapshot's numbers of access lists, and ours.
    acls: BTreeMap<i64, u32>,
    /// The parent of the node before, which is most often also that of the next.
    parent: (String, NodeId),
    has_root: bool,
}

impl Loader {
    /// A loader for an empty tree.
    pub fn new(options: TreeOptions) -> Loader {
        let mut tree = Tree::bare(options);
        tree.acls.hold();
        Loader {
            tree,
            acls: BTreeMap::from([(on_disk(OPEN), OPEN)]),
            parent: (String::new(), NodeId::ROOT),
            has_root: false,
        }
    }

    /// Adds an access list under the number it has in the snapshot.
    pub fn acl(&mut self, id: i64, list: &[Acl]) {
        let number = self.tree.acls.add_words(list);
        self.tree.acls.drop_user(number);
        self.acls.insert(id, number);
    }

    /// Adds a node; `path` is empty for the root.
    ///
    /// A list that is not in the snapshot is one set while it was written, and replay sets it again;
    /// until then nobody has any permission.
    ///
    /// # Errors
    /// When the path cannot be added.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl_id: i64,
        stat: &NodeStat,
    ) -> Result<(), LoadError> {
        let owned = || path.to_owned();
        if path.is_empty() {
            return self.root(data, acl_id, stat);
        }
        let (parent, name) = split(path).ok_or_else(|| LoadError::BadPath { path: owned() })?;
        let parent = self.parent_id(parent);
        let parent = parent.ok_or_else(|| LoadError::NoParent { path: owned() })?;
        if self.tree.find_id(path).is_some() {
            return Err(LoadError::Twice { path: owned() });
        }
        let acl = self.use_acl(acl_id);
        let new = NewNode {
            parent,
            name,
            data,
            acl,
            stat,
        };
        self.tree.attach(path, &new);
        self.tree.last_zxid = self.tree.last_zxid.max(stat.czxid);
        Ok(())
    }

    fn root(&mut self, data: Option<&[u8]>, acl_id: i64, stat: &NodeStat) -> Result<(), LoadError> {
        if std::mem::replace(&mut self.has_root, true) {
            return Err(LoadError::Twice {
                path: String::new(),
            });
        }
        let acl = self.use_acl(acl_id);
        self.tree.set_root(data, acl, stat);
        Ok(())
    }

    fn parent_id(&mut self, path: &str) -> Option<NodeId> {
        if self.parent.0 != path {
            let id = self.tree.find_id(path)?;
            self.parent.0.clear();
            self.parent.0.push_str(path);
            self.parent.1 = id;
        }
        Some(self.parent.1)
    }

    fn use_acl(&mut self, id: i64) -> u32 {
        let acls = &mut self.tree.acls;
        match self.acls.get(&id) {
            Some(number) => acls.add_user(*number),
            None => acls.add_words(&[Acl::new(Perms(0), "world", "anyone")]),
        }
    }

    /// The tree: with the nodes that are always there, with quota usage counted afresh, without access
    /// lists that no node has.
    pub fn finish(self) -> Tree {
        let mut tree = self.tree;
        tree.acls.release();
        if self.has_root {
            tree.add_quota_root();
        } else {
            tree.add_reserved();
        }
        tree.recount_quotas();
        tree
    }
}

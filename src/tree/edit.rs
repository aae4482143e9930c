//! The two elementary changes, a node comes and a node goes, and what every change has to keep in
//! step. Nothing here knows a transaction.

use crate::tree::Tree;
use crate::tree::digest::node_digest;
use crate::tree::node::{Meta, NodeId};
use crate::tree::nodes::NodeCell;
use crate::types::{NodeStat, Owner};

/// A node to be added.
pub(crate) struct NewNode<'a> {
    pub(crate) parent: NodeId,
    pub(crate) name: &'a str,
    pub(crate) data: Option<&'a [u8]>,
    /// Number of the access list, of which the node is already a user.
    pub(crate) acl: u32,
    pub(crate) stat: &'a NodeStat,
}

impl Tree {
    /// Adds a node that is not there yet under a parent that is. `path` is the new node's.
    pub(crate) fn attach(&mut self, path: &str, new: &NewNode<'_>) -> NodeId {
        let meta = Meta {
            stat: *new.stat,
            acl: new.acl,
            parent: new.parent,
            ..Meta::default()
        };
        let id = self.nodes.insert(meta, new.name, new.data);
        let list = self.nodes.get(new.parent).meta().children;
        let (list, position) = self.lists.add(list, id);
        self.nodes.update(new.parent, |meta| meta.children = list);
        self.nodes.update(id, |meta| meta.position = position);
        let hash = self.index.hash(path);
        self.index.insert(hash, id);
        self.account_for(id, path);
        id
    }

    /// Counts a node that was just added. The root's path is the empty string here.
    pub(crate) fn account_for(&mut self, id: NodeId, path: &str) {
        let node = self.nodes.get(id);
        match self.rules.read(node.meta().stat.ephemeral_owner) {
            Owner::Nobody => {}
            Owner::Session(session) => self.ephemerals.insert(session, id),
            Owner::Container | Owner::Ttl(_) => self.expiring.insert(id),
        }
        self.node_count += 1;
        self.data_bytes += data_len(node) + path_len(path);
        self.add_digest(path, id);
    }

    /// Removes a childless node that is not the root; its access list keeps its user.
    pub(crate) fn detach(&mut self, id: NodeId, path: &str) -> Meta {
        assert_ne!(id, NodeId::ROOT, "the root stays");
        self.subtract_digest(path, id);
        let node = self.nodes.get(id);
        let gone = node.meta();
        assert_eq!(gone.children, 0, "a node goes after its children");
        self.node_count -= 1;
        self.data_bytes -= data_len(node) + path_len(path);
        let hash = self.index.hash(path);
        self.index.remove(hash, id);
        let list = self.nodes.get(gone.parent).meta().children;
        let (list, moved) = self.lists.remove(list, gone.position);
        self.nodes.update(gone.parent, |meta| meta.children = list);
        if let Some(moved) = moved {
            self.nodes
                .update(moved, |meta| meta.position = gone.position);
        }
        self.nodes.remove(id);
        match self.rules.read(gone.stat.ephemeral_owner) {
            Owner::Nobody => {}
            Owner::Session(session) => self.ephemerals.remove(session, id),
            Owner::Container | Owner::Ttl(_) => self.expiring.remove(id),
        }
        gone
    }

    /// Changes a node's metadata, other than its owner.
    pub(crate) fn edit(&mut self, id: NodeId, path: &str, change: impl FnOnce(&mut Meta)) {
        self.subtract_digest(path, id);
        self.nodes.update(id, change);
        self.add_digest(path, id);
    }

    /// Replaces a node's data and changes its metadata.
    pub(crate) fn edit_data(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        change: impl FnOnce(&mut Meta),
    ) {
        self.subtract_digest(path, id);
        self.data_bytes -= data_len(self.nodes.get(id));
        self.nodes.set_data(id, data);
        self.nodes.update(id, change);
        self.data_bytes += data_len(self.nodes.get(id));
        self.add_digest(path, id);
    }

    fn add_digest(&mut self, path: &str, id: NodeId) {
        if let Some(digest) = &mut self.digest {
            *digest = digest.wrapping_add(digest_of(self.nodes.get(id), path));
        }
    }

    fn subtract_digest(&mut self, path: &str, id: NodeId) {
        if let Some(digest) = &mut self.digest {
            *digest = digest.wrapping_sub(digest_of(self.nodes.get(id), path));
        }
    }

    /// Gives the root the contents that a snapshot holds.
    pub(crate) fn set_root(&mut self, data: Option<&[u8]>, acl: u32, stat: &NodeStat) {
        self.acls.drop_user(self.nodes.get(NodeId::ROOT).meta().acl);
        self.edit_data(NodeId::ROOT, "", data, |root| {
            root.stat = *stat;
            root.acl = acl;
        });
    }
}

/// Parent and name, the parent empty for the root's children. `None` for the root and for what cannot
/// be a node's path: the index would not find it again.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    let is_node = !name.is_empty() && parent != "/";
    is_node.then_some((parent, name))
}

fn digest_of(node: NodeCell<'_>, path: &str) -> i64 {
    node_digest(path, node.data(), &node.meta().stat)
}

fn data_len(node: NodeCell<'_>) -> u64 {
    node.data().map_or(0, |data| data.len() as u64)
}

/// Java's length of a path; that of the root counts as 1, for it is listed a second time as `/`.
// apache 3.9.5: server/DataTree.java approximateDataSize
fn path_len(path: &str) -> u64 {
    if path.is_ascii() {
        path.len().max(1) as u64
    } else {
        path.encode_utf16().count() as u64
    }
}

//! The two elementary changes, a node comes and a node goes, and what every change has to keep in
//! step. Nothing here knows a transaction.

use crate::tree::Tree;
use crate::tree::digest::node_digest;
use crate::tree::node::Node;
use crate::tree::node::NodeId;
use crate::types::{NodeStat, Owner};

impl Tree {
    /// Adds a node that is not there yet under a parent that is. `path` is the new node's.
    pub(crate) fn attach(&mut self, parent: NodeId, path: &str, mut node: Node) -> NodeId {
        let hash = self.index.hash(path);
        node.hash = hash;
        node.parent = parent;
        let id = NodeId(self.nodes.insert(node));
        let list = self.nodes[parent.0].children;
        let (list, position) = self.lists.add(list, id);
        self.nodes[parent.0].children = list;
        self.nodes[id.0].position = position;
        self.index.insert(hash, id);
        self.account_for(id, path);
        id
    }

    /// Counts a node that was just added. The root's path is the empty string here.
    pub(crate) fn account_for(&mut self, id: NodeId, path: &str) {
        let node = &self.nodes[id.0];
        match self.rules.read(node.owner) {
            Owner::Nobody => {}
            Owner::Session(session) => self.ephemerals.insert(session, id),
            Owner::Container | Owner::Ttl(_) => self.expiring.insert(id),
        }
        self.node_count += 1;
        self.data_bytes += data_len(node) + path_len(path);
        self.add_digest(path, id);
    }

    /// Removes a childless node that is not the root; its access list keeps its user.
    pub(crate) fn detach(&mut self, id: NodeId, path: &str) -> Node {
        assert_ne!(id, NodeId::ROOT, "the root stays");
        self.subtract_digest(path, id);
        let node = self.nodes.remove(id.0);
        assert_eq!(node.children, 0, "a node goes after its children");
        self.index.remove(node.hash, id);
        let parent = &mut self.nodes[node.parent.0];
        let (list, moved) = self.lists.remove(parent.children, node.position);
        parent.children = list;
        if let Some(moved) = moved {
            self.nodes[moved.0].position = node.position;
        }
        match self.rules.read(node.owner) {
            Owner::Nobody => {}
            Owner::Session(session) => self.ephemerals.remove(session, id),
            Owner::Container | Owner::Ttl(_) => self.expiring.remove(id),
        }
        self.node_count -= 1;
        self.data_bytes -= data_len(&node) + path_len(path);
        node
    }

    /// Changes a node's metadata, other than its owner.
    pub(crate) fn edit(&mut self, id: NodeId, path: &str, change: impl FnOnce(&mut Node)) {
        self.subtract_digest(path, id);
        let before = data_len(&self.nodes[id.0]);
        change(&mut self.nodes[id.0]);
        self.data_bytes = self.data_bytes - before + data_len(&self.nodes[id.0]);
        self.add_digest(path, id);
    }

    fn add_digest(&mut self, path: &str, id: NodeId) {
        if let Some(digest) = &mut self.digest {
            *digest = digest.wrapping_add(digest_of(&self.nodes[id.0], path));
        }
    }

    fn subtract_digest(&mut self, path: &str, id: NodeId) {
        if let Some(digest) = &mut self.digest {
            *digest = digest.wrapping_sub(digest_of(&self.nodes[id.0], path));
        }
    }

    /// Gives the root the contents that a snapshot holds.
    pub(crate) fn set_root(&mut self, data: Option<&[u8]>, acl: u32, stat: &NodeStat) {
        self.acls.drop_user(self.nodes[NodeId::ROOT.0].acl);
        self.edit(NodeId::ROOT, "", |root| {
            root.set_data(data);
            root.set_stat(stat);
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

fn digest_of(node: &Node, path: &str) -> i64 {
    node_digest(path, node.data(), &node.stat())
}

fn data_len(node: &Node) -> u64 {
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

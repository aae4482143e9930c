//! The root and the nodes under `/zookeeper` that every tree has.

use crate::tree::Tree;
use crate::tree::edit::NewNode;
use crate::tree::node::{Meta, NodeId};
use crate::types::path::{CONFIG, QUOTA, ZOOKEEPER};
use crate::types::{Acl, ChangeKind, ChangeSink, NodeStat, open_acl, read_acl};

impl Tree {
    /// The root, which is in no list: called once, first.
    pub(crate) fn add_root(&mut self) {
        let id = self.nodes.insert(Meta::default(), "", Some(b""));
        assert_eq!(id, NodeId::ROOT, "the root comes first");
        self.account_for(id, "");
    }

    /// Adds `/zookeeper`, `/zookeeper/quota` and `/zookeeper/config` to a new tree.
    // apache 3.9.5: server/DataTree.java DataTree, addConfigNode
    pub(crate) fn add_reserved(&mut self) {
        self.add_quota_root();
        self.add_missing(CONFIG, &read_acl(), -1);
    }

    /// Adds `/zookeeper` and `/zookeeper/quota` to a loaded tree that lacks them. A snapshot of a release
    /// before 3.5 has no `/zookeeper/config`; only a member of an ensemble adds that.
    pub(crate) fn add_quota_root(&mut self) {
        self.add_missing(ZOOKEEPER, &open_acl(), 0);
        self.add_missing(QUOTA, &open_acl(), 0);
    }

    /// Puts the text of the membership in force at `/zookeeper/config`, which is added if need be: a local
    /// change without a transaction, and outside the digest. `version` is that of the membership, `time`
    /// the wall clock.
    // apache 3.9.5: server/ZKDatabase.java initConfigInZKDatabase
    pub fn show_membership(
        &mut self,
        text: &[u8],
        version: i64,
        time: i64,
        sink: &mut dyn ChangeSink,
    ) {
        self.add_reserved();
        let id = self.find_id(CONFIG).expect("it was just added");
        self.edit_data(id, CONFIG, Some(text), |node| {
            node.stat.version = -1;
            node.stat.mzxid = version;
            node.stat.mtime = time;
        });
        let acl = self.nodes.get(id).meta().acl;
        sink.changed(ChangeKind::DataChanged, CONFIG, self.acls.get(acl), &[]);
    }

    /// The parents' stats stay as they are: these children were never counted.
    fn add_missing(&mut self, path: &str, acl: &[Acl], aversion: i32) {
        if self.find(path).is_some() {
            return;
        }
        let (parent, name) = path.rsplit_once('/').expect("a reserved path has a parent");
        let parent = self.find_id(parent).expect("reserved parents come first");
        let stat = NodeStat {
            aversion,
            ..NodeStat::default()
        };
        let acl = self.acls.add_words(acl);
        let new = NewNode {
            parent,
            name,
            data: Some(b""),
            acl,
            stat: &stat,
        };
        self.attach(path, &new);
    }
}

#[cfg(test)]
mod tests {
    use crate::tree::test_support::tree;
    use crate::types::read_acl;

    #[test]
    fn the_tree_of_a_new_server() {
        let tree = tree();
        let look = |path: &str| {
            let node = tree.find(path).unwrap();
            let stat = node.stat();
            assert_eq!(node.data(), Some(&b""[..]));
            (
                stat.version,
                stat.cversion,
                stat.aversion,
                stat.num_children,
                node.is_open_acl(),
            )
        };
        assert_eq!(look("/"), (0, -1, 0, 1, true));
        assert_eq!(look("/zookeeper"), (0, -2, 0, 2, true));
        assert_eq!(look("/zookeeper/quota"), (0, 0, 0, 0, true));
        assert_eq!(look("/zookeeper/config"), (0, 0, -1, 0, false));
        assert_eq!(tree.find("/zookeeper/config").unwrap().acl(), read_acl());
        assert_eq!(tree.node_count(), 4);
        assert_eq!(tree.descendant_count("/"), Some(3));
        assert_eq!(tree.data_bytes(), 44);
        assert_eq!(tree.digest(), 0x51c6_d660);
    }
}

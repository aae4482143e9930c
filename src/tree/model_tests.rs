//! The tree against the simplest thing that could be right: a map from path to node, everything else
//! counted afresh each time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::proto::shared;
use crate::proto::txn::{CloseSessionTxn, DeleteTxn, SetAclTxn, SetDataTxn, Txn};
use crate::tree::Applied;
use crate::tree::Tree;
use crate::tree::digest::node_digest;
use crate::tree::test_steps::{CLIENTS, Kind, Step, create_txn, step};
use crate::tree::test_support::*;
use crate::types::path::{CONFIG, QUOTA, ZOOKEEPER, is_permanent};
use crate::types::{
    Acl, ErrorCode, Millis, NodeStat, OpCode, Owner, SessionId, Stat, open_acl, read_acl,
};

#[derive(Debug, Clone)]
struct ModelNode {
    data: Option<Vec<u8>>,
    acl: Vec<Acl>,
    stat: NodeStat,
}

/// Paths without the root, and with an empty path for it.
#[derive(Debug)]
struct Model(BTreeMap<String, ModelNode>);

impl Model {
    fn new() -> Self {
        let node = |acl, aversion| ModelNode {
            data: Some(Vec::new()),
            acl,
            stat: NodeStat {
                aversion,
                ..NodeStat::default()
            },
        };
        let open = || node(open_acl(), 0);
        Model(BTreeMap::from([
            (String::new(), open()),
            (ZOOKEEPER.into(), open()),
            (QUOTA.into(), open()),
            (CONFIG.into(), node(read_acl(), -1)),
        ]))
    }

    fn children(&self, path: &str) -> Vec<&str> {
        let prefix = format!("{path}/");
        let below = self
            .0
            .keys()
            .filter_map(|other| other.strip_prefix(&prefix));
        below.filter(|name| !name.contains('/')).collect()
    }

    fn stat(&self, path: &str) -> Option<Stat> {
        let node = self.0.get(path)?;
        let owner = OPTIONS.owner_rules.read(node.stat.ephemeral_owner);
        let data = node.data.as_ref().map_or(0, Vec::len);
        Some(
            node.stat
                .to_client(data, self.children(path).len(), owner.shown()),
        )
    }

    fn run(&mut self, step: &Step, client: i64, zxid: i64) -> Applied {
        match step {
            Step::Create(path, data, acl, kind) => {
                self.create(path, data, acl, *kind, client, zxid)
            }
            Step::Delete(path) => self.delete(path, zxid),
            Step::SetData(path, data) => {
                let Some(node) = self.0.get_mut(path) else {
                    return Applied::Failed(ErrorCode::NoNode);
                };
                node.data.clone_from(data);
                node.stat.version += 1;
                node.stat.mzxid = zxid;
                node.stat.mtime = zxid + 1000;
                Applied::Stat(self.stat(path).unwrap())
            }
            Step::SetAcl(path, acl) => {
                let Some(node) = self.0.get_mut(path) else {
                    return Applied::Failed(ErrorCode::NoNode);
                };
                node.acl.clone_from(acl);
                node.stat.aversion += 1;
                Applied::Stat(self.stat(path).unwrap())
            }
            Step::Close(client) => {
                for path in self.owned(*client) {
                    self.delete(&path, zxid);
                }
                Applied::Done
            }
            Step::Multi(steps) => {
                let run = |step| self.run(step, client, zxid);
                Applied::Multi(steps.iter().map(run).collect())
            }
        }
    }

    fn create(
        &mut self,
        path: &str,
        data: &Option<Vec<u8>>,
        acl: &[Acl],
        kind: Kind,
        client: i64,
        zxid: i64,
    ) -> Applied {
        let parent = path.rsplit_once('/').unwrap().0;
        let exists = self.0.contains_key(path);
        let Some(parent) = self.0.get_mut(parent) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        parent.stat.cversion += 1;
        parent.stat.pzxid = zxid;
        if exists {
            self.0.get_mut(path).unwrap().acl = acl.to_vec();
            return Applied::Failed(ErrorCode::NodeExists);
        }
        let owner = match kind {
            Kind::Persistent => Owner::Nobody,
            Kind::Ephemeral => Owner::Session(SessionId(client)),
            Kind::Container => Owner::Container,
            Kind::Ttl(ttl) => Owner::Ttl(ttl),
        };
        let stat = NodeStat {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: zxid + 1000,
            mtime: zxid + 1000,
            ephemeral_owner: owner.bits(),
            ..NodeStat::default()
        };
        let node = ModelNode {
            data: data.clone(),
            acl: acl.to_vec(),
            stat,
        };
        self.0.insert(path.into(), node);
        Applied::Created(self.stat(path).unwrap())
    }

    fn delete(&mut self, path: &str, zxid: i64) -> Applied {
        if is_permanent(path) {
            return Applied::Failed(ErrorCode::BadArguments);
        }
        let parent = path.rsplit_once('/').unwrap().0;
        let Some(parent) = self.0.get_mut(parent) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        parent.stat.pzxid = zxid;
        if self.0.remove(path).is_none() {
            return Applied::Failed(ErrorCode::NoNode);
        }
        let prefix = format!("{path}/");
        self.0.retain(|other, _| !other.starts_with(&prefix));
        Applied::Done
    }

    fn owned(&self, client: i64) -> Vec<String> {
        let owned = self.0.iter();
        let owned = owned.filter(|(_, node)| node.stat.ephemeral_owner == client);
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// The transaction for a step, with the versions that follow from the model.
    fn txn<'a>(&self, step: &'a Step) -> Txn<'a> {
        match step {
            Step::Create(path, data, acl, kind) => {
                create_txn(path, data.as_deref(), acl, *kind, -1)
            }
            Step::Delete(path) => {
                let path = Cow::Borrowed(path.as_str());
                Txn::Delete(OpCode::Delete, DeleteTxn { path })
            }
            Step::SetData(path, data) => {
                let version = self.0.get(path).map_or(0, |node| node.stat.version + 1);
                let txn = SetDataTxn {
                    path: Cow::Borrowed(path),
                    data: data.as_deref(),
                    version,
                };
                Txn::SetData(OpCode::SetData, txn)
            }
            Step::SetAcl(path, acl) => {
                let version = self.0.get(path).map_or(0, |node| node.stat.aversion + 1);
                Txn::SetAcl(SetAclTxn {
                    path: Cow::Borrowed(path),
                    acl: Some(shared::acl_records(acl)),
                    version,
                })
            }
            Step::Close(client) => {
                // Every other session's list is missing, as older servers wrote it.
                let paths = self.owned(*client).into_iter().map(Cow::Owned).collect();
                let listed = CloseSessionTxn { paths: Some(paths) };
                Txn::CloseSession((client % 2 == 0).then_some(listed))
            }
            Step::Multi(steps) => Txn::Multi(steps.iter().map(|step| self.txn(step)).collect()),
        }
    }

    fn assert_same(&self, tree: &Tree) {
        let mut digest = 0_i64;
        let mut bytes = 1;
        for (path, node) in &self.0 {
            let found = tree
                .find(path)
                .unwrap_or_else(|| panic!("{path:?} is missing"));
            assert_eq!(found.data(), node.data.as_deref(), "{path}");
            assert_eq!(found.acl(), node.acl, "{path}");
            assert_eq!(found.persisted(), node.stat, "{path}");
            assert_eq!(Some(found.stat()), self.stat(path), "{path}");
            assert_eq!(found.path(), if path.is_empty() { "/" } else { path });
            let mut children = found.children().collect::<Vec<_>>();
            children.sort_unstable();
            assert_eq!(children, self.children(path), "{path}");
            digest = digest.wrapping_add(node_digest(path, node.data.as_deref(), &node.stat));
            bytes += path.encode_utf16().count() + node.data.as_ref().map_or(0, Vec::len);
            let below = self.0.keys();
            let below = below
                .filter(|other| other.starts_with(&format!("{path}/")))
                .count();
            assert_eq!(tree.descendant_count(path), Some(below), "{path}");
        }
        assert_eq!(tree.node_count(), self.0.len());
        assert_eq!(tree.digest(), digest);
        assert_eq!(tree.data_bytes(), bytes as u64);
        for client in CLIENTS {
            let owned = tree.ephemerals_of(SessionId(client)).collect::<Vec<_>>();
            assert_eq!(owned, self.owned(client));
        }
        let owners = CLIENTS.filter(|client| !self.owned(*client).is_empty());
        assert!(tree.ephemeral_owners().eq(owners.map(SessionId)));
        let lists = self.0.values().map(|node| &node.acl);
        let lists = lists
            .filter(|list| **list != open_acl())
            .collect::<BTreeSet<_>>();
        assert_eq!(tree.acls.stored().count(), lists.len());
        self.assert_reapable(tree);
    }

    fn assert_reapable(&self, tree: &Tree) {
        let now = Millis(1_020);
        let goes = |path: &String, node: &ModelNode| {
            let age = now.0 - node.stat.mtime;
            self.children(path).is_empty()
                && match OPTIONS.owner_rules.read(node.stat.ephemeral_owner) {
                    Owner::Container => node.stat.cversion > 0 || age > 5,
                    Owner::Ttl(ttl) => age > ttl,
                    _ => false,
                }
        };
        let going = self.0.iter().filter(|(path, node)| goes(path, node));
        let mut found = tree.reapable(now, 5);
        found.sort_unstable();
        assert!(going.map(|(path, _)| path).eq(&found));
    }
}

proptest! {
    #[test]
    fn same_as_the_model(steps in prop::collection::vec((step(), CLIENTS), 1..60)) {
        let (mut tree, mut model) = (tree(), Model::new());
        for (zxid, (step, client)) in (1..).zip(&steps) {
            let client = if let Step::Close(owner) = step { owner } else { client };
            let mut header = header(zxid);
            header.client_id = *client;
            let got = tree.apply(&header, &model.txn(step), &mut ());
            let want = model.run(step, *client, zxid);
            prop_assert_eq!(got, want, "{:?}", step);
            model.assert_same(&tree);
        }
    }
}

//! Snapshots taken while the tree changes, loaded and brought up to date by replay: they must end up
//! as the tree they were taken from, whoever walked it.

use std::borrow::Cow;

use proptest::prelude::*;

use crate::proto::shared;
use crate::proto::txn::{CloseSessionTxn, DeleteTxn, SetAclTxn, SetDataTxn, Txn, TxnHeader};
use crate::tree::Applied;
use crate::tree::Loader;
use crate::tree::Tree;
use crate::tree::test_steps::{CLIENTS, Step, create_txn, step};
use crate::tree::test_support::*;
use crate::tree::walk::SnapshotWalk;
use crate::types::path::is_permanent;
use crate::types::{Acl, NodeStat, OpCode, Owner, SessionId};

/// A snapshot as its file would hold it.
#[derive(Debug, Default)]
struct Snapshot {
    acls: Vec<(i64, Vec<Acl>)>,
    nodes: Vec<(String, Option<Vec<u8>>, i64, NodeStat)>,
}

impl Snapshot {
    fn take_acls<'a>(&mut self, acls: impl IntoIterator<Item = (i64, &'a [Acl])>) {
        let owned = acls.into_iter().map(|(id, list)| (id, list.to_vec()));
        self.acls = owned.collect();
    }

    fn load(&self) -> Tree {
        let mut loader = Loader::new(OPTIONS);
        for (id, list) in &self.acls {
            loader.acl(*id, list);
        }
        for (path, data, acl, stat) in &self.nodes {
            loader.node(path, data.as_deref(), *acl, stat).unwrap();
        }
        loader.finish()
    }
}

/// Our walk, or one like Apache's, which names children by path and skips nothing that is there.
enum Walker {
    Ours(SnapshotWalk),
    Apaches(Vec<String>),
}

impl Walker {
    fn start(ours: bool, tree: &mut Tree, snapshot: &mut Snapshot) -> Walker {
        if ours {
            let walk = SnapshotWalk::start(tree);
            snapshot.take_acls(walk.acls(tree));
            return Walker::Ours(walk);
        }
        snapshot.take_acls(tree.acls.stored());
        Walker::Apaches(vec![String::new()])
    }

    fn slice(&mut self, tree: &Tree, max: usize, snapshot: &mut Snapshot) -> bool {
        let mut visit = |path: &str, node: crate::tree::NodeRef<'_>| {
            let data = node.data().map(<[u8]>::to_vec);
            let entry = (path.to_owned(), data, node.acl_id(), node.persisted());
            snapshot.nodes.push(entry);
        };
        match self {
            Walker::Ours(walk) => walk.next_slice(tree, max, &mut visit),
            Walker::Apaches(left) => {
                for _ in 0..max {
                    let Some(path) = left.pop() else {
                        return false;
                    };
                    let Some(node) = tree.find(&path) else {
                        continue;
                    };
                    visit(&path, node);
                    left.extend(node.children().map(|name| format!("{path}/{name}")));
                }
                !left.is_empty()
            }
        }
    }

    fn finish(self, tree: &mut Tree) {
        if let Walker::Ours(walk) = self {
            walk.finish(tree);
        }
    }
}

/// The transaction that a server would make of a step, if it would not refuse it.
fn judge<'a>(tree: &Tree, step: &'a Step) -> Option<Txn<'a>> {
    Some(match step {
        Step::Create(path, data, acl, kind) => {
            let parent = tree.find(path.rsplit_once('/')?.0)?;
            let is_ephemeral = matches!(parent.owner(), Owner::Session(_));
            if is_ephemeral || tree.find(path).is_some() {
                return None;
            }
            let cversion = parent.persisted().cversion + 1;
            create_txn(path, data.as_deref(), acl, *kind, cversion)
        }
        Step::Delete(path) => {
            if is_permanent(path) || tree.find(path)?.child_count() > 0 {
                return None;
            }
            let path = Cow::Borrowed(path.as_str());
            Txn::Delete(OpCode::Delete, DeleteTxn { path })
        }
        Step::SetData(path, data) => {
            let txn = SetDataTxn {
                path: Cow::Borrowed(path),
                data: data.as_deref(),
                version: tree.find(path)?.stat().version + 1,
            };
            Txn::SetData(OpCode::SetData, txn)
        }
        Step::SetAcl(path, acl) => Txn::SetAcl(SetAclTxn {
            path: Cow::Borrowed(path),
            acl: Some(shared::acl_records(acl)),
            version: tree.find(path)?.stat().aversion + 1,
        }),
        Step::Close(client) => {
            // Without the list, the parent of a node that the walk missed could not be found: this is
            // why transactions have it.
            let paths = tree.ephemerals_of(SessionId(*client)).map(Cow::Owned);
            Txn::CloseSession(Some(CloseSessionTxn {
                paths: Some(paths.collect()),
            }))
        }
        // Judged one by one against the tree as it is, so that only one that fits is kept.
        Step::Multi(steps) => {
            let mut parts = steps.iter().filter_map(|step| judge(tree, step));
            Txn::Multi(parts.next().into_iter().collect())
        }
    })
}

fn assert_fits(applied: &Applied) {
    match applied {
        Applied::Failed(code) => panic!("a judged transaction failed: {code:?}"),
        Applied::Multi(parts) => parts.iter().for_each(assert_fits),
        _ => {}
    }
}

/// A step and its session, and whether a slice is walked after it.
type Beat = (Step, i64, bool);

fn snapshot_and_replay(ours: bool, before: &[Beat], during: &[Beat], slice: usize) {
    let mut tree = tree();
    let mut zxid = 0;
    let mut run = |tree: &mut Tree, step, client| -> Option<(TxnHeader, Txn<'_>)> {
        let txn = judge(tree, step)?;
        zxid += 1;
        let mut header = header(zxid);
        header.client_id = client;
        assert_fits(&tree.apply(&header, &txn, &mut ()));
        Some((header, txn))
    };
    for (step, client, _) in before {
        let client = session(step, *client);
        run(&mut tree, step, client);
    }
    let mut snapshot = Snapshot::default();
    let mut walker = Walker::start(ours, &mut tree, &mut snapshot);
    let mut log = Vec::new();
    for (step, client, walks) in during {
        if *walks {
            walker.slice(&tree, slice, &mut snapshot);
        }
        log.extend(run(&mut tree, step, session(step, *client)));
    }
    while walker.slice(&tree, slice, &mut snapshot) {}
    walker.finish(&mut tree);

    let mut loaded = snapshot.load();
    for (header, txn) in &log {
        loaded.apply(header, txn, &mut ());
    }
    assert_eq!(picture(&loaded), picture(&tree));
}

fn session(step: &Step, client: i64) -> i64 {
    if let Step::Close(owner) = step {
        *owner
    } else {
        client
    }
}

fn beats(max: usize) -> impl Strategy<Value = Vec<Beat>> {
    prop::collection::vec((step(), CLIENTS, any::<bool>()), 0..max)
}

proptest! {
    #[test]
    fn our_fuzzy_snapshot_converges(
        before in beats(40), during in beats(40), slice in 1usize..4
    ) {
        snapshot_and_replay(true, &before, &during, slice);
    }

    #[test]
    fn a_fuzzy_snapshot_of_apaches_converges(
        before in beats(40), during in beats(40), slice in 1usize..4
    ) {
        snapshot_and_replay(false, &before, &during, slice);
    }
}

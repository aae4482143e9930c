//! What the tests of this room share: short ways to make transactions and trees.

use std::borrow::Cow;

use crate::proto::shared;
use crate::proto::txn::{
    CreateContainerTxn, CreateTtlTxn, CreateTxn, DeleteTxn, SetAclTxn, SetDataTxn, Txn, TxnHeader,
};
use crate::tree::Applied;
use crate::tree::Tree;
use crate::tree::TreeOptions;
use crate::types::{Acl, ChangeKind, ChangeSink, OpCode, OwnerRules};

/// Digests and extended types on.
pub(crate) const OPTIONS: TreeOptions = TreeOptions {
    digest: true,
    owner_rules: OwnerRules {
        extended_types: true,
        emulate_353: false,
    },
    hash_seed: 42,
};

pub(crate) fn tree() -> Tree {
    Tree::new(OPTIONS)
}

/// A header of session 1; the time is 1000 after the zxid.
pub(crate) fn header(zxid: i64) -> TxnHeader {
    TxnHeader {
        client_id: 1,
        cxid: 0,
        zxid,
        time: zxid.wrapping_add(1000),
        kind: 0,
    }
}

pub(crate) fn create<'a>(path: &'a str, data: &'a [u8], parent_cversion: i32) -> Txn<'a> {
    create_as(OpCode::Create, path, data, parent_cversion)
}

pub(crate) fn create_as<'a>(
    op: OpCode,
    path: &'a str,
    data: &'a [u8],
    parent_cversion: i32,
) -> Txn<'a> {
    let txn = CreateTxn {
        path: Cow::Borrowed(path),
        data: Some(data),
        acl: None,
        ephemeral: false,
        parent_cversion,
    };
    Txn::Create(op, txn)
}

pub(crate) fn ephemeral(path: &str) -> Txn<'_> {
    let Txn::Create(op, mut txn) = create(path, b"", -1) else {
        unreachable!()
    };
    txn.ephemeral = true;
    Txn::Create(op, txn)
}

pub(crate) fn container(path: &str) -> Txn<'_> {
    Txn::CreateContainer(CreateContainerTxn {
        path: Cow::Borrowed(path),
        data: None,
        acl: None,
        parent_cversion: -1,
    })
}

pub(crate) fn with_ttl(path: &str, ttl: i64) -> Txn<'_> {
    Txn::CreateTtl(CreateTtlTxn {
        path: Cow::Borrowed(path),
        data: None,
        acl: None,
        parent_cversion: -1,
        ttl,
    })
}

pub(crate) fn delete(path: &str) -> Txn<'_> {
    Txn::Delete(
        OpCode::Delete,
        DeleteTxn {
            path: Cow::Borrowed(path),
        },
    )
}

pub(crate) fn set_data<'a>(path: &'a str, data: &'a [u8], version: i32) -> Txn<'a> {
    let txn = SetDataTxn {
        path: Cow::Borrowed(path),
        data: Some(data),
        version,
    };
    Txn::SetData(OpCode::SetData, txn)
}

pub(crate) fn set_acl<'a>(path: &'a str, acl: &'a [Acl], version: i32) -> Txn<'a> {
    Txn::SetAcl(SetAclTxn {
        path: Cow::Borrowed(path),
        acl: Some(shared::acl_records(acl)),
        version,
    })
}

/// Applies transactions with ascending zxids from `zxid`, and wants none to fail.
pub(crate) fn run(tree: &mut Tree, zxid: i64, txns: &[Txn<'_>]) {
    for (zxid, txn) in (zxid..).zip(txns) {
        let applied = tree.apply(&header(zxid), txn, &mut ());
        assert!(
            !matches!(applied, Applied::Failed(_)),
            "{txn:?}: {applied:?}"
        );
    }
}

/// Remembers what it hears: kind, path, sizes of the two access lists.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Vec<(ChangeKind, String, usize, usize)>);

impl ChangeSink for Heard {
    fn changed(&mut self, kind: ChangeKind, path: &str, acl: &[Acl], parent_acl: &[Acl]) {
        self.0
            .push((kind, path.into(), acl.len(), parent_acl.len()));
    }
}

/// Everything there is to see of a tree, independent of its slots: for comparing two.
pub(crate) fn picture(tree: &Tree) -> Vec<String> {
    let mut lines = vec![format!(
        "nodes {} bytes {} digest {} ephemerals {}",
        tree.node_count(),
        tree.data_bytes(),
        tree.digest(),
        tree.ephemeral_count(),
    )];
    let mut nodes = tree
        .descend(crate::tree::NodeId::ROOT)
        .map(|id| {
            let node = tree.node(id);
            let mut children = node.children().collect::<Vec<_>>();
            children.sort_unstable();
            format!("{node:?} {:?} {:?} {children:?}", node.acl(), node.stat())
        })
        .collect::<Vec<_>>();
    nodes.sort_unstable();
    lines.append(&mut nodes);
    lines.extend(tree.ephemeral_owners().map(|owner| {
        let paths = tree.ephemerals_of(owner).collect::<Vec<_>>();
        format!("{owner} owns {paths:?}")
    }));
    lines
}

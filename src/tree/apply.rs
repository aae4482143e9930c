//! One transaction in, what it did out. The same for a live commit, a follower and recovery: where a
//! transaction meets a tree that already contains it, or part of what came later, it converges.

use crate::proto::shared;
use crate::proto::txn::{CloseSessionTxn, SetAclTxn, SetDataTxn, Txn, TxnHeader};
use crate::tree::Tree;
use crate::tree::edit::{NewNode, split};
use crate::tree::node::NodeId;
use crate::tree::quota::data_len;
use crate::types::path::is_permanent;
use crate::types::{
    Acl, ChangeKind, ChangeSink, ErrorCode, NodeStat, Owner, SessionId, Stat, TTL_MILLIS_MAX,
};

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Done; there is nothing to show.
    Done,
    /// A node was created; its stat.
    Created(Stat),
    /// Data or an access list was set; the node's stat.
    Stat(Stat),
    /// One for each element.
    Multi(Vec<Applied>),
    /// The transaction records a refusal with this number, of which there are more than
    /// [`ErrorCode`] knows: nothing happened. In a refused multi the elements before the culprit say 0.
    Refused(i32),
    /// It does not fit the tree. A transaction that was judged always fits; one that is replayed over a
    /// fuzzy snapshot need not, and what had to be repaired is.
    Failed(ErrorCode),
}

/// A create of any kind.
struct Create<'a> {
    path: &'a str,
    data: Option<&'a [u8]>,
    acl: Option<&'a [shared::Acl<'a>]>,
    owner: i64,
    parent_cversion: i32,
}

/// -1 in place of the parent's cversion: one more than now.
const NEXT_CVERSION: i32 = -1;

impl Tree {
    /// Applies a transaction, telling `sink` of every node that came, went or had its data set, in
    /// that order. Takes transactions again and again without harm, in ascending order.
    // apache 3.9.5: server/DataTree.java processTxn
    pub fn apply(
        &mut self,
        header: &TxnHeader,
        txn: &Txn<'_>,
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        let applied = self.apply_part(header, txn, sink);
        self.last_zxid = self.last_zxid.max(header.zxid);
        applied
    }

    fn apply_part(
        &mut self,
        header: &TxnHeader,
        txn: &Txn<'_>,
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        match txn {
            Txn::CreateSession(_) | Txn::Check(_) => Applied::Done,
            Txn::Create(..) | Txn::CreateContainer(_) | Txn::CreateTtl(_) => {
                match Create::of(header, txn) {
                    Ok(txn) => self.create(header, &txn, sink),
                    Err(code) => Applied::Failed(code),
                }
            }
            Txn::Delete(_, txn) => self.delete(&txn.path, header.zxid, sink),
            Txn::SetData(_, txn) => self.set_data(header, txn, sink),
            Txn::SetAcl(txn) => self.set_acl(txn),
            Txn::CloseSession(txn) => self.close_session(header, txn.as_ref(), sink),
            Txn::Multi(parts) => self.apply_multi(header, parts, sink),
            Txn::Error(txn) => Applied::Refused(txn.err),
        }
    }

    fn apply_multi(
        &mut self,
        header: &TxnHeader,
        parts: &[Txn<'_>],
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        let refused = parts.iter().any(|part| matches!(part, Txn::Error(_)));
        let apply_or_skip = |part: &Txn<'_>| match part {
            Txn::Error(txn) => Applied::Refused(txn.err),
            _ if refused => Applied::Refused(ErrorCode::Ok.code()),
            _ => self.apply_part(header, part, sink),
        };
        Applied::Multi(parts.iter().map(apply_or_skip).collect())
    }

    fn create(
        &mut self,
        header: &TxnHeader,
        txn: &Create<'_>,
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        let Some((parent_path, name)) = split(txn.path) else {
            return Applied::Failed(ErrorCode::BadArguments);
        };
        let Some(parent) = self.find_id(parent_path) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        let acl = self.acls.add_records(txn.acl);
        // The parent moves even if the node is already there: a snapshot may hold a parent from before
        // and a child from after this. Apache does so for plain creates only, and its servers can
        // differ for good after the others; raising never harms, since it is only ever upwards.
        self.raise_cversion(parent, parent_path, txn.parent_cversion, header.zxid);
        if let Some(existing) = self.find_id(txn.path) {
            self.acls.drop_user(self.nodes.get(existing).meta().acl);
            self.nodes.update(existing, |meta| meta.acl = acl);
            return Applied::Failed(ErrorCode::NodeExists);
        }
        let new = NewNode {
            parent,
            name,
            data: txn.data,
            acl,
            stat: &first_stat(header, txn.owner),
        };
        let id = self.attach(txn.path, &new);
        let stat = self.stat_of(self.nodes.get(id));
        self.quota_created(txn.path, data_len(txn.data));
        let acl = self.acls.get(acl);
        sink.changed(ChangeKind::Created, txn.path, acl, self.acl_of(parent));
        Applied::Created(stat)
    }

    /// A child came: the parent's counter and pzxid, unless they are from later already.
    // apache 3.9.5: server/DataTree.java createNode, setCversionPzxid
    fn raise_cversion(&mut self, parent: NodeId, path: &str, cversion: i32, zxid: i64) {
        let now = self.nodes.get(parent).meta().stat.cversion;
        let cversion = match cversion {
            NEXT_CVERSION => now.wrapping_add(1),
            cversion => cversion,
        };
        if cversion > now {
            self.edit(parent, path, |meta| {
                meta.stat.cversion = cversion;
                meta.stat.pzxid = zxid;
            });
        }
    }

    pub(crate) fn delete(&mut self, path: &str, zxid: i64, sink: &mut dyn ChangeSink) -> Applied {
        let Some((parent_path, _)) = split(path).filter(|_| !is_permanent(path)) else {
            return Applied::Failed(ErrorCode::BadArguments);
        };
        let Some(parent) = self.find_id(parent_path) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        // Even if the node is already missing: a snapshot may hold the parent from before.
        // apache 3.9.5: server/DataTree.java deleteNode
        if zxid > self.nodes.get(parent).meta().stat.pzxid {
            self.edit(parent, parent_path, |meta| meta.stat.pzxid = zxid);
        }
        let Some(id) = self.find_id(path) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        if self.nodes.get(id).meta().children != 0 {
            self.remove_descendants(id, sink);
        }
        self.remove_leaf(id, path, sink);
        Applied::Done
    }

    /// Only replay meets children here: the node was made again later, and they under it, and a
    /// snapshot caught that. They come back when their own transactions are replayed.
    fn remove_descendants(&mut self, of: NodeId, sink: &mut dyn ChangeSink) {
        let below = self.descend(of).skip(1).collect::<Vec<_>>();
        for id in below.into_iter().rev() {
            let path = self.path_of(id);
            self.remove_leaf(id, &path, sink);
        }
    }

    fn remove_leaf(&mut self, id: NodeId, path: &str, sink: &mut dyn ChangeSink) {
        let bytes = data_len(self.nodes.get(id).data());
        let gone = self.detach(id, path);
        self.quota_deleted(path, bytes);
        let acl = self.acls.get(gone.acl);
        sink.changed(ChangeKind::Deleted, path, acl, self.acl_of(gone.parent));
        self.acls.drop_user(gone.acl);
    }

    fn set_data(
        &mut self,
        header: &TxnHeader,
        txn: &SetDataTxn<'_>,
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        let Some(id) = self.find_id(&txn.path) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        let before = data_len(self.nodes.get(id).data());
        self.edit_data(id, &txn.path, txn.data, |meta| {
            meta.stat.mtime = header.time;
            meta.stat.mzxid = header.zxid;
            meta.stat.version = txn.version;
        });
        let stat = self.stat_of(self.nodes.get(id));
        self.quota_changed(&txn.path, 0, data_len(txn.data) - before);
        sink.changed(ChangeKind::DataChanged, &txn.path, self.acl_of(id), &[]);
        Applied::Stat(stat)
    }

    fn set_acl(&mut self, txn: &SetAclTxn<'_>) -> Applied {
        let Some(id) = self.find_id(&txn.path) else {
            return Applied::Failed(ErrorCode::NoNode);
        };
        let acl = self.acls.add_records(txn.acl.as_deref());
        self.acls.drop_user(self.nodes.get(id).meta().acl);
        self.edit(id, &txn.path, |meta| {
            meta.acl = acl;
            meta.stat.aversion = txn.version;
        });
        Applied::Stat(self.stat_of(self.nodes.get(id)))
    }

    /// Deletes what the transaction lists and then what the session still owns, which is nothing
    /// unless the list is missing or the snapshot was taken meanwhile.
    // apache 3.9.5: server/DataTree.java killSession
    fn close_session(
        &mut self,
        header: &TxnHeader,
        txn: Option<&CloseSessionTxn<'_>>,
        sink: &mut dyn ChangeSink,
    ) -> Applied {
        for path in txn.iter().flat_map(|txn| txn.paths.iter().flatten()) {
            self.delete(path, header.zxid, sink);
        }
        for path in self.ephemerals_of(SessionId(header.client_id)) {
            self.delete(&path, header.zxid, sink);
        }
        Applied::Done
    }

    /// Removes the ephemeral nodes of all sessions that are not `alive`, as a server does at its start,
    /// before it serves anyone: a local change without a transaction. `zxid` is the last processed
    /// one. Returns the paths removed.
    // apache 3.9.5: server/ZooKeeperServer.java loadData
    pub fn remove_orphans(&mut self, alive: impl Fn(SessionId) -> bool, zxid: i64) -> Vec<String> {
        let dead = self.ephemerals.owners().filter(|owner| !alive(*owner));
        let paths = dead.flat_map(|owner| self.ephemerals_of(owner));
        let paths = paths.collect::<Vec<_>>();
        for path in &paths {
            self.delete(path, zxid, &mut ());
        }
        paths
    }

    fn acl_of(&self, id: NodeId) -> &[Acl] {
        self.acls.get(self.nodes.get(id).meta().acl)
    }
}

impl<'a> Create<'a> {
    fn of(header: &TxnHeader, txn: &'a Txn<'a>) -> Result<Self, ErrorCode> {
        Ok(match txn {
            Txn::Create(_, txn) => Create {
                path: &txn.path,
                data: txn.data,
                acl: txn.acl.as_deref(),
                owner: if txn.ephemeral { header.client_id } else { 0 },
                parent_cversion: txn.parent_cversion,
            },
            Txn::CreateContainer(txn) => Create {
                path: &txn.path,
                data: txn.data,
                acl: txn.acl.as_deref(),
                owner: Owner::Container.bits(),
                parent_cversion: txn.parent_cversion,
            },
            Txn::CreateTtl(txn) if (1..=TTL_MILLIS_MAX).contains(&txn.ttl) => Create {
                path: &txn.path,
                data: txn.data,
                acl: txn.acl.as_deref(),
                owner: Owner::Ttl(txn.ttl).bits(),
                parent_cversion: txn.parent_cversion,
            },
            _ => return Err(ErrorCode::BadArguments),
        })
    }
}

fn first_stat(header: &TxnHeader, owner: i64) -> NodeStat {
    NodeStat {
        czxid: header.zxid,
        mzxid: header.zxid,
        ctime: header.time,
        mtime: header.time,
        ephemeral_owner: owner,
        pzxid: header.zxid,
        ..NodeStat::default()
    }
}

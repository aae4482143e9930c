//! Snapshot records, then log records, folded into a [`State`]. Records are handed in; where they come
//! from is not known here.

use crate::pipeline::State;
use crate::proto::txn::{LoggedTxn, Txn};
use crate::session::Sessions;
use crate::tree::{LoadError, Loader, Tree, TreeOptions};
use crate::types::{Acl, Millis, NodeStat, SessionId, Zxid};

/// What a recovery has gathered so far.
#[derive(Debug)]
pub struct Recovery {
    options: TreeOptions,
    now: Millis,
    sessions: Sessions,
    stage: Stage,
    last_zxid: Zxid,
    /// Digest of the snapshot and the transaction it belongs to, until the replay has reached that.
    snapshot_digest: Option<(Zxid, i64)>,
    digest_mismatches: u64,
}

#[derive(Debug)]
enum Stage {
    /// Nodes come from a snapshot.
    Loading(Box<Loader>),
    /// Transactions come from logs.
    Replaying(Box<Tree>),
}

impl Recovery {
    /// An empty state. Sessions live on from `now`, by the monotonic clock.
    pub fn new(options: TreeOptions, tick_ms: i32, now: Millis) -> Self {
        Recovery {
            options,
            now,
            sessions: Sessions::new(tick_ms),
            stage: Stage::Loading(Box::new(Loader::new(options))),
            last_zxid: Zxid::ZERO,
            snapshot_digest: None,
            digest_mismatches: 0,
        }
    }

    /// Starts over, with a snapshot taken at this transaction.
    pub fn begin(&mut self, tick_ms: i32, zxid: Zxid) {
        let digest_mismatches = self.digest_mismatches;
        *self = Recovery::new(self.options, tick_ms, self.now);
        (self.last_zxid, self.digest_mismatches) = (zxid, digest_mismatches);
    }

    /// Adds a session of the snapshot.
    pub fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.open(id, timeout_ms, self.now);
    }

    /// Adds an access list of the snapshot.
    pub fn acl(&mut self, number: i64, list: &[Acl]) {
        self.loader().acl(number, list);
    }

    fn loader(&mut self) -> &mut Loader {
        match &mut self.stage {
            Stage::Loading(loader) => loader,
            Stage::Replaying(_) => unreachable!("a snapshot is read before the logs"),
        }
    }

    /// Adds a node of the snapshot.
    ///
    /// # Errors
    /// When it cannot be part of a tree.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: &NodeStat,
    ) -> Result<(), LoadError> {
        self.loader().node(path, data, acl, stat)
    }

    /// The snapshot is complete; its digest is that of the tree at the transaction named with it.
    pub fn loaded(&mut self, digest: Option<(Zxid, i64)>) {
        self.replaying();
        self.snapshot_digest =
            digest.filter(|(zxid, _)| *zxid >= self.last_zxid && *zxid > Zxid::ZERO);
        self.compare_snapshot_digest();
    }

    fn replaying(&mut self) -> &mut Tree {
        if let Stage::Loading(loader) = &mut self.stage {
            let empty = Box::new(Loader::new(self.options));
            let tree = std::mem::replace(loader, empty).finish();
            self.stage = Stage::Replaying(Box::new(tree));
        }
        match &mut self.stage {
            Stage::Replaying(tree) => tree,
            Stage::Loading(_) => unreachable!("the stage was just changed"),
        }
    }

    /// Replays a transaction. Failures of single changes are part of replaying onto a fuzzy snapshot.
    pub fn txn(&mut self, logged: &LoggedTxn<'_>) {
        let session = SessionId(logged.header.client_id);
        match &logged.txn {
            Txn::CreateSession(txn) => self.sessions.open(session, txn.timeout_ms, self.now),
            Txn::CloseSession(_) => {
                self.sessions.close(session);
            }
            _ => {}
        }
        self.replaying().apply(&logged.header, &logged.txn, &mut ());
        self.last_zxid = self.last_zxid.max(Zxid(logged.header.zxid));
        if self.snapshot_digest.is_some() {
            self.compare_snapshot_digest();
        } else if let Some(digest) = &logged.digest {
            self.compare("transaction", digest.tree_digest);
        }
    }

    fn compare_snapshot_digest(&mut self) {
        if let Some((zxid, digest)) = self
            .snapshot_digest
            .filter(|(zxid, _)| *zxid <= self.last_zxid)
        {
            self.snapshot_digest = None;
            if zxid == self.last_zxid {
                self.compare("snapshot", digest);
            }
        }
    }

    /// A digest that does not match is loud but never stops a recovery: it can be off by a transaction.
    fn compare(&mut self, of: &str, expected: i64) {
        let (on, last_zxid) = (self.options.digest, self.last_zxid);
        let actual = self.replaying().digest();
        if on && expected != actual {
            self.digest_mismatches += 1;
            tracing::warn!(
                "Digests are not matching. Value is Zxid. {last_zxid}: {of} says {expected}, the tree {actual}"
            );
        }
    }

    /// The recovered state of a standalone server. Ephemeral nodes of sessions that are gone are removed;
    /// the others have their full timeout from `now`, however long the recovery took.
    pub fn finish(self, now: Millis) -> State {
        let mut state = self.finish_as_is(now);
        let sessions = &state.sessions;
        let is_open = |session| sessions.is_open(session);
        let orphans = state.tree.remove_orphans(is_open, state.last_zxid.0);
        for path in &orphans {
            tracing::info!("removed the ephemeral node {path}: its session is gone");
        }
        state
    }

    /// The recovered state of a member of an ensemble: nothing goes from it that does not go from the others'.
    /// Sessions have their full timeout from `now`.
    pub fn finish_as_is(mut self, now: Millis) -> State {
        self.replaying();
        let Stage::Replaying(tree) = self.stage else {
            unreachable!("the stage was just changed")
        };
        let mut sessions = self.sessions;
        sessions.restart(now);
        State {
            tree: *tree,
            sessions,
            last_zxid: self.last_zxid,
        }
    }

    /// The last transaction so far.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }
}

#[cfg(test)]
mod tests;

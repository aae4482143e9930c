//! From records to a state: feeds what storage reads, or a leader sends, into a [`Recovery`].

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

use crate::config::Config;
use crate::net::peer::{SnapshotPort, SnapshotSink};
use crate::pipeline::State;
use crate::proto::disk::NodeRecord;
use crate::proto::shared;
use crate::proto::shared::Acl;
use crate::proto::txn::LoggedTxn;
use crate::replica::Recovery;
use crate::server::{clock, entropy, settings};
use crate::storage::disk::Disk;
use crate::storage::format::snapshot::{SnapshotSummary, SnapshotVisitor};
use crate::storage::layout::DataDirs;
use crate::storage::recent::RecentTxns;
use crate::storage::recover::{RecoverError, RecoverOptions, Recovered, RecoveryVisitor, read_all};
use crate::storage::truncate::{self, TruncateError};
use crate::tree::TreeOptions;
use crate::types::{NodeStat, SessionId, Zxid};

pub use crate::storage::recover::RecoverError as RecoveryError;

/// How states are built.
#[derive(Debug, Clone)]
pub struct Recoverer {
    tree: TreeOptions,
    tick_ms: i32,
    options: RecoverOptions,
    /// The last so many transactions are kept.
    recent_max: usize,
    /// Nothing is tidied up that all members must tidy up together.
    is_member: bool,
}

/// A state and the last transactions that led to it.
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) recovered: Recovered,
    pub(super) recent: Vec<(Zxid, Bytes)>,
}

struct Visitor {
    recovery: Recovery,
    tick_ms: i32,
    recent: RecentTxns,
}

impl SnapshotVisitor for Visitor {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.recovery.session(id, timeout_ms);
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.recovery.acl(number, &shared::acl_words(list));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        let stat = NodeStat::from(node.stat.clone());
        let added = self.recovery.node(&node.path, node.data, node.acl, &stat);
        added.map_err(|error| error.to_string())
    }
}

impl RecoveryVisitor for Visitor {
    fn begin(&mut self, zxid: Zxid) {
        self.recovery.begin(self.tick_ms, zxid);
        self.recent.clear();
    }

    fn loaded(&mut self, summary: &SnapshotSummary) {
        let digest = summary.digest.as_ref();
        self.recovery
            .loaded(digest.map(|digest| (Zxid(digest.zxid), digest.digest)));
    }

    fn txn(&mut self, body: &[u8], txn: &LoggedTxn<'_>) {
        self.recovery.txn(txn);
        self.recent.push(Zxid(txn.header.zxid), body);
    }
}

impl Recoverer {
    /// With these settings. Transactions are kept for members of an ensemble only.
    pub(super) fn of(config: &Config) -> Self {
        let recent_max = match config.is_ensemble() {
            true => usize::try_from(config.quorum.commit_log_count).unwrap_or(usize::MAX),
            false => 0,
        };
        Recoverer {
            tree: TreeOptions {
                digest: config.storage.digest_enabled,
                owner_rules: settings::owner_rules(config),
                hash_seed: entropy::random(),
            },
            tick_ms: i32::try_from(config.timing.tick_time_ms).unwrap_or(i32::MAX),
            options: settings::recover_options(config),
            recent_max,
            is_member: config.is_ensemble(),
        }
    }

    fn finish(&self, recovery: Recovery) -> State {
        let now = clock::monotonic();
        match self.is_member {
            true => recovery.finish_as_is(now),
            false => recovery.finish(now),
        }
    }

    /// What keeps the last `recent_max` transactions besides.
    fn visitor(&self, recent_max: usize) -> Visitor {
        Visitor {
            recovery: Recovery::new(self.tree, self.tick_ms, clock::monotonic()),
            tick_ms: self.tick_ms,
            recent: RecentTxns::new(recent_max),
        }
    }

    /// Recovers the state from the data directories.
    ///
    /// # Errors
    /// When what is there is broken beyond what a crash can do.
    pub(super) fn recover(&self, disk: &dyn Disk, dirs: &DataDirs) -> Result<Loaded, RecoverError> {
        let mut visitor = self.visitor(self.recent_max);
        let recovered = read_all(disk, dirs, &self.options, &mut visitor)?;
        Ok(Loaded {
            state: self.finish(visitor.recovery),
            recovered,
            recent: visitor.recent.into_backlog(),
        })
    }

    /// Forgets everything after a transaction; returns the state at it, or at the last one before it.
    ///
    /// # Errors
    /// When what is on disk does not lead there.
    pub(super) fn truncate(
        &self,
        disk: &dyn Disk,
        dirs: &DataDirs,
        to: Zxid,
    ) -> Result<State, TruncateError> {
        let mut visitor = self.visitor(0);
        truncate::truncate(disk, dirs, &self.options, to, &mut visitor)?;
        Ok(self.finish(visitor.recovery))
    }
}

/// Where a leader's snapshot becomes a state, kept aside until it is wanted.
#[derive(Debug)]
pub(super) struct Received {
    recoverer: Recoverer,
    kept: Mutex<Option<State>>,
}

struct Sink {
    received: Arc<Received>,
    visitor: Visitor,
}

/// [`Received`] as the peers thread sees it.
pub(super) struct Receiver(pub(super) Arc<Received>);

impl Received {
    pub(super) fn new(recoverer: Recoverer) -> Self {
        Received {
            recoverer,
            kept: Mutex::new(None),
        }
    }

    /// The state of the last snapshot that came whole.
    pub(super) fn take(&self) -> Option<State> {
        self.kept.lock().take()
    }
}

impl SnapshotPort for Receiver {
    fn begin(&self, zxid: Zxid) -> Box<dyn SnapshotSink> {
        drop(self.0.take());
        let mut visitor = self.0.recoverer.visitor(0);
        visitor.begin(zxid);
        Box::new(Sink {
            received: Arc::clone(&self.0),
            visitor,
        })
    }
}

impl SnapshotVisitor for Sink {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.visitor.session(id, timeout_ms);
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.visitor.acl_list(number, list);
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        self.visitor.node(node)
    }
}

impl SnapshotSink for Sink {
    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.visitor.recovery.loaded(None);
        let state = self.received.recoverer.finish(self.visitor.recovery);
        *self.received.kept.lock() = Some(state);
        Ok(())
    }
}

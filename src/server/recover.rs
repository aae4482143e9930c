//! From files to a state: feeds what storage reads into a [`Recovery`].

use std::sync::Arc;

use crate::config::Config;
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
use crate::storage::recover::{RecoverError, RecoverOptions, Recovered, RecoveryVisitor, read_all};
use crate::tree::TreeOptions;
use crate::types::{NodeStat, SessionId, Zxid};

pub use crate::storage::recover::RecoverError as RecoveryError;

struct Visitor {
    recovery: Recovery,
    tick_ms: i32,
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
    }

    fn loaded(&mut self, summary: &SnapshotSummary) {
        let digest = summary.digest.as_ref();
        self.recovery
            .loaded(digest.map(|digest| (Zxid(digest.zxid), digest.digest)));
    }

    fn txn(&mut self, _body: &[u8], txn: &LoggedTxn<'_>) {
        self.recovery.txn(txn);
    }
}

/// Recovers the state from the data directories.
///
/// # Errors
/// When what is there is broken beyond what a crash can do.
pub(super) fn recover(
    config: &Config,
    disk: &Arc<dyn Disk>,
    dirs: &DataDirs,
) -> Result<(State, Recovered), RecoverError> {
    let options = TreeOptions {
        digest: config.storage.digest_enabled,
        owner_rules: settings::owner_rules(config),
        hash_seed: entropy::random(),
    };
    let tick_ms = i32::try_from(config.timing.tick_time_ms).unwrap_or(i32::MAX);
    let mut visitor = Visitor {
        recovery: Recovery::new(options, tick_ms, clock::monotonic()),
        tick_ms,
    };
    let recover_options = RecoverOptions {
        trust_empty: config.storage.snapshot_trust_empty,
        ..RecoverOptions::default()
    };
    let recovered = read_all(disk.as_ref(), dirs, &recover_options, &mut visitor)?;
    Ok((visitor.recovery.finish(clock::monotonic()), recovered))
}

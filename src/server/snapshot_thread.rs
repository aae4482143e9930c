//! The housekeeper of files: writes snapshots while serving goes on, and purges what is no longer needed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pipeline::State;
use crate::proto::disk::DigestSection;
use crate::server::mailbox::Mailbox;
use crate::server::shared::Shared;
use crate::storage::disk::Disk;
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::{DIGEST_VERSION, Sections};
use crate::storage::purge;
use crate::storage::snapshots::{SnapshotError, SnapshotWriter};
use crate::tree::walk::SnapshotWalk;
use crate::types::limits;
use crate::types::{Acl, SessionId, Zxid};

/// What the housekeeper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotOrder {
    /// Write a snapshot of what is applied now.
    Take,
    /// End.
    Stop,
}

/// `autopurge.*`.
#[derive(Debug, Clone, Copy)]
pub struct PurgePolicy {
    /// Snapshots to keep.
    pub retain: usize,
    /// Between purges.
    pub interval: Duration,
}

/// The housekeeper's thread, before it runs.
pub struct SnapshotThread {
    /// What threads share.
    pub shared: Arc<Shared>,
    /// Where orders arrive.
    pub mailbox: Arc<Mailbox<SnapshotOrder>>,
    /// How snapshots are written.
    pub snapshots: Snapshots,
    /// `dataLogDir/version-2`.
    pub log_dir: PathBuf,
    /// When and what to purge; `None` never.
    pub purge: Option<PurgePolicy>,
}

/// How and where snapshots are written.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// `dataDir/version-2`.
    pub dir: PathBuf,
    /// `snapshot.compression.method`.
    pub compression: Compression,
    /// `zookeeper.digest.enabled`: whether the digest section is written.
    pub digests: bool,
    /// `zookeeper.serializeLastProcessedZxid.enabled`: whether the zxid section is written.
    pub zxid_section: bool,
}

const FOREVER: Duration = Duration::from_secs(3600);

impl SnapshotThread {
    /// Runs until told to stop.
    ///
    /// # Errors
    /// When a snapshot cannot be written: the disk is full or broken, and the server must end before
    /// its log is the only thing left.
    pub fn run(self) -> Result<(), SnapshotError> {
        let mut next_purge = self.purge.map(|_| Instant::now());
        let mut orders = Vec::new();
        loop {
            let patience =
                next_purge.map_or(FOREVER, |at| at.saturating_duration_since(Instant::now()));
            self.mailbox.take(&mut orders, patience);
            let stop = orders.contains(&SnapshotOrder::Stop);
            if orders.contains(&SnapshotOrder::Take) {
                self.snapshots.take(&self.shared)?;
            }
            orders.clear();
            if stop {
                return Ok(());
            }
            if let (Some(at), Some(policy)) = (next_purge, self.purge)
                && at <= Instant::now()
            {
                self.purge(policy);
                next_purge = Some(Instant::now() + policy.interval);
            }
        }
    }

    fn purge(&self, policy: PurgePolicy) {
        tracing::info!("Purge task started.");
        let disk = self.snapshots.disk.as_ref();
        match purge::purge(disk, &self.snapshots.dir, &self.log_dir, policy.retain) {
            Ok(removed) => tracing::info!("Purge task completed: {} files removed.", removed.len()),
            Err(error) => {
                tracing::error!("Purge failed, tried again at the next interval: {error}")
            }
        }
    }
}

impl Snapshots {
    /// Writes a snapshot of the shared state; serving goes on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn take(&self, shared: &Shared) -> Result<(), SnapshotError> {
        let started = Instant::now();
        let (mut walk, opening) = Opening::start(&mut shared.state.write());
        let written = self.write(shared, &mut walk, opening);
        walk.finish(&mut shared.state.write().tree);
        written?;
        shared.stats.snapshot_ms.add_time(started.elapsed());
        tracing::info!("Snapshot taken in {} ms", started.elapsed().as_millis());
        Ok(())
    }

    fn write(
        &self,
        shared: &Shared,
        walk: &mut SnapshotWalk,
        opening: Opening,
    ) -> Result<(), SnapshotError> {
        let disk = Arc::clone(&self.disk);
        let mut writer = SnapshotWriter::create(disk, &self.dir, opening.zxid, self.compression)?;
        tracing::info!(
            "Snapshotting: {} to {}",
            opening.zxid,
            writer.path().display()
        );
        writer.sessions(&opening.sessions);
        let lists = opening
            .acls
            .iter()
            .map(|(number, list)| (*number, list.as_slice()));
        writer.acl_lists(&lists.collect::<Vec<_>>());
        loop {
            let more = {
                let state = shared.state.read();
                walk.next_slice(
                    &state.tree,
                    limits::SNAPSHOT_SLICE_NODES,
                    &mut |path, node| {
                        writer.node(path, node.data(), node.acl_id(), node.persisted());
                    },
                )
            };
            writer.write_out()?;
            if !more {
                break;
            }
        }
        writer.finish(&Sections {
            digest: self.digests.then_some(opening.digest),
            zxid: self.zxid_section.then_some(opening.zxid),
        })?;
        Ok(())
    }
}

/// The parts of a snapshot that stand before and behind its nodes, all of one moment: the one in which
/// the walk started.
struct Opening {
    zxid: Zxid,
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    digest: DigestSection,
}

impl Opening {
    fn start(state: &mut State) -> (SnapshotWalk, Opening) {
        let walk = SnapshotWalk::start(&mut state.tree);
        let zxid = state.last_zxid;
        let acls = walk
            .acls(&state.tree)
            .into_iter()
            .map(|(number, list)| (number, list.to_vec()));
        // Apache writes zeros while nothing was processed.
        let digest = if zxid == Zxid::ZERO {
            0
        } else {
            state.tree.digest()
        };
        let opening = Opening {
            zxid,
            sessions: state.sessions.iter().collect(),
            acls: acls.collect(),
            digest: DigestSection {
                zxid: zxid.0,
                version: DIGEST_VERSION,
                digest,
            },
        };
        (walk, opening)
    }
}

#[cfg(test)]
mod tests;

//! The housekeeper of files: writes snapshots while serving goes on, and purges what is no longer needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consensus::{Outcome, Task};
use crate::server::error::ServerError;
use crate::server::line::Letter;
use crate::server::mailbox::Mailbox;
use crate::server::recover::Recoverer;
use crate::server::shared::Shared;
use crate::server::walk::{Opening, SharedWalk, Slice};
use crate::storage::disk::Disk;
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::layout::DataDirs;
use crate::storage::purge;
use crate::storage::snapshots::{SnapshotError, SnapshotWriter};
use crate::types::Zxid;

/// What the housekeeper is told.
#[derive(Debug)]
pub enum SnapshotOrder {
    /// Write a snapshot of what is applied now.
    Take,
    /// Write the snapshot that was begun; the line waits for it.
    Write(Task, SharedWalk, Box<Opening>),
    /// Change what the disk says has happened; the log is closed meanwhile, and the line waits for it.
    Rewrite(Task, Rewrite),
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
    /// Told what is done.
    pub line: Arc<Mailbox<Letter>>,
    /// How snapshots are written.
    pub snapshots: Snapshots,
    /// How what is on disk becomes a state.
    pub recoverer: Recoverer,
    /// When and what to purge; `None` never.
    pub purge: Option<PurgePolicy>,
}

/// A change of what the disk says has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// Everything after this transaction is forgotten.
    Truncate(Zxid),
    /// The shared state, which came from elsewhere and stands at this transaction, takes the place of
    /// whatever was there after it.
    Install(Zxid),
}

/// How and where snapshots are written.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// Where snapshots and logs are.
    pub dirs: DataDirs,
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
    /// its log is the only thing left. When the history cannot be rewritten.
    pub fn run(self) -> Result<(), ServerError> {
        let mut next_purge = self.purge.map(|_| Instant::now());
        let mut orders = Vec::new();
        loop {
            let patience =
                next_purge.map_or(FOREVER, |at| at.saturating_duration_since(Instant::now()));
            self.mailbox.take(&mut orders, patience);
            let takes = |order: &SnapshotOrder| matches!(order, SnapshotOrder::Take);
            orders.dedup_by(|next, before| takes(next) && takes(before));
            for order in orders.drain(..) {
                match order {
                    SnapshotOrder::Take => drop(self.snapshots.take(&self.shared)?),
                    SnapshotOrder::Write(task, walk, opening) => {
                        if self.snapshots.keep(&self.shared, walk, &opening)? {
                            self.line.send(Letter::Done(task, Outcome::Saved));
                        }
                    }
                    SnapshotOrder::Rewrite(task, rewrite) => self.rewrite(task, rewrite)?,
                    SnapshotOrder::Stop => return Ok(()),
                }
            }
            if let (Some(at), Some(policy)) = (next_purge, self.purge)
                && at <= Instant::now()
            {
                self.purge(policy);
                next_purge = Some(Instant::now() + policy.interval);
            }
        }
    }

    /// No snapshot is written meanwhile, and nothing is purged: both are this thread's.
    fn rewrite(&self, task: Task, rewrite: Rewrite) -> Result<(), ServerError> {
        let snapshots = &self.snapshots;
        match rewrite {
            Rewrite::Truncate(to) => {
                let state = self
                    .recoverer
                    .truncate(&*snapshots.disk, &snapshots.dirs, to)?;
                self.line.send(Letter::Truncated(task, Box::new(state)));
            }
            Rewrite::Install(to) => {
                snapshots.install(&self.shared, to)?;
                self.line.send(Letter::Installed(task, to));
            }
        }
        Ok(())
    }

    fn purge(&self, policy: PurgePolicy) {
        tracing::info!("Purge task started.");
        let disk = self.snapshots.disk.as_ref();
        let dirs = &self.snapshots.dirs;
        match purge::purge(disk, &dirs.snap, &dirs.log, policy.retain) {
            Ok(removed) => tracing::info!("Purge task completed: {} files removed.", removed.len()),
            Err(error) => {
                tracing::error!("Purge failed, tried again at the next interval: {error}")
            }
        }
    }
}

impl Snapshots {
    /// Writes a snapshot of the shared state; serving goes on. False when it was broken off, because the
    /// history that it belongs to was given up.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn take(&self, shared: &Arc<Shared>) -> Result<bool, SnapshotError> {
        let (walk, opening) = SharedWalk::start(shared);
        self.keep(shared, walk, &opening)
    }

    fn keep(
        &self,
        shared: &Shared,
        walk: SharedWalk,
        opening: &Opening,
    ) -> Result<bool, SnapshotError> {
        let started = Instant::now();
        let written = match self.write(walk, opening) {
            Err(error) if error.is_withdrawn() => None,
            written => written?,
        };
        let Some(writer) = written else {
            tracing::info!("Snapshot {} is broken off", opening.zxid);
            return Ok(false);
        };
        writer.finish(&self.sections(opening))?;
        shared.stats.snapshot_ms.add_time(started.elapsed());
        tracing::info!("Snapshot taken in {} ms", started.elapsed().as_millis());
        Ok(true)
    }

    /// Puts the shared state in the place of whatever is on disk after `to`, the transaction it stands at.
    /// Nobody changes the state meanwhile.
    ///
    /// # Errors
    /// When the disk refuses.
    fn install(&self, shared: &Arc<Shared>, to: Zxid) -> Result<(), ServerError> {
        let (walk, opening) = SharedWalk::start(shared);
        assert_eq!(opening.zxid, to, "what is installed is the state itself");
        let writer = self.write(walk, &opening)?;
        let writer = writer.expect("a state that waits to be durable has one history");
        writer.install(&self.sections(&opening), &self.dirs)?;
        Ok(())
    }

    /// `None` when the walk breaks off.
    fn write(
        &self,
        mut walk: SharedWalk,
        opening: &Opening,
    ) -> Result<Option<SnapshotWriter>, SnapshotError> {
        let (disk, dir) = (Arc::clone(&self.disk), &self.dirs.snap);
        let mut writer = SnapshotWriter::create(disk, dir, opening.zxid, self.compression)?;
        tracing::info!(
            "Snapshotting: {} to {}",
            opening.zxid,
            writer.path().display()
        );
        writer.sessions(&opening.sessions);
        writer.acl_lists(&opening.acl_lists());
        loop {
            let slice = walk.next_slice(&mut |path, node| {
                writer.node(path, node.data(), node.acl_id(), node.persisted());
            });
            writer.write_out()?;
            match slice {
                Slice::More => {}
                Slice::Last => return Ok(Some(writer)),
                Slice::Broken => return Ok(None),
            }
        }
    }

    fn sections(&self, opening: &Opening) -> Sections {
        Sections {
            digest: self.digests.then(|| opening.digest.clone()),
            zxid: self.zxid_section.then_some(opening.zxid),
        }
    }
}

#[cfg(test)]
mod tests;

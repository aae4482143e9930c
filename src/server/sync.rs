//! Learners are brought up to date: a snapshot, or a range of the log, streamed to each by a thread of its
//! own that ends with it. A slow learner keeps nobody else waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use crate::consensus::{Outcome, Task};
use crate::net::peer::{LinkGone, Stream};
use crate::proto::peer::ToLearner;
use crate::server::line::Letter;
use crate::server::mailbox::Mailbox;
use crate::server::walk::{Opening, SharedWalk, Slice};
use crate::storage::disk::Disk;
use crate::storage::format::snap_stream::SnapStreamEncoder;
use crate::storage::layout::DataDirs;
use crate::storage::range::LogRange;
use crate::types::Zxid;
use crate::types::limits;

/// Starts such threads.
#[derive(Debug, Clone)]
pub struct Syncs {
    /// Told how they end.
    pub line: Arc<Mailbox<Letter>>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// Where logs and snapshots are.
    pub dirs: DataDirs,
    /// `snapshotSizeFactor`; negative: never from the log.
    pub size_factor: f64,
    /// Where the log was found broken last.
    pub broken: Arc<Break>,
}

/// The last transaction in front of a place at which the log could not be read on. Who needs what lies behind it gets
/// a snapshot: once more from the log would come to the same end.
#[derive(Debug)]
pub struct Break(AtomicI64);

impl Default for Break {
    fn default() -> Self {
        Break(AtomicI64::new(i64::MAX))
    }
}

impl Break {
    fn note(&self, last: Zxid) {
        self.0.store(last.0, Ordering::Relaxed);
    }

    fn lies_in(&self, after: Zxid, upto: Zxid) -> bool {
        (after.0..upto.0).contains(&self.0.load(Ordering::Relaxed))
    }
}

impl Syncs {
    /// Sends a snapshot; `to` names the learner for the log.
    pub(super) fn send_snapshot(
        &self,
        stream: Stream,
        (walk, opening): (SharedWalk, Opening),
        task: Task,
        to: String,
    ) {
        let line = Arc::clone(&self.line);
        start(move || {
            let zxid = opening.zxid;
            tracing::info!(
                "Sending snapshot last zxid of peer sid: {to}, zxid of leader is {zxid}"
            );
            match snapshot(stream, walk, &opening) {
                Ok(true) => {
                    tracing::info!("Sent the snapshot {zxid} to peer sid: {to}");
                    line.send(Letter::Done(task, Outcome::At(zxid)));
                }
                // The learner's connection is cut, of which the line hears.
                Ok(false) => tracing::info!("The snapshot {zxid} for peer sid: {to} is broken off"),
                Err(LinkGone) => {
                    tracing::info!("Peer sid: {to} has gone while it was sent a snapshot")
                }
            }
        });
    }

    /// Sends the transactions of a range of the log, each with its commit, behind `DIFF` with the zxid
    /// `diff` if there is one.
    pub(super) fn send_log(
        &self,
        mut stream: Stream,
        diff: Option<Zxid>,
        (after, upto): (Zxid, Zxid),
        task: Task,
        to: String,
    ) {
        let this = self.clone();
        start(move || {
            let Some(range) = this.range(after, upto, &to) else {
                stream.withdraw();
                this.line.send(Letter::Done(task, Outcome::Unavailable));
                return;
            };
            tracing::info!("Sending peer sid: {to} what is in the log after {after}, up to {upto}");
            match log(&mut stream, diff, range, &this.broken) {
                Ok(last) => {
                    stream.finish();
                    this.line.send(Letter::Done(task, Outcome::Streamed(last)));
                }
                // The learner's connection is cut, of which the line hears.
                Err(why) => tracing::warn!("Peer sid: {to} is not sent the rest: {why}"),
            }
        });
    }

    /// `None`: the log is not to be sent.
    fn range(&self, after: Zxid, upto: Zxid, to: &str) -> Option<LogRange> {
        if self.broken.lies_in(after, upto) {
            tracing::warn!("Peer sid: {to} is not sent the log, which is broken behind {after}");
            return None;
        }
        let disk = Arc::clone(&self.disk);
        let range = LogRange::open(disk, &self.dirs, after, upto, self.size_factor);
        range.unwrap_or_else(|error| {
            tracing::warn!("Peer sid: {to} gets nothing out of the log: {error}");
            None
        })
    }
}

fn start(sync: impl FnOnce() + Send + 'static) {
    let started = thread::Builder::new().name("sync".to_owned()).spawn(sync);
    if let Err(error) = started {
        // The stream is dropped with the thread that did not start: the learner's connection ends.
        tracing::error!("cannot start a thread to synchronise a learner: {error}");
    }
}

/// False when the history was given up meanwhile.
fn snapshot(mut stream: Stream, mut walk: SharedWalk, opening: &Opening) -> Result<bool, LinkGone> {
    stream.packet(&ToLearner::Snap(opening.zxid))?;
    let mut encoder = SnapStreamEncoder::default();
    encoder.sessions(&opening.sessions);
    encoder.acl_lists(&opening.acl_lists());
    loop {
        let slice = walk.next_slice(&mut |path, node| {
            encoder.node(path, node.data(), node.acl_id(), node.persisted());
        });
        match slice {
            Slice::More => {}
            Slice::Last => encoder.end(),
            Slice::Broken => return Ok(false),
        }
        encoder.drain(|bytes| stream.write(bytes))?;
        if slice == Slice::Last {
            stream.finish();
            return Ok(true);
        }
    }
}

/// Why a range did not reach its learner.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error("it has gone")]
    Gone,
    #[error("{0}")]
    Log(#[from] crate::storage::range::RangeError),
}

/// Returns the last transaction sent.
fn log(
    stream: &mut Stream,
    diff: Option<Zxid>,
    mut range: LogRange,
    broken: &Break,
) -> Result<Zxid, Unsent> {
    if let Some(zxid) = diff {
        let sent = stream.packet(&ToLearner::Diff(zxid));
        sent.map_err(|LinkGone| Unsent::Gone)?;
    }
    loop {
        let mut packets = Vec::new();
        let more = range.next_batch(limits::LINK_STREAM_BYTES, &mut |zxid, body| {
            ToLearner::append_proposal(zxid, body, &mut packets);
            ToLearner::Commit(zxid).append(&mut packets);
        });
        let more = more.inspect_err(|_| broken.note(range.last()))?;
        let sent = stream.write(&packets);
        sent.map_err(|LinkGone| Unsent::Gone)?;
        if !more {
            return Ok(range.last());
        }
    }
}

//! Learners are brought up to date: a snapshot, or a range of the log, streamed to each by a thread of its
//! own that ends with it. A slow learner keeps nobody else waiting.

use std::sync::Arc;
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
            let range = LogRange::open(
                Arc::clone(&this.disk),
                &this.dirs,
                after,
                upto,
                this.size_factor,
            );
            let range = range.unwrap_or_else(|error| {
                tracing::warn!("Peer sid: {to} gets nothing out of the log: {error}");
                None
            });
            let Some(range) = range else {
                stream.withdraw();
                this.line.send(Letter::Done(task, Outcome::Unavailable));
                return;
            };
            tracing::info!("Sending peer sid: {to} what is in the log after {after}, up to {upto}");
            match log(&mut stream, diff, range) {
                Ok(last) => {
                    stream.finish();
                    this.line.send(Letter::Done(task, Outcome::Streamed(last)));
                }
                // The learner's connection is cut, of which the line hears.
                Err(why) => tracing::warn!("Peer sid: {to} is not sent the rest: {why}"),
            }
        });
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
fn log(stream: &mut Stream, diff: Option<Zxid>, mut range: LogRange) -> Result<Zxid, Unsent> {
    if let Some(zxid) = diff {
        let sent = stream.packet(&ToLearner::Diff(zxid));
        sent.map_err(|LinkGone| Unsent::Gone)?;
    }
    loop {
        let mut packets = Vec::new();
        let more = range.next_batch(limits::LINK_STREAM_BYTES, &mut |zxid, body| {
            ToLearner::append_proposal(zxid, body, &mut packets);
            ToLearner::Commit(zxid).append(&mut packets);
        })?;
        let sent = stream.write(&packets);
        sent.map_err(|LinkGone| Unsent::Gone)?;
        if !more {
            return Ok(range.last());
        }
    }
}

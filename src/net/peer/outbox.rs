//! The part of a connection between servers that several threads see: what is to be sent, in order, and
//! how much of what it brought is still unread.
//!
//! A *stream* is a stretch of that order which another thread writes, at the pace of the peer:
//!
//! ```text
//! ready | stream, open | what was sent behind it | next stream | what was sent behind that
//!       ^ written here until it is finished; then the rest moves up
//! ```

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::net::peer::bell::Bell;
use crate::types::LinkId;
use crate::types::limits;

/// Why a connection is ended from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    /// The server does not want it any more.
    #[error("closed by this server")]
    Wanted,
    /// The peer does not read.
    #[error("it left {0} bytes unread")]
    Unread(usize),
    /// A snapshot or a range of the log could not be written to its end.
    #[error("what was being streamed to it ended early")]
    HalfStream,
    /// It never said anything, and others want in.
    #[error("it has not said anything, and there are too many like it")]
    Silent,
}

/// A stream of somebody else's, and what was sent after it was opened.
#[derive(Debug)]
struct Section {
    stream: u64,
    is_over: bool,
    behind: Vec<u8>,
}

#[derive(Debug, Default)]
struct Inner {
    ready: Vec<u8>,
    sections: VecDeque<Section>,
    /// Bytes in all of `sections`.
    held: usize,
    next_stream: u64,
    cut: Option<Cut>,
    /// The peers thread has been told and has not looked yet.
    is_marked: bool,
}

impl Inner {
    /// Moves up what no open stream holds back.
    fn advance(&mut self) {
        while self.sections.front().is_some_and(|first| first.is_over) {
            let mut first = self.sections.pop_front().expect("it was looked at");
            self.held -= first.behind.len();
            append(&mut self.ready, &mut first.behind);
        }
    }
}

/// Moves everything to the end of `to`.
fn append(to: &mut Vec<u8>, from: &mut Vec<u8>) {
    if to.is_empty() {
        mem::swap(to, from);
    } else {
        to.extend_from_slice(from);
    }
    from.clear();
}

/// A connection between servers as more than one thread sees it.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The connection.
    pub(super) link: LinkId,
    peer: OnceLock<SocketAddr>,
    /// What it brought and nobody has looked at yet.
    pub(super) inbox: Inbox,
    bell: Arc<Bell>,
    inner: Mutex<Inner>,
    /// Rung when a stream may go on.
    room: Condvar,
    bytes_max: usize,
}

/// The connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended")]
pub struct LinkGone;

impl Outbox {
    /// An empty one that may hold `bytes_max`.
    pub(super) fn new(link: LinkId, bell: Arc<Bell>, bytes_max: usize) -> Self {
        Outbox {
            link,
            peer: OnceLock::new(),
            inbox: Inbox::default(),
            bell,
            inner: Mutex::default(),
            room: Condvar::new(),
            bytes_max,
        }
    }

    /// The peer is connected, from there.
    pub(super) fn set_peer(&self, peer: SocketAddr) {
        let first = self.peer.set(peer).is_ok();
        assert!(first, "a connection is made once");
    }

    /// The peer's address, once it is connected.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer.get().copied()
    }

    /// Appends whole packets and leaves `packets` empty. The bell is not rung.
    pub(super) fn push(&self, packets: &mut Vec<u8>) {
        let mut inner = self.inner.lock();
        if inner.cut.is_some() {
            // Nothing follows a gap.
            packets.clear();
            return;
        }
        let queued = inner.ready.len() + inner.held + packets.len();
        if queued > self.bytes_max {
            packets.clear();
            self.cut_locked(&mut inner, Cut::Unread(queued));
            return;
        }
        let added = packets.len();
        match inner.sections.back_mut() {
            Some(last) => {
                append(&mut last.behind, packets);
                inner.held += added;
            }
            None => {
                append(&mut inner.ready, packets);
                self.mark(&mut inner);
            }
        }
    }

    /// Opens a stream behind everything sent so far, and returns its number.
    pub(super) fn open_stream(&self) -> u64 {
        let mut inner = self.inner.lock();
        let stream = inner.next_stream;
        inner.next_stream += 1;
        inner.sections.push_back(Section {
            stream,
            is_over: false,
            behind: Vec::new(),
        });
        stream
    }

    /// Appends to a stream and rings. Waits until the streams before it are through and the peer has
    /// taken enough.
    pub(super) fn write_stream(&self, stream: u64, bytes: &[u8]) -> Result<(), LinkGone> {
        let mut inner = self.inner.lock();
        loop {
            if inner.cut.is_some() {
                return Err(LinkGone);
            }
            let first = inner.sections.front().map(|first| first.stream);
            if first == Some(stream) && inner.ready.len() < limits::LINK_STREAM_BYTES {
                break;
            }
            self.room.wait(&mut inner);
        }
        inner.ready.extend_from_slice(bytes);
        self.mark(&mut inner);
        drop(inner);
        self.bell.ring();
        Ok(())
    }

    /// Ends a stream: what was sent behind it may go.
    pub(super) fn end_stream(&self, stream: u64) {
        let mut inner = self.inner.lock();
        if let Some(section) = inner.sections.iter_mut().find(|s| s.stream == stream) {
            section.is_over = true;
        }
        inner.advance();
        if !inner.ready.is_empty() {
            self.mark(&mut inner);
        }
        drop(inner);
        self.room.notify_all();
        self.bell.ring();
    }

    /// Takes what is to be sent, leaving `spare` in its place.
    pub(super) fn take(&self, spare: Vec<u8>) -> Vec<u8> {
        let mut inner = self.inner.lock();
        inner.is_marked = false;
        let taken = mem::replace(&mut inner.ready, spare);
        let streams = !inner.sections.is_empty();
        drop(inner);
        if streams {
            self.room.notify_all();
        }
        taken
    }

    /// Ends the connection; the first reason counts. The bell is not rung.
    pub(super) fn cut(&self, why: Cut) {
        self.cut_locked(&mut self.inner.lock(), why);
    }

    fn cut_locked(&self, inner: &mut Inner, why: Cut) {
        if inner.cut.is_some() {
            return;
        }
        inner.cut = Some(why);
        inner.ready = Vec::new();
        inner.sections.clear();
        inner.held = 0;
        // Marked or not: while the socket takes nothing nobody looks at what was marked for sending.
        self.bell.mark(self.link);
        self.room.notify_all();
    }

    /// Whether and why the connection is to end.
    pub(super) fn is_cut(&self) -> Option<Cut> {
        self.inner.lock().cut
    }

    /// Wakes the peers thread for what was pushed.
    pub(super) fn ring(&self) {
        self.bell.ring();
    }

    /// The line has dealt with so many bytes of the peer's.
    pub(super) fn read_by_line(&self, bytes: usize) {
        if self.inbox.sub(bytes) {
            self.bell.mark(self.link);
            self.bell.ring();
        }
    }

    fn mark(&self, inner: &mut Inner) {
        if !mem::replace(&mut inner.is_marked, true) {
            self.bell.mark(self.link);
        }
    }
}

/// Counts bytes of a peer between its socket and the line.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    unread: AtomicUsize,
    is_paused: AtomicBool,
}

impl Inbox {
    pub(super) fn add(&self, bytes: usize) {
        self.unread.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Says whether the reader has paused and may go on.
    fn sub(&self, bytes: usize) -> bool {
        let before = self.unread.fetch_sub(bytes, Ordering::AcqRel);
        before - bytes <= limits::LINK_UNREAD_BYTES_MAX / 2
            && self.is_paused.swap(false, Ordering::AcqRel)
    }

    /// Whether the reader has to pause; the connection is then marked when it may go on.
    pub(super) fn is_full(&self) -> bool {
        let full = || self.unread.load(Ordering::Acquire) > limits::LINK_UNREAD_BYTES_MAX;
        if !full() {
            return false;
        }
        self.is_paused.store(true, Ordering::Release);
        // Looked at again: the line may have emptied it in between, and would say nothing more.
        full()
    }
}

#[cfg(test)]
mod tests;

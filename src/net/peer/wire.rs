//! The part of a connection that never leaves the peers thread: the socket, and what it has not taken yet.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::{self, Future};
use std::io;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::net::peer::dial::DialError;
use crate::net::peer::outbox::{Cut, Outbox};
use crate::proto::peer::PacketError;

/// A buffer up to this size is kept for the next packets.
const KEPT_BYTES: usize = 256 << 10;

/// Why a connection has ended. For the log: the line only learns that it has.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    /// The other end has closed it.
    #[error("the other end has closed it")]
    ByPeer,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// This server has ended it.
    #[error("{0}")]
    Cut(#[from] Cut),
    /// There never was one.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// What came is no packet.
    #[error("{0}")]
    Malformed(#[from] PacketError),
    /// The snapshot is none.
    #[error("its snapshot cannot be used: {0}")]
    Snapshot(String),
}

#[derive(Debug, Default)]
struct Unsent {
    bytes: Vec<u8>,
    at: usize,
}

impl Unsent {
    fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Takes the next batch. False when there is none.
    fn refill(&mut self, outbox: &Outbox) -> bool {
        let mut spare = mem::take(&mut self.bytes);
        spare.clear();
        if spare.capacity() > KEPT_BYTES {
            spare = Vec::new();
        }
        self.at = 0;
        self.bytes = outbox.take(spare);
        !self.bytes.is_empty()
    }
}

/// A connection as the peers thread sees it.
pub(super) struct Wire {
    pub(super) outbox: Arc<Outbox>,
    /// Whether the other end is a learner of this server, not its leader.
    pub(super) is_learner: bool,
    /// Empty while a leader is being dialled.
    socket: OnceCell<OwnedWriteHalf>,
    unsent: RefCell<Unsent>,
    /// The socket takes no more for now.
    is_blocked: Cell<bool>,
    blocked: Notify,
    resumed: Notify,
    ended: Notify,
    failure: Cell<Option<io::Error>>,
}

impl Wire {
    pub(super) fn new(outbox: Arc<Outbox>, is_learner: bool) -> Wire {
        Wire {
            outbox,
            is_learner,
            socket: OnceCell::new(),
            unsent: RefCell::default(),
            is_blocked: Cell::new(false),
            blocked: Notify::new(),
            resumed: Notify::new(),
            ended: Notify::new(),
            failure: Cell::new(None),
        }
    }

    /// The connection is there; what was sent before goes out.
    pub(super) fn connected(&self, socket: OwnedWriteHalf) {
        let first = self.socket.set(socket).is_ok();
        assert!(first, "a wire is connected once");
        self.flush_now();
    }

    /// The connection was marked: there is something to send, to read again, or it is to end.
    pub(super) fn attend(&self) {
        if self.outbox.is_cut().is_some() {
            self.ended.notify_one();
            return;
        }
        self.resumed.notify_one();
        self.flush_now();
    }

    /// Sends what the socket takes at once; the writer goes on when it takes more.
    pub(super) fn flush_now(&self) {
        if self.is_blocked.get() {
            return;
        }
        match self.flush() {
            Ok(true) => {}
            Ok(false) => {
                self.is_blocked.set(true);
                self.blocked.notify_one();
            }
            Err(error) => {
                self.failure.set(Some(error));
                self.ended.notify_one();
            }
        }
    }

    /// Takes from the outbox once: whoever fills it again says so again. False when the socket takes no
    /// more.
    fn flush(&self) -> io::Result<bool> {
        let Some(socket) = self.socket.get() else {
            return Ok(true);
        };
        let mut unsent = self.unsent.borrow_mut();
        let mut taken = false;
        loop {
            if unsent.is_done() && (mem::replace(&mut taken, true) || !unsent.refill(&self.outbox))
            {
                return Ok(true);
            }
            let at = unsent.at;
            match socket.try_write(&unsent.bytes[at..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => unsent.at += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on sending whenever the socket takes more.
    async fn write(&self) -> io::Error {
        loop {
            self.blocked.notified().await;
            let Some(socket) = self.socket.get() else {
                continue;
            };
            while self.is_blocked.get() {
                let flushed = match socket.writable().await {
                    Ok(()) => self.flush(),
                    Err(error) => Err(error),
                };
                match flushed {
                    Ok(done) => self.is_blocked.set(!done),
                    Err(error) => return error,
                }
            }
        }
    }

    /// Waits until this side has a reason to end the connection.
    async fn ended(&self) -> End {
        loop {
            self.ended.notified().await;
            if let Some(error) = self.failure.take() {
                return error.into();
            }
            if let Some(cut) = self.outbox.is_cut() {
                return cut.into();
            }
        }
    }

    /// Waits while the line is behind with what this peer has sent.
    pub(super) async fn may_read(&self) {
        while self.outbox.inbox.is_full() {
            self.resumed.notified().await;
        }
    }

    /// Lives until the connection ends, or `work` does: whoever is first.
    pub(super) async fn during(&self, work: impl Future<Output = End>) -> End {
        let mut work = pin!(work);
        let mut write = pin!(self.write());
        let mut ended = pin!(self.ended());
        future::poll_fn(|cx| {
            if let Poll::Ready(end) = ended.as_mut().poll(cx) {
                return Poll::Ready(end);
            }
            if let Poll::Ready(error) = write.as_mut().poll(cx) {
                return Poll::Ready(error.into());
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}

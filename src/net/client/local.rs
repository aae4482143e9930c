//! The part of a connection that never leaves its shard: the socket, and what it has not taken yet.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::net::client::outbox::{Closing, Outbox};

/// A buffer up to this size is kept for the next replies; an idle connection holds no more.
const KEPT_BYTES: usize = 16 << 10;

#[derive(Debug, Default)]
struct Unsent {
    bytes: Vec<u8>,
    at: usize,
}

impl Unsent {
    /// Everything is sent: the buffer is empty again, and not a large one.
    fn reuse(&mut self) {
        self.at = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}

/// A connection as its shard sees it.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) outbox: Arc<Outbox>,
    stream: RefCell<TcpStream>,
    unsent: RefCell<Unsent>,
    waker: RefCell<Option<Waker>>,
    /// The connection's task waits for the line, not for its socket.
    pub(super) waits_for_line: Cell<bool>,
    /// Looks at it since it was told to close.
    looks: Cell<u8>,
}

/// A connection that is to close is cut at this look, one a second, though its client has not taken
/// everything.
const LOOKS_MAX: u8 = 10;

impl Local {
    pub(super) fn new(outbox: Arc<Outbox>, stream: TcpStream) -> Self {
        Local {
            outbox,
            stream: RefCell::new(stream),
            unsent: RefCell::default(),
            waker: RefCell::new(None),
            waits_for_line: Cell::new(false),
            looks: Cell::new(0),
        }
    }

    /// One more look at a connection that is to close: whether it has had time enough.
    pub(super) fn is_overdue(&self) -> bool {
        let looks = self.looks.get().saturating_add(1);
        self.looks.set(looks);
        looks >= LOOKS_MAX
    }

    /// Remembers whom to wake.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Wakes the connection's task.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Sends what is queued; ready once everything is with the socket.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush_with(|stream, bytes| Pin::new(stream).poll_write(cx, bytes))
    }

    /// Sends what the socket takes at once, from outside the connection's task, and wakes the task for
    /// what only it can do.
    pub(super) fn flush_now(&self) {
        let flushed = self.flush_with(|stream, bytes| match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        });
        let done = matches!(flushed, Poll::Ready(Ok(())));
        if !done || self.waits_for_line.get() || self.outbox.closing() != Closing::No {
            self.wake();
        }
    }

    /// Takes from the outbox once: whoever fills it again says so again.
    fn flush_with(
        &self,
        mut write: impl FnMut(&mut TcpStream, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut unsent = self.unsent.borrow_mut();
        let mut taken = false;
        loop {
            if unsent.at == unsent.bytes.len() {
                unsent.reuse();
                if mem::replace(&mut taken, true) {
                    return Poll::Ready(Ok(()));
                }
                let spare = mem::take(&mut unsent.bytes);
                unsent.bytes = self.outbox.take(spare);
                if unsent.bytes.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            match write(&mut self.stream.borrow_mut(), &unsent.bytes[unsent.at..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => unsent.at += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads what the socket has.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, buffer)
    }

    /// Bytes the socket has not taken yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        let unsent = self.unsent.borrow();
        unsent.bytes.len() - unsent.at + self.outbox.queued_bytes()
    }
}

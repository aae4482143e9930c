//! The loop of one connection: flush, read, process, until it ends.

use std::future;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use crate::net::client::local::Local;
use crate::net::client::outbox::Closing;
use crate::net::client::shard::Rooms;
use crate::proto::frame;
use crate::types::Id;
use crate::types::limits;

/// Why a connection ended. Nobody is answered: the words are for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    /// The client closed its side.
    #[error("the client closed the connection")]
    ByClient,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server wants it closed.
    #[error("closed by the server")]
    ByServer,
    /// A length prefix no frame can have.
    #[error("Len error: {0}")]
    Length(#[from] crate::proto::frame::BadLength),
    /// A frame that is not what it has to be.
    #[error("malformed {what}: {source}")]
    Malformed {
        /// Which record.
        what: &'static str,
        /// Where and why.
        source: crate::proto::DecodeError,
    },
    /// Together with those in process it would take more room than large requests may.
    #[error("Rejecting large request of {0} bytes")]
    TooLarge(usize),
    /// The client has taken up its session at another server, and asks here again.
    // apache 3.9.5: server/FinalRequestProcessor.java processRequest, its SessionMovedException
    #[error("its session has moved to another server")]
    Moved,
    /// A member of an ensemble that has no role serves nobody.
    #[error("ZooKeeperServer not running")]
    NotServing,
    /// There is no leader, and the client has not said that it is content with reading.
    #[error("Refusing session request for not-read-only client")]
    NotReadOnlyClient,
    /// Too many sessions were asked for lately.
    #[error("no token is left for its session (connection_throttle_tokens)")]
    Throttled,
    /// The client has seen a future that this server has not.
    #[error("the client has seen zxid {seen}, ours is {ours}: it must try another server")]
    FromTheFuture {
        /// The client's.
        seen: crate::types::Zxid,
        /// This server's.
        ours: crate::types::Zxid,
    },
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing understood yet: a four-letter word or a handshake.
    AwaitConnect,
    /// The line decides about the handshake.
    AwaitSession,
    /// Requests.
    Open,
    /// Nothing more is read; what is queued still goes out.
    Draining,
}

/// One client connection.
pub(super) struct Connection {
    pub(super) local: Rc<Local>,
    pub(super) rooms: Rc<Rooms>,
    pub(super) phase: Phase,
    /// The client's identities now.
    pub(super) who: Arc<[Id]>,
    /// Input not processed yet: the beginning of a frame, or frames behind a pause.
    pending: Vec<u8>,
    /// `pending` may hold whole frames.
    pub(super) stalled: bool,
}

impl Connection {
    pub(super) fn new(local: Rc<Local>, rooms: Rc<Rooms>) -> Self {
        let who = local.outbox.who();
        Connection {
            local,
            rooms,
            phase: Phase::AwaitConnect,
            who,
            pending: Vec::new(),
            stalled: false,
        }
    }

    /// Runs the connection to its end.
    pub(super) async fn run(mut self) {
        let end = future::poll_fn(|cx| self.poll(cx)).await;
        let outbox = &self.local.outbox;
        match outbox.session() {
            Some(session) => tracing::debug!(
                "connection of {} (session {session}) ends: {end}",
                outbox.peer
            ),
            None => tracing::debug!("connection of {} ends: {end}", outbox.peer),
        }
        self.rooms.ports.write.closed(outbox);
        self.rooms.leave(outbox.conn);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.local.watch(cx);
        loop {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// One round. False when there is nothing to do until something happens.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let closing = self.local.outbox.closing();
        if closing == Closing::Now {
            return Err(End::ByServer);
        }
        let flushed = match self.local.poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(|()| true)?,
            Poll::Pending => false,
        };
        if closing == Closing::AfterFlush {
            return if flushed {
                Err(End::ByServer)
            } else {
                Ok(false)
            };
        }
        if self.phase == Phase::AwaitSession && self.local.outbox.session().is_some() {
            self.phase = Phase::Open;
        }
        if self.is_paused() {
            self.local.waits_for_line.set(true);
            return Ok(false);
        }
        self.local.waits_for_line.set(false);
        if self.stalled {
            self.stalled = false;
            self.process_pending()?;
            return Ok(true);
        }
        self.read(cx)
    }

    /// Requests handed to the line and not answered yet.
    pub(super) fn in_flight(&self) -> u64 {
        self.local.outbox.in_flight()
    }

    /// Whether nothing may be read or processed now: the peer does not take its replies, the pipeline
    /// is full, or the line has to decide something first.
    pub(super) fn is_paused(&self) -> bool {
        if self.phase != Phase::Open {
            return self.phase != Phase::AwaitConnect;
        }
        let in_process_max = self.rooms.ports.limits.in_process_max;
        let in_flight = usize::try_from(self.in_flight()).unwrap_or(usize::MAX);
        in_flight > in_process_max
            || (in_flight > 0 && self.rooms.ports.write.in_process() > in_process_max)
            || self.local.unsent_bytes() > limits::OUTBOX_PAUSE_BYTES
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let rooms = Rc::clone(&self.rooms);
        let mut input = rooms.input.borrow_mut();
        let mut buffer = ReadBuf::new(&mut input);
        match self.local.poll_read(cx, &mut buffer) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err(End::ByClient),
            Poll::Ready(Ok(())) => {
                if self.phase == Phase::AwaitConnect {
                    self.local.outbox.touch((self.rooms.ports.clock)());
                }
                if self.pending.is_empty() {
                    let taken = self.process(buffer.filled())?;
                    self.pending.extend_from_slice(&buffer.filled()[taken..]);
                } else {
                    self.pending.extend_from_slice(buffer.filled());
                    self.process_pending()?;
                }
                Ok(true)
            }
        }
    }

    fn process_pending(&mut self) -> Result<(), End> {
        let mut pending = mem::take(&mut self.pending);
        let taken = self.process(&pending)?;
        if taken == pending.len() {
            return Ok(());
        }
        pending.drain(..taken);
        self.pending = pending;
        Ok(())
    }

    /// Splits the first frame off, once it is complete. One that is too large is refused as soon as its
    /// length is known.
    pub(super) fn split<'i>(&self, input: &'i [u8]) -> Result<Option<frame::Frame<'i>>, End> {
        let limits = &self.rooms.ports.limits;
        let split = frame::split(input, limits.frame_bytes_max)?;
        if limits.large_frame_bytes < limits.frame_bytes_max
            && let Some(length) = frame::length(input)
            && length > limits.large_frame_bytes
            && !self.rooms.ports.write.fits_large(length)
        {
            return Err(End::TooLarge(length));
        }
        Ok(split)
    }

    /// Processes whole frames from the start of `input`; returns how many bytes they took.
    fn process(&mut self, input: &[u8]) -> Result<usize, End> {
        // Whoever pauses says so: asked again here, the answer could be another one, and what is
        // pending would be forgotten.
        self.stalled = false;
        let taken = match self.phase {
            Phase::AwaitConnect => self.first_bytes(input)?,
            Phase::Open => self.requests(input)?,
            Phase::AwaitSession => 0,
            Phase::Draining => input.len(),
        };
        self.stalled |= taken < input.len() && self.phase == Phase::AwaitSession;
        Ok(taken)
    }

    /// Stops reading; the connection ends once everything queued is sent.
    pub(super) fn drain(&mut self) {
        self.phase = Phase::Draining;
        self.local.outbox.close(Closing::AfterFlush);
    }
}

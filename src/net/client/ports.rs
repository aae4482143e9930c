//! The small traits through which a connection asks the server anything. Implemented in `server`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::auth::AuthRules;
use crate::net::client::outbox::Outbox;
use crate::ops::Reading;
use crate::pipeline::connection_throttle::Arrival;
use crate::replica::Submission;
use crate::types::{ConnId, Id, Millis, SessionId, Zxid};

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'v> {
    /// The session.
    pub session: SessionId,
    /// The connection.
    pub conn: ConnId,
    /// Its identities.
    pub who: &'v [Id],
}

/// Serves reads.
pub trait ReadPort: Send + Sync {
    /// Calls `serve` once with a view of the applied tree that nothing changes meanwhile. Replies must
    /// be in the outbox before `serve` returns: that is what orders them against events. False, and
    /// nothing called, when clients are not served now: the connection must end.
    #[must_use]
    fn view(&self, viewer: Viewer<'_>, serve: &mut dyn FnMut(&mut Reading<'_>)) -> bool;

    /// Whether clients are served now. A member of an ensemble does so only while it has a role.
    fn is_serving(&self) -> bool;

    /// Whether clients may only read, which they must have agreed to.
    fn is_read_only(&self) -> bool;

    /// The last transaction applied.
    fn last_zxid(&self) -> Zxid;
}

/// A handshake that needs the line.
#[derive(Debug)]
pub struct ConnectAsk {
    /// The connection.
    pub conn: ConnId,
    /// The session to take up again, or none for a new one.
    pub session: SessionId,
    /// Proof of ownership.
    pub password: Box<[u8]>,
    /// Negotiated timeout.
    pub timeout_ms: i32,
}

/// Takes writes, and what must be ordered with them.
pub trait WritePort: Send + Sync {
    /// Hands requests to the line without waking it.
    fn submit(&self, submission: Submission);
    /// Hands a handshake to the line without waking it.
    fn connect(&self, ask: ConnectAsk);
    /// Whether a handshake is let in; its tokens are then taken (`connection_throttle_*`).
    fn lets_in(&self, arrival: Arrival) -> bool;
    /// Whether a large frame of this length would have room now (`largeRequestMaxBytes`).
    fn fits_large(&self, bytes: usize) -> bool;
    /// Takes room for a large frame that is about to be submitted; false when there is none. Given back
    /// when its request is finished.
    fn take_large(&self, bytes: usize) -> bool;
    /// Wakes the line: a shard has finished its round.
    fn wake(&self);
    /// Requests in the pipeline now, of all connections.
    fn in_process(&self) -> usize;
    /// Counts reads that were served where they came in.
    fn served(&self, reads: u64);
    /// Registers a connection; false when a limit forbids it.
    fn opened(&self, outbox: &Arc<Outbox>) -> bool;
    /// Forgets a connection, its watches included.
    fn closed(&self, outbox: &Outbox);
}

/// Answers four-letter words.
pub trait WordPort: Send + Sync {
    /// The answer to a word, disabled ones included; `None` when it is not one. `conn` asks.
    fn answer(&self, word: [u8; 4], rest: &[u8], conn: ConnId) -> Option<Vec<u8>>;
}

/// The settings of the client port.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest frame (`jute.maxbuffer`).
    pub frame_bytes_max: usize,
    /// Longest string or buffer in a frame.
    pub field_bytes_max: usize,
    /// Least session timeout.
    pub session_timeout_ms_min: i32,
    /// Greatest session timeout.
    pub session_timeout_ms_max: i32,
    /// A longer frame is large (`largeRequestThreshold`); `usize::MAX`: none is.
    pub large_frame_bytes: usize,
    /// A connection stops being read when this many requests are in process (`globalOutstandingLimit`).
    pub in_process_max: usize,
    /// Connections that never open a session are closed after this long.
    pub sessionless_ms: i64,
    /// A sync has to ask the leader of the ensemble: it goes through the line, as writes do.
    pub syncs_ask_the_leader: bool,
    /// `SO_KEEPALIVE` on client sockets.
    pub tcp_keep_alive: bool,
}

/// All that a connection can reach.
#[derive(Clone)]
pub struct Ports {
    /// Reads.
    pub read: Arc<dyn ReadPort>,
    /// Writes.
    pub write: Arc<dyn WritePort>,
    /// Four-letter words.
    pub words: Arc<dyn WordPort>,
    /// The settings of the client port.
    pub limits: Arc<Limits>,
    /// The settings of authentication.
    pub auth: Arc<AuthRules>,
    /// The monotonic clock.
    pub clock: fn() -> Millis,
    /// Numbers connections.
    pub next_conn: Arc<AtomicU64>,
}

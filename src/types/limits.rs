//! Every hard bound of the server, unit last. Settings have their defaults in `config`.

/// Default of `jute.maxbuffer`: the longest frame accepted.
pub const FRAME_BYTES_MAX_DEFAULT: usize = 0xf_ffff;
/// A connection with this much unsent output is not read from.
pub const OUTBOX_PAUSE_BYTES: usize = 1 << 20;
/// A connection whose unsent events and replies pass this is closed: its peer does not read.
pub const OUTBOX_BYTES_MAX: usize = 256 << 20;
/// Bytes one socket read can bring.
pub const READ_CHUNK_BYTES: usize = 64 << 10;
/// Transactions applied under one hold of the tree's lock.
pub const APPLY_BATCH_MAX: usize = 256;
/// Bytes of replies and events after which the tree's lock is let go, even if fewer transactions were applied.
pub const APPLY_BATCH_BYTES: usize = 1 << 20;
/// A connection that is to end once everything is sent is cut when its peer takes nothing for this long, ms.
pub const DRAIN_STALL_MS_MAX: i64 = 10_000;
/// Nodes visited under one hold of the tree's lock while a snapshot is written.
pub const SNAPSHOT_SLICE_NODES: usize = 512;
/// A learner or leader that leaves this much unread is cut off. What comes behind a snapshot waits here, too.
pub const LINK_OUTBOX_BYTES_MAX: usize = 512 << 20;
/// How far a snapshot or a range of the log is read ahead of the socket it goes to.
pub const LINK_STREAM_BYTES: usize = 1 << 20;
/// Recent transactions kept in memory for learners that come back; older ones are read from the log.
pub const BACKLOG_BYTES_MAX: usize = 128 << 20;
/// A peer is not read from while this much of what it sent waits for the line.
pub const LINK_UNREAD_BYTES_MAX: usize = 64 << 20;
/// Connections to the quorum port that have not said anything yet; the oldest makes room for the next.
pub const LINKS_SILENT_MAX: usize = 128;
/// Callers at the election port that have not said who they are; the oldest makes room for the next.
pub const ELECTION_CALLERS_SILENT_MAX: usize = 64;
/// Servers that are no members and yet connected to the election port: joiners, mostly.
pub const ELECTION_STRANGERS_MAX: usize = 64;

const _: () = assert!(
    OUTBOX_PAUSE_BYTES < OUTBOX_BYTES_MAX,
    "reading pauses before a connection is cut"
);
const _: () = assert!(
    READ_CHUNK_BYTES < FRAME_BYTES_MAX_DEFAULT,
    "a frame may take several reads"
);

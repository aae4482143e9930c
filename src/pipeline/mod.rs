//! The order things happen in: one stage per file, pure.
//!
//! ```text
//! prep     judge a request against the future tree, stamp zxid and time, append its transaction
//! room     wait until the log says it is durable, or the quorum that it is committed; leave in order
//! forward  a learner's requests: at the leader, and what waits behind them
//! finish   apply, collect events and replies
//! ```
//!
//! A read that stands behind an unanswered write of its own session waits in the same room and is
//! served between the transactions around it: requests of one session take effect in the order sent.

mod announce;
mod answer;
pub mod checkpoint;
pub mod connection_throttle;
mod finish;
mod forward;
mod outputs;
mod prep;
mod reap;
mod room;
mod state;

pub use finish::{Audience, Finish};
pub use forward::{Forward, Pending, Read};
pub use outputs::{Effect, Outputs};
pub use prep::{Incoming, Prep, Prepared, Standing};
pub use reap::Reaper;
pub use room::{Item, LogBatch, OpenBatch, Room};
pub use state::State;

use crate::types::{ConnId, Millis};

/// Who waits for an answer, and since when. Also a connection that waits for its session: number and size
/// are then 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The connection.
    pub conn: ConnId,
    /// The request's number.
    pub xid: i32,
    /// Bytes of the request's frame, without its length prefix.
    pub size: u32,
    /// When the request was read, by the monotonic clock.
    pub since: Millis,
}

impl Asker {
    /// A connection that waits for its session.
    pub fn handshake(conn: ConnId, since: Millis) -> Self {
        Asker {
            conn,
            xid: 0,
            size: 0,
            since,
        }
    }

    /// Whether it is a request; a frame is never empty.
    pub fn is_request(&self) -> bool {
        self.size > 0
    }
}

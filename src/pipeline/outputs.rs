//! What finishing a batch asks the street to do, in the order in which it must be seen to happen.

use std::ops::Range;

use crate::pipeline::Asker;
use crate::types::limits;
use crate::types::{ConnId, SessionId};

/// One thing to do. Ranges point into [`Outputs::bytes`] and [`Outputs::receivers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a reply; one request of the connection is answered.
    Reply {
        /// To whom.
        asker: Asker,
        /// The framed reply; empty when nobody is there to read it.
        bytes: Range<usize>,
    },
    /// A request has gone without an answer and without a trace.
    Unanswered {
        /// Whose.
        asker: Asker,
    },
    /// The session of a request is served elsewhere by now: no answer, its connection ends once everything
    /// before is sent.
    Moved {
        /// Whose.
        asker: Asker,
    },
    /// Send one event to several connections.
    Event {
        /// To whom.
        receivers: Range<usize>,
        /// The framed event.
        bytes: Range<usize>,
    },
    /// A session was created: tell the connection that asked.
    SessionOpened {
        /// Who asked.
        conn: ConnId,
        /// The new session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
    },
    /// The leader lets a connection take up its session.
    SessionResumed {
        /// Who asked.
        conn: ConnId,
        /// The session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
    },
    /// The leader does not know the session that a connection wants to take up.
    SessionRefused {
        /// Who asked.
        conn: ConnId,
        /// The session.
        session: SessionId,
    },
    /// There can be no new session: the connection that asked is sent this, and is heard no more.
    SessionUnopened {
        /// Who asked.
        conn: ConnId,
        /// A reply without a body.
        bytes: Range<usize>,
    },
    /// A session has ended: close its connection once everything before is sent.
    SessionClosed {
        /// The session.
        session: SessionId,
    },
}

/// Effects in order, and the bytes they speak of.
#[derive(Debug, Default)]
pub struct Outputs {
    /// What to do.
    pub effects: Vec<Effect>,
    /// Encoded frames.
    pub bytes: Vec<u8>,
    /// Receivers of events.
    pub receivers: Vec<ConnId>,
}

impl Outputs {
    /// Forgets everything, keeps what memory a usual batch needs.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.bytes.clear();
        self.bytes.shrink_to(limits::APPLY_BATCH_BYTES);
        self.receivers.clear();
    }

    /// Adds a reply whose bytes are those appended since `start`.
    pub(super) fn reply_since(&mut self, start: usize, asker: Asker) {
        let bytes = start..self.bytes.len();
        self.effects.push(Effect::Reply { asker, bytes });
    }
}

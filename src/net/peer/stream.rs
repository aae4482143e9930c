//! What another thread streams to a learner: a snapshot, or a range of the log. It may wait for the peer;
//! the line does not.

use std::sync::Arc;

use crate::net::peer::outbox::{Cut, LinkGone, Outbox};
use crate::proto::peer::ToLearner;
use crate::types::LinkId;

/// A stretch of what is sent to a learner: everything sent after it was opened goes behind it.
///
/// Dropped neither finished nor withdrawn, it cuts the connection.
#[derive(Debug)]
pub struct Stream {
    outbox: Arc<Outbox>,
    number: u64,
    is_begun: bool,
    is_over: bool,
    scratch: Vec<u8>,
}

impl Stream {
    pub(super) fn open(outbox: &Arc<Outbox>) -> Stream {
        Stream {
            outbox: Arc::clone(outbox),
            number: outbox.open_stream(),
            is_begun: false,
            is_over: false,
            scratch: Vec::new(),
        }
    }

    /// To whom.
    pub fn link(&self) -> LinkId {
        self.outbox.link
    }

    /// Sends raw bytes. Waits while the peer is more than [`LINK_STREAM_BYTES`] behind: slices of about
    /// that size or less keep memory bounded.
    ///
    /// # Errors
    /// When the connection has ended.
    ///
    /// [`LINK_STREAM_BYTES`]: crate::types::limits::LINK_STREAM_BYTES
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LinkGone> {
        self.is_begun = true;
        self.outbox.write_stream(self.number, bytes)
    }

    /// Sends a packet. Waits as [`Stream::write`] does.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn packet(&mut self, packet: &ToLearner) -> Result<(), LinkGone> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        packet.append(&mut scratch);
        let written = self.write(&scratch);
        self.scratch = scratch;
        written
    }

    /// Everything is written: what was sent behind it may go.
    pub fn finish(mut self) {
        self.is_over = true;
    }

    /// It is as if it had not been.
    ///
    /// # Panics
    /// When something was written.
    pub fn withdraw(mut self) {
        assert!(!self.is_begun, "what was sent is not taken back");
        self.is_over = true;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.is_over {
            self.outbox.end_stream(self.number);
        } else {
            self.outbox.cut(Cut::HalfStream);
            self.outbox.ring();
        }
    }
}

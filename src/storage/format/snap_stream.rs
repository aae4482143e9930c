//! A snapshot as a leader sends it: the records of a snapshot file without header, checksum and sections,
//! and a signature at the end. Packets follow on the same stream, so decoding takes bytes as they come and
//! none too many.

use std::borrow::Cow;

use bytes::{Buf, BytesMut};
use jute::{DecodeError, DecodeErrorKind, Field, Reader};

use crate::proto;
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::storage::format::snapshot_body::{BodyDecoder, BodyEncoder, Taken};
use crate::types::{Acl, NodeStat, SessionId};

/// What ends the stream.
// apache 3.9.5: server/quorum/LearnerHandler.java run
pub const SIGNATURE: &str = "BenWasHere";
/// What a record has beside one string and one buffer, and more, in bytes.
const RECORD_REST_BYTES: usize = 1024;

/// Appends a leader's snapshot to a buffer that its owner takes when it likes. The same calls as those of
/// [`SnapshotWriter`](crate::storage::snapshots::SnapshotWriter), for the same walk.
#[derive(Debug)]
pub struct SnapStreamEncoder {
    body: BodyEncoder,
}

impl Default for SnapStreamEncoder {
    fn default() -> Self {
        SnapStreamEncoder::new()
    }
}

impl SnapStreamEncoder {
    /// An encoder that has written nothing.
    pub fn new() -> Self {
        let body = BodyEncoder::new(Vec::new());
        SnapStreamEncoder { body }
    }

    /// The session table: ids and timeouts in milliseconds.
    ///
    /// # Panics
    /// When it is not the first part, or has 2^31 sessions.
    pub fn sessions(&mut self, sessions: &[(SessionId, i32)]) {
        self.body.sessions(sessions);
    }

    /// The ACL lists by number, without -1.
    ///
    /// # Panics
    /// When it is not the second part, or has 2^31 lists.
    pub fn acl_lists(&mut self, lists: &[(i64, &[Acl])]) {
        self.body.acl_lists(lists);
    }

    /// A node, after its parent. The root's path is empty.
    ///
    /// # Panics
    /// Before sessions and ACL lists, after the end, or with the path `/`.
    #[inline]
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: NodeStat) {
        self.body.node(path, data, acl, stat);
    }

    /// Ends the nodes and signs.
    ///
    /// # Panics
    /// Before sessions and ACL lists, or the second time.
    pub fn end(&mut self) {
        self.body.end();
        proto::append(&Cow::Borrowed(SIGNATURE), &mut self.body.out);
    }

    /// Bytes that wait to be taken.
    pub fn pending(&self) -> usize {
        self.body.out.len()
    }

    /// Takes all bytes that wait.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body.out)
    }

    /// Hands over all bytes that wait, and forgets them; the buffer is used again.
    ///
    /// # Errors
    /// The sink's own; the bytes are gone then too.
    pub fn drain<E>(&mut self, sink: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let result = sink(&self.body.out);
        self.body.out.clear();
        result
    }
}

/// Why bytes are not a leader's snapshot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapStreamFlaw {
    /// The bytes are not the record that belongs there.
    #[error("{what} at byte {at}: {error}")]
    Record {
        /// What should be there.
        what: &'static str,
        /// Where it starts, in bytes from the start of the stream.
        at: u64,
        /// What is wrong with it; its offset counts from `at`.
        error: DecodeError,
    },
    /// A record has no end.
    #[error("{what} at byte {at} is longer than {limit} bytes")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// Where it starts.
        at: u64,
        /// The longest allowed.
        limit: usize,
    },
    /// A number of entries below zero.
    #[error("{count} {what} at byte {at}")]
    Count {
        /// Of what.
        what: &'static str,
        /// Where the number stands.
        at: u64,
        /// The number.
        count: i32,
    },
    /// The visitor refused a node.
    #[error("node at byte {at}: {reason}")]
    Refused {
        /// Where the node starts.
        at: u64,
        /// The visitor's words.
        reason: String,
    },
    /// The end is another.
    #[error("the signature at byte {at} is {found:?}, not {SIGNATURE:?}")]
    Signature {
        /// Where it starts.
        at: u64,
        /// What stands there.
        found: String,
    },
}

/// Takes a leader's snapshot apart as its bytes come.
#[derive(Debug)]
pub struct SnapStreamDecoder {
    field_bytes_max: usize,
    body: BodyDecoder,
    signed: bool,
    /// Bytes taken so far.
    at: u64,
}

impl SnapStreamDecoder {
    /// At the first byte. `field_bytes_max` is the longest string or buffer allowed.
    pub fn new(field_bytes_max: usize) -> Self {
        SnapStreamDecoder {
            field_bytes_max,
            body: BodyDecoder::new(),
            signed: false,
            at: 0,
        }
    }

    /// Takes whole records off the front of `input` and hands them to `visitor`. True when the signature
    /// has been read: what is left of `input` is not part of the snapshot. What is left otherwise is the
    /// beginning of a record.
    ///
    /// # Errors
    /// The first flaw. The visitor has then seen records that must be forgotten.
    pub fn feed(
        &mut self,
        input: &mut BytesMut,
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<bool, SnapStreamFlaw> {
        let mut taken = 0;
        while !self.signed {
            let Some(length) = self.record(&input[taken..], visitor)? else {
                break;
            };
            taken += length;
            self.at += length as u64;
        }
        input.advance(taken);
        Ok(self.signed)
    }

    /// Nodes so far, the root included.
    pub fn nodes(&self) -> u64 {
        self.body.nodes()
    }

    /// Reads one record, and says how long it was; `None` while it is not complete.
    fn record(
        &mut self,
        input: &[u8],
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<Option<usize>, SnapStreamFlaw> {
        let at = self.at;
        let mut reader = Reader::with_limit(input, self.field_bytes_max).joining_surrogates();
        let (what, read) = if self.body.is_done() {
            ("signature", self.sign(&mut reader)?)
        } else {
            let what = self.body.what();
            (what, self.body.read(&mut reader, visitor))
        };
        match read {
            Ok(Taken::Record) => Ok(Some(reader.offset())),
            Ok(Taken::Negative(count)) => Err(SnapStreamFlaw::Count { what, at, count }),
            Ok(Taken::Refused(reason)) => Err(SnapStreamFlaw::Refused { at, reason }),
            Err(error) if matches!(error.kind, DecodeErrorKind::Truncated { .. }) => {
                // A path and data of full length, and what else belongs to a node.
                let limit = self.field_bytes_max.saturating_mul(2);
                let limit = limit.saturating_add(RECORD_REST_BYTES);
                match input.len() > limit {
                    true => Err(SnapStreamFlaw::TooLong { what, at, limit }),
                    false => Ok(None),
                }
            }
            Err(error) => Err(SnapStreamFlaw::Record { what, at, error }),
        }
    }

    fn sign(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<Result<Taken, DecodeError>, SnapStreamFlaw> {
        let found: Cow<'_, str> = match Field::read(reader) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        if found != SIGNATURE {
            let (at, found) = (self.at, found.into_owned());
            return Err(SnapStreamFlaw::Signature { at, found });
        }
        self.signed = true;
        Ok(Ok(Taken::Record))
    }
}

#[cfg(test)]
mod tests;

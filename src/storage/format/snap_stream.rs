//! A snapshot as a leader sends it: the records of a snapshot file without header, checksum and sections,
//! and a signature at the end. Decoding takes bytes as they come, since packets follow on the same stream.

use std::borrow::Cow;

use bytes::{Buf, BytesMut};
use jute::{DecodeError, DecodeErrorKind, Field, Reader};

use crate::proto::disk::{NodeRecord, SessionRecord};
use crate::proto::shared::Acl;
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::storage::format::snapshot_encode::END_PATH;
use crate::types::SessionId;

/// What ends the stream.
// apache 3.9.5: server/quorum/LearnerHandler.java run
pub const SIGNATURE: &str = "BenWasHere";

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

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    SessionCount,
    Sessions { left: u32 },
    AclCount,
    Acls { left: u32 },
    Nodes,
    Signature,
    Done,
}

/// Takes a leader's snapshot apart as its bytes come.
#[derive(Debug)]
pub struct SnapStreamDecoder {
    field_bytes_max: usize,
    part: Part,
    /// Bytes taken so far.
    at: u64,
}

/// How one record ended.
enum Step {
    Next(Part),
    Refused(String),
    Forged(String),
}

impl SnapStreamDecoder {
    /// At the first byte. `field_bytes_max` is the longest string or buffer allowed.
    pub fn new(field_bytes_max: usize) -> Self {
        SnapStreamDecoder {
            field_bytes_max,
            part: Part::SessionCount,
            at: 0,
        }
    }

    /// Takes whole records off the front of `input` and hands them to `visitor`. True when the signature
    /// has been read: what is left of `input` is not part of the snapshot.
    ///
    /// # Errors
    /// The first flaw. The visitor has then seen records that must be forgotten.
    pub fn feed(
        &mut self,
        input: &mut BytesMut,
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<bool, SnapStreamFlaw> {
        let mut taken = 0;
        while self.part != Part::Done {
            match self.record(&input[taken..], visitor)? {
                Some(length) => {
                    taken += length;
                    self.at += length as u64;
                }
                None => break,
            }
        }
        input.advance(taken);
        Ok(self.part == Part::Done)
    }

    /// Reads one record, and says how long it was; `None` while it is not complete.
    fn record(
        &mut self,
        input: &[u8],
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<Option<usize>, SnapStreamFlaw> {
        let (at, what) = (self.at, self.part.name());
        let mut reader = Reader::with_limit(input, self.field_bytes_max).joining_surrogates();
        match self.part.read(&mut reader, visitor) {
            Ok(Ok(Step::Next(part))) => {
                self.part = part;
                Ok(Some(reader.offset()))
            }
            Ok(Ok(Step::Refused(reason))) => Err(SnapStreamFlaw::Refused { at, reason }),
            Ok(Ok(Step::Forged(found))) => Err(SnapStreamFlaw::Signature { at, found }),
            Ok(Err(count)) => Err(SnapStreamFlaw::Count { what, at, count }),
            Err(error) if matches!(error.kind, DecodeErrorKind::Truncated { .. }) => {
                // A path and data of full length, and what else belongs to a node.
                let limit = self.field_bytes_max.saturating_mul(2).saturating_add(1024);
                match input.len() > limit {
                    true => Err(SnapStreamFlaw::TooLong { what, at, limit }),
                    false => Ok(None),
                }
            }
            Err(error) => Err(SnapStreamFlaw::Record { what, at, error }),
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::SessionCount => "sessions",
            Part::Sessions { .. } => "session",
            Part::AclCount => "ACL lists",
            Part::Acls { .. } => "ACL list",
            Part::Nodes => "node",
            Part::Signature | Part::Done => "signature",
        }
    }

    /// Reads what comes next. The inner error is a count below zero. The visitor is only told of a whole
    /// record, because an incomplete one is read again.
    fn read(
        self,
        reader: &mut Reader<'_>,
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<Result<Step, i32>, DecodeError> {
        let next = match self {
            Part::SessionCount => match count(reader)? {
                Ok(left) => Part::Sessions { left },
                Err(count) => return Ok(Err(count)),
            },
            Part::AclCount => match count(reader)? {
                Ok(left) => Part::Acls { left },
                Err(count) => return Ok(Err(count)),
            },
            Part::Sessions { left: 0 } => Part::AclCount,
            Part::Acls { left: 0 } => Part::Nodes,
            Part::Sessions { left } => {
                let session: SessionRecord = Field::read(reader)?;
                visitor.session(SessionId(session.id), session.timeout_ms);
                Part::Sessions { left: left - 1 }
            }
            Part::Acls { left } => {
                let number = reader.long()?;
                let list: Option<Vec<Acl<'_>>> = Field::read(reader)?;
                visitor.acl_list(number, &list.unwrap_or_default());
                Part::Acls { left: left - 1 }
            }
            Part::Nodes => return node(reader, visitor).map(Ok),
            Part::Signature | Part::Done => {
                let found: Cow<'_, str> = Field::read(reader)?;
                if found != SIGNATURE {
                    return Ok(Ok(Step::Forged(found.into_owned())));
                }
                Part::Done
            }
        };
        Ok(Ok(Step::Next(next)))
    }
}

fn count(reader: &mut Reader<'_>) -> Result<Result<u32, i32>, DecodeError> {
    let count = reader.int()?;
    Ok(u32::try_from(count).map_err(|_| count))
}

fn node(
    reader: &mut Reader<'_>,
    visitor: &mut (impl SnapshotVisitor + ?Sized),
) -> Result<Step, DecodeError> {
    let path: Cow<'_, str> = Field::read(reader)?;
    if path == END_PATH {
        return Ok(Step::Next(Part::Signature));
    }
    let node = NodeRecord {
        path,
        data: Field::read(reader)?,
        acl: Field::read(reader)?,
        stat: Field::read(reader)?,
    };
    Ok(match visitor.node(&node) {
        Ok(()) => Step::Next(Part::Nodes),
        Err(reason) => Step::Refused(reason),
    })
}

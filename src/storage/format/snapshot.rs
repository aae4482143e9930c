//! Snapshot bytes to records, streaming: they are handed to a visitor as they come, and only the seal
//! at the end tells whether they were right. Writing is `snapshot_encode`'s.

use std::io::{self, Read};

use jute::{DecodeError, DecodeErrorKind, Field, Reader};

use crate::proto::disk::{DigestSection, FileHeader};
use crate::storage::format::snapshot_body::{BodyDecoder, END_PATH, Taken};
use crate::storage::format::snapshot_encode::{MAGIC, Sections};
use crate::storage::format::window::Window;
use crate::types::Zxid;

pub use crate::storage::format::snapshot_body::SnapshotVisitor;

/// Bytes of a seal: a checksum and a path.
const SEAL_BYTES: usize = 13;
/// Bytes of the digest section and its seal.
const DIGEST_BYTES: usize = 20 + SEAL_BYTES;
/// Bytes of the zxid section and its seal.
const ZXID_BYTES: usize = 8 + SEAL_BYTES;
const DIGEST_AND_ZXID_BYTES: usize = DIGEST_BYTES + ZXID_BYTES;

/// Why bytes are not a whole snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFlaw {
    /// The bytes could not be read.
    #[error("cannot be read: {0}")]
    Source(#[from] io::Error),
    /// The magic number is another.
    #[error("magic number {0:08x} is not that of a snapshot")]
    Magic(i32),
    /// The bytes end too early, or are not the record that belongs there.
    #[error("{what} at byte {at}: {error}")]
    Record {
        /// What should be there.
        what: &'static str,
        /// Where it starts, in bytes from the start of the uncompressed snapshot.
        at: u64,
        /// What is wrong with it; its offset counts from `at`.
        error: DecodeError,
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
    /// A seal's checksum is not that of the bytes before it, or its end is not a `/`.
    #[error("seal at byte {at}: checksum {computed:08x} instead of {written:08x}")]
    Seal {
        /// Where the seal starts.
        at: u64,
        /// As written.
        written: i64,
        /// As computed.
        computed: u32,
    },
    /// What follows the first seal is none of the combinations of sections.
    #[error(
        "{bytes} or more bytes behind the first seal, from byte {at}, instead of 0, 21, 33 or 54"
    )]
    Tail {
        /// Where the rest starts.
        at: u64,
        /// Its length, as far as it was looked at.
        bytes: usize,
    },
    /// The visitor refused a node.
    #[error("node at byte {at}: {reason}")]
    Refused {
        /// Where the node starts.
        at: u64,
        /// The visitor's words.
        reason: String,
    },
}

/// What a whole snapshot turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// Nodes, the root included.
    pub nodes: u64,
    /// Uncompressed size in bytes.
    pub bytes: u64,
    /// The digest section. Sections are told apart by how many bytes follow the first seal, so that a
    /// snapshot written with other settings can be read.
    pub digest: Option<DigestSection>,
    /// The last processed zxid, if it is there. The file's name counts, not this.
    pub zxid: Option<Zxid>,
}

/// Reads a snapshot to its end. `record_bytes_max` bounds one node or ACL list.
///
/// # Errors
/// The first flaw. The visitor has then seen records that must be forgotten.
pub fn decode<R: Read, V: SnapshotVisitor + ?Sized>(
    source: R,
    record_bytes_max: usize,
    visitor: &mut V,
) -> Result<SnapshotSummary, SnapshotFlaw> {
    let mut decoder = Decoder {
        window: Window::summing(source),
        record_bytes_max,
    };
    decoder.header()?;
    let nodes = decoder.body(visitor)?;
    decoder.seal()?;
    let sections = decoder.sections()?;
    Ok(SnapshotSummary {
        nodes,
        bytes: decoder.window.offset(),
        digest: sections.digest,
        zxid: sections.zxid,
    })
}

struct Decoder<R> {
    window: Window<R>,
    record_bytes_max: usize,
}

impl<R: Read> Decoder<R> {
    /// Decodes with `read` from the front of the window, bringing more bytes for as long as they are
    /// what is missing. `read` then runs again from the start, so it must not have an effect before
    /// its last field is read.
    #[inline]
    fn record<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, SnapshotFlaw> {
        loop {
            let mut reader =
                Reader::with_limit(self.window.bytes(), self.record_bytes_max).joining_surrogates();
            match read(&mut reader) {
                Ok(value) => {
                    let count = reader.offset();
                    self.window.consume(count);
                    return Ok(value);
                }
                Err(error) => self.bring_more(what, error)?,
            }
        }
    }

    /// Brings more bytes if that may cure the error.
    #[cold]
    fn bring_more(&mut self, what: &'static str, error: DecodeError) -> Result<(), SnapshotFlaw> {
        let at = self.window.offset();
        let short = matches!(error.kind, DecodeErrorKind::Truncated { .. });
        if short && self.window.bytes().len() <= self.record_bytes_max && self.window.fill()? {
            return Ok(());
        }
        Err(SnapshotFlaw::Record { what, at, error })
    }

    fn field<T: for<'a> Field<'a>>(&mut self, what: &'static str) -> Result<T, SnapshotFlaw> {
        self.record(what, |reader| Field::read(reader))
    }

    fn header(&mut self) -> Result<(), SnapshotFlaw> {
        let header = self.field::<FileHeader>("file header")?;
        match header.magic {
            MAGIC => Ok(()),
            magic => Err(SnapshotFlaw::Magic(magic)),
        }
    }

    fn body(&mut self, visitor: &mut (impl SnapshotVisitor + ?Sized)) -> Result<u64, SnapshotFlaw> {
        let mut body = BodyDecoder::new();
        while !body.is_done() {
            let (what, at) = (body.what(), self.window.offset());
            match self.record(what, |reader| body.read(reader, visitor))? {
                Taken::Record => {}
                Taken::Negative(count) => return Err(SnapshotFlaw::Count { what, at, count }),
                Taken::Refused(reason) => return Err(SnapshotFlaw::Refused { at, reason }),
            }
        }
        Ok(body.nodes())
    }

    fn seal(&mut self) -> Result<(), SnapshotFlaw> {
        let at = self.window.offset();
        let computed = self.window.sum();
        let (written, ended) = self.record("seal", |reader| {
            let written = reader.long()?;
            Ok((written, reader.string()?.as_deref() == Some(END_PATH)))
        })?;
        if written != i64::from(computed) || !ended {
            return Err(SnapshotFlaw::Seal {
                at,
                written,
                computed,
            });
        }
        Ok(())
    }

    fn sections(&mut self) -> Result<Sections, SnapshotFlaw> {
        let at = self.window.offset();
        self.window.need(DIGEST_AND_ZXID_BYTES + 1)?;
        let bytes = self.window.bytes().len();
        let (digest, zxid) = match bytes {
            0 => (false, false),
            ZXID_BYTES => (false, true),
            DIGEST_BYTES => (true, false),
            DIGEST_AND_ZXID_BYTES => (true, true),
            _ => return Err(SnapshotFlaw::Tail { at, bytes }),
        };
        let mut sections = Sections::default();
        if digest {
            sections.digest = Some(self.field::<DigestSection>("digest section")?);
            self.seal()?;
        }
        if zxid {
            sections.zxid = Some(Zxid(self.field::<i64>("zxid section")?));
            self.seal()?;
        }
        Ok(sections)
    }
}

#[cfg(test)]
mod tests;

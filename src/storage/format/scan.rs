//! The bytes of a log in, records and a verdict on how it ends out. A torn end is what a power cut
//! leaves: nothing in it was acknowledged, and it may be cut off. Rot must not be cut off, since
//! acknowledged transactions would go with it.
//!
//! Where a log stops being readable, five questions decide ([`judge`]):
//!
//! | is the rest zero? | is there a hole? | does a whole record follow? | is a sector missing? | is it near the end? | verdict |
//! | --- | --- | --- | --- | --- | --- |
//! | yes | | | | | clean: preallocated space |
//! | no | no | | | | corrupt: everything is there, and it is wrong |
//! | no | yes | no | | | torn: the last write did not get through |
//! | no | yes | yes | yes | yes | torn: the sectors of one write get through in any order |
//! | no | yes | yes | otherwise | | corrupt: later writes got through, so this one had |
//!
//! A *hole* is what an unfinished write shows: the file ends inside the record, the record's end mark is
//! still zero, or a disk sector of it is. *Near the end* is within [`TEAR_BYTES_MAX`] of the last byte
//! that is not zero: more than one flush usually covers.
//!
//! What this cannot tell apart: a record within that distance which holds a sector's worth of zeros as
//! data, and rots elsewhere, is taken for torn.
//!
//! Apache stops silently at a zero length or a wrong end mark, even in the middle of a log, and loses
//! what follows; it refuses to start at a wrong checksum, even when a power cut is the reason.
// apache 3.9.5: server/persistence/FileTxnLog.java FileTxnIterator.next, Util.java readTxnBytes

use std::fmt;
use std::io::{Read, Result};

use byteorder::{BigEndian, ByteOrder};

use crate::storage::format::checksum;
use crate::storage::format::txn_log::{
    END_OF_RECORD, HEADER_BYTES, MAGIC, RECORD_FRAME_BYTES, RECORD_HEAD_BYTES,
};
use crate::storage::format::window::Window;
use crate::types::Zxid;

/// What a disk writes as a whole, in bytes; the pieces that a torn write is made of.
pub const SECTOR_BYTES: usize = 512;
/// How far beyond an unreadable record is looked for whole ones. What is unwritten at a power cut is
/// far smaller; a file that goes on beyond this is not torn.
pub const SEARCH_BYTES_MAX: usize = 64 << 20;
/// How far from the end of the log sectors may have been written in any order, in bytes.
pub const TEAR_BYTES_MAX: usize = 1 << 20;
/// More zeros than this in a row contain a whole sector.
const ZEROS_KEPT: usize = 2 * SECTOR_BYTES - 2;
/// Bytes of a transaction's header, the least that a body has.
const BODY_BYTES_MIN: usize = 32;
/// The zxid within a body.
const BODY_ZXID: std::ops::Range<usize> = 12..20;

/// A record of a log. Its checksum is right; what its body says was not looked at, except the zxid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// The transaction's number.
    pub zxid: Zxid,
    /// Header, transaction and digest, encoded.
    pub body: &'a [u8],
}

/// What is wrong at the place where a log stops being readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The file is shorter than its header.
    HeaderShort,
    /// The file does not begin with the magic number of a log.
    Magic(i32),
    /// The file ends inside a record.
    EndsInside,
    /// The length is not that of a transaction: zero before other bytes, negative, below the
    /// transaction header's 32 bytes, or above the limit.
    Length(i32),
    /// The body does not have the checksum that was written with it.
    Checksum {
        /// As written.
        written: u64,
        /// As computed.
        computed: u64,
    },
    /// The byte behind the body is not `B`.
    EndMark(u8),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::HeaderShort => write!(f, "the file header is incomplete"),
            Flaw::Magic(magic) => write!(f, "magic number {magic:08x} is not that of a log"),
            Flaw::EndsInside => write!(f, "the file ends inside a record"),
            Flaw::Length(length) => write!(f, "{length} is not the length of a transaction"),
            Flaw::Checksum { written, computed } => {
                write!(f, "checksum {computed:08x} instead of {written:08x}")
            }
            Flaw::EndMark(byte) => write!(f, "end mark {byte:02x} instead of 42"),
        }
    }
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// After a whole record, or after the file header. The rest is zero.
    Clean {
        /// Where, in bytes from the start of the file.
        end: u64,
    },
    /// In a write that did not reach the disk as a whole. No whole record follows.
    Torn {
        /// The length to cut the file to: the end of the last whole record; 0 when not even the file
        /// header is whole.
        end: u64,
        /// What was seen there.
        flaw: Flaw,
    },
    /// In bytes that were written and are no longer what they were.
    Corrupt {
        /// Where, in bytes from the start of the file.
        at: u64,
        /// What was seen there.
        flaw: Flaw,
        /// Whether whole records follow.
        follows: bool,
    },
}

/// One step of a scan.
#[derive(Debug)]
pub enum Step<'a> {
    /// The next record.
    Record(Record<'a>),
    /// There are no more; every later call says the same.
    End(Verdict),
}

/// What there is to know about the rest of a log from an unreadable place on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    /// Nothing but zeros.
    zero: bool,
    /// The record at its start shows what an unfinished write leaves.
    hole: bool,
    /// A whole record starts somewhere in it.
    follows: bool,
    /// What that record shows is a sector of zeros.
    sector: bool,
    /// It is at most [`TEAR_BYTES_MAX`] long.
    near: bool,
}

impl Rest {
    const ZERO: Rest = Rest {
        zero: true,
        hole: true,
        follows: false,
        sector: true,
        near: true,
    };
}

/// The decision table of the file header, above.
fn judge(at: u64, flaw: Flaw, rest: Rest) -> Verdict {
    let torn = Verdict::Torn { end: at, flaw };
    let corrupt = Verdict::Corrupt {
        at,
        flaw,
        follows: rest.follows,
    };
    match (rest.zero, rest.hole, rest.follows) {
        // Not even the file header is there.
        (true, _, _) if at < HEADER_BYTES as u64 => torn,
        (true, _, _) => Verdict::Clean { end: at },
        (false, false, _) => corrupt,
        (false, true, false) => torn,
        (false, true, true) if rest.sector && rest.near => torn,
        (false, true, true) => corrupt,
    }
}

/// Reads a log from its first byte to its end.
#[derive(Debug)]
pub struct LogScanner<R> {
    window: Window<R>,
    record_bytes_max: usize,
    last: Option<Zxid>,
    verdict: Option<Verdict>,
    started: bool,
}

/// What lies at the front of the window.
enum Front {
    Whole { body_bytes: usize },
    Flawed(Flaw),
}

impl<R: Read> LogScanner<R> {
    /// A scanner over a whole file. Bodies longer than `record_bytes_max` bytes are taken for rot.
    pub fn new(source: R, record_bytes_max: usize) -> Self {
        LogScanner {
            window: Window::new(source),
            record_bytes_max,
            last: None,
            verdict: None,
            started: false,
        }
    }

    /// The next record, or the end.
    ///
    /// # Errors
    /// The source's own. The scan cannot go on after one.
    pub fn step(&mut self) -> Result<Step<'_>> {
        if !self.started {
            self.started = true;
            self.take_header()?;
        }
        if let Some(verdict) = self.verdict {
            return Ok(Step::End(verdict));
        }
        let body_bytes = match self.front()? {
            Front::Whole { body_bytes } => body_bytes,
            Front::Flawed(flaw) => return self.end(flaw).map(Step::End),
        };
        let offset = self.window.offset();
        let body_at = RECORD_HEAD_BYTES;
        let zxid = zxid_of(&self.window.bytes()[body_at..]);
        self.last = Some(zxid);
        // The window keeps consumed bytes in place until it is asked for more.
        let body = self.window.pass(body_bytes + RECORD_FRAME_BYTES);
        Ok(Step::Record(Record {
            offset,
            zxid,
            body: &body[body_at..body_at + body_bytes],
        }))
    }

    fn take_header(&mut self) -> Result<()> {
        let flaw = if self.window.need(HEADER_BYTES)? {
            match BigEndian::read_i32(self.window.bytes()) {
                MAGIC => {
                    self.window.consume(HEADER_BYTES);
                    return Ok(());
                }
                magic => Flaw::Magic(magic),
            }
        } else {
            Flaw::HeaderShort
        };
        self.end(flaw).map(|_| ())
    }

    fn front(&mut self) -> Result<Front> {
        if !self.window.need(RECORD_HEAD_BYTES)? {
            return Ok(Front::Flawed(Flaw::EndsInside));
        }
        let length = BigEndian::read_i32(&self.window.bytes()[8..]);
        let Some(body_bytes) = body_bytes(length, self.record_bytes_max) else {
            return Ok(Front::Flawed(Flaw::Length(length)));
        };
        if !self.window.need(body_bytes + RECORD_FRAME_BYTES)? {
            return Ok(Front::Flawed(Flaw::EndsInside));
        }
        Ok(match flaw_of(self.window.bytes(), body_bytes) {
            None => Front::Whole { body_bytes },
            Some(flaw) => Front::Flawed(flaw),
        })
    }

    /// Looks at everything from here on and settles how the log ends.
    fn end(&mut self, flaw: Flaw) -> Result<Verdict> {
        let at = self.window.offset();
        let rest = if self.skip_zeros()? {
            Rest::ZERO
        } else {
            self.examine(at, flaw)?
        };
        let verdict = judge(at, flaw, rest);
        self.verdict = Some(verdict);
        Ok(verdict)
    }

    /// Whether there is nothing but zeros up to the end. Passes over them, so that preallocated space
    /// costs no memory, but keeps the last [`ZEROS_KEPT`].
    fn skip_zeros(&mut self) -> Result<bool> {
        while is_zero(self.window.bytes()) {
            let kept = self.window.bytes().len().min(ZEROS_KEPT);
            self.window.consume(self.window.bytes().len() - kept);
            if !self.window.need(kept + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn examine(&mut self, at: u64, flaw: Flaw) -> Result<Rest> {
        let beyond = self.window.need(SEARCH_BYTES_MAX)?;
        let skipped = self.window.offset() - at;
        let tail = self.window.bytes();
        let used = tail
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |i| i + 1);
        let tail = &tail[..used];
        let record = claimed(tail, flaw, self.record_bytes_max);
        // A wrong end mark behind a right body is no hole, whatever the body's zeros.
        let missing = !matches!(flaw, Flaw::EndMark(1..)) && has_zero_sector(record.bytes, at);
        let sector = skipped > 0 || missing;
        let near = skipped + used as u64 <= TEAR_BYTES_MAX as u64;
        let hole = sector || is_unfinished(&record, flaw);
        let follows = record_follows(tail, self.record_bytes_max, self.last);
        let more = beyond && {
            self.window.consume(SEARCH_BYTES_MAX);
            !self.skip_zeros()?
        };
        Ok(Rest {
            zero: false,
            hole,
            follows: follows || more,
            sector,
            near: near && !more,
        })
    }
}

/// A plausible length of a body as a size.
fn body_bytes(length: i32, record_bytes_max: usize) -> Option<usize> {
    let length = usize::try_from(length).ok()?;
    (BODY_BYTES_MIN..=record_bytes_max)
        .contains(&length)
        .then_some(length)
}

/// What is wrong with a record of which all bytes are there.
fn flaw_of(record: &[u8], body_bytes: usize) -> Option<Flaw> {
    let (head, rest) = record.split_at(RECORD_HEAD_BYTES);
    let written = BigEndian::read_u64(head);
    let computed = u64::from(checksum::of(&rest[..body_bytes]));
    if written != computed {
        return Some(Flaw::Checksum { written, computed });
    }
    let mark = rest[body_bytes];
    (mark != END_OF_RECORD).then_some(Flaw::EndMark(mark))
}

fn zxid_of(body: &[u8]) -> Zxid {
    Zxid(BigEndian::read_i64(&body[BODY_ZXID]))
}

/// Whether there is no byte but zero. By comparing blocks, since preallocated space is long.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut blocks = bytes.chunks(ZEROS.len());
    blocks.all(|block| block == &ZEROS[..block.len()])
}

/// Whether a whole record starts anywhere in `tail` but at its first byte. The cheap tests come first:
/// almost no offset passes them by chance.
fn record_follows(tail: &[u8], record_bytes_max: usize, last: Option<Zxid>) -> bool {
    (1..tail.len()).any(|start| {
        let Some(head) = tail.get(start..start + RECORD_HEAD_BYTES) else {
            return false;
        };
        if head[..4] != [0; 4] || head[4..8] == [0; 4] {
            return false;
        }
        let Some(body_bytes) = body_bytes(BigEndian::read_i32(&head[8..]), record_bytes_max) else {
            return false;
        };
        let Some(record) = tail.get(start..start + RECORD_FRAME_BYTES + body_bytes) else {
            return false;
        };
        record[record.len() - 1] == END_OF_RECORD
            && last.is_none_or(|last| zxid_of(&record[RECORD_HEAD_BYTES..]) > last)
            && flaw_of(record, body_bytes).is_none()
    })
}

/// The record at the start of a tail, as far as one can tell.
struct Claimed<'a> {
    /// Its bytes; the whole tail when its length is not to be believed.
    bytes: &'a [u8],
    /// It goes on beyond the tail.
    goes_on: bool,
}

fn claimed(tail: &[u8], flaw: Flaw, record_bytes_max: usize) -> Claimed<'_> {
    let length = tail.get(8..RECORD_HEAD_BYTES).map(BigEndian::read_i32);
    let length = length.filter(|_| !matches!(flaw, Flaw::Magic(_) | Flaw::HeaderShort));
    let bytes = length
        .and_then(|length| body_bytes(length, record_bytes_max))
        .map_or(tail.len(), |body_bytes| body_bytes + RECORD_FRAME_BYTES);
    Claimed {
        bytes: tail.get(..bytes).unwrap_or(tail),
        goes_on: bytes > tail.len() || tail.len() <= RECORD_HEAD_BYTES,
    }
}

/// Whether the write of `record` stopped inside it. Beyond the tail that it was cut from are only zeros,
/// or nothing.
fn is_unfinished(record: &Claimed<'_>, flaw: Flaw) -> bool {
    match flaw {
        Flaw::HeaderShort | Flaw::EndsInside => true,
        // Nothing is there but a part of the file header.
        Flaw::Magic(_) => record.bytes.len() <= HEADER_BYTES,
        // The body is right, so all of it was written.
        Flaw::EndMark(mark) => mark == 0,
        Flaw::Length(_) | Flaw::Checksum { .. } => record.goes_on || record.bytes.ends_with(&[0]),
    }
}

/// Whether one of the sectors that `bytes`, at `at` in the file, lie in holds nothing but zeros of them.
fn has_zero_sector(bytes: &[u8], at: u64) -> bool {
    let sector_bytes = SECTOR_BYTES as u64;
    let first = usize::try_from(sector_bytes - at % sector_bytes)
        .expect("a sector's size fits in memory")
        .min(bytes.len());
    let (first, rest) = bytes.split_at(first);
    // The upper half of a checksum is always zero: four bytes alone say nothing.
    (first.len() > 4 && is_zero(first)) || rest.chunks(SECTOR_BYTES).any(is_zero)
}

#[cfg(test)]
mod tests;

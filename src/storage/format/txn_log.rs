//! How a record is framed in a log: file header, checksum, length, end mark. Reading is `scan`'s.

use byteorder::{BigEndian, ByteOrder};

use crate::proto;
use crate::proto::disk::FileHeader;
use crate::storage::format::checksum;

/// `ZKLG`.
pub const MAGIC: i32 = 0x5a4b_4c47;
/// The version of both file formats.
pub const VERSION: i32 = 2;
/// Bytes of the file header.
pub const HEADER_BYTES: usize = 16;
/// Bytes of a record in front of its body: checksum and length.
pub const RECORD_HEAD_BYTES: usize = 12;
/// Bytes of a record behind its body: the end mark.
pub const RECORD_TAIL_BYTES: usize = 1;
/// Bytes of a record beside its body.
pub const RECORD_FRAME_BYTES: usize = RECORD_HEAD_BYTES + RECORD_TAIL_BYTES;
/// The byte that ends a record, `B`.
pub const END_OF_RECORD: u8 = 0x42;

/// Appends the 16 bytes that a log begins with.
pub fn append_header(out: &mut Vec<u8>) {
    let header = FileHeader {
        magic: MAGIC,
        version: VERSION,
        dbid: 0,
    };
    proto::append(&header, out);
}

/// Bytes of the record that `records` begins with, as this server has framed it itself.
///
/// # Panics
/// When there is no whole head.
pub fn record_bytes(records: &[u8]) -> usize {
    let length = BigEndian::read_u32(&records[8..RECORD_HEAD_BYTES]);
    RECORD_FRAME_BYTES + usize::try_from(length).expect("a record is in memory")
}

/// Appends a record whose body is at hand.
pub fn append_record(body: &[u8], out: &mut Vec<u8>) {
    let record = OpenRecord::open(out);
    out.extend_from_slice(body);
    record.close(out);
}

/// A record whose body is being appended to the buffer that [`OpenRecord::open`] was given, without
/// a copy in between.
#[derive(Debug)]
#[must_use = "a record that is not closed has neither length nor checksum"]
pub struct OpenRecord {
    start: usize,
}

impl OpenRecord {
    /// Reserves the record's head at the end of `out`. The body goes right behind it.
    pub fn open(out: &mut Vec<u8>) -> OpenRecord {
        let start = out.len();
        out.resize(start + RECORD_HEAD_BYTES, 0);
        OpenRecord { start }
    }

    /// The body so far.
    pub fn body<'o>(&self, out: &'o [u8]) -> &'o [u8] {
        &out[self.start + RECORD_HEAD_BYTES..]
    }

    /// Fills in length and checksum and ends the record.
    ///
    /// # Panics
    /// When the body is empty (it would read as the end of the log), or 2 GiB or longer, or when `out`
    /// was cut below the record's head.
    pub fn close(self, out: &mut Vec<u8>) {
        let body = self.body(out);
        assert!(!body.is_empty(), "a record without a body ends a log");
        let length = i32::try_from(body.len()).expect("a transaction is shorter than 2 GiB");
        let sum = checksum::of(body);
        let head = &mut out[self.start..self.start + RECORD_HEAD_BYTES];
        BigEndian::write_u64(&mut head[..8], u64::from(sum));
        BigEndian::write_i32(&mut head[8..], length);
        out.push(END_OF_RECORD);
    }

    /// Takes the record back, as if it had not been opened.
    pub fn abandon(self, out: &mut Vec<u8>) {
        out.truncate(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_and_copied_records_are_the_same() {
        let mut copied = vec![7];
        append_record(b"body", &mut copied);
        let mut in_place = vec![7];
        let record = OpenRecord::open(&mut in_place);
        in_place.extend_from_slice(b"bo");
        in_place.extend_from_slice(b"dy");
        assert_eq!(record.body(&in_place), b"body");
        record.close(&mut in_place);
        assert_eq!(copied, in_place);
        assert_eq!(copied.len(), 1 + RECORD_FRAME_BYTES + 4);
        assert_eq!(record_bytes(&copied[1..]), RECORD_FRAME_BYTES + 4);
    }

    #[test]
    fn the_checksum_covers_the_body_alone() {
        let mut out = Vec::new();
        append_record(b"body", &mut out);
        assert_eq!(BigEndian::read_u64(&out), u64::from(checksum::of(b"body")));
        assert_eq!(out[8..12], [0, 0, 0, 4]);
        assert_eq!(out.last(), Some(&b'B'));
    }

    #[test]
    fn an_abandoned_record_leaves_nothing() {
        let mut out = vec![1, 2];
        let record = OpenRecord::open(&mut out);
        out.push(3);
        record.abandon(&mut out);
        assert_eq!(out, [1, 2]);
    }

    #[test]
    #[should_panic(expected = "ends a log")]
    fn an_empty_record_cannot_be_written() {
        append_record(b"", &mut Vec::new());
    }

    #[test]
    fn header_bytes() {
        let mut out = Vec::new();
        append_header(&mut out);
        assert_eq!(out, b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0");
    }
}

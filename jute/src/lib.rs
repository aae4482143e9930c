//! Jute, the binary encoding of Apache ZooKeeper. Knows the wire rules, not one word of ZooKeeper.
//!
//! ```text
//! bool, i8   1 byte             (every non-zero byte reads as true)
//! i32, i64   4 or 8 bytes, big endian
//! buffer     i32 length + bytes;            length -1 is null
//! ustring    i32 length in bytes + text;    length -1 is null
//! vector     i32 count + elements;          count -1 is null, any other negative count is empty
//! record     its fields in order, without tags or lengths
//! ```
//!
//! Decoding borrows from the input, checks every length against what is left of it before using it,
//! allocates nothing on a peer's word, and never panics. Records are declared once with [`record!`];
//! reading, writing and the exact encoded size all come from that declaration.

mod error;
mod reader;
mod record;
mod text;
mod writer;

pub use error::{DecodeError, DecodeErrorKind};
pub use reader::Reader;
pub use record::{Field, Record, Text};
pub use writer::Writer;

/// The encoded form of a record, in a vector of exactly the right size.
pub fn to_vec<'a, R: Record<'a>>(record: &R) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.size());
    record.write(&mut Writer::new(&mut out));
    debug_assert_eq!(
        out.len(),
        record.size(),
        "a record's size and its encoding disagree"
    );
    out
}

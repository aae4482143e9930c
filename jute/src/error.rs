//! Why bytes could not be decoded, and where.

use std::fmt;

/// A decoding failure at a byte offset of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Offset in the input at which the offending field starts, in bytes.
    pub offset: usize,
    /// What was wrong there.
    pub kind: DecodeErrorKind,
}

/// What can be wrong with encoded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The input ends before the field does.
    Truncated {
        /// Bytes the field still needed.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A length below -1.
    NegativeLength(i32),
    /// A length above the reader's limit.
    TooLong {
        /// The length read.
        length: usize,
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A null where the record needs a value.
    Null,
    /// A number that names nothing in the set the field allows.
    UnknownValue(i32),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match self.kind {
            DecodeErrorKind::Truncated { needed, left } => {
                write!(f, "{needed} bytes needed, {left} left")
            }
            DecodeErrorKind::NegativeLength(length) => write!(f, "negative length {length}"),
            DecodeErrorKind::TooLong { length, limit } => {
                write!(f, "length {length} is above the limit of {limit}")
            }
            DecodeErrorKind::Null => write!(f, "null where a value is needed"),
            DecodeErrorKind::UnknownValue(value) => write!(f, "unknown value {value}"),
        }
    }
}

impl std::error::Error for DecodeError {}

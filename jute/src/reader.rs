//! A bounded cursor over bytes. Borrows what it returns; allocates only to repair malformed text.

use crate::error::{DecodeError, DecodeErrorKind};
use crate::record::Text;
use crate::text;

/// Reads Jute fields off a byte slice, front to back.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    length_max: usize,
    joins_surrogates: bool,
}

impl<'a> Reader<'a> {
    /// A reader without a length limit of its own: no field can be longer than the input anyway.
    pub fn new(input: &'a [u8]) -> Self {
        Reader {
            input,
            at: 0,
            length_max: usize::MAX,
            joins_surrogates: false,
        }
    }

    /// A reader that refuses strings and buffers longer than `length_max` bytes
    /// (`jute.maxbuffer` plus `jute.maxbuffer.extrasize` in Apache's server).
    pub fn with_limit(input: &'a [u8], length_max: usize) -> Self {
        Reader {
            input,
            at: 0,
            length_max,
            joins_surrogates: false,
        }
    }

    /// The same reader, for bytes that [`Writer`](crate::Writer) may have written: characters outside
    /// the basic plane, which it writes as two surrogates, come back as they were.
    #[must_use]
    pub fn joining_surrogates(mut self) -> Self {
        self.joins_surrogates = true;
        self
    }

    /// Offset of the next byte to be read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.input.len() - self.at
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.input[self.at..]
    }

    /// An error of this kind at the current offset.
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            offset: self.at,
            kind,
        }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Truncated`] when fewer are left.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let left = self.left();
        if count > left {
            return Err(self.error(DecodeErrorKind::Truncated {
                needed: count,
                left,
            }));
        }
        let taken = &self.input[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// One byte as a signed number.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn byte(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// One byte; every non-zero value is true.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.byte()? != 0)
    }

    /// A 32-bit number.
    ///
    /// # Errors
    /// When fewer than 4 bytes are left.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A 64-bit number.
    ///
    /// # Errors
    /// When fewer than 8 bytes are left.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A length-prefixed buffer; `None` is the wire's null (length -1).
    ///
    /// # Errors
    /// A length below -1, above the limit, or beyond the end of the input.
    #[inline]
    pub fn buffer(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let start = self.at;
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        let fail = |kind| DecodeError {
            offset: start,
            kind,
        };
        let Ok(length) = usize::try_from(length) else {
            return Err(fail(DecodeErrorKind::NegativeLength(length)));
        };
        if length > self.length_max {
            return Err(fail(DecodeErrorKind::TooLong {
                length,
                limit: self.length_max,
            }));
        }
        self.take(length).map(Some)
    }

    /// A length-prefixed string; `None` is null. Malformed UTF-8 becomes U+FFFD, as Java decodes it.
    ///
    /// # Errors
    /// As [`Reader::buffer`].
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, DecodeError> {
        let joins = self.joins_surrogates;
        Ok(self.buffer()?.map(|bytes| text::decode(bytes, joins)))
    }

    /// The element count of a vector; `None` is null. Counts below -1 are empty, as in Apache's
    /// `JVector`. The count is a claim: nothing may be allocated for it before the elements are read.
    ///
    /// # Errors
    /// When fewer than 4 bytes are left.
    pub fn count(&mut self) -> Result<Option<usize>, DecodeError> {
        let count = self.int()?;
        Ok(if count == -1 {
            None
        } else {
            Some(usize::try_from(count).unwrap_or(0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_use() {
        for (bytes, want) in [
            (
                &[0, 0, 0][..],
                DecodeErrorKind::Truncated { needed: 4, left: 3 },
            ),
            (
                &[0xff, 0xff, 0xff, 0xfe],
                DecodeErrorKind::NegativeLength(-2),
            ),
            (
                &[0x7f, 0xff, 0xff, 0xff],
                DecodeErrorKind::TooLong {
                    length: 0x7fff_ffff,
                    limit: 100,
                },
            ),
            (
                &[0, 0, 0, 2, 1],
                DecodeErrorKind::Truncated { needed: 2, left: 1 },
            ),
        ] {
            let got = Reader::with_limit(bytes, 100).buffer().unwrap_err();
            assert_eq!(got.kind, want, "{bytes:?}");
        }
    }

    #[test]
    fn null_differs_from_empty() {
        assert_eq!(Reader::new(&[0xff; 4]).buffer(), Ok(None));
        assert_eq!(Reader::new(&[0; 4]).buffer(), Ok(Some(&[][..])));
        assert_eq!(Reader::new(&[0xff; 4]).count(), Ok(None));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xfe]).count(), Ok(Some(0)));
    }
}

//! An append-only writer over a vector of bytes. No I/O; cannot fail.

use crate::text;

/// Appends Jute fields to a vector.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

/// A length as the wire's 32-bit number.
fn wire_length(length: usize) -> i32 {
    i32::try_from(length).expect("a Jute field is shorter than 2 GiB")
}

impl<'o> Writer<'o> {
    /// A writer that appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Writer { out }
    }

    /// Bytes in the vector so far, those from before this writer included.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// One signed byte.
    pub fn byte(&mut self, value: i8) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// A boolean: 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    /// A 32-bit number.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// A 64-bit number.
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// A buffer; `None` is written as null.
    ///
    /// # Panics
    /// When the buffer is 2 GiB or longer.
    #[inline]
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.int(-1),
            Some(bytes) => {
                self.int(wire_length(bytes.len()));
                self.out.extend_from_slice(bytes);
            }
        }
    }

    /// A string, encoded as Java does; `None` is written as null.
    ///
    /// # Panics
    /// When the text is 2 GiB or longer.
    #[inline]
    pub fn string(&mut self, value: Option<&str>) {
        match value {
            None => self.int(-1),
            Some(text) => {
                self.int(wire_length(text::encoded_len(text)));
                text::encode(text, self.out);
            }
        }
    }

    /// The element count of a vector; `None` is written as null.
    ///
    /// # Panics
    /// With 2^31 elements or more.
    pub fn count(&mut self, count: Option<usize>) {
        self.int(count.map_or(-1, wire_length));
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

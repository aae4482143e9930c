//! Reading replies: the primitive types of Jute. What does not fit is the server's mistake and fails the test on the spot.

use crate::wire::encode::to_hex;

/// What is left to read of one reply.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            whole: bytes,
            rest: bytes,
        }
    }

    /// The next `count` bytes.
    ///
    /// # Panics
    /// When fewer are left.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        assert!(
            count <= self.rest.len(),
            "reply ends early: {count} bytes wanted, {} left of {}",
            self.rest.len(),
            to_hex(self.whole)
        );
        let (head, tail) = self.rest.split_at(count);
        self.rest = tail;
        head
    }

    /// One byte that must be 0 or 1.
    #[track_caller]
    pub fn boolean(&mut self) -> bool {
        let byte = self.take(1)[0];
        assert!(byte < 2, "a boolean is written as 0 or 1, not {byte}");
        byte == 1
    }

    /// Four bytes.
    #[track_caller]
    pub fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    /// Eight bytes.
    #[track_caller]
    pub fn long(&mut self) -> i64 {
        i64::from_be_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    /// A buffer, null as `None`.
    #[track_caller]
    pub fn buffer(&mut self) -> Option<Vec<u8>> {
        let length = self.int();
        if length == -1 {
            return None;
        }
        Some(
            self.take(usize::try_from(length).expect("a length below -1 is never written"))
                .to_vec(),
        )
    }

    /// A ustring that is not null and is well-formed UTF-8.
    #[track_caller]
    pub fn text(&mut self) -> String {
        String::from_utf8(self.buffer().expect("text is not null here"))
            .expect("text is UTF-8 here")
    }

    /// A vector of whatever `element` reads.
    #[track_caller]
    pub fn vector<T>(&mut self, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.int();
        assert!(
            count >= 0,
            "a vector in a reply is never null, yet its count is {count}"
        );
        (0..count).map(|_| element(self)).collect()
    }

    /// Nothing may be left.
    ///
    /// # Panics
    /// When there is more.
    #[track_caller]
    pub fn end(&self) {
        assert!(
            self.rest.is_empty(),
            "reply goes on: {} left of {}",
            to_hex(self.rest),
            to_hex(self.whole)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::hex;

    #[test]
    fn reads_what_the_encoder_does_not_know() {
        let bytes = hex("01 fffffffe 0000000000000009 ffffffff 00000002 6869 00000001 00000000");
        let mut decoder = Decoder::new(&bytes);
        assert!(decoder.boolean());
        assert_eq!(decoder.int(), -2);
        assert_eq!(decoder.long(), 9);
        assert_eq!(decoder.buffer(), None);
        assert_eq!(decoder.text(), "hi");
        assert_eq!(decoder.vector(Decoder::text), [""]);
        decoder.end();
    }

    #[test]
    #[should_panic(expected = "reply goes on")]
    fn notices_what_is_left_over() {
        Decoder::new(&[0]).end();
    }

    #[test]
    #[should_panic(expected = "reply ends early")]
    fn notices_what_is_missing() {
        Decoder::new(&[0, 0]).int();
    }
}

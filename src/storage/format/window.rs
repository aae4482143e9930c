//! A sliding window over a byte source: large reads, records borrowed in place, and no memory for a
//! claimed length before the bytes have come.

use std::io::{ErrorKind, Read, Result};

use crate::storage::format::checksum::Checksum;

/// Bytes asked of the source at a time.
pub const CHUNK_BYTES: usize = 1 << 20;

/// The bytes of a source, seen through a buffer that slides forward.
#[derive(Debug)]
pub struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    /// Everything before is gone from the checksum's point of view; `hashed <= start <= end`.
    hashed: usize,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
    sum: Option<Checksum>,
}

impl<R: Read> Window<R> {
    /// A window at the source's first byte.
    pub fn new(source: R) -> Self {
        Window {
            source,
            buffer: Vec::new(),
            hashed: 0,
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            sum: None,
        }
    }

    /// A window that keeps the Adler-32 of all bytes that were consumed.
    pub fn summing(source: R) -> Self {
        Window {
            sum: Some(Checksum::new()),
            ..Window::new(source)
        }
    }

    /// Offset in the source of the first byte that was not consumed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes at hand that were not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether `count` unconsumed bytes are at hand, after reading as much as that takes. `false` means
    /// that the source has ended before.
    ///
    /// # Errors
    /// The source's own.
    #[inline]
    pub fn need(&mut self, count: usize) -> Result<bool> {
        while self.end - self.start < count {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings more bytes. `false` at the end of the source.
    ///
    /// # Errors
    /// The source's own.
    pub fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.slide();
        if self.end == self.buffer.len() {
            self.grow();
        }
        let count = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += count;
        self.ended = count == 0;
        Ok(!self.ended)
    }

    /// Moves on by `count` bytes.
    ///
    /// # Panics
    /// When fewer are at hand.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        assert!(
            count <= self.end - self.start,
            "only bytes at hand are consumed"
        );
        self.start += count;
        self.offset += count as u64;
    }

    /// Moves on by `count` bytes and lends them until the window is asked for more.
    ///
    /// # Panics
    /// When fewer are at hand.
    #[inline]
    pub fn pass(&mut self, count: usize) -> &[u8] {
        self.consume(count);
        &self.buffer[self.start - count..self.start]
    }

    /// The checksum of everything consumed.
    ///
    /// # Panics
    /// When the window keeps none.
    pub fn sum(&mut self) -> u32 {
        self.absorb();
        let sum = self.sum.as_ref();
        sum.expect("the window was made to keep a checksum").value()
    }

    fn absorb(&mut self) {
        if let Some(sum) = &mut self.sum {
            sum.update(&self.buffer[self.hashed..self.start]);
        }
        self.hashed = self.start;
    }

    /// Everything at hand is one unfinished record: the window doubles, never more.
    fn grow(&mut self) {
        let room = self.buffer.len().max(CHUNK_BYTES);
        let mut wider = vec![0; self.buffer.len() + room];
        wider[..self.end].copy_from_slice(&self.buffer[..self.end]);
        self.buffer = wider;
    }

    /// Drops what was consumed when the rest is small, or when there is no room behind it.
    fn slide(&mut self) {
        if self.start == 0 || (self.end < self.buffer.len() && self.end > self.start) {
            return;
        }
        self.absorb();
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        self.hashed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::checksum;
    use proptest::prelude::*;

    /// Gives at most `step` bytes at a time, as files and sockets may.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> Result<usize> {
            let limit = self.1.min(out.len());
            self.0.read(&mut out[..limit])
        }
    }

    #[test]
    fn a_claim_allocates_nothing_before_its_bytes() {
        let mut window = Window::new(&b"short"[..]);
        assert!(!window.need(usize::MAX / 2).unwrap());
        assert!(window.buffer.len() <= 2 * CHUNK_BYTES);
        assert_eq!(window.bytes(), b"short");
    }

    proptest! {
        #[test]
        fn all_bytes_pass_in_order(
            bytes in proptest::collection::vec(any::<u8>(), 0..5000),
            step in 1_usize..700,
            take in 1_usize..900,
        ) {
            let mut window = Window::summing(Slow(&bytes, step));
            let mut seen = Vec::new();
            while window.need(take).unwrap() {
                prop_assert_eq!(window.offset(), seen.len() as u64);
                seen.extend_from_slice(&window.bytes()[..take]);
                window.consume(take);
                prop_assert_eq!(window.sum(), checksum::of(&seen));
            }
            seen.extend_from_slice(window.bytes());
            prop_assert_eq!(seen, bytes);
        }
    }
}

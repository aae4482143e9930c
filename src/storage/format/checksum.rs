//! Adler-32, the checksum of both files, incremental.

use simd_adler32::Adler32;

/// The checksum of one run of bytes.
pub fn of(bytes: &[u8]) -> u32 {
    simd_adler32::adler32(&bytes)
}

/// A checksum over bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Checksum(Adler32);

impl Checksum {
    /// The checksum of nothing.
    pub fn new() -> Self {
        Checksum::default()
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// The checksum of everything so far.
    pub fn value(&self) -> u32 {
        self.0.finish()
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checksum({:08x})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(of(b""), 1);
        assert_eq!(of(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn pieces_add_up() {
        let bytes = (0..=255).cycle().take(70_000).collect::<Vec<u8>>();
        let mut sum = Checksum::new();
        for piece in bytes.chunks(4097) {
            sum.update(piece);
        }
        assert_eq!(sum.value(), of(&bytes));
    }
}

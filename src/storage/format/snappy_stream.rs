//! The stream framing of snappy-java, which Apache's snapshots use; it is not the standard framing.
//!
//! ```text
//! 82 "SNAPPY" 00   version 1   lowest compatible version 1     16 bytes
//! (block length, raw snappy block)*
//! ```

use std::io::{self, Read, Write};

use snap::raw::{Decoder, Encoder, decompress_len};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const VERSION: [u8; 4] = 1_i32.to_be_bytes();
/// Uncompressed bytes of a block as snappy-java writes them.
const BLOCK_BYTES: usize = 32 << 10;
/// Compressed bytes of a block that are believed; snappy-java's own blocks are far smaller.
const BLOCK_BYTES_MAX: usize = 64 << 20;
/// The most that one compressed byte can stand for: copies of 64 bytes take 3.
const RATIO_MAX: usize = 32;

fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Compresses what is written to it.
#[derive(Debug)]
pub struct SnappyWriter<W> {
    sink: W,
    block: Vec<u8>,
    encoder: Encoder,
}

impl<W: Write> SnappyWriter<W> {
    /// A writer that has written the stream's header.
    ///
    /// # Errors
    /// The sink's own.
    pub fn new(mut sink: W) -> io::Result<Self> {
        sink.write_all(&MAGIC)?;
        sink.write_all(&VERSION)?;
        sink.write_all(&VERSION)?;
        Ok(SnappyWriter {
            sink,
            block: Vec::with_capacity(BLOCK_BYTES),
            encoder: Encoder::new(),
        })
    }

    /// Writes the last block and gives the sink back.
    ///
    /// # Errors
    /// The sink's own.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_block()?;
        Ok(self.sink)
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let packed = self.encoder.compress_vec(&self.block)?;
        let length = u32::try_from(packed.len()).expect("a block of 32 KiB stays small");
        self.sink.write_all(&length.to_be_bytes())?;
        self.sink.write_all(&packed)?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for SnappyWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK_BYTES - self.block.len();
        let taken = room.min(bytes.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK_BYTES {
            self.write_block()?;
        }
        Ok(taken)
    }

    /// Does not cut a block short: only [`SnappyWriter::finish`] does.
    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Decompresses what is read from it.
#[derive(Debug)]
pub struct SnappyReader<R> {
    source: R,
    packed: Vec<u8>,
    block: Vec<u8>,
    at: usize,
    decoder: Decoder,
}

impl<R: Read> SnappyReader<R> {
    /// A reader that has read the stream's header.
    ///
    /// # Errors
    /// When it is not that of snappy-java's streams, or the source's own.
    pub fn new(mut source: R) -> io::Result<Self> {
        let mut header = [0; 16];
        source.read_exact(&mut header)?;
        if header[..8] != MAGIC {
            return Err(broken("not a snappy-java stream"));
        }
        Ok(SnappyReader {
            source,
            packed: Vec::new(),
            block: Vec::new(),
            at: 0,
            decoder: Decoder::new(),
        })
    }

    /// Brings the next block. `false` at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let Some(length) = self.block_length()? else {
            return Ok(false);
        };
        // `take` brings what is there; the length is only a claim.
        self.packed.clear();
        let limit = u64::try_from(length).expect("a length fits in 64 bits");
        (&mut self.source)
            .take(limit)
            .read_to_end(&mut self.packed)?;
        if self.packed.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let unpacked = decompress_len(&self.packed)?;
        if unpacked > length.saturating_mul(RATIO_MAX) {
            return Err(broken(format!("{length} bytes cannot hold {unpacked}")));
        }
        self.block.resize(unpacked, 0);
        self.decoder.decompress(&self.packed, &mut self.block)?;
        self.at = 0;
        Ok(true)
    }

    fn block_length(&mut self) -> io::Result<Option<usize>> {
        let mut head = [0; 4];
        if self.source.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        self.source.read_exact(&mut head[1..])?;
        let length = i32::from_be_bytes(head);
        match usize::try_from(length) {
            Ok(length) if length <= BLOCK_BYTES_MAX => Ok(Some(length)),
            _ => Err(broken(format!("{length} is not the length of a block"))),
        }
    }
}

impl<R: Read> Read for SnappyReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let count = (&self.block[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut writer = SnappyWriter::new(Vec::new()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        SnappyReader::new(bytes)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn header_bytes() {
        assert_eq!(pack(b""), b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    }

    #[test]
    fn a_claim_beyond_the_bytes_is_refused() {
        let mut bytes = pack(b"");
        bytes.extend_from_slice(&[0x00, 0xff, 0xff, 0xff, 1]);
        assert_eq!(
            unpack(&bytes).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        let mut bytes = pack(b"");
        bytes.extend_from_slice(&[0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert!(
            unpack(&bytes)
                .unwrap_err()
                .to_string()
                .contains("cannot hold")
        );
        let mut bytes = pack(b"");
        bytes.extend_from_slice(&[0xff; 4]);
        assert!(unpack(&bytes).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn streams_round_trip(seed in any::<u64>(), length in 0_usize..200_000) {
            let mut state = seed;
            let bytes: Vec<u8> = (0..length)
                .map(|i| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if i % 7 < 4 { b'a' } else { state.to_be_bytes()[0] }
                })
                .collect();
            prop_assert_eq!(unpack(&pack(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut stream = pack(b"");
            stream.extend_from_slice(&bytes);
            let _ = unpack(&stream);
        }
    }
}

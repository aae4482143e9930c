//! Reading files with holes. A log is preallocated, so that its last 64 MiB may be one hole, and the kernel
//! would make a page of zeros in memory for every 4 KiB of it that somebody reads. Past its page cache it
//! gives the same zeros eighty times as fast.
//!
//! Where a hole is only decides how it is read, never what: file systems have been wrong about that.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::fs::{OFlags, SeekFrom, fcntl_getfl, fcntl_setfl, seek};
use rustix::io::Errno;

/// What positions, lengths and memory are multiples of when the page cache is passed by. No disk has larger blocks.
const BLOCK_BYTES: usize = 4096;
/// Read of a hole at a time: what fits into a processor's second cache.
const HOLE_BYTES_MAX: usize = 64 * BLOCK_BYTES;

/// A file from its first byte to its last, whatever was read through other handles.
#[derive(Debug)]
pub struct SparseReader {
    file: File,
    at: u64,
    /// What lies at `at`, and where that ends.
    run: Run,
    run_end: u64,
    /// Takes what is read of holes, from the first address on that is a multiple of a block. Empty until there is one.
    blocks: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Data,
    /// The page cache is passed by.
    Hole,
}

impl SparseReader {
    /// A reader at the file's first byte.
    pub fn new(file: File) -> Self {
        SparseReader {
            file,
            at: 0,
            run: Run::Data,
            run_end: 0,
            blocks: Vec::new(),
        }
    }

    /// Finds out what lies ahead.
    fn look(&mut self) -> io::Result<()> {
        let (run, end) = match seek(&self.file, SeekFrom::Data(self.at)) {
            Ok(data) if data > self.at => (Run::Hole, data),
            Ok(_) => (Run::Data, seek(&self.file, SeekFrom::Hole(self.at))?),
            // No data from here to the end, if this is not the end.
            Err(Errno::NXIO) => (Run::Hole, self.file.metadata()?.len()),
            // A file system that does not know of holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => (Run::Data, u64::MAX),
            Err(error) => return Err(error.into()),
        };
        self.run_end = end;
        self.enter(run)
    }

    /// Reads on in this way, if the file system can.
    fn enter(&mut self, run: Run) -> io::Result<()> {
        if run == self.run {
            return Ok(());
        }
        let mut flags = fcntl_getfl(&self.file)?;
        flags.set(OFlags::DIRECT, run == Run::Hole);
        match fcntl_setfl(&self.file, flags) {
            Ok(()) => self.run = run,
            Err(Errno::INVAL) if run == Run::Hole => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads the whole blocks around what is wanted. `None`: the file system cannot.
    fn read_hole(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        if self.blocks.is_empty() {
            self.blocks = vec![0; HOLE_BYTES_MAX + BLOCK_BYTES];
        }
        let aligned = self.blocks.as_ptr().align_offset(BLOCK_BYTES);
        let before = self.at % BLOCK_BYTES as u64;
        let begin = self.at - before;
        let before = usize::try_from(before).expect("less than a block");
        let wanted = (before + out.len()).next_multiple_of(BLOCK_BYTES);
        let blocks = &mut self.blocks[aligned..][..wanted.min(HOLE_BYTES_MAX)];
        let read = match self.file.read_at(blocks, begin) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            read => read?,
        };
        let found = blocks[..read].get(before..).unwrap_or_default();
        let count = found.len().min(out.len());
        out[..count].copy_from_slice(&found[..count]);
        Ok(Some(count))
    }
}

impl Read for SparseReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.run_end {
            self.look()?;
        }
        let left = usize::try_from(self.run_end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = out.len().min(left);
        let out = &mut out[..length];
        if out.is_empty() {
            return Ok(0);
        }
        let read = match self.run {
            Run::Hole => self.read_hole(out)?,
            Run::Data => None,
        };
        let count = match read {
            Some(count) => count,
            None => {
                self.enter(Run::Data)?;
                self.file.read_at(out, self.at)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn read(path: &Path, step: usize) -> Vec<u8> {
        let mut reader = SparseReader::new(File::open(path).unwrap());
        let (mut bytes, mut some) = (Vec::new(), vec![1; step]);
        loop {
            match reader.read(&mut some).unwrap() {
                0 => return bytes,
                count => bytes.extend_from_slice(&some[..count]),
            }
        }
    }

    #[test]
    fn a_file_without_a_byte_ends_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty");
        File::create(&path).unwrap();
        assert_eq!(read(&path, 10), b"");
    }

    #[test]
    fn what_is_appended_after_the_end_was_seen_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grows");
        fs::write(&path, b"first").unwrap();
        let mut reader = SparseReader::new(File::open(&path).unwrap());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        fs::write(&path, b"first, second").unwrap();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "first, second");
    }

    /// As a file system does that takes data for a hole.
    #[test]
    fn what_is_taken_for_a_hole_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("no hole");
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        fs::write(&path, &bytes).unwrap();
        let mut reader = SparseReader::new(File::open(&path).unwrap());
        reader.run_end = bytes.len() as u64;
        reader.enter(Run::Hole).unwrap();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reads_what_others_read(
            pieces in proptest::collection::vec((0_u64..300_000, 1_usize..10_000), 0..6),
            length in 0_u64..400_000,
            step in 1_usize..50_000,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("sparse");
            let file = File::create(&path).unwrap();
            for (at, count) in pieces {
                file.write_all_at(&vec![7; count], at).unwrap();
            }
            file.set_len(length).unwrap();
            prop_assert_eq!(read(&path, step), fs::read(&path).unwrap());
        }
    }
}

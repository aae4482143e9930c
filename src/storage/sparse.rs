//! Reading files with holes. A log is preallocated, so that its last 64 MiB may be one hole, and the kernel
//! would make a page of zeros in memory for every 4 KiB of it that somebody reads.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// A file from its first byte to its last. Its holes read as zeros without being read.
///
/// Of a file that somebody writes to meanwhile: a hole that is filled may read as zeros still.
#[derive(Debug)]
pub struct SparseReader {
    file: File,
    at: u64,
    /// What lies at `at`, and where that ends.
    run: Run,
    run_end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Data,
    Hole,
}

impl SparseReader {
    /// A reader at the file's first byte, wherever others of the same file are.
    pub fn new(file: File) -> Self {
        SparseReader {
            file,
            at: 0,
            run: Run::Data,
            run_end: 0,
        }
    }

    /// Finds out what lies ahead.
    fn look(&mut self) -> io::Result<()> {
        (self.run, self.run_end) = match seek(&self.file, SeekFrom::Data(self.at)) {
            Ok(data) if data > self.at => (Run::Hole, data),
            Ok(_) => (Run::Data, seek(&self.file, SeekFrom::Hole(self.at))?),
            // No data from here to the end, if this is not the end.
            Err(Errno::NXIO) => (Run::Hole, self.file.metadata()?.len()),
            // A file system that does not know of holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => (Run::Data, u64::MAX),
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }
}

impl Read for SparseReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.run_end {
            self.look()?;
        }
        let left = usize::try_from(self.run_end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let ahead = out.len().min(left);
        let count = match self.run {
            Run::Data => self.file.read_at(&mut out[..ahead], self.at)?,
            Run::Hole => {
                out[..ahead].fill(0);
                ahead
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

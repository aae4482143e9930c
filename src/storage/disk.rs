//! The verbs that everything else here is made of, and the real disk. Moves bytes; knows no file format.
//!
//! All methods name the culprit in their error. Paths are those of the data directories.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::storage::sparse::SparseReader;

/// A verb that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {source}", path.display())]
pub struct DiskError {
    /// What was to be done.
    pub verb: &'static str,
    /// To which file or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl DiskError {
    /// A failed verb, to be used with `map_err`.
    pub fn of(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        move |source| DiskError {
            verb,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the file that was to be made exists already.
    pub fn is_exists(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// Whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// What to do with a file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// Fail.
    New,
    /// Throw its contents away.
    Replace,
}

/// A directory tree with files. Nothing but `sync_data`, `sync_dir` and `cut` promises to survive a
/// power cut.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Names in a directory, sorted; those that are not Unicode are left out.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError>;

    /// A file's bytes, from the first to the last.
    ///
    /// # Errors
    /// When the file cannot be opened.
    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>, DiskError>;

    /// A file's size in bytes.
    ///
    /// # Errors
    /// When there is no such file.
    fn len(&self, path: &Path) -> Result<u64, DiskError>;

    /// A new, empty file to write to. It survives a power cut once its directory is synced.
    ///
    /// # Errors
    /// When it exists and [`Create::New`] was asked for ([`DiskError::is_exists`]), or cannot be made.
    fn create(&self, path: &Path, how: Create) -> Result<Box<dyn DiskFile>, DiskError>;

    /// Shortens a file to `length` bytes and makes that durable.
    ///
    /// # Errors
    /// When it cannot be shortened or synced.
    fn cut(&self, path: &Path, length: u64) -> Result<(), DiskError>;

    /// Gives a file another name in the same directory, replacing one that has it.
    ///
    /// # Errors
    /// When it cannot be renamed.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;

    /// Makes everything durable that was created, renamed or removed in a directory.
    ///
    /// # Errors
    /// When the system says so. What was to become durable may then be lost, and trying again proves
    /// nothing.
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;
}

/// A file being written.
pub trait DiskFile: fmt::Debug + Send {
    /// Writes all of `bytes` at an offset.
    ///
    /// # Errors
    /// When not all could be written; some may have been.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Makes the file `length` bytes long. What is added reads as zeros and takes no space yet.
    ///
    /// # Errors
    /// When the length cannot be set.
    fn set_len(&mut self, length: u64) -> Result<(), DiskError>;

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// When the system says so. What was written may then be lost although reading it still gives it
    /// back, and trying again proves nothing.
    fn sync_data(&mut self) -> Result<(), DiskError>;
}

/// The disk of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(DiskError::of("list", dir))?;
        let names = entries.into_iter().map(|entry| entry.file_name());
        let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>, DiskError> {
        let file = File::open(path).map_err(DiskError::of("open", path))?;
        Ok(Box::new(SparseReader::new(file)))
    }

    fn len(&self, path: &Path) -> Result<u64, DiskError> {
        let metadata = fs::metadata(path).map_err(DiskError::of("look at", path))?;
        Ok(metadata.len())
    }

    fn create(&self, path: &Path, how: Create) -> Result<Box<dyn DiskFile>, DiskError> {
        let mut options = OpenOptions::new();
        match how {
            Create::New => options.write(true).create_new(true),
            Create::Replace => options.write(true).create(true).truncate(true),
        };
        let file = options.open(path).map_err(DiskError::of("create", path))?;
        Ok(Box::new(RealFile {
            file,
            path: path.to_owned(),
        }))
    }

    fn cut(&self, path: &Path, length: u64) -> Result<(), DiskError> {
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|file| {
            file.set_len(length)?;
            file.sync_all()
        })
        .map_err(DiskError::of("cut", path))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(DiskError::of("rename", from))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(DiskError::of("remove", path))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(DiskError::of("sync the directory", dir))
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

impl DiskFile for RealFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(DiskError::of("write to", &self.path))
    }

    fn set_len(&mut self, length: u64) -> Result<(), DiskError> {
        let set = self.file.set_len(length);
        set.map_err(DiskError::of("set the length of", &self.path))
    }

    fn sync_data(&mut self) -> Result<(), DiskError> {
        let synced = self.file.sync_data();
        synced.map_err(DiskError::of("sync", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let disk = RealDisk;
        let mut file = disk.create(&path, Create::New).unwrap();
        file.write_at(2, b"xyz").unwrap();
        file.set_len(8).unwrap();
        file.sync_data().unwrap();
        assert!(disk.create(&path, Create::New).unwrap_err().is_exists());
        let mut bytes = Vec::new();
        disk.open(&path).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"\0\0xyz\0\0\0");
        disk.cut(&path, 4).unwrap();
        assert_eq!(disk.len(&path).unwrap(), 4);
        let other = dir.path().join("a");
        disk.rename(&path, &other).unwrap();
        disk.create(&path, Create::New).unwrap();
        assert_eq!(disk.list(dir.path()).unwrap(), ["a", "b"]);
        disk.create(&other, Create::Replace).unwrap();
        assert_eq!(disk.len(&other).unwrap(), 0);
        disk.remove(&other).unwrap();
        disk.sync_dir(dir.path()).unwrap();
        let error = disk.len(&other).unwrap_err();
        assert!(error.to_string().starts_with("cannot look at "), "{error}");
        assert!(error.is_not_found());
    }
}

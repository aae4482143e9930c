//! Snapshot files: written aside, flushed, then renamed, so that a file with a snapshot's name is
//! always a whole one; listed; read back. Is fed records and knows nothing of trees.

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::storage::disk::{Create, Disk, DiskError, DiskFile};
use crate::storage::format::file_name::{Compression, SnapshotName};
use crate::storage::format::snappy_stream::{SnappyReader, SnappyWriter};
use crate::storage::format::snapshot::{SnapshotFlaw, SnapshotSummary, SnapshotVisitor, decode};
use crate::storage::format::snapshot_encode::{Sections, SnapshotEncoder};
use crate::storage::layout::DataDirs;
use crate::storage::rewind::{self, RewindError};
use crate::types::{Acl, NodeStat, SessionId, Zxid};

/// How the names of unfinished snapshots begin. Apache reads whatever begins with `snapshot.`, so a
/// left-over must not.
const TEMPORARY: &str = ".oxkeeper-";
/// Bytes written between flushes. Without them the flush at the end would make every flush of the
/// transaction log wait for the whole snapshot.
const FLUSH_BYTES: u64 = 8 << 20;
/// Compressed bytes read at a time.
const PACKED_CHUNK_BYTES: usize = 256 << 10;

/// A snapshot that was not written. Its temporary file is removed; serving can go on.
#[derive(Debug, thiserror::Error)]
#[error("snapshot {} cannot be written: {source}", path.display())]
pub struct SnapshotError {
    /// The name that it would have got.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl SnapshotError {
    /// Whether the disk is well, and the snapshot was given up because the history that it belongs to was
    /// ([`withdraw`]).
    pub fn is_withdrawn(&self) -> bool {
        let inner = self.source.get_ref();
        let error = inner.and_then(|inner| inner.downcast_ref::<DiskError>());
        error.is_some_and(DiskError::is_not_found)
    }
}

/// A received snapshot that was not put in the place of what was there.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It cannot be written. Nothing has changed.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// It is written, and what it replaces cannot be removed. The next start finds the one or the other.
    #[error(transparent)]
    Rewind(#[from] RewindError),
}

/// A snapshot that is complete and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenSnapshot {
    /// Its file.
    pub path: PathBuf,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Writes one snapshot. [`SnapshotWriter::sessions`], [`SnapshotWriter::acl_lists`] and
/// [`SnapshotWriter::node`] only fill memory, so they can be called under a lock;
/// [`SnapshotWriter::write_out`] belongs between the slices, without it.
pub struct SnapshotWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    name: SnapshotName,
    temporary: PathBuf,
    path: PathBuf,
    encoder: SnapshotEncoder,
    /// `None` once the file was finished.
    sink: Option<Sink>,
}

impl SnapshotWriter {
    /// Begins the snapshot of everything up to `zxid`, the last transaction processed *before* the
    /// first record is fed.
    ///
    /// # Errors
    /// When its temporary file cannot be made.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        zxid: Zxid,
        compression: Compression,
    ) -> Result<Self, SnapshotError> {
        let name = SnapshotName { zxid, compression };
        let path = dir.join(name.to_string());
        let temporary = dir.join(aside(name));
        let sink = disk
            .create(&temporary, Create::Replace)
            .map_err(io::Error::other)
            .and_then(|file| Sink::new(compression, Tail::new(file)));
        match sink {
            Ok(sink) => Ok(SnapshotWriter {
                disk,
                dir: dir.to_owned(),
                name,
                temporary,
                path,
                encoder: SnapshotEncoder::new(),
                sink: Some(sink),
            }),
            Err(source) => Err(SnapshotError { path, source }),
        }
    }

    /// The name that the snapshot will get.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The session table: ids and timeouts in milliseconds. First, once.
    pub fn sessions(&mut self, sessions: &[(SessionId, i32)]) {
        self.encoder.sessions(sessions);
    }

    /// The ACL lists by number, without -1. Second, once.
    pub fn acl_lists(&mut self, lists: &[(i64, &[Acl])]) {
        self.encoder.acl_lists(lists);
    }

    /// A node, after its parent. The root's path is empty.
    #[inline]
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: NodeStat) {
        self.encoder.node(path, data, acl, stat);
    }

    /// Bytes that wait in memory for [`SnapshotWriter::write_out`].
    pub fn pending(&self) -> usize {
        self.encoder.pending()
    }

    /// Writes what waits in memory, and flushes now and then.
    ///
    /// # Errors
    /// When the disk refuses. The writer must be dropped then, which removes the temporary file.
    pub fn write_out(&mut self) -> Result<(), SnapshotError> {
        let sink = self.sink.as_mut();
        let sink = sink.expect("only `finish`, which consumes the writer, takes the sink");
        let written = self.encoder.drain(|bytes| sink.write_all(bytes));
        written.map_err(|source| SnapshotError {
            path: self.path.clone(),
            source,
        })
    }

    /// Ends the nodes, seals, flushes, and gives the file its name.
    ///
    /// # Errors
    /// When the disk refuses; there is no snapshot then.
    pub fn finish(mut self, sections: &Sections) -> Result<WrittenSnapshot, SnapshotError> {
        let written = self.seal(sections)?;
        let named = self.disk.rename(&self.temporary, &self.path);
        named
            .inspect_err(|_| self.remove_temporary())
            .and_then(|()| self.disk.sync_dir(&self.dir))
            .map_err(|error| SnapshotError {
                path: self.path.clone(),
                source: io::Error::other(error),
            })?;
        Ok(written)
    }

    /// In place of [`SnapshotWriter::finish`] for a snapshot that was received: puts it in the place of
    /// whatever is in the data directories, log records and snapshots. The next start finds
    /// exactly it, or, after a crash, exactly what was there before. A current epoch below that of the zxid
    /// becomes that one, in the same stroke.
    ///
    /// No log may be open and no purge may run; snapshots that are being written are withdrawn.
    ///
    /// # Errors
    /// See [`InstallError`].
    ///
    /// # Panics
    /// When the writer was made for another directory.
    pub fn install(
        mut self,
        sections: &Sections,
        dirs: &DataDirs,
    ) -> Result<WrittenSnapshot, InstallError> {
        assert_eq!(
            self.dir, dirs.snap,
            "a snapshot is installed where it is written"
        );
        let written = self.seal(sections)?;
        // Its bytes are there already; its name must be too before a plan speaks of it.
        let named = self.disk.sync_dir(&self.dir);
        named.map_err(|error| SnapshotError {
            path: self.path.clone(),
            source: io::Error::other(error),
        })?;
        rewind::rewind(&*self.disk, dirs, self.name.zxid, Some(self.name))?;
        Ok(written)
    }

    /// Ends the nodes, seals, flushes.
    fn seal(&mut self, sections: &Sections) -> Result<WrittenSnapshot, SnapshotError> {
        self.encoder.end(sections);
        self.write_out()?;
        let sink = self.sink.take();
        let sink =
            sink.expect("only this function takes the sink, and its callers consume the writer");
        let path = self.path.clone();
        match sink.finish() {
            Ok(bytes) => Ok(WrittenSnapshot { path, bytes }),
            Err(source) => {
                self.remove_temporary();
                Err(SnapshotError { path, source })
            }
        }
    }

    fn remove_temporary(&self) {
        match self.disk.remove(&self.temporary) {
            Err(error) if !error.is_not_found() => {
                tracing::warn!("a temporary file stays behind: {error}");
            }
            _ => {}
        }
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            self.remove_temporary();
        }
    }
}

impl fmt::Debug for SnapshotWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotWriter({})", self.path.display())
    }
}

/// The end of a growing file.
struct Tail {
    file: Box<dyn DiskFile>,
    end: u64,
    flushed: u64,
}

impl Tail {
    fn new(file: Box<dyn DiskFile>) -> Self {
        Tail {
            file,
            end: 0,
            flushed: 0,
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flushed = self.end;
        self.file.sync_data().map_err(io::Error::other)
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(self.end, bytes);
        written.map_err(io::Error::other)?;
        self.end += bytes.len() as u64;
        if self.end - self.flushed >= FLUSH_BYTES {
            self.sync()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Plain(Tail),
    Gzip(Box<GzEncoder<io::BufWriter<Tail>>>),
    Snappy(Box<SnappyWriter<io::BufWriter<Tail>>>),
}

impl Sink {
    fn new(compression: Compression, tail: Tail) -> io::Result<Self> {
        let buffered = |tail| io::BufWriter::with_capacity(PACKED_CHUNK_BYTES, tail);
        Ok(match compression {
            Compression::None => Sink::Plain(tail),
            Compression::Gzip => {
                let level = flate2::Compression::default();
                Sink::Gzip(Box::new(GzEncoder::new(buffered(tail), level)))
            }
            Compression::Snappy => Sink::Snappy(Box::new(SnappyWriter::new(buffered(tail))?)),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Plain(tail) => tail.write_all(bytes),
            Sink::Gzip(packer) => packer.write_all(bytes),
            Sink::Snappy(packer) => packer.write_all(bytes),
        }
    }

    /// Writes the rest and makes the whole file durable; its size in bytes.
    fn finish(self) -> io::Result<u64> {
        let unbuffer = |buffered: io::BufWriter<Tail>| Ok(buffered.into_inner()?);
        let mut tail = match self {
            Sink::Plain(tail) => Ok(tail),
            Sink::Gzip(packer) => packer.finish().and_then(unbuffer),
            Sink::Snappy(packer) => packer.finish().and_then(unbuffer),
        }?;
        tail.sync()?;
        Ok(tail.end)
    }
}

/// The snapshots in a directory, newest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<SnapshotName>, DiskError> {
    let names = disk.list(dir)?;
    let mut snapshots: Vec<_> = names
        .iter()
        .filter_map(|name| SnapshotName::parse(name))
        .collect();
    snapshots.sort_unstable_by(|a, b| b.cmp(a));
    Ok(snapshots)
}

/// Reads a snapshot and hands its records to a visitor. See [`decode`].
///
/// # Errors
/// The first flaw; the visitor has then seen records that must be forgotten.
pub fn read<V: SnapshotVisitor + ?Sized>(
    disk: &dyn Disk,
    dir: &Path,
    name: SnapshotName,
    record_bytes_max: usize,
    visitor: &mut V,
) -> Result<SnapshotSummary, SnapshotFlaw> {
    let file = disk.open(&dir.join(name.to_string()));
    let file = file.map_err(io::Error::other)?;
    let packed = |file| BufReader::with_capacity(PACKED_CHUNK_BYTES, file);
    let source: Box<dyn Read + Send> = match name.compression {
        Compression::None => file,
        Compression::Gzip => Box::new(MultiGzDecoder::new(packed(file))),
        Compression::Snappy => Box::new(SnappyReader::new(packed(file))?),
    };
    decode(source, record_bytes_max, visitor)
}

/// What the snapshot with this name is called until it gets it.
pub(crate) fn aside(name: SnapshotName) -> String {
    format!("{TEMPORARY}{name}")
}

/// Removes every unfinished snapshot, except the file called `except`: those of a killed process, and
/// those that are being written, which then fail with [`SnapshotError::is_withdrawn`]. To be done when the
/// role of a server ends, before it applies what may never be committed: a snapshot that was begun earlier
/// must not hold the effects of that. For the holder of the directory's lock.
///
/// # Errors
/// When a file cannot be removed.
pub fn withdraw(disk: &dyn Disk, dir: &Path, except: Option<&str>) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        let unfinished = name.strip_prefix(TEMPORARY);
        if unfinished.is_none_or(|rest| SnapshotName::parse(rest).is_none())
            || except == Some(&name)
        {
            continue;
        }
        tracing::info!("Removing the unfinished snapshot {name}");
        match disk.remove(&dir.join(name)) {
            // It was finished or given up meanwhile.
            Err(error) if error.is_not_found() => {}
            removed => removed?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

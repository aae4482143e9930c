//! A disk in memory. It knows what was flushed, so it can show what a power cut would leave; it counts
//! its operations, so that any of them can be made to fail. It is harsher than real ones: what was not
//! flushed gets through sector by sector and name by name, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::storage::disk::{Create, Disk, DiskError, DiskFile};
use crate::storage::format::scan::SECTOR_BYTES;

/// What happens at one operation that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and does nothing, removals excepted; so does every later one until [`MemDisk::heal`].
    Full,
    /// It fails and does nothing; so does every later one, whatever it is: the power is gone.
    PowerLoss,
    /// A write stops half way; later operations work.
    ShortWrite,
    /// A flush fails, and what it should have made durable is forgotten by the disk although reading
    /// still shows it; later flushes report success.
    FailedSync,
}

/// What a power cut does with what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    /// All of it is gone.
    Lost,
    /// All of it happened to be written.
    Kept,
    /// Each sector, length and name is kept or lost by the toss of a coin with this seed.
    Tossed(u64),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    /// As reading shows it.
    now: Vec<u8>,
    /// As a power cut leaves it.
    durable: Vec<u8>,
    /// Sectors written since the last flush.
    touched: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// From and to, since the directory was flushed.
    renamed: Vec<(PathBuf, PathBuf)>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    full: bool,
    dead: bool,
    log: Vec<String>,
}

/// A disk in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemDisk(Arc<Mutex<State>>);

fn failed(verb: &'static str, path: &Path, error: &str) -> DiskError {
    DiskError::of(verb, path)(io::Error::other(error.to_owned()))
}

impl MemDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("no thread of a test panics while it holds its disk")
    }

    /// Makes the operation with this number, counted from now on with 0, fail.
    ///
    /// # Panics
    /// Like every method of a disk in memory, when another one has panicked while it ran.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.operations + operation, fault));
    }

    /// Ends [`Fault::Full`] and [`Fault::PowerLoss`].
    pub fn heal(&self) {
        let mut state = self.state();
        (state.full, state.dead) = (false, false);
        state.fault = None;
    }

    /// How many operations that change the disk there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The operations so far, one word and one file name each.
    pub fn history(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// A file's bytes.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.inodes[state.names[path]].now.clone()
    }

    /// Puts a file there, durably.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.inodes.len();
        state.inodes.push(Inode {
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
            touched: BTreeSet::new(),
        });
        state.names.insert(path.to_owned(), inode);
        state.durable_names.insert(path.to_owned(), inode);
    }

    /// Flips one bit of a file.
    pub fn flip(&self, path: &Path, byte: usize, bit: u8) {
        let mut state = self.state();
        let inode = state.names[path];
        state.inodes[inode].now[byte] ^= 1 << bit;
        state.inodes[inode].durable[byte] ^= 1 << bit;
    }

    /// The disk as a power cut now would leave it.
    pub fn power_cut(&self, unflushed: Unflushed) -> MemDisk {
        let state = self.state();
        let mut coin = Coin(unflushed);
        let after = MemDisk::default();
        let kept = state.names_kept(&mut coin);
        for path in state.paths() {
            let names = if kept.contains(path) {
                &state.names
            } else {
                &state.durable_names
            };
            if let Some(inode) = names.get(path) {
                after.put(path, &survivor(&state.inodes[*inode], &mut coin));
            }
        }
        after
    }
}

fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).expect("files of a test fit in memory")
}

/// `bytes` at another length. Not `Vec::resize`, which is slow over megabytes without optimisation.
fn resized(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut resized = vec![0; length];
    let kept = length.min(bytes.len());
    resized[..kept].copy_from_slice(&bytes[..kept]);
    resized
}

fn survivor(inode: &Inode, coin: &mut Coin) -> Vec<u8> {
    let length = if coin.keeps() {
        inode.now.len()
    } else {
        inode.durable.len()
    };
    let mut bytes = resized(&inode.durable, length);
    for sector in &inode.touched {
        let start = (sector * SECTOR_BYTES).min(length);
        let end = (start + SECTOR_BYTES).min(length).min(inode.now.len());
        if coin.keeps() && start < end {
            bytes[start..end].copy_from_slice(&inode.now[start..end]);
        }
    }
    bytes
}

struct Coin(Unflushed);

impl Coin {
    fn keeps(&mut self) -> bool {
        match &mut self.0 {
            Unflushed::Lost => false,
            Unflushed::Kept => true,
            Unflushed::Tossed(seed) => {
                *seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                *seed >> 63 == 1
            }
        }
    }
}

impl State {
    /// Counts an operation and says what goes wrong with it.
    fn operate(&mut self, verb: &'static str, path: &Path) -> Result<Option<Fault>, DiskError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.log.push(format!("{verb} {name}"));
        let now = self.operations;
        self.operations += 1;
        let fault = self
            .fault
            .filter(|(at, _)| *at == now)
            .map(|(_, fault)| fault);
        self.full |= fault == Some(Fault::Full);
        self.dead |= fault == Some(Fault::PowerLoss);
        if self.dead {
            return Err(failed(verb, path, "the power is gone"));
        }
        // Removing works on a full disk.
        if self.full && verb != "remove" {
            return Err(failed(verb, path, "no space left on device"));
        }
        Ok(fault)
    }

    fn inode(&self, path: &Path) -> Result<usize, DiskError> {
        let missing = || DiskError::of("find", path)(io::ErrorKind::NotFound.into());
        self.names.get(path).copied().ok_or_else(missing)
    }

    fn write(&mut self, inode: usize, offset: usize, bytes: &[u8]) {
        let inode = &mut self.inodes[inode];
        let end = offset + bytes.len();
        if inode.now.len() < offset {
            inode.now = resized(&inode.now, offset);
        }
        let inside = bytes.len().min(inode.now.len() - offset);
        inode.now[offset..offset + inside].copy_from_slice(&bytes[..inside]);
        inode.now.extend_from_slice(&bytes[inside..]);
        let sectors = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
        inode.touched.extend(sectors);
    }

    fn paths(&self) -> BTreeSet<&PathBuf> {
        self.names.keys().chain(self.durable_names.keys()).collect()
    }

    /// The paths whose changes since the last flush of their directory get through a power cut: each by the
    /// toss of a coin, but a file that was renamed is not lost under both names.
    fn names_kept(&self, coin: &mut Coin) -> BTreeSet<PathBuf> {
        let paths = self.paths().into_iter();
        let mut kept: BTreeSet<PathBuf> = paths
            .filter(|path| coin.keeps() || self.names.get(*path) == self.durable_names.get(*path))
            .cloned()
            .collect();
        for (from, to) in &self.renamed {
            if kept.contains(from) {
                kept.insert(to.clone());
            }
        }
        kept
    }

    fn sync_names(&mut self, dir: &Path) {
        let inside = |path: &PathBuf| path.parent() == Some(dir);
        self.durable_names.retain(|path, _| !inside(path));
        self.renamed.retain(|(path, _)| !inside(path));
        let names = self.names.iter().filter(|(path, _)| inside(path));
        self.durable_names
            .extend(names.map(|(path, inode)| (path.clone(), *inode)));
    }

    fn sync(&mut self, inode: usize) {
        let inode = &mut self.inodes[inode];
        inode.durable.clone_from(&inode.now);
        inode.touched.clear();
    }
}

impl Disk for MemDisk {
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        let state = self.state();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let name = |path: &PathBuf| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        Ok(inside.map(name).collect())
    }

    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>, DiskError> {
        let state = self.state();
        let bytes = state.inodes[state.inode(path)?].now.clone();
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn len(&self, path: &Path) -> Result<u64, DiskError> {
        let state = self.state();
        Ok(state.inodes[state.inode(path)?].now.len() as u64)
    }

    fn create(&self, path: &Path, how: Create) -> Result<Box<dyn DiskFile>, DiskError> {
        let mut state = self.state();
        state.operate("create", path)?;
        let inode = match (state.names.get(path).copied(), how) {
            (Some(_), Create::New) => {
                return Err(DiskError::of("create", path)(
                    io::ErrorKind::AlreadyExists.into(),
                ));
            }
            (Some(inode), Create::Replace) => {
                state.inodes[inode].now.clear();
                inode
            }
            (None, _) => {
                state.inodes.push(Inode::default());
                state.inodes.len() - 1
            }
        };
        state.names.insert(path.to_owned(), inode);
        Ok(Box::new(MemFile {
            disk: self.clone(),
            inode,
            path: path.to_owned(),
        }))
    }

    fn cut(&self, path: &Path, length: u64) -> Result<(), DiskError> {
        let mut state = self.state();
        state.operate("cut", path)?;
        let inode = state.inode(path)?;
        state.inodes[inode].now.truncate(in_memory(length));
        state.sync(inode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let mut state = self.state();
        state.operate("rename", from)?;
        let inode = state.inode(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), inode);
        state.renamed.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        let mut state = self.state();
        state.inode(path)?;
        state.operate("remove", path)?;
        state.names.remove(path);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let mut state = self.state();
        match state.operate("sync_dir", dir)? {
            Some(Fault::FailedSync) => Err(failed("sync_dir", dir, "input/output error")),
            _ => {
                state.sync_names(dir);
                Ok(())
            }
        }
    }
}

#[derive(Debug)]
struct MemFile {
    disk: MemDisk,
    inode: usize,
    path: PathBuf,
}

impl DiskFile for MemFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        let fault = state.operate("write", &self.path)?;
        let offset = in_memory(offset);
        if fault == Some(Fault::ShortWrite) {
            state.write(self.inode, offset, &bytes[..bytes.len() / 2]);
            return Err(failed("write", &self.path, "no space left on device"));
        }
        state.write(self.inode, offset, bytes);
        Ok(())
    }

    fn set_len(&mut self, length: u64) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        state.operate("set_len", &self.path)?;
        let length = in_memory(length);
        let inode = &mut state.inodes[self.inode];
        inode.now = resized(&inode.now, length);
        Ok(())
    }

    fn sync_data(&mut self) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        if state.operate("sync", &self.path)? == Some(Fault::FailedSync) {
            state.inodes[self.inode].touched.clear();
            return Err(failed("sync", &self.path, "input/output error"));
        }
        state.sync(self.inode);
        Ok(())
    }
}

//! `target/compat`: what the tests fetch and build, kept between runs and shared by test processes that run at once.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of this crate, where the foreign sources are.
#[must_use]
pub fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, or `target` at the root of the repository.
#[must_use]
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => crate_dir().with_file_name("target"),
    }
}

/// `target/compat`, created if missing.
///
/// # Errors
/// When the folder cannot be created.
pub fn compat_dir() -> Result<PathBuf> {
    let dir = target_dir().join("compat");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}

/// Builds `target/compat/<name>` once per fingerprint, and returns the folder.
///
/// `build` gets an empty folder. It runs under a lock, so that of several test processes one builds and the others
/// wait; the fingerprint is written last, so a build that broke off is repeated.
///
/// # Errors
/// When the folder cannot be prepared, or `build` fails.
pub fn built_once(
    name: &str,
    fingerprint: &str,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let dir = compat_dir()?.join(name);
    let _lock = lock(&dir.with_extension("lock"))?;
    let stamp = dir.join("fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == fingerprint) {
        return Ok(dir);
    }
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    build(&dir)?;
    fs::write(&stamp, fingerprint).with_context(|| format!("write {}", stamp.display()))?;
    Ok(dir)
}

/// An exclusive lock on a file, held until the result is dropped or the process ends.
fn lock(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    let file = File::create(path).with_context(|| format!("open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// A fingerprint of some words and of the names and contents of some files.
///
/// # Errors
/// When a file cannot be read.
pub fn fingerprint(words: &[&str], files: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    for file in files {
        file.file_name().hash(&mut hasher);
        fs::read(file)
            .with_context(|| format!("read {}", file.display()))?
            .hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn a_build_runs_once_per_fingerprint_and_again_after_a_failure() {
        let name = format!("test-built-once-{}", std::process::id());
        let mut builds = 0;
        assert!(built_once(&name, "a", |_| bail!("broken")).is_err());
        for fingerprint in ["a", "a", "b", "b", "a"] {
            built_once(&name, fingerprint, |dir| {
                builds += 1;
                assert_eq!(fs::read_dir(dir)?.count(), 0, "the folder is empty");
                Ok(fs::write(dir.join("product"), fingerprint)?)
            })
            .unwrap();
        }
        assert_eq!(builds, 3);
        let dir = compat_dir().unwrap().join(&name);
        fs::remove_dir_all(&dir).unwrap();
        fs::remove_file(dir.with_extension("lock")).unwrap();
    }
}

//! Programs out of Debian packages, unpacked under `target/compat` without being installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache;
use crate::java::run;

/// Fetches the packages of the distribution that this machine runs and unpacks them into one folder.
///
/// # Errors
/// When this is no Debian, or it has no such packages; the message carries the output of `apt-get`.
pub fn unpacked(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let fingerprint = cache::fingerprint(packages, &[])?;
    cache::built_once(&format!("debian/{name}"), &fingerprint, |dir| {
        if download(packages, dir).is_err() {
            // A fresh machine does not know yet what there is. Only its owner may ask; the second try tells.
            let _ = run(Command::new("apt-get").args(["-qq", "update"]));
            download(packages, dir)?;
        }
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg-deb")
                    .arg("-x")
                    .arg(&path)
                    .arg(dir.join("root")))?;
            }
        }
        Ok(())
    })
    .map(|dir| dir.join("root"))
}

fn download(packages: &[&str], dir: &Path) -> Result<()> {
    run(Command::new("apt-get")
        .args(["-qq", "download"])
        .args(packages)
        .current_dir(dir))
}

/// The file of this name, anywhere in a folder.
///
/// # Errors
/// When it is not there, or the folder cannot be read.
pub fn find(dir: &Path, name: &str) -> Result<PathBuf> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.file_name().is_some_and(|found| found == name) {
                return Ok(path);
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    anyhow::bail!("no {name} in {}", dir.display())
}

//! Writes the files in which a member keeps the membership while it may change. What is in them is text that
//! `config` makes; nothing is read back before the next start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Membership;
use crate::config::member_files::{
    backup_file_name, dynamic_file_name, next_file_name, static_file,
};
use crate::config::properties;
use crate::storage::disk::{Create, Disk, DiskError};
use crate::types::ServerId;

/// Where the files are: beside the settings file.
#[derive(Debug, Clone)]
pub struct MemberFiles {
    disk: Arc<dyn Disk>,
    /// The settings file, absolute.
    settings: PathBuf,
}

/// Why a file was not written. The member goes on with the membership; its next start does not know it.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Text {
        path: PathBuf,
        source: properties::MalformedEscape,
    },
}

impl MemberFiles {
    /// Beside the settings file, named as the operator named it.
    pub fn new(disk: Arc<dyn Disk>, settings: &str) -> Self {
        let given = Path::new(settings);
        let absolute = fs::canonicalize(given).or_else(|_| std::path::absolute(given));
        MemberFiles {
            disk,
            settings: absolute.unwrap_or_else(|_| given.to_owned()),
        }
    }

    fn name(&self) -> String {
        self.settings.display().to_string()
    }

    /// Keeps the settings file as the operator wrote it, as long as the members stand in it.
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java backupOldConfig
    pub(super) fn back_up(&self) {
        let copy = || -> Result<(), FileError> {
            let text = self.text()?;
            let entries = self.parsed(properties::parse(&text))?;
            let is_apart = |entry: &properties::Entry| entry.key.trim() == "dynamicConfigFile";
            if !entries.iter().any(is_apart) {
                self.write(&backup_file_name(&self.name()), &text)?;
            }
            Ok(())
        };
        warn(copy());
    }

    /// A membership was proposed. It is kept until it, or a newer one, is committed.
    // apache 3.9.5: server/quorum/QuorumPeer.java setLastSeenQuorumVerifier
    pub(super) fn last_seen(&self, membership: &Membership, committed_version: i64) {
        if membership.version == committed_version {
            return self.forget_last_seen();
        }
        let name = next_file_name(&self.name());
        warn(self.write(&name, membership.next_file().as_bytes()));
    }

    fn forget_last_seen(&self) {
        let path = PathBuf::from(next_file_name(&self.name()));
        match self.disk.remove(&path) {
            Err(error) if !error.is_not_found() => warn(Err(error.into())),
            _ => {}
        }
    }

    /// A membership was committed: the settings file leads to it from now on. `last_seen` is the version of the
    /// one proposed last: if it is newer, it is still under way, and is kept.
    // apache 3.9.5: server/quorum/QuorumPeer.java setQuorumVerifier
    pub(super) fn activate(&self, membership: &Membership, me: ServerId, last_seen: i64) {
        let write = || -> Result<(), FileError> {
            let text = self.text()?;
            let dynamic = dynamic_file_name(&self.name(), membership.version);
            let own = membership.member(me);
            let names_client_port = own.is_some_and(|own| own.client.is_some());
            let settings = self.parsed(static_file(&text, &dynamic, names_client_port))?;
            self.write(&dynamic, membership.dynamic_file().as_bytes())?;
            self.write(&self.name(), &settings)
        };
        warn(write());
        if last_seen <= membership.version {
            self.forget_last_seen();
        }
    }

    fn text(&self) -> Result<Vec<u8>, FileError> {
        fs::read(&self.settings).map_err(|source| FileError::Read {
            path: self.settings.clone(),
            source,
        })
    }

    fn parsed<T>(&self, parsed: Result<T, properties::MalformedEscape>) -> Result<T, FileError> {
        parsed.map_err(|source| FileError::Text {
            path: self.settings.clone(),
            source,
        })
    }

    /// Written aside, flushed, renamed: there is always the old file or the new one.
    fn write(&self, name: &str, text: &[u8]) -> Result<(), FileError> {
        let (path, aside) = (PathBuf::from(name), PathBuf::from(format!("{name}.tmp")));
        let mut file = self.disk.create(&aside, Create::Replace)?;
        file.write_at(0, text)?;
        file.sync_data()?;
        drop(file);
        self.disk.rename(&aside, &path)?;
        if let Some(dir) = path.parent() {
            self.disk.sync_dir(dir)?;
        }
        Ok(())
    }
}

fn warn(written: Result<(), FileError>) {
    if let Err(error) = written {
        tracing::error!(
            "the membership is not kept on disk, and is not known at the next start: {error}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Companions, Draft};
    use crate::storage::disk::RealDisk;

    const TEXT: &str = "# mine\ndataDir=/d\ninitLimit=5\nsyncLimit=2\nclientPort=2181\n\
                        server.1=a:1:2;2181\nserver.2=b:1:2;2181\nserver.3=c:1:2;2181\n";

    fn membership(text: &str, dynamic: Option<&[u8]>) -> Membership {
        let draft = Draft::read(text.as_bytes(), "./zoo.cfg", &[]).unwrap();
        let companions = Companions {
            my_id: Some(b"1"),
            dynamic,
            next: None,
        };
        draft.finish(companions).unwrap().config.membership
    }

    #[test]
    fn a_committed_membership_is_found_through_the_settings_file() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let file = dir.join("zoo.cfg");
        fs::write(&file, TEXT).unwrap();
        let files = MemberFiles::new(Arc::new(RealDisk), &file.display().to_string());
        files.back_up();
        assert_eq!(fs::read_to_string(dir.join("zoo.cfg.bak")).unwrap(), TEXT);

        let mut next = membership(TEXT, None);
        next.version = 0x1_0000_0000;
        files.last_seen(&next, 0);
        let kept = fs::read_to_string(dir.join("zoo.cfg.dynamic.next")).unwrap();
        assert!(kept.ends_with("version=100000000"), "{kept}");

        let version = next.version;
        files.activate(&next, ServerId(1), version + 1);
        assert!(
            dir.join("zoo.cfg.dynamic.next").exists(),
            "another is under way"
        );
        files.activate(&next, ServerId(1), version);
        assert!(!dir.join("zoo.cfg.dynamic.next").exists());
        let settings = fs::read_to_string(&file).unwrap();
        let dynamic = dir.join("zoo.cfg.dynamic.100000000");
        let line = format!("dynamicConfigFile={}\n", dynamic.display());
        assert!(settings.ends_with(&line), "{settings}");
        assert!(settings.starts_with("# mine\n"), "{settings}");
        assert!(!settings.contains("clientPort"), "{settings}");
        let found = membership(&settings, Some(&fs::read(&dynamic).unwrap()));
        assert_eq!(found, next);

        fs::write(dir.join("zoo.cfg.bak"), "kept").unwrap();
        files.back_up();
        let kept = fs::read_to_string(dir.join("zoo.cfg.bak")).unwrap();
        assert_eq!(
            kept, "kept",
            "the members are not in the settings file any more"
        );
    }
}

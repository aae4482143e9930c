//! Directories as operators leave them, and Apache's words for what is wrong.

use super::*;
use crate::storage::lock::LOCK_FILE;

fn text(result: Result<DirLocks, LayoutError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn missing_directories_are_made_and_locked() {
    let home = tempfile::tempdir().unwrap();
    let (data, logs) = (home.path().join("a/b"), home.path().join("logs"));
    let dirs = DataDirs::of(&data, Some(&logs));
    let locks = dirs.open(true).unwrap();
    assert!(data.join("version-2").join(LOCK_FILE).exists());
    assert!(logs.join("version-2").join(LOCK_FILE).exists());
    let error = text(dirs.open(true));
    assert!(error.contains("is used by another server"), "{error}");
    // A directory of the other server's pair is enough.
    let error = text(DataDirs::of(&home.path().join("c"), Some(&logs)).open(true));
    assert!(error.contains("is used by another server"), "{error}");
    drop(locks);
    let _locks = dirs.open(false).unwrap();
}

#[test]
fn one_directory_for_both_is_locked_once() {
    let home = tempfile::tempdir().unwrap();
    let dirs = DataDirs::of(home.path(), None);
    assert_eq!(dirs.snap, dirs.log);
    drop(dirs.open(true).unwrap());
    // The same directory by another path is no reason to look for strangers in it.
    fs::write(dirs.snap.join("snapshot.0"), b"").unwrap();
    fs::write(dirs.log.join("log.1"), b"").unwrap();
    std::os::unix::fs::symlink(home.path(), home.path().join("same")).unwrap();
    let same = home.path().join("same");
    let _locks = DataDirs::of(home.path(), Some(&same)).open(true).unwrap();
}

#[test]
fn missing_directories_are_not_made_against_the_settings() {
    let home = tempfile::tempdir().unwrap();
    let dirs = DataDirs::of(home.path(), None);
    let dir = dirs.log.display();
    assert_eq!(
        text(dirs.open(false)),
        format!(
            "Missing data directory {dir}, automatic data directory creation is disabled \
             (zookeeper.datadir.autocreate is false). Please create this directory manually."
        )
    );
    assert!(!dirs.log.exists());
}

#[test]
fn a_file_in_the_way_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), b"").unwrap();
    let dirs = DataDirs::of(&home.path().join("file"), None);
    let error = text(dirs.open(true));
    let start = format!("Unable to create data directory {}", dirs.log.display());
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn strangers_in_separate_directories_stop_the_start() {
    let home = tempfile::tempdir().unwrap();
    let (data, logs) = (home.path().join("data"), home.path().join("logs"));
    let dirs = DataDirs::of(&data, Some(&logs));
    drop(dirs.open(true).unwrap());
    fs::write(dirs.snap.join("snapshot.0"), b"").unwrap();
    fs::write(dirs.log.join("log.1"), b"").unwrap();
    drop(dirs.open(true).unwrap());

    fs::write(dirs.log.join("snapshot.0.bak"), b"").unwrap();
    assert_eq!(
        text(dirs.open(true)),
        "Log directory has snapshot files. Check if dataLogDir and dataDir configuration is correct."
    );
    fs::remove_file(dirs.log.join("snapshot.0.bak")).unwrap();
    fs::write(dirs.snap.join("log.1"), b"").unwrap();
    assert_eq!(
        text(dirs.open(true)),
        "Snapshot directory has log files. Check if dataLogDir and dataDir configuration is correct."
    );
}

#[test]
fn the_initialize_marker_lies_beside_the_logs_and_works_once() {
    let home = tempfile::tempdir().unwrap();
    let (data, logs) = (home.path().join("data"), home.path().join("logs"));
    let dirs = DataDirs::of(&data, Some(&logs));
    let _locks = dirs.open(true).unwrap();
    fs::write(data.join("initialize"), b"").unwrap();
    assert!(!dirs.take_initialize_marker().unwrap());
    fs::write(logs.join("initialize"), b"").unwrap();
    assert!(dirs.take_initialize_marker().unwrap());
    assert!(!dirs.take_initialize_marker().unwrap());
}

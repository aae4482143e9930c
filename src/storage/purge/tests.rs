//! What goes, what stays, and that recovery still finds everything.

use super::*;
use std::sync::Arc;

use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::format::txn_log::append_header;
use crate::storage::snapshots::SnapshotWriter;
use crate::storage::testing::mem_disk::{Fault, MemDisk};
use crate::types::NodeStat;

fn snaps() -> &'static Path {
    Path::new("/snaps/version-2")
}

fn logs() -> &'static Path {
    Path::new("/logs/version-2")
}

fn snapshot(disk: &MemDisk, zxid: i64) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut writer = SnapshotWriter::create(disk, snaps(), Zxid(zxid), Compression::None).unwrap();
    writer.sessions(&[]);
    writer.acl_lists(&[]);
    writer.node("", None, -1, NodeStat::default());
    writer.finish(&Sections::default()).unwrap();
}

/// Snapshots and logs with these zxids.
fn disk(snapshots: &[i64], log_files: &[i64]) -> MemDisk {
    let disk = MemDisk::default();
    for zxid in snapshots {
        snapshot(&disk, *zxid);
    }
    let mut header = Vec::new();
    append_header(&mut header);
    for zxid in log_files {
        disk.put(&logs().join(LogName(Zxid(*zxid)).to_string()), &header);
    }
    disk
}

fn purged(disk: &MemDisk, retain: usize) -> Vec<String> {
    let removed = purge(disk, snaps(), logs(), retain).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    removed.iter().map(name).collect()
}

#[test]
fn the_log_that_begins_before_the_oldest_kept_snapshot_stays() {
    let disk = disk(&[0, 10, 20, 30, 40], &[1, 9, 15, 25, 35, 41]);
    assert_eq!(
        purged(&disk, 3),
        ["snapshot.0", "snapshot.a", "log.1", "log.9"]
    );
    assert_eq!(
        disk.list(snaps()).unwrap(),
        ["snapshot.14", "snapshot.1e", "snapshot.28"]
    );
    assert_eq!(
        disk.list(logs()).unwrap(),
        ["log.19", "log.23", "log.29", "log.f"]
    );
    assert_eq!(purged(&disk, 3), [""; 0]);
}

#[test]
fn a_log_that_begins_with_the_snapshots_zxid_is_the_first_kept() {
    let disk = disk(&[10, 20, 30], &[1, 5, 10, 11]);
    assert_eq!(purged(&disk, 3), ["log.1", "log.5"]);
}

#[test]
fn fewer_than_three_are_never_kept() {
    let disk = disk(&[0, 10, 20, 30, 40], &[1]);
    assert_eq!(purged(&disk, 0), ["snapshot.0", "snapshot.a"]);
}

#[test]
fn logs_without_an_older_one_all_stay() {
    let disk = disk(&[10, 20, 30], &[11, 21, 31]);
    assert_eq!(purged(&disk, 3), [""; 0]);
}

/// Three snapshots that end as they should but are rotten do not cost the ones that are whole.
#[test]
fn broken_snapshots_do_not_count() {
    let disk = disk(&[0, 10, 20, 30, 40, 50, 60], &[1, 15, 35]);
    for zxid in [40, 50, 60] {
        let name = SnapshotName {
            zxid: Zxid(zxid),
            compression: Compression::None,
        };
        disk.flip(&snaps().join(name.to_string()), 40, 2);
    }
    assert_eq!(purged(&disk, 3), ["snapshot.0"]);
}

#[test]
fn without_a_whole_snapshot_everything_stays() {
    let disk = disk(&[], &[1, 2, 3]);
    for name in ["snapshot.1", "snapshot.2", "snapshot.3", "snapshot.4"] {
        disk.put(&snaps().join(name), b"ZKSN and so on\0\0\0\x01/");
    }
    assert_eq!(purged(&disk, 3), [""; 0]);
}

#[test]
fn other_names_are_left_alone() {
    let disk = disk(&[10, 20, 30, 40], &[1, 15]);
    disk.put(&logs().join("log.1.bak"), b"");
    disk.put(&snaps().join("snapshot.old"), b"");
    disk.put(&snaps().join("currentEpoch"), b"1");
    assert_eq!(purged(&disk, 3), ["snapshot.a", "log.1"]);
    assert!(
        disk.list(snaps())
            .unwrap()
            .contains(&"snapshot.old".to_owned())
    );
}

#[test]
fn purging_needs_no_space() {
    let disk = disk(&[0, 10, 20, 30], &[1, 15]);
    disk.fail_at(0, Fault::Full);
    assert_eq!(purged(&disk, 3), ["snapshot.0"]);
}

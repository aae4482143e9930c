//! A snapshot's name is only ever that of a whole and durable file.

use super::*;
use crate::storage::recover::RECORD_BYTES_MAX_DEFAULT;
use crate::storage::testing::mem_disk::{Fault, MemDisk, Unflushed};
use crate::storage::testing::records::Recorder;
use crate::types::open_acl;

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Snappy];

fn dir() -> &'static Path {
    Path::new("/data/version-2")
}

fn write(
    disk: &MemDisk,
    zxid: i64,
    compression: Compression,
    nodes: usize,
) -> Result<WrittenSnapshot, SnapshotError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut writer = SnapshotWriter::create(disk, dir(), Zxid(zxid), compression)?;
    writer.sessions(&[(SessionId(5), 4000)]);
    writer.acl_lists(&[(1, &open_acl())]);
    writer.node("", Some(b""), -1, NodeStat::default());
    for i in 0..nodes {
        writer.node(
            &format!("/n{i}"),
            Some(&[b'd'; 1000]),
            1,
            NodeStat::default(),
        );
        if i % 10 == 0 {
            writer.write_out()?;
        }
    }
    writer.finish(&Sections {
        digest: None,
        zxid: Some(Zxid(zxid)),
    })
}

fn nodes_of(disk: &MemDisk, name: SnapshotName) -> Result<usize, SnapshotFlaw> {
    let mut seen = Recorder::default();
    read(disk, dir(), name, RECORD_BYTES_MAX_DEFAULT, &mut seen)?;
    assert_eq!(seen.sessions, [(SessionId(5), 4000)]);
    assert_eq!(seen.acl_lists, [(1, open_acl())]);
    Ok(seen.nodes.len())
}

#[test]
fn all_compressions_come_back_from_a_power_cut() {
    for compression in COMPRESSIONS {
        let disk = MemDisk::default();
        let written = write(&disk, 0x1_0000_000a, compression, 500).unwrap();
        let survivor = disk.power_cut(Unflushed::Lost);
        let names = list(&survivor, dir()).unwrap();
        let zxid = Zxid(0x1_0000_000a);
        assert_eq!(names, [SnapshotName { zxid, compression }]);
        assert_eq!(written.path, dir().join(names[0].to_string()));
        assert_eq!(written.bytes, survivor.len(&written.path).unwrap());
        assert_eq!(nodes_of(&survivor, names[0]).unwrap(), 501);
        let small = written.bytes < 100_000;
        assert_eq!(small, compression != Compression::None, "{}", written.bytes);
    }
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    for compression in COMPRESSIONS {
        let disk = MemDisk::default();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut writer = SnapshotWriter::create(shared, dir(), Zxid(7), compression).unwrap();
        writer.sessions(&[]);
        writer.write_out().unwrap();
        assert_eq!(disk.list(dir()).unwrap().len(), 1);
        drop(writer);
        assert_eq!(disk.list(dir()).unwrap(), [""; 0]);
    }
}

/// Whatever fails, and whatever a power cut then leaves: a file with a snapshot's name is whole.
#[test]
fn a_failure_at_any_operation_leaves_no_half_snapshot() {
    for compression in COMPRESSIONS {
        let disk = MemDisk::default();
        write(&disk, 3, compression, 30).unwrap();
        let operations = disk.operations();
        for fault in [Fault::Full, Fault::ShortWrite, Fault::FailedSync] {
            for at in 0..operations {
                let disk = MemDisk::default();
                disk.fail_at(at, fault);
                let failed = write(&disk, 3, compression, 30).is_err();
                let mut worlds = vec![disk.clone()];
                let aftermaths = [Unflushed::Lost, Unflushed::Kept, Unflushed::Tossed(at)];
                worlds.extend(aftermaths.map(|aftermath| disk.power_cut(aftermath)));
                for world in &worlds {
                    for name in list(world, dir()).unwrap() {
                        assert_eq!(nodes_of(world, name).unwrap(), 31, "{fault:?} at {at}");
                    }
                }
                let leftovers = disk.list(dir()).unwrap();
                let left = leftovers.iter().any(|name| name.starts_with(TEMPORARY));
                assert!(!left || !failed, "{fault:?} at {at}: {leftovers:?}");
            }
        }
    }
}

#[test]
fn a_failure_names_the_snapshot_and_the_cause() {
    let disk = MemDisk::default();
    disk.fail_at(1, Fault::Full);
    let error = write(&disk, 0xff, Compression::None, 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/data/version-2/snapshot.ff cannot be written"),
        "{error}"
    );
    assert!(error.contains("no space left on device"), "{error}");
}

#[test]
fn a_long_snapshot_is_flushed_on_the_way() {
    let disk = MemDisk::default();
    let nodes = 3 * usize::try_from(FLUSH_BYTES).unwrap() / 1000;
    write(&disk, 3, Compression::None, nodes).unwrap();
    let syncs = disk
        .history()
        .iter()
        .filter(|line| line.starts_with("sync .ox"))
        .count();
    assert!((3..=5).contains(&syncs), "{syncs}");
}

#[test]
fn the_newest_comes_first_whatever_its_form() {
    let disk = MemDisk::default();
    for name in [
        "snapshot.9",
        "snapshot.a.gz",
        "snapshot.10.snappy",
        "snapshot.11.tmp",
        "log.12",
    ] {
        disk.put(&dir().join(name), b"");
    }
    let names = list(&disk, dir()).unwrap();
    let names: Vec<String> = names.iter().map(SnapshotName::to_string).collect();
    assert_eq!(names, ["snapshot.10.snappy", "snapshot.a.gz", "snapshot.9"]);
}

/// A flipped bit is found, or it says the same in another way, as deflate can.
#[test]
fn rot_in_a_compressed_snapshot_changes_nothing_unseen() {
    for compression in [Compression::Gzip, Compression::Snappy] {
        let disk = MemDisk::default();
        let written = write(&disk, 3, compression, 3).unwrap();
        let name = SnapshotName {
            zxid: Zxid(3),
            compression,
        };
        let read = || {
            let mut seen = Recorder::default();
            read(&disk, dir(), name, RECORD_BYTES_MAX_DEFAULT, &mut seen).map(|_| seen)
        };
        let good = read().unwrap();
        let mut found = 0;
        for byte in 0..usize::try_from(written.bytes).unwrap() {
            disk.flip(&written.path, byte, 3);
            match read() {
                Ok(seen) => assert_eq!(seen, good, "{compression:?} byte {byte}"),
                Err(_) => found += 1,
            }
            disk.flip(&written.path, byte, 3);
        }
        assert!(found * 10 > written.bytes * 8, "{compression:?}: {found}");
    }
}

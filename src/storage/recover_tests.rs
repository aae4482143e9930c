//! What a start finds after every kind of end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::disk::{Disk, RealDisk};
use crate::storage::format::file_name::Compression;
use crate::storage::format::snapshot_encode::Sections;
use crate::storage::layout::DataDirs;
use crate::storage::recover::{RecoverOptions, read_all};
use crate::storage::snapshots::SnapshotWriter;
use crate::storage::testing::records::{Recorder, batch};
use crate::storage::txn_log::{LogOptions, LogWriter};
use crate::types::{NodeStat, Zxid};

fn write_snapshot(disk: &Arc<dyn Disk>, dir: &Path, zxid: i64) -> PathBuf {
    let mut writer =
        SnapshotWriter::create(disk.clone(), dir, Zxid(zxid), Compression::None).unwrap();
    writer.sessions(&[]);
    writer.acl_lists(&[]);
    writer.node("", Some(b""), -1, NodeStat::default());
    writer.finish(&Sections::default()).unwrap().path
}

#[test]
fn a_state_written_to_a_real_disk_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let dirs = DataDirs::of(home.path(), None);
    let _locks = dirs.open(true).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    write_snapshot(&disk, &dirs.snap, 0);
    let mut log = LogWriter::new(disk.clone(), &dirs.log, LogOptions::default(), Zxid::ZERO);
    log.append(&batch(1..=3, 10), Zxid(1), Zxid(3), 3).unwrap();
    assert_eq!(log.flush().unwrap().zxid, Zxid(3));
    log.roll().unwrap();
    log.append(&batch(4..=5, 10), Zxid(4), Zxid(5), 2).unwrap();
    log.flush().unwrap();

    let mut seen = Recorder::default();
    let recovered = read_all(&*disk, &dirs, &RecoverOptions::default(), &mut seen).unwrap();
    assert_eq!(seen.txns, [1, 2, 3, 4, 5]);
    assert_eq!(seen.nodes.len(), 1);
    assert_eq!(recovered.last, Zxid(5));
    assert_eq!(recovered.torn_bytes, 0);
}

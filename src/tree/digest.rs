//! The digest by which servers notice that their trees differ: a sum of node checksums, version 2.

use crate::types::NodeStat;

/// Version of the algorithm, as transactions and snapshots state it.
pub const DIGEST_VERSION: i32 = 2;

/// What one node adds to the tree's digest: 0..=2^32 - 1. Nodes below `/zookeeper` add nothing, since
/// their data is partly the server's own (usage, configuration). The access list is not covered.
// apache 3.9.5: server/DigestCalculator.java calculateDigest
pub fn node_digest(path: &str, data: Option<&[u8]>, stat: &NodeStat) -> i64 {
    if path.starts_with("/zookeeper/") {
        return 0;
    }
    let path = if path == "/" { "" } else { path };
    let mut crc = crc32fast::Hasher::new();
    crc.update(path.as_bytes());
    crc.update(data.unwrap_or_default());
    crc.update(&stat_bytes(stat));
    i64::from(crc.finalize())
}

/// The fields in an order that is not that of the snapshot.
fn stat_bytes(stat: &NodeStat) -> [u8; 60] {
    let mut bytes = [0; 60];
    let longs = [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime];
    for (at, value) in bytes.chunks_exact_mut(8).zip(longs) {
        at.copy_from_slice(&value.to_be_bytes());
    }
    let ints = [stat.version, stat.cversion, stat.aversion];
    for (at, value) in bytes[40..52].chunks_exact_mut(4).zip(ints) {
        at.copy_from_slice(&value.to_be_bytes());
    }
    bytes[52..].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    // All constants were recorded from Apache 3.9.5.

    #[test]
    fn empty_nodes() {
        let stat = NodeStat::default();
        assert_eq!(node_digest("", Some(b""), &stat), 0x0412_8908);
        assert_eq!(node_digest("/", None, &stat), 0x0412_8908);
        assert_eq!(node_digest("/zookeeper", Some(b""), &stat), 0x4db4_4d58);
        assert_eq!(node_digest("/zookeeper/quota", Some(b"x"), &stat), 0);
        assert_ne!(node_digest("/zookeeperx", None, &stat), 0);
    }

    #[test]
    fn a_node_with_data() {
        let stat = NodeStat {
            czxid: 2,
            mzxid: 2,
            pzxid: 2,
            ctime: 0x1a1_fc62_ad95,
            mtime: 0x1a1_fc62_ad95,
            ..NodeStat::default()
        };
        assert_eq!(node_digest("/a", Some(b"hello"), &stat), 0x3d74_b6fe);
        let root = NodeStat {
            cversion: 1,
            pzxid: 2,
            ..NodeStat::default()
        };
        assert_eq!(node_digest("/", Some(b""), &root), 0x0315_78f2);
    }

    #[test]
    fn every_field_counts() {
        let zero = node_digest("/a", None, &NodeStat::default());
        for set in [
            |s: &mut NodeStat| s.czxid = 1,
            |s: &mut NodeStat| s.mzxid = 1,
            |s: &mut NodeStat| s.pzxid = 1,
            |s: &mut NodeStat| s.ctime = 1,
            |s: &mut NodeStat| s.mtime = 1,
            |s: &mut NodeStat| s.version = 1,
            |s: &mut NodeStat| s.cversion = 1,
            |s: &mut NodeStat| s.aversion = 1,
            |s: &mut NodeStat| s.ephemeral_owner = 1,
        ] {
            let mut stat = NodeStat::default();
            set(&mut stat);
            assert_ne!(node_digest("/a", None, &stat), zero);
        }
    }
}

//! Apache's empty database byte for byte, every combination of sections, and everything that can be
//! wrong with a snapshot.

use super::*;
use crate::storage::format::seen::{Node, Seen};
use crate::storage::format::snapshot_encode::{DIGEST_VERSION, SnapshotEncoder};
use crate::storage::format::window::CHUNK_BYTES;
use crate::types::{self, NodeStat, SessionId, read_acl};
use proptest::prelude::*;

const LIMIT: usize = 4 << 20;

fn drained(mut encoder: SnapshotEncoder) -> Vec<u8> {
    let mut out = Vec::new();
    encoder
        .drain(|bytes| {
            out.extend_from_slice(bytes);
            Ok::<(), ()>(())
        })
        .unwrap();
    out
}

fn encode(seen: &Seen, sections: &Sections) -> Vec<u8> {
    let mut encoder = SnapshotEncoder::new();
    encoder.sessions(&seen.sessions);
    let lists = seen
        .lists
        .iter()
        .map(|(number, list)| (*number, list.as_slice()));
    encoder.acl_lists(&lists.collect::<Vec<_>>());
    for (path, data, acl, stat) in &seen.nodes {
        encoder.node(path, data.as_deref(), *acl, *stat);
    }
    encoder.end(sections);
    drained(encoder)
}

fn read(bytes: &[u8]) -> Result<(Seen, SnapshotSummary), SnapshotFlaw> {
    let mut seen = Seen::default();
    let summary = decode(bytes, LIMIT, &mut seen)?;
    Ok((seen, summary))
}

fn all_sections(zxid: i64, digest: i64) -> Sections {
    Sections {
        digest: Some(DigestSection {
            zxid,
            version: DIGEST_VERSION,
            digest,
        }),
        zxid: Some(Zxid(zxid)),
    }
}

/// The nodes that every server has, before anything was done.
fn empty_database() -> Seen {
    let node = |path: &str, acl, aversion| {
        let stat = NodeStat {
            aversion,
            ..NodeStat::default()
        };
        (path.to_owned(), Some(Vec::new()), acl, stat)
    };
    Seen {
        sessions: vec![],
        lists: vec![(1, read_acl())],
        nodes: vec![
            node("", -1, 0),
            node("/zookeeper", -1, 0),
            node("/zookeeper/config", 1, -1),
            node("/zookeeper/quota", -1, 0),
        ],
    }
}

fn small() -> Seen {
    let mut seen = empty_database();
    seen.sessions = vec![(SessionId(0x0100_0000_0000_0001), 30_000)];
    seen.nodes
        .push(("/a".into(), None, -1, NodeStat::default()));
    seen
}

/// 478 bytes that a 3.9.5 server writes when it starts on an empty directory.
#[test]
fn the_empty_database_is_apaches_byte_for_byte() {
    let bytes = encode(&empty_database(), &all_sections(0, 0));
    assert_eq!(bytes.len(), 478);
    let zeros = |count| vec![0_u8; count];
    let want = [
        b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        zeros(4),
        b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x05world\0\0\0\x06anyone".to_vec(),
        [zeros(8), vec![0xff; 8], zeros(60)].concat(),
        b"\0\0\0\x0a/zookeeper".to_vec(),
        [zeros(4), vec![0xff; 8], zeros(60)].concat(),
        b"\0\0\0\x11/zookeeper/config".to_vec(),
        [zeros(11), vec![1], zeros(40), vec![0xff; 4], zeros(16)].concat(),
        b"\0\0\0\x10/zookeeper/quota".to_vec(),
        [zeros(4), vec![0xff; 8], zeros(60)].concat(),
        b"\0\0\0\x01/\0\0\0\0\xb8\xa2\x3b\x49\0\0\0\x01/".to_vec(),
        [zeros(11), vec![2], zeros(8)].concat(),
        b"\0\0\0\0\x95\xb9\x3d\x59\0\0\0\x01/".to_vec(),
        zeros(8),
        b"\0\0\0\0\xbd\xe8\x3f\x6d\0\0\0\x01/".to_vec(),
    ]
    .concat();
    assert_eq!(bytes, want);
    assert_eq!(read(&bytes).unwrap().0, empty_database());
}

#[test]
fn sections_are_told_apart_by_what_is_left() {
    let all = all_sections(0x1_0000_0007, -5);
    for (digest, zxid, bytes) in [
        (None, None, 0),
        (None, all.zxid, 21),
        (all.digest.clone(), None, 33),
        (all.digest.clone(), all.zxid, 54),
    ] {
        let sections = Sections { digest, zxid };
        let short = encode(&small(), &Sections::default());
        let long = encode(&small(), &sections);
        assert_eq!(long.len() - short.len(), bytes);
        let (seen, summary) = read(&long).unwrap();
        assert_eq!(seen, small());
        assert_eq!(summary.nodes, 5);
        assert_eq!(summary.bytes, u64::try_from(long.len()).unwrap());
        assert_eq!(
            (summary.digest, summary.zxid),
            (sections.digest, sections.zxid)
        );
    }
}

#[test]
fn no_prefix_is_a_snapshot_but_those_that_end_with_a_seal() {
    let bytes = encode(&small(), &all_sections(7, 9));
    let whole = [bytes.len() - 54, bytes.len() - 21, bytes.len()];
    for length in 0..bytes.len() {
        let result = read(&bytes[..length]);
        assert_eq!(
            result.is_ok(),
            whole.contains(&length),
            "{length}: {result:?}"
        );
    }
}

#[test]
fn bytes_behind_the_last_seal_are_refused() {
    let mut bytes = encode(&small(), &all_sections(7, 9));
    bytes.push(0);
    let flaw = read(&bytes).unwrap_err();
    assert!(
        matches!(flaw, SnapshotFlaw::Tail { bytes: 55, .. }),
        "{flaw}"
    );
}

#[test]
fn a_flipped_bit_in_any_byte_is_found() {
    let bytes = encode(&small(), &all_sections(7, 9));
    // The version and the database id of the header are under the seal, too.
    for byte in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[byte] ^= 1 << (byte % 8);
        let result = read(&bytes);
        assert!(result.is_err(), "byte {byte}: {result:?}");
    }
}

#[test]
fn the_visitors_refusal_names_the_place() {
    let mut seen = small();
    let at = encode(&seen, &Sections::default()).len() - 18;
    seen.nodes
        .push(("/refused".into(), None, -1, NodeStat::default()));
    let flaw = read(&encode(&seen, &Sections::default())).unwrap_err();
    assert_eq!(
        flaw.to_string(),
        format!("node at byte {at}: its parent is missing")
    );
}

#[test]
fn claims_beyond_the_bytes_or_the_limit_allocate_nothing() {
    let mut encoder = SnapshotEncoder::new();
    encoder.sessions(&[]);
    encoder.acl_lists(&[]);
    let start = drained(encoder);
    for claim in [i32::MAX, i32::try_from(LIMIT).unwrap() + 1, -2] {
        let mut bytes = start.clone();
        bytes.extend_from_slice(&claim.to_be_bytes());
        bytes.resize(bytes.len() + 100, b'/');
        let flaw = read(&bytes).unwrap_err();
        assert!(
            matches!(flaw, SnapshotFlaw::Record { what: "node", .. }),
            "{flaw}"
        );
    }
    let mut bytes = start[..20].to_vec();
    bytes.extend_from_slice(&i32::MAX.to_be_bytes());
    assert!(read(&bytes).is_err());
    let mut bytes = start[..16].to_vec();
    bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    let flaw = read(&bytes).unwrap_err();
    assert!(
        matches!(flaw, SnapshotFlaw::Count { count: -1, .. }),
        "{flaw}"
    );
}

#[test]
fn records_may_be_longer_than_a_chunk() {
    let mut seen = small();
    let data = vec![0xab; CHUNK_BYTES * 2 + 17];
    seen.nodes
        .push(("/big".into(), Some(data), -1, NodeStat::default()));
    seen.nodes
        .push(("/b".into(), Some(vec![]), -1, NodeStat::default()));
    let bytes = encode(&seen, &all_sections(7, 9));
    assert_eq!(read(&bytes).unwrap().0, seen);
    let mut again = Seen::default();
    let flaw = decode(&bytes[..], CHUNK_BYTES * 2, &mut again).unwrap_err();
    assert!(
        matches!(flaw, SnapshotFlaw::Record { what: "node", .. }),
        "{flaw}"
    );
}

#[test]
#[should_panic(expected = "in order")]
fn parts_cannot_be_swapped() {
    SnapshotEncoder::new().acl_lists(&[]);
}

#[test]
#[should_panic(expected = "is empty")]
fn the_root_cannot_be_called_slash() {
    let mut encoder = SnapshotEncoder::new();
    encoder.sessions(&[]);
    encoder.acl_lists(&[]);
    encoder.node("/", None, -1, NodeStat::default());
}

fn stat() -> impl Strategy<Value = NodeStat> {
    (any::<[i64; 6]>(), any::<[i32; 3]>()).prop_map(|(longs, ints)| NodeStat {
        czxid: longs[0],
        mzxid: longs[1],
        ctime: longs[2],
        mtime: longs[3],
        version: ints[0],
        cversion: ints[1],
        aversion: ints[2],
        ephemeral_owner: longs[4],
        pzxid: longs[5],
    })
}

fn node() -> impl Strategy<Value = Node> {
    let data = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300));
    ("/[a-zé/]{1,40}", data, any::<i64>(), stat())
}

fn database() -> impl Strategy<Value = Seen> {
    let session = (any::<i64>().prop_map(SessionId), any::<i32>());
    let acl = (any::<i32>(), "[a-z]{0,6}", "[a-z:.]{0,20}")
        .prop_map(|(perms, scheme, id)| types::Acl::new(types::Perms(perms), scheme, id));
    let list = (any::<i64>(), proptest::collection::vec(acl, 0..4));
    (
        proptest::collection::vec(session, 0..20),
        proptest::collection::vec(list, 0..10),
        proptest::collection::vec(node(), 0..50),
    )
        .prop_map(|(sessions, lists, nodes)| Seen {
            sessions,
            lists,
            nodes,
        })
}

proptest! {
    #[test]
    fn databases_round_trip(seen in database(), zxid: i64, digest: i64, which in 0..4) {
        let mut sections = all_sections(zxid, digest);
        if which & 1 == 0 {
            sections.digest = None;
        }
        if which & 2 == 0 {
            sections.zxid = None;
        }
        let (again, summary) = read(&encode(&seen, &sections)).unwrap();
        prop_assert_eq!(again, seen);
        prop_assert_eq!((summary.digest, summary.zxid), (sections.digest, sections.zxid));
    }

    /// Drained in pieces or at once, the bytes are the same.
    #[test]
    fn slices_do_not_show(seen in database(), every in 1_usize..5) {
        let whole = encode(&seen, &Sections::default());
        let mut encoder = SnapshotEncoder::new();
        let mut out = Vec::new();
        let mut sink = |bytes: &[u8]| { out.extend_from_slice(bytes); Ok::<(), ()>(()) };
        encoder.sessions(&seen.sessions);
        let lists = seen.lists.iter().map(|(number, list)| (*number, list.as_slice()));
        encoder.acl_lists(&lists.collect::<Vec<_>>());
        for (i, (path, data, acl, stat)) in seen.nodes.iter().enumerate() {
            encoder.node(path, data.as_deref(), *acl, *stat);
            if i % every == 0 {
                encoder.drain(&mut sink).unwrap();
                prop_assert_eq!(encoder.pending(), 0);
            }
        }
        encoder.end(&Sections::default());
        prop_assert!(encoder.is_done());
        encoder.drain(&mut sink).unwrap();
        prop_assert_eq!(out, whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut snapshot = b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
        snapshot.extend_from_slice(&bytes);
        prop_assert!(read(&snapshot).is_err());
    }
}

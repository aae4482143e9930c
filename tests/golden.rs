//! Logs and snapshots that Apache ZooKeeper 3.9.5 wrote (`scripts/capture.sh`): read to the last byte, and
//! written again to the same bytes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use oxkeeper::proto::disk::NodeRecord;
use oxkeeper::proto::shared::{Acl, acl_words};
use oxkeeper::proto::txn::LoggedTxn;
use oxkeeper::storage::disk::RealDisk;
use oxkeeper::storage::format::file_name::{Compression, SnapshotName};
use oxkeeper::storage::format::scan::{LogScanner, Step, Verdict};
use oxkeeper::storage::format::snap_stream::{SnapStreamDecoder, SnapStreamEncoder};
use oxkeeper::storage::format::snapshot::{SnapshotSummary, SnapshotVisitor};
use oxkeeper::storage::format::snapshot_encode::{Sections, SnapshotEncoder};
use oxkeeper::storage::format::txn_log::{append_header, append_record};
use oxkeeper::storage::layout::DataDirs;
use oxkeeper::storage::recover::{
    RECORD_BYTES_MAX_DEFAULT, RecoverOptions, RecoveryVisitor, read_all,
};
use oxkeeper::storage::snapshots;
use oxkeeper::types::{self, NodeStat, OpCode, SessionId, Zxid};

/// The last transaction of the recorded log.
const LAST: i64 = 0x1c;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/storage")
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    sessions: Vec<(SessionId, i32)>,
    lists: Vec<(i64, Vec<types::Acl>)>,
    nodes: Vec<(String, Option<Vec<u8>>, i64, NodeStat)>,
    txns: Vec<i64>,
}

impl SnapshotVisitor for Seen {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.push((id, timeout_ms));
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.lists.push((number, acl_words(list)));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        let data = node.data.map(<[u8]>::to_vec);
        let stat = node.stat.clone().into();
        self.nodes
            .push((node.path.to_string(), data, node.acl, stat));
        Ok(())
    }
}

impl RecoveryVisitor for Seen {
    fn begin(&mut self, _: Zxid) {
        *self = Seen::default();
    }

    fn loaded(&mut self, _: &SnapshotSummary) {}

    fn txn(&mut self, _: &[u8], txn: &LoggedTxn<'_>) {
        self.txns.push(txn.header.zxid);
    }
}

fn read(setting: &str, name: SnapshotName) -> (Seen, SnapshotSummary) {
    let mut seen = Seen::default();
    let dir = golden().join(setting);
    let summary =
        snapshots::read(&RealDisk, &dir, name, RECORD_BYTES_MAX_DEFAULT, &mut seen).unwrap();
    (seen, summary)
}

fn encode(seen: &Seen, summary: &SnapshotSummary) -> Vec<u8> {
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
    encoder.end(&Sections {
        digest: summary.digest.clone(),
        zxid: summary.zxid,
    });
    let mut out = Vec::new();
    encoder
        .drain(|bytes| {
            out.extend_from_slice(bytes);
            Ok::<(), ()>(())
        })
        .unwrap();
    out
}

fn name(zxid: i64, compression: Compression) -> SnapshotName {
    SnapshotName {
        zxid: Zxid(zxid),
        compression,
    }
}

#[test]
fn apaches_log_is_read_and_written_again() {
    let file = fs::read(golden().join("log.1")).unwrap();
    let mut scanner = LogScanner::new(&file[..], RECORD_BYTES_MAX_DEFAULT);
    let (mut again, mut zxids, mut ops) = (Vec::new(), Vec::new(), BTreeSet::new());
    append_header(&mut again);
    let end = loop {
        match scanner.step().unwrap() {
            Step::Record(record) => {
                let txn = LoggedTxn::decode(record.body).unwrap();
                assert_eq!(txn.digest.is_none(), txn.txn.op() == OpCode::Error);
                let mut body = Vec::new();
                txn.append(&mut body);
                append_record(&body, &mut again);
                zxids.push(record.zxid.0);
                ops.insert(txn.txn.op());
            }
            Step::End(verdict) => break verdict,
        }
    };
    assert_eq!(zxids, (1..=LAST).collect::<Vec<_>>());
    let used = u64::try_from(again.len()).unwrap();
    assert_eq!(end, Verdict::Clean { end: used });
    assert!(file.starts_with(&again));
    // create2 is logged as such only by the variant that answers a stat.
    for op in [
        OpCode::CreateSession,
        OpCode::CloseSession,
        OpCode::Create,
        OpCode::Create2,
        OpCode::CreateContainer,
        OpCode::CreateTtl,
        OpCode::Delete,
        OpCode::DeleteContainer,
        OpCode::SetData,
        OpCode::SetAcl,
        OpCode::Multi,
        OpCode::Error,
    ] {
        assert!(ops.contains(&op), "{op:?} is recorded");
    }
}

#[test]
fn apaches_snapshots_are_read_and_written_again_with_any_sections() {
    let mut states = Vec::new();
    for (setting, digest, zxid) in [
        ("default", true, true),
        ("no-digest", false, true),
        ("no-zxid", true, false),
        ("neither", false, false),
    ] {
        let name = name(LAST, Compression::None);
        let (seen, summary) = read(setting, name);
        assert_eq!(
            (summary.digest.is_some(), summary.zxid.is_some()),
            (digest, zxid),
            "{setting}"
        );
        assert!(summary.zxid.is_none_or(|zxid| zxid == Zxid(LAST)));
        let file = fs::read(golden().join(setting).join(name.to_string())).unwrap();
        assert_eq!(encode(&seen, &summary), file, "{setting}");
        states.push(seen);
    }
    let paths: Vec<_> = states[0]
        .nodes
        .iter()
        .map(|(path, ..)| path.as_str())
        .collect();
    assert!(paths.contains(&"/a/grüße-你好"), "{paths:?}");
    let data = |path| {
        &states[0]
            .nodes
            .iter()
            .find(|node| node.0 == path)
            .unwrap()
            .1
    };
    assert_eq!(*data("/a/null"), None);
    assert_eq!(data("/a/empty").as_deref(), Some(&[][..]));
    assert_eq!(data("/a").as_deref(), Some(&b"world!"[..]));
    assert!(
        states.iter().all(|state| *state == states[0]),
        "the settings change no state"
    );
}

/// What a leader sends: the records of the file, and packets may follow.
#[test]
fn apaches_snapshot_on_the_wire_is_read_and_sent_again() {
    let stream = fs::read(golden().join("snap-stream")).unwrap();
    let (mut decoder, mut seen) = (
        SnapStreamDecoder::new(RECORD_BYTES_MAX_DEFAULT),
        Seen::default(),
    );
    let (mut input, mut done) = (BytesMut::new(), false);
    for piece in stream.chunks(1000) {
        assert!(!done);
        input.extend_from_slice(piece);
        done = decoder.feed(&mut input, &mut seen).unwrap();
    }
    assert!(done && input.is_empty());
    let (of_file, _) = read("default", name(LAST, Compression::None));
    assert_eq!(
        (&seen.sessions, &seen.lists),
        (&of_file.sessions, &of_file.lists)
    );
    let sorted = |seen: &Seen| {
        let mut nodes = seen.nodes.clone();
        nodes.sort_by(|a, b| a.0.cmp(&b.0));
        nodes
    };
    assert_eq!(sorted(&seen), sorted(&of_file));

    let mut encoder = SnapStreamEncoder::new();
    encoder.sessions(&seen.sessions);
    let lists = seen.lists.iter();
    let lists = lists.map(|(number, list)| (*number, list.as_slice()));
    encoder.acl_lists(&lists.collect::<Vec<_>>());
    for (path, data, acl, stat) in &seen.nodes {
        encoder.node(path, data.as_deref(), *acl, *stat);
    }
    encoder.end();
    assert_eq!(encoder.take(), stream);
}

#[test]
fn apaches_compressed_snapshots_hold_the_same() {
    let (plain, summary) = read("default", name(LAST, Compression::None));
    for (setting, compression) in [("gz", Compression::Gzip), ("snappy", Compression::Snappy)] {
        let (seen, packed) = read(setting, name(LAST, compression));
        assert_eq!((&seen, &packed), (&plain, &summary), "{setting}");
    }
}

#[test]
fn apaches_empty_snapshot_is_read_and_written_again() {
    let mut seen = Seen::default();
    let name = name(0, Compression::None);
    let summary = snapshots::read(
        &RealDisk,
        &golden(),
        name,
        RECORD_BYTES_MAX_DEFAULT,
        &mut seen,
    )
    .unwrap();
    assert_eq!(
        encode(&seen, &summary),
        fs::read(golden().join("snapshot.0")).unwrap()
    );
}

#[test]
fn apaches_directory_is_recovered() {
    let home = tempfile::tempdir().unwrap();
    let dirs = DataDirs::of(home.path(), None);
    let _locks = dirs.open(true).unwrap();
    for file in ["log.1", "snapshot.0"] {
        fs::copy(golden().join(file), dirs.log.join(file)).unwrap();
    }
    let before = fs::read(dirs.log.join("log.1")).unwrap();
    let mut seen = Seen::default();
    let recovered = read_all(&RealDisk, &dirs, &RecoverOptions::default(), &mut seen).unwrap();
    assert_eq!((recovered.last, recovered.torn_bytes), (Zxid(LAST), 0));
    assert_eq!(seen.txns, (1..=LAST).collect::<Vec<_>>());
    assert_eq!(seen.nodes.len(), 4);
    assert_eq!(
        fs::read(dirs.log.join("log.1")).unwrap(),
        before,
        "a whole log is not touched"
    );
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Records of another server of that release, byte by byte: createSession, create, setData, a refusal,
/// a failed multi, closeSession.
const RECORDS: [&str; 6] = [
    "00000000cb070ac5 00000030 0100001b04f40000 00000000 0000000000000001 000001a1fc62ad89 fffffff6 \
     00002710 00000002 0000000051c6d660 42",
    "0000000036970d77 0000005b 0100001b04f40000 00000001 0000000000000002 000001a1fc62ad95 00000001 \
     00000002 2f61 00000005 68656c6c6f 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 \
     00 00000001 00000002 000000008e3e7d48 42",
    "00000000055b0988 00000040 0100001b04f40000 00000002 0000000000000003 000001a1fc62ad9d 00000005 \
     00000002 2f61 00000006 776f726c6421 00000001 00000002 000000013db5df69 42",
    "000000006bf30c0f 00000024 0100001b04f40000 00000009 000000000000000a 000001a1fc62adaf ffffffff \
     ffffff92 42",
    "00000000abff1b90 0000007c 0100001b04f40000 0000000b 000000000000000c 000001a1fc62adba 0000000e \
     00000003 00000001 0000002c 00000003 2f6d32 00000001 31 00000001 0000001f 00000005 776f726c64 \
     00000006 616e796f6e65 00 00000006 ffffffff 00000004 ffffff9b ffffffff 00000004 fffffffe \
     00000002 000000042d4cb116 42",
    "00000000235c0b7f 00000038 0100001b04f40000 0000000e 000000000000000f 000001a1fc62adc0 fffffff5 \
     00000001 00000004 2f612f65 00000002 000000041e7e70b3 42",
];

#[test]
fn known_records_are_read_and_written_again() {
    let mut file = unhex("5a4b4c47 00000002 0000000000000000");
    for record in RECORDS {
        file.extend_from_slice(&unhex(record));
    }
    let mut scanner = LogScanner::new(&file[..], RECORD_BYTES_MAX_DEFAULT);
    let mut again = Vec::new();
    append_header(&mut again);
    let mut records = 0;
    while let Step::Record(record) = scanner.step().unwrap() {
        let mut body = Vec::new();
        LoggedTxn::decode(record.body).unwrap().append(&mut body);
        append_record(&body, &mut again);
        records += 1;
    }
    assert_eq!(records, RECORDS.len());
    assert_eq!(again, file);
}

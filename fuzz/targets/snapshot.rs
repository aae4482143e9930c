//! Any bytes as a snapshot, plain, compressed with Snappy or as a leader sends it, loaded into a tree as a
//! server does it.
#![no_main]

use std::io::Read;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::disk::NodeRecord;
use oxkeeper::proto::shared::{self, Acl};
use oxkeeper::replica::Recovery;
use oxkeeper::storage::format::snap_stream::SnapStreamDecoder;
use oxkeeper::storage::format::snappy_stream::SnappyReader;
use oxkeeper::storage::format::snapshot::{SnapshotVisitor, decode};
use oxkeeper::tree::TreeOptions;
use oxkeeper::types::{Millis, NodeStat, OwnerRules, SessionId, Zxid};

/// As with the usual `jute.maxbuffer`.
const RECORD_BYTES_MAX: usize = 1 << 20;

struct Visitor(Recovery);

impl SnapshotVisitor for Visitor {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.0.session(id, timeout_ms);
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.0.acl(number, &shared::acl_words(list));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        let stat = NodeStat::from(node.stat.clone());
        let added = self.0.node(&node.path, node.data, node.acl, &stat);
        added.map_err(|error| error.to_string())
    }
}

/// A snapshot file.
fn load(source: impl Read) {
    let mut visitor = visitor();
    if let Ok(summary) = decode(source, RECORD_BYTES_MAX, &mut visitor) {
        let digest = summary.digest;
        check(
            visitor,
            digest.map(|digest| (Zxid(digest.zxid), digest.digest)),
        );
    }
}

/// A leader's snapshot, in pieces of this many bytes.
fn receive(bytes: &[u8], piece: usize) {
    let mut visitor = visitor();
    let mut decoder = SnapStreamDecoder::new(RECORD_BYTES_MAX);
    let mut input = BytesMut::new();
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        match decoder.feed(&mut input, &mut visitor) {
            Ok(false) => {}
            Ok(true) => return check(visitor, None),
            Err(_) => return,
        }
    }
}

fn visitor() -> Visitor {
    let options = TreeOptions {
        digest: true,
        owner_rules: OwnerRules {
            extended_types: true,
            emulate_353: false,
        },
        hash_seed: 7,
    };
    let mut recovery = Recovery::new(options, 2000, Millis(0));
    recovery.begin(2000, Zxid(5));
    Visitor(recovery)
}

fn check(mut visitor: Visitor, digest: Option<(Zxid, i64)>) {
    visitor.0.loaded(digest);
    let state = visitor.0.finish(Millis(0));
    let nodes = u64::try_from(state.tree.node_count()).expect("few");
    assert!(nodes >= 1, "there is a root");
    for owner in state.tree.ephemeral_owners() {
        assert!(
            state.sessions.is_open(owner),
            "{owner} owns a node and is gone"
        );
    }
}

fuzz_target!(|input: &[u8]| {
    match input {
        [0, rest @ ..] => {
            if let Ok(reader) = SnappyReader::new(rest) {
                load(reader);
            }
        }
        [1, piece, rest @ ..] => receive(rest, usize::from(*piece) + 1),
        [_, rest @ ..] => load(rest),
        [] => {}
    }
});

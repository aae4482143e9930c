//! Streams as a leader sends them, in pieces of every size, and streams that are none.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::storage::format::snapshot_encode::SnapshotEncoder;
use crate::types::{Acl as AclRule, Id, NodeStat, Perms};

const FIELD_MAX: usize = 200;
/// Magic number, version and database id of a snapshot file.
const FILE_HEADER_BYTES: usize = 16;

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    sessions: Vec<(SessionId, i32)>,
    lists: Vec<(i64, usize)>,
    nodes: Vec<(String, Option<Vec<u8>>, i64)>,
}

impl SnapshotVisitor for Seen {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.push((id, timeout_ms));
    }
    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.lists.push((number, list.len()));
    }
    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        if node.path == "/refused" {
            return Err("no such parent".to_owned());
        }
        let data = node.data.map(<[u8]>::to_vec);
        self.nodes.push((node.path.to_string(), data, node.acl));
        Ok(())
    }
}

/// The records of `seen` as the file of a snapshot holds them, and what ends a stream.
fn stream_of(seen: &Seen, signature: &str) -> Vec<u8> {
    let mut encoder = SnapshotEncoder::new();
    encoder.sessions(&seen.sessions);
    let rule = AclRule {
        perms: Perms(31),
        id: Id {
            scheme: "world".into(),
            id: "anyone".into(),
        },
    };
    let lists: Vec<_> = seen
        .lists
        .iter()
        .map(|(number, rules)| (*number, vec![rule.clone(); *rules]))
        .collect();
    let borrowed: Vec<_> = lists.iter().map(|(n, list)| (*n, &list[..])).collect();
    encoder.acl_lists(&borrowed);
    for (path, data, acl) in &seen.nodes {
        encoder.node(path, data.as_deref(), *acl, NodeStat::default());
    }
    let mut stream = Vec::new();
    let drained = encoder.drain(|bytes| {
        stream.extend_from_slice(&bytes[FILE_HEADER_BYTES..]);
        Ok::<_, ()>(())
    });
    drained.unwrap();
    for text in [END_PATH, signature] {
        crate::proto::append(&Cow::Borrowed(text), &mut stream);
    }
    stream
}

fn example() -> Seen {
    Seen {
        sessions: vec![(SessionId(1), 4000), (SessionId(-2), 9000)],
        lists: vec![(1, 2), (7, 0)],
        nodes: vec![
            (String::new(), Some(Vec::new()), -1),
            ("/a".into(), Some(b"data".to_vec()), 1),
            ("/a/\u{1d11e}".into(), None, 7),
        ],
    }
}

/// Feeds `stream` in pieces of these sizes, over and over.
fn feed(stream: &[u8], sizes: &[usize]) -> Result<(Seen, Vec<u8>), SnapStreamFlaw> {
    let mut decoder = SnapStreamDecoder::new(FIELD_MAX);
    let (mut seen, mut input, mut rest) = (Seen::default(), BytesMut::new(), stream);
    for size in sizes.iter().cycle() {
        let piece = rest.split_off(..(*size).min(rest.len())).unwrap();
        input.extend_from_slice(piece);
        if decoder.feed(&mut input, &mut seen)? {
            return Ok((seen, [&input, rest].concat()));
        }
        assert!(!rest.is_empty(), "a whole stream is recognised");
    }
    unreachable!("sizes are cycled through")
}

proptest! {
    #[test]
    fn records_come_out_however_the_bytes_arrive(
        sessions in prop::collection::vec(any::<(i64, i32)>(), 0..4),
        lists in prop::collection::vec((any::<i64>(), 0..4_usize), 0..4),
        nodes in prop::collection::vec(
            ("/[a-z\u{e9}\u{1d11e}]{1,9}", prop::option::of(prop::collection::vec(any::<u8>(), 0..200)), any::<i64>()),
            0..9,
        ),
        behind in prop::collection::vec(any::<u8>(), 0..40),
        sizes in prop::collection::vec(1..90_usize, 1..9),
    ) {
        let sessions = sessions.into_iter().map(|(id, ms)| (SessionId(id), ms)).collect();
        let want = Seen { sessions, lists, nodes };
        let mut stream = stream_of(&want, SIGNATURE);
        stream.extend_from_slice(&behind);
        prop_assert_eq!(feed(&stream, &sizes), Ok((want, behind)));
    }

    #[test]
    fn no_bytes_make_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        size in 1..90_usize,
    ) {
        let mut stream = stream_of(&example(), SIGNATURE);
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let mut decoder = SnapStreamDecoder::new(FIELD_MAX);
        let (mut seen, mut input) = (Seen::default(), BytesMut::new());
        for piece in stream.chunks(size) {
            input.extend_from_slice(piece);
            if decoder.feed(&mut input, &mut seen) != Ok(false) {
                break;
            }
        }
    }
}

#[test]
fn flaws_are_named_with_their_place() {
    let one_node = |path: &str| Seen {
        nodes: vec![(path.to_owned(), None, -1)],
        ..Seen::default()
    };
    let longest = "/".repeat(FIELD_MAX + 1);
    for (stream, want) in [
        (b"\xff\xff\xff\xff".to_vec(), "-1 sessions at byte 0"),
        (
            b"\0\0\0\0\xff\xff\xff\xfe".to_vec(),
            "-2 ACL lists at byte 4",
        ),
        (
            stream_of(&one_node("/refused"), SIGNATURE),
            "node at byte 8: no such parent",
        ),
        (
            stream_of(&one_node(&longest), SIGNATURE),
            "node at byte 8: at byte 0: length 201 is above the limit of 200",
        ),
        (
            stream_of(&Seen::default(), "BenWasThere"),
            "the signature at byte 13 is \"BenWasThere\", not \"BenWasHere\"",
        ),
        (
            [&[0; 8][..], b"\0\0\0\x01/\xff\xff\xff\xff"].concat(),
            "signature at byte 13: at byte 0: null where a value is needed",
        ),
    ] {
        let flaw = feed(&stream, &[1]).unwrap_err();
        assert_eq!(flaw.to_string(), want);
    }
}

#[test]
fn a_list_that_does_not_end_is_not_waited_for() {
    // One ACL list that claims 2^31 - 1 rules, and rules without end.
    let mut stream = [
        &[0; 4][..],
        &[0, 0, 0, 1],
        &[0; 8],
        &[0x7f, 0xff, 0xff, 0xff],
    ]
    .concat();
    for _ in 0..400 {
        stream.extend_from_slice(&[0; 12]);
    }
    let mut decoder = SnapStreamDecoder::new(FIELD_MAX);
    let flaw = decoder.feed(&mut BytesMut::from(&stream[..]), &mut Seen::default());
    let text = flaw.unwrap_err().to_string();
    assert_eq!(text, "ACL list at byte 8 is longer than 1424 bytes");
}

//! The stream byte by byte, everything that can be wrong with it, and what follows it.

use super::*;
use crate::storage::format::seen::{Node, Seen};
use crate::types::{self, read_acl};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

fn encode(seen: &Seen) -> Vec<u8> {
    let mut encoder = SnapStreamEncoder::new();
    encoder.sessions(&seen.sessions);
    let lists = seen.lists.iter();
    let lists = lists.map(|(number, list)| (*number, list.as_slice()));
    encoder.acl_lists(&lists.collect::<Vec<_>>());
    let mut out = encoder.take();
    for (path, data, acl, stat) in &seen.nodes {
        encoder.node(path, data.as_deref(), *acl, *stat);
    }
    encoder.end();
    assert!(encoder.pending() > 0);
    let drained = encoder.drain(|bytes| {
        out.extend_from_slice(bytes);
        Ok::<(), ()>(())
    });
    assert_eq!((drained, encoder.pending()), (Ok(()), 0));
    out
}

/// Feeds `bytes` in pieces; what was seen, and what was left over.
fn read(bytes: &[u8], piece: usize) -> Result<(Seen, bool, Vec<u8>), SnapStreamFlaw> {
    let mut decoder = SnapStreamDecoder::new(LIMIT);
    let (mut seen, mut input, mut done) = (Seen::default(), BytesMut::new(), false);
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        done = decoder.feed(&mut input, &mut seen)?;
    }
    assert_eq!(decoder.nodes(), seen.nodes.len() as u64);
    Ok((seen, done, input.to_vec()))
}

fn node(path: &str, data: Option<&[u8]>, acl: i64) -> Node {
    let stat = NodeStat {
        czxid: 7,
        ..NodeStat::default()
    };
    (path.to_owned(), data.map(<[u8]>::to_vec), acl, stat)
}

fn small() -> Seen {
    Seen {
        sessions: vec![
            (SessionId(0x0100_0000_0000_0001), 30_000),
            (SessionId(-5), 4000),
        ],
        lists: vec![(1, read_acl())],
        nodes: vec![
            node("", Some(b""), -1),
            node("/a", None, 1),
            node("/a/b", Some(b"data"), -1),
        ],
    }
}

#[test]
fn the_layout() {
    let mut seen = small();
    seen.sessions.truncate(1);
    seen.nodes.truncate(1);
    let expected = [
        &b"\0\0\0\x01\x01\0\0\0\0\0\0\x01\0\0\x75\x30"[..],
        b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x05world\0\0\0\x06anyone",
        b"\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x07",
        &[0; 52],
        b"\0\0\0\x01/\0\0\0\x0aBenWasHere",
    ];
    assert_eq!(encode(&seen), expected.concat());
}

#[test]
fn what_follows_the_signature_is_left() {
    let mut bytes = encode(&small());
    bytes.extend_from_slice(b"\0\0\0\x0anext packet");
    let (seen, done, left) = read(&bytes, bytes.len()).unwrap();
    assert_eq!((seen, done), (small(), true));
    assert_eq!(left, b"\0\0\0\x0anext packet");
}

#[test]
fn cut_anywhere_it_is_only_unfinished() {
    let bytes = encode(&small());
    for length in 0..bytes.len() {
        let (_, done, left) = read(&bytes[..length], 7).unwrap();
        assert!(!done, "{length}");
        assert!(bytes[..length].ends_with(&left));
    }
}

#[test]
fn flaws_are_named_with_their_place() {
    let whole = encode(&small());
    let at = |part: &[u8]| whole.windows(part.len()).position(|w| w == part).unwrap();
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let signature = at(b"\0\0\0\x0aBen");
    let data = at(b"\0\0\0\x04data");
    for (bytes, expected) in [
        (changed(0, &[0xff; 4]), "-1 sessions at byte 0".to_owned()),
        (
            changed(28, &[0x80, 0, 0, 0]),
            "-2147483648 ACL lists at byte 28".to_owned(),
        ),
        (
            changed(signature + 4, b"J"),
            format!("the signature at byte {signature} is \"JenWasHere\", not \"BenWasHere\""),
        ),
        (
            changed(data, &[0xff, 0xff, 0xff, 0xfe]),
            format!("node at byte {}: at byte 8: negative length -2", data - 8),
        ),
        (
            changed(data, &[0x7f, 0, 0, 0]),
            format!("node at byte {}: at byte 8: length", data - 8),
        ),
    ] {
        let error = read(&bytes, 11).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
    let mut refused = small();
    refused.nodes.push(node("/refused", None, -1));
    let error = read(&encode(&refused), 5).unwrap_err().to_string();
    assert!(error.ends_with(": its parent is missing"), "{error}");
}

/// A list that claims more entries than will ever come is not waited for without end.
#[test]
fn a_record_without_an_end_is_refused() {
    let mut bytes = b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x7f\xff\xff\xff".to_vec();
    let entry = b"\0\0\0\x01\0\0\0\x05world\0\0\0\x06anyone";
    while bytes.len() < 3 * LIMIT {
        bytes.extend_from_slice(entry);
    }
    let error = read(&bytes, LIMIT).unwrap_err();
    assert!(
        matches!(error, SnapStreamFlaw::TooLong { at: 8, .. }),
        "{error}"
    );
}

#[test]
#[should_panic(expected = "come in order")]
fn the_order_of_the_parts_is_kept() {
    SnapStreamEncoder::new().acl_lists(&[]);
}

proptest! {
    #[test]
    fn any_snapshot_in_any_pieces(
        sessions in proptest::collection::vec((any::<i64>(), any::<i32>()), 0..5),
        lists in proptest::collection::vec(1_i64..9, 0..5),
        nodes in proptest::collection::vec(
            ("(/[a-zé💧]{1,9}){1,4}", proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))),
            0..9,
        ),
        piece in 1_usize..200,
        behind in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let whole = Seen {
            sessions: sessions.into_iter().map(|(id, timeout)| (SessionId(id), timeout)).collect(),
            lists: lists.into_iter().map(|number| (number, types::read_acl())).collect(),
            nodes: nodes.iter().map(|(path, data)| node(path, data.as_deref(), -1)).collect(),
        };
        let bytes = [encode(&whole), behind.clone()].concat();
        let (seen, done, left) = read(&bytes, piece).unwrap();
        prop_assert_eq!(&seen, &whole);
        prop_assert!(done);
        prop_assert_eq!(left, behind);
        prop_assert!(bytes.starts_with(&encode(&seen)));
    }

    #[test]
    fn nonsense_is_an_error_or_unfinished(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        piece in 1_usize..100,
    ) {
        let _ = read(&bytes, piece);
    }
}

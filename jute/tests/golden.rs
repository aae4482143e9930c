//! The encoding of every kind of field as Apache's Java library writes it (`BinaryOutputArchive`), both ways, and what
//! it refuses to read.

use jute::{DecodeErrorKind, Field, Reader, Text, to_vec};

jute::record! {
    /// One field of a kind.
    struct One<'a> {
        flag: bool,
        small: i8,
        int: i32,
        long: i64,
        buffer: Option<&'a [u8]>,
        text: Text<'a>,
        list: Option<Vec<Text<'a>>>,
    }
}

const ALL: &[u8] = b"\x01\x80\x7f\xff\xff\xff\x80\0\0\0\0\0\0\x01\0\0\0\x02hi\0\0\0\x03/\xc3\xa9\
    \0\0\0\x02\0\0\0\0\xff\xff\xff\xff";
const NULLS: &[u8] =
    b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

fn both_ways(record: &One<'_>, bytes: &[u8]) {
    assert_eq!(to_vec(record), bytes);
    assert_eq!(record.size(), bytes.len());
    let mut reader = Reader::new(bytes);
    assert_eq!(One::read(&mut reader).as_ref(), Ok(record));
    assert_eq!(reader.left(), 0);
}

#[test]
fn numbers_are_big_endian_and_null_is_not_empty() {
    let all = One {
        flag: true,
        small: -128,
        int: i32::MAX,
        long: i64::MIN + 1,
        buffer: Some(b"hi"),
        text: Some("/\u{e9}".into()),
        list: Some(vec![Some("".into()), None]),
    };
    both_ways(&all, ALL);
    let nulls = One {
        flag: false,
        small: 0,
        int: 0,
        long: 0,
        buffer: None,
        text: None,
        list: None,
    };
    both_ways(&nulls, NULLS);
}

#[test]
fn a_byte_that_is_not_zero_is_true_and_a_negative_count_is_null() {
    let mut bytes = NULLS.to_vec();
    bytes[0] = 7;
    assert!(One::read(&mut Reader::new(&bytes)).unwrap().flag);
    assert_eq!(Reader::new(b"\xff\xff\xff\xff").count(), Ok(None));
}

#[test]
fn text_beyond_the_basic_plane_is_written_as_two_surrogates() {
    let text: Text<'_> = Some("\u{1f600}".into());
    let mut out = Vec::new();
    text.write(&mut jute::Writer::new(&mut out));
    assert_eq!(out, b"\0\0\0\x06\xed\xa0\xbd\xed\xb8\x80");
    assert_eq!(text.size(), out.len());
    // A client that sends standard UTF-8 is understood.
    let mut reader = Reader::new(b"\0\0\0\x04\xf0\x9f\x98\x80");
    assert_eq!(reader.string(), Ok(text));
}

#[test]
fn cut_anywhere_it_is_refused_and_the_error_says_where() {
    for length in 0..ALL.len() {
        let error = One::read(&mut Reader::new(&ALL[..length])).unwrap_err();
        assert!(error.offset <= length, "{error}");
    }
    let long = b"\x7f\xff\xff\xffabc";
    let error = Reader::new(long).buffer().unwrap_err();
    assert_ne!(error.kind, DecodeErrorKind::Null);
}

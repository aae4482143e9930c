//! Random records there and back; random bytes never panic and never over-allocate.

use jute::{Field, Reader, Text, Writer};
use proptest::prelude::*;

jute::record! {
    /// Every kind of field once.
    pub struct Everything<'a> {
        /// A flag.
        pub flag: bool,
        /// A byte.
        pub small: i8,
        /// 32 bits.
        pub int: i32,
        /// 64 bits.
        pub long: i64,
        /// Bytes.
        pub buffer: Option<&'a [u8]>,
        /// Text.
        pub text: Text<'a>,
        /// A vector of records.
        pub list: Option<Vec<Inner<'a>>>,
    }
}

jute::record! {
    /// An element.
    pub struct Inner<'a> {
        /// Text.
        pub name: Text<'a>,
        /// A vector of text.
        pub names: Option<Vec<Text<'a>>>,
    }
}

jute::record! {
    /// A record without a lifetime.
    pub struct Plain {
        /// 32 bits.
        pub value: i32,
    }
}

/// Text of the basic plane: what survives Java's writer and reader unchanged.
fn plain_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z/\u{e9}\u{20ac}\u{ffff}]{0,12}")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        flag: bool, small: i8, int: i32, long: i64,
        buffer in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
        text in plain_text(),
        list in prop::option::of(prop::collection::vec((plain_text(), prop::option::of(prop::collection::vec(plain_text(), 0..4))), 0..5)),
    ) {
        let record = Everything {
            flag, small, int, long,
            buffer: buffer.as_deref(),
            text: text.as_deref().map(Into::into),
            list: list.as_ref().map(|list| list.iter().map(|(name, names)| Inner {
                name: name.as_deref().map(Into::into),
                names: names.as_ref().map(|names| names.iter().map(|n| n.as_deref().map(Into::into)).collect()),
            }).collect()),
        };
        let bytes = jute::to_vec(&record);
        prop_assert_eq!(bytes.len(), record.size());
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Everything::read(&mut reader).unwrap(), record);
        prop_assert_eq!(reader.left(), 0);
    }

    #[test]
    fn every_prefix_is_refused(cut in 0usize..26) {
        let record = Everything { flag: true, small: 1, int: 2, long: 3, buffer: None, text: None, list: None };
        let bytes = jute::to_vec(&record);
        prop_assert!(Everything::read(&mut Reader::new(&bytes[..cut.min(bytes.len() - 1)])).is_err());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Everything::read(&mut Reader::new(&bytes));
        let _ = Everything::read(&mut Reader::with_limit(&bytes, 16));
    }
}

#[test]
fn a_record_without_lifetime_works() {
    let mut out = Vec::new();
    Plain { value: 7 }.write(&mut Writer::new(&mut out));
    assert_eq!(out, [0, 0, 0, 7]);
}

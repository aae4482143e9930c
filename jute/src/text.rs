//! Text as Java reads and writes it: almost UTF-8.
//!
//! Writing: one character outside the basic plane becomes two 3-byte surrogates (CESU-8), because
//! Apache's `BinaryOutputArchive` encodes UTF-16 units one by one. Reading: standard UTF-8, malformed
//! parts become U+FFFD; a 3-byte surrogate is one malformed part (three for Rust's own lossy decoder).

use std::borrow::Cow;
use std::str;

const REPLACEMENT: char = '\u{fffd}';

/// Decodes text off the wire. Borrows when it is well formed. With `join`, two surrogates that belong
/// together become the character they stand for.
pub(crate) fn decode(bytes: &[u8], join: bool) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(decode_repairing(bytes, join)),
    }
}

fn decode_repairing(mut bytes: &[u8], join: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    loop {
        let error = match str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => error,
        };
        let (valid, bad) = bytes.split_at(error.valid_up_to());
        out.push_str(str::from_utf8(valid).unwrap_or_default());
        if let Some(joined) = surrogate_pair(bad).filter(|_| join) {
            out.push(joined);
            bytes = &bad[6..];
            continue;
        }
        out.push(REPLACEMENT);
        let skip = match bad {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
            _ => error.error_len().unwrap_or(bad.len()),
        };
        bytes = &bad[skip..];
    }
}

/// The character that a pair of surrogates, three bytes each, stands for.
fn surrogate_pair(bytes: &[u8]) -> Option<char> {
    let unit = |high: u8, low: u8| 0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f);
    match bytes {
        [
            0xed,
            a @ 0xa0..=0xaf,
            b @ 0x80..=0xbf,
            0xed,
            c @ 0xb0..=0xbf,
            d @ 0x80..=0xbf,
            ..,
        ] => char::decode_utf16([unit(*a, *b), unit(*c, *d)])
            .next()?
            .ok(),
        _ => None,
    }
}

/// Length of the encoded text in bytes.
pub(crate) fn encoded_len(text: &str) -> usize {
    text.len() + 2 * text.bytes().filter(|byte| *byte >= 0xf0).count()
}

/// Appends the encoded text.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte < 0xf0) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        if c.len_utf8() < 4 {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let [high, low] = unit.to_be_bytes();
            out.push(0xe0 | high >> 4);
            out.push(0x80 | (high & 0x0f) << 2 | low >> 6);
            out.push(0x80 | low & 0x3f);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supplementary_characters_are_written_as_two_surrogates() {
        let mut out = Vec::new();
        encode("a\u{1f600}é", &mut out);
        assert_eq!(out, [b'a', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0xc3, 0xa9]);
        assert_eq!(encoded_len("a\u{1f600}é"), out.len());
    }

    #[test]
    fn surrogates_are_joined_on_demand() {
        let mut out = Vec::new();
        encode("x\u{1f600}\u{10ffff}y", &mut out);
        assert_eq!(decode(&out, true), "x\u{1f600}\u{10ffff}y");
        assert_eq!(decode(&[0xed, 0xa0, 0xbd], true), "\u{fffd}");
    }

    #[test]
    fn malformed_text_is_repaired_as_java_does() {
        for (bytes, want) in [
            (
                &[0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80][..],
                "\u{fffd}\u{fffd}",
            ),
            (b"a\xffb", "a\u{fffd}b"),
            (&[0xe0, 0x80, 0x80], "\u{fffd}\u{fffd}\u{fffd}"),
            (&[0xe2, 0x82], "\u{fffd}"),
            (&[0xf0, 0x9f, 0x98, b'x'], "\u{fffd}x"),
            (&[0xed, 0xa0], "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(decode(bytes, false), want, "{bytes:x?}");
        }
    }
}

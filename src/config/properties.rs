//! Java `.properties` text into keys and values, each with the line it starts on. Knows the syntax,
//! not a single key.
//!
//! The syntax (`java.util.Properties.load`): bytes are ISO-8859-1; `#` or `!` starts a comment line; a backslash at the
//! end of a line continues it, and the blanks that start the next line are dropped; the key ends at the first
//! unescaped `=`, `:` or blank; `\t \n \r \f \uHHHH` are escapes, any other escaped character stands for itself.

use thiserror::Error;

/// One `key=value`, both unescaped but not trimmed at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line the key starts on, counted from 1.
    pub line: u32,
    /// The line the value ends on.
    pub last_line: u32,
    /// May be empty, as in `=value`.
    pub key: String,
    /// May be empty.
    pub value: String,
}

/// The one way in which properties text can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Malformed \\uxxxx encoding.")]
pub struct MalformedEscape {
    /// The line the entry starts on, counted from 1.
    pub line: u32,
}

/// All entries of `text` in file order, duplicates included: the last one wins, but the caller may want to
/// say so.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, MalformedEscape> {
    // ISO-8859-1: every byte is the code point of the same number.
    entries(text, |bytes| {
        bytes.iter().copied().map(char::from).collect()
    })
}

/// The same of text that does not come from a file (`java.util.Properties.load` of a reader): UTF-8, and U+FFFD for
/// what is not.
pub fn parse_utf8(text: &[u8]) -> Result<Vec<Entry>, MalformedEscape> {
    entries(text, |bytes| {
        String::from_utf8_lossy(bytes).chars().collect()
    })
}

fn entries(
    text: &[u8],
    decode: impl Fn(&[u8]) -> Vec<char>,
) -> Result<Vec<Entry>, MalformedEscape> {
    logical_lines(text, decode)
        .into_iter()
        .map(|logical| entry(&logical))
        .collect()
}

/// A line after joining continuations and dropping comments, escapes still in place.
struct LogicalLine {
    line: u32,
    last_line: u32,
    text: Vec<char>,
}

fn logical_lines(text: &[u8], decode: impl Fn(&[u8]) -> Vec<char>) -> Vec<LogicalLine> {
    let mut done: Vec<LogicalLine> = Vec::new();
    let mut open: Option<LogicalLine> = None;
    for (line, natural) in (1..).zip(natural_lines(text)) {
        let content = natural.trim_ascii_start_java();
        // A continuation of nothing is a new line, so a comment may follow it.
        let mut current = match open.take().filter(|current| !current.text.is_empty()) {
            Some(current) => current,
            None if matches!(content.first(), None | Some(b'#' | b'!')) => continue,
            None => LogicalLine {
                line,
                last_line: line,
                text: Vec::new(),
            },
        };
        current.last_line = line;
        current.text.extend(decode(content));
        let backslashes = content
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if backslashes % 2 == 1 {
            current.text.pop();
            open = Some(current);
        } else {
            done.push(current);
        }
    }
    // Java makes an empty key of a lone backslash at the very end, or not, depending on the line ending; nobody misses it.
    done.extend(open.filter(|current| !current.text.is_empty()));
    done
}

fn natural_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines_with_ends(text).map(|line| {
        let ending = line.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        &line[..ending.unwrap_or(line.len())]
    })
}

/// The lines that [`Entry::line`] counts, each with its `\n`, `\r` or `\r\n`. Nothing follows the last line ending.
pub(crate) fn lines_with_ends(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ending = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let ending = ending.unwrap_or(rest.len());
        let bytes = if rest[ending..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        let (line, left) = rest.split_at((ending + bytes).min(rest.len()));
        rest = left;
        Some(line)
    })
}

/// Blanks as `Properties.load` sees them: the vertical tab is not one of them.
trait TrimBlanks {
    fn trim_ascii_start_java(&self) -> &[u8];
}

impl TrimBlanks for [u8] {
    fn trim_ascii_start_java(&self) -> &[u8] {
        let start = self.iter().position(|byte| !is_blank(char::from(*byte)));
        &self[start.unwrap_or(self.len())..]
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

fn entry(logical: &LogicalLine) -> Result<Entry, MalformedEscape> {
    let text = &logical.text;
    let key_end = key_end(text);
    let mut value_start = skip_blanks(text, key_end);
    if matches!(text.get(value_start), Some('=' | ':')) {
        value_start = skip_blanks(text, value_start + 1);
    }
    let malformed = || MalformedEscape { line: logical.line };
    Ok(Entry {
        line: logical.line,
        last_line: logical.last_line,
        key: unescape(&text[..key_end]).ok_or_else(malformed)?,
        value: unescape(&text[value_start..]).ok_or_else(malformed)?,
    })
}

fn key_end(text: &[char]) -> usize {
    let mut escaped = false;
    for (at, c) in text.iter().enumerate() {
        if !escaped && (matches!(c, '=' | ':') || is_blank(*c)) {
            return at;
        }
        escaped = *c == '\\' && !escaped;
    }
    text.len()
}

fn skip_blanks(text: &[char], from: usize) -> usize {
    let blanks = text[from..].iter().take_while(|c| is_blank(**c)).count();
    from + blanks
}

/// `None` when a `\u` is not followed by four hexadecimal digits.
fn unescape(text: &[char]) -> Option<String> {
    // Escapes name UTF-16 units, and two of them may make one character, so the text is put together in UTF-16.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    let mut buffer = [0; 2];
    while let Some(c) = rest.next() {
        let plain = match c {
            '\\' => match rest.next() {
                Some('u') => {
                    units.push(unicode_unit(&mut rest)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some(other) => other,
                None => continue,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut buffer));
    }
    Some(String::from_utf16_lossy(&units))
}

fn unicode_unit(rest: &mut impl Iterator<Item = char>) -> Option<u16> {
    let mut unit: u16 = 0;
    for _ in 0..4 {
        let digit = rest.next()?.to_digit(16)?;
        unit = unit << 4 | u16::try_from(digit).ok()?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, want: &[(u32, &str, &str)]) {
        let got = parse(text.as_bytes()).expect("the text is well formed");
        let got: Vec<_> = got
            .iter()
            .map(|e| (e.line, e.key.as_str(), e.value.as_str()))
            .collect();
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn separators() {
        check("a=1", &[(1, "a", "1")]);
        check("a:1", &[(1, "a", "1")]);
        check("a 1", &[(1, "a", "1")]);
        check("a\t\x0c = \t1", &[(1, "a", "1")]);
        check("a = = 1", &[(1, "a", "= 1")]);
        check("a", &[(1, "a", "")]);
        check("a=", &[(1, "a", "")]);
        check("=1", &[(1, "", "1")]);
        check(
            "server.1=h:2888:3888;2181",
            &[(1, "server.1", "h:2888:3888;2181")],
        );
    }

    #[test]
    fn comments_and_blank_lines_are_counted_but_not_kept() {
        check(
            "# x\n! y\n\n  \t\n  # z\na=1\nb=2#no comment",
            &[(6, "a", "1"), (7, "b", "2#no comment")],
        );
    }

    #[test]
    fn every_line_ending_counts_once() {
        check(
            "a=1\r\nb=2\rc=3\n\r\nd=4",
            &[(1, "a", "1"), (2, "b", "2"), (3, "c", "3"), (5, "d", "4")],
        );
    }

    #[test]
    fn continuation_drops_the_blanks_of_the_next_line() {
        check("a=1,\\\n   2\nb=3", &[(1, "a", "1,2"), (3, "b", "3")]);
        check("a\\\n  b=1", &[(1, "ab", "1")]);
        check("a=1\\\\\nb=2", &[(1, "a", "1\\"), (2, "b", "2")]);
        check("a=1\\\n# not a comment", &[(1, "a", "1# not a comment")]);
        check("a=1\\", &[(1, "a", "1")]);
        check("a=1\\\n\nb=2", &[(1, "a", "1"), (3, "b", "2")]);
        check("\\\n\nb=2", &[(3, "b", "2")]);
        check("\\\n# a comment\nb=2", &[(3, "b", "2")]);
        check("a=1\n\\", &[(1, "a", "1")]);
    }

    #[test]
    fn escapes() {
        check(r"a=\t\n\r\f\\\q", &[(1, "a", "\t\n\r\x0c\\q")]);
        check(r"a\=b\:c\ d=1", &[(1, "a=b:c d", "1")]);
        check(r"a=\u00e9\u20AC\uD83D\uDE00", &[(1, "a", "é€😀")]);
        check(r"\#a=1", &[(1, "#a", "1")]);
    }

    #[test]
    fn bytes_are_latin_1() {
        let got = parse(b"a=\xe9\xc3\xa9").expect("any byte is a character");
        assert_eq!(got[0].value, "éÃ©");
    }

    #[test]
    fn texts_that_are_no_files_are_utf_8() {
        let got = parse_utf8("a=\u{e9}\u{1f600}\nb=\\u00e9".as_bytes()).expect("good escapes");
        assert_eq!(got[0].value, "\u{e9}\u{1f600}");
        assert_eq!(got[1].value, "\u{e9}");
        let broken = parse_utf8(b"a=\xe2\x82\nb=1").expect("no escapes");
        assert_eq!((broken[0].value.as_str(), broken[1].line), ("\u{fffd}", 2));
    }

    #[test]
    fn entries_know_where_they_end() {
        let got = parse(b"a=1\\\n 2\\\n 3\n# x\nb=4").expect("no escapes");
        let spans: Vec<_> = got.iter().map(|e| (e.line, e.last_line)).collect();
        assert_eq!(spans, [(1, 3), (5, 5)]);
    }

    #[test]
    fn trailing_blanks_belong_to_the_value() {
        check("a = 1 \t", &[(1, "a", "1 \t")]);
    }

    #[test]
    fn a_broken_unicode_escape_is_refused_with_its_line() {
        for text in ["\n\na=\\u12", "\n\na=\\u12g4", "\n\n\\u=1"] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(MalformedEscape { line: 3 }),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = parse(&text);
        }

        #[test]
        fn no_text_of_its_own_alphabet_makes_it_panic(text in r"([ab=: \t\x0c\\#!\r\n]|\\u|00e9|\\\n){0,60}") {
            if let Ok(entries) = parse(text.as_bytes()) {
                let lines: Vec<u32> = entries.iter().map(|entry| entry.line).collect();
                prop_assert!(lines.is_sorted());
            }
        }

        #[test]
        fn plain_pairs_come_back(pairs in prop::collection::vec(("[a-zA-Z.0-9_]{1,12}", "[a-z0-9/:;|.=-]{0,20}"), 0..20)) {
            let text: String = pairs.iter().map(|(key, value)| format!("  {key} = {value}\n")).collect();
            let got = parse(text.as_bytes()).expect("no escapes in it");
            prop_assert_eq!(got.len(), pairs.len());
            for (line, (entry, (key, value))) in (1u32..).zip(got.iter().zip(&pairs)) {
                prop_assert_eq!(entry.line, line);
                prop_assert_eq!(&entry.key, key);
                // `a = =b`: the blank after the first separator is dropped, a second separator is not.
                prop_assert_eq!(&entry.value, value);
            }
        }
    }
}

//! The text in which quotas state limits and usage: `count=5,bytes=-1=;countHardLimit=7`.

use std::collections::BTreeMap;
use std::str;

use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, i64};
use nom::combinator::{all_consuming, opt};
use nom::multi::separated_list0;
use nom::sequence::{preceded, separated_pair, terminated};
use nom::{IResult, Parser};

/// What an absent key means: no limit, or usage not known.
const ABSENT: i64 = -1;

/// Named numbers, as limits or as usage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct QuotaText {
    numbers: BTreeMap<String, i64>,
}

/// Number of nodes.
pub(crate) const COUNT: &str = "count";
/// Bytes of data.
pub(crate) const BYTES: &str = "bytes";
/// Number of nodes that must not be exceeded.
pub(crate) const COUNT_HARD: &str = "countHardLimit";
/// Bytes of data that must not be exceeded.
pub(crate) const BYTES_HARD: &str = "byteHardLimit";

impl QuotaText {
    /// Reads a node's data; `None` if it is null or not of this form.
    pub(crate) fn parse(data: Option<&[u8]>) -> Option<Self> {
        let text = str::from_utf8(data?).ok()?;
        let (_, pairs) = all_consuming(pairs).parse(text).ok()?;
        let numbers = pairs.into_iter().map(|(key, number)| (key.into(), number));
        Some(QuotaText {
            numbers: numbers.collect(),
        })
    }

    /// A number; -1 without the key.
    pub(crate) fn get(&self, key: &str) -> i64 {
        self.numbers.get(key).copied().unwrap_or(ABSENT)
    }

    /// Sets a number.
    pub(crate) fn set(&mut self, key: &str, number: i64) {
        self.numbers.insert(key.into(), number);
    }

    /// The canonical form. Parsers before 3.5 read up to the lone `=`.
    // apache 3.9.5: StatsTrack.java toString
    pub(crate) fn render(&self) -> String {
        let mut text = format!("{COUNT}={},{BYTES}={}", self.get(COUNT), self.get(BYTES));
        let others = self.numbers.iter();
        let others = others.filter(|(key, _)| *key != COUNT && *key != BYTES);
        for (at, (key, number)) in others.enumerate() {
            text.push_str(if at == 0 { "=;" } else { ";" });
            text.push_str(&format!("{key}={number}"));
        }
        text
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';')
}

fn pairs(input: &str) -> IResult<&str, Vec<(&str, i64)>> {
    let list = separated_list0(take_while1(is_separator), pair);
    terminated(list, take_while(is_separator)).parse(input)
}

/// What follows a second `=` is not looked at.
fn pair(input: &str) -> IResult<&str, (&str, i64)> {
    let key = take_while(|c| c != '=' && !is_separator(c));
    let number = opt(i64).map(|number| number.unwrap_or(ABSENT));
    let rest = opt(preceded(char('='), take_while(|c| !is_separator(c))));
    terminated(separated_pair(key, char('='), number), rest).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Option<String> {
        QuotaText::parse(Some(text.as_bytes())).map(|parsed| parsed.render())
    }

    #[test]
    fn every_form_ends_up_canonical() {
        for (text, canonical) in [
            ("", "count=-1,bytes=-1"),
            ("count=5,bytes=-1", "count=5,bytes=-1"),
            ("bytes=7;count=5", "count=5,bytes=7"),
            ("count=1,count=2,,bytes=3,", "count=2,bytes=3"),
            ("count=,bytes=+3", "count=-1,bytes=3"),
            (
                "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=9",
                "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=9",
            ),
            ("new=1", "count=-1,bytes=-1=;new=1"),
        ] {
            assert_eq!(rendered(text).as_deref(), Some(canonical), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_no_quota() {
        for text in [
            "count",
            "count=x",
            "count=1x",
            "count=99999999999999999999",
            "a b",
        ] {
            assert_eq!(rendered(text), None, "{text:?}");
        }
        assert_eq!(QuotaText::parse(None), None);
        assert_eq!(QuotaText::parse(Some(b"count=1\xff")), None);
    }
}

//! The grammar of `server.N` values: `host:port:port[:role]`, several of them separated by bars, then
//! `;[host:]port` for the clients. Splits text into fields; what the fields mean is `ensemble`'s business.

use nom::branch::alt;
use nom::bytes::complete::take_till;
use nom::character::complete::char;
use nom::combinator::{all_consuming, not, opt};
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// Fields between colons: the host, without its brackets if it is an IPv6 address, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) host: &'a str,
    pub(crate) rest: Vec<&'a str>,
}

/// A value split into its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerLine<'a> {
    /// At least one.
    pub(crate) addresses: Vec<Fields<'a>>,
    /// What follows the semicolon.
    pub(crate) client: Option<Fields<'a>>,
}

/// `None` when the text does not follow the grammar.
pub(crate) fn split(text: &str) -> Option<ServerLine<'_>> {
    let client = preceded(char(';'), fields);
    let mut line = all_consuming((separated_list1(char('|'), fields), opt(client)));
    // Java's `split` drops what is empty at the end: `h:1:2;` has no client part, `h:1:2|` has one address.
    let (_, (mut addresses, client)) = line.parse(text.trim_end_matches(';')).ok()?;
    let empty = |fields: &Fields<'_>| fields.host.is_empty() && fields.rest.is_empty();
    while addresses.len() > 1 && addresses.last().is_some_and(empty) {
        addresses.pop();
    }
    Some(ServerLine { addresses, client })
}

fn fields(input: &str) -> IResult<&str, Fields<'_>> {
    // Bars and semicolons separate even inside of brackets.
    let address = take_till(|c| matches!(c, ']' | '|' | ';'));
    let bracketed = delimited(char('['), address, char(']'));
    let plain = preceded(not(char('[')), field);
    let (input, host) = alt((bracketed, plain)).parse(input)?;
    let (input, mut rest) = many0(preceded(char(':'), field)).parse(input)?;
    while rest.last().is_some_and(|last| last.is_empty()) {
        rest.pop();
    }
    Ok((input, Fields { host, rest }))
}

fn field(input: &str) -> IResult<&str, &str> {
    take_till(|c| matches!(c, ':' | '|' | ';')).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let Some(line) = split(text) else {
            return "wrong".to_owned();
        };
        let show = |fields: &Fields<'_>| format!("{}({})", fields.host, fields.rest.join(","));
        let addresses: Vec<_> = line.addresses.iter().map(show).collect();
        format!(
            "{} {}",
            addresses.join(" "),
            line.client.as_ref().map_or("-".to_owned(), show)
        )
    }

    #[test]
    fn forms() {
        for (text, want) in [
            ("h:2888:3888", "h(2888,3888) -"),
            ("h:2888:3888:observer", "h(2888,3888,observer) -"),
            ("h:2888:3888;2181", "h(2888,3888) 2181()"),
            ("h:2888:3888;c:2181", "h(2888,3888) c(2181)"),
            (
                "[::1]:2888:3888;[fe80::2]:2181",
                "::1(2888,3888) fe80::2(2181)",
            ),
            (
                "a:1:2|b:3:4:participant;2181",
                "a(1,2) b(3,4,participant) 2181()",
            ),
            ("h:2888:3888;", "h(2888,3888) -"),
            ("h:2888:3888;2181;;", "h(2888,3888) 2181()"),
            ("a:1:2||", "a(1,2) -"),
            ("|a:1:2", "() a(1,2) -"),
            ("|", "() -"),
            ("h:2888:3888:", "h(2888,3888) -"),
            ("h", "h() -"),
            ("", "() -"),
            ("h:1:2;3;4", "wrong"),
            ("[::1:1:2", "wrong"),
            ("[::1:1:2|[::1]:1:2", "wrong"),
            ("[::1]x:1:2", "wrong"),
        ] {
            assert_eq!(shown(text), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[ah0-9:;|\[\].\u{e9}]{0,40}") {
            let _ = split(&text);
        }
    }
}

//! Any bytes on the election port: the greeting of a caller, then its ballots, and the memberships in them.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use oxkeeper::config::{MemberRules, Membership};
use oxkeeper::proto::ballot::{self, Ballot, Hello, HelloError};

const RULES: MemberRules = MemberRules {
    several_addresses: true,
    standalone_enabled: true,
};

/// The greeting, if it is there, and the messages behind it; whether what is left cannot become one.
fn decode(pieces: &[&[u8]]) -> (Option<Result<Hello, HelloError>>, Vec<Bytes>, bool) {
    let (mut input, mut hello, mut messages) = (BytesMut::new(), None, Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        if hello.is_none() {
            hello = Hello::split(&mut input).transpose();
        }
        if !matches!(hello, Some(Ok(_))) {
            continue;
        }
        loop {
            match ballot::split(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return (hello, messages, true),
            }
        }
    }
    (hello, messages, false)
}

/// What one server writes, the next one reads as the same.
fn check_membership(text: &[u8]) {
    let Ok(membership) = Membership::from_text(text, RULES) else {
        return;
    };
    let written = membership.to_text();
    // Names of hosts may hold what has a meaning in the text.
    if membership.members.values().all(plain) {
        let again = Membership::from_text(written.as_bytes(), RULES).expect("own text");
        assert_eq!(again.to_text(), written);
        assert_eq!(again.version, membership.version);
    }
}

fn plain(member: &oxkeeper::config::Member) -> bool {
    let plain = |host: &str| {
        host.bytes()
            .all(|c| c.is_ascii_alphanumeric() || b".-:".contains(&c))
    };
    let mut peers = member.addresses.iter().map(|address| &address.host);
    peers.all(|host| plain(host)) && member.client.iter().all(|client| plain(&client.host))
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else {
        return;
    };
    let at_once = decode(&[bytes]);
    let (first, second) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    assert_eq!(decode(&[first, second]), at_once);

    for message in &at_once.1 {
        let Ok(ballot) = Ballot::decode(message) else {
            continue;
        };
        check_membership(ballot.config.as_deref().unwrap_or_default());
        let mut out = Vec::new();
        ballot.append(&mut out);
        let again = ballot::split(&mut BytesMut::from(&out[..])).expect("a good length");
        let again = Ballot::decode(&again.expect("a whole message")).expect("a good message");
        // The middle form has no version.
        let version = if ballot.version > 1 {
            ballot.version
        } else {
            0
        };
        assert_eq!(again, Ballot { version, ..ballot });
    }
    check_membership(bytes);
});

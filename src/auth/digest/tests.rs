//! Vectors made by Apache's own classes.

use super::*;
use crate::types::Perms;

#[test]
fn identities_are_those_of_java() {
    for (credential, identity) in [
        ("user:pass", "user:smGaoVKd/cQkjm7b88GyorAUz20="),
        ("super:test", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="),
        ("bob:pw", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="),
        ("bob", "bob:SBgazSKz7a68ikR4aKfffOYpkgo="),
        ("a:b:c", "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0="),
        ("", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
        ("é:€", "é:qfnXz0m6jUlzVsRcGm54TP8n4AQ="),
    ] {
        assert_eq!(digest_identity(DigestAlgorithm::Sha1, credential), identity);
    }
}

#[test]
fn every_algorithm_is_that_of_the_java_platform() {
    for (algorithm, identity) in [
        (DigestAlgorithm::Sha1, "user:smGaoVKd/cQkjm7b88GyorAUz20="),
        (
            DigestAlgorithm::Sha256,
            "user:70yRTFkWmLJo2zxkFj6v2nIJpjDyNuvw7r8EVGDfcjo=",
        ),
        (
            DigestAlgorithm::Sha512,
            "user:byB8hNs+LzOYofjeMGiIfR/jKrcms8i5ls17owJgMPc/97CxZ1nTVHmKawnszYHC8bu9VMh6GIu6lFZ1BXBL3Q==",
        ),
        (
            DigestAlgorithm::Sha3_256,
            "user:MKfo05p7nYw1Yb/bzA4GEyZLUt02iFpxN0ASiDBnsjw=",
        ),
    ] {
        assert_eq!(
            digest_identity(algorithm, "user:pass"),
            identity,
            "{algorithm:?}"
        );
    }
}

#[test]
fn an_entry_names_two_parts() {
    for id in ["a:b", ":b", "a:b:", "a:b::", "a:\n"] {
        assert!(is_valid(id), "{id:?}");
    }
    for id in ["", ":", "::", "a", "a:", "a:b:c", "::b", "a::b"] {
        assert!(!is_valid(id), "{id:?}");
    }
}

#[test]
fn faulty_text_is_read_as_java_reads_it() {
    for (bytes, text) in [
        (&b"plain"[..], "plain"),
        (b"\xed\xa0\x80", "\u{fffd}"),
        (b"\xed\xa0", "\u{fffd}"),
        (b"\xed", "\u{fffd}"),
        (b"\xed\xa0x", "\u{fffd}x"),
        (b"\xed\xa0\x80\xed\xb0\x80", "\u{fffd}\u{fffd}"),
        (b"\xed\xbf\xc3\xa9", "\u{fffd}é"),
        (b"\xc0\x80", "\u{fffd}\u{fffd}"),
        (b"\xe0\x80\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf0\x9f\x98", "\u{fffd}"),
        (b"\xf0\x9fx", "\u{fffd}x"),
        (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf8\x88\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xe2\x82x", "\u{fffd}x"),
        (b"a\xc3", "a\u{fffd}"),
        (b"\xff", "\u{fffd}"),
    ] {
        assert_eq!(java_text(bytes), text, "{bytes:x?}");
    }
}

#[test]
fn readers_see_the_users_of_digest_entries_only() {
    let acl = [
        Acl::new(Perms::ALL, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="),
        Acl::new(Perms(0x40), "digest", "nobody"),
        Acl::new(Perms::READ, "ip", "fe80::/10"),
        Acl::new(Perms::READ, "Digest", "a:b"),
    ];
    let masked = mask_digests(&acl);
    assert_eq!(masked[0], Acl::new(Perms::ALL, "digest", "bob:x"));
    assert_eq!(masked[1..], acl[1..]);
}

#[test]
fn a_mask_ends_with_its_line() {
    for (id, masked) in [
        ("a:b", "a:x"),
        ("a:", "a:x"),
        (":", ":x"),
        ("a:b:c", "a:x"),
        ("a:b\nc:d", "a:x\nc:x"),
        ("a:b\r\nc", "a:x\r\nc"),
        ("a:b\u{2028}z", "a:x\u{2028}z"),
        ("a:b\u{85}z", "a:x\u{85}z"),
        ("a:b\u{b}z:y", "a:x"),
    ] {
        assert_eq!(masked_id(id), masked, "{id:?}");
    }
}

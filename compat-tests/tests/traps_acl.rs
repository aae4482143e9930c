//! Access control lists: which are accepted, what they turn into, whom they let in, and who sees them.

use compat_tests::server::Options;
use compat_tests::stage::{on_oxkeeper_only, on_shared};
use compat_tests::wire::encode::Blob;
use compat_tests::wire::{Acl, Client, Null, code, op, request};

const ADMIN: i32 = 16;

/// `user:base64(SHA-1("user:pass"))`, as published.
const USER: &str = "user:smGaoVKd/cQkjm7b88GyorAUz20=";
const BOB: &str = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=";

/// Error of a create with this list under `/tacl`, which is made if need be; the node is gone afterwards.
#[track_caller]
fn verdict(client: &mut Client, acl: &[Acl]) -> i32 {
    let path = format!("/verdict-{:x}", client.session.id);
    let err = client
        .call(op::CREATE, &request::create(&path, "", acl, 0))
        .err;
    if err == code::OK {
        client.delete(&path);
    }
    err
}

fn acl_of(client: &mut Client, path: &str) -> Vec<Acl> {
    client
        .call(op::GET_ACL, &request::path(path))
        .acl_and_stat()
        .0
}

#[test]
fn trap_094_auth_stands_for_every_identity_but_the_address() {
    on_shared(|s| {
        let mut client = s.client();
        client
            .call(
                op::CREATE,
                &request::create("/t094", "", &[Acl::new(31, "auth", "")], 0),
            )
            .fails(code::INVALID_ACL);
        client.add_digest("user:pass");
        client.add_digest("bob:pw");
        client.create_as("/t094", "", &[Acl::new(31, "auth", "ignored")], 0);
        let mut acl = acl_of(&mut client, "/t094");
        acl.sort_by_key(|entry| entry.id.0.clone());
        assert_eq!(
            acl,
            [Acl::new(31, "digest", BOB), Acl::new(31, "digest", USER)]
        );
    });
}

#[test]
fn trap_095_auth_may_come_with_a_null_id() {
    on_shared(|s| {
        let mut client = s.client();
        client.add_digest("user:pass");
        client.create_as("/t095", Null, &[Acl::new(31, "auth", Null)], 0);
        assert_eq!(acl_of(&mut client, "/t095"), [Acl::new(31, "digest", USER)]);
    });
}

#[test]
fn trap_096_permissions_are_kept_as_they_are() {
    on_shared(|s| {
        let mut client = s.client();
        let acl: Vec<Acl> = [i32::MAX, -1, 0, 31, i32::MIN + 31, 32]
            .map(Acl::world)
            .into();
        client.create_as("/t096", "", &acl, 0);
        assert_eq!(acl_of(&mut client, "/t096"), acl);
    });
}

#[test]
fn trap_097_who_sees_the_digests() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t097", "");
        let digests = [
            Acl::new(1, "digest", USER),
            Acl::new(1, "digest", "bob:"),
            Acl::new(1, "ip", "10.0.0.0/8"),
        ];
        for (perms, masked) in [(1, true), (ADMIN, false), (1 | ADMIN, false)] {
            let path = format!("/t097/{perms}");
            client.create(&path, "");
            let acl = [&[Acl::world(perms), digests[0].clone(), digests[2].clone()][..]].concat();
            client.set_acl(&path, &acl);
            let seen = if masked {
                Acl::new(1, "digest", "user:x")
            } else {
                digests[0].clone()
            };
            assert_eq!(
                acl_of(&mut client, &path),
                [acl[0].clone(), seen, acl[2].clone()]
            );
        }
        client.create_as("/t097/none", "", &[Acl::world(2 | 4 | 8)], 0);
        client
            .call(op::GET_ACL, &request::path("/t097/none"))
            .fails(code::NO_AUTH);
        client
            .call(op::GET_ACL, &request::path("/t097/missing"))
            .fails(code::NO_NODE);
    });
}

#[test]
fn trap_098_one_of_the_wanted_permissions_is_enough() {
    on_shared(|s| {
        let mut client = s.client();
        // READ in one entry and nothing else in the other: getACL wants READ or ADMIN.
        client.create_as(
            "/t098",
            "",
            &[Acl::world(0), Acl::new(1, "ip", "127.0.0.1")],
            0,
        );
        assert_eq!(acl_of(&mut client, "/t098").len(), 2);
    });
}

#[test]
fn trap_099_the_syntax_of_digest_ids() {
    on_shared(|s| {
        let mut client = s.client();
        for id in ["a:b", ":b", "a:b:", "a:b::", "user:not base64"] {
            assert_eq!(
                verdict(&mut client, &[Acl::new(31, "digest", id)]),
                code::OK,
                "{id:?}"
            );
        }
        for id in ["", "a", "a:", "a::", ":", "::", "a:b:c", "a::b"] {
            assert_eq!(
                verdict(&mut client, &[Acl::new(31, "digest", id)]),
                code::INVALID_ACL,
                "{id:?}"
            );
        }
    });
}

#[test]
fn row_8_4_the_syntax_of_ip_ids() {
    on_shared(|s| {
        let mut client = s.client();
        let valid = [
            "10.0.0.1",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "010.0.0.1",
            "255.255.255.255/32",
            "::1",
            "fe80::/10",
            "1:2:3:4:5:6:7:8",
            "::",
            "::/0",
            "::1/128",
            "1::",
            "ABCD::ef",
        ];
        for id in valid {
            assert_eq!(
                verdict(&mut client, &[Acl::new(31, "ip", id)]),
                code::OK,
                "{id:?}"
            );
        }
        let invalid = [
            "",
            "10.0.0",
            "10.0.0.256",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "localhost",
            "10.0.0.0.0",
            "a.b.c.d",
            "10.0.0.0/x",
            "10.0.0.0/8/8",
            "::/129",
            "::ffff:1.2.3.4",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "g::",
            "12345::",
            "10.0.0.-1",
        ];
        for id in invalid {
            assert_eq!(
                verdict(&mut client, &[Acl::new(31, "ip", id)]),
                code::INVALID_ACL,
                "{id:?}"
            );
        }
    });
}

#[test]
fn row_8_3_which_entries_are_refused() {
    on_shared(|s| {
        let mut client = s.client();
        let good = Acl::world(31);
        let refused = [
            Acl::new(31, "world", "someone"),
            Acl::new(31, "world", ""),
            Acl::new(31, "super", "anyone"),
            Acl::new(31, "super", ""),
            Acl::new(31, "unknown", "x"),
            Acl::new(31, "", "x"),
            Acl::new(31, "WORLD", "anyone"),
            Acl::new(31, "sasl", "user"),
            Acl::new(31, "x509", "CN=user"),
            Acl::new(31, "auth", ""),
        ];
        for entry in refused {
            let first = [entry.clone(), good.clone()];
            assert_eq!(verdict(&mut client, &first), code::INVALID_ACL, "{entry:?}");
            let last = [good.clone(), entry.clone()];
            assert_eq!(verdict(&mut client, &last), code::INVALID_ACL, "{entry:?}");
        }
        for scheme in ["world", "digest", "ip"] {
            let entry = Acl::new(31, scheme, Null);
            assert_eq!(
                verdict(&mut client, &[entry]),
                code::MARSHALLING,
                "{scheme} without id"
            );
        }
        assert_eq!(
            verdict(&mut client, &[Acl::new(31, "unknown", Null)]),
            code::INVALID_ACL
        );
    });
}

#[test]
fn row_8_3_a_null_scheme_is_an_invalid_entry_and_after_another_entry_a_marshalling_error() {
    on_shared(|s| {
        let mut client = s.client();
        for entry in [Acl::new(31, Null, "anyone"), Acl::new(31, Null, Null)] {
            assert_eq!(
                verdict(&mut client, std::slice::from_ref(&entry)),
                code::INVALID_ACL
            );
            assert_eq!(
                verdict(&mut client, &[entry.clone(), Acl::world(31)]),
                code::INVALID_ACL
            );
            // Looking for duplicates comes first, and trips over it.
            assert_eq!(
                verdict(&mut client, &[Acl::world(31), entry.clone()]),
                code::MARSHALLING
            );
            // Other permissions make it another entry before the scheme is looked at.
            assert_eq!(
                verdict(&mut client, &[Acl::world(1), entry]),
                code::INVALID_ACL
            );
        }
    });
}

#[test]
fn row_8_3_duplicates_are_dropped_and_the_first_kept() {
    on_shared(|s| {
        let mut client = s.client();
        let (a, b) = (Acl::world(31), Acl::world(1));
        let sent = [a.clone(), b.clone(), a.clone(), b.clone(), a.clone()];
        client.create_as("/t83d", "", &sent, 0);
        assert_eq!(acl_of(&mut client, "/t83d"), [a.clone(), b.clone()]);
        client.set_acl("/t83d", &[b.clone(), a.clone(), b.clone()]);
        assert_eq!(acl_of(&mut client, "/t83d"), [b, a]);
    });
}

#[test]
fn row_8_3_duplicates_made_by_auth_stay() {
    on_shared(|s| {
        let mut client = s.client();
        client.add_digest("user:pass");
        let digest = Acl::new(31, "digest", USER);
        client.create_as(
            "/t83a",
            "",
            &[
                Acl::new(31, "auth", ""),
                digest.clone(),
                Acl::new(31, "auth", "x"),
            ],
            0,
        );
        assert_eq!(
            acl_of(&mut client, "/t83a"),
            [digest.clone(), digest.clone(), digest]
        );
    });
}

#[test]
fn row_8_2_digest_entries_let_their_user_in() {
    on_shared(|s| {
        let (mut owner, mut other) = (s.client(), s.client());
        owner.create_as("/t82", "secret", &[Acl::new(31, "digest", USER)], 0);
        let read = request::path_watch("/t82", false);
        owner.call(op::GET_DATA, &read).fails(code::NO_AUTH);
        owner.add_digest("user:pass");
        assert_eq!(owner.call(op::GET_DATA, &read).data_text(), "secret");
        other.add_digest("user:wrong");
        other.add_digest("bob:pw");
        other.call(op::GET_DATA, &read).fails(code::NO_AUTH);
    });
}

#[test]
fn row_8_2_ip_entries_compare_the_masked_address() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t82i", "");
        let cases = [
            ("127.0.0.1", true),
            ("127.0.0.0/8", true),
            ("127.255.255.255/8", true),
            ("0.0.0.0/0", true),
            ("1.2.3.4/0", true),
            ("127.0.0.1/32", true),
            ("127.0.0.2", false),
            ("127.0.0.0/32", false),
            ("126.0.0.0/8", false),
            ("126.0.0.0/7", true),
            ("::1", false),
            ("::/0", false),
        ];
        for (round, (id, lets_in)) in cases.into_iter().enumerate() {
            let path = format!("/t82i/{round}");
            client.create_as(&path, "", &[Acl::new(31, "ip", id)], 0);
            let err = client
                .call(op::GET_DATA, &request::path_watch(&path, false))
                .err;
            assert_eq!(err == code::OK, lets_in, "{id}");
        }
    });
}

#[test]
fn trap_100_a_digest_is_of_the_whole_text_and_its_user_ends_at_the_first_colon() {
    on_shared(|s| {
        let texts = [
            ("a:b:c", "a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0="),
            ("bob", "bob:SBgazSKz7a68ikR4aKfffOYpkgo="),
            ("super:test", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="),
            ("user:pass", USER),
            ("", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
        ];
        for (round, (text, id)) in texts.into_iter().enumerate() {
            let mut client = s.client();
            client.add_digest(text);
            let path = format!("/t100-{round}");
            client.create_as(&path, "", &[Acl::new(31, "auth", "")], 0);
            assert_eq!(
                acl_of(&mut client, &path),
                [Acl::new(31, "digest", id)],
                "{text:?}"
            );
        }
    });
}

#[test]
fn row_8_5_masking_reaches_from_the_first_colon_to_the_end() {
    on_shared(|s| {
        let mut client = s.client();
        let acl = [
            Acl::world(1),
            Acl::new(1, "digest", "a:b:"),
            Acl::new(1, "digest", ":b"),
        ];
        client.create_as("/t85", "", &acl, 0);
        let seen: Vec<Blob> = acl_of(&mut client, "/t85")
            .into_iter()
            .map(|entry| entry.id)
            .collect();
        assert_eq!(seen, ["anyone", "a:x", ":x"].map(Blob::from));
    });
}

#[test]
fn a_list_holds_for_the_writes_behind_it_at_once() {
    // Apache's server looks at the old list for as long as the new one is not applied.
    on_oxkeeper_only(&Options::default(), |s, _| {
        let mut client = s.client();
        for round in 0..50 {
            let parent = format!("/behind-{round}");
            client.create(&parent, "");
            client.create(&format!("{parent}/child"), "");
            let read_only = request::set_acl(&parent, &[Acl::world(1)], -1);
            client.send(op::SET_ACL, &read_only);
            let delete = request::path_version(format!("{parent}/child").as_str(), -1);
            client.send(op::DELETE, &delete);
            let _ = client.reply().ok();
            client.reply().fails(code::NO_AUTH);
        }
    });
}

//! Every rule, and the exceptions that Apache's own method throws on nulls.

use super::*;

fn who() -> Vec<Id> {
    vec![
        Id::new("ip", "10.0.0.1"),
        Id::new("digest", "bob:h"),
        Id::new("super", ""),
    ]
}

type Entry<'a> = (i32, Option<&'a str>, Option<&'a str>);

fn raw<'a>((perms, scheme, id): &Entry<'a>) -> RawAcl<'a> {
    RawAcl {
        perms: *perms,
        scheme: *scheme,
        id: *id,
    }
}

fn fixed(wanted: &[Entry<'_>], who: &[Id]) -> Result<Vec<Acl>, ErrorCode> {
    let wanted = wanted.iter().map(raw).collect::<Vec<_>>();
    fix_up(&AuthRules::default(), &wanted, who)
}

fn refused(wanted: &[Entry<'_>]) -> ErrorCode {
    fixed(wanted, &who()).unwrap_err()
}

const WORLD: Entry<'static> = (31, Some("world"), Some("anyone"));

#[test]
fn the_world_is_kept_with_any_bits() {
    for perms in [31, 0, -1, i32::MAX] {
        assert_eq!(
            fixed(&[(perms, Some("world"), Some("anyone"))], &[]),
            Ok(vec![Acl::new(Perms(perms), "world", "anyone")])
        );
    }
}

#[test]
fn exact_repetitions_go_and_the_order_stays() {
    let bob = (1, Some("digest"), Some("bob:h"));
    let ten = (1, Some("ip"), Some("10.0.0.0/8"));
    let kept = fixed(&[bob, ten, bob, WORLD, ten, (2, bob.1, bob.2)], &[]).unwrap();
    assert_eq!(
        kept,
        [
            Acl::new(Perms(1), "digest", "bob:h"),
            Acl::new(Perms(1), "ip", "10.0.0.0/8"),
            Acl::new(Perms(31), "world", "anyone"),
            Acl::new(Perms(2), "digest", "bob:h"),
        ]
    );
}

#[test]
fn auth_becomes_every_identity_that_names_a_creator() {
    let bob = Acl::new(Perms(1), "digest", "bob:h");
    let ann = Id::new("digest", "ann:h");
    for id in [None, Some(""), Some("ignored")] {
        assert_eq!(
            fixed(&[(1, Some("auth"), id)], &who()),
            Ok(vec![bob.clone()])
        );
    }
    let both = [who(), vec![ann]].concat();
    assert_eq!(
        fixed(&[(1, Some("auth"), None), WORLD], &both),
        Ok(vec![
            bob,
            Acl::new(Perms(1), "digest", "ann:h"),
            Acl::new(Perms(31), "world", "anyone"),
        ])
    );
}

#[test]
fn auth_without_a_creator_is_refused() {
    let nobody = [Id::new("ip", "10.0.0.1"), Id::new("super", "")];
    for who in [&nobody[..], &[]] {
        assert_eq!(
            fixed(&[(31, Some("auth"), None)], who),
            Err(ErrorCode::InvalidAcl)
        );
    }
}

#[test]
fn repetitions_that_expansion_makes_stay() {
    let bob = Acl::new(Perms(1), "digest", "bob:h");
    let auth = |id| (1, Some("auth"), Some(id));
    let kept = fixed(
        &[auth(""), auth("x"), (1, Some("digest"), Some("bob:h"))],
        &who(),
    );
    assert_eq!(kept, Ok(vec![bob.clone(), bob.clone(), bob]));
}

#[test]
fn lists_that_are_not_valid() {
    assert_eq!(refused(&[]), ErrorCode::InvalidAcl);
    for (scheme, id) in [
        (None, None),
        (None, Some("x")),
        (Some("world"), Some("x")),
        (Some("world"), Some("")),
        (Some("super"), Some("")),
        (Some("super"), None),
        (Some("sasl"), Some("x")),
        (Some("x509"), Some("CN=a")),
        (Some("host"), None),
        (Some(""), Some("")),
        (Some("digest"), Some("a")),
        (Some("ip"), Some("x")),
    ] {
        assert_eq!(
            refused(&[(1, scheme, id)]),
            ErrorCode::InvalidAcl,
            "{scheme:?} {id:?}"
        );
        assert_eq!(
            refused(&[WORLD, (1, scheme, id)]),
            ErrorCode::InvalidAcl,
            "after a good one: {scheme:?} {id:?}"
        );
    }
}

#[test]
fn a_null_id_is_another_mistake_where_somebody_would_look_at_it() {
    for scheme in ["world", "digest", "ip"] {
        assert_eq!(
            refused(&[(1, Some(scheme), None)]),
            ErrorCode::MarshallingError
        );
    }
    let without_digest = AuthRules {
        digest: None,
        ..AuthRules::default()
    };
    let entry = RawAcl {
        perms: 1,
        scheme: Some("digest"),
        id: None,
    };
    assert_eq!(
        fix_up(&without_digest, &[entry], &[]),
        Err(ErrorCode::InvalidAcl)
    );
}

#[test]
fn the_first_mistake_counts() {
    let bad_id = (1, Some("digest"), Some("zz"));
    let null_id = (1, Some("world"), None);
    assert_eq!(refused(&[bad_id, null_id]), ErrorCode::InvalidAcl);
    assert_eq!(refused(&[null_id, bad_id]), ErrorCode::MarshallingError);
}

#[test]
fn comparing_nulls_is_a_mistake_of_its_own() {
    let auth = |perms, id| (perms, Some("auth"), id);
    assert_eq!(
        refused(&[auth(1, None), auth(1, None)]),
        ErrorCode::MarshallingError
    );
    assert_eq!(
        refused(&[auth(1, Some("")), auth(1, None)]),
        ErrorCode::MarshallingError
    );
    assert_eq!(
        fixed(&[auth(1, None), auth(1, Some(""))], &who())
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        fixed(&[auth(1, None), auth(2, None)], &who())
            .unwrap()
            .len(),
        2
    );
    let null_scheme = (31, None, Some("x"));
    assert_eq!(refused(&[WORLD, null_scheme]), ErrorCode::MarshallingError);
    assert_eq!(refused(&[null_scheme, WORLD]), ErrorCode::InvalidAcl);
}

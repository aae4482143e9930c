//! May they? A list, identities and a wish in; yes or no out.

use crate::auth::AuthRules;
use crate::types::{Acl, Id, Perms};

/// Whether identities `who` may do at least one thing of `wanted` under `acl`. An empty list forbids
/// nothing.
// apache 3.9.5: server/ZooKeeperServer.java checkACL
pub fn allows(rules: &AuthRules, acl: &[Acl], who: &[Id], wanted: Perms) -> bool {
    if rules.skip_acl || acl.is_empty() {
        return true;
    }
    // Most lists are one entry for the world; asking it before looking for a super user changes nothing.
    acl.iter()
        .filter(|entry| entry.perms.shares(wanted))
        .any(|entry| holds(rules, &entry.id, who))
        || who.iter().any(|id| id.scheme == "super")
}

fn holds(rules: &AuthRules, holder: &Id, who: &[Id]) -> bool {
    if is_world(&holder.scheme, &holder.id) {
        return true;
    }
    let Some(provider) = rules.provider(&holder.scheme) else {
        return false;
    };
    who.iter()
        .filter(|id| id.scheme == holder.scheme)
        .any(|id| provider.matches(&id.id, &holder.id))
}

/// The one entry that means everybody.
pub(crate) fn is_world(scheme: &str, id: &str) -> bool {
    scheme == "world" && id == "anyone"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::DigestAlgorithm;
    use crate::types::open_acl;

    fn may(acl: &[Acl], who: &[Id], wanted: Perms) -> bool {
        allows(&AuthRules::default(), acl, who, wanted)
    }

    fn bob() -> Id {
        Id::new("digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=")
    }

    fn bobs(perms: Perms) -> Vec<Acl> {
        vec![Acl { perms, id: bob() }]
    }

    #[test]
    fn an_empty_list_forbids_nothing() {
        assert!(may(&[], &[], Perms::ADMIN));
    }

    #[test]
    fn the_world_needs_no_identity_but_the_right_bit() {
        let readable = [Acl::new(Perms::READ, "world", "anyone")];
        assert!(may(&open_acl(), &[], Perms::DELETE));
        assert!(may(&readable, &[], Perms::READ));
        assert!(!may(&readable, &[], Perms::WRITE));
        assert!(!may(
            &[Acl::new(Perms(0), "world", "anyone")],
            &[],
            Perms::ALL
        ));
    }

    #[test]
    fn one_shared_bit_is_enough() {
        let wanted = Perms::READ.or(Perms::ADMIN);
        assert!(may(&bobs(Perms::READ), &[bob()], wanted));
        assert!(may(&bobs(Perms::ADMIN), &[bob()], wanted));
        assert!(!may(&bobs(Perms::WRITE), &[bob()], wanted));
        assert!(
            may(&bobs(Perms(i32::MAX)), &[bob()], wanted),
            "unknown bits do not hurt"
        );
    }

    #[test]
    fn identities_match_within_their_scheme_only() {
        let acl = bobs(Perms::ALL);
        assert!(may(&acl, &[Id::new("ip", "10.0.0.1"), bob()], Perms::READ));
        assert!(!may(&acl, &[Id::new("ip", &bob().id)], Perms::READ));
        assert!(!may(&acl, &[Id::new("digest", "bob:x")], Perms::READ));
        assert!(!may(&acl, &[], Perms::READ));
    }

    #[test]
    fn any_entry_will_do_but_permissions_do_not_add_up_across_holders() {
        let acl = [
            Acl::new(Perms::READ, "ip", "10.0.0.0/8"),
            Acl::new(Perms::WRITE, "digest", bob().id),
        ];
        let from_ten = [Id::new("ip", "10.1.2.3")];
        assert!(may(&acl, &from_ten, Perms::READ));
        assert!(!may(&acl, &from_ten, Perms::WRITE));
        assert!(may(&acl, &[bob()], Perms::WRITE));
    }

    #[test]
    fn super_and_skip_acl_pass_everything() {
        let nobody = [Acl::new(Perms(0), "world", "anyone")];
        assert!(may(&nobody, &[Id::new("super", "")], Perms::ALL));
        assert!(may(&nobody, &[Id::new("super", "CN=root")], Perms::ALL));
        let skipping = AuthRules {
            skip_acl: true,
            ..AuthRules::default()
        };
        assert!(allows(&skipping, &nobody, &[], Perms::ALL));
    }

    #[test]
    fn entries_of_unregistered_schemes_hold_nobody() {
        let odd = |scheme| [Acl::new(Perms::ALL, scheme, "x")];
        for scheme in ["world", "auth", "sasl", "x509", "host"] {
            let who = [Id::new(scheme, "x")];
            assert!(!may(&odd(scheme), &who, Perms::READ), "{scheme}");
        }
        let without_digest = AuthRules {
            digest: None,
            ..AuthRules::default()
        };
        assert!(!allows(
            &without_digest,
            &bobs(Perms::ALL),
            &[bob()],
            Perms::READ
        ));
        let other_algorithm = AuthRules {
            digest: Some(DigestAlgorithm::Sha256),
            ..AuthRules::default()
        };
        assert!(allows(
            &other_algorithm,
            &bobs(Perms::ALL),
            &[bob()],
            Perms::READ
        ));
    }
}

//! Who someone is, and whether that is enough. Handed identities and lists, never a connection or a node.
//!
//! A scheme is *registered* when the server has a provider for it: `ip` always, `digest` unless switched
//! off. `world`, `auth` and `super` are words of the rules themselves and never registered.

mod authenticate;
mod check;
mod digest;
mod fix_up;
mod ip;
mod order;
mod provider;

pub use crate::auth::authenticate::{AuthRefusal, authenticate, user_name};
pub use crate::auth::check::allows;
pub use crate::auth::digest::{DigestAlgorithm, digest_identity, mask_digests};
pub use crate::auth::fix_up::{RawAcl, fix_up};
pub use crate::auth::ip::{PeerAddress, ip_identity};
pub use crate::auth::order::in_java_order;

use crate::types::Id;

/// The settings that decide about identities and access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRules {
    /// `zookeeper.skipACL`: every check passes. Lists are still fixed up.
    pub skip_acl: bool,
    /// `zookeeper.DigestAuthenticationProvider.digestAlg`; `None` when
    /// `zookeeper.DigestAuthenticationProvider.enabled` is false: the scheme is not registered.
    pub digest: Option<DigestAlgorithm>,
    /// `zookeeper.DigestAuthenticationProvider.superDigest`: the digest identity that may do everything.
    pub super_digest: Option<String>,
    /// `zookeeper.enforce.auth.schemes` while `zookeeper.enforce.auth.enabled`: a connection needs an
    /// identity of one of these to be served.
    pub enforced_schemes: Option<Vec<String>>,
}

/// What Apache does without any setting.
impl Default for AuthRules {
    fn default() -> Self {
        AuthRules {
            skip_acl: false,
            digest: Some(DigestAlgorithm::Sha1),
            super_digest: None,
            enforced_schemes: None,
        }
    }
}

impl AuthRules {
    /// Whether a connection with these identities is served at all; if not, every request but auth and
    /// sasl is answered with `SessionClosedRequireSaslAuth` and the connection closed.
    // apache 3.9.5: server/AuthenticationHelper.java enforceAuthentication
    pub fn admits(&self, who: &[Id]) -> bool {
        match &self.enforced_schemes {
            Some(schemes) => who.iter().any(|id| schemes.contains(&id.scheme)),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enforcement_wants_one_listed_scheme() {
        let ip = [Id::new("ip", "10.0.0.1")];
        let both = [ip[0].clone(), Id::new("digest", "bob:x")];
        let enforcing = |schemes: &[&str]| AuthRules {
            enforced_schemes: Some(schemes.iter().map(ToString::to_string).collect()),
            ..AuthRules::default()
        };
        assert!(AuthRules::default().admits(&[]));
        assert!(!enforcing(&["digest", "sasl"]).admits(&ip));
        assert!(enforcing(&["digest", "sasl"]).admits(&both));
        assert!(enforcing(&["ip"]).admits(&ip));
    }

    #[test]
    fn only_providers_are_registered() {
        let rules = AuthRules::default();
        let without_digest = AuthRules {
            digest: None,
            ..AuthRules::default()
        };
        let has = |rules: &AuthRules, scheme| rules.provider(scheme).is_some();
        assert!(has(&rules, "ip") && has(&rules, "digest"));
        assert!(!has(&without_digest, "digest"));
        for scheme in [
            "world", "auth", "super", "sasl", "x509", "ensemble", "IP", "",
        ] {
            assert!(!has(&rules, scheme), "{scheme}");
        }
    }
}

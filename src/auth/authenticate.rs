//! A credential in, identities out.

use crate::auth::AuthRules;
use crate::auth::digest::{digest_identity, java_text};
use crate::auth::provider::Provider;
use crate::types::Id;

/// Why a credential was refused. The client is told `AuthFailed` in every case, and the connection
/// closed; the session lives on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthRefusal {
    /// The packet names no scheme.
    #[error("the auth packet has a null scheme")]
    NoScheme,
    /// No provider is registered for the scheme.
    #[error("no authentication provider is registered for scheme {scheme:?}")]
    NotRegistered {
        /// As the client wrote it.
        scheme: String,
    },
    /// The scheme needs a credential and the packet has none.
    #[error("the auth packet of scheme {scheme:?} has null data")]
    NoCredential {
        /// As the client wrote it.
        scheme: String,
    },
}

/// The identities that an auth packet adds to a connection from `ip` (the text of its `ip` identity).
/// Adding one that the connection has changes nothing.
///
/// # Errors
/// When the scheme is null or not registered, or needs a credential and got null.
// apache 3.9.5: server/ZooKeeperServer.java processPacket; server/auth/DigestAuthenticationProvider.java
pub fn authenticate(
    rules: &AuthRules,
    scheme: Option<&str>,
    credential: Option<&[u8]>,
    ip: &str,
) -> Result<Vec<Id>, AuthRefusal> {
    let scheme = scheme.ok_or(AuthRefusal::NoScheme)?;
    let provider = rules
        .provider(scheme)
        .ok_or_else(|| AuthRefusal::NotRegistered {
            scheme: scheme.to_owned(),
        })?;
    match provider {
        Provider::Ip => Ok(vec![Id::new(scheme, ip)]),
        Provider::Digest(algorithm) => {
            let credential = credential.ok_or_else(|| AuthRefusal::NoCredential {
                scheme: scheme.to_owned(),
            })?;
            let identity = digest_identity(algorithm, &java_text(credential));
            let is_super = rules.super_digest.as_ref() == Some(&identity);
            let mut added = vec![Id::new(scheme, identity)];
            if is_super {
                added.push(Id::new("super", ""));
            }
            Ok(added)
        }
    }
}

/// What `whoAmI` calls an identity: empty when its scheme is not registered (`super`).
// apache 3.9.5: server/util/AuthUtil.java getClientInfos
pub fn user_name(rules: &AuthRules, id: &Id) -> String {
    rules
        .provider(&id.scheme)
        .map_or_else(String::new, |provider| {
            provider.user_name(&id.id).to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";
    const SUPER: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

    fn rules() -> AuthRules {
        AuthRules {
            super_digest: Some(SUPER.to_owned()),
            ..AuthRules::default()
        }
    }

    fn refusal(scheme: Option<&str>, credential: Option<&[u8]>) -> AuthRefusal {
        authenticate(&rules(), scheme, credential, PEER).unwrap_err()
    }

    #[test]
    fn a_password_gives_the_digest_identity() {
        assert_eq!(
            authenticate(&rules(), Some("digest"), Some(b"user:pass"), PEER),
            Ok(vec![Id::new("digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=")])
        );
    }

    #[test]
    fn super_comes_in_addition() {
        assert_eq!(
            authenticate(&rules(), Some("digest"), Some(b"super:test"), PEER),
            Ok(vec![Id::new("digest", SUPER), Id::new("super", "")])
        );
        let plain = authenticate(
            &AuthRules::default(),
            Some("digest"),
            Some(b"super:test"),
            PEER,
        );
        assert_eq!(plain, Ok(vec![Id::new("digest", SUPER)]));
    }

    #[test]
    fn the_super_user_may_have_any_name() {
        let rules = AuthRules {
            super_digest: Some("bob:ikIaKsbtGweaHnb/jKn7OHqbunM=".to_owned()),
            ..AuthRules::default()
        };
        let added = authenticate(&rules, Some("digest"), Some(b"bob:pw"), PEER).unwrap();
        assert_eq!(added[1], Id::new("super", ""));
    }

    #[test]
    fn empty_is_a_password_and_null_is_not() {
        let added = authenticate(&rules(), Some("digest"), Some(b""), PEER).unwrap();
        assert_eq!(added, [Id::new("digest", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk=")]);
        let scheme = "digest".to_owned();
        assert_eq!(
            refusal(Some("digest"), None),
            AuthRefusal::NoCredential { scheme }
        );
    }

    #[test]
    fn an_ip_packet_adds_the_address_whatever_it_says() {
        for credential in [None, Some(&b"127.0.0.1"[..])] {
            assert_eq!(
                authenticate(&rules(), Some("ip"), credential, PEER),
                Ok(vec![Id::new("ip", PEER)])
            );
        }
    }

    #[test]
    fn unregistered_schemes_are_refused_by_name() {
        for scheme in [
            "world", "auth", "super", "sasl", "x509", "ensemble", "host", "", "DIGEST",
        ] {
            assert_eq!(
                refusal(Some(scheme), Some(b"anyone")),
                AuthRefusal::NotRegistered {
                    scheme: scheme.to_owned()
                }
            );
        }
        assert_eq!(refusal(None, Some(b"x")), AuthRefusal::NoScheme);
        let without_digest = AuthRules {
            digest: None,
            ..rules()
        };
        assert!(authenticate(&without_digest, Some("digest"), Some(b"a:b"), PEER).is_err());
    }

    #[test]
    fn who_am_i_names_users() {
        for (scheme, id, user) in [
            ("ip", PEER, PEER),
            ("digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=", "bob"),
            ("digest", ":x", ""),
            ("super", "", ""),
            ("super", "CN=root", ""),
            ("x509", "CN=bob", ""),
        ] {
            assert_eq!(
                user_name(&rules(), &Id::new(scheme, id)),
                user,
                "{scheme} {id}"
            );
        }
    }
}

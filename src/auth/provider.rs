//! The registered schemes and what each thinks of an id. A new scheme is a new variant here; the compiler
//! then asks for all its answers.

use crate::auth::digest::{self, DigestAlgorithm};
use crate::auth::{AuthRules, ip};

/// A registered scheme (`ServerAuthenticationProvider`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The peer's address.
    Ip,
    /// A user and password.
    Digest(DigestAlgorithm),
}

impl AuthRules {
    /// The provider of a scheme, by its exact name.
    pub(crate) fn provider(&self, scheme: &str) -> Option<Provider> {
        match scheme {
            "ip" => Some(Provider::Ip),
            "digest" => self.digest.map(Provider::Digest),
            _ => None,
        }
    }
}

impl Provider {
    /// Whether an ACL entry may name this id.
    pub(crate) fn accepts(self, id: &str) -> bool {
        match self {
            Provider::Ip => ip::is_valid(id),
            Provider::Digest(_) => digest::is_valid(id),
        }
    }

    /// Whether the identity `who` is one that the entry's id `holder` means.
    pub(crate) fn matches(self, who: &str, holder: &str) -> bool {
        match self {
            Provider::Ip => ip::matches(who, holder),
            Provider::Digest(_) => who == holder,
        }
    }

    /// Whether its identities say who created something: what an `auth` entry expands to
    /// (`isAuthenticated`).
    pub(crate) fn identifies_creators(self) -> bool {
        match self {
            Provider::Ip => false,
            Provider::Digest(_) => true,
        }
    }

    /// The part of an identity that a person would call the user.
    pub(crate) fn user_name(self, id: &str) -> &str {
        match self {
            Provider::Ip => id,
            Provider::Digest(_) => digest::user_name(id),
        }
    }
}

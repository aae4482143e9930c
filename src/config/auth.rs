//! Settings that decide who a client is and what it may do.

use crate::config::error::ConfigError;
use crate::config::system::Reader;

/// Schemes, the superuser, and whether access control is on at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// `skipACL`: access control lists are not checked.
    pub skip_acl: bool,
    /// `enableEagerACLCheck`: a member of an ensemble checks them before it asks the leader, too.
    pub eager_acl_check: bool,
    /// `DigestAuthenticationProvider.enabled`: the scheme `digest`.
    pub digest_enabled: bool,
    /// `DigestAuthenticationProvider.digestAlg`.
    pub digest_algorithm: DigestAlgorithm,
    /// `DigestAuthenticationProvider.superDigest`, as `<user>:<digest>`; `None`: no superuser.
    pub super_digest: Option<String>,
    /// `enforce.auth.*`: sessions must have authenticated with one of these schemes; empty: they need not.
    pub enforced_schemes: Vec<String>,
}

/// The hash behind ids of the scheme `digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestAlgorithm {
    /// `SHA1`, `SHA-1` or `SHA`.
    #[default]
    Sha1,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512`.
    Sha512,
    /// `SHA3-256`.
    Sha3_256,
}

impl Auth {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let digest_enabled = reader.boolean("DigestAuthenticationProvider.enabled", true);
        let super_digest = reader
            .text("DigestAuthenticationProvider.superDigest")
            .map(str::to_owned);
        Ok(Self {
            skip_acl: reader.switch("skipACL", "yes", "no"),
            eager_acl_check: reader.boolean("enableEagerACLCheck", false),
            digest_enabled,
            digest_algorithm: DigestAlgorithm::read(reader)?,
            super_digest,
            enforced_schemes: enforced_schemes(digest_enabled, reader)?,
        })
    }
}

impl DigestAlgorithm {
    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let key = "DigestAuthenticationProvider.digestAlg";
        let Some(name) = reader.text(key) else {
            return Ok(DigestAlgorithm::Sha1);
        };
        match name.to_ascii_uppercase().as_str() {
            "SHA" | "SHA1" | "SHA-1" => Ok(DigestAlgorithm::Sha1),
            "SHA-256" => Ok(DigestAlgorithm::Sha256),
            "SHA-512" => Ok(DigestAlgorithm::Sha512),
            "SHA3-256" => Ok(DigestAlgorithm::Sha3_256),
            _ => Err(reader.refuse(
                &format!("zookeeper.{key}"),
                format!(
                    "don't support this ACL digest algorithm: {name} in the current environment"
                ),
                "choose SHA1, SHA-256, SHA-512 or SHA3-256",
            )),
        }
    }
}

// apache 3.9.5: server/AuthenticationHelper.java initConfigurations
fn enforced_schemes(
    digest_enabled: bool,
    reader: &mut Reader<'_>,
) -> Result<Vec<String>, ConfigError> {
    if reader.boolean("sessionRequireClientSASLAuth", false) {
        let cause = "Authentication scheme sasl is not available.".to_owned();
        let name = "zookeeper.sessionRequireClientSASLAuth";
        return Err(reader.refuse(
            name,
            cause,
            "this build has no SASL for clients yet, so no client could connect",
        ));
    }
    if !reader.boolean("enforce.auth.enabled", false) {
        return Ok(Vec::new());
    }
    let remedy =
        "set enforce.auth.schemes to a list of digest and ip, or enforce.auth.enabled=false";
    let Some(list) = reader.text("enforce.auth.schemes") else {
        let cause = "zookeeper.enforce.auth.enabled is true zookeeper.enforce.auth.schemes must be  configured.";
        return Err(reader.refuse("zookeeper.enforce.auth.enabled", cause.to_owned(), remedy));
    };
    let schemes: Vec<String> = list
        .split(',')
        .map(|scheme| scheme.trim().to_owned())
        .collect();
    let available = |scheme: &str| scheme == "ip" || (scheme == "digest" && digest_enabled);
    match schemes.iter().find(|scheme| !available(scheme)) {
        None => Ok(schemes),
        Some(scheme) => {
            let cause = format!("Authentication scheme {scheme} is not available.");
            Err(reader.refuse("zookeeper.enforce.auth.schemes", cause, remedy))
        }
    }
}

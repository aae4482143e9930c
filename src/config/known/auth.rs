//! Pass-through keys that decide who a client is and what it may do.

use crate::config::known::Feature::{AdminServer, AuthProviders, ClientTls, QuorumSasl, Sasl};
use crate::config::known::Status::{Honoured, Later};
use crate::config::known::{Key, rows};

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "DigestAuthenticationProvider.enabled" | "true" | "true, false" | Honoured("the scheme digest");
    "DigestAuthenticationProvider.superDigest" | "unset" | "<user>:<digest>" | Honoured("name and digest of the superuser, who is never refused");
    "DigestAuthenticationProvider.digestAlg" | "SHA1" | "SHA1, SHA-256, SHA-512, SHA3-256" | Honoured("the hash behind the digests of the scheme digest");
    "enforce.auth.enabled" | "false" | "true, false" | Honoured("refuse requests of sessions that have not authenticated");
    "enforce.auth.schemes" | "unset" | "list of digest, ip" | Honoured("one of these schemes must have been used; needed with enforce.auth.enabled");
    "authProvider.*" | "unset" | "class" | Later(AuthProviders);
    "ensembleAuthName" | "unset" | "list of names" | Later(AuthProviders);
    "IPAuthenticationProvider.usexforwardedfor" | "false" | "true, false" | Later(AdminServer);
    "X509AuthenticationProvider.superUser" | "unset" | "X.500 name" | Later(ClientTls);
    "ssl.authProvider" | "x509" | "scheme" | Later(ClientTls);
    "superUser" | "unset" | "SASL id" | Later(Sasl);
    "superUser.*" | "unset" | "SASL id" | Later(Sasl);
    "SASLAuthenticationProvider.superPassword" | "unset" | "password" | Later(Sasl);
    "allowSaslFailedClients" | "false" | "true, false" | Later(Sasl);
    "sessionRequireClientSASLAuth" | "false" | "true, false" | Later(Sasl);
    "letAnySaslUserDoX" | "unset" | "ACL id" | Later(Sasl);
    "sasl.serverconfig" | "Server" | "JAAS section" | Later(Sasl);
    "kerberos.removeHostFromPrincipal" | "false" | "true, false" | Later(Sasl);
    "kerberos.removeRealmFromPrincipal" | "false" | "true, false" | Later(Sasl);
    "kerberos.canonicalizeHostNames" | "false" | "true, false" | Later(QuorumSasl);
    "kerberos.minReLoginTimeMs" | "60000" | "ms" | Later(Sasl);
    "kinit" | "/usr/bin/kinit" | "path" | Later(Sasl);
    "requireKerberosConfig" | "false" | "true, false" | Later(Sasl);
    "security.auth_to_local" | "DEFAULT" | "rules" | Later(Sasl);
};

//! Pass-through keys of TLS: the same set for clients (`ssl.`) and between servers (`ssl.quorum.`).

use crate::config::known::Feature::{ClientTls, QuorumTls};
use crate::config::known::Status::{Later, NoEffect};
use crate::config::known::{Key, rows};

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "ssl.keyStore.location" | "unset" | "path" | Later(ClientTls);
    "ssl.keyStore.password" | "" | "password" | Later(ClientTls);
    "ssl.keyStore.passwordPath" | "unset" | "path" | Later(ClientTls);
    "ssl.keyStore.type" | "(by file suffix)" | "JKS, PEM, PKCS12, BCFKS" | Later(ClientTls);
    "ssl.trustStore.location" | "unset" | "path" | Later(ClientTls);
    "ssl.trustStore.password" | "" | "password" | Later(ClientTls);
    "ssl.trustStore.passwordPath" | "unset" | "path" | Later(ClientTls);
    "ssl.trustStore.type" | "(by file suffix)" | "JKS, PEM, PKCS12, BCFKS" | Later(ClientTls);
    "ssl.protocol" | "TLSv1.3" | "name" | Later(ClientTls);
    "ssl.enabledProtocols" | "(protocol)" | "list" | Later(ClientTls);
    "ssl.ciphersuites" | "(a list of safe suites)" | "list" | Later(ClientTls);
    "ssl.context.supplier.class" | "unset" | "class" | NoEffect("a Java class cannot be loaded");
    "ssl.hostnameVerification" | "true" | "true, false" | Later(ClientTls);
    "ssl.clientHostnameVerification" | "false" | "true, false" | Later(ClientTls);
    "ssl.allowReverseDnsLookup" | "false" | "true, false" | Later(ClientTls);
    "ssl.crl" | "false" | "true, false" | Later(ClientTls);
    "ssl.ocsp" | "false" | "true, false" | Later(ClientTls);
    "ssl.clientAuth" | "need" | "none, want, need" | Later(ClientTls);
    "ssl.handshakeDetectionTimeoutMillis" | "5000" | "ms" | Later(ClientTls);
    "ssl.quorum.keyStore.location" | "unset" | "path" | Later(QuorumTls);
    "ssl.quorum.keyStore.password" | "" | "password" | Later(QuorumTls);
    "ssl.quorum.keyStore.passwordPath" | "unset" | "path" | Later(QuorumTls);
    "ssl.quorum.keyStore.type" | "(by file suffix)" | "JKS, PEM, PKCS12, BCFKS" | Later(QuorumTls);
    "ssl.quorum.trustStore.location" | "unset" | "path" | Later(QuorumTls);
    "ssl.quorum.trustStore.password" | "" | "password" | Later(QuorumTls);
    "ssl.quorum.trustStore.passwordPath" | "unset" | "path" | Later(QuorumTls);
    "ssl.quorum.trustStore.type" | "(by file suffix)" | "JKS, PEM, PKCS12, BCFKS" | Later(QuorumTls);
    "ssl.quorum.protocol" | "TLSv1.3" | "name" | Later(QuorumTls);
    "ssl.quorum.enabledProtocols" | "TLSv1.3,TLSv1.2" | "list" | Later(QuorumTls);
    "ssl.quorum.ciphersuites" | "(a list of safe suites)" | "list" | Later(QuorumTls);
    "ssl.quorum.context.supplier.class" | "unset" | "class" | NoEffect("a Java class cannot be loaded");
    "ssl.quorum.hostnameVerification" | "true" | "true, false" | Later(QuorumTls);
    "ssl.quorum.clientHostnameVerification" | "true" | "true, false" | Later(QuorumTls);
    "ssl.quorum.allowReverseDnsLookup" | "true" | "true, false" | Later(QuorumTls);
    "ssl.quorum.crl" | "false" | "true, false" | Later(QuorumTls);
    "ssl.quorum.ocsp" | "false" | "true, false" | Later(QuorumTls);
    "ssl.quorum.clientAuth" | "need" | "none, want, need" | Later(QuorumTls);
    "ssl.quorum.handshakeDetectionTimeoutMillis" | "5000" | "ms" | Later(QuorumTls);
    "ssl.sslProvider" | "JDK" | "JDK, OPENSSL, OPENSSL_REFCNT" | NoEffect("there is one TLS engine");
    "fips-mode" | "true" | "true, false" | Later(ClientTls);
};

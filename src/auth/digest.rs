//! The user and password scheme: identities are a user name and a hash of the whole credential.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use sha3::Sha3_256;

use crate::types::{Acl, Id};

/// A hash for digest identities (`zookeeper.DigestAuthenticationProvider.digestAlg`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// The default.
    Sha1,
    /// SHA-2, 256 bits.
    Sha256,
    /// SHA-2, 512 bits.
    Sha512,
    /// SHA-3, 256 bits.
    Sha3_256,
}

impl DigestAlgorithm {
    /// The hash in base64: standard alphabet, padded.
    fn hash(self, bytes: &[u8]) -> String {
        fn of<D: Digest>(bytes: &[u8]) -> String {
            STANDARD.encode(D::digest(bytes))
        }
        match self {
            DigestAlgorithm::Sha1 => of::<Sha1>(bytes),
            DigestAlgorithm::Sha256 => of::<Sha256>(bytes),
            DigestAlgorithm::Sha512 => of::<Sha512>(bytes),
            DigestAlgorithm::Sha3_256 => of::<Sha3_256>(bytes),
        }
    }
}

/// The identity of a credential `user:password`: the user, a colon, the hash of the **whole** text. A
/// text without a colon is all user.
// apache 3.9.5: server/auth/DigestAuthenticationProvider.java generateDigest
pub fn digest_identity(algorithm: DigestAlgorithm, credential: &str) -> String {
    let user = user_name(credential);
    format!("{user}:{}", algorithm.hash(credential.as_bytes()))
}

/// What is before the first colon.
pub(crate) fn user_name(id: &str) -> &str {
    id.split_once(':').map_or(id, |(user, _)| user)
}

/// Whether an entry may name this id: two parts, where empty parts at the end do not count.
// apache 3.9.5: server/auth/DigestAuthenticationProvider.java isValid
pub(crate) fn is_valid(id: &str) -> bool {
    id.trim_end_matches(':').matches(':').count() == 1
}

/// Bytes as Java's `new String(bytes)` reads them: UTF-8, each fault one U+FFFD. What Java and Rust count
/// as one fault differs in a single case: half a surrogate pair is one to Java, two or three to Rust.
pub(crate) fn java_text(bytes: &[u8]) -> Cow<'_, str> {
    let mut text = match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(_) => String::with_capacity(bytes.len()),
    };
    let mut rest = bytes;
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.push_str(chunk.valid());
        rest = &rest[chunk.valid().len()..];
        let fault_bytes = match rest {
            [] => break,
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
            [0xed, 0xa0..=0xbf, ..] => 2,
            _ => chunk.invalid().len(),
        };
        text.push(char::REPLACEMENT_CHARACTER);
        rest = &rest[fault_bytes..];
    }
    Cow::Owned(text)
}

/// A list as someone sees it who may read a node but not administer it: of `digest` entries only the
/// user name.
// apache 3.9.5: server/FinalRequestProcessor.java processRequest, case getACL
pub fn mask_digests(acl: &[Acl]) -> Vec<Acl> {
    let masked = |entry: &Acl| match entry.id.scheme.as_str() {
        "digest" => Acl {
            perms: entry.perms,
            id: Id::new("digest", masked_id(&entry.id.id)),
        },
        _ => entry.clone(),
    };
    acl.iter().map(masked).collect()
}

/// From a colon to the end of its line: `:x`. Ids are one line unless somebody tries hard; Java's `.`
/// stops there.
fn masked_id(id: &str) -> String {
    let mut masked = String::with_capacity(id.len());
    let mut rest = id;
    while let Some((before, after)) = rest.split_once(':') {
        masked.push_str(before);
        masked.push_str(":x");
        let is_line_end = |c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        rest = after.find(is_line_end).map_or("", |end| &after[end..]);
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests;

//! The session password: a pure function of the id. No source of randomness, and nothing to store.

use crate::types::SessionId;

/// Bytes of a password.
pub const PASSWORD_BYTES: usize = 16;

// apache 3.9.5: server/ZooKeeperServer.java superSecret
const SALT: u64 = 0xB341_5C00;

// The generator of java.util.Random, whose arithmetic is part of the Java platform's contract.
const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const STATE_MASK: u64 = (1 << 48) - 1;

/// The password of a session: the same on every server, Java's or ours.
// apache 3.9.5: server/ZooKeeperServer.java generatePasswd
pub fn password(id: SessionId) -> [u8; PASSWORD_BYTES] {
    let seed = id.0.cast_unsigned() ^ SALT;
    let mut state = (seed ^ MULTIPLIER) & STATE_MASK;
    let mut password = [0; PASSWORD_BYTES];
    for word in password.chunks_exact_mut(4) {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & STATE_MASK;
        let bits = u32::try_from(state >> 16).expect("48 bits less 16 are 32");
        word.copy_from_slice(&bits.to_le_bytes());
    }
    password
}

/// Whether `claimed` is the session's password. Session 0 has none.
// apache 3.9.5: server/ZooKeeperServer.java checkPasswd
pub fn verify(id: SessionId, claimed: &[u8]) -> bool {
    id != SessionId::NONE && claimed == password(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn passwords_are_those_of_java() {
        for (id, expected) in [
            (0x1, "054cc74a37327db215e702e20c73f005"),
            (0x0100_0000_0000_0000, "f22acd4a97e69d6d20a49bb638eadb38"),
            (0x0100_0123_4567_89ab, "237710bc62d77989a42e8da77022789d"),
            (0x1000_1234_5678_0000, "fae18b1fff04a3066806fbaee07225b6"),
            (0x2000_0000_1234_0000, "6ed47e886378d816fcff98b3e4ae1308"),
            (-1, "20f62cb5648dc2d771471c8a2486a9ee"),
        ] {
            assert_eq!(hex(&password(SessionId(id))), expected, "{id:#x}");
        }
    }

    #[test]
    fn the_top_16_bits_have_no_influence() {
        let id = 0x0100_0123_4567_89ab;
        let other = 0x7fff_0123_4567_89ab;
        assert_eq!(password(SessionId(id)), password(SessionId(other)));
    }

    #[test]
    fn only_the_exact_bytes_verify() {
        let id = SessionId(0x0100_0123_4567_89ab);
        let right = password(id);
        assert!(verify(id, &right));
        assert!(!verify(id, &right[..15]));
        assert!(!verify(id, &[&right[..], &[0]].concat()));
        assert!(!verify(id, &[]));
        assert!(!verify(id, &[0; PASSWORD_BYTES]));
        assert!(!verify(SessionId(id.0 + 1), &right));
        assert!(!verify(SessionId::NONE, &password(SessionId::NONE)));
    }
}

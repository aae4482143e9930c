//! What the 64 bits of `ephemeralOwner` say about a node (`EphemeralType`).

use crate::types::ids::SessionId;

const CONTAINER: i64 = i64::MIN;
const TTL_TOP: i64 = 0xff00_0000_0000_0000_u64.cast_signed();
const TTL_RESERVED: i64 = 0x00ff_ff00_0000_0000;
/// The longest time to live, in milliseconds (40 bits).
pub const TTL_MILLIS_MAX: i64 = 0xff_ffff_ffff;
const TTL_MASK_353: i64 = i64::MAX;

/// Who or what decides when a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody: it stays until deleted.
    Nobody,
    /// It goes when its last child has gone.
    Container,
    /// It goes when unset and childless for this many milliseconds, 1..=[`TTL_MILLIS_MAX`].
    Ttl(i64),
    /// It goes with this session.
    Session(SessionId),
}

/// Which node types the server recognises besides containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerRules {
    /// `zookeeper.extendedTypesEnabled`: TTL nodes exist.
    pub extended_types: bool,
    /// `zookeeper.emulate353TTLNodes`: every other negative owner is a TTL of release 3.5.3.
    pub emulate_353: bool,
}

impl OwnerRules {
    /// What the stored 64 bits mean. Bits that Apache calls invalid (a TTL mark with reserved bits
    /// set) are taken as a session's, which is how a server without extended types reads them.
    pub fn read(self, bits: i64) -> Owner {
        match bits {
            0 => Owner::Nobody,
            CONTAINER => Owner::Container,
            _ if self.extended_types && self.emulate_353 && bits < 0 => {
                Owner::Ttl(bits & TTL_MASK_353)
            }
            _ if self.extended_types && bits & TTL_TOP == TTL_TOP && bits & TTL_RESERVED == 0 => {
                Owner::Ttl(bits & TTL_MILLIS_MAX)
            }
            _ => Owner::Session(SessionId(bits)),
        }
    }
}

impl Owner {
    /// The 64 bits to store.
    pub fn bits(self) -> i64 {
        match self {
            Owner::Nobody => 0,
            Owner::Container => CONTAINER,
            Owner::Ttl(millis) => {
                assert!(
                    (1..=TTL_MILLIS_MAX).contains(&millis),
                    "ttl {millis} passed prep"
                );
                TTL_TOP | millis
            }
            Owner::Session(session) => session.0,
        }
    }

    /// What `Stat.ephemeralOwner` shows: the session, or 0.
    pub fn shown(self) -> i64 {
        match self {
            Owner::Session(session) => session.0,
            Owner::Nobody | Owner::Container | Owner::Ttl(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_read_by_the_rules() {
        let off = OwnerRules::default();
        let on = OwnerRules {
            extended_types: true,
            emulate_353: false,
        };
        let ttl = Owner::Ttl(5000).bits();
        assert_eq!(on.read(ttl), Owner::Ttl(5000));
        assert_eq!(off.read(ttl), Owner::Session(SessionId(ttl)));
        assert_eq!(off.read(i64::MIN), Owner::Container);
        assert_eq!(on.read(7), Owner::Session(SessionId(7)));
        assert_eq!(on.read(0), Owner::Nobody);
        assert_eq!(
            on.read(TTL_TOP | 1 << 40 | 5),
            Owner::Session(SessionId(TTL_TOP | 1 << 40 | 5))
        );
    }
}

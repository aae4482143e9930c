//! The order in which Java lists a connection's identities: that of a `ConcurrentHashMap`. Clients must
//! not depend on it, but people compare what their shell prints.

use crate::types::Id;

/// Buckets of a fresh map; it doubles when three quarters as many entries are reached.
const BUCKETS: u32 = 16;

fn java_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    })
}

// apache 3.9.5: data/Id.java hashCode, as the record compiler generates it
fn id_hash(id: &Id) -> u32 {
    let seed: u32 = 17;
    let with_scheme = seed.wrapping_mul(37).wrapping_add(java_hash(&id.scheme));
    with_scheme.wrapping_mul(37).wrapping_add(java_hash(&id.id))
}

/// The identities as Java lists them; `ids` are in the order of their arrival.
pub fn in_java_order(ids: &[Id]) -> Vec<&Id> {
    let mut buckets = BUCKETS;
    while ids.len() >= usize::try_from(buckets / 4 * 3).unwrap_or(usize::MAX) {
        buckets *= 2;
    }
    let bucket = |id: &&Id| {
        let hash = id_hash(id);
        (hash ^ hash >> 16) & (buckets - 1)
    };
    let mut ordered = ids.iter().collect::<Vec<_>>();
    ordered.sort_by_key(bucket);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        assert_eq!(java_hash("digest").cast_signed(), -1331913276);
        assert_eq!(java_hash("ip"), 3367);
    }

    #[test]
    fn every_identity_is_listed_once() {
        let ids = (0..40)
            .map(|n| Id::new("digest", format!("user{n}:x")))
            .collect::<Vec<_>>();
        let mut listed = in_java_order(&ids);
        listed.sort();
        let mut all = ids.iter().collect::<Vec<_>>();
        all.sort();
        assert_eq!(listed, all);
    }
}

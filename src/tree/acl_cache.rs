//! Access lists, each stored once and counted by the nodes that use it.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::proto::Text;
use crate::proto::shared;
use crate::types::{Acl, Perms, open_acl};

/// Number of the list that nearly every node has: everyone may do everything. Never counted nor freed.
pub(crate) const OPEN: u32 = 0;
/// The same list in a snapshot.
const OPEN_ON_DISK: i64 = -1;

#[derive(Debug, Default)]
struct Entry {
    list: Vec<Acl>,
    /// Nodes with this list.
    users: usize,
    hash: u64,
    /// Whether the slot holds a list; a list may be empty.
    taken: bool,
}

/// All access lists in use, by number.
#[derive(Debug)]
pub(crate) struct AclCache {
    entries: Vec<Entry>,
    numbers: HashTable<u32>,
    free: Vec<u32>,
    hasher: FixedState,
    /// While above 0, lists without users stay: a snapshot may have named them.
    holds: usize,
}

impl AclCache {
    pub(crate) fn new(seed: u64) -> Self {
        let open = Entry {
            list: open_acl(),
            taken: true,
            ..Entry::default()
        };
        AclCache {
            entries: vec![open],
            numbers: HashTable::new(),
            free: Vec::new(),
            hasher: FixedState::with_seed(seed),
            holds: 0,
        }
    }

    /// The list with this number.
    pub(crate) fn get(&self, number: u32) -> &[Acl] {
        &self.entries[number as usize].list
    }

    /// The number of a transaction's list, for one more user. A null list is the open one.
    // apache 3.9.5: server/ReferenceCountedACLCache.java convertAcls
    pub(crate) fn add_records(&mut self, list: Option<&[shared::Acl<'_>]>) -> u32 {
        let Some(list) = list else {
            return OPEN;
        };
        self.add(list.iter().map(record_parts))
    }

    /// The number of a list, for one more user.
    pub(crate) fn add_words(&mut self, list: &[Acl]) -> u32 {
        self.add(list.iter().map(word_parts))
    }

    /// Lists are compared part by part, so that nothing is allocated for one that is known.
    fn add<'a>(&mut self, parts: impl ExactSizeIterator<Item = Parts<'a>> + Clone) -> u32 {
        if parts.len() == 1 && parts.clone().eq([(Perms::ALL.0, "world", "anyone")]) {
            return OPEN;
        }
        let hash = self.hash(parts.clone());
        let is_it = |number: &u32| {
            let list = &self.entries[*number as usize].list;
            let mut pairs = list.iter().zip(parts.clone());
            list.len() == parts.len() && pairs.all(|(acl, parts)| word_parts(acl) == parts)
        };
        let number = match self.numbers.find(hash, is_it) {
            Some(number) => *number,
            None => self.store(hash, parts.map(word).collect()),
        };
        self.add_user(number)
    }

    /// One user more of a stored list; returns its number.
    pub(crate) fn add_user(&mut self, number: u32) -> u32 {
        if number != OPEN {
            self.entries[number as usize].users += 1;
        }
        number
    }

    fn hash<'a>(&self, parts: impl Iterator<Item = Parts<'a>>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (perms, scheme, id) in parts {
            hasher.write_i32(perms);
            hasher.write(scheme.as_bytes());
            hasher.write(id.as_bytes());
        }
        hasher.finish()
    }

    fn store(&mut self, hash: u64, list: Vec<Acl>) -> u32 {
        let entry = Entry {
            list,
            users: 0,
            hash,
            taken: true,
        };
        let number = if let Some(number) = self.free.pop() {
            self.entries[number as usize] = entry;
            number
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("2^32 access lists do not fit in memory")
        };
        let entries = &self.entries;
        self.numbers
            .insert_unique(hash, number, |other| entries[*other as usize].hash);
        number
    }

    /// One user less.
    pub(crate) fn drop_user(&mut self, number: u32) {
        if number == OPEN {
            return;
        }
        let entry = &mut self.entries[number as usize];
        assert!(
            entry.users > 0,
            "access list {number} has a user that leaves"
        );
        entry.users -= 1;
        if entry.users == 0 && self.holds == 0 {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u32) {
        let entry = std::mem::take(&mut self.entries[number as usize]);
        self.numbers
            .find_entry(entry.hash, |other| *other == number)
            .expect("every stored list is in the table")
            .remove();
        self.free.push(number);
    }

    /// From now on no list is dropped, until [`AclCache::release`].
    pub(crate) fn hold(&mut self) {
        self.holds += 1;
    }

    /// Ends one [`AclCache::hold`]; with the last, lists without users go.
    pub(crate) fn release(&mut self) {
        assert!(self.holds > 0, "every release ends a hold");
        self.holds -= 1;
        if self.holds == 0 {
            let unused = (1u32..)
                .zip(&self.entries[1..])
                .filter(|(_, entry)| entry.taken && entry.users == 0)
                .map(|(number, _)| number)
                .collect::<Vec<_>>();
            unused.into_iter().for_each(|number| self.remove(number));
        }
    }

    /// Every stored list but the open one, with its number on disk.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (i64, &[Acl])> {
        (1i64..)
            .zip(&self.entries[1..])
            .filter(|(_, entry)| entry.taken)
            .map(|(number, entry)| (number, entry.list.as_slice()))
    }
}

/// The number that a snapshot uses for a list.
pub(crate) fn on_disk(number: u32) -> i64 {
    if number == OPEN {
        OPEN_ON_DISK
    } else {
        i64::from(number)
    }
}

/// Permission bits, scheme and id of an entry, whether a record's or a word's.
type Parts<'a> = (i32, &'a str, &'a str);

fn record_parts<'a>(acl: &'a shared::Acl<'_>) -> Parts<'a> {
    fn text<'a>(text: &'a Text<'_>) -> &'a str {
        text.as_deref().unwrap_or_default()
    }
    (acl.perms, text(&acl.id.scheme), text(&acl.id.id))
}

fn word_parts(acl: &Acl) -> Parts<'_> {
    (acl.perms.0, &acl.id.scheme, &acl.id.id)
}

fn word((perms, scheme, id): Parts<'_>) -> Acl {
    Acl::new(Perms(perms), scheme, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::read_acl;

    fn ip(id: &str) -> Vec<Acl> {
        vec![Acl::new(Perms::READ, "ip", id)]
    }

    #[test]
    fn equal_lists_share_a_number_until_the_last_user_leaves() {
        let mut cache = AclCache::new(7);
        let number = cache.add_words(&read_acl());
        let records = read_acl();
        let records = shared::acl_records(&records);
        assert_eq!(cache.add_records(Some(&records)), number);
        cache.drop_user(number);
        assert_eq!(cache.get(number), read_acl());
        cache.drop_user(number);
        assert_eq!(cache.stored().count(), 0);
        assert_eq!(
            cache.add_words(&ip("::1")),
            number,
            "the number is used again"
        );
    }

    #[test]
    fn the_open_list_is_never_stored() {
        let mut cache = AclCache::new(7);
        assert_eq!(cache.add_records(None), OPEN);
        assert_eq!(cache.add_words(&open_acl()), OPEN);
        assert_eq!(cache.get(OPEN), open_acl());
        cache.drop_user(OPEN);
        assert_eq!(cache.stored().count(), 0);
        assert_eq!(on_disk(OPEN), -1);
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let mut cache = AclCache::new(7);
        let number = cache.add_words(&[]);
        assert_ne!(number, OPEN);
        assert_eq!(
            cache.stored().collect::<Vec<_>>(),
            [(on_disk(number), &[][..])]
        );
    }

    #[test]
    fn a_held_list_stays_and_can_be_taken_up_again() {
        let mut cache = AclCache::new(7);
        let (kept, gone) = (cache.add_words(&ip("1")), cache.add_words(&ip("2")));
        cache.hold();
        cache.drop_user(kept);
        cache.drop_user(gone);
        assert_eq!(cache.stored().count(), 2);
        assert_eq!(cache.add_words(&ip("1")), kept);
        assert_eq!(cache.add_words(&ip("3")), gone + 1);
        cache.release();
        assert_eq!(
            cache
                .stored()
                .map(|(_, list)| list.to_vec())
                .collect::<Vec<_>>(),
            [ip("1"), ip("3")]
        );
    }
}

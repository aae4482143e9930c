//! Numbered places for values that refer to each other: four bytes a reference, freed places used again,
//! and growth a chunk at a time, so that a million values cost no copying and no spare half.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// Values of one chunk.
const CHUNK: usize = 1024;

/// Where a value lives. An `Option` of it is four bytes, too.
pub(crate) struct Slot<T> {
    /// One more than the index.
    number: NonZeroU32,
    of: PhantomData<fn() -> T>,
}

impl<T> Slot<T> {
    fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Slot {
            number: number.expect("a slab has room for 2^32 - 1 values"),
            of: PhantomData,
        }
    }

    /// Chunk, and place in it.
    fn place(self) -> (usize, usize) {
        let index = self.number.get() as usize - 1;
        (index / CHUNK, index % CHUNK)
    }

    /// A number that no other value of the slab has while this one lives.
    pub(crate) fn number(self) -> u32 {
        self.number.get()
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<T> {}

impl<T> PartialEq for Slot<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

#[derive(Debug)]
enum Place<T> {
    Free { next: Option<Slot<T>> },
    Used(T),
}

/// The values and the free places among them.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// All full but the last.
    chunks: Vec<Vec<Place<T>>>,
    /// Freed last, used first.
    free: Option<Slot<T>>,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            free: None,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) -> Slot<T> {
        self.insert_with(|_| value)
    }

    /// Inserts a value that knows its own place.
    pub(crate) fn insert_with(&mut self, value: impl FnOnce(Slot<T>) -> T) -> Slot<T> {
        self.len += 1;
        if let Some(slot) = self.free {
            let (chunk, place) = slot.place();
            let place = &mut self.chunks[chunk][place];
            let Place::Free { next } = place else {
                unreachable!("place {slot:?} of the free list is free")
            };
            self.free = *next;
            *place = Place::Used(value(slot));
            return slot;
        }
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Vec::new());
        }
        let chunk = self.chunks.len() - 1;
        let last = &mut self.chunks[chunk];
        let slot = Slot::new(chunk * CHUNK + last.len());
        last.push(Place::Used(value(slot)));
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot<T>) -> T {
        let (chunk, place) = slot.place();
        let freed = Place::Free { next: self.free };
        let Place::Used(value) = std::mem::replace(&mut self.chunks[chunk][place], freed) else {
            unreachable!("place {slot:?} is removed once")
        };
        self.free = Some(slot);
        self.len -= 1;
        if self.len == 0 {
            self.give_back();
        }
        value
    }

    /// Nothing refers to an empty slab: all places but a chunk's worth can go.
    fn give_back(&mut self) {
        self.chunks.truncate(1);
        if let Some(first) = self.chunks.first_mut() {
            first.clear();
        }
        self.free = None;
    }

    /// Every value, by place: an order that follows from the history of insertions and removals alone.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot<T>, &T)> {
        let places = self.chunks.iter().flatten().enumerate();
        places.filter_map(|(index, place)| match place {
            Place::Used(value) => Some((Slot::new(index), value)),
            Place::Free { .. } => None,
        })
    }

    /// Bytes taken from the allocator, without what the values themselves own.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        let places: usize = self.chunks.iter().map(Vec::capacity).sum();
        places * size_of::<Place<T>>() + self.chunks.capacity() * size_of::<Vec<Place<T>>>()
    }
}

impl<T> Index<Slot<T>> for Slab<T> {
    type Output = T;

    fn index(&self, slot: Slot<T>) -> &T {
        let (chunk, place) = slot.place();
        match &self.chunks[chunk][place] {
            Place::Used(value) => value,
            Place::Free { .. } => unreachable!("place {slot:?} is in use"),
        }
    }
}

impl<T> IndexMut<Slot<T>> for Slab<T> {
    fn index_mut(&mut self, slot: Slot<T>) -> &mut T {
        let (chunk, place) = slot.place();
        match &mut self.chunks[chunk][place] {
            Place::Used(value) => value,
            Place::Free { .. } => unreachable!("place {slot:?} is in use"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_used_again_last_first() {
        let mut slab = Slab::new();
        let slots = (0..5).map(|n| slab.insert(n)).collect::<Vec<_>>();
        assert_eq!((slab.remove(slots[1]), slab.remove(slots[3])), (1, 3));
        assert_eq!(slab.insert(33), slots[3]);
        assert_eq!(slab.insert(11), slots[1]);
        slab[slots[0]] += 100;
        let all = slab.iter().map(|(_, n)| *n).collect::<Vec<_>>();
        assert_eq!((all, slab.len()), (vec![100, 11, 2, 33, 4], 5));
        assert!(slab.iter().all(|(slot, n)| slab[slot] == *n));
    }

    #[test]
    fn values_stay_where_they_are_over_many_chunks() {
        let mut slab = Slab::new();
        let slots = (0..3 * CHUNK + 1)
            .map(|n| slab.insert(n))
            .collect::<Vec<_>>();
        assert!(slots.iter().enumerate().all(|(n, slot)| slab[*slot] == n));
        assert!(slab.iter().map(|(_, n)| *n).eq(0..3 * CHUNK + 1));
        let full = slab.heap_bytes();
        for slot in slots {
            slab.remove(slot);
        }
        assert!(slab.heap_bytes() < full / 2, "an empty slab is small");
        let first = slab.insert(7);
        assert_eq!(first.number(), 1);
    }

    #[test]
    #[should_panic(expected = "in use")]
    fn a_freed_place_is_not_read() {
        let mut slab = Slab::new();
        let slot = slab.insert('a');
        slab.insert('b');
        slab.remove(slot);
        let _ = slab[slot];
    }
}

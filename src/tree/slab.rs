//! Numbered slots in chunks: growing never copies what is there, and a freed slot can be kept from
//! reuse for as long as somebody may still hold its number.

use std::mem;
use std::ops::{Index, IndexMut};

/// Slots per chunk: large enough that the list of chunks stays in cache.
const CHUNK: usize = 4096;

/// A growing table of `T`. A freed slot holds `T::default()` until it is used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    /// Freed while held; becomes `free` when the last hold ends.
    parked: Vec<u32>,
    holds: usize,
}

impl<T: Default> Slab<T> {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            free: Vec::new(),
            parked: Vec::new(),
            holds: 0,
        }
    }

    /// Puts a value into a free slot.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self[slot] = value;
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let chunk = self
            .chunks
            .last_mut()
            .expect("a chunk was just made sure of");
        chunk.push(value);
        u32::try_from(full + chunk.len() - 1).expect("2^32 slots do not fit in memory")
    }

    /// Empties a slot and frees it, or parks it while anyone holds the slots.
    pub(crate) fn remove(&mut self, slot: u32) -> T {
        if self.holds == 0 {
            self.free.push(slot);
        } else {
            self.parked.push(slot);
        }
        mem::take(&mut self[slot])
    }

    /// From now on no slot that is freed is used again, until [`Slab::release`].
    pub(crate) fn hold(&mut self) {
        self.holds += 1;
    }

    /// Ends one [`Slab::hold`].
    pub(crate) fn release(&mut self) {
        assert!(self.holds > 0, "every release ends a hold");
        self.holds -= 1;
        if self.holds == 0 {
            self.free.append(&mut self.parked);
        }
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        let slot = slot as usize;
        &self.chunks[slot / CHUNK][slot % CHUNK]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        let slot = slot as usize;
        &mut self.chunks[slot / CHUNK][slot % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_slots_are_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert(1);
        assert_eq!(slab.insert(2), first + 1);
        assert_eq!(slab.remove(first), 1);
        assert_eq!(slab[first], 0);
        assert_eq!(slab.insert(3), first);
    }

    #[test]
    fn held_slots_are_not_used_again_until_the_last_release() {
        let mut slab = Slab::new();
        let first = slab.insert(1);
        slab.hold();
        slab.hold();
        slab.remove(first);
        assert_ne!(slab.insert(2), first);
        slab.release();
        assert_ne!(slab.insert(3), first);
        slab.release();
        assert_eq!(slab.insert(4), first);
    }

    #[test]
    fn slots_are_numbered_across_chunks() {
        let mut slab = Slab::new();
        for value in 0..10_000_u32 {
            assert_eq!(slab.insert(value), value);
        }
        assert!((0..10_000).all(|slot| slab[slot] == slot));
    }
}

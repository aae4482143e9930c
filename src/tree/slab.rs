//! Numbered slots for values that own memory, in chunks: growing never copies what is there.

use std::mem;
use std::ops::{Index, IndexMut};

/// Slots per chunk.
const CHUNK: usize = 1024;

/// A growing table of `T`. A free slot holds `T::default()`.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
}

impl<T: Default> Slab<T> {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            free: Vec::new(),
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
        let chunk = self.chunks.last_mut();
        let chunk = chunk.expect("a chunk was just made sure of");
        chunk.push(value);
        u32::try_from(full + chunk.len() - 1).expect("2^32 slots do not fit in memory")
    }

    /// Empties a slot and frees it.
    pub(crate) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        mem::take(&mut self[slot])
    }

    /// Slots that are not free.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum::<usize>() - self.free.len()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
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
    fn slots_are_numbered_across_chunks() {
        let mut slab = Slab::new();
        for value in 0..10_000_u32 {
            assert_eq!(slab.insert(value), value);
        }
        assert!((0..10_000).all(|slot| slab[slot] == slot));
    }
}

//! Memory for many small things of one size: numbered cells of bytes, in chunks. Growing never copies
//! what is there. Freed cells are used again, but never given back.

/// Cells per chunk: chunks are large enough that their list stays in cache; what was not used yet costs
/// address space only, since it comes zeroed from the system.
const CHUNK: usize = 4096;

/// Cells of one size.
#[derive(Debug)]
pub(crate) struct Cells {
    cell_bytes: usize,
    chunks: Vec<Box<[u8]>>,
    /// Cells ever used, from the first on.
    used: usize,
    free: Vec<u32>,
    /// Freed, but not to be used again yet.
    parked: Vec<u32>,
}

impl Cells {
    pub(crate) fn new(cell_bytes: usize) -> Self {
        Cells {
            cell_bytes,
            chunks: Vec::new(),
            used: 0,
            free: Vec::new(),
            parked: Vec::new(),
        }
    }

    /// Takes a cell, whose bytes are anything. `None` when there are `max` already.
    pub(crate) fn take(&mut self, max: usize) -> Option<u32> {
        if let Some(cell) = self.free.pop() {
            return Some(cell);
        }
        if self.used == max {
            return None;
        }
        let cell = u32::try_from(self.used).ok()?;
        if self.used == self.chunks.len() * CHUNK {
            let chunk = vec![0; CHUNK * self.cell_bytes];
            self.chunks.push(chunk.into_boxed_slice());
        }
        self.used += 1;
        Some(cell)
    }

    /// Gives a cell back; a parked one is used again only after [`Cells::unpark`].
    pub(crate) fn give(&mut self, cell: u32, park: bool) {
        if park {
            self.parked.push(cell);
        } else {
            self.free.push(cell);
        }
    }

    pub(crate) fn unpark(&mut self) {
        self.free.append(&mut self.parked);
    }

    #[inline]
    pub(crate) fn get(&self, cell: u32) -> &[u8] {
        let (chunk, start) = self.place(cell);
        &self.chunks[chunk][start..start + self.cell_bytes]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, cell: u32) -> &mut [u8] {
        let (chunk, start) = self.place(cell);
        &mut self.chunks[chunk][start..start + self.cell_bytes]
    }

    #[inline]
    fn place(&self, cell: u32) -> (usize, usize) {
        let cell = cell as usize;
        (cell / CHUNK, cell % CHUNK * self.cell_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_used_again_unless_parked() {
        let mut cells = Cells::new(8);
        let taken = [0; 3].map(|_| cells.take(10).unwrap());
        assert_eq!(taken, [0, 1, 2]);
        cells.give(0, true);
        cells.give(1, false);
        assert_eq!(cells.take(10), Some(1));
        assert_eq!(cells.take(10), Some(3));
        cells.unpark();
        assert_eq!(cells.take(10), Some(0));
    }

    #[test]
    fn there_are_no_more_than_the_caller_can_number() {
        let mut cells = Cells::new(8);
        assert_eq!(cells.take(1), Some(0));
        assert_eq!(cells.take(1), None);
        cells.give(0, false);
        assert_eq!(cells.take(1), Some(0));
    }

    #[test]
    fn cells_do_not_overlap_across_chunks() {
        let mut cells = Cells::new(4);
        for value in 0..10_000_u32 {
            let cell = cells.take(usize::MAX).unwrap();
            cells.get_mut(cell).copy_from_slice(&value.to_le_bytes());
        }
        assert!((0..10_000_u32).all(|cell| cells.get(cell) == cell.to_le_bytes()));
    }
}

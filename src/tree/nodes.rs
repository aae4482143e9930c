//! All nodes. One lies in a cell of bytes that holds its metadata, name and data together, so that
//! reading it touches one place, and so that setting data of the same size allocates nothing.
//!
//! ```text
//! | metadata 76 | length 2 | content: name and data | unused |
//! ```
//!
//! Cells come in sixteen sizes. A node keeps its cell for life, since its number says where it is;
//! content that does not fit, at first or later, lies in an allocation of its own.

use std::str;

use crate::tree::cells::Cells;
use crate::tree::content::{Content, content_len, write_content, write_data};
use crate::tree::node::{META_BYTES, Meta, NodeId};
use crate::tree::slab::Slab;

/// The lowest bits of a node's number are its cell's size, the others its cell among those.
const SIZE_BITS: u32 = 4;
const SIZE_MASK: u32 = (1 << SIZE_BITS) - 1;
const CELLS_MAX: usize = 1 << (u32::BITS - SIZE_BITS);
/// Sizes of cells in bytes.
const SIZES: [usize; 1 << SIZE_BITS] = [
    96, 112, 128, 144, 160, 176, 192, 208, 224, 256, 288, 320, 384, 448, 512, 640,
];
const HEAD_BYTES: usize = META_BYTES + 2;
/// A length that no content has: the cell is free.
const FREE: u16 = 0;
/// In place of the length: the content lies elsewhere, under the number that follows.
const ELSEWHERE: u16 = u16::MAX;
const NUMBER_BYTES: usize = size_of::<u32>();

const _: () = assert!(
    SIZES[SIZES.len() - 1] - HEAD_BYTES < ELSEWHERE as usize,
    "a length fits"
);
const _: () = assert!(SIZES[0] - HEAD_BYTES >= NUMBER_BYTES, "the number fits");

/// All nodes, by number.
#[derive(Debug)]
pub(crate) struct Nodes {
    sizes: [Cells; SIZES.len()],
    elsewhere: Slab<Box<[u8]>>,
    /// While above 0, no number of a removed node is used again.
    holds: usize,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        Nodes {
            sizes: SIZES.map(Cells::new),
            elsewhere: Slab::new(),
            holds: 0,
        }
    }

    /// Adds a node. The first one ever, with little content, is [`NodeId::ROOT`].
    pub(crate) fn insert(&mut self, meta: Meta, name: &str, data: Option<&[u8]>) -> NodeId {
        let len = content_len(name, data);
        let fits = SIZES.partition_point(|size| size - HEAD_BYTES < len);
        let first = if fits == SIZES.len() { 0 } else { fits };
        let id = self.take(first);
        let cell = self.cell_mut(id);
        cell[..META_BYTES].copy_from_slice(&meta.to_bytes());
        if len <= cell.len() - HEAD_BYTES {
            set_len(cell, len);
            write_content(name, data, &mut cell[HEAD_BYTES..HEAD_BYTES + len]);
        } else {
            let mut content = vec![0; len].into_boxed_slice();
            write_content(name, data, &mut content);
            let number = self.elsewhere.insert(content);
            set_elsewhere(self.cell_mut(id), number);
        }
        id
    }

    /// Takes a cell of the given size, or a larger one once numbers run out.
    fn take(&mut self, first: usize) -> NodeId {
        let sizes = (0u32..).zip(&mut self.sizes).skip(first);
        let mut taken = sizes.filter_map(|(size, cells)| Some((size, cells.take(CELLS_MAX)?)));
        let (size, cell) = taken
            .next()
            .expect("2^28 nodes of a size do not fit in memory");
        NodeId(cell << SIZE_BITS | size)
    }

    /// Removes a node.
    pub(crate) fn remove(&mut self, id: NodeId) {
        if let Some(number) = self.get(id).elsewhere() {
            self.elsewhere.remove(number);
        }
        set_len(self.cell_mut(id), FREE.into());
        self.sizes[size(id)].give(cell(id), self.holds > 0);
    }

    /// The node with this number, or the free cell.
    #[inline]
    pub(crate) fn get(&self, id: NodeId) -> NodeCell<'_> {
        NodeCell {
            cell: self.sizes[size(id)].get(cell(id)),
            nodes: self,
        }
    }

    #[inline]
    fn cell_mut(&mut self, id: NodeId) -> &mut [u8] {
        self.sizes[size(id)].get_mut(cell(id))
    }

    /// Changes a node's metadata.
    #[inline]
    pub(crate) fn update(&mut self, id: NodeId, change: impl FnOnce(&mut Meta)) {
        let head = self.cell_mut(id).first_chunk_mut::<META_BYTES>();
        let head = head.expect("a cell is longer than its head");
        let mut meta = Meta::from_bytes(head);
        change(&mut meta);
        *head = meta.to_bytes();
    }

    /// Replaces a node's data.
    pub(crate) fn set_data(&mut self, id: NodeId, data: Option<&[u8]>) {
        let node = self.get(id);
        let elsewhere = node.elsewhere();
        let data_at = node.content().data_at();
        let len = data_at + data.map_or(0, <[u8]>::len);
        let fits = len <= node.cell.len() - HEAD_BYTES;
        match (elsewhere, fits) {
            (None, true) => {
                let cell = self.cell_mut(id);
                set_len(cell, len);
                write_data(data, &mut cell[HEAD_BYTES..HEAD_BYTES + len], data_at);
            }
            (None, false) => {
                let content = replaced(node.content(), data, len, data_at);
                let number = self.elsewhere.insert(content);
                set_elsewhere(self.cell_mut(id), number);
            }
            (Some(number), true) => {
                let old = self.elsewhere.remove(number);
                let cell = self.cell_mut(id);
                set_len(cell, len);
                let to = &mut cell[HEAD_BYTES..HEAD_BYTES + len];
                to[..data_at].copy_from_slice(&old[..data_at]);
                write_data(data, to, data_at);
            }
            (Some(number), false) => {
                let old = &mut self.elsewhere[number];
                if old.len() != len {
                    *old = replaced(Content(old), data, len, data_at);
                } else {
                    write_data(data, old, data_at);
                }
            }
        }
    }

    /// From now on no number of a removed node is used again, until [`Nodes::release`].
    pub(crate) fn hold(&mut self) {
        self.holds += 1;
    }

    /// Ends one [`Nodes::hold`].
    pub(crate) fn release(&mut self) {
        assert!(self.holds > 0, "every release ends a hold");
        self.holds -= 1;
        if self.holds == 0 {
            self.sizes.iter_mut().for_each(Cells::unpark);
        }
    }
}

/// A node's cell.
#[derive(Clone, Copy)]
pub(crate) struct NodeCell<'a> {
    cell: &'a [u8],
    nodes: &'a Nodes,
}

impl<'a> NodeCell<'a> {
    #[inline]
    pub(crate) fn meta(self) -> Meta {
        let head = self.cell.first_chunk();
        Meta::from_bytes(head.expect("a cell is longer than its head"))
    }

    /// Whether there is no node.
    pub(crate) fn is_free(self) -> bool {
        self.len() == FREE
    }

    #[inline]
    fn len(self) -> u16 {
        u16::from_le_bytes([self.cell[META_BYTES], self.cell[META_BYTES + 1]])
    }

    #[inline]
    fn elsewhere(self) -> Option<u32> {
        let number = self.cell[HEAD_BYTES..].first_chunk::<NUMBER_BYTES>();
        let number = number.expect("every cell has room for the number");
        (self.len() == ELSEWHERE).then(|| u32::from_le_bytes(*number))
    }

    #[inline]
    fn content(self) -> Content<'a> {
        Content(match self.elsewhere() {
            None => &self.cell[HEAD_BYTES..HEAD_BYTES + usize::from(self.len())],
            Some(number) => &self.nodes.elsewhere[number],
        })
    }

    /// The last component of the path; empty for the root.
    pub(crate) fn name(self) -> &'a str {
        str::from_utf8(self.name_bytes()).expect("a name is stored from text")
    }

    /// As [`NodeCell::name`], for comparing.
    #[inline]
    pub(crate) fn name_bytes(self) -> &'a [u8] {
        self.content().name()
    }

    #[inline]
    pub(crate) fn data(self) -> Option<&'a [u8]> {
        self.content().data()
    }
}

#[inline]
fn size(id: NodeId) -> usize {
    (id.0 & SIZE_MASK) as usize
}

#[inline]
fn cell(id: NodeId) -> u32 {
    id.0 >> SIZE_BITS
}

fn set_len(cell: &mut [u8], len: usize) {
    let len = u16::try_from(len).expect("content in a cell is shorter than the cell");
    cell[META_BYTES..HEAD_BYTES].copy_from_slice(&len.to_le_bytes());
}

fn set_elsewhere(cell: &mut [u8], number: u32) {
    cell[META_BYTES..HEAD_BYTES].copy_from_slice(&ELSEWHERE.to_le_bytes());
    cell[HEAD_BYTES..HEAD_BYTES + NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
}

/// A copy with other data, in an exact allocation.
fn replaced(old: Content<'_>, data: Option<&[u8]>, len: usize, data_at: usize) -> Box<[u8]> {
    let mut content = vec![0; len].into_boxed_slice();
    content[..data_at].copy_from_slice(&old.0[..data_at]);
    write_data(data, &mut content, data_at);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(nodes: &Nodes, id: NodeId) -> (&str, Option<&[u8]>) {
        let cell = nodes.get(id);
        (cell.name(), cell.data())
    }

    #[test]
    fn content_fits_whatever_its_size() {
        let mut nodes = Nodes::new();
        let text = "x".repeat(1500);
        let mut made = Vec::new();
        for name in [0, 1, 63, 64, 600, 1500].map(|len| &text[..len]) {
            for len in (0..700).chain([1400]) {
                let data = Some(&text.as_bytes()[..len]);
                let meta = Meta {
                    acl: u32::try_from(len).unwrap(),
                    ..Meta::default()
                };
                made.push((nodes.insert(meta, name, data), meta, name, data));
            }
        }
        for (id, meta, name, data) in made {
            assert_eq!(node(&nodes, id), (name, data));
            assert_eq!(nodes.get(id).meta(), meta);
        }
    }

    #[test]
    fn data_is_replaced_in_every_direction() {
        let text = [b'x'; 900];
        let lens = [0, 1, 8, 9, 10, 11, 12, 100, 500, 551, 552, 553, 560, 900];
        let values = [None].into_iter().chain(lens.map(|len| Some(&text[..len])));
        let values = values.collect::<Vec<_>>();
        for name in ["name", &"long".repeat(150)] {
            for from in &values {
                for to in &values {
                    let mut nodes = Nodes::new();
                    let meta = Meta {
                        position: 7,
                        ..Meta::default()
                    };
                    let id = nodes.insert(meta, name, *from);
                    for data in [*to, *from, *to] {
                        nodes.set_data(id, data);
                        assert_eq!(node(&nodes, id), (name, data));
                    }
                    assert_eq!(nodes.get(id).meta(), meta);
                    nodes.remove(id);
                    assert!(nodes.get(id).is_free());
                    assert_eq!(nodes.elsewhere.taken(), 0);
                }
            }
        }
    }

    #[test]
    fn held_numbers_are_not_used_again_until_the_last_release() {
        let mut nodes = Nodes::new();
        let insert = |nodes: &mut Nodes| nodes.insert(Meta::default(), "a", None);
        let first = insert(&mut nodes);
        assert_eq!(first, NodeId::ROOT);
        nodes.hold();
        nodes.hold();
        nodes.remove(first);
        assert_ne!(insert(&mut nodes), first);
        nodes.release();
        assert_ne!(insert(&mut nodes), first);
        nodes.release();
        assert_eq!(insert(&mut nodes), first);
    }
}

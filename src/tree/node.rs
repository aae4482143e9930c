//! One node as it lies in memory: 96 bytes, and one allocation for its name and data. It knows its
//! parent by number and stores no path.

use std::str;

use crate::types::NodeStat;

/// A node's slot. Unambiguous while a snapshot is walked; reused otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The root's slot, always.
    pub const ROOT: NodeId = NodeId(0);
}

/// A node. The default value is a free slot: its `blob` is empty, which no node's is.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) czxid: i64,
    pub(crate) mzxid: i64,
    pub(crate) pzxid: i64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    /// The 64 bits of `ephemeralOwner`.
    pub(crate) owner: i64,
    pub(crate) version: i32,
    pub(crate) cversion: i32,
    pub(crate) aversion: i32,
    /// Number of the access list in the tree's cache.
    pub(crate) acl: u32,
    /// The root is its own parent.
    pub(crate) parent: NodeId,
    /// Where the parent's child list names this node.
    pub(crate) position: u32,
    /// Hash of the whole path, by which the index finds the node.
    pub(crate) hash: u32,
    /// Number of the child list, 0 without children.
    pub(crate) children: u32,
    blob: Blob,
}

// Memory per node is a promise to operators: growing a node is a decision.
const _: () = assert!(size_of::<Node>() == 96, "a node is 96 bytes");

impl Node {
    /// A node that is in no list yet.
    pub(crate) fn new(name: &str, data: Option<&[u8]>, acl: u32, stat: &NodeStat) -> Self {
        let mut node = Node {
            acl,
            blob: Blob::new(name, data),
            ..Node::default()
        };
        node.set_stat(stat);
        node
    }

    /// Whether the slot is free.
    pub(crate) fn is_free(&self) -> bool {
        self.blob.0.is_empty()
    }

    pub(crate) fn stat(&self) -> NodeStat {
        NodeStat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.cversion,
            aversion: self.aversion,
            ephemeral_owner: self.owner,
            pzxid: self.pzxid,
        }
    }

    pub(crate) fn set_stat(&mut self, stat: &NodeStat) {
        self.czxid = stat.czxid;
        self.mzxid = stat.mzxid;
        self.ctime = stat.ctime;
        self.mtime = stat.mtime;
        self.version = stat.version;
        self.cversion = stat.cversion;
        self.aversion = stat.aversion;
        self.owner = stat.ephemeral_owner;
        self.pzxid = stat.pzxid;
    }

    /// The last component of the path; empty for the root.
    pub(crate) fn name(&self) -> &str {
        str::from_utf8(self.blob.name()).expect("a name is stored from text")
    }

    /// As [`Node::name`], for comparing.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        self.blob.name()
    }

    pub(crate) fn data(&self) -> Option<&[u8]> {
        self.blob.data()
    }

    pub(crate) fn set_data(&mut self, data: Option<&[u8]>) {
        self.blob.set_data(data);
    }
}

/// Name and data in one exact allocation: a varint header (name length, lowest bit set when there is
/// data), the name, the data.
#[derive(Debug, Default)]
struct Blob(Box<[u8]>);

const HAS_DATA: usize = 1;
const VARINT_MORE: u8 = 0x80;
const VARINT_BITS: u32 = 7;

impl Blob {
    fn new(name: &str, data: Option<&[u8]>) -> Self {
        let header = name.len() << 1 | usize::from(data.is_some());
        let data = data.unwrap_or_default();
        let mut bytes = Vec::with_capacity(varint_len(header) + name.len() + data.len());
        put_varint(header, &mut bytes);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(data);
        Blob(bytes.into_boxed_slice())
    }

    /// Start and end of the name, and whether data follows.
    fn parts(&self) -> (usize, usize, bool) {
        let (header, start) = varint(&self.0);
        (start, start + (header >> 1), header & HAS_DATA != 0)
    }

    fn name(&self) -> &[u8] {
        let (start, end, _) = self.parts();
        &self.0[start..end]
    }

    fn data(&self) -> Option<&[u8]> {
        let (_, end, has_data) = self.parts();
        has_data.then(|| &self.0[end..])
    }

    fn set_data(&mut self, data: Option<&[u8]>) {
        let (_, end, _) = self.parts();
        let has_data = u8::from(data.is_some());
        let data = data.unwrap_or_default();
        if self.0.len() != end + data.len() {
            let mut bytes = Vec::with_capacity(end + data.len());
            bytes.extend_from_slice(&self.0[..end]);
            bytes.extend_from_slice(data);
            self.0 = bytes.into_boxed_slice();
        } else {
            self.0[end..].copy_from_slice(data);
        }
        self.0[0] = self.0[0] & !1 | has_data;
    }
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    bits.div_ceil(VARINT_BITS).max(1) as usize
}

fn put_varint(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let low = value.to_le_bytes()[0] & !VARINT_MORE;
        value >>= VARINT_BITS;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | VARINT_MORE);
    }
}

/// Value and length of the varint at the start of `bytes`.
fn varint(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & !VARINT_MORE) << (VARINT_BITS as usize * at);
        if byte & VARINT_MORE == 0 {
            return (value, at + 1);
        }
    }
    unreachable!("every blob starts with a whole header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, data: Option<&[u8]>) -> Node {
        Node::new(name, data, 0, &NodeStat::default())
    }

    #[test]
    fn names_and_data_come_back() {
        let long = "x".repeat(70_000);
        for name in ["", "a", "näme", &"y".repeat(63), &"y".repeat(64), &long] {
            for data in [None, Some(&b""[..]), Some(&b"data"[..])] {
                let node = node(name, data);
                assert_eq!((node.name(), node.data()), (name, data));
                assert!(!node.is_free());
            }
        }
        assert!(Node::default().is_free());
    }

    #[test]
    fn data_is_replaced_in_every_direction() {
        let values = [
            None,
            Some(&b""[..]),
            Some(&b"four"[..]),
            Some(&b"five5"[..]),
        ];
        for name in ["n", &"long".repeat(100)] {
            for from in values {
                for to in values {
                    let mut node = node(name, from);
                    node.set_data(to);
                    assert_eq!((node.name(), node.data()), (name, to));
                }
            }
        }
    }

    #[test]
    fn a_short_name_costs_one_byte_more_than_its_letters() {
        assert_eq!(node("0123456789", Some(&[0; 100])).blob.0.len(), 111);
    }
}

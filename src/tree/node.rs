//! A node's number, and what a node has besides its name and data, as values and as bytes.

use std::mem;

use crate::types::NodeStat;

/// A node's number. Unambiguous while a snapshot is walked; reused otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The root's number, always.
    pub const ROOT: NodeId = NodeId(0);
}

/// A node without its name and data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Meta {
    pub(crate) stat: NodeStat,
    /// Number of the access list in the tree's cache.
    pub(crate) acl: u32,
    /// The root is its own parent.
    pub(crate) parent: NodeId,
    /// Where the parent's child list names this node.
    pub(crate) position: u32,
    /// Number of the child list, 0 without children.
    pub(crate) children: u32,
}

/// Length of the metadata as bytes.
pub(crate) const META_BYTES: usize = 76;

impl Meta {
    /// Reads what [`Meta::to_bytes`] made. Fields that the caller does not use cost nothing.
    #[inline]
    pub(crate) fn from_bytes(bytes: &[u8; META_BYTES]) -> Meta {
        let mut left = &bytes[..];
        let mut meta = Meta::default();
        let stat = &mut meta.stat;
        for field in [&mut stat.czxid, &mut stat.mzxid, &mut stat.pzxid] {
            *field = i64::from_le_bytes(take(&mut left));
        }
        for field in [&mut stat.ctime, &mut stat.mtime, &mut stat.ephemeral_owner] {
            *field = i64::from_le_bytes(take(&mut left));
        }
        for field in [&mut stat.version, &mut stat.cversion, &mut stat.aversion] {
            *field = i32::from_le_bytes(take(&mut left));
        }
        for field in [
            &mut meta.acl,
            &mut meta.parent.0,
            &mut meta.position,
            &mut meta.children,
        ] {
            *field = u32::from_le_bytes(take(&mut left));
        }
        meta
    }

    /// The metadata as bytes.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; META_BYTES] {
        let mut bytes = [0; META_BYTES];
        let mut left = &mut bytes[..];
        let stat = &self.stat;
        for field in [stat.czxid, stat.mzxid, stat.pzxid] {
            put(&mut left, field.to_le_bytes());
        }
        for field in [stat.ctime, stat.mtime, stat.ephemeral_owner] {
            put(&mut left, field.to_le_bytes());
        }
        for field in [stat.version, stat.cversion, stat.aversion] {
            put(&mut left, field.to_le_bytes());
        }
        for field in [self.acl, self.parent.0, self.position, self.children] {
            put(&mut left, field.to_le_bytes());
        }
        bytes
    }
}

#[inline]
fn take<const N: usize>(left: &mut &[u8]) -> [u8; N] {
    let parts = left.split_first_chunk();
    let (head, tail) = parts.expect("the fields make up the length");
    *left = tail;
    *head
}

#[inline]
fn put<const N: usize>(left: &mut &mut [u8], field: [u8; N]) {
    let (head, tail) = mem::take(left).split_at_mut(N);
    head.copy_from_slice(&field);
    *left = tail;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_comes_back() {
        let meta = Meta {
            stat: NodeStat {
                czxid: 1,
                mzxid: -2,
                ctime: 3,
                mtime: i64::MIN,
                version: -5,
                cversion: i32::MAX,
                aversion: 7,
                ephemeral_owner: -8,
                pzxid: 9,
            },
            acl: 10,
            parent: NodeId(u32::MAX),
            position: 12,
            children: 13,
        };
        assert_eq!(Meta::from_bytes(&meta.to_bytes()), meta);
    }
}

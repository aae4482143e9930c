//! Snapshot records to bytes: header, sessions, ACL lists, nodes one by one, seals and sections. Moves
//! records, not nodes; whoever walks the tree feeds them in slices and drains the bytes in between.

use std::borrow::Cow;

use crate::proto;
use crate::proto::disk::{DigestSection, FileHeader};
use crate::storage::format::checksum::Checksum;
use crate::storage::format::snapshot_body::{BodyEncoder, END_PATH};
use crate::storage::format::txn_log::VERSION;
use crate::types::{Acl, NodeStat, SessionId, Zxid};

/// `ZKSN`.
pub const MAGIC: i32 = 0x5a4b_534e;
/// Version of the digest algorithm.
pub const DIGEST_VERSION: i32 = 2;

/// What a snapshot carries behind its nodes. Apache reads these sections by position, so exactly those
/// are written that a server with the same settings would: `digest` with `zookeeper.digest.enabled`,
/// `zxid` with `zookeeper.serializeLastProcessedZxid.enabled`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections {
    /// The tree's digest and the zxid that it belongs to; zxid and digest 0 when nothing was processed.
    pub digest: Option<DigestSection>,
    /// The last processed zxid.
    pub zxid: Option<Zxid>,
}

/// Appends a snapshot's bytes, in file order, to a buffer that its owner drains when it likes.
#[derive(Debug)]
pub struct SnapshotEncoder {
    body: BodyEncoder,
    /// Bytes at the front of the buffer that the checksum covers.
    hashed: usize,
    sum: Checksum,
}

impl Default for SnapshotEncoder {
    fn default() -> Self {
        SnapshotEncoder::new()
    }
}

impl SnapshotEncoder {
    /// An encoder that has written the file header.
    pub fn new() -> Self {
        let mut out = Vec::new();
        let header = FileHeader {
            magic: MAGIC,
            version: VERSION,
            dbid: -1,
        };
        proto::append(&header, &mut out);
        SnapshotEncoder {
            body: BodyEncoder::new(out),
            hashed: 0,
            sum: Checksum::new(),
        }
    }

    /// The session table: ids and timeouts in milliseconds. It must hold the owner of every ephemeral
    /// node, or Apache's next leader deletes the node.
    ///
    /// # Panics
    /// When it is not the first part, or has 2^31 sessions.
    pub fn sessions(&mut self, sessions: &[(SessionId, i32)]) {
        self.body.sessions(sessions);
    }

    /// The ACL lists by number. Every number that a node refers to, except -1, must be among them.
    ///
    /// # Panics
    /// When it is not the second part, or has 2^31 lists.
    pub fn acl_lists(&mut self, lists: &[(i64, &[Acl])]) {
        self.body.acl_lists(lists);
    }

    /// A node. The root (path empty) comes first, and every node after its parent. `data` of `None` is
    /// null, which is not empty.
    ///
    /// # Panics
    /// Before sessions and ACL lists, after the end, or with the path `/`, which ends the list.
    #[inline]
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: NodeStat) {
        self.body.node(path, data, acl, stat);
    }

    /// Ends the nodes, seals them, and adds the sections, each with its seal.
    ///
    /// # Panics
    /// Before sessions and ACL lists, or the second time.
    pub fn end(&mut self, sections: &Sections) {
        self.body.end();
        self.seal();
        if let Some(digest) = &sections.digest {
            proto::append(digest, &mut self.body.out);
            self.seal();
        }
        if let Some(zxid) = sections.zxid {
            proto::append(&zxid.0, &mut self.body.out);
            self.seal();
        }
    }

    /// Whether the snapshot is complete.
    pub fn is_done(&self) -> bool {
        self.body.is_done()
    }

    /// Bytes that wait to be drained.
    pub fn pending(&self) -> usize {
        self.body.out.len()
    }

    /// Hands over all bytes that wait, and forgets them.
    ///
    /// # Errors
    /// The sink's own; the bytes are gone then too, and the snapshot with them.
    pub fn drain<E>(&mut self, sink: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.absorb();
        let result = sink(&self.body.out);
        self.body.out.clear();
        self.hashed = 0;
        result
    }

    /// A seal: the checksum of every byte of the file so far, earlier seals included, and a path.
    fn seal(&mut self) {
        self.absorb();
        let sum = i64::from(self.sum.value());
        proto::append(&sum, &mut self.body.out);
        proto::append(&Cow::Borrowed(END_PATH), &mut self.body.out);
    }

    fn absorb(&mut self) {
        self.sum.update(&self.body.out[self.hashed..]);
        self.hashed = self.body.out.len();
    }
}

//! A snapshot as it is sent to a learner: records to bytes. What is read back by
//! [`SnapStreamDecoder`](crate::storage::format::snap_stream::SnapStreamDecoder).

use std::borrow::Cow;

use crate::proto;
use crate::proto::disk::{NodeRecord, SessionRecord};
use crate::proto::shared::acl_records;
use crate::storage::format::snap_stream::SIGNATURE;
use crate::storage::format::snapshot_encode::END_PATH;
use crate::types::{Acl, NodeStat, SessionId};

/// Appends a snapshot's bytes, in the order of the stream, to a buffer that its owner empties when it likes.
#[derive(Debug, Default)]
pub struct SnapStreamEncoder {
    /// Bytes that wait to be sent.
    pub out: Vec<u8>,
}

impl SnapStreamEncoder {
    /// What stands before the nodes: sessions with their timeouts in ms, and the ACL lists by number.
    pub fn open(&mut self, sessions: &[(SessionId, i32)], lists: &[(i64, &[Acl])]) {
        self.count(sessions.len());
        for (id, timeout_ms) in sessions {
            let record = SessionRecord {
                id: id.0,
                timeout_ms: *timeout_ms,
            };
            proto::append(&record, &mut self.out);
        }
        self.count(lists.len());
        for (number, list) in lists {
            proto::append(number, &mut self.out);
            proto::append(&Some(acl_records(list)), &mut self.out);
        }
    }

    fn count(&mut self, count: usize) {
        let count = i32::try_from(count).expect("a table has fewer than 2^31 entries");
        proto::append(&count, &mut self.out);
    }

    /// A node. The root (path empty) comes first, and every node after its parent.
    pub fn node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: NodeStat) {
        let record = NodeRecord {
            path: Cow::Borrowed(path),
            data,
            acl,
            stat: stat.into(),
        };
        proto::append(&record, &mut self.out);
    }

    /// The end of the nodes, and the signature.
    pub fn end(&mut self) {
        proto::append(&Cow::Borrowed(END_PATH), &mut self.out);
        proto::append(&Cow::Borrowed(SIGNATURE), &mut self.out);
    }
}

//! A visitor of snapshots that remembers, for the tests of this room.

use crate::proto::disk::NodeRecord;
use crate::proto::shared::{Acl, acl_words};
use crate::storage::format::snapshot::SnapshotVisitor;
use crate::types::{self, NodeStat, SessionId};

/// A node as it was seen: path, data, number of its list, metadata.
pub(crate) type Node = (String, Option<Vec<u8>>, i64, NodeStat);

/// Remembers everything, and refuses the node `/refused`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sessions: Vec<(SessionId, i32)>,
    pub(crate) lists: Vec<(i64, Vec<types::Acl>)>,
    pub(crate) nodes: Vec<Node>,
}

impl SnapshotVisitor for Seen {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.push((id, timeout_ms));
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.lists.push((number, acl_words(list)));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        if node.path == "/refused" {
            return Err("its parent is missing".to_owned());
        }
        let data = node.data.map(<[u8]>::to_vec);
        let stat = node.stat.clone().into();
        self.nodes
            .push((node.path.to_string(), data, node.acl, stat));
        Ok(())
    }
}

//! What happened to which path: the word that the tree speaks and watches hear.

use crate::types::acl::Acl;

/// What one transaction did to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The node came into being.
    Created,
    /// The node is gone.
    Deleted,
    /// The node's data was set.
    DataChanged,
}

/// The event types a server sends (`Watcher.Event.EventType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A node was created.
    NodeCreated,
    /// A node was deleted.
    NodeDeleted,
    /// A node's data was set.
    NodeDataChanged,
    /// A child came or went.
    NodeChildrenChanged,
}

impl EventType {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        match self {
            EventType::NodeCreated => 1,
            EventType::NodeDeleted => 2,
            EventType::NodeDataChanged => 3,
            EventType::NodeChildrenChanged => 4,
        }
    }
}

/// Receives every change of the tree in the order it happens, while it happens.
pub trait ChangeSink {
    /// A node changed. `acl` is the node's list (that of a deleted node as it was), `parent_acl` its
    /// parent's, empty for the root and for `DataChanged`.
    fn changed(&mut self, kind: ChangeKind, path: &str, acl: &[Acl], parent_acl: &[Acl]);
}

/// Nobody listens: recovery.
impl ChangeSink for () {
    fn changed(&mut self, _: ChangeKind, _: &str, _: &[Acl], _: &[Acl]) {}
}

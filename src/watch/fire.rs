//! A change in, events and their receivers out. Names receivers, never sends.

use std::iter::successors;

use crate::types::{ChangeKind, ConnId, EventType, path};
use crate::watch::Watches;
use crate::watch::entry::{List, Modes};
use crate::watch::paths::WatchedPath;
use crate::watch::slab::Slot;

/// Whose access list decides who may hear of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// That of the node that changed; of a deleted node as it was.
    Node,
    /// That of its parent, which is the node of the event's path.
    Parent,
}

/// Takes the events of a change, in the order in which they are to be sent.
pub trait Deliver {
    /// `event` at `path` is for each of `receivers`: none twice, in the order of registration. Never
    /// called without a receiver. Who may not read the node of `side` must not be told; its watch is used
    /// up nevertheless.
    fn deliver(&mut self, event: EventType, path: &str, side: Side, receivers: &[ConnId]);
}

impl Watches {
    /// Serves everyone who waits for this change of the node at `path`, and uses up the standard watches
    /// that it concerns.
    // apache 3.9.5: server/DataTree.java createNode, deleteNode, setData
    pub fn fire(&mut self, kind: ChangeKind, path: &str, deliver: &mut dyn Deliver) {
        if self.is_empty() {
            return;
        }
        self.round += 1;
        let watched = self.book.paths.find(path);
        self.collect(List::Data, watched);
        self.collect_recursive(path, watched);
        match kind {
            ChangeKind::Created => {
                self.hand_over(EventType::NodeCreated, path, Side::Node, deliver);
            }
            ChangeKind::DataChanged => {
                self.hand_over(EventType::NodeDataChanged, path, Side::Node, deliver);
            }
            ChangeKind::Deleted => {
                self.hand_over(EventType::NodeDeleted, path, Side::Node, deliver);
                // Still the same round: who was served above is not served again, but its child watch is
                // used up all the same.
                self.collect(List::Child, watched);
                self.hand_over(EventType::NodeDeleted, path, Side::Node, deliver);
            }
        }
        self.release(watched);
        if matches!(kind, ChangeKind::Created | ChangeKind::Deleted) {
            self.fire_parent(path, deliver);
        }
    }

    fn fire_parent(&mut self, path: &str, deliver: &mut dyn Deliver) {
        let Some((parent, _)) = path::split(path) else {
            return;
        };
        let watched = self.book.paths.find(parent);
        self.round += 1;
        self.collect(List::Child, watched);
        self.hand_over(
            EventType::NodeChildrenChanged,
            parent,
            Side::Parent,
            deliver,
        );
        self.release(watched);
    }

    /// Adds the connections of a list that this round has not served yet, and uses up what is standard.
    fn collect(&mut self, list: List, path: Option<Slot<WatchedPath>>) {
        let Some(first) = path.and_then(|path| self.book.paths.get(path).head(list)) else {
            return;
        };
        let last = self.book.watches[first].earlier;
        let mut at = first;
        loop {
            let watch = &self.book.watches[at];
            let later = watch.later;
            let conn = self.book.conns.get_mut(watch.conn);
            if conn.served != self.round {
                conn.served = self.round;
                self.receivers.push(conn.id);
            }
            self.book.strip(at, Modes::STANDARD);
            if at == last {
                return;
            }
            at = later;
        }
    }

    /// Recursive watches on the path and on everything above it. Nothing is looked up while there is none.
    fn collect_recursive(&mut self, path: &str, watched: Option<Slot<WatchedPath>>) {
        if self.book.counts.recursive == 0 {
            return;
        }
        self.collect(List::Recursive, watched);
        for ancestor in ancestors(path) {
            self.collect(List::Recursive, self.book.paths.find(ancestor));
        }
    }

    fn hand_over(&mut self, event: EventType, path: &str, side: Side, deliver: &mut dyn Deliver) {
        if !self.receivers.is_empty() {
            deliver.deliver(event, path, side, &self.receivers);
            self.receivers.clear();
        }
    }

    fn release(&mut self, watched: Option<Slot<WatchedPath>>) {
        if let Some(path) = watched {
            self.book.paths.release_if_unwatched(path);
        }
    }
}

/// The paths above this one, nearest first: of `/a/b` they are `/a` and `/`, of `/` there is none.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    fn above<'a>(path: &&'a str) -> Option<&'a str> {
        match *path {
            "/" => None,
            path => path::split(path).map(|(parent, _)| parent),
        }
    }
    successors(Some(path), above).skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_end_at_the_root() {
        let above = |path| ancestors(path).collect::<Vec<_>>();
        assert_eq!(above("/a/bb/c"), ["/a/bb", "/a", "/"]);
        assert_eq!(above("/a"), ["/"]);
        assert_eq!(above("/"), [] as [&str; 0]);
        assert_eq!(above(""), [] as [&str; 0]);
    }
}

//! A walk over the shared tree, for a snapshot: on disk, or on its way to a learner. It holds the tree's
//! lock for one slice at a time, and breaks off when the history it belongs to is given up.

use std::sync::Arc;

use crate::pipeline::State;
use crate::proto::disk::DigestSection;
use crate::server::shared::{Era, Shared};
use crate::storage::format::snapshot_encode::DIGEST_VERSION;
use crate::tree::NodeRef;
use crate::tree::walk::SnapshotWalk;
use crate::types::limits;
use crate::types::{Acl, SessionId, Zxid};

/// The parts of a snapshot that stand before and behind its nodes, all of one moment: the one in which
/// the walk started.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) zxid: Zxid,
    pub(super) sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    pub(super) digest: DigestSection,
}

/// What a slice has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slice {
    /// There is more.
    More,
    /// Every node was visited.
    Last,
    /// Nothing was visited: the history that this snapshot belongs to was given up.
    Broken,
}

/// A walk under way.
#[derive(Debug)]
pub(super) struct SharedWalk {
    shared: Arc<Shared>,
    walk: Option<SnapshotWalk>,
    era: Era,
}

impl Opening {
    /// The access lists, by their number in the snapshot.
    pub(super) fn acl_lists(&self) -> Vec<(i64, &[Acl])> {
        let lists = self.acls.iter();
        lists
            .map(|(number, list)| (*number, list.as_slice()))
            .collect()
    }
}

impl SharedWalk {
    /// Begins a walk over what is applied now.
    pub(super) fn start(shared: &Arc<Shared>) -> (SharedWalk, Opening) {
        let mut state = shared.state.write();
        let walk = SnapshotWalk::start(&mut state.tree);
        let opening = open(&state, &walk);
        let walk = SharedWalk {
            shared: Arc::clone(shared),
            walk: Some(walk),
            era: shared.era(),
        };
        (walk, opening)
    }

    /// Visits the next nodes.
    pub(super) fn next_slice(&mut self, visit: &mut dyn FnMut(&str, NodeRef<'_>)) -> Slice {
        let state = self.shared.state.read();
        let Some(walk) = self.walk.as_mut().filter(|_| self.era == self.shared.era()) else {
            return Slice::Broken;
        };
        match walk.next_slice(&state.tree, limits::SNAPSHOT_SLICE_NODES, visit) {
            true => Slice::More,
            false => Slice::Last,
        }
    }
}

impl Drop for SharedWalk {
    fn drop(&mut self) {
        let mut state = self.shared.state.write();
        // Another tree has never heard of this walk.
        let is_same_tree = self.era.state == self.shared.era().state;
        if let Some(walk) = self.walk.take().filter(|_| is_same_tree) {
            walk.finish(&mut state.tree);
        }
    }
}

fn open(state: &State, walk: &SnapshotWalk) -> Opening {
    let zxid = state.last_zxid;
    let acls = walk
        .acls(&state.tree)
        .into_iter()
        .map(|(number, list)| (number, list.to_vec()));
    // Apache writes zeros while nothing was processed.
    let digest = if zxid == Zxid::ZERO {
        0
    } else {
        state.tree.digest()
    };
    Opening {
        zxid,
        sessions: state.sessions.iter().collect(),
        acls: acls.collect(),
        digest: DigestSection {
            zxid: zxid.0,
            version: DIGEST_VERSION,
            digest,
        },
    }
}

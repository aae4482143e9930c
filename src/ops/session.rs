//! The end of a session, and the ephemeral nodes it takes along.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::ops::Judging;
use crate::ops::delete;
use crate::proto::txn::{CloseSessionTxn, Txn};
use crate::types::{Owner, SessionId};

/// The transaction that ends the asking session. Never refused.
///
/// It lists the session's nodes as they will be: with creations still in flight, without pending
/// deletions.
pub fn close<'a>(judging: &mut Judging<'_>) -> Txn<'a> {
    let paths = ephemerals(judging, judging.session);
    for path in &paths {
        delete::remove(judging, path);
    }
    if !judging.rules.close_session_lists_paths {
        return Txn::CloseSession(None);
    }
    let paths = paths.into_iter().map(Cow::Owned).collect();
    Txn::CloseSession(Some(CloseSessionTxn { paths: Some(paths) }))
}

fn ephemerals(judging: &Judging<'_>, session: SessionId) -> BTreeSet<String> {
    let mut paths = judging.tree.ephemerals_of(session).collect::<BTreeSet<_>>();
    for (path, node) in judging.overlay.entries() {
        let owned = node.is_some_and(|node| {
            judging.rules.owners.read(node.stat.ephemeral_owner) == Owner::Session(session)
        });
        if owned {
            paths.insert(path.to_owned());
        } else {
            paths.remove(path);
        }
    }
    paths
}

//! delete, and deleteContainer: how the server reaps containers and TTL nodes.

use std::borrow::Cow;

use crate::ops::Judging;
use crate::ops::next_version;
use crate::proto::request::{DeleteContainerRequest, DeleteRequest};
use crate::proto::txn::{DeleteTxn, Txn};
use crate::types::path;
use crate::types::{ErrorCode, OpCode, Owner, Perms};

/// The parent of a node that may be deleted as far as its path goes.
fn parent_of(path: &str) -> Result<&str, ErrorCode> {
    if path.contains('\0') || path::is_permanent(path) {
        return Err(ErrorCode::BadArguments);
    }
    path::split(path)
        .map(|(parent, _)| parent)
        .ok_or(ErrorCode::BadArguments)
}

/// Judges a client's delete. The path is not validated otherwise: `/a/` just does not exist.
pub(super) fn judge<'a>(
    judging: &mut Judging<'_>,
    delete: DeleteRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let path = delete.path.ok_or(ErrorCode::MarshallingError)?;
    let parent = judging
        .overlay
        .get(judging.tree, parent_of(&path)?)
        .ok_or(ErrorCode::NoNode)?;
    judging.permit(parent.acl(), Perms::DELETE)?;
    let node = judging
        .overlay
        .get(judging.tree, &path)
        .ok_or(ErrorCode::NoNode)?;
    next_version(node.stat().version, delete.version)?;
    if node.children() > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    remove(judging, &path);
    Ok(Txn::Delete(OpCode::Delete, DeleteTxn { path }))
}

/// Judges deleteContainer. Apache lets any client delete any childless node with it; here a client
/// needs DELETE on the parent, and a container or TTL node.
pub(super) fn judge_container<'a>(
    judging: &mut Judging<'_>,
    delete: &DeleteContainerRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let bytes = delete.path.ok_or(ErrorCode::MarshallingError)?;
    let path = std::str::from_utf8(bytes).map_err(|_| ErrorCode::BadArguments)?;
    let parent_path = parent_of(path)?;
    let node = judging
        .overlay
        .get(judging.tree, path)
        .ok_or(ErrorCode::NoNode)?;
    let owner = judging.rules.owners.read(node.stat().ephemeral_owner);
    if !matches!(owner, Owner::Container | Owner::Ttl(_)) {
        // The server asks some time after it has looked: the path may have another node by now.
        return Err(ErrorCode::BadArguments);
    }
    if !judging.is_server() {
        let parent = judging
            .overlay
            .get(judging.tree, parent_path)
            .ok_or(ErrorCode::NoNode)?;
        judging.permit(parent.acl(), Perms::DELETE)?;
    }
    if node.children() > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    remove(judging, path);
    Ok(Txn::Delete(
        OpCode::DeleteContainer,
        DeleteTxn {
            path: Cow::Borrowed(path),
        },
    ))
}

/// Marks a node deleted and its parent changed.
pub(super) fn remove(judging: &mut Judging<'_>, path: &str) {
    let (parent_path, _) = path::split(path).expect("a judged path has a parent");
    if let Some(parent) = judging.overlay.get(judging.tree, parent_path) {
        let mut parent = parent.to_pending();
        parent.stat.pzxid = judging.zxid.0;
        parent.children = parent.children.saturating_sub(1);
        judging
            .overlay
            .put(judging.tree, parent_path, judging.zxid, Some(parent));
    }
    judging.overlay.put(judging.tree, path, judging.zxid, None);
}

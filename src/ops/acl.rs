//! setACL.

use crate::ops::Judging;
use crate::ops::create;
use crate::ops::next_version;
use crate::proto::request::SetAclRequest;
use crate::proto::txn::{SetAclTxn, Txn};
use crate::types::path;
use crate::types::{ErrorCode, Perms};

/// Judges a setACL. The version compared is that of the ACL.
pub(super) fn judge<'a>(
    judging: &mut Judging<'_>,
    set: SetAclRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let path = set.path.ok_or(ErrorCode::BadArguments)?;
    path::validate(&path).map_err(|_| ErrorCode::BadArguments)?;
    let acl = create::fixed_acl(judging, set.acl.as_deref())?;
    let node = judging
        .overlay
        .get(judging.tree, &path)
        .ok_or(ErrorCode::NoNode)?;
    judging.permit(node.acl(), Perms::ADMIN)?;
    let version = next_version(node.stat().aversion, set.version)?;

    let mut node = node.to_pending().with_acl(&acl);
    node.stat.aversion = version;
    judging
        .overlay
        .put(judging.tree, &path, judging.zxid, Some(node));
    let records = create::stored_records(&acl, set.acl.as_deref());
    Ok(Txn::SetAcl(SetAclTxn {
        path,
        acl: Some(records),
        version,
    }))
}

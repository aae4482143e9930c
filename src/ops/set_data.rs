//! setData, and check: the same look at a version without the change.

use crate::ops::Judging;
use crate::ops::next_version;
use crate::ops::quota;
use crate::proto::request::{CheckVersionRequest, SetDataRequest};
use crate::proto::txn::{CheckVersionTxn, SetDataTxn, Txn};
use crate::types::path;
use crate::types::{ErrorCode, OpCode, Perms};

/// Judges a setData.
pub(super) fn judge<'a>(
    judging: &mut Judging<'_>,
    set: SetDataRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let SetDataRequest {
        path,
        data,
        version,
    } = set;
    let path = path.ok_or(ErrorCode::BadArguments)?;
    path::validate(&path).map_err(|_| ErrorCode::BadArguments)?;
    let node = judging
        .overlay
        .get(judging.tree, &path)
        .ok_or(ErrorCode::NoNode)?;
    judging.permit(node.acl(), Perms::WRITE)?;
    let stored = node.data().map_or(0, <[u8]>::len);
    quota::check(judging, &path, data, quota::Change::SetData { stored })?;
    let version = next_version(node.stat().version, version)?;

    let mut node = node.to_pending().with_data(data);
    node.stat.version = version;
    node.stat.mzxid = judging.zxid.0;
    node.stat.mtime = judging.time.0;
    judging
        .overlay
        .put(judging.tree, &path, judging.zxid, Some(node));
    Ok(Txn::SetData(
        OpCode::SetData,
        SetDataTxn {
            path,
            data,
            version,
        },
    ))
}

/// Judges a check within a multi.
pub(super) fn judge_check<'a>(
    judging: &mut Judging<'_>,
    check: CheckVersionRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let path = check.path.ok_or(ErrorCode::BadArguments)?;
    path::validate(&path).map_err(|_| ErrorCode::BadArguments)?;
    let node = judging
        .overlay
        .get(judging.tree, &path)
        .ok_or(ErrorCode::NoNode)?;
    judging.permit(node.acl(), Perms::READ)?;
    let version = next_version(node.stat().version, check.version)?;
    Ok(Txn::Check(CheckVersionTxn { path, version }))
}

//! Whether a write would pass a hard quota. The usage compared is the applied one: what is in flight
//! does not count, as in Apache.

use crate::ops::Judging;
use crate::types::ErrorCode;

/// What a write does to the usage.
pub(super) enum Change {
    /// One more node, with its data.
    Create,
    /// Other data in place of this many bytes.
    SetData {
        /// Bytes now.
        stored: usize,
    },
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Refuses a write that takes the deepest quota above `path` over its hard limit.
// apache 3.9.5: server/ZooKeeperServer.java checkQuota
pub(super) fn check(
    judging: &Judging<'_>,
    path: &str,
    data: Option<&[u8]>,
    change: Change,
) -> Result<(), ErrorCode> {
    if !judging.rules.enforce_quota {
        return Ok(());
    }
    let Some(quota) = judging.tree.quota_over(path) else {
        return Ok(());
    };
    let new = signed(data.map_or(0, <[u8]>::len));
    let (nodes, bytes) = match change {
        Change::Create => (1, new),
        Change::SetData { stored } => (0, new - signed(stored)),
    };
    let passes = |limit: Option<i64>, usage: i64, delta: i64| {
        delta != 0 && limit.is_some_and(|limit| usage.saturating_add(delta) > limit)
    };
    if passes(quota.count_hard, quota.count, nodes) || passes(quota.bytes_hard, quota.bytes, bytes)
    {
        return Err(ErrorCode::QuotaExceeded);
    }
    Ok(())
}

//! Names that documents and guides give, that nothing reads. They are accepted in silence by Apache's server; we say
//! which name works.

use crate::config::known::file_key;

/// What to set instead of a name that nothing reads. `name` is a key of the settings file.
pub fn instead_of_key(name: &str) -> Option<String> {
    let by_flag = name == "jute.maxbuffer"
        || name == "readonlymode.enabled"
        || name.starts_with("znode.container.");
    if by_flag {
        return Some(format!("it works as -D{name}=... only"));
    }
    if matches!(name, "requireClientAuthScheme" | "jaasLoginRenew") {
        return Some("no release since 3.5 reads it".to_owned());
    }
    let working = DOCUMENTED
        .iter()
        .find(|(dead, _)| *dead == name)
        .map(|(_, working)| *working);
    working
        .or_else(|| {
            name.strip_prefix("zookeeper.")
                .filter(|rest| file_key(rest).is_some())
        })
        .map(|working| format!("the key that works is `{working}`"))
}

/// Documented name, and the key that works.
pub const DOCUMENTED: &[(&str, &str)] = &[
    ("connectionMaxTokens", "connection_throttle_tokens"),
    ("connectionTokenFillTime", "connection_throttle_fill_time"),
    ("connectionTokenFillCount", "connection_throttle_fill_count"),
    ("connectionFreezeTime", "connection_throttle_freeze_time"),
    (
        "connectionDropIncrease",
        "connection_throttle_drop_increase",
    ),
    (
        "connectionDropDecrease",
        "connection_throttle_drop_decrease",
    ),
    (
        "connectionDecreaseRatio",
        "connection_throttle_decrease_ratio",
    ),
    ("requestThrottleLimit", "request_throttle_max_requests"),
    ("requestThrottleStallTime", "request_throttle_stall_time"),
    ("requestThrottleDropStale", "request_throttle_drop_stale"),
    ("requestStaleLatencyCheck", "request_stale_latency_check"),
    (
        "requestStaleConnectionCheck",
        "request_stale_connection_check",
    ),
    ("throttledOpWaitTime", "throttled_op_wait_time"),
    (
        "advancedFlowControlEnabled",
        "netty.advancedFlowControl.enabled",
    ),
    ("maxConcurrentSnapSyncs", "leader.maxConcurrentSnapSyncs"),
    ("maxConcurrentDiffSyncs", "leader.maxConcurrentDiffSyncs"),
    ("maxTimeToWaitForEpoch", "leader.maxTimeToWaitForEpoch"),
    (
        "outstandingHandshake.limit",
        "netty.server.outstandingHandshake.limit",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::known::property;

    #[test]
    fn dead_names_are_in_no_row_and_point_at_one() {
        for (dead, working) in DOCUMENTED {
            assert_eq!(file_key(dead), None, "{dead}");
            assert!(file_key(working).is_some(), "{working}");
        }
        for dead in [
            "jute.maxbuffer",
            "readonlymode.enabled",
            "znode.container.maxPerMinute",
        ] {
            assert_eq!(file_key(dead), None, "{dead}");
            assert!(property(dead).is_some(), "{dead}");
            assert_eq!(
                instead_of_key(dead),
                Some(format!("it works as -D{dead}=... only"))
            );
        }
        assert_eq!(
            instead_of_key("zookeeper.snapCount").as_deref(),
            Some("the key that works is `snapCount`")
        );
        assert_eq!(instead_of_key("snapCount"), None);
        assert_eq!(instead_of_key("my.own.key"), None);
        assert_eq!(instead_of_key("zookeeper.my.own.key"), None);
    }
}

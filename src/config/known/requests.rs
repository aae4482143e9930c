//! Pass-through keys of the request pipeline, its throttles and the watches.

use crate::config::known::Status::{Honoured, NoEffect};
use crate::config::known::{Key, rows};

const JAVA_DESIGN: &str = "it tunes threads and buffers that this server does not have";
const NO_CACHE: &str = "replies are not cached: encoding one anew costs less than a look-up";
const NO_PATH_STATS: &str = "sampled path statistics are a debug log of the Java server";
const NO_TRACKER: &str = "the message tracker is a debug log of the Java server";
const ONE_WATCH_TABLE: &str = "there is one watch table, and it needs no cleaning";

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "globalOutstandingLimit" | "1000" | "requests" | Honoured("with more requests in process, connections that have some are not read from");
    "flushDelay" | "0" | "ms" | Honoured("longest time a write may wait for others to share its flush");
    "maxWriteQueuePollTime" | "(flushDelay / 3)" | "ms" | Honoured("idle time after which a waiting flush is done early; used with flushDelay");
    "maxBatchSize" | "1000" | "transactions" | Honoured("a flush is due at this many transactions; 0: no limit");
    "enforceQuota" | "false" | "true, false" | Honoured("true: hard quotas refuse requests");
    "request_throttle_max_requests" | "0" | "requests" | Honoured("requests let into the pipeline at a time; 0: no limit");
    "request_throttle_stall_time" | "100" | "ms" | Honoured("longest wait before the throttle looks again");
    "request_throttle_drop_stale" | "true" | "true, false" | Honoured("drop stale requests while the throttle waits");
    "request_stale_latency_check" | "false" | "true, false" | Honoured("a request older than its session timeout is stale");
    "request_stale_connection_check" | "true" | "true, false" | Honoured("a request whose connection is closed is stale");
    "request_throttler.shutdownTimeout" | "10000" | "ms" | Honoured("longest time to finish requests at shutdown");
    "throttled_op_wait_time" | "0" | "ms" | Honoured("requests that waited longer are refused as throttled; 0: never");
    "largeRequestMaxBytes" | "104857600" | "bytes" | Honoured("bytes of large requests in process at a time");
    "largeRequestThreshold" | "-1" | "bytes" | Honoured("size above which a request is large; -1: none is");
    "skipACL" | "no" | "yes, no" | Honoured("yes: access control lists are not checked");
    "extendedTypesEnabled" | "false" | "true, false" | Honoured("allow TTL nodes");
    "emulate353TTLNodes" | "false" | "true, false" | Honoured("read TTL nodes as 3.5.3 wrote them");
    "jute.maxbuffer.extrasize" | "(jute.maxbuffer)" | "bytes, 1024 or more" | Honoured("bytes on top of jute.maxbuffer that a stored record may have");
    "enableEagerACLCheck" | "false" | "true, false" | Honoured("true: a member of an ensemble refuses what its own tree does not permit before it asks the leader");
    "maxResponseCacheSize" | "400" | "entries" | NoEffect(NO_CACHE);
    "maxGetChildrenResponseCacheSize" | "400" | "entries" | NoEffect(NO_CACHE);
    "commitProcessor.numWorkerThreads" | "(CPU cores)" | "threads" | NoEffect(JAVA_DESIGN);
    "commitProcessor.shutdownTimeout" | "5000" | "ms" | NoEffect(JAVA_DESIGN);
    "commitProcessor.maxReadBatchSize" | "-1" | "requests" | NoEffect(JAVA_DESIGN);
    "commitProcessor.maxCommitBatchSize" | "1" | "requests" | NoEffect(JAVA_DESIGN);
    "intBufferStartingSizeBytes" | "1024" | "bytes" | NoEffect(JAVA_DESIGN);
    "pathStats.enabled" | "false" | "true, false" | NoEffect(NO_PATH_STATS);
    "pathStats.slotCapacity" | "60" | "slots" | NoEffect(NO_PATH_STATS);
    "pathStats.slotDuration" | "15" | "s" | NoEffect(NO_PATH_STATS);
    "pathStats.maxDepth" | "6" | "path parts" | NoEffect(NO_PATH_STATS);
    "pathStats.sampleRate" | "0.1" | "ratio" | NoEffect(NO_PATH_STATS);
    "pathStats.initialDelay" | "5" | "minutes" | NoEffect(NO_PATH_STATS);
    "pathStats.delay" | "5" | "minutes" | NoEffect(NO_PATH_STATS);
    "pathStats.topPathMax" | "20" | "paths" | NoEffect(NO_PATH_STATS);
    "messageTracker.Enabled" | "false" | "true, false" | NoEffect(NO_TRACKER);
    "messageTracker.BufferSize" | "10" | "packets" | NoEffect(NO_TRACKER);
    "watchManagerName" | "org.apache.zookeeper.server.watch.WatchManager" | "class" | NoEffect(ONE_WATCH_TABLE);
    "watcherCleanThreadsNum" | "2" | "threads" | NoEffect(ONE_WATCH_TABLE);
    "watcherCleanThreshold" | "1000" | "watchers" | NoEffect(ONE_WATCH_TABLE);
    "watcherCleanIntervalInSeconds" | "600" | "s" | NoEffect(ONE_WATCH_TABLE);
    "maxInProcessingDeadWatchers" | "-1" | "watchers" | NoEffect(ONE_WATCH_TABLE);
    "bitHashCacheSize" | "10" | "entries" | NoEffect(ONE_WATCH_TABLE);
};

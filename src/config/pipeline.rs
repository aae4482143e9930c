//! Settings of the request pipeline: batching of writes, and the limits on what is in process.

use crate::config::system::Reader;

/// How requests move from connection to reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// `globalOutstandingLimit`: with more requests in process, connections that have some are not read from.
    pub global_outstanding_limit: u32,
    /// `flushDelay`: longest wait of a write for company; 0: none.
    pub flush_delay_ms: u64,
    /// `maxWriteQueuePollTime`: idle time after which a waiting flush is done; a third of the delay unless set.
    pub max_write_queue_poll_time_ms: u64,
    /// `maxBatchSize`: transactions that make a flush due; `None`: no limit.
    pub max_batch_size: Option<u32>,
    /// `request_throttle*`, `request_stale_*`, `throttled_op_wait_time`.
    pub throttle: RequestThrottle,
    /// `largeRequest*`.
    pub large_requests: LargeRequests,
}

/// How many requests may be in process, and what happens to those that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestThrottle {
    /// `request_throttle_max_requests`; `None`: no limit.
    pub max_requests: Option<u32>,
    /// `request_throttle_stall_time`.
    pub stall_time_ms: u32,
    /// `request_throttle_drop_stale`.
    pub drop_stale: bool,
    /// `request_stale_latency_check`: older than the session timeout is stale.
    pub stale_latency_check: bool,
    /// `request_stale_connection_check`: a closed connection's request is stale.
    pub stale_connection_check: bool,
    /// `request_throttler.shutdownTimeout`.
    pub shutdown_timeout_ms: u32,
    /// `throttled_op_wait_time`: what waited longer is refused; `None`: never.
    pub throttled_op_wait_time_ms: Option<u32>,
}

/// Room for requests of unusual size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeRequests {
    /// `largeRequestMaxBytes`, at least 1.
    pub max_bytes: u32,
    /// `largeRequestThreshold`: above it a request is large; `None`: none is.
    pub threshold_bytes: Option<u32>,
}

const LARGE_REQUESTS_BYTES: i32 = 100 * 1024 * 1024;

impl Pipeline {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let flush_delay_ms = u64::try_from(reader.long("flushDelay", 0)).unwrap_or(0);
        let third = i64::try_from(flush_delay_ms / 3).unwrap_or(i64::MAX);
        let poll_time = reader.long("maxWriteQueuePollTime", third);
        Self {
            global_outstanding_limit: reader.at_least("globalOutstandingLimit", 0, 1000),
            flush_delay_ms,
            max_write_queue_poll_time_ms: u64::try_from(poll_time).unwrap_or(0),
            max_batch_size: reader.if_positive("maxBatchSize", 1000),
            throttle: RequestThrottle::read(reader),
            large_requests: LargeRequests::read(reader),
        }
    }
}

impl RequestThrottle {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            max_requests: reader.if_positive("request_throttle_max_requests", 0),
            stall_time_ms: reader.at_least("request_throttle_stall_time", 0, 100),
            drop_stale: reader.boolean("request_throttle_drop_stale", true),
            stale_latency_check: reader.boolean("request_stale_latency_check", false),
            stale_connection_check: reader.boolean("request_stale_connection_check", true),
            shutdown_timeout_ms: reader.at_least("request_throttler.shutdownTimeout", 0, 10_000),
            throttled_op_wait_time_ms: reader.if_positive("throttled_op_wait_time", 0),
        }
    }
}

impl LargeRequests {
    // apache 3.9.5: server/ZooKeeperServer.java setLargeRequestMaxBytes, setLargeRequestThreshold
    fn read(reader: &mut Reader<'_>) -> Self {
        let max = reader.int("largeRequestMaxBytes", LARGE_REQUESTS_BYTES);
        if max < 1 {
            reader.corrected(
                "largeRequestMaxBytes",
                &format!("it must be positive; {LARGE_REQUESTS_BYTES} is used"),
            );
        }
        let threshold = reader.int("largeRequestThreshold", -1);
        if threshold == 0 || threshold < -1 {
            reader.corrected(
                "largeRequestThreshold",
                "it must be -1 or positive; -1 is used",
            );
        }
        Self {
            max_bytes: if max < 1 { LARGE_REQUESTS_BYTES } else { max }.unsigned_abs(),
            threshold_bytes: u32::try_from(threshold).ok().filter(|bytes| *bytes > 0),
        }
    }
}

//! Plain tallies for the windows operators look through (`ServerStats`, `ServerMetrics`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::admin::view::{StartFacts, Summary};
use crate::storage::recover::Recovered;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Packets received.
    pub received: AtomicU64,
    /// Packets sent.
    pub sent: AtomicU64,
    /// Request latencies, ms.
    pub latency: Tally,
    /// Connections refused because of a limit.
    pub connections_rejected: AtomicU64,
    /// Session requests.
    pub session_requests: AtomicU64,
    /// Those of them that brought a session.
    pub revalidations: AtomicU64,
    /// Sessions that expired.
    pub sessions_expired: AtomicU64,
    /// Each snapshot, ms.
    pub snapshot_ms: Tally,
    /// From the judgement of each transaction until it was applied, ms.
    pub propagation_ms: Mutex<Summary>,
    /// What the log's thread counts.
    pub log: Arc<LogStats>,
}

impl Stats {
    /// Forgets the counts that upstream forgets when asked (`srst`).
    // apache 3.9.5: server/ServerStats.java reset
    pub fn reset(&self) {
        let Stats {
            received,
            sent,
            latency,
            connections_rejected,
            session_requests,
            revalidations,
            sessions_expired,
            snapshot_ms,
            propagation_ms,
            log,
        } = self;
        *propagation_ms.lock() = Summary::default();
        for count in [
            received,
            sent,
            connections_rejected,
            session_requests,
            revalidations,
            sessions_expired,
        ] {
            count.store(0, Ordering::Relaxed);
        }
        for tally in [latency, snapshot_ms, &log.fsync_ms, &log.flushed_records] {
            tally.reset();
        }
    }
}

/// Counts of the log's thread.
#[derive(Debug, Default)]
pub struct LogStats {
    /// Each fsync, ms.
    pub fsync_ms: Tally,
    /// Transactions of each flush.
    pub flushed_records: Tally,
}

/// Values added up.
#[derive(Debug)]
pub struct Tally {
    count: AtomicU64,
    sum: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            count: AtomicU64::new(0),
            sum: AtomicI64::new(0),
            min: AtomicI64::new(i64::MAX),
            max: AtomicI64::new(i64::MIN),
        }
    }
}

impl Tally {
    /// `times` times the same value.
    pub fn add(&self, value: i64, times: u64) {
        if times == 0 {
            return;
        }
        let sum = value.saturating_mul(i64::try_from(times).unwrap_or(i64::MAX));
        self.sum.fetch_add(sum, Ordering::Relaxed);
        self.min.fetch_min(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
        // Last, and read first: whoever sees the count sees what was counted.
        self.count.fetch_add(times, Ordering::Release);
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.count.store(0, Ordering::Release);
        self.sum.store(0, Ordering::Relaxed);
        self.min.store(i64::MAX, Ordering::Relaxed);
        self.max.store(i64::MIN, Ordering::Relaxed);
    }

    /// A time, in whole ms as upstream counts them.
    pub fn add_time(&self, took: Duration) {
        self.add(ms(took), 1);
    }

    /// The values so far; zeros before the first.
    pub fn read(&self) -> Summary {
        let count = self.count.load(Ordering::Acquire);
        if count == 0 {
            return Summary::default();
        }
        Summary {
            count,
            sum: self.sum.load(Ordering::Relaxed),
            min: self.min.load(Ordering::Relaxed),
            max: self.max.load(Ordering::Relaxed),
        }
    }
}

/// What recovery measured.
pub(super) fn startup(recovered: &Recovered) -> StartFacts {
    let (snapshot, replay) = (recovered.snapshot_took, recovered.replay_took);
    StartFacts {
        snapshot_ms: Summary::of(ms(snapshot)),
        replay_ms: Summary::of(ms(replay)),
        load_ms: Summary::of(ms(snapshot + replay)),
        txns: Summary::of(i64::try_from(recovered.txns).unwrap_or(i64::MAX)),
    }
}

fn ms(took: Duration) -> i64 {
    i64::try_from(took.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_zeros_until_something_came() {
        let tally = Tally::default();
        tally.add(5, 0);
        assert_eq!(tally.read(), Summary::default());
        tally.add(5, 2);
        tally.add_time(Duration::from_micros(2900));
        let want = Summary {
            count: 3,
            sum: 12,
            min: 2,
            max: 5,
        };
        assert_eq!(tally.read(), want);
        assert!((want.avg() - 4.0).abs() < f64::EPSILON);
    }
}

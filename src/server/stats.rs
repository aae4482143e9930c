//! Plain tallies for the windows operators look through (`ServerStats`).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counts since the start, or since the last reset.
#[derive(Debug)]
pub struct Stats {
    /// Packets received.
    pub received: AtomicU64,
    /// Packets sent.
    pub sent: AtomicU64,
    latency_count: AtomicU64,
    latency_sum_ms: AtomicI64,
    latency_min_ms: AtomicI64,
    latency_max_ms: AtomicI64,
}

impl Default for Stats {
    fn default() -> Self {
        Stats {
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            latency_count: AtomicU64::new(0),
            latency_sum_ms: AtomicI64::new(0),
            latency_min_ms: AtomicI64::new(i64::MAX),
            latency_max_ms: AtomicI64::new(0),
        }
    }
}

/// Request latencies, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Least.
    pub min: i64,
    /// Mean.
    pub avg: f64,
    /// Greatest.
    pub max: i64,
}

impl Stats {
    /// `count` requests took `ms` milliseconds each.
    pub fn took(&self, ms: i64, count: u64) {
        self.latency_count.fetch_add(count, Ordering::Relaxed);
        let sum = ms.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        self.latency_sum_ms.fetch_add(sum, Ordering::Relaxed);
        self.latency_min_ms.fetch_min(ms, Ordering::Relaxed);
        self.latency_max_ms.fetch_max(ms, Ordering::Relaxed);
    }

    /// The latencies so far; zeros before the first request.
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn latency(&self) -> Latency {
        let count = self.latency_count.load(Ordering::Relaxed);
        if count == 0 {
            return Latency {
                min: 0,
                avg: 0.0,
                max: 0,
            };
        }
        Latency {
            min: self.latency_min_ms.load(Ordering::Relaxed),
            avg: self.latency_sum_ms.load(Ordering::Relaxed) as f64 / count as f64,
            max: self.latency_max_ms.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_counted_by_request() {
        let stats = Stats::default();
        let zero = Latency {
            min: 0,
            avg: 0.0,
            max: 0,
        };
        assert_eq!(stats.latency(), zero);
        stats.took(2, 3);
        stats.took(10, 1);
        let latency = stats.latency();
        assert_eq!((latency.min, latency.max), (2, 10));
        assert!((latency.avg - 4.0).abs() < 1e-9, "{latency:?}");
        stats.took(0, 4);
        assert_eq!(stats.latency().min, 0);
    }
}

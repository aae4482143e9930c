//! Readings taken at both ends of a measurement: the time, and what server and client have cost by then.

use std::time::Instant;

use hdrhistogram::Histogram;

use crate::bench::error::BenchError;
use crate::bench::process::{Memory, Process};

const LATENCY_NANOS_MAX: u64 = 100_000_000_000;
/// Decimal digits that a recorded latency keeps.
const LATENCY_DIGITS: u8 = 3;

/// Takes readings.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    servers: Vec<Process>,
}

/// One reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// When.
    pub(crate) at: Instant,
    /// CPU seconds of all servers so far, when their processes are known.
    pub(crate) server_cpu: Option<f64>,
    /// The servers' memory, added up.
    pub(crate) memory: Option<Memory>,
    /// CPU seconds of this process so far.
    pub(crate) client_cpu: f64,
}

/// A finished measurement.
#[derive(Debug)]
pub(crate) struct Measured {
    /// At its start.
    pub(crate) from: Reading,
    /// At its end.
    pub(crate) to: Reading,
    /// What was done in between.
    pub(crate) operations: u64,
    /// How long each took.
    pub(crate) latency: Latencies,
}

impl Meter {
    /// A meter for the servers with these process ids; there may be none to look at.
    pub(crate) fn new(server_pids: &[u32]) -> Self {
        Meter {
            servers: server_pids.iter().copied().map(Process::new).collect(),
        }
    }

    /// Looks now.
    pub(crate) fn read(&self) -> Result<Reading, BenchError> {
        let (mut memory, mut cpu) = (Memory::default(), 0.0);
        for server in &self.servers {
            let of_one = server.memory()?;
            memory.resident += of_one.resident;
            memory.peak += of_one.peak;
            cpu += server.cpu_seconds()?;
        }
        let known = !self.servers.is_empty();
        Ok(Reading {
            memory: known.then_some(memory),
            server_cpu: known.then_some(cpu),
            client_cpu: Process::own().cpu_seconds()?,
            at: Instant::now(),
        })
    }
}

/// Durations, counted in buckets of 0.1 % width.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, LATENCY_DIGITS);
        Latencies(histogram.expect("the bounds are constants that the histogram allows"))
    }

    /// Counts the time from `sent_at` to `now`. What is longer than 100 s counts as 100 s.
    pub(crate) fn record(&mut self, sent_at: Instant, now: Instant) {
        let nanos = now.saturating_duration_since(sent_at).as_nanos();
        self.0
            .saturating_record(u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// Adds what another has counted.
    pub(crate) fn add(&mut self, other: &Latencies) {
        self.0
            .add(&other.0)
            .expect("all histograms have the same bounds");
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Microseconds that this share of all, 0 to 1, did not exceed.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        us(self.0.value_at_quantile(share))
    }

    /// The longest, in microseconds.
    pub(crate) fn max_us(&self) -> f64 {
        us(self.0.max())
    }

    /// The average, in microseconds.
    pub(crate) fn mean_us(&self) -> f64 {
        self.0.mean() / 1e3
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are kept anyway")]
fn us(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn quantiles_of_known_durations() {
        let (mut all, mut half) = (Latencies::new(), Latencies::new());
        let start = Instant::now();
        for ms in 1..=50 {
            all.record(start, start + Duration::from_millis(ms));
            half.record(start, start + Duration::from_millis(ms + 50));
        }
        all.add(&half);
        let near = |got: f64, want: f64| (got / want - 1.0).abs() < 0.002;
        assert!(near(all.quantile_us(0.5), 50_000.0));
        assert!(near(all.quantile_us(0.99), 99_000.0));
        assert!(near(all.max_us(), 100_000.0));
        assert!(near(all.mean_us(), 50_500.0));
    }

    #[test]
    fn without_a_server_there_is_only_time_and_the_client() {
        let reading = Meter::new(&[]).read().unwrap();
        assert!(reading.server_cpu.is_none() && reading.memory.is_none());
    }
}

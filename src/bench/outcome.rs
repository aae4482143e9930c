//! The result of a run: what the JSON file says, and the lines for people.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bench::error::BenchError;
use crate::bench::meter::{Latencies, Measured};
use crate::bench::progress::per_second;

/// What a run measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// What one operation is.
    pub(crate) unit: String,
    /// The arguments that matter, unit last.
    pub(crate) parameters: BTreeMap<String, u64>,
    /// Operations in the measured time.
    pub(crate) operations: u64,
    /// The measured time.
    pub(crate) seconds: f64,
    /// Operations per second.
    pub(crate) per_second: f64,
    /// Microseconds per operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_us: Option<LatencySummary>,
    /// What the server's process spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerUse>,
    /// CPU seconds of the load generator itself.
    pub(crate) client_cpu_seconds: f64,
}

/// Percentiles, in microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LatencySummary {
    /// The average.
    pub(crate) mean: f64,
    /// Half were no longer.
    pub(crate) p50: f64,
    /// 90 % were no longer.
    pub(crate) p90: f64,
    /// 99 % were no longer.
    pub(crate) p99: f64,
    /// 99.9 % were no longer.
    pub(crate) p999: f64,
    /// The longest.
    pub(crate) max: f64,
}

/// CPU time and memory of the server's process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerUse {
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    /// CPU seconds in the measured time.
    pub(crate) cpu_seconds: f64,
    /// Operations per CPU second; none when less than a few clock ticks were spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_cpu_second: Option<f64>,
    /// Memory at the start, in bytes.
    pub(crate) resident_before: u64,
    /// Memory at the end, in bytes.
    pub(crate) resident_after: u64,
    /// The most memory so far, in bytes.
    pub(crate) resident_peak: u64,
}

/// CPU time is counted in ticks of 10 ms; a quotient of fewer than ten says nothing.
const CPU_SECONDS_MIN: f64 = 0.1;

impl Outcome {
    /// The outcome of a measurement.
    pub(crate) fn new(
        scenario: &str,
        unit: &str,
        parameters: &[(&str, u64)],
        measured: &Measured,
    ) -> Self {
        let (from, to) = (measured.from, measured.to);
        let time = to.at - from.at;
        Outcome {
            scenario: scenario.to_owned(),
            unit: unit.to_owned(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            operations: measured.operations,
            seconds: time.as_secs_f64(),
            per_second: per_second(measured.operations, time),
            latency_us: LatencySummary::of(&measured.latency),
            server: ServerUse::of(measured),
            client_cpu_seconds: to.client_cpu - from.client_cpu,
        }
    }

    /// Writes the JSON file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let mut text = serde_json::to_string_pretty(self)
            .expect("an outcome has string keys and finite numbers");
        text.push('\n');
        let written = match path.parent() {
            Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(path, text)),
            None => fs::write(path, text),
        };
        written.map_err(|source| BenchError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a JSON file.
    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let text = fs::read_to_string(path).map_err(|source| BenchError::File {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| BenchError::Result {
            path: path.to_owned(),
            source,
        })
    }
}

impl LatencySummary {
    fn of(latency: &Latencies) -> Option<Self> {
        (!latency.is_empty()).then(|| LatencySummary {
            mean: latency.mean_us(),
            p50: latency.quantile_us(0.5),
            p90: latency.quantile_us(0.9),
            p99: latency.quantile_us(0.99),
            p999: latency.quantile_us(0.999),
            max: latency.max_us(),
        })
    }
}

impl ServerUse {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    fn of(measured: &Measured) -> Option<Self> {
        let (from, to) = (measured.from, measured.to);
        let cpu_seconds = to.server_cpu? - from.server_cpu?;
        Some(ServerUse {
            pid: None,
            cpu_seconds,
            per_cpu_second: (cpu_seconds >= CPU_SECONDS_MIN)
                .then(|| measured.operations as f64 / cpu_seconds),
            resident_before: from.memory?.resident,
            resident_after: to.memory?.resident,
            resident_peak: to.memory?.peak,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { unit, seconds, .. } = self;
        if let Some(pid) = self.server.as_ref().and_then(|server| server.pid) {
            writeln!(
                f,
                "{}: process {pid} answered after {:.1} ms",
                self.scenario,
                seconds * 1e3
            )?;
            return Ok(());
        }
        writeln!(
            f,
            "{}: {} {unit} in {seconds:.2} s, {:.0}/s (client CPU {:.2} s)",
            self.scenario, self.operations, self.per_second, self.client_cpu_seconds
        )?;
        if self.operations == 1 {
            return Ok(());
        }
        if let Some(latency) = &self.latency_us {
            writeln!(
                f,
                "  latency us: p50 {:.0}  p90 {:.0}  p99 {:.0}  p99.9 {:.0}  max {:.0}",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.max
            )?;
        }
        if let Some(server) = &self.server {
            write!(f, "  server: CPU {:.2} s", server.cpu_seconds)?;
            if let Some(rate) = server.per_cpu_second {
                write!(f, ", {rate:.0} {unit} per CPU second")?;
            }
            let mib = |bytes: u64| bytes / (1 << 20);
            writeln!(
                f,
                ", RSS {} -> {} MiB",
                mib(server.resident_before),
                mib(server.resident_after)
            )?;
        }
        Ok(())
    }
}

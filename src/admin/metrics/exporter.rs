//! From facts to the text that Prometheus scrapes. The recorder is the exporter's own: none is installed for the
//! process, so a metric noted elsewhere would reach nobody.

use std::collections::BTreeSet;

use metrics::{counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::admin::metrics::process::{DESCRIPTORS, FAMILIES};
use crate::admin::metrics::{Level, METRICS, Metric, Read, of_server, process};
use crate::admin::view::Facts;

/// Renders metrics.
pub(super) struct Exporter {
    process_families: bool,
}

impl Exporter {
    /// `process_families`: whether `process_*` are there.
    pub(super) fn new(process_families: bool) -> Self {
        Exporter { process_families }
    }

    /// The text of these facts, by name; of the samples named in `only` unless it is empty.
    pub(super) fn text(&self, facts: &Facts, only: &BTreeSet<String>) -> String {
        // A new one each time: what a server no longer measures in its new role is gone.
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            publish(facts);
            if self.process_families {
                publish_process(facts);
            }
        });
        arrange(&recorder.handle().render(), only)
    }
}

fn describe() {
    for metric in METRICS {
        let meaning = metric.meaning;
        match metric.read {
            Read::Gauge(_) => describe_gauge!(metric.name, meaning),
            Read::Counter(_) => describe_counter!(metric.name, meaning),
            Read::Summary(_) => {
                describe_counter!(format!("{}_count", metric.name), meaning);
                describe_counter!(format!("{}_sum", metric.name), meaning);
            }
        }
    }
    for (name, meaning, _) in FAMILIES {
        describe_gauge!(*name, *meaning);
    }
    for (name, meaning) in DESCRIPTORS {
        describe_gauge!(name, meaning);
    }
}

fn publish(facts: &Facts) {
    for metric in of_server(facts) {
        match metric.read {
            Read::Gauge(read) => {
                if let Some(level) = Metric::level(facts, read) {
                    gauge!(metric.name).set(real(level));
                }
            }
            Read::Counter(read) => counter!(metric.name).absolute(read(facts)),
            // The two samples of upstream's summary that add up over servers and time; its quantiles are not measured.
            Read::Summary(read) => {
                let summary = read(facts);
                let sum = u64::try_from(summary.sum).unwrap_or(0);
                counter!(format!("{}_count", metric.name)).absolute(summary.count);
                counter!(format!("{}_sum", metric.name)).absolute(sum);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only")]
fn real(level: Level) -> f64 {
    match level {
        Level::Whole(value) => value as f64,
        Level::Real(value) => value,
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only")]
fn publish_process(facts: &Facts) {
    if let Some(process) = process::read() {
        for (name, _, read) in FAMILIES {
            gauge!(*name).set(read(&process));
        }
    }
    if let Some((open, max)) = facts.descriptors {
        for ((name, _), value) in DESCRIPTORS.into_iter().zip([open, max]) {
            gauge!(name).set(value as f64);
        }
    }
}

/// Sorts the families by name, which the recorder keeps in random order, and leaves those out that were not asked for.
fn arrange(rendered: &str, only: &BTreeSet<String>) -> String {
    let name = |family: &str| -> Option<String> {
        let sample = family.lines().find(|line| !line.starts_with('#'))?;
        sample.split(['{', ' ']).next().map(str::to_owned)
    };
    let mut families = rendered
        .split("\n\n")
        .filter_map(|family| Some((name(family)?, family.trim_end())))
        .filter(|(name, _)| only.is_empty() || only.contains(name))
        .collect::<Vec<_>>();
    families.sort();
    let lines = families.iter().flat_map(|(_, family)| [family, "\n"]);
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::metrics::tests::facts;

    #[test]
    fn families_have_help_type_and_one_sample_and_stand_in_order() {
        let text = Exporter::new(false).text(&facts(), &BTreeSet::new());
        for family in [
            "# HELP znode_count nodes, the root counted twice as upstream does\n\
             # TYPE znode_count gauge\nznode_count 6\n",
            "# TYPE avg_latency gauge\navg_latency 1.5\n",
            "# TYPE stale_sessions_expired counter\nstale_sessions_expired 19\n",
            "# TYPE fsynctime_count counter\nfsynctime_count 2\n",
            "# TYPE fsynctime_sum counter\nfsynctime_sum 40\n",
        ] {
            assert!(text.contains(family), "{family} is not in\n{text}");
        }
        let summaries = METRICS.iter().filter(|metric| metric.kind() == "summary");
        let families = METRICS.len() + summaries.count();
        assert_eq!(text.lines().count(), 3 * families, "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert!(samples.is_sorted(), "{text}");
        assert!(!text.contains("process_"));
    }

    #[test]
    fn later_facts_replace_earlier_ones() {
        let exporter = Exporter::new(false);
        let all = BTreeSet::new();
        exporter.text(&facts(), &all);
        let later = Facts {
            connections: 1,
            sessions_expired: 50,
            ..facts()
        };
        let text = exporter.text(&later, &all);
        assert!(text.contains("\nnum_alive_connections 1\n"), "{text}");
        assert!(text.contains("\nstale_sessions_expired 50\n"), "{text}");
    }

    #[test]
    fn only_what_is_asked_for_is_there() {
        let only = ["uptime", "fsynctime_sum", "no_such"].map(str::to_owned);
        let text = Exporter::new(true).text(&facts(), &only.into());
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(
            samples.collect::<Vec<_>>(),
            ["fsynctime_sum 40", "uptime 13"]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_is_there_when_wanted() {
        let text = Exporter::new(true).text(&facts(), &BTreeSet::new());
        let names = FAMILIES.iter().map(|(name, ..)| *name);
        for name in names.chain(DESCRIPTORS.map(|(name, _)| name)) {
            let sample = |line: &str| line.split(' ').next() == Some(name);
            assert!(text.lines().any(sample), "{name} is not in\n{text}");
        }
    }
}

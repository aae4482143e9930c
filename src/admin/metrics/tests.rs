//! The list of metrics against values that differ everywhere.

use std::collections::BTreeSet;

use crate::admin::metrics::{METRICS, Read};
use crate::admin::view::{Facts, LatencyFacts, StartFacts, Summary};
use crate::types::Zxid;
use crate::watch::DataCounts;

/// A summary of `count` values that are all `value`.
pub(crate) fn summary(count: u64, value: i64) -> Summary {
    let times = i64::try_from(count).expect("a small count");
    Summary {
        count,
        sum: value * times,
        min: value,
        max: value,
    }
}

/// Facts that all differ.
pub(crate) fn facts() -> Facts {
    Facts {
        latency: LatencyFacts {
            min: 1,
            avg: 1.5,
            max: 9,
        },
        received: 101,
        sent: 102,
        connections: 3,
        outstanding: 4,
        zxid: Zxid(0x55),
        nodes: 6,
        ephemerals: 7,
        data_bytes: 8,
        watches: 10,
        data_watches: DataCounts::default(),
        sessions: 11,
        digest_mismatches: 12,
        uptime_ms: 13,
        descriptors: Some((14, 15)),
        connections_rejected: 16,
        session_requests: 17,
        revalidations: 18,
        sessions_expired: 19,
        fsync_ms: summary(2, 20),
        snapshot_ms: summary(2, 21),
        flushed_records: summary(2, 22),
        startup: StartFacts {
            snapshot_ms: summary(1, 23),
            replay_ms: summary(1, 24),
            load_ms: summary(1, 25),
            txns: summary(1, 26),
        },
    }
}

#[test]
fn no_name_stands_twice_and_all_are_prometheus_names() {
    let mut seen = BTreeSet::new();
    for metric in METRICS {
        assert!(seen.insert(metric.name), "{} stands twice", metric.name);
        let good = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(metric.name.chars().all(good), "{}", metric.name);
    }
}

#[test]
fn every_metric_has_a_value_of_its_own() {
    let facts = facts();
    let values = METRICS.iter().map(|metric| match metric.read {
        Read::Gauge(read) => format!("{:?}", read(&facts)),
        Read::Counter(read) => format!("{}", read(&facts)),
        Read::Summary(read) => format!("{:?}", read(&facts)),
    });
    let different = values.collect::<BTreeSet<_>>();
    assert_eq!(different.len(), METRICS.len(), "two metrics read one value");
}

#[test]
fn descriptors_that_are_unknown_are_left_out() {
    let facts = Facts {
        descriptors: None,
        ..facts()
    };
    let missing = METRICS.iter().filter(|metric| match metric.read {
        Read::Gauge(read) => read(&facts).is_none(),
        Read::Counter(_) | Read::Summary(_) => false,
    });
    let names = missing.map(|metric| metric.name).collect::<Vec<_>>();
    assert_eq!(
        names,
        ["max_file_descriptor_count", "open_file_descriptor_count"]
    );
}

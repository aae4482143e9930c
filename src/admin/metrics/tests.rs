//! The list of metrics against values that differ everywhere.

use std::collections::BTreeSet;

use crate::admin::metrics::{Level, METRICS, Metric, Read, of_server};
use crate::admin::view::{
    Facts, LatencyFacts, LeaderFacts, MemberFacts, Role, StartFacts, Summary,
};
use crate::replica::Counts;
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

/// What a member counts, all different.
fn counts() -> Counts {
    Counts {
        proposals: 43,
        commits: 44,
        diffs: 45,
        snapshots: 46,
        proposals_received: 47,
        commits_received: 48,
        quorum_ack_ms: summary(2, 49),
        proposal_ms: summary(2, 50),
        commit_ms: summary(2, 51),
    }
}

/// Facts that all differ.
pub(crate) fn facts() -> Facts {
    Facts {
        role: Role::Leader,
        at_work: true,
        member: Some(MemberFacts {
            voters: 27,
            leader: Some(LeaderFacts {
                learners: 28,
                synced_followers: 29,
                synced_non_voting_followers: 30,
                synced_observers: 31,
                pending_syncs: 32,
                uptime_ms: 33,
                proposal_bytes: [34, 35, 36],
            }),
            observers: None,
            observer_master: None,
            elections: 37,
            election_ms: summary(2, 38),
            follower_sync_ms: summary(2, 39),
            observer_sync_ms: summary(2, 40),
            unavailable_ms: summary(2, 41),
            leader_unavailable_ms: summary(2, 42),
            counts: counts(),
        }),
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
        propagation_ms: summary(2, 52),
        local_sessions: 53,
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

#[test]
fn a_server_shows_what_belongs_to_its_role() {
    let names =
        |facts: &Facts| -> BTreeSet<&str> { of_server(facts).map(|metric| metric.name).collect() };
    let leader = facts();
    assert_eq!(names(&leader).len(), METRICS.len());
    let follower = Facts {
        role: Role::Follower,
        member: facts().member.map(|member| MemberFacts {
            leader: None,
            ..member
        }),
        ..facts()
    };
    let observers = |observers| Facts {
        member: follower.member.clone().map(|member| MemberFacts {
            observers,
            ..member
        }),
        ..follower.clone()
    };
    let shown = |facts: &Facts| {
        let metric = METRICS
            .iter()
            .find(|metric| metric.name == "synced_observers");
        match metric.expect("it is one").read {
            Read::Gauge(read) => Metric::level(facts, read),
            _ => unreachable!("it is a gauge"),
        }
    };
    assert_eq!(shown(&observers(None)), None);
    assert_eq!(shown(&observers(Some(2))), Some(Level::Whole(2)));
    assert!(names(&follower).contains("quorum_size"));
    assert!(!names(&follower).contains("learners"));
    let alone = Facts {
        role: Role::Standalone,
        member: None,
        ..facts()
    };
    assert!(!names(&alone).contains("quorum_size"));
    assert!(names(&alone).contains("znode_count"));
}

#[test]
fn a_member_between_two_roles_has_no_gauges() {
    let between = Facts {
        at_work: false,
        ..facts()
    };
    for metric in METRICS {
        if let Read::Gauge(read) = metric.read {
            assert_eq!(Metric::level(&between, read), None, "{}", metric.name);
        }
    }
}

//! What the members of an ensemble count: under Apache's names, and the same as Apache's where both can be told.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{java, ours, wait};

/// What is counted alike, whatever the machine; and what it is after the same history.
const LIKE: [&str; 12] = [
    "zk_quorum_size",
    "zk_learners",
    "zk_synced_followers",
    "zk_synced_observers",
    "zk_pending_syncs",
    "zk_proposal_count",
    "zk_commit_count",
    "zk_cnt_quorum_ack_latency",
    "zk_learner_proposal_received_count",
    "zk_learner_commit_received_count",
    "zk_cnt_leader_unavailable_time",
    "zk_cnt_propagation_latency",
];

/// One member's answer to `mntr`.
type Shown = BTreeMap<String, String>;

fn shown(cluster: &Cluster, id: i64) -> Shown {
    let answer = cluster.members[&id].word("mntr").expect("it serves");
    let lines = answer.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn count(shown: &Shown, key: &str) -> i64 {
    shown.get(key).map_or(0, |value| value.parse().unwrap())
}

/// A leader, a follower and an observer, who joins last, with the same history.
fn history(launch: Launch) -> [Shown; 3] {
    let mut cluster = Cluster::of(&[launch; 4], 3, "");
    for id in [1, 2] {
        cluster.member(id).start();
    }
    assert_eq!(cluster.settle(), 2);
    for id in [3, 4] {
        cluster.member(id).start();
        cluster.settle();
    }
    for id in [1, 2, 4] {
        let mut client = cluster.client(id);
        for at in 0..5 {
            let path = format!("/{id}-{at}");
            assert_eq!(client.create(&path, b"x", 0).unwrap(), 0);
        }
        assert_eq!(client.sync().unwrap(), 0);
        client.close().unwrap();
    }
    // Three sessions, each begun, used five times and ended. What a leader of ours is shown to be is of a moment ago.
    wait("everything is counted everywhere", || {
        let leader = shown(&cluster, 2);
        let learners = ["zk_learners", "zk_synced_followers", "zk_synced_observers"];
        learners.map(|key| count(&leader, key)) == [3, 2, 1]
            && [1, 2, 4].iter().all(|id| {
                let shown = shown(&cluster, *id);
                count(&shown, "zk_cnt_propagation_latency") == 21
            })
    });
    [2, 1, 4].map(|id| shown(&cluster, id))
}

#[test]
fn members_count_what_apaches_count() {
    let [apaches, own] = [java as Launch, ours].map(history);
    for ((role, apaches), own) in ["leader", "follower", "observer"]
        .iter()
        .zip(&apaches)
        .zip(&own)
    {
        assert_eq!(apaches["zk_server_state"], *role);
        assert_eq!(own["zk_server_state"], *role);
        for name in own.keys() {
            assert!(apaches.contains_key(name), "{role}: {name} is of nobody");
        }
        for name in LIKE {
            assert_eq!(own.get(name), apaches.get(name), "{role}: {name}");
        }
        let brought = |shown: &Shown| count(shown, "zk_diff_count") + count(shown, "zk_snap_count");
        assert_eq!(brought(own), brought(apaches), "{role}: learners");
        for name in ["zk_cnt_follower_sync_time", "zk_cnt_observer_sync_time"] {
            assert_eq!(own[name], apaches[name], "{role}: {name}");
        }
        for name in [
            "zk_cnt_proposal_latency",
            "zk_cnt_commit_propagation_latency",
        ] {
            assert_eq!(own[name], apaches[name], "{role}: {name}");
        }
    }
}

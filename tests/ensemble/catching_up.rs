//! Members that missed something get it: from memory, from the log, as a snapshot; and lose what nobody
//! agreed on.

use std::fs;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use oxkeeper::types::OpCode;
use rustix::process::Signal;

use crate::client;
use crate::cluster::Cluster;
use crate::{ensemble, of_three, wait};

fn write(cluster: &Cluster, id: i64, prefix: &str, count: usize) {
    let mut client = cluster.client(id);
    client.create_all(prefix, count);
    // An open session would expire one day, and that is a transaction.
    client.close().unwrap();
}

fn count(tree: &std::collections::BTreeMap<String, client::Node>, prefix: &str) -> usize {
    let prefix = format!("/{prefix}");
    tree.keys().filter(|path| path.starts_with(&prefix)).count()
}

/// One follower and the leader.
fn follower_and_leader(cluster: &Cluster) -> (i64, i64) {
    let leader = cluster.settle();
    let follower = (1..=3).find(|id| *id != leader).expect("there are three");
    (follower, leader)
}

#[test]
fn a_member_that_was_away_for_a_moment_gets_what_it_missed() {
    let mut cluster = of_three();
    let (away, leader) = follower_and_leader(&cluster);
    write(&cluster, leader, "before", 10);
    cluster.agreed_tree();
    cluster.member(away).end(Signal::TERM);
    write(&cluster, leader, "after", 50);
    cluster.member(away).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "before"), count(&tree, "after")), (10, 50));
    assert!(cluster.members[&away].says("Getting a diff from the leader"));
}

#[test]
fn a_member_that_missed_more_than_memory_holds_gets_it_from_the_log_or_a_snapshot() {
    let mut cluster = of_three();
    let (away, leader) = follower_and_leader(&cluster);
    write(&cluster, leader, "before", 10);
    cluster.agreed_tree();
    cluster.member(away).end(Signal::KILL);
    write(&cluster, leader, "after", 700);
    cluster.member(away).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "before"), count(&tree, "after")), (10, 700));
}

/// Spoils the record that holds this in the member's log.
fn spoil(cluster: &Cluster, id: i64, text: &str) {
    let dir = cluster.members[&id].data().join("version-2");
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let log = fs::read(entry.path()).unwrap();
        let found = log.windows(text.len()).position(|at| at == text.as_bytes());
        if let Some(at) = found.filter(|_| entry.file_name().to_string_lossy().starts_with("log."))
        {
            let file = OpenOptions::new().write(true).open(entry.path()).unwrap();
            let at = u64::try_from(at).unwrap();
            file.write_all_at(b"rot", at).unwrap();
            return;
        }
    }
    unreachable!("{text} is in no log of {id}");
}

#[test]
fn who_cannot_be_sent_the_whole_log_gets_a_snapshot_next() {
    let mut cluster = ensemble(3, 0, "snapshotSizeFactor=1\n");
    cluster.start_all();
    let leader = cluster.settle();
    // What memory does not hold is sent out of the log as long as the files with it are shorter than the snapshot, which
    // a leader makes when it begins.
    write(&cluster, leader, "before", 1500);
    cluster.agreed_tree();
    cluster.kill_all();
    cluster.start_all();
    let (away, leader) = follower_and_leader(&cluster);
    write(&cluster, leader, "between", 1);
    cluster.agreed_tree();
    cluster.member(away).end(Signal::TERM);
    write(&cluster, leader, "after", 600);
    spoil(&cluster, leader, "/after200");
    cluster.member(away).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "before"), count(&tree, "after")), (1500, 600));
    assert!(cluster.members[&leader].says("is not sent the rest"));
    assert!(cluster.members[&away].says("Getting a snapshot from leader"));
}

#[test]
fn a_wiped_member_gets_a_snapshot_and_survives_on_it() {
    let mut cluster = of_three();
    let (wiped, leader) = follower_and_leader(&cluster);
    write(&cluster, leader, "kept", 100);
    let mut holder = cluster.client(leader);
    assert_eq!(holder.create("/ephemeral", b"", 1).unwrap(), 0);
    cluster.member(wiped).end(Signal::KILL);
    cluster.members[&wiped].wipe();
    cluster.member(wiped).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!(count(&tree, "kept"), 100);
    assert!(
        tree.contains_key("/ephemeral"),
        "sessions travel with the snapshot"
    );
    assert!(cluster.members[&wiped].says("Getting a snapshot from leader"));
    // What it was given is on its own disk now.
    write(&cluster, leader, "behind", 20);
    cluster.agreed_tree();
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "kept"), count(&tree, "behind")), (100, 20));
}

/// Bytes of all logs, without the zeros at their ends.
fn log_bytes(data: &Path) -> usize {
    let mut bytes = 0;
    for entry in fs::read_dir(data.join("version-2")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("log.") {
            let log = fs::read(entry.path()).unwrap_or_default();
            bytes += log
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
        }
    }
    bytes
}

#[test]
fn what_a_leader_logged_alone_is_cut_off_when_it_comes_back() {
    log_alone_and_come_back(0, "Truncating log to get in sync with the leader");
}

#[test]
fn what_a_leader_logged_alone_is_replaced_by_what_the_next_one_did() {
    log_alone_and_come_back(5, "Getting a snapshot from leader");
}

/// The next leader writes so much before the former one comes back, which then says this.
fn log_alone_and_come_back(since: usize, says: &str) {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let others: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
    write(&cluster, leader, "agreed", 5);
    cluster.agreed_tree();
    let mut client = cluster.client_for(leader, 60_000);
    for id in &others {
        cluster.member(*id).freeze();
    }
    let data = cluster.members[&leader].data();
    let before = log_bytes(&data);
    client
        .ask(
            OpCode::Create,
            &client::create("/alone", b"nobody agreed", 0),
        )
        .unwrap();
    wait("the write is in the leader's log", || {
        log_bytes(&data) > before
    });
    cluster.member(leader).end(Signal::KILL);
    for id in &others {
        cluster.member(*id).end(Signal::KILL);
        cluster.member(*id).start();
    }
    cluster.settle_among(&others);
    if since > 0 {
        write(&cluster, others[0], "since", since);
    }
    cluster.member(leader).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "agreed"), count(&tree, "since")), (5, since));
    assert!(
        !tree.contains_key("/alone"),
        "what nobody agreed on is gone"
    );
    let log = cluster.members[&leader].log();
    let told = |line: &&str| line.contains("Getting ") || line.contains("Truncating ");
    let told: Vec<&str> = log.lines().filter(told).collect();
    assert!(log.contains(says), "{told:#?}");
    // And it stays away.
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    assert!(!cluster.agreed_tree().contains_key("/alone"));
}

#[test]
fn an_observer_joins_serves_and_does_not_count() {
    let mut cluster = ensemble(3, 1, "");
    for id in 1..=3 {
        cluster.member(id).start();
    }
    let leader = cluster.settle_among(&[1, 2, 3]);
    write(&cluster, leader, "before", 30);
    cluster.member(4).start();
    cluster.settle();
    assert_eq!(cluster.members[&4].mode().as_deref(), Some("observer"));
    write(&cluster, 4, "observed", 10);
    let tree = cluster.agreed_tree();
    assert_eq!((count(&tree, "before"), count(&tree, "observed")), (30, 10));
    // Without it everything goes on; with it alone beside the leader nothing does.
    cluster.member(4).end(Signal::KILL);
    write(&cluster, leader, "without", 10);
    cluster.member(4).start();
    cluster.settle();
    assert_eq!(count(&cluster.agreed_tree(), "without"), 10);
    for id in (1..=3).filter(|id| *id != leader) {
        cluster.member(id).end(Signal::KILL);
    }
    wait("two of four are no quorum when one observes", || {
        cluster.members[&leader].mode().is_none() && cluster.members[&4].mode().is_none()
    });
}

#[test]
fn members_catch_up_while_writes_go_on() {
    let mut cluster = of_three();
    let (away, leader) = follower_and_leader(&cluster);
    for round in 0..3 {
        cluster.member(away).end(Signal::KILL);
        if round == 1 {
            cluster.members[&away].wipe();
        }
        let writer = {
            let mut client = cluster.client_for(leader, 60_000);
            std::thread::spawn(move || {
                for n in 0..300 {
                    let path = format!("/busy{round}-{n}");
                    assert_eq!(client.create(&path, &[7; 200], 0).unwrap(), 0);
                }
            })
        };
        cluster.member(away).start();
        cluster.settle();
        writer.join().expect("every write is acknowledged");
    }
    assert_eq!(count(&cluster.agreed_tree(), "busy"), 900);
}

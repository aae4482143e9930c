//! Servers of both kinds bring each other up to date.

use std::fs;
use std::path::Path;

use oxkeeper::types::OpCode;
use rustix::process::Signal;

use crate::client;
use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{MIXES, in_every_mix, of_three, wait};

in_every_mix! { a_little_or_much_was_missed everything_was_lost what_nobody_agreed_on_goes }

fn write(cluster: &Cluster, id: i64, prefix: &str, count: usize) {
    let mut client = cluster.client(id);
    for n in 0..count {
        let path = format!("/{prefix}{n}");
        assert_eq!(client.create(&path, prefix.as_bytes(), 0).unwrap(), 0);
    }
    // An open session would expire one day, and that is a transaction.
    client.close().unwrap();
}

fn count(cluster: &Cluster, prefix: &str) -> usize {
    let prefix = format!("/{prefix}");
    let tree = cluster.agreed_tree();
    tree.keys().filter(|path| path.starts_with(&prefix)).count()
}

/// Everybody in turn misses what memory holds, then more than that.
fn a_little_or_much_was_missed(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    for id in 1..=3 {
        for missed in [30, 600] {
            cluster.member(id).end(Signal::KILL);
            let others: Vec<i64> = (1..=3).filter(|other| *other != id).collect();
            let leader = cluster.settle_among(&others);
            write(&cluster, leader, &format!("missed-{id}-{missed}-"), missed);
            cluster.member(id).start();
            cluster.settle();
        }
    }
    assert_eq!(count(&cluster, "missed"), 3 * 630);
    cluster.no_digest_differs();
}

/// Everybody in turn loses its disk, gets a snapshot, and lives on it.
pub fn everything_was_lost(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    write(&cluster, 1, "kept", 200);
    let mut holder = cluster.client(2);
    assert_eq!(holder.create("/ephemeral", b"", 1).unwrap(), 0);
    for id in 1..=3 {
        cluster.member(id).end(Signal::KILL);
        cluster.members[&id].wipe();
        cluster.member(id).start();
        cluster.settle();
        let member = &cluster.members[&id];
        // Apache's server is told to log warnings only.
        let is_ours = member.says("Starting quorum peer");
        assert!(!is_ours || member.says("Getting a snapshot from leader"));
        write(&cluster, id, &format!("then-{id}-"), 10);
    }
    assert_eq!(count(&cluster, "kept"), 200);
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    assert_eq!(
        (count(&cluster, "kept"), count(&cluster, "then")),
        (200, 30)
    );
    cluster.no_digest_differs();
}

/// Bytes of all logs, without the zeros at their ends.
fn log_bytes(data: &Path) -> usize {
    let mut bytes = 0;
    for entry in fs::read_dir(data.join("version-2")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("log.") {
            let log = fs::read(entry.path()).unwrap_or_default();
            let last = log.iter().rposition(|byte| *byte != 0);
            bytes += last.map_or(0, |last| last + 1);
        }
    }
    bytes
}

/// Whoever leads logs what nobody else has, dies, and comes back to a leader that goes another way.
pub fn what_nobody_agreed_on_goes(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    for round in 0..2 {
        let leader = cluster.settle();
        let others: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
        write(&cluster, leader, &format!("agreed-{round}-"), 5);
        cluster.agreed_tree();
        let mut client = cluster.client_for(leader, 60_000);
        for id in &others {
            cluster.member(*id).freeze();
        }
        let data = cluster.members[&leader].data();
        let before = log_bytes(&data);
        let alone = client::create(&format!("/alone-{round}"), b"nobody agreed", 0);
        client.ask(OpCode::Create, &alone).unwrap();
        wait("the write is in the leader's log", || {
            log_bytes(&data) > before
        });
        cluster.member(leader).end(Signal::KILL);
        for id in &others {
            cluster.member(*id).end(Signal::KILL);
            cluster.member(*id).start();
        }
        cluster.settle_among(&others);
        // Without a transaction in between, the log is truncated; with some, a snapshot is needed.
        if round > 0 {
            write(&cluster, others[0], &format!("since-{round}-"), 5);
        }
        cluster.member(leader).start();
        cluster.settle();
        assert_eq!(count(&cluster, "alone"), 0, "what nobody agreed on is gone");
    }
    assert_eq!(
        (count(&cluster, "agreed"), count(&cluster, "since")),
        (10, 5)
    );
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    assert_eq!(count(&cluster, "alone"), 0, "and stays away");
    cluster.no_digest_differs();
}

#[test]
fn two_of_apaches_led_by_ours_use_up_the_numbers_of_an_epoch() {
    the_numbers_of_an_epoch_are_used_up(&MIXES[0]);
}

#[test]
fn two_of_ours_and_one_of_apaches_use_up_the_numbers_of_an_epoch() {
    the_numbers_of_an_epoch_are_used_up(&MIXES[3]);
}

/// The last number of an epoch is followed by the first one of the next, whoever lacks some. Only in
/// mixes in which one of ours leads at first: its snapshot begins an epoch, which the scene is made of.
fn the_numbers_of_an_epoch_are_used_up(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    write(&cluster, 1, "before", 5);
    cluster.kill_all();
    cluster.start_all();
    cluster.end_second_epoch(2);
    cluster.start_all();
    cluster.settle();
    write(&cluster, 1, "after", 5);
    for away in [1, 2] {
        cluster.member(away).end(Signal::KILL);
        let others: Vec<i64> = (1..=3).filter(|id| *id != away).collect();
        cluster.settle_among(&others);
        write(&cluster, 3, &format!("missed-{away}-"), 5);
        cluster.member(away).start();
        cluster.settle();
    }
    assert_eq!(
        (
            count(&cluster, "before"),
            count(&cluster, "after"),
            count(&cluster, "missed")
        ),
        (5, 5, 10)
    );
    cluster.no_digest_differs();
}

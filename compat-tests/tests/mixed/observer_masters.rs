//! Followers of one kind serve observers of the other.

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{java, ours, wait};

const EPHEMERAL: i32 = 1;

/// Three voters, then observers, that run and serve; returns the leader, too.
fn started(programs: &[Launch]) -> (Cluster, i64) {
    let mut cluster = Cluster::with_observer_masters(programs, 3, "");
    cluster.start_all();
    let leader = cluster.settle();
    (cluster, leader)
}

fn count(cluster: &Cluster, prefix: &str) -> usize {
    let tree = cluster.agreed_tree();
    tree.keys().filter(|path| path.starts_with(prefix)).count()
}

#[test]
fn observers_of_apaches_at_followers_of_ours() {
    everything(&[ours, ours, ours, java]);
}

#[test]
fn observers_of_ours_at_followers_of_apaches() {
    everything(&[java, java, java, ours]);
}

#[test]
fn observers_of_ours_at_followers_of_apaches_led_by_ours() {
    everything(&[java, java, ours, ours]);
}

#[test]
fn observers_of_apaches_at_followers_of_ours_led_by_apaches() {
    everything(&[ours, ours, java, java]);
}

#[test]
fn observers_of_both_kinds_go_from_followers_of_one_kind_to_those_of_the_other() {
    everything(&[java, ours, ours, java, ours]);
}

/// Writes, syncs and sessions at observers; what they missed; the loss of whoever serves them.
fn everything(programs: &[Launch]) {
    let (mut cluster, leader) = started(programs);
    let observers: Vec<i64> = cluster
        .members
        .keys()
        .copied()
        .filter(|id| *id > 3)
        .collect();
    for observer in &observers {
        cluster.served_by(*observer, &cluster.followers(leader));
        work(&cluster, *observer, leader);
    }
    for observer in &observers {
        catch_up(&mut cluster, *observer, leader);
    }
    let mut leader = leader;
    let mut written = 0;
    for _ in 0..3 {
        let observer = observers[0];
        let first = cluster.served_by(observer, &cluster.followers(leader));
        cluster.member(first).end(Signal::KILL);
        let mut left = cluster.followers(leader);
        left.retain(|id| *id != first);
        for observer in &observers {
            cluster.served_by(*observer, &left);
            let mut client = cluster.client(*observer);
            client.create_all(&format!("on-{observer}-{written}-"), 5);
            client.close().unwrap();
            written += 5;
        }
        cluster.member(first).start();
        leader = cluster.settle();
    }
    assert_eq!(count(&cluster, "/on-"), written);
    cluster.no_digest_differs();
}

fn work(cluster: &Cluster, observer: i64, leader: i64) {
    let mut client = cluster.client(observer);
    client.create_all(&format!("by-{observer}-"), 20);
    assert!(client.has(&format!("/by-{observer}-19")).unwrap());
    let mut elsewhere = cluster.client(leader);
    for n in 0..10 {
        let path = format!("/synced-{observer}-{n}");
        assert_eq!(elsewhere.create(&path, b"", 0).unwrap(), 0);
        assert_eq!(client.sync().unwrap(), 0);
        assert!(client.has(&path).unwrap(), "{path} is there after a sync");
    }
    client.close().unwrap();
    elsewhere.close().unwrap();
    let mut silent = cluster.client_for(observer, 2000);
    let path = format!("/silent-{observer}");
    assert_eq!(silent.create(&path, b"", EPHEMERAL).unwrap(), 0);
    let mut heard = cluster.client_for(observer, 2000);
    let mine = format!("/heard-{observer}");
    assert_eq!(heard.create(&mine, b"", EPHEMERAL).unwrap(), 0);
    wait("the silent session expires, and the other does not", || {
        !heard.has(&path).expect("a session that is heard lives on")
    });
    for to in [leader, observer, cluster.followers(leader)[0], observer] {
        let to = cluster.members[&to].places.client;
        heard = heard.moved(to).expect("the session is known");
        heard.sync().unwrap();
        assert!(heard.has(&mine).unwrap());
        assert_eq!(heard.set(&mine, b"here").unwrap(), 0);
    }
    heard.close().unwrap();
}

/// An observer misses what memory holds, then more; then it loses everything.
fn catch_up(cluster: &mut Cluster, observer: i64, leader: i64) {
    let mut client = cluster.client_for(leader, 60_000);
    for (missed, wiped) in [(20, false), (600, false), (5, true)] {
        cluster.member(observer).end(Signal::KILL);
        if wiped {
            cluster.members[&observer].wipe();
        }
        client.create_all(&format!("missed-{observer}-{missed}-"), missed);
        cluster.member(observer).start();
        cluster.settle();
        cluster.served_by(observer, &cluster.followers(leader));
    }
    client.close().unwrap();
    assert_eq!(count(cluster, &format!("/missed-{observer}-")), 625);
}

//! Followers serve observers in their leader's place.

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::{member, program, wait};

const EPHEMERAL: i32 = 1;

/// Three voters and so many observers, which run and serve; returns the leader, too.
fn started(observers: usize) -> (Cluster, i64) {
    let programs = vec![program as member::Launch; 3 + observers];
    let mut cluster =
        Cluster::with_observer_masters(&programs, 3, "observer.election.DelayMs=50\n");
    cluster.start_all();
    let leader = cluster.settle();
    (cluster, leader)
}

#[test]
fn followers_serve_observers_and_the_leader_none() {
    let (cluster, leader) = started(2);
    let masters: Vec<i64> = [4, 5]
        .map(|observer| cluster.served_by(observer, &cluster.followers(leader)))
        .to_vec();
    wait("everybody counts its learners", || {
        let count = |id: i64, name: &str| cluster.members[&id].metric(name);
        let served = |id: i64| masters.iter().filter(|master| **master == id).count();
        let learners = count(leader, "zk_learners");
        cluster
            .followers(leader)
            .into_iter()
            .all(|id| count(id, "zk_synced_observers") == Some(served(id).to_string()))
            && learners.as_deref() == Some("2")
    });
    let mut observed = cluster.client(4);
    observed.create_all("observed", 20);
    let mut other = cluster.client(5);
    other.create_all("other", 20);
    // What was acknowledged anywhere is there after a sync, and what one has written one reads at once.
    assert!(observed.has("/observed19").unwrap());
    observed.sync().unwrap();
    assert!(observed.has("/other19").unwrap());
    let tree = cluster.agreed_tree();
    let written = |path: &&String| path.starts_with("/o");
    assert_eq!(tree.keys().filter(written).count(), 40);
    cluster.no_digest_differs();
}

#[test]
fn observers_catch_up_with_followers() {
    let (mut cluster, leader) = started(1);
    let mut client = cluster.client(leader);
    client.create_all("first", 10);
    for (round, missed) in [20, 700].into_iter().enumerate() {
        cluster.member(4).end(Signal::KILL);
        client.create_all(&format!("missed{round}-"), missed);
        cluster.member(4).start();
        cluster.settle();
        cluster.served_by(4, &cluster.followers(leader));
        client.create_all(&format!("then{round}-"), 5);
        cluster.agreed_tree();
    }
    cluster.member(4).end(Signal::KILL);
    cluster.members[&4].wipe();
    cluster.member(4).start();
    cluster.settle();
    cluster.served_by(4, &cluster.followers(leader));
    assert!(cluster.members[&4].says("Getting a snapshot from leader"));
    assert_eq!(cluster.agreed_tree().len(), 743);
    cluster.no_digest_differs();
}

#[test]
fn sessions_of_an_observer_live_as_long_as_they_are_heard_and_move() {
    let (cluster, leader) = started(2);
    for observer in [4, 5] {
        cluster.served_by(observer, &cluster.followers(leader));
    }
    let mut silent = cluster.client_for(4, 2000);
    assert_eq!(silent.create("/silent", b"", EPHEMERAL).unwrap(), 0);
    let mut heard = cluster.client_for(5, 2000);
    assert_eq!(heard.create("/heard", b"", EPHEMERAL).unwrap(), 0);
    wait("the silent session expires, and the other does not", || {
        !heard
            .has("/silent")
            .expect("a session that is heard lives on")
    });
    assert!(heard.has("/heard").unwrap());
    // From observer to observer to follower and back.
    for to in [4, cluster.followers(leader)[0], 5, leader, 4] {
        let to = cluster.members[&to].places.client;
        let moved = heard.moved(to).expect("the session is known");
        assert_eq!(moved.session, heard.session);
        heard = moved;
        heard.sync().unwrap();
        assert!(heard.has("/heard").unwrap());
        assert_eq!(heard.set("/heard", b"here").unwrap(), 0);
    }
    heard.close().unwrap();
    assert!(!cluster.agreed_tree().contains_key("/heard"));
    let mut stranger = cluster.client(4);
    stranger.password = vec![1; 16];
    let at = cluster.members[&5].places.client;
    stranger.moved(at).expect_err("a wrong password");
}

#[test]
fn an_observer_goes_on_to_the_next_follower() {
    let (mut cluster, mut leader) = started(1);
    let mut written = 0;
    for signal in [Signal::KILL, Signal::TERM, Signal::KILL] {
        let first = cluster.served_by(4, &cluster.followers(leader));
        cluster.member(first).end(signal);
        let left: Vec<i64> = cluster.followers(leader);
        let left: Vec<i64> = left.into_iter().filter(|id| *id != first).collect();
        cluster.served_by(4, &left);
        let mut client = cluster.client(4);
        client.create_all(&format!("without{first}-{written}-"), 10);
        written += 10;
        client.close().unwrap();
        cluster.member(first).start();
        leader = cluster.settle();
    }
    let tree = cluster.agreed_tree();
    let found = tree.keys().filter(|path| path.starts_with("/without"));
    assert_eq!(found.count(), written);
    cluster.no_digest_differs();
}

#[test]
fn observers_find_their_way_to_the_next_leaders_followers() {
    let (mut cluster, leader) = started(2);
    let mut client = cluster.client(4);
    client.create_all("before", 10);
    client.close().unwrap();
    cluster.member(leader).end(Signal::KILL);
    let rest: Vec<i64> = cluster.followers(leader);
    let next = cluster.settle_among(&rest);
    let follower: Vec<i64> = rest.into_iter().filter(|id| *id != next).collect();
    for observer in [4, 5] {
        cluster.served_by(observer, &follower);
        let mut client = cluster.client(observer);
        client.create_all(&format!("after{observer}-"), 10);
        client.close().unwrap();
    }
    cluster.member(leader).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    let written = |path: &&String| path.starts_with("/before") || path.starts_with("/after");
    assert_eq!(tree.keys().filter(written).count(), 30);
    cluster.no_digest_differs();
}

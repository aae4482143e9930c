//! Two members that vote, and an oracle that says which of them goes on alone; the program does not matter.

use std::fs;

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::wait;

/// What a member's oracle says from now on. The program is started where its settings file is.
fn tell(cluster: &Cluster, id: i64, word: &str) {
    fs::write(cluster.members[&id].dir.join("oracle"), word).unwrap();
}

fn serves_alone(cluster: &Cluster, id: i64) {
    wait(&format!("member {id} goes on alone"), || {
        cluster.members[&id].mode().as_deref() == Some("leader")
    });
}

/// Whoever the oracle wants goes on alone, and the other one follows when it is back.
pub fn one_of_two_goes_on(program: Launch) {
    let mut cluster = Cluster::of(&[program; 2], 2, "oraclePath=oracle\n");
    for id in [1, 2] {
        tell(&cluster, id, "0");
    }
    cluster.start_all();
    let leader = cluster.settle();
    let follower = 3 - leader;
    let mut client = cluster.client(leader);
    assert_eq!(client.create("/both", b"", 0).unwrap(), 0);

    tell(&cluster, leader, "1");
    cluster.member(follower).end(Signal::KILL);
    assert_eq!(client.create("/alone", b"", 0).unwrap(), 0, "it goes on");
    assert!(client.has("/alone").unwrap());
    cluster.member(follower).start();
    assert_eq!(cluster.settle(), leader);
    assert!(cluster.agreed_tree().contains_key("/alone"));

    // The other way round.
    tell(&cluster, leader, "0");
    cluster.member(leader).end(Signal::KILL);
    wait("the other one looks for a leader", || {
        cluster.members[&follower].mode().is_none()
    });
    tell(&cluster, follower, "1");
    serves_alone(&cluster, follower);
    let mut client = cluster.client(follower);
    assert_eq!(client.create("/other", b"", 0).unwrap(), 0);
    cluster.member(leader).start();
    assert_eq!(cluster.settle(), follower);
    assert!(cluster.agreed_tree().contains_key("/other"));

    // Nobody goes on when the oracle lets nobody.
    tell(&cluster, follower, "0");
    cluster.member(leader).end(Signal::KILL);
    wait("the other one gives up", || {
        cluster.members[&follower].mode().is_none()
    });
}

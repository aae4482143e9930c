//! A session that moves while its old connection is still open, in ensembles of either kind.

use compat_tests::wire::client::Client;
use compat_tests::wire::op;
use compat_tests::wire::request;

use crate::member::Launch;
use crate::{java, of_three, ours};

/// Opens a session at one member and takes it over at another; the client of the old connection.
fn left_behind(cluster: &crate::cluster::Cluster, from: i64, to: i64) -> (Client, Client) {
    let old = Client::connect(cluster.members[&from].places.client);
    let mut new = Client::connect_with(cluster.members[&to].places.client, &old.reattach());
    assert_eq!(new.session.id, old.session.id);
    // Everybody knows now who has it.
    new.create(&format!("/from-{from}-to-{to}"), "");
    (old, new)
}

fn old_connections_end_when_they_are_noticed(launch: Launch) {
    let cluster = of_three(&[launch; 3]);
    let leader = cluster.settle();
    let followers: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
    let read = request::path_watch("/", false);
    let write = request::create("/late", "", &[], 0);

    // A follower serves reads of a session that has moved; its writes go to the leader, who knows better.
    let (mut old, mut new) = left_behind(&cluster, followers[0], followers[1]);
    let _ = old.call(op::EXISTS, &read).ok();
    old.call_ends_silently(op::CREATE, &write);
    assert!(!new.exists("/late"));

    let (mut old, mut new) = left_behind(&cluster, followers[0], leader);
    let _ = old.call(op::EXISTS, &read).ok();
    old.call_ends_silently(op::CREATE, &write);
    assert!(!new.exists("/late"));

    // The leader knows by itself.
    let (mut old, _) = left_behind(&cluster, leader, followers[1]);
    old.call_ends_silently(op::EXISTS, &read);
}

#[test]
fn trap_091_apaches_old_connection_ends_when_it_is_noticed() {
    old_connections_end_when_they_are_noticed(java);
}

#[test]
fn trap_091_our_old_connection_ends_when_it_is_noticed() {
    old_connections_end_when_they_are_noticed(ours);
}

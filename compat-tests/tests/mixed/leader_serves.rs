//! A leader that clients are kept from (`leaderServes=no`), of either kind: its clients are with the others.

use compat_tests::wire::client::Client;
use compat_tests::wire::conn::Conn;
use compat_tests::wire::op;
use compat_tests::wire::request::{self, Connect};
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{java, ours, wait};

/// Waits until these members follow; the other one, who says nothing, leads.
fn led_in_silence(cluster: &Cluster, followers: &[i64]) {
    wait(&format!("members {followers:?} follow"), || {
        let mut modes = followers.iter().map(|id| cluster.members[id].mode());
        modes.all(|mode| mode.as_deref() == Some("follower"))
    });
}

/// What a client hears of a leader.
fn heard(cluster: &Cluster, leader: i64) -> Vec<String> {
    let member = &cluster.members[&leader];
    let words = [
        "ruok", "isro", "srvr", "stat", "mntr", "conf", "cons", "dirs", "wchs", "hash",
    ];
    let mut said: Vec<String> = words
        .into_iter()
        .map(|word| format!("{word}: {:?}", member.word(word)))
        .collect();
    for read_only in [None, Some(0), Some(1)] {
        let mut conn = Conn::open(member.places.client);
        let connect = Connect {
            read_only,
            ..Connect::new(20_000)
        };
        conn.send_frame(&connect.encode());
        said.push(format!("{read_only:?}: {:?}", conn.frame_or_end()));
    }
    said
}

fn transcript(launch: Launch) -> Vec<String> {
    let mut cluster = Cluster::of(&[launch; 3], 3, "leaderServes=no\n");
    for id in [1, 2] {
        cluster.member(id).start();
    }
    // With two of three there is nobody but the follower to serve clients.
    led_in_silence(&cluster, &[1]);
    let mut said = heard(&cluster, 2);
    cluster.member(3).start();
    led_in_silence(&cluster, &[1, 3]);
    let mut here = Client::connect(cluster.members[&1].places.client);
    let mut there = Client::connect(cluster.members[&3].places.client);
    here.create_as(
        "/a",
        "x",
        &compat_tests::wire::encode::Acl::open(),
        op::EPHEMERAL,
    );
    let _ = there.call(op::SYNC, &request::path("/")).ok();
    assert!(there.exists("/a"));
    here.close();
    let _ = there.call(op::SYNC, &request::path("/")).ok();
    assert!(!there.exists("/a"), "sessions end as ever");

    // A follower that begins to lead sends its clients away.
    cluster.member(2).end(Signal::KILL);
    there.conn.ends_silently();
    led_in_silence(&cluster, &[1]);
    said.extend(heard(&cluster, 3));
    cluster.member(2).start();
    led_in_silence(&cluster, &[1, 2]);
    let moved = Client::connect_with(cluster.members[&2].places.client, &there.reattach());
    assert_eq!(moved.session.id, there.session.id, "its session goes on");
    said
}

#[test]
fn clients_hear_of_it_what_they_hear_of_apaches() {
    let [apaches, own] = [java as Launch, ours].map(transcript);
    assert_eq!(own, apaches);
}

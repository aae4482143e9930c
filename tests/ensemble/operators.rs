//! What an operator sees and does: words in every phase, stops, settings that cannot work.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::client::Change;
use crate::cluster::Cluster;
use crate::{at_home, ensemble, moving, oracle, program, wait};

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

#[test]
fn a_member_without_a_quorum_says_that_it_does_not_serve() {
    let mut cluster = ensemble(3, 0, "");
    cluster.member(1).start();
    let member = &cluster.members[&1];
    wait("the member answers", || {
        member.word("ruok").as_deref() == Some("imok")
    });
    for word in ["srvr", "stat", "mntr", "conf", "cons", "dirs", "wchs"] {
        assert_eq!(member.word(word).as_deref(), Some(NOT_SERVING), "{word}");
    }
    assert_eq!(member.word("isro").as_deref(), Some("null"));
    let environment = member.word("envi").expect("it answers in every phase");
    assert!(environment.starts_with("Environment:"), "{environment}");
    assert!(
        crate::client::Client::open(member.places.client).is_err(),
        "and opens no session"
    );
}

#[test]
fn words_tell_the_role() {
    let mut cluster = ensemble(3, 1, "");
    cluster.start_all();
    let leader = cluster.settle();
    for member in cluster.members.values() {
        let role = match member.id {
            4 => "observer",
            id if id == leader => "leader",
            _ => "follower",
        };
        assert_eq!(member.mode().as_deref(), Some(role), "{}", member.id);
        assert_eq!(member.metric("zk_server_state").as_deref(), Some(role));
        assert_eq!(member.metric("zk_quorum_size").as_deref(), Some("3"));
        assert_eq!(member.word("isro").as_deref(), Some("rw"));
        let conf = member.word("conf").expect("it serves");
        assert!(
            conf.contains(&format!("serverId={}\n", member.id)),
            "{conf}"
        );
        assert!(
            conf.contains("initLimit=100\nsyncLimit=25\nelectionAlg=3\n"),
            "{conf}"
        );
        assert!(conf.contains("membership: \nserver.1="), "{conf}");
        assert!(conf.ends_with("version=0"), "{conf}");
    }
    let member = &cluster.members[&leader];
    wait("all learners are synchronised", || {
        member.metric("zk_synced_followers").as_deref() == Some("2")
            && member.metric("zk_synced_observers").as_deref() == Some("1")
    });
    assert_eq!(member.metric("zk_learners").as_deref(), Some("3"));
    assert_eq!(
        member.metric("zk_peer_state").as_deref(),
        Some("leading - broadcast")
    );
    let srvr = member.word("srvr").expect("it serves");
    assert!(srvr.contains("\nProposal sizes last/min/max: "), "{srvr}");
}

#[test]
fn a_member_stops_in_every_phase() {
    let mut cluster = ensemble(3, 0, "");
    cluster.member(1).start();
    wait("it looks for others", || {
        cluster.members[&1].says("LOOKING")
    });
    assert_stopped(&mut cluster, 1);
    cluster.start_all();
    let leader = cluster.settle();
    let follower = (1..=3).find(|id| *id != leader).expect("there are three");
    assert_stopped(&mut cluster, follower);
    assert_stopped(&mut cluster, leader);
}

fn assert_stopped(cluster: &mut Cluster, id: i64) {
    let status = cluster.member(id).end(Signal::TERM);
    assert_eq!(status.code(), Some(143), "member {id} ends as it was told");
}

#[test]
fn a_member_that_nobody_named_does_not_start() {
    let mut cluster = ensemble(3, 0, "");
    cluster.configure(3, &[1, 2]);
    cluster.member(3).start();
    assert_eq!(cluster.member(3).ended().code(), Some(1));
    assert!(cluster.members[&3].says("My id 3 not in the peer list"));
}

#[test]
fn an_election_port_in_use_ends_the_member_after_its_tries() {
    let mut cluster = ensemble(3, 0, "electionPortBindRetry=1\n");
    let taken = TcpListener::bind(cluster.members[&1].places.election).unwrap();
    cluster.member(1).start();
    assert_eq!(cluster.member(1).ended().code(), Some(14));
    drop(taken);
}

#[test]
fn a_client_port_in_use_ends_the_member() {
    let mut cluster = ensemble(3, 0, "");
    let _taken = TcpListener::bind(cluster.members[&1].places.client).unwrap();
    cluster.member(1).start();
    assert_eq!(cluster.member(1).ended().code(), Some(1));
}

#[test]
fn an_untrusted_empty_member_does_not_vote_but_joins() {
    let mut cluster = ensemble(3, 0, "db.autocreate=false\n");
    for id in [1, 2] {
        std::fs::write(cluster.members[&id].data().join("initialize"), "").unwrap();
    }
    cluster.member(1).start();
    cluster.member(3).start();
    wait("both look", || {
        [1, 3].iter().all(|id| cluster.members[id].says("LOOKING"))
    });
    assert!(
        cluster.members[&1].mode().is_none(),
        "the empty one is no help"
    );
    cluster.member(2).start();
    cluster.settle();
    let mut client = cluster.client(3);
    assert_eq!(client.create("/x", b"", 0).unwrap(), 0);
    assert!(cluster.agreed_tree().contains_key("/x"));
}

#[test]
fn a_member_leaves_and_joins_again_while_the_others_serve() {
    // Whoever may change the membership is not what is looked at here.
    let mut cluster = ensemble(3, 0, "reconfigEnabled=true\nskipACL=yes\n");
    cluster.start_all();
    let leader = cluster.settle();
    let leaver = (1..=3).find(|id| *id != leader).expect("there are three");
    let stays = (1..=3)
        .find(|id| ![leader, leaver].contains(id))
        .expect("there are three");
    let settings = std::fs::read_to_string(cluster.members[&leaver].dir.join("zoo.cfg")).unwrap();
    assert!(
        settings.contains("dynamicConfigFile="),
        "the first version is kept: {settings}"
    );

    let leaves = Change {
        leaving: Some(&leaver.to_string()),
        ..Change::default()
    };
    assert_eq!(cluster.client(stays).reconfig(leaves).unwrap(), 0);
    let line = format!("server.{leaver}=");
    wait("everybody knows that it has left", || {
        [leader, stays].iter().all(|id| {
            let conf = cluster.members[id].word("conf").unwrap_or_default();
            conf.contains("server.") && !conf.contains(&line)
        })
    });
    assert_eq!(
        cluster.members[&leader].metric("zk_quorum_size").as_deref(),
        Some("2")
    );
    cluster.member(leaver).end(Signal::KILL);
    let mut client = cluster.client(stays);
    assert_eq!(client.create("/without", b"", 0).unwrap(), 0);

    // What it was told of its own leaving would keep it out; the operator names it again.
    cluster.configure(leaver, &[1, 2, 3]);
    cluster.member(leaver).start();
    let joins = Change {
        joining: Some(&cluster.line_of(leaver)),
        ..Change::default()
    };
    assert_eq!(cluster.client(leader).reconfig(joins).unwrap(), 0);
    cluster.settle();
    wait("everybody knows that it has joined", || {
        (1..=3).all(|id| {
            let conf = cluster.members[&id].word("conf").unwrap_or_default();
            conf.contains(&line)
        })
    });
    assert!(cluster.agreed_tree().contains_key("/without"));
    // All of it is on disk.
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    let conf = cluster.members[&stays].word("conf").expect("it serves");
    assert!(conf.contains(&line), "{conf}");
}

#[test]
fn a_client_port_moves_while_clients_are_connected() {
    moving::the_client_port_of_a_member(program);
}

#[test]
fn an_oracle_says_which_of_two_goes_on() {
    oracle::one_of_two_goes_on(at_home);
}

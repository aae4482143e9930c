//! A member without the others that lets clients read (`readonlymode.enabled`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::client::{Client, Ticket};
use crate::cluster::Cluster;
use crate::{program, wait};

const NOT_READ_ONLY: i32 = -119;
const PATIENCE: Duration = Duration::from_secs(10);

fn reading(settings: &Path) -> Command {
    let mut command = program(settings);
    command.arg("-Dreadonlymode.enabled=true");
    command
}

fn willing() -> Ticket {
    Ticket {
        read_only: true,
        ..Ticket::new(30_000)
    }
}

/// Two voters and an observer, of which one is left. It has the node `/a`.
fn left(id: i64) -> Cluster {
    let mut cluster = Cluster::of(&[reading as _; 3], 2, "localSessionsEnabled=true\n");
    cluster.start_all();
    cluster.settle();
    assert_eq!(cluster.client(id).create("/a", b"x", 0).unwrap(), 0);
    for other in (1..=3).filter(|other| *other != id) {
        cluster.member(other).end(Signal::KILL);
    }
    let member = &cluster.members[&id];
    wait("clients may read", || {
        member.mode().as_deref() == Some("read-only")
    });
    cluster
}

#[test]
fn every_member_lets_clients_read_until_there_is_a_leader() {
    for id in [1, 3] {
        let mut cluster = left(id);
        let member = &cluster.members[&id];
        let at = member.places.client;
        assert_eq!(member.word("isro").as_deref(), Some("ro"));
        assert!(Client::open(at).is_err(), "whoever wants to write waits");
        let mut reader = Client::connect(at, &willing(), PATIENCE).unwrap();
        assert!(reader.has("/a").unwrap());
        assert_eq!(reader.create("/b", b"", 0).unwrap(), NOT_READ_ONLY);
        assert!(reader.has("/a").unwrap(), "and it goes on reading");

        for other in (1..=3).filter(|other| *other != id) {
            cluster.member(other).start();
        }
        assert!(reader.reply().is_err(), "its connection ends");
        cluster.settle();
        let member = &cluster.members[&id];
        assert_eq!(member.word("isro").as_deref(), Some("rw"));
        let mut client = Client::connect(at, &willing(), PATIENCE).unwrap();
        assert_eq!(client.create("/b", b"", 0).unwrap(), 0);
    }
}

#[test]
fn a_member_that_never_had_a_leader_lets_clients_read_too() {
    let mut cluster = Cluster::of(&[reading as _; 3], 3, "localSessionsEnabled=true\n");
    cluster.member(2).start();
    let at = cluster.members[&2].places.client;
    let mut reader = None;
    wait("clients may read", || {
        reader = Client::connect(at, &willing(), PATIENCE).ok();
        reader.is_some()
    });
    assert!(reader.expect("waited for").has("/zookeeper").unwrap());
    let status = cluster.member(2).end(Signal::TERM);
    assert_eq!(status.code(), Some(143), "it ends as it was told");
}

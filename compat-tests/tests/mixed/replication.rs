//! Everybody serves, whoever leads; leaders come and go.

use rustix::process::Signal;

use crate::client::{NO_NODE, NODE_EXISTS};
use crate::member::Launch;
use crate::{in_every_mix, of_three};

in_every_mix! { everybody_serves every_member_may_be_killed all_are_killed }

fn everybody_serves(programs: &[Launch; 3]) {
    let cluster = of_three(programs);
    for id in 1..=3 {
        let mut client = cluster.client(id);
        for n in 0..20 {
            let path = format!("/by-{id}-{n}");
            assert_eq!(client.create(&path, b"x", 0).unwrap(), 0);
            assert_eq!(client.set(&path, b"y").unwrap(), 0);
            assert!(client.has(&path).unwrap());
        }
        // Refused writes take a transaction, too.
        assert_eq!(client.create("/by-1-0", b"x", 0).unwrap(), NODE_EXISTS);
        assert_eq!(client.create("/no/such/parent", b"x", 0).unwrap(), NO_NODE);
        // A sequential and an ephemeral node.
        assert_eq!(client.create("/sequence-", b"", 2).unwrap(), 0);
        assert_eq!(
            client.create(&format!("/ephemeral-{id}"), b"", 1).unwrap(),
            0
        );
    }
    let tree = cluster.agreed_tree();
    let written = tree.keys().filter(|path| path.starts_with("/by-"));
    assert_eq!(written.count(), 60);
    let numbered = tree.keys().filter(|path| path.starts_with("/sequence-"));
    assert_eq!(numbered.count(), 3);
    cluster.no_digest_differs();
}

fn every_member_may_be_killed(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    for id in [3, 2, 1] {
        cluster.member(id).end(Signal::KILL);
        let others: Vec<i64> = (1..=3).filter(|other| *other != id).collect();
        cluster.settle_among(&others);
        let mut client = cluster.client(others[0]);
        for n in 0..20 {
            let path = format!("/without-{id}-{n}");
            assert_eq!(client.create(&path, b"", 0).unwrap(), 0);
        }
        cluster.member(id).start();
        cluster.settle();
    }
    let tree = cluster.agreed_tree();
    let written = tree.keys().filter(|path| path.starts_with("/without-"));
    assert_eq!(written.count(), 60);
    cluster.no_digest_differs();
}

fn all_are_killed(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    for round in 0..2 {
        let mut client = cluster.client(round + 1);
        for n in 0..20 {
            let path = format!("/round-{round}-{n}");
            assert_eq!(client.create(&path, b"", 0).unwrap(), 0);
        }
        cluster.kill_all();
        cluster.start_all();
        cluster.settle();
    }
    let tree = cluster.agreed_tree();
    let written = tree.keys().filter(|path| path.starts_with("/round-"));
    assert_eq!(written.count(), 40);
    cluster.no_digest_differs();
}

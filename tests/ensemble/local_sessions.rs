//! Sessions that only their member knows, until they want what all members must know.

use crate::cluster::Cluster;
use crate::ensemble;

const EPHEMERAL: i32 = 1;
/// Ephemeral nodes are not for local sessions.
const EPHEMERAL_ON_LOCAL: i32 = -120;

fn cluster(lines: &str) -> Cluster {
    let mut cluster = ensemble(3, 0, lines);
    cluster.start_all();
    cluster.settle();
    cluster
}

#[test]
fn a_local_session_is_its_members_own_until_it_owns_a_node() {
    let cluster = cluster("localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\n");
    for id in 1..=3 {
        let elsewhere = cluster.members[&(1 + id % 3)].places.client;
        let mut client = cluster.client(id);
        assert_eq!(client.create(&format!("/plain-{id}"), b"", 0).unwrap(), 0);
        assert!(client.has(&format!("/plain-{id}")).unwrap());
        let same = client.moved(cluster.members[&id].places.client);
        let mut client = same.expect("its own member knows it");
        assert!(client.moved(elsewhere).is_err(), "nobody else does");

        let own = format!("/own-{id}");
        assert_eq!(client.create(&own, b"", EPHEMERAL).unwrap(), 0);
        assert!(client.has(&own).unwrap());
        let mut client = client.moved(elsewhere).expect("now all know it");
        assert_eq!(client.sync().unwrap(), 0);
        assert!(client.has(&own).unwrap());
        client.close().unwrap();
        assert!(!cluster.agreed_tree().contains_key(&own));
    }
}

#[test]
fn without_upgrades_a_local_session_owns_nothing() {
    let cluster = cluster("localSessionsEnabled=true\n");
    for id in 1..=3 {
        let mut client = cluster.client(id);
        let refused = client.create("/own", b"", EPHEMERAL).unwrap();
        assert_eq!(refused, EPHEMERAL_ON_LOCAL, "member {id}");
        assert_eq!(client.create(&format!("/plain-{id}"), b"", 0).unwrap(), 0);
        client.close().unwrap();
    }
}

#[test]
fn silent_local_sessions_end_where_they_are() {
    let cluster = cluster("localSessionsEnabled=true\n");
    for id in 1..=3 {
        let mut silent = cluster.client_for(id, 1000);
        // The member closes the connection, which ends the wait for a reply that nobody asked for.
        assert!(silent.reply().is_err(), "member {id}");
        assert!(silent.moved(cluster.members[&id].places.client).is_err());
    }
}

//! A member's client port moves when the membership says so; the program does not matter.

use std::net::{SocketAddr, TcpListener};

use crate::client::{Change, Client};
use crate::cluster::Cluster;
use crate::member::Launch;
use crate::wait;

/// What a membership needs to change: whoever may do that is not what is looked at here.
const LINES: &str = "reconfigEnabled=true\nskipACL=yes\n";

/// The port that a member says it has.
fn told_port(cluster: &Cluster, id: i64) -> Option<String> {
    let conf = cluster.members[&id].word("conf")?;
    let port = conf
        .lines()
        .find_map(|line| line.strip_prefix("clientPort="));
    port.map(str::to_owned)
}

/// Changes where clients reach a member, asked at another one.
fn change(cluster: &mut Cluster, at: i64, id: i64, to: SocketAddr) {
    cluster.member(id).places.client = to;
    let moves = Change {
        joining: Some(&cluster.line_of(id)),
        ..Change::default()
    };
    let mut client = cluster.client(at);
    assert_eq!(client.reconfig(moves).unwrap(), 0);
    client.close().unwrap();
}

fn answers(at: SocketAddr) -> bool {
    Client::open(at).is_ok_and(|client| client.close().is_ok())
}

/// Clients that are connected stay, new ones go to the new place; where nobody can listen, nobody does, and the
/// next change is as good as any.
pub fn the_client_port_of_a_member(program: Launch) {
    let mut cluster = Cluster::of(&[program; 3], 3, LINES);
    cluster.start_all();
    let leader = cluster.settle();
    for id in [leader, 1 + leader % 3] {
        let other = 1 + (id + 1) % 3;
        let old = cluster.members[&id].places.client;
        let mut before = cluster.client(id);
        let free = TcpListener::bind((old.ip(), 0)).unwrap();
        let new = free.local_addr().unwrap();
        // Somebody else still has it.
        change(&mut cluster, other, id, new);
        wait("it says that it cannot have the port", || {
            cluster.members[&id].says("Error reconfiguring client port")
        });
        assert!(!answers(old), "it has left the old one all the same");
        assert_eq!(before.create(&format!("/{id}"), b"", 0).unwrap(), 0);
        drop(free);

        let new = cluster.spare_places().client;
        change(&mut cluster, other, id, new);
        wait("the new port is open", || answers(new));
        assert!(before.has(&format!("/{id}")).unwrap(), "it stays connected");
        assert_eq!(told_port(&cluster, id), Some(new.port().to_string()));
        // Back to where it was.
        change(&mut cluster, other, id, old);
        wait("the old port is open again", || answers(old));
        assert!(!answers(new));
        assert!(before.has(&format!("/{id}")).unwrap(), "it stays connected");
    }
    cluster.settle();
}

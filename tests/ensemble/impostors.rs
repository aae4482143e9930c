//! A member elects a leader that is none, and that breaks off, skips, lies and sends nonsense. The member says what is
//! wrong, looks for another leader, and keeps what it has.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::strangers::{good_hello, packet};
use crate::{DEADLINE, of_three, wait};

const PROPOSAL: i32 = 2;
const COMMIT: i32 = 4;
const NEW_LEADER: i32 = 10;
const UP_TO_DATE: i32 = 12;
const DIFF: i32 = 13;
const TRUNC: i32 = 14;
const SNAP: i32 = 15;
const LEADER_INFO: i32 = 17;
const PROTOCOL: i32 = 0x1_0000;

/// Plays member 3 for member 2.
struct Impostor {
    quorum: TcpListener,
    election: TcpStream,
    round: i64,
}

impl Impostor {
    /// Takes the place of member 3, which must not run.
    fn in_place_of_3(cluster: &Cluster) -> Impostor {
        let (own, there) = (cluster.members[&3].places, cluster.members[&2].places);
        let mut election = None;
        wait("member 2 listens for elections", || {
            election = TcpStream::connect(there.election).ok();
            election.is_some()
        });
        let mut election = election.expect("waited for");
        let hello = good_hello(3, &own.election.to_string());
        election.write_all(&hello).unwrap();
        Impostor {
            quorum: TcpListener::bind(own.quorum).unwrap(),
            election,
            round: 1,
        }
    }

    /// Gets elected, and followed; takes the follower's introduction.
    fn elected(&mut self) -> Follower {
        self.round += 1000;
        let mut ballot = 0_i32.to_be_bytes().to_vec();
        for long in [3, 7 << 32, self.round, 7] {
            ballot.extend(long.to_be_bytes());
        }
        ballot.extend(0_i32.to_be_bytes());
        self.election.write_all(&40_i32.to_be_bytes()).unwrap();
        self.election.write_all(&ballot).unwrap();
        let (stream, _) = self.quorum.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut follower = Follower(stream);
        let (kind, _) = follower.hear();
        assert_eq!(kind, 11, "a follower introduces itself");
        follower
    }
}

struct Follower(TcpStream);

impl Follower {
    fn tell(&mut self, bytes: &[u8]) {
        // It may have hung up in the middle.
        let _ = self.0.write_all(bytes);
    }

    /// The kind and the zxid of its next packet.
    fn hear(&mut self) -> (i32, i64) {
        let mut head = [0; 16];
        self.0.read_exact(&mut head).unwrap();
        let kind = i32::from_be_bytes(head[..4].try_into().unwrap());
        let zxid = i64::from_be_bytes(head[4..12].try_into().unwrap());
        let length = i32::from_be_bytes(head[12..].try_into().unwrap());
        let mut rest = vec![0; usize::try_from(length.max(0)).unwrap() + 4];
        self.0.read_exact(&mut rest).unwrap();
        (kind, zxid)
    }

    /// Offers an epoch, which it accepts.
    fn promises(&mut self, epoch: i64) {
        self.tell(&packet(LEADER_INFO, epoch << 32, &PROTOCOL.to_be_bytes()));
        assert_eq!(self.hear().0, 18, "it accepts epoch {epoch}");
    }
}

/// What an impostor does to whoever follows it.
struct Lie {
    what: &'static str,
    /// Whether an epoch is agreed on before.
    promised: bool,
    bytes: Vec<u8>,
    says: &'static str,
}

/// What is no packet, and what may not come first.
fn before_a_promise() -> Vec<Lie> {
    let lie = |what, bytes, says| Lie {
        what,
        promised: false,
        bytes,
        says,
    };
    let announced = |length: i32| {
        let mut bytes = PROPOSAL.to_be_bytes().to_vec();
        bytes.extend(at(1).to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes
    };
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let epoch = |epoch: i64, data: &[u8]| packet(LEADER_INFO, epoch << 32, data);
    let proposal = packet(PROPOSAL, at(1), b"x");
    let ended = "connection to server 3 ends";
    vec![
        lie("HTTP", http, ended),
        lie("oversized", announced(i32::MAX), ended),
        lie("negative", announced(-2), ended),
        lie("hangs up", Vec::new(), ended),
        lie("half an epoch", epoch(99, b"xy"), ended),
        lie(
            "old epoch",
            epoch(0, &PROTOCOL.to_be_bytes()),
            "is offered after",
        ),
        lie(
            "proposes first",
            proposal,
            "The leader has proposed what is no transaction",
        ),
    ]
}

/// What a leader may not do that has been promised an epoch.
fn behind_a_promise() -> Vec<Lie> {
    let lie = |what, bytes, says| Lie {
        what,
        promised: true,
        bytes,
        says,
    };
    let ended = "connection to server 3 ends";
    // Who hangs up first is a matter of luck.
    let either = "connected to server 3";
    let mut half = packet(SNAP, at(5), b"");
    // Two sessions are announced, one comes.
    half.extend(2_i32.to_be_bytes());
    half.extend([0; 12]);
    let mut garbage = packet(SNAP, at(5), b"");
    garbage.extend([0xff; 4096]);
    let diff = |then: Vec<u8>| [packet(DIFF, at(5), b""), then].concat();
    let hole = diff(packet(PROPOSAL, at(7), b"x"));
    let unknown = diff(packet(COMMIT, at(3), b""));
    let other = diff(packet(NEW_LEADER, 99 << 32, b""));
    vec![
        lie(
            "begins with the end",
            packet(UP_TO_DATE, -1, b""),
            "UpToDate",
        ),
        lie("half a snapshot", half, ended),
        lie("no snapshot", garbage, ended),
        lie("a hole", hole, either),
        lie("commits what is not there", unknown, either),
        lie("another epoch", other, either),
        lie(
            "cuts back to nowhere",
            packet(TRUNC, at(1), b""),
            "lies ahead",
        ),
    ]
}

/// A transaction of the impostor's epoch.
fn at(counter: i64) -> i64 {
    7 << 32 | counter
}

#[test]
fn a_follower_of_an_impostor_keeps_what_it_has() {
    let mut cluster = of_three();
    let mut client = cluster.client(1);
    for n in 0..20 {
        assert_eq!(client.create(&format!("/kept-{n}"), b"kept", 0).unwrap(), 0);
    }
    client.close().unwrap();
    let before = cluster.agreed_tree();
    cluster.kill_all();
    cluster.member(2).start();
    let mut impostor = Impostor::in_place_of_3(&cluster);
    let mut epoch = 10;
    for lie in before_a_promise().into_iter().chain(behind_a_promise()) {
        let elections = cluster.members[&2].log().matches("- LOOKING").count();
        let mut follower = impostor.elected();
        if lie.promised {
            epoch += 1;
            follower.promises(epoch);
        }
        follower.tell(&lie.bytes);
        follower.0.shutdown(std::net::Shutdown::Write).unwrap();
        wait(
            &format!("{}: it looks for another leader", lie.what),
            || cluster.members[&2].log().matches("- LOOKING").count() > elections,
        );
        let log = cluster.members[&2].log();
        let since = log
            .rmatch_indices("FOLLOWING - LEADER ELECTION TOOK")
            .next();
        let since = &log[since.expect("it has followed").0..];
        assert!(since.contains(lie.says), "{}: {since}", lie.what);
        assert!(!since.contains("panicked"), "{}: {since}", lie.what);
    }
    drop(impostor);
    cluster.member(1).start();
    cluster.member(3).start();
    cluster.settle();
    let after = cluster.agreed_tree();
    for (path, node) in &before {
        assert_eq!(after.get(path), Some(node), "{path}");
    }
    assert_eq!(cluster.member(2).end(Signal::TERM).code(), Some(143));
}

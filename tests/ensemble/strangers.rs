//! Whoever connects to the ports between members and sends nonsense loses that connection. The member says why; the
//! ensemble goes on under its leader.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::{DEADLINE, of_three, wait};

const ACK: i32 = 3;
const PING: i32 = 5;
const REQUEST: i32 = 1;
const REVALIDATE: i32 = 6;
const NEW_LEADER: i32 = 10;
const FOLLOWER_INFO: i32 = 11;
const ACK_EPOCH: i32 = 18;

/// A server that no membership names.
const UNKNOWN: i64 = 77;
const PROTOCOL: i32 = 0x1_0000;

/// A packet between members, without identities.
pub fn packet(kind: i32, zxid: i64, data: &[u8]) -> Vec<u8> {
    let mut bytes = head(kind, zxid, i32::try_from(data.len()).unwrap());
    bytes.extend(data);
    bytes.extend((-1_i32).to_be_bytes());
    bytes
}

/// What a packet begins with, and how long it says that its data is.
fn head(kind: i32, zxid: i64, length: i32) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(zxid.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes
}

fn introduction(epoch: i64, id: i64, protocol: i32, membership: i64) -> Vec<u8> {
    let mut info = id.to_be_bytes().to_vec();
    info.extend(protocol.to_be_bytes());
    info.extend(membership.to_be_bytes());
    packet(FOLLOWER_INFO, epoch << 32, &info)
}

/// How a caller at the election port says who it is.
pub fn hello(version: i64, id: i64, length: i32, address: &str) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(id.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(address.as_bytes());
    bytes
}

pub fn good_hello(id: i64, address: &str) -> Vec<u8> {
    hello(-65536, id, i32::try_from(address.len()).unwrap(), address)
}

struct Stranger(TcpStream);

impl Stranger {
    fn calls(at: SocketAddr) -> Stranger {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Stranger(stream)
    }

    fn says(mut self, bytes: &[u8]) -> Stranger {
        // Whoever is cut off in the middle is cut off.
        let _ = self.0.write_all(bytes);
        self
    }

    fn name(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Reads up to the beginning of `NEWLEADER`.
    fn hears_of_new_leader(&mut self, epoch: i64) {
        let want = [&NEW_LEADER.to_be_bytes()[..], &epoch.to_be_bytes()].concat();
        let mut heard = Vec::<u8>::new();
        while !heard.windows(want.len()).any(|bytes| bytes == want) {
            let mut bytes = [0; 4096];
            let count = self.0.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "the leader hangs up");
            heard.extend(&bytes[..count]);
        }
    }

    /// Reads whatever is answered until the other end hangs up.
    #[track_caller]
    fn gets_cut_off(mut self, case: &str) {
        let mut bytes = [0; 4096];
        loop {
            match self.0.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let late = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                    assert!(!late.contains(&error.kind()), "{case}: nobody hangs up");
                    return;
                }
            }
        }
    }
}

/// What must not change while strangers call.
struct Calm {
    leader: i64,
    elections: BTreeMap<i64, usize>,
}

impl Calm {
    fn of(cluster: &Cluster) -> Calm {
        Calm {
            leader: cluster.settle(),
            elections: elections(cluster),
        }
    }

    #[track_caller]
    fn goes_on(&self, cluster: &Cluster, path: &str) {
        for id in cluster.members.keys() {
            let mut client = cluster.client(*id);
            let path = format!("{path}-{id}");
            assert_eq!(client.create(&path, b"", 0).unwrap(), 0, "member {id}");
            client.close().unwrap();
        }
        assert_eq!(cluster.settle(), self.leader);
        assert_eq!(elections(cluster), self.elections, "nobody looks again");
        cluster.agreed_tree();
    }
}

fn elections(cluster: &Cluster) -> BTreeMap<i64, usize> {
    let members = cluster.members.values();
    let count = |log: &str| log.matches("- LOOKING").count();
    members
        .map(|member| (member.id, count(&member.log())))
        .collect()
}

/// What a stranger says, and what the leader says of it; `{}` stands for the stranger's address.
fn nonsense() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = introduction(0, UNKNOWN, PROTOCOL, 0);
    let mut many = head(FOLLOWER_INFO, 0, 0);
    many.extend(i32::MAX.to_be_bytes());
    many.extend(vec![0xff; 3 << 20]);
    let then = |packet: Vec<u8>| [good.clone(), packet].concat();
    let promise = packet(ACK_EPOCH, 0, &0_i32.to_be_bytes());
    let promised = |packet: Vec<u8>| [good.clone(), promise.clone(), packet].concat();
    let ended = "connection of learner {} ends";
    vec![
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), ended),
        ("negative length", head(FOLLOWER_INFO, 0, -7), ended),
        ("oversized", head(FOLLOWER_INFO, 0, i32::MAX), ended),
        ("no identity is so long", many, ended),
        (
            "short",
            packet(FOLLOWER_INFO, 0, b"x"),
            "protocol 0x1 is too old",
        ),
        ("hangs up", head(FOLLOWER_INFO, 0, 100), ended),
        (
            "acknowledges first",
            packet(ACK, 1, b""),
            "Ack(Zxid(1)) while Connected",
        ),
        (
            "old",
            introduction(0, UNKNOWN, 1, 0),
            "protocol 0x1 is too old",
        ),
        (
            "newer members",
            introduction(0, UNKNOWN, PROTOCOL, i64::MAX),
            "server 77 has a newer membership",
        ),
        (
            "no epoch",
            introduction(i64::from(i32::MAX), UNKNOWN, PROTOCOL, 0),
            "server 77 has accepted epoch 2147483647",
        ),
        (
            "acknowledges too early",
            then(packet(ACK, 1, b"")),
            "Ack(Zxid(1)) while Offered",
        ),
        ("twice the same", then(good.clone()), "while Offered"),
        ("promises nothing", then(packet(ACK_EPOCH, 0, b"")), ended),
        (
            "asks too early",
            promised(packet(PING, 0, b"")),
            "learner cut off: Ping {",
        ),
        ("odd sessions", promised(packet(PING, 0, b"odd")), ended),
        (
            "half a session",
            promised(packet(REVALIDATE, 0, b"half")),
            ended,
        ),
    ]
}

#[test]
fn nonsense_at_the_quorum_port_costs_its_connection() {
    let cluster = of_three();
    let calm = Calm::of(&cluster);
    let leader = &cluster.members[&calm.leader];
    for (case, bytes, says) in nonsense() {
        let stranger = Stranger::calls(leader.places.quorum).says(&bytes);
        if case == "hangs up" {
            stranger.0.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let says = says.replace("{}", &stranger.name());
        stranger.gets_cut_off(case);
        wait(&format!("{case}: the leader says {says}"), || {
            leader.says(&says)
        });
    }
    calm.goes_on(&cluster, "/after-nonsense");
}

/// One that introduces itself, is synchronised, and then says whatever it likes, again and again.
#[test]
fn an_unknown_server_has_no_voice() {
    let cluster = of_three();
    let calm = Calm::of(&cluster);
    let leader = &cluster.members[&calm.leader];
    let epoch = 1_i64 << 32;
    let mut speech = packet(ACK, epoch, b"");
    for _ in 0..3 {
        for zxid in [0, -1, epoch, epoch + 1, epoch + 1000, i64::MAX, i64::MIN] {
            speech.extend(packet(ACK, zxid, b""));
            speech.extend(packet(PING, zxid, b""));
        }
        // A session that nobody has, kept alive for ever and asked for.
        let session = [&7_i64.to_be_bytes()[..], &i32::MAX.to_be_bytes()].concat();
        speech.extend(packet(PING, 0, &session));
        speech.extend(packet(REVALIDATE, 0, &session));
        // A create by it, with nonsense for a body; and an operation that there is not.
        for op in [1_i32, 999, -11] {
            let request = [
                &7_i64.to_be_bytes()[..],
                &1_i32.to_be_bytes(),
                &op.to_be_bytes(),
                b"body",
            ];
            speech.extend(packet(REQUEST, -1, &request.concat()));
        }
    }
    let promise = packet(ACK_EPOCH, 0, &0_i32.to_be_bytes());
    let hello = [introduction(0, UNKNOWN, PROTOCOL, 0), promise].concat();
    let mut stranger = Stranger::calls(leader.places.quorum).says(&hello);
    stranger.hears_of_new_leader(epoch);
    let stranger = stranger.says(&speech);
    wait("the leader serves it", || {
        leader.metric("zk_synced_non_voting_followers").as_deref() == Some("1")
    });
    calm.goes_on(&cluster, "/with-a-stranger");
    // What it has said before means nothing the second time, either.
    let stranger = stranger.says(&speech);
    calm.goes_on(&cluster, "/with-a-parrot");
    drop(stranger);
    calm.goes_on(&cluster, "/without-a-stranger");
}

#[test]
fn those_who_are_silent_keep_nobody_out() {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let comes_back = leader % 3 + 1;
    let places = cluster.members[&leader].places;
    let call = |at: SocketAddr| move |_| Stranger::calls(at);
    let mut silent: Vec<Stranger> = (0..300).map(call(places.quorum)).collect();
    silent.extend((0..300).map(call(places.election)));
    cluster.member(comes_back).end(Signal::KILL);
    cluster.member(comes_back).start();
    assert_eq!(cluster.settle(), leader);
    let mut client = cluster.client(comes_back);
    assert_eq!(client.create("/in-spite-of-them", b"", 0).unwrap(), 0);
    cluster.agreed_tree();
    drop(silent);
}

/// Memory of a process, KiB.
fn resident_kib(cluster: &Cluster, id: i64) -> u64 {
    let status = format!("/proc/{}/status", cluster.members[&id].process());
    let status = std::fs::read_to_string(status).expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.expect("a number").parse().expect("a number")
}

#[test]
fn what_is_only_announced_takes_no_memory() {
    let cluster = of_three();
    let calm = Calm::of(&cluster);
    let leader = &cluster.members[&calm.leader];
    let before = resident_kib(&cluster, calm.leader);
    let announce = head(FOLLOWER_INFO, 0, 1 << 20);
    let callers: Vec<Stranger> = (0..100)
        .map(|_| {
            Stranger::calls(leader.places.quorum)
                .says(&announce)
                .says(&[0; 1000])
        })
        .collect();
    calm.goes_on(&cluster, "/announced");
    let more = resident_kib(&cluster, calm.leader).saturating_sub(before);
    assert!(more < 32 << 10, "{more} KiB more than before");
    drop(callers);
}

#[test]
fn nonsense_at_the_election_port_costs_its_connection() {
    let cluster = of_three();
    let calm = Calm::of(&cluster);
    let leader = &cluster.members[&calm.leader];
    // Before release 3.5 a number was all that a caller said.
    let number = i64::from_be_bytes(*b"GET / HT");
    let named = format!("connection with server {number} for elections: ");
    let refused = "hanging up on {} at the election port: ";
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), &named),
        ("another version", hello(-5, UNKNOWN, 5, "h:123"), refused),
        ("no address", hello(-65536, UNKNOWN, 0, ""), refused),
        ("negative", hello(-65536, UNKNOWN, -1, ""), refused),
        (
            "oversized",
            hello(-65536, UNKNOWN, i32::MAX, "h:123"),
            refused,
        ),
        ("without a port", good_hello(UNKNOWN, "somewhere"), refused),
        ("no port", good_hello(UNKNOWN, "h:99999"), refused),
    ];
    for (case, bytes, says) in cases {
        let stranger = Stranger::calls(leader.places.election).says(&bytes);
        let says = says.replace("{}", &stranger.name());
        stranger.gets_cut_off(case);
        wait(&format!("{case}: the leader says {says}"), || {
            leader.says(&says)
        });
    }
    // Who calls himself as the called one is called.
    let same = good_hello(calm.leader, "h:123");
    let _same = Stranger::calls(leader.places.election).says(&same);
    wait("the leader says that somebody has its id", || {
        leader.says(&format!("a server with the own id {} calls", calm.leader))
    });
    // Frames of a server that nobody knows.
    for length in [0, -1, 600_000, i32::MAX] {
        let mut bytes = good_hello(UNKNOWN, "h:123");
        bytes.extend(length.to_be_bytes());
        let stranger = Stranger::calls(leader.places.election).says(&bytes);
        stranger.gets_cut_off(&format!("a ballot of {length} bytes"));
    }
    wait("the leader says why", || {
        leader
            .log()
            .matches("connection with server 77 for elections: ")
            .count()
            == 4
    });
    // Votes that are none, and votes for somebody who does not vote.
    let mut bytes = good_hello(UNKNOWN, "h:123");
    for (state, config) in [
        (9, "version=1"),
        (0, "version=x"),
        (2, "server.x=1"),
        (2, "version=7fffffffffffffff"),
    ] {
        bytes.extend(ballot(state, UNKNOWN, i64::MAX, config));
    }
    bytes.extend([0, 0, 0, 3, 1, 2, 3]);
    let _stranger = Stranger::calls(leader.places.election).says(&bytes);
    wait("the leader says that they are none", || {
        leader
            .log()
            .matches("skipping a ballot of server 77: ")
            .count()
            >= 2
    });
    calm.goes_on(&cluster, "/after-ballots");
}

/// A ballot in its frame: everything in it is as high as it can be.
pub fn ballot(state: i32, leader: i64, round: i64, config: &str) -> Vec<u8> {
    let mut bytes = state.to_be_bytes().to_vec();
    for long in [leader, i64::MAX, round, i64::from(i32::MAX)] {
        bytes.extend(long.to_be_bytes());
    }
    bytes.extend(2_i32.to_be_bytes());
    bytes.extend(i32::try_from(config.len()).unwrap().to_be_bytes());
    bytes.extend(config.as_bytes());
    let mut framed = i32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(bytes);
    framed
}

/// While a member comes back, somebody with a voter's id votes for himself, in the last round there can be.
#[test]
fn a_false_voter_does_not_keep_a_member_out() {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let comes_back = leader % 3 + 1;
    let other = 6 - leader - comes_back;
    cluster.member(comes_back).end(Signal::KILL);
    cluster.member(comes_back).start();
    let at = cluster.members[&comes_back].places.election;
    wait("it listens", || TcpStream::connect(at).is_ok());
    let mut bytes = good_hello(other, "h:123");
    bytes.extend(ballot(0, other, i64::MAX, "version=0"));
    let liar = Stranger::calls(at).says(&bytes);
    assert_eq!(cluster.settle(), leader);
    drop(liar);
    let mut client = cluster.client(comes_back);
    assert_eq!(client.create("/in-spite-of-him", b"", 0).unwrap(), 0);
    cluster.agreed_tree();
    // Nobody is left with a round that cannot be followed by another one.
    cluster.member(leader).end(Signal::KILL);
    cluster.settle();
    cluster.member(leader).start();
    cluster.settle();
}

//! Two quorum ports, or one and a bare socket, over loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::consensus::Input;
use crate::net::peer::testing::{DEADLINE, FIELD_BYTES_MAX, Server, settings, target, until};
use crate::net::peer::{Letter, LinkGone, Links, Settings, Target};
use crate::proto::peer::{LearnerInfo, PROTOCOL_VERSION, ToLeader, ToLearner};
use crate::types::limits;
use crate::types::{LinkId, ServerId, Zxid};

fn info() -> ToLeader {
    ToLeader::Info {
        observer: false,
        accepted_epoch: 5,
        info: LearnerInfo {
            id: Some(ServerId(3)),
            protocol: PROTOCOL_VERSION,
            config_version: 0,
        },
    }
}

fn proposal(n: i64, bytes: usize) -> ToLearner {
    ToLearner::Proposal {
        zxid: Zxid(n),
        body: Bytes::from(vec![7; bytes]),
    }
}

fn encoded(packet: &ToLeader) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.append(&mut bytes);
    bytes
}

/// A bare socket to a server, and its connection as the server sees it.
fn bare(server: &mut Server, at: SocketAddr) -> (TcpStream, LinkId) {
    let socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    match server.input() {
        Input::LearnerUp(link) => (socket, link),
        other => panic!("a learner comes up first, not {other:?}"),
    }
}

/// Whether the other end ends the connection, after what it has to say.
fn is_over(socket: &mut TcpStream) -> bool {
    match socket.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// A listener where no other test can get in the way once it is gone.
fn apart() -> TcpListener {
    TcpListener::bind("127.0.0.77:0").unwrap()
}

/// Where nobody listens.
fn free_address() -> SocketAddr {
    apart().local_addr().unwrap()
}

#[test]
fn packets_go_both_ways_in_order() {
    let (mut leader, at) = Server::listening();
    let mut learner = Server::new();
    // Sent before there is a connection.
    learner.dial(at);
    learner.tell_leader(&info());
    assert_eq!(learner.input(), Input::LeaderUp);
    let Input::LearnerUp(link) = leader.input() else {
        panic!("a learner comes up first");
    };
    assert_eq!(leader.learner_says(link), info());
    assert_eq!(
        leader.links.address(link).unwrap().ip(),
        at.ip(),
        "the learner's address"
    );
    for n in 0..1000 {
        leader.links.send(link, &proposal(n, 100));
        leader.links.send(link, &ToLearner::Commit(Zxid(n)));
        if n % 7 == 0 {
            leader.links.flush();
        }
        learner.tell_leader(&ToLeader::Ack(Zxid(n)));
    }
    leader.links.flush();
    for n in 0..1000 {
        assert_eq!(learner.leader_says(), proposal(n, 100));
        assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(n)));
        assert_eq!(leader.learner_says(link), ToLeader::Ack(Zxid(n)));
    }
}

#[test]
fn either_end_can_end_it() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    learner.links.leave();
    learner.links.flush();
    assert_eq!(leader.input(), Input::LearnerDown(link));

    let (mut learner, link) = Server::dialled(&mut leader, at);
    leader.links.hang_up(link);
    leader.links.flush();
    assert_eq!(learner.input(), Input::LeaderDown);
    assert_eq!(leader.links.address(link), None);

    let (mut learner, link) = Server::dialled(&mut leader, at);
    let (mut other, _) = Server::dialled(&mut leader, at);
    leader.links.unlisten();
    leader.links.flush();
    assert_eq!(learner.input(), Input::LeaderDown);
    assert_eq!(other.input(), Input::LeaderDown);
    assert!(leader.links.stream(link).is_none());
    learner.dial(at);
    assert_eq!(learner.input(), Input::LeaderDown, "nobody listens");
}

#[test]
fn what_comes_too_late_is_passed_over() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    learner.tell_leader(&info());
    leader.send(link, &ToLearner::UpToDate);
    let mut from_learner = leader.letters.recv_timeout(DEADLINE).unwrap();
    let mut from_leader = learner.letters.recv_timeout(DEADLINE).unwrap();
    leader.links.hang_up(link);
    learner.links.leave();
    assert_eq!(leader.links.next(&mut from_learner), None);
    assert_eq!(learner.links.next(&mut from_leader), None);
    leader.links.flush();
    learner.links.flush();

    // A learner that has come while the old doors were open is none of the new ones.
    learner.dial(at);
    let mut up = until("a learner", || {
        let letter = leader.letters.recv_timeout(DEADLINE).unwrap();
        // The first letters are about the end of the earlier connection.
        (letter.from().link != link).then_some(letter)
    });
    leader.links.unlisten();
    leader.links.listen(vec![target(at)]);
    assert_eq!(leader.links.next(&mut up), None);
    leader.links.flush();
    // The new door is the old one, and leads in.
    until("the learner to be gone", || {
        (learner.input() == Input::LeaderDown).then_some(())
    });
    let (_other, _) = Server::dialled(&mut leader, at);
}

#[test]
fn a_learner_may_write_one_byte_at_a_time() {
    let (mut leader, at) = Server::listening();
    let (mut socket, link) = bare(&mut leader, at);
    socket.set_nodelay(true).unwrap();
    for byte in [encoded(&info()), encoded(&ToLeader::Ack(Zxid(9)))].concat() {
        socket.write_all(&[byte]).unwrap();
    }
    assert_eq!(leader.learner_says(link), info());
    assert_eq!(leader.learner_says(link), ToLeader::Ack(Zxid(9)));
    drop(socket);
    assert_eq!(leader.input(), Input::LearnerDown(link));
}

#[test]
fn nonsense_costs_its_sender_the_connection_and_nobody_else() {
    let (mut leader, at) = Server::listening();
    let (mut good, good_link) = Server::dialled(&mut leader, at);
    let head = |length: i32| [&[0, 0, 0, 2][..], &[0; 8], &length.to_be_bytes()].concat();
    let too_long = i32::try_from(FIELD_BYTES_MAX + 1).unwrap();
    for nonsense in [
        head(too_long),
        head(-2),
        head(i32::MIN),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let (mut socket, link) = bare(&mut leader, at);
        // What is whole before it still counts.
        socket.write_all(&encoded(&info())).unwrap();
        socket.write_all(&nonsense).unwrap();
        assert_eq!(leader.learner_says(link), info(), "{nonsense:?}");
        assert_eq!(leader.input(), Input::LearnerDown(link), "{nonsense:?}");
        assert!(is_over(&mut socket));
    }
    good.tell_leader(&info());
    assert_eq!(leader.learner_says(good_link), info());
}

#[test]
fn packets_that_nobody_expects_are_skipped() {
    let (mut leader, at) = Server::listening();
    let (mut socket, link) = bare(&mut leader, at);
    let mut bytes = Vec::new();
    ToLearner::UpToDate.append(&mut bytes);
    bytes.extend(encoded(&info()));
    socket.write_all(&bytes).unwrap();
    assert_eq!(leader.learner_says(link), info());
}

#[test]
fn the_oldest_of_too_many_silent_connections_ends() {
    let (mut leader, at) = Server::listening();
    let (mut spoken, spoken_link) = bare(&mut leader, at);
    spoken.write_all(&encoded(&info())).unwrap();
    assert_eq!(leader.learner_says(spoken_link), info());
    let mut silent: Vec<_> = (0..limits::LINKS_SILENT_MAX)
        .map(|_| bare(&mut leader, at))
        .collect();
    let (_last, _) = bare(&mut leader, at);
    let (socket, link) = &mut silent[0];
    assert_eq!(leader.input(), Input::LearnerDown(*link));
    assert!(is_over(socket));
    spoken.write_all(&encoded(&info())).unwrap();
    assert_eq!(leader.learner_says(spoken_link), info(), "it is not silent");
}

#[test]
fn what_is_sent_behind_a_stream_arrives_behind_it() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    leader.links.send(link, &ToLearner::Diff(Zxid(1)));
    let mut first = leader.links.stream(link).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(10)));
    let mut second = leader.links.stream(link).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(20)));
    // The streams are written by threads of their own, the second one before the first is through.
    let ahead = thread::spawn(move || {
        second.packet(&ToLearner::Commit(Zxid(11))).unwrap();
        second.finish();
    });
    let streaming = thread::spawn(move || {
        for n in 2..10 {
            first
                .packet(&proposal(n, limits::LINK_STREAM_BYTES / 2))
                .unwrap();
        }
        first.finish();
    });
    assert_eq!(learner.leader_says(), ToLearner::Diff(Zxid(1)));
    for n in 2..10 {
        assert_eq!(
            learner.leader_says(),
            proposal(n, limits::LINK_STREAM_BYTES / 2)
        );
    }
    for n in [10, 11, 20] {
        assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(n)));
    }
    streaming.join().unwrap();
    ahead.join().unwrap();
}

#[test]
fn a_slow_learner_slows_its_stream_down_and_nobody_else() {
    let (mut leader, at) = Server::listening();
    let (mut socket, slow) = bare(&mut leader, at);
    socket.set_read_timeout(Some(DEADLINE / 10)).unwrap();
    let (mut learner, quick) = Server::dialled(&mut leader, at);
    let mut stream = leader.links.stream(slow).unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let streaming = thread::spawn(move || {
        let slice = vec![1; 64 << 10];
        loop {
            match stream.write(&slice) {
                Ok(()) => count.fetch_add(slice.len(), Ordering::Relaxed),
                Err(LinkGone) => return,
            };
        }
    });
    // Full once nothing is added while the quick one is served a hundred times.
    until("the socket to be full", || {
        let before = written.load(Ordering::Relaxed);
        for n in 0..100 {
            leader.send(quick, &ToLearner::Commit(Zxid(n)));
            assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(n)));
        }
        (before > 0 && written.load(Ordering::Relaxed) == before).then_some(())
    });
    leader.links.hang_up(slow);
    leader.links.flush();
    streaming
        .join()
        .expect("it is told that the connection is gone");
    assert!(is_over(&mut socket), "it gets the rest, and the end");
}

#[test]
fn a_learner_whose_line_is_behind_reads_no_more() {
    const SLICE: usize = 1 << 20;
    const SLICES: i64 = 150;
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    let mut stream = leader.links.stream(link).unwrap();
    let streaming = thread::spawn(move || {
        for n in 0..SLICES {
            stream.packet(&proposal(n, SLICE)).unwrap();
        }
        stream.finish();
    });
    // Its letters are opened, but not put away.
    let (mut kept, mut next) = (Vec::new(), 0);
    let mut open = |links: &mut Links, letter: &mut Letter| {
        while let Some(input) = links.next(letter) {
            if let Input::FromLeader(packet) = input {
                assert_eq!(packet, proposal(next, SLICE));
                next += 1;
            }
        }
        next
    };
    let enough = i64::try_from(limits::LINK_UNREAD_BYTES_MAX / SLICE).unwrap();
    let mut got = 0;
    while got < enough - 1 {
        let mut letter = learner.letters.recv_timeout(DEADLINE).unwrap();
        got = open(&mut learner.links, &mut letter);
        kept.push(letter);
    }
    while let Ok(mut letter) = learner.letters.recv_timeout(Duration::from_millis(200)) {
        got = open(&mut learner.links, &mut letter);
        kept.push(letter);
    }
    assert!(got <= enough + 1, "{got} MiB are kept");
    kept.clear();
    while got < SLICES {
        let mut letter = learner.letters.recv_timeout(DEADLINE).unwrap();
        got = open(&mut learner.links, &mut letter);
    }
    streaming.join().unwrap();
}

#[test]
fn doors_move_and_connections_stay() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    // The same again is nothing new.
    leader
        .links
        .listen(vec![target(([127, 0, 0, 1], 0).into())]);
    // The port is taken by somebody else for now, who then leaves.
    let taken = apart();
    let next = taken.local_addr().unwrap();
    leader.links.listen(vec![target(next)]);
    leader.links.flush();
    until("the old door to close", || {
        leader.links.doors().is_empty().then_some(())
    });
    learner.tell_leader(&info());
    assert_eq!(leader.learner_says(link), info());
    drop(taken);
    assert_eq!(leader.door(), next);
    let (_other, _) = Server::dialled(&mut leader, next);
    learner.dial(at);
    assert_eq!(leader.input(), Input::LearnerDown(link));
    assert_eq!(
        learner.input(),
        Input::LeaderDown,
        "nobody listens there any more"
    );
}

#[test]
fn one_address_of_several_is_enough() {
    let gone = free_address();
    let mut leader = Server::new();
    let taken = apart();
    let at = |port| target(([127, 0, 0, 1], port).into());
    leader
        .links
        .listen(vec![target(taken.local_addr().unwrap()), at(0)]);
    leader.links.flush();
    let door = leader.door();
    let mut learner = Server::new();
    learner
        .links
        .dial(ServerId(1), vec![target(gone), target(door)], DEADLINE);
    learner.links.flush();
    assert_eq!(learner.input(), Input::LeaderUp);
    assert!(matches!(leader.input(), Input::LearnerUp(_)));
}

#[test]
fn all_addresses_of_the_machine_are_one_door() {
    let mut leader = Server::with(Settings {
        listen_on_all_ips: true,
        leader_no_delay: false,
        follower_no_delay: false,
        ..settings()
    });
    let elsewhere = |host: &str| Target {
        host: host.to_owned(),
        port: 0,
    };
    leader
        .links
        .listen(vec![elsewhere("192.0.2.1"), elsewhere("192.0.2.2")]);
    leader.links.flush();
    let door = leader.door();
    assert!(door.ip().is_unspecified());
    assert_eq!(leader.links.doors().len(), 1);
    let (_learner, link) = Server::dialled(&mut leader, ([127, 0, 0, 1], door.port()).into());
    assert!(
        leader.links.address(link).unwrap().is_ipv4(),
        "not its mapped form"
    );
}

#[test]
fn a_leader_that_cannot_be_reached_is_given_up() {
    let mut learner = Server::new();
    for host in ["x".repeat(300), "with\0nul".to_owned()] {
        let at = Target {
            host: host.clone(),
            port: 2888,
        };
        learner.links.dial(ServerId(1), vec![at], DEADLINE);
        learner.links.flush();
        assert_eq!(learner.input(), Input::LeaderDown, "{host}");
    }
    learner.links.dial(ServerId(1), vec![], DEADLINE);
    learner.links.flush();
    assert_eq!(learner.input(), Input::LeaderDown);
}

#[test]
fn a_dial_keeps_to_its_budget() {
    let gone = free_address();
    let mut learner = Server::with(Settings {
        dial_pause: 10 * DEADLINE,
        ..settings()
    });
    let within = Duration::from_millis(20);
    learner.links.dial(ServerId(1), vec![target(gone)], within);
    learner.links.flush();
    assert_eq!(learner.input(), Input::LeaderDown);
}

#[test]
fn a_leader_that_starts_late_is_reached() {
    let at = free_address();
    let mut learner = Server::with(Settings {
        dial_pause: Duration::from_secs(2),
        ..settings()
    });
    learner.dial(at);
    let mut leader = Server::new();
    leader.links.listen(vec![target(at)]);
    leader.links.flush();
    assert_eq!(learner.input(), Input::LeaderUp);
}

#[test]
fn a_stop_sends_what_is_queued_and_ends_everything() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    leader.links.send(link, &ToLearner::Commit(Zxid(7)));
    leader.stop();
    assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(7)));
    assert_eq!(learner.input(), Input::LeaderDown);
    assert!(TcpStream::connect(at).is_err(), "nobody listens");
    // Also in the middle of a dial, and of a stream.
    learner.dial(at);
    learner.stop();
}

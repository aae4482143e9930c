//! Snapshots in the middle of packets, over loopback.

use std::borrow::Cow;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::consensus::Input;
use crate::net::peer::testing::{Server, Taken, until};
use crate::net::peer::{LinkGone, Stream};
use crate::proto;
use crate::proto::peer::ToLearner;
use crate::storage::format::snap_stream::{SIGNATURE, SnapStreamEncoder};
use crate::types::{NodeStat, SessionId, Zxid};

const SNAP: Zxid = Zxid(0x5_0000_0007);
const DATA_BYTES: usize = 100;

/// Hands the parts of a snapshot with so many nodes to `write`. `signature` has the usual length.
fn snapshot(
    nodes: u64,
    signature: &str,
    write: &mut dyn FnMut(&[u8]) -> Result<(), LinkGone>,
) -> Result<(), LinkGone> {
    let mut encoder = SnapStreamEncoder::new();
    encoder.sessions(&[(SessionId(1), 4000), (SessionId(2), 9000)]);
    encoder.acl_lists(&[(3, &[])]);
    encoder.drain(&mut *write)?;
    for n in 0..nodes {
        let path = if n == 0 {
            String::new()
        } else {
            format!("/node{n}")
        };
        encoder.node(&path, Some(&[7; DATA_BYTES]), 3, NodeStat::default());
        if encoder.pending() > 64 << 10 {
            encoder.drain(&mut *write)?;
        }
    }
    encoder.drain(&mut *write)?;
    encoder.end();
    let mut end = encoder.take();
    end.truncate(end.len() - SIGNATURE.len());
    end.extend_from_slice(signature.as_bytes());
    write(&end)
}

fn taken(nodes: u64, is_whole: bool) -> Taken {
    Taken {
        zxid: SNAP,
        sessions: vec![(SessionId(1), 4000), (SessionId(2), 9000)],
        lists: vec![3],
        nodes,
        data_bytes: nodes * DATA_BYTES as u64,
        is_whole,
    }
}

fn encoded(packet: &ToLearner) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.append(&mut bytes);
    bytes
}

/// A server, and the bare socket of its leader.
fn follower() -> (Server, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = Server::new();
    server.dial(listener.local_addr().unwrap());
    let (socket, _) = listener.accept().unwrap();
    assert_eq!(server.input(), Input::LeaderUp);
    (server, socket)
}

fn stream_snapshot(mut stream: Stream, nodes: u64) -> Result<(), LinkGone> {
    stream.packet(&ToLearner::Snap(SNAP))?;
    snapshot(nodes, SIGNATURE, &mut |bytes| stream.write(bytes))?;
    stream.finish();
    Ok(())
}

#[test]
fn a_snapshot_comes_whole_and_packets_go_on_behind_it() {
    const NODES: u64 = 50_000;
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    leader.send(link, &ToLearner::Ping(Zxid(1)));
    let stream = leader.links.stream(link).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(2)));
    let streaming = thread::spawn(move || stream_snapshot(stream, NODES));
    leader.send(link, &ToLearner::Commit(Zxid(3)));
    assert_eq!(learner.leader_says(), ToLearner::Ping(Zxid(1)));
    assert_eq!(learner.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(learner.input(), Input::Snapshot(SNAP));
    assert_eq!(learner.snapshots(), [taken(NODES, true)]);
    assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(2)));
    assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(3)));
    assert_eq!(streaming.join().unwrap(), Ok(()));
}

#[test]
fn a_snapshot_may_come_one_byte_at_a_time() {
    let (mut server, mut socket) = follower();
    socket.set_nodelay(true).unwrap();
    let mut bytes = encoded(&ToLearner::Snap(SNAP));
    snapshot(3, SIGNATURE, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })
    .unwrap();
    bytes.extend(encoded(&ToLearner::UpToDate));
    for byte in bytes {
        socket.write_all(&[byte]).unwrap();
    }
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(server.input(), Input::Snapshot(SNAP));
    assert_eq!(server.snapshots(), [taken(3, true)]);
    assert_eq!(server.leader_says(), ToLearner::UpToDate);
}

#[test]
fn the_line_hears_that_the_leader_is_alive_while_a_snapshot_comes() {
    let (mut server, mut socket) = follower();
    socket.write_all(&encoded(&ToLearner::Snap(SNAP))).unwrap();
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    let mut parts = Vec::new();
    snapshot(20_000, SIGNATURE, &mut |part| {
        parts.push(part.to_vec());
        Ok(())
    })
    .unwrap();
    // Without the signature it goes on.
    parts.pop();
    let mut parts = parts.into_iter();
    let alive = until("a sign of life", || {
        // One byte at a time takes long enough on any machine.
        for byte in parts.next()? {
            socket.write_all(&[byte]).unwrap();
            if let Ok(mut letter) = server.letters.try_recv() {
                return server.links.next(&mut letter);
            }
        }
        None
    });
    assert_eq!(alive, Input::LeaderAlive);
}

#[test]
fn half_a_snapshot_leaves_nothing_behind() {
    // Cut off in the middle, by either side; with another signature; with a node that cannot be.
    let (mut server, mut socket) = follower();
    socket.write_all(&encoded(&ToLearner::Snap(SNAP))).unwrap();
    socket.write_all(&[0; 9]).unwrap();
    drop(socket);
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(server.input(), Input::LeaderDown);

    let (mut server, mut socket) = follower();
    socket.write_all(&encoded(&ToLearner::Snap(SNAP))).unwrap();
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    server.links.leave();
    server.links.flush();
    let forgotten = until("the snapshot to be given up", || server.snapshots().pop());
    assert!(!forgotten.is_whole);

    let (mut server, mut socket) = follower();
    socket.write_all(&encoded(&ToLearner::Snap(SNAP))).unwrap();
    snapshot(3, "BenIsThere", &mut |part| {
        socket.write_all(part).unwrap();
        Ok(())
    })
    .unwrap();
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(server.input(), Input::LeaderDown);
    assert_eq!(server.snapshots(), [taken(3, false)]);

    let (mut server, mut socket) = follower();
    let mut bytes = encoded(&ToLearner::Snap(SNAP));
    bytes.extend_from_slice(&[0; 8]);
    proto::append(&Cow::Borrowed("/refused"), &mut bytes);
    bytes.extend_from_slice(&[0; 100]);
    socket.write_all(&bytes).unwrap();
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(server.input(), Input::LeaderDown);

    // A second one does not take the place of the first.
    let (mut server, mut socket) = follower();
    for _ in 0..2 {
        socket.write_all(&encoded(&ToLearner::Snap(SNAP))).unwrap();
        snapshot(3, SIGNATURE, &mut |part| {
            // The other end may have had enough.
            socket.write_all(part).map_err(|_| LinkGone)
        })
        .ok();
    }
    assert_eq!(server.leader_says(), ToLearner::Snap(SNAP));
    assert_eq!(server.input(), Input::Snapshot(SNAP));
    assert_eq!(server.input(), Input::LeaderDown);
    assert_eq!(server.snapshots(), [taken(3, true)]);
}

//! Bytes that no client should send. Each costs its own connection at most.

use std::net::Shutdown;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::wire::{Bytes, CREATE, Client, create, eventually, request, resident_bytes, serve};

/// What connections with nonsense may leave behind, in bytes.
const ROOM: usize = 128 << 20;

fn rng() -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32])
}

fn random_bytes(rng: &mut TestRng, length_max: u32) -> Vec<u8> {
    let length = usize::try_from(rng.next_u32() % (length_max + 1)).expect("64 bits");
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[test]
fn nonsense_instead_of_a_handshake() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let mut rng = rng();
    let before = resident_bytes();
    let mut open = Vec::new();
    for round in 0..400u32 {
        let mut client = Client::silent(&server);
        let bytes = match round % 5 {
            0 => random_bytes(&mut rng, 5000),
            // A length that a frame can have, and not as many bytes.
            1 => [&0xf_ffffi32.to_be_bytes()[..], &random_bytes(&mut rng, 100)].concat(),
            2 => (rng.next_u32() | 1 << 31).to_be_bytes().to_vec(),
            3 => Bytes(random_bytes(&mut rng, 200)).framed(),
            _ => Vec::new(),
        };
        client.throw(&bytes);
        match round % 3 {
            0 => drop(client),
            1 => drop(client.socket.shutdown(Shutdown::Write)),
            _ => open.push(client),
        }
    }
    let mut client = Client::connect(&server, 10_000);
    assert_eq!(client.call(CREATE, &create("/still", b"here", 0)).err, 0);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < ROOM, "{grown} bytes");
    server.stop().unwrap();
}

#[test]
fn nonsense_in_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]).unwrap();
    let mut rng = rng();
    let mut witness = Client::connect(&server, 30_000);
    let before = resident_bytes();
    let ops = (-12..=25).chain(98..=110);
    for op in ops {
        for round in 0..12 {
            let mut client = Client::connect(&server, 30_000);
            let body = match round % 4 {
                0 => random_bytes(&mut rng, 300),
                // A string that claims to be huge.
                1 => Bytes::default().int(i32::MAX).byte(b'/').0,
                // A list that claims to be huge.
                2 => {
                    Bytes::default()
                        .blob(b"/x")
                        .blob(b"")
                        .int(i32::MAX)
                        .int(31)
                        .0
                }
                _ => {
                    let mut cut = create("/x", b"data", 0);
                    cut.truncate(usize::try_from(rng.next_u32()).unwrap() % cut.len());
                    cut
                }
            };
            let mut frames = request(1, op, &body);
            frames.extend(random_bytes(&mut rng, 20));
            client.throw(&frames);
            if round % 2 == 0 {
                drop(client.socket.shutdown(Shutdown::Write));
                while client.frame().is_some() {}
            }
        }
        assert!(witness.exists("/"), "after operation {op}");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < ROOM, "{grown} bytes");
    server.stop().unwrap();
}

#[test]
fn bytes_one_by_one_and_connections_that_stop_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["nio.sessionlessCnxnTimeout=200"]).unwrap();
    let mut half: Vec<Client> = (0..50)
        .map(|length| {
            let mut client = Client::silent(&server);
            client.throw(&[&[0, 0, 0, 45], &vec![0; length % 40][..]].concat());
            client
        })
        .collect();
    let mut slow = Client::connect(&server, 30_000);
    for byte in request(1, CREATE, &create("/slow", b"", 0)) {
        slow.send(&[byte]);
    }
    assert_eq!(slow.reply().err, 0);
    for client in &mut half {
        client.ends_silently();
    }
    eventually("they are forgotten", || {
        let mut asks = Client::silent(&server);
        asks.throw(b"srvr");
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut asks.socket, &mut answer).is_ok()
            && answer.contains("Connections: 2\n")
    });
    server.stop().unwrap();
}

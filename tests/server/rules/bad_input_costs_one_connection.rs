//! Whoever sends nonsense is answered or cut off; nobody else notices.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use crate::ask::Ask;
use crate::live;
use crate::live::Live;

/// Numbers that look random and are the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// First bytes that are no handshake.
fn openings() -> Vec<Vec<u8>> {
    let mut noise = Noise(1);
    let mut all: Vec<Vec<u8>> = vec![
        (-1_i32).to_be_bytes().to_vec(),
        i32::MAX.to_be_bytes().to_vec(),
        i32::MIN.to_be_bytes().to_vec(),
        vec![0, 0, 0, 0],
        vec![0, 0, 0, 1, 7],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
    ];
    let whole = live::handshake(0, &[0; 16], 30_000);
    all.extend((1..whole.len()).map(|end| whole[..end].to_vec()));
    all.extend((0..40).map(|at| noise.bytes(at * 3)));
    all
}

/// Frames that are no requests, for a session that is open.
fn frames() -> Vec<Vec<u8>> {
    let mut noise = Noise(2);
    let framed = |body: &[u8]| {
        let length = i32::try_from(body.len()).unwrap();
        [&length.to_be_bytes(), body].concat()
    };
    let mut all = vec![
        (-1_i32).to_be_bytes().to_vec(),
        i32::MAX.to_be_bytes().to_vec(),
        framed(&[]),
        framed(&[0; 7]),
    ];
    for op in -12..110_i32 {
        let head = [1_i32.to_be_bytes(), op.to_be_bytes()].concat();
        all.push(framed(&[&head[..], &noise.bytes(40)].concat()));
        // Lengths that claim far more than is there.
        all.push(framed(&[&head[..], &i32::MAX.to_be_bytes()].concat()));
        all.push(framed(&head));
    }
    let valid = "multi create /x y; check /x 3"
        .parse::<Ask>()
        .unwrap()
        .frame(9);
    for _ in 0..100 {
        let mut bytes = valid.clone();
        let at = 4 + usize::try_from(noise.next()).unwrap() % (bytes.len() - 4);
        bytes[at] ^= 1 << (noise.next() % 8);
        all.push(bytes);
    }
    all
}

#[test]
fn before_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    let mut bystander = Live::open(at);
    for opening in openings() {
        let mut stream = live::socket(at);
        drop(stream.write_all(&opening));
        drop(stream.shutdown(Shutdown::Write));
        // Answered (a word, by chance) or not, it ends.
        let mut rest = Vec::new();
        let ended = std::io::Read::read_to_end(&mut stream, &mut rest);
        let timed_out = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!timed_out, "{opening:?} keeps its connection");
        assert_eq!(bystander.ask("ping").err, 0);
    }
    assert!(server.failure(Duration::ZERO).is_none());
    server.stop().unwrap();
}

#[test]
fn within_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    let mut bystander = Live::open(at);
    assert_eq!(bystander.ask("create /mine x").err, 0);
    for nonsense in frames() {
        let mut live = Live::open(at);
        live.send_raw(&nonsense);
        live.send_raw(&Ask::Close.frame(99));
        // Whatever it is answered, it ends: by the close behind it at the latest.
        while let Some(heard) = live.next() {
            assert!(heard.err <= 0);
            if heard.xid == 99 {
                break;
            }
        }
        assert_eq!(bystander.ask("get /mine").data().0, "x");
    }
    assert!(server.failure(Duration::ZERO).is_none());
    server.stop().unwrap();
}

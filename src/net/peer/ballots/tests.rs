//! The election port over real sockets. A `Bench` is one server's port; a `Raw` is another server, played by
//! the test byte by byte.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;

use super::*;
use crate::config::{Member, PeerAddress, Role};
use crate::net::listen;
use crate::proto::ballot::{self, ANONYMOUS, Ballot, Hello, PeerState};
use crate::types::Zxid;

mod calls;
mod doors;
mod elect;
mod queue;
mod reach;

/// Much longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on a runtime like the peers thread's.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, test);
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = timeout(PATIENCE, future).await else {
        panic!("{what}: not within {PATIENCE:?}");
    };
    value
}

/// A port of this machine that is nobody else's, and that can be listened at again and again.
struct Reserved {
    at: SocketAddr,
    _socket: Socket,
}

fn reserve() -> Reserved {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).expect("a free port");
    let at = socket.local_addr().expect("bound").as_socket();
    Reserved {
        at: at.expect("an IPv4 address"),
        _socket: socket,
    }
}

/// A membership of servers at these addresses.
fn book(servers: &[(i64, SocketAddr)]) -> AddressBook {
    let membership = membership(servers);
    AddressBook::of(&membership, &membership)
}

fn membership(servers: &[(i64, SocketAddr)]) -> Membership {
    let members = servers.iter().map(|(id, at)| {
        let address = PeerAddress {
            host: at.ip().to_string(),
            quorum_port: 1,
            election_port: at.port(),
        };
        let member = Member {
            addresses: vec![address],
            role: Role::Participant,
            client: None,
        };
        (ServerId(*id), member)
    });
    Membership {
        members: members.collect(),
        groups: None,
        version: 0,
    }
}

fn settings(me: i64) -> ElectionSettings {
    ElectionSettings {
        me: ServerId(me),
        dial_within: PATIENCE,
        hello_within: PATIENCE,
        reachability: None,
        silent_within: PATIENCE,
        keep_alive: true,
        listen_on_all_ips: false,
        hello: HelloVersion::V1,
        bind_attempts: 0,
        bind_pause: Duration::from_millis(5),
    }
}

/// A ballot told from others by its round.
fn ballot(round: i64) -> Ballot {
    Ballot {
        state: PeerState::Looking,
        leader: ServerId(1),
        zxid: Zxid(7),
        round,
        epoch: 1,
        version: 2,
        config: Some(Bytes::from_static(b"version=0")),
    }
}

fn frame(round: i64) -> Vec<u8> {
    let mut frame = Vec::new();
    ballot(round).append(&mut frame);
    frame
}

/// The line: keeps letters until the test takes them.
#[derive(Default)]
struct Desk {
    letters: Mutex<Vec<BallotLetter>>,
    deaf: Mutex<bool>,
    woken: Notify,
}

impl BallotPort for Desk {
    fn ballot(&self, letter: BallotLetter) {
        self.letters.lock().push(letter);
    }

    fn wake(&self) {
        self.woken.notify_one();
    }

    fn deaf(&self) {
        *self.deaf.lock() = true;
        self.woken.notify_one();
    }
}

/// One server's election port.
struct Bench {
    ballots: Ballots,
    desk: Arc<Desk>,
    serving: JoinHandle<()>,
}

impl Bench {
    fn new(me: i64, servers: &[(i64, SocketAddr)]) -> Bench {
        Bench::with(settings(me), book(servers))
    }

    fn with(settings: ElectionSettings, book: AddressBook) -> Bench {
        let desk = Arc::new(Desk::default());
        let (ballots, port) = election(settings, book, Arc::clone(&desk) as Arc<dyn BallotPort>);
        Bench {
            ballots,
            desk,
            serving: spawn_local(port.serve()),
        }
    }

    fn send(&self, to: i64, round: i64) {
        self.ballots.send(ServerId(to), &ballot(round));
        self.ballots.ring();
    }

    /// The oldest letter: from whom, and its round.
    async fn letter(&self) -> (i64, i64) {
        let letter = async {
            loop {
                let first = {
                    let mut letters = self.desk.letters.lock();
                    (!letters.is_empty()).then(|| letters.remove(0))
                };
                match first {
                    Some(letter) => return letter.open(),
                    None => self.desk.woken.notified().await,
                }
            }
        };
        let (from, ballot) = soon("a letter", letter).await;
        (from.0, ballot.round)
    }

    /// Ends, with all sockets closed.
    async fn stop(self) {
        self.ballots.stop();
        soon("the end", self.serving).await.expect("no panic");
    }
}

/// Another server's end of a connection.
struct Raw {
    stream: TcpStream,
    received: BytesMut,
}

impl Raw {
    /// Connects, as soon as somebody listens.
    async fn connect(at: SocketAddr) -> Raw {
        let connected = async {
            loop {
                match TcpStream::connect(at).await {
                    Ok(stream) => return stream,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
                }
                tokio::task::yield_now().await;
            }
        };
        Raw::of(soon("a listener", connected).await)
    }

    fn of(stream: TcpStream) -> Raw {
        Raw {
            stream,
            received: BytesMut::new(),
        }
    }

    /// Connects and says who calls.
    async fn call(at: SocketAddr, from: i64, announced: SocketAddr) -> Raw {
        let mut raw = Raw::connect(at).await;
        raw.write(&hello(from, announced)).await;
        raw
    }

    async fn accept(listener: &TcpListener) -> Raw {
        let (stream, _) = soon("a caller", listener.accept()).await.expect("accepted");
        Raw::of(stream)
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("written");
    }

    async fn more(&mut self) -> usize {
        let read = soon("bytes", self.stream.read_buf(&mut self.received)).await;
        // A connection cut with something unread ends in a reset.
        read.unwrap_or(0)
    }

    /// The caller's hello.
    async fn hello(&mut self) -> Hello {
        loop {
            if let Some(hello) = Hello::split(&mut self.received).expect("a sound hello") {
                return hello;
            }
            assert_ne!(self.more().await, 0, "hung up before its hello");
        }
    }

    /// The round of the next ballot.
    async fn round(&mut self) -> i64 {
        loop {
            if let Some(message) = ballot::split(&mut self.received).expect("a sound frame") {
                return Ballot::decode(&message).expect("a sound ballot").round;
            }
            assert_ne!(self.more().await, 0, "hung up before its ballot");
        }
    }

    /// Waits until the other end has hung up.
    async fn ended(mut self) {
        while self.more().await > 0 {}
        assert!(self.received.is_empty(), "{:?}", self.received);
    }
}

fn hello(from: i64, announced: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::new();
    let address = ElectionAddress {
        host: announced.ip().to_string(),
        port: announced.port(),
    };
    let hello = Hello {
        from: ServerId(from),
        addresses: vec![address],
    };
    hello.append(HelloVersion::V1, &mut bytes);
    bytes
}

fn listener(at: &Reserved) -> TcpListener {
    let listener = listen::bind(at.at, 50).expect("a reserved port");
    TcpListener::from_std(listener).expect("a listener")
}

#[test]
fn two_servers_hear_each_other_whoever_speaks_first() {
    for (first, second) in [(1, 2), (2, 1)] {
        run(async {
            let ports = [reserve(), reserve()];
            let servers = [(1, ports[0].at), (2, ports[1].at)];
            let benches = [Bench::new(1, &servers), Bench::new(2, &servers)];
            let of = |id: i64| &benches[usize::try_from(id - 1).expect("1 or 2")];
            // The second may not listen yet: a ballot is sent again until it arrives, as elections do.
            let heard = async {
                loop {
                    of(first).send(second, 10);
                    let letter = timeout(Duration::from_millis(200), of(second).letter());
                    if let Ok(letter) = letter.await {
                        return letter;
                    }
                }
            };
            assert_eq!(soon("a ballot", heard).await, (first, 10));
            of(second).send(first, 11);
            assert_eq!(of(first).letter().await, (second, 11));
            for bench in benches {
                bench.stop().await;
            }
        });
    }
}

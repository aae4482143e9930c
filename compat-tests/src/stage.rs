//! Where a black-box test plays: the servers it runs against, shared between the tests of one program where they do not
//! disturb each other.
//!
//! A shared server is started by the first test that needs it and outlives the last one, so nobody can drop it. A small
//! watchdog ends it: a shell that waits for the end of its input, which comes when the test program ends, for whatever reason.

use std::net::SocketAddr;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use crate::server::Kind;
use crate::server::Options;
use crate::server::Server;
use crate::server::kinds;
use crate::wire::Client;
use crate::wire::Conn;
use crate::wire::request::Connect;

/// Longest session timeout that shared servers grant: no session that a test left behind expires while others run.
const LONG_SESSION_MS: i32 = 600_000;

/// One server, as a test sees it: whose it is, and where.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Whose server.
    pub kind: Kind,
    /// Its client port.
    pub addr: SocketAddr,
}

impl Stage {
    /// The stage that a running server is.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        Self {
            kind: server.kind(),
            addr: SocketAddr::from(([127, 0, 0, 1], server.port())),
        }
    }

    /// A new session.
    #[must_use]
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A session by any ConnectRequest, which must be granted.
    #[must_use]
    #[track_caller]
    pub fn client_with(&self, connect: &Connect) -> Client {
        Client::connect_with(self.addr, connect)
    }

    /// A connection on which nothing was sent yet.
    #[must_use]
    #[track_caller]
    pub fn conn(&self) -> Conn {
        Conn::open(self.addr)
    }

    /// What a new connection answers to these bytes until it ends.
    #[must_use]
    #[track_caller]
    pub fn answer_to(&self, bytes: &[u8]) -> Vec<u8> {
        let mut conn = self.conn();
        conn.send(bytes);
        conn.rest()
    }
}

/// Runs the test on the shared server of every kind, together with other tests: each keeps to its own paths, and none may
/// count transactions.
///
/// # Panics
/// When the test does, or no server can be started.
#[track_caller]
pub fn on_shared(test: impl Fn(Stage)) {
    on_shared_with(&Options::default(), test);
}

/// As [`on_shared`], with options; all tests of a program that share a server agree on them.
///
/// # Panics
/// As [`on_shared`], and when another test of the program asked for other options.
#[track_caller]
pub fn on_shared_with(options: &Options, test: impl Fn(Stage)) {
    for kind in kinds() {
        let shared = shared(kind, options);
        let _together = shared.gate.read().unwrap_or_else(PoisonError::into_inner);
        say(kind);
        test(Stage::of(&shared.server));
    }
}

/// Runs the test on the shared server of every kind while no other test does anything there: zxids can be counted.
///
/// # Panics
/// As [`on_shared`].
#[track_caller]
pub fn alone_on_shared(test: impl Fn(Stage)) {
    for kind in kinds() {
        let shared = shared(kind, &Options::default());
        let _alone = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        say(kind);
        test(Stage::of(&shared.server));
    }
}

/// Runs the test on a fresh server of every kind, started with these options; it is killed afterwards.
///
/// # Panics
/// As [`on_shared`].
#[track_caller]
pub fn on_own(options: &Options, test: impl Fn(Stage, &mut Server)) {
    for kind in kinds() {
        on_one(kind, options, &test);
    }
}

/// Runs the test on a fresh Oxkeeper only: for what we answer otherwise than Apache's server, on purpose. Each such test is
/// listed in `docs/differences.md`.
///
/// # Panics
/// As [`on_shared`].
#[track_caller]
pub fn on_oxkeeper_only(options: &Options, test: impl Fn(Stage, &mut Server)) {
    if kinds().contains(&Kind::Oxkeeper) {
        on_one(Kind::Oxkeeper, options, &test);
    }
}

#[track_caller]
fn on_one(kind: Kind, options: &Options, test: &impl Fn(Stage, &mut Server)) {
    let mut server = Server::start(kind, options.clone()).expect("the server starts");
    say(kind);
    test(Stage::of(&server), &mut server);
}

/// Names the server in the output of a failing test.
fn say(kind: Kind) {
    eprintln!("--- against {kind}");
}

struct Shared {
    server: Server,
    /// What it was started with.
    options: String,
    /// Held for reading by tests that do not disturb each other, for writing by one that wants to be alone.
    gate: RwLock<()>,
    _watchdog: Child,
}

fn shared(kind: Kind, options: &Options) -> &'static Shared {
    static JAVA: OnceLock<Shared> = OnceLock::new();
    static OXKEEPER: OnceLock<Shared> = OnceLock::new();
    let place = match kind {
        Kind::Java(_) => &JAVA,
        Kind::Oxkeeper => &OXKEEPER,
    };
    let asked = format!("{options:?}");
    let shared = place.get_or_init(|| {
        let options = options.clone().set("maxSessionTimeout", LONG_SESSION_MS);
        let server =
            Server::start(kind, options.set("maxClientCnxns", 0)).expect("the server starts");
        let watchdog = watch(&server);
        Shared {
            server,
            options: asked.clone(),
            gate: RwLock::new(()),
            _watchdog: watchdog,
        }
    });
    assert_eq!(
        shared.options, asked,
        "tests that share a server agree on its options"
    );
    shared
}

/// Starts the watchdog of a shared server: kills it and removes its folder once this program is gone.
fn watch(server: &Server) -> Child {
    let home = server.log_path().with_file_name("");
    Command::new("sh")
        .args(["-c", r#"cat; kill -9 "$0"; rm -rf "$1""#])
        .arg(
            server
                .pid()
                .expect("a started server has a process")
                .to_string(),
        )
        .arg(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be started")
}

//! A server in this process and a client that speaks raw frames to it: it can misbehave in every way.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use oxkeeper::config::Config;
use oxkeeper::server::{Server, ServerError, start};

/// No wait in these tests is longer, however loaded the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const CREATE: i32 = 1;
pub const EXISTS: i32 = 3;
pub const GET_DATA: i32 = 4;
pub const SET_DATA: i32 = 5;
pub const ADD_WATCH: i32 = 106;
pub const CLOSE: i32 = -11;

/// The error code of a request that waited too long.
pub const THROTTLED: i32 = -127;
/// The error code for a path without a node.
pub const NO_NODE: i32 = -101;

/// Settings for a server in `dir`; every line is a line of the settings file.
pub fn config(dir: &Path, lines: &[&str]) -> Config {
    let text = format!(
        "clientPort=0\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\ndataDir={}\n{}\n",
        dir.display(),
        lines.join("\n")
    );
    let loaded = Config::from_zoo_cfg(text.as_bytes(), "zoo.cfg", &[]);
    loaded.expect("the settings are good").config
}

/// Starts a server.
pub fn serve(dir: &Path, lines: &[&str]) -> Result<Server, ServerError> {
    start(&config(dir, lines))
}

/// Bytes under construction.
#[derive(Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    pub fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn long(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub fn blob(self, value: &[u8]) -> Self {
        let length = i32::try_from(value.len()).expect("short");
        let mut with_length = self.int(length);
        with_length.0.extend(value);
        with_length
    }
    /// With a length prefix before everything.
    pub fn framed(self) -> Vec<u8> {
        Bytes::default().blob(&self.0).0
    }
}

/// A request's frame.
pub fn request(xid: i32, op: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Bytes::default().int(xid).int(op);
    bytes.0.extend(body);
    bytes.framed()
}

pub fn path_watch(path: &str) -> Vec<u8> {
    Bytes::default().blob(path.as_bytes()).byte(0).0
}

pub fn create(path: &str, data: &[u8], flags: i32) -> Vec<u8> {
    let open = Bytes::default()
        .blob(path.as_bytes())
        .blob(data)
        .int(1)
        .int(31);
    open.blob(b"world").blob(b"anyone").int(flags).0
}

pub fn set_data(path: &str, data: &[u8]) -> Vec<u8> {
    Bytes::default().blob(path.as_bytes()).blob(data).int(-1).0
}

/// A reply without its header: number, error, body.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub xid: i32,
    pub err: i32,
    pub body: Vec<u8>,
}

/// A connection.
pub struct Client {
    pub socket: TcpStream,
    pub session: i64,
    pub password: Vec<u8>,
    address: SocketAddr,
    xid: i32,
}

impl Client {
    /// A connection that has said nothing yet.
    pub fn silent(server: &Server) -> Client {
        let address = server
            .client_address()
            .expect("the server has a client port");
        Client::silent_at(address)
    }

    pub fn silent_at(address: SocketAddr) -> Client {
        let socket = TcpStream::connect(address).expect("the server listens");
        socket.set_nodelay(true).expect("an open socket");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("an open socket");
        socket
            .set_write_timeout(Some(PATIENCE))
            .expect("an open socket");
        Client {
            socket,
            session: 0,
            password: vec![0; 16],
            address,
            xid: 0,
        }
    }

    /// A connection with a new session.
    pub fn connect(server: &Server, timeout_ms: i32) -> Client {
        let mut client = Client::silent(server);
        assert!(client.handshake(timeout_ms), "a session is given");
        client
    }

    /// The same session on a new connection.
    pub fn reattach(&self, timeout_ms: i32) -> Client {
        let mut client = Client::silent_at(self.address);
        client.session = self.session;
        client.password.clone_from(&self.password);
        assert!(
            client.handshake(timeout_ms),
            "the session is taken up again"
        );
        client
    }

    /// Asks for a session; false when there is no answer but the end.
    pub fn handshake(&mut self, timeout_ms: i32) -> bool {
        let head = Bytes::default().int(0).long(0).int(timeout_ms);
        let frame = head
            .long(self.session)
            .blob(&self.password)
            .byte(0)
            .framed();
        self.throw(&frame);
        let Some(answer) = self.frame() else {
            return false;
        };
        self.session = i64::from_be_bytes(answer[8..16].try_into().expect("8 bytes"));
        self.password = answer[20..36].to_vec();
        self.session != 0
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    /// Sends to a server that may close while the rest is still on its way.
    pub fn throw(&mut self, bytes: &[u8]) {
        drop(self.socket.write_all(bytes));
    }

    /// Sends a request and returns its number.
    pub fn ask(&mut self, op: i32, body: &[u8]) -> i32 {
        self.xid += 1;
        let frame = request(self.xid, op, body);
        self.send(&frame);
        self.xid
    }

    pub fn call(&mut self, op: i32, body: &[u8]) -> Reply {
        let xid = self.ask(op, body);
        let reply = self.reply();
        assert_eq!(reply.xid, xid, "replies come in order");
        reply
    }

    /// The next frame; `None` when the connection has ended.
    pub fn frame(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        let mut read = |bytes: &mut [u8]| {
            let read = self.socket.read_exact(bytes);
            let kind = read.as_ref().err().map(io::Error::kind);
            let is_late = matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
            assert!(!is_late, "nothing came for {PATIENCE:?}");
            read.ok()
        };
        read(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length");
        let mut frame = vec![0; length];
        read(&mut frame)?;
        Some(frame)
    }

    pub fn reply(&mut self) -> Reply {
        let frame = self.frame().expect("the connection lives");
        let int = |at: usize| i32::from_be_bytes(frame[at..at + 4].try_into().expect("4 bytes"));
        Reply {
            xid: int(0),
            err: int(12),
            body: frame[16..].to_vec(),
        }
    }

    /// Whether the connection ends without another frame.
    #[track_caller]
    pub fn ends_silently(&mut self) {
        assert_eq!(self.frame(), None, "the connection ends without a word");
    }

    pub fn exists(&mut self, path: &str) -> bool {
        let err = self.call(EXISTS, &path_watch(path)).err;
        assert!(err == 0 || err == NO_NODE, "exists failed with {err}");
        err == 0
    }
}

/// Waits for something to become true.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Memory of this process that is in use, in bytes.
pub fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

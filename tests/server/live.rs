//! A real server within the test's process, on a port of the system's choice, and plain sockets to it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use jute::{Reader, Writer};
use oxkeeper::config::Config;
use oxkeeper::server;
use oxkeeper::server::Server;

use crate::ask::Ask;

/// How long anything may take before a test gives up. Generous: machines are slow and loaded.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Starts a server on this directory. `more` are lines of its settings file.
pub fn start(dir: &Path, more: &str) -> Server {
    let text = format!(
        "dataDir={}\nclientPort=2181\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n{more}",
        dir.display()
    );
    let loaded = Config::from_zoo_cfg(text.as_bytes(), "zoo.cfg", &[]);
    let mut config = loaded.expect("these settings are fine").config;
    config.network.client_port = Some(0);
    config.network.max_client_cnxns = 0;
    server::start(&config).expect("the server starts")
}

pub fn address(server: &Server) -> SocketAddr {
    server.client_address().expect("it has a client port")
}

/// A client's socket. Says and hears frames.
#[derive(Debug)]
pub struct Live {
    stream: TcpStream,
    xid: i32,
    pub session: i64,
    pub password: Vec<u8>,
}

/// What a frame after the handshake begins with, and the rest.
#[derive(Debug, Clone)]
pub struct Heard {
    pub xid: i32,
    pub zxid: i64,
    pub err: i32,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn is_event(&self) -> bool {
        self.xid == -1
    }

    /// The path of an event.
    pub fn path(&self) -> String {
        let mut from = Reader::new(&self.body);
        let _kind_and_state = from.long().unwrap();
        from.string().unwrap().unwrap().into_owned()
    }

    /// Data and modification zxid of a getData reply.
    pub fn data(&self) -> (String, i64) {
        assert_eq!(self.err, 0, "{self:?}");
        let mut from = Reader::new(&self.body);
        let data = from.buffer().unwrap().unwrap_or_default();
        let data = String::from_utf8(data.to_vec()).unwrap();
        let _czxid = from.long().unwrap();
        (data, from.long().unwrap())
    }
}

/// A framed connect request.
pub fn handshake(session: i64, password: &[u8], timeout_ms: i32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut to = Writer::new(&mut body);
    to.int(0);
    to.long(0);
    to.int(timeout_ms);
    to.long(session);
    to.buffer(Some(password));
    to.bool(false);
    let mut out = Vec::new();
    Writer::new(&mut out).buffer(Some(&body));
    out
}

/// A plain socket with the deadline on it.
pub fn socket(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("the server accepts");
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The next frame of a socket; `None` when the server has closed it.
pub fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("nothing came within {DEADLINE:?}")
        }
        Err(_) => return None,
    }
    let mut body = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

impl Live {
    /// Connects and opens a session.
    pub fn open(at: SocketAddr) -> Live {
        Live::resume(at, 0, &[0; 16]).expect("a new session is granted")
    }

    /// Connects with a session to take up again; `None` when it is refused.
    pub fn resume(at: SocketAddr, session: i64, password: &[u8]) -> Option<Live> {
        let mut stream = socket(at);
        stream
            .write_all(&handshake(session, password, 30_000))
            .unwrap();
        let mut live = Live {
            stream,
            xid: 0,
            session: 0,
            password: Vec::new(),
        };
        live.welcomed().then_some(live)
    }

    /// Connects and sends requests right behind the handshake, in one write.
    pub fn open_with(at: SocketAddr, asks: &[Ask]) -> Live {
        let mut stream = socket(at);
        let mut bytes = handshake(0, &[0; 16], 30_000);
        let mut xid = 0;
        for ask in asks {
            xid += 1;
            bytes.extend(ask.frame(xid));
        }
        stream.write_all(&bytes).unwrap();
        let mut live = Live {
            stream,
            xid,
            session: 0,
            password: Vec::new(),
        };
        assert!(live.welcomed());
        live
    }

    fn welcomed(&mut self) -> bool {
        let body = frame(&mut self.stream).expect("a handshake is answered");
        let mut from = Reader::new(&body);
        let (_version, timeout) = (from.int().unwrap(), from.int().unwrap());
        self.session = from.long().unwrap();
        self.password = from.buffer().unwrap().unwrap().to_vec();
        assert_eq!(
            from.left(),
            1,
            "the read-only byte is answered, and nothing else"
        );
        timeout > 0
    }

    /// Sends without waiting; returns the xid of the first.
    pub fn send(&mut self, asks: &[Ask]) -> i32 {
        let first = self.xid + 1;
        let mut bytes = Vec::new();
        for ask in asks {
            self.xid += 1;
            bytes.extend(ask.frame(self.xid));
        }
        self.stream.write_all(&bytes).expect("the server reads");
        first
    }

    /// Sends bytes that may be anything.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        // The server may have hung up already; then there is nobody to send to.
        drop(self.stream.write_all(bytes));
    }

    /// The next frame; `None` when the server has hung up.
    pub fn next(&mut self) -> Option<Heard> {
        let body = frame(&mut self.stream)?;
        let mut from = Reader::new(&body);
        Some(Heard {
            xid: from.int().unwrap(),
            zxid: from.long().unwrap(),
            err: from.int().unwrap(),
            body: from.rest().to_vec(),
        })
    }

    pub fn hear(&mut self) -> Heard {
        self.next().expect("the server is there")
    }

    /// Asks one thing and waits for its reply; events before it are dropped.
    pub fn ask(&mut self, line: &str) -> Heard {
        let ask = line.parse().unwrap();
        let xid = match self.send(std::slice::from_ref(&ask)) {
            _ if ask == Ask::Ping => -2,
            xid => xid,
        };
        loop {
            let heard = self.hear();
            if !heard.is_event() {
                assert_eq!(heard.xid, xid, "replies come in order");
                return heard;
            }
        }
    }

    /// A second handle on the same socket, for a thread that only sends or only hears.
    pub fn twin(&self) -> Live {
        Live {
            stream: self.stream.try_clone().unwrap(),
            xid: self.xid,
            session: self.session,
            password: self.password.clone(),
        }
    }
}

//! A conversation of Apache's client with Apache's server 3.9.5, as `scripts/capture.sh` wrote it down: the client's
//! frames are sent to our server, and its answers and events must be Apache's to the last byte, in the same order.
//! Only what cannot be the same is left out: times, and the session's number and password.

#![expect(clippy::panic, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oxkeeper::config::Config;
use oxkeeper::server::{Server, start};

/// No wait in this test is longer, however loaded the machine.
const PATIENCE: Duration = Duration::from_secs(60);

enum Line {
    /// A connection begins.
    Connect,
    /// The client says.
    Asks(Vec<u8>),
    /// The server says.
    Answers(Vec<u8>),
}

struct Conversation {
    lines: Vec<Line>,
    mask: Mask,
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits"))
        .collect()
}

fn millis(line: Option<&str>) -> i64 {
    let line = line.expect("the first and the last line are times");
    line.parse().expect("milliseconds")
}

fn recorded() -> Conversation {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wire/conversation.txt");
    let text = fs::read_to_string(file).expect("the conversation was recorded");
    let mut rest = text.lines();
    let (first, last) = (millis(rest.next()), millis(rest.next_back()));
    let lines = rest.map(|line| match line.split_at(1) {
        ("=", "") => Line::Connect,
        (">", hex) => Line::Asks(bytes(hex.trim())),
        ("<", hex) => Line::Answers(bytes(hex.trim())),
        _ => panic!("not a line of a conversation: {line}"),
    });
    let lines: Vec<_> = lines.collect();
    let welcome = lines.iter().find_map(|line| match line {
        Line::Answers(frame) => Some(frame.as_slice()),
        Line::Connect | Line::Asks(_) => None,
    });
    let mut mask = Mask::new(welcome.expect("a server that answers"));
    (mask.first, mask.last) = (first, last);
    Conversation { lines, mask }
}

/// What differs between two runs.
struct Mask {
    session: [u8; 8],
    password: [u8; 16],
    first: i64,
    last: i64,
}

impl Mask {
    /// From the answer to a handshake.
    fn new(welcome: &[u8]) -> Mask {
        Mask {
            session: welcome[8..16].try_into().expect("8 bytes"),
            password: welcome[20..36].try_into().expect("16 bytes"),
            first: i64::MAX,
            last: i64::MIN,
        }
    }

    /// The frame with everything that differs replaced by words of the same length.
    fn hide(&self, frame: &[u8]) -> Vec<u8> {
        let mut hidden = replace(frame, &self.session, b"-session");
        hidden = replace(&hidden, &self.password, b"----password----");
        let mut at = 0;
        while let Some(window) = hidden.get_mut(at..at + 8) {
            let value = i64::from_be_bytes((&*window).try_into().expect("8 bytes"));
            if (self.first..=self.last).contains(&value) {
                window.copy_from_slice(b"--time--");
                at += 7;
            }
            at += 1;
        }
        hidden
    }
}

fn replace(frame: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    let found = (0..frame.len()).find(|at| frame[*at..].starts_with(from));
    if let Some(at) = found {
        out[at..at + from.len()].copy_from_slice(to);
    }
    out
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.expect("the clock is set");
    i64::try_from(since.as_millis()).expect("this millennium")
}

fn serve(dir: &Path) -> Server {
    let text = format!(
        "clientPort=0\nclientPortAddress=127.0.0.1\ndataDir={}\n",
        dir.display()
    );
    let flags = ["zookeeper.extendedTypesEnabled=true"].map(|flag| {
        let (name, value) = flag.split_once('=').expect("name and value");
        (name.to_owned(), value.to_owned())
    });
    let loaded = Config::from_zoo_cfg(text.as_bytes(), "zoo.cfg", &flags);
    start(&loaded.expect("the settings are good").config).expect("the server starts")
}

fn connect(server: &Server) -> TcpStream {
    let address = server.client_address().expect("there is a client port");
    let socket = TcpStream::connect(address).expect("the server listens");
    socket.set_nodelay(true).expect("an open socket");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("an open socket");
    socket
}

fn send(socket: &mut TcpStream, frame: &[u8]) {
    let length = u32::try_from(frame.len()).expect("short");
    let whole = [&length.to_be_bytes(), frame].concat();
    socket.write_all(&whole).expect("the server reads");
}

fn receive(socket: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).expect("the server answers");
    let length = u32::from_be_bytes(length);
    assert!(length < 1 << 20, "a frame of {length} bytes");
    let mut frame = vec![0; usize::try_from(length).expect("32 bits")];
    socket.read_exact(&mut frame).expect("a whole frame");
    frame
}

#[test]
fn our_server_answers_apaches_client_as_apaches_server_did() {
    let apache = recorded();
    let dir = tempfile::tempdir().expect("a directory");
    let server = serve(dir.path());
    let mut socket = None;
    let mut ours: Option<Mask> = None;
    let began = wall_ms();
    let mut answers = 0;
    for (number, line) in apache.lines.iter().enumerate() {
        match line {
            Line::Connect => socket = Some(connect(&server)),
            Line::Asks(frame) => {
                let mut frame = frame.clone();
                if let Some(ours) = &ours {
                    frame = replace(&frame, &apache.mask.session, &ours.session);
                    frame = replace(&frame, &apache.mask.password, &ours.password);
                }
                send(socket.as_mut().expect("connected"), &frame);
            }
            Line::Answers(theirs) => {
                let answer = receive(socket.as_mut().expect("connected"));
                let ours = ours.get_or_insert_with(|| Mask::new(&answer));
                (ours.first, ours.last) = (began, wall_ms());
                let (said, wanted) = (ours.hide(&answer), apache.mask.hide(theirs));
                assert_eq!(
                    said.escape_ascii().to_string(),
                    wanted.escape_ascii().to_string(),
                    "line {} of the conversation",
                    number + 2
                );
                answers += 1;
            }
        }
    }
    assert!(answers > 50, "a long conversation, not {answers} answers");
    server.stop().expect("the server stops");
}

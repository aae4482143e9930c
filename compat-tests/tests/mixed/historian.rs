//! A client that does things by chance, goes to another member when one does not answer, and writes down what it did
//! and saw.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use compat_tests::history::{Act, Answer, Event, Numbered, Seen};
use compat_tests::wire::multi;
use jute::Reader;
use oxkeeper::types::OpCode;

use crate::client::{self, Client, Ticket};

/// How long a member may take before the client tries another one.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longer than any trouble that tests make.
const SESSION_MS: i32 = 60_000;
/// Registers 0 to 3 are written alone, the last two always together.
pub const REGISTERS: usize = 6;
const PAIR: [usize; 2] = [4, 5];
/// How many ephemeral nodes a historian has at once.
const HELD: usize = 3;

/// What all historians of a test share.
#[derive(Debug)]
pub struct Desk {
    pub places: Vec<SocketAddr>,
    started: Instant,
    clients: AtomicUsize,
    pub answers: AtomicU64,
    pub over: AtomicBool,
}

impl Desk {
    pub fn new(places: Vec<SocketAddr>) -> Desk {
        Desk {
            places,
            started: Instant::now(),
            clients: AtomicUsize::new(0),
            answers: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).expect("a test is short")
    }
}

/// One client, and the ones by which it holds ephemeral nodes.
#[derive(Debug)]
pub struct Historian<'a> {
    desk: &'a Desk,
    number: usize,
    chance: u64,
    used: u64,
    ticket: Ticket,
    client: Option<Client>,
    held: Vec<(u64, usize, Client)>,
    pub events: Vec<Event>,
}

impl<'a> Historian<'a> {
    pub fn new(desk: &'a Desk, seed: u64) -> Historian<'a> {
        Historian {
            desk,
            number: desk.clients.fetch_add(1, Ordering::Relaxed),
            chance: seed | 1,
            used: 0,
            ticket: Ticket::new(SESSION_MS),
            client: None,
            held: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Goes on until the desk says that it is over.
    pub fn write_history(mut self) -> Vec<Event> {
        while !self.desk.over.load(Ordering::Relaxed) {
            self.one_thing();
        }
        while let Some(held) = self.held.pop() {
            self.let_go(held);
        }
        self.events
    }

    /// Creates what the others need.
    pub fn prepare(&mut self) {
        for path in ["/r", "/n", "/h"].map(str::to_owned) {
            self.made(&path, b"");
        }
        for register in 0..REGISTERS {
            self.made(&path_of(register), b"0");
        }
    }

    fn made(&mut self, path: &str, data: &[u8]) {
        let client = self.connect().expect("it is not over");
        assert_eq!(client.create(path, data, 0).unwrap(), 0, "{path}");
    }

    /// Looks at everything, at one member, after everything that anybody has seen.
    pub fn look(desk: &'a Desk, at: SocketAddr, events: &[Event]) -> Vec<Event> {
        let mut historian = Historian::new(desk, 1);
        historian.ticket.last_zxid = events.iter().map(|event| event.zxid).max().unwrap_or(0);
        historian.note(historian.number, desk.now(), historian.ticket.last_zxid, {
            (Act::Read(Vec::new()), Answer::Are(Vec::new()))
        });
        crate::wait("a member that has seen everything", || {
            let client = Client::connect(at, &historian.ticket, PATIENCE);
            historian.client = client.ok();
            historian.client.is_some()
        });
        historian
            .client
            .as_mut()
            .expect("waited for")
            .sync()
            .unwrap();
        historian.call(Act::Read((0..REGISTERS).collect()));
        historian.call(Act::ReadAppended);
        historian.call(Act::WhoHolds);
        let answered = historian.events.iter().all(|event| event.zxid != 0);
        assert!(answered, "{:?}", historian.events);
        historian.events
    }

    fn random(&mut self, below: u64) -> u64 {
        // Xorshift; the seed is not zero.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 11) % below
    }

    /// A value that nobody else uses.
    fn fresh(&mut self) -> u64 {
        self.used += 1;
        self.used * 1000 + u64::try_from(self.number).expect("few clients") + 1
    }

    fn one_thing(&mut self) {
        let register = usize::try_from(self.random(4)).expect("below 4");
        let fresh = self.fresh();
        let act = match self.random(100) {
            0..30 => Act::Write(vec![(register, fresh)]),
            30..40 => Act::Write(PAIR.map(|register| (register, fresh)).to_vec()),
            40..60 => Act::Read(vec![register]),
            60..75 => Act::Read(PAIR.to_vec()),
            75..88 => Act::Append(fresh),
            88..92 => Act::WhoHolds,
            92..94 if self.held.len() == HELD => {
                let held = self.held.remove(0);
                return self.let_go(held);
            }
            92..94 => return self.hold(fresh),
            _ => return self.refused(register, fresh),
        };
        self.call(act);
    }

    fn note(&mut self, client: usize, began: u64, zxid: i64, (act, answer): (Act, Answer)) {
        if zxid != 0 {
            self.desk.answers.fetch_add(1, Ordering::Relaxed);
        }
        self.events.push(Event {
            client,
            began,
            ended: self.desk.now(),
            zxid,
            act,
            answer,
        });
    }

    /// Goes to one member after the other until one takes the session, or gives a new one.
    fn connect(&mut self) -> Option<&mut Client> {
        let count = u64::try_from(self.desk.places.len()).expect("few members");
        let mut next = self.random(count);
        while self.client.is_none() {
            if self.desk.over.load(Ordering::Relaxed) {
                return None;
            }
            let at = self.desk.places[usize::try_from(next % count).expect("few members")];
            match Client::connect(at, &self.ticket, PATIENCE) {
                Ok(client) => self.client = Some(client),
                Err(error) if error.kind() == io::ErrorKind::Other => self.ticket.session = 0,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            next += 1;
        }
        self.client.as_mut()
    }

    fn call(&mut self, act: Act) {
        let desk = self.desk;
        let Some(client) = self.connect() else { return };
        let began = desk.now();
        let answer = perform(client, &act);
        self.ticket = client.ticket();
        if answer.is_err() {
            self.client = None;
        }
        let (zxid, answer) = answer.unwrap_or((0, Answer::Unknown));
        self.note(self.number, began, zxid, (act, answer));
    }

    /// A write that comes too late for its version.
    fn refused(&mut self, register: usize, value: u64) {
        let desk = self.desk;
        let Some(client) = self.connect() else { return };
        let mut body = client::set(&path_of(register), value.to_string().as_bytes());
        let version = body.len() - 4;
        // No register ever has it.
        body[version..].copy_from_slice(&i32::MAX.to_be_bytes());
        let began = desk.now();
        let reply = client.call(OpCode::SetData, &body);
        self.ticket = client.ticket();
        let (zxid, answer) = match reply {
            Ok(reply) => {
                assert_ne!(reply.err, 0, "no register has this version");
                (reply.zxid, Answer::Refused)
            }
            Err(_) => (0, Answer::Unknown),
        };
        if zxid == 0 {
            self.client = None;
        }
        self.note(
            self.number,
            began,
            zxid,
            (Act::Write(vec![(register, value)]), answer),
        );
    }

    /// By a session of its own, at any member.
    fn hold(&mut self, name: u64) {
        let number = self.desk.clients.fetch_add(1, Ordering::Relaxed);
        let count = u64::try_from(self.desk.places.len()).expect("few members");
        let at = usize::try_from(self.random(count)).expect("few members");
        let ticket = Ticket::new(SESSION_MS);
        let Ok(mut client) = Client::connect(self.desk.places[at], &ticket, PATIENCE) else {
            return;
        };
        let began = self.desk.now();
        let answer = perform(&mut client, &Act::Hold(name));
        let kept = answer.is_ok();
        let (zxid, answer) = answer.unwrap_or((0, Answer::Unknown));
        self.note(number, began, zxid, (Act::Hold(name), answer));
        if kept {
            self.held.push((name, number, client));
        } else {
            let lost = (Act::LetGo(name), Answer::Unknown);
            self.note(number, self.desk.now(), 0, lost);
        }
    }

    fn let_go(&mut self, (name, number, mut client): (u64, usize, Client)) {
        let began = self.desk.now();
        let answer = perform(&mut client, &Act::LetGo(name));
        let (zxid, answer) = answer.unwrap_or((0, Answer::Unknown));
        self.note(number, began, zxid, (Act::LetGo(name), answer));
    }
}

fn path_of(register: usize) -> String {
    format!("/r/{register}")
}

/// Does it, and says by which transaction, or up to which one the answer is.
fn perform(client: &mut Client, act: &Act) -> io::Result<(i64, Answer)> {
    match act {
        Act::Write(changes) => write(client, changes),
        Act::Read(registers) => read(client, registers),
        Act::Append(mark) => {
            let (zxid, path) = create(client, "/n/n-", &mark.to_string(), 2)?;
            Ok((zxid, Answer::Appended(number_of(&path))))
        }
        Act::Hold(name) => {
            let (zxid, _) = create(client, &format!("/h/{name}"), "", 1)?;
            Ok((zxid, Answer::Done))
        }
        Act::LetGo(_) => {
            let reply = good(client.call(OpCode::CloseSession, &[])?)?;
            Ok((reply, Answer::Done))
        }
        Act::WhoHolds => {
            let names = client.children("/h")?;
            let names = names.iter().map(|name| name.parse().expect("a number"));
            Ok((client.last_zxid, Answer::Held(names.collect())))
        }
        Act::ReadAppended => read_appended(client),
    }
}

/// The zxid of an answer without an error. With one the member does not know the session any more, or has no leader;
/// what was asked for may still happen.
fn good(reply: client::Reply) -> io::Result<i64> {
    match reply.err {
        0 => Ok(reply.zxid),
        code => Err(io::Error::other(format!("error {code}"))),
    }
}

fn create(client: &mut Client, path: &str, data: &str, flags: i32) -> io::Result<(i64, String)> {
    let body = client::create(path, data.as_bytes(), flags);
    let reply = client.call(OpCode::Create2, &body)?;
    good(reply.clone())?;
    let mut from = Reader::new(&reply.body);
    let path = from.string().unwrap().unwrap_or_default().into_owned();
    Ok((from.long().unwrap(), path))
}

fn write(client: &mut Client, changes: &[(usize, u64)]) -> io::Result<(i64, Answer)> {
    let bodies = changes
        .iter()
        .map(|(register, value)| client::set(&path_of(*register), value.to_string().as_bytes()));
    let bodies: Vec<Vec<u8>> = bodies.collect();
    let stats = if let [body] = bodies.as_slice() {
        let reply = client.call(OpCode::SetData, body)?;
        good(reply.clone())?;
        vec![stat(&mut Reader::new(&reply.body))]
    } else {
        let elements: Vec<_> = bodies.into_iter().map(|body| (5, body)).collect();
        let reply = client.call(OpCode::Multi, &multi::request(&elements))?;
        good(reply.clone())?;
        let mut from = Reader::new(&reply.body);
        changes
            .iter()
            .map(|_| element(&mut from, 5, stat))
            .collect()
    };
    let zxids: Vec<i64> = stats.iter().map(|(_, mzxid, _)| *mzxid).collect();
    assert!(
        zxids.iter().all(|zxid| *zxid == zxids[0]),
        "one transaction: {stats:?}"
    );
    let versions = stats.iter().map(|(_, _, version)| *version).collect();
    Ok((zxids[0], Answer::Written(versions)))
}

fn read(client: &mut Client, registers: &[usize]) -> io::Result<(i64, Answer)> {
    let paths = registers
        .iter()
        .map(|register| client::path_and_watch(&path_of(*register), false));
    let elements: Vec<_> = paths.map(|body| (4, body)).collect();
    let reply = client.call(OpCode::MultiRead, &multi::request(&elements))?;
    good(reply.clone())?;
    let mut from = Reader::new(&reply.body);
    let seen = registers.iter().map(|_| {
        element(&mut from, 4, |from| {
            let value = number(from.buffer().unwrap().unwrap_or_default());
            let (_, mzxid, version) = stat(from);
            Seen {
                value,
                version,
                mzxid,
            }
        })
    });
    Ok((reply.zxid, Answer::Are(seen.collect())))
}

fn read_appended(client: &mut Client) -> io::Result<(i64, Answer)> {
    let names = client.children("/n")?;
    let zxid = client.last_zxid;
    let mut nodes = Vec::new();
    for name in names {
        let node = client.get(&format!("/n/{name}"), false)?;
        let node = node.expect("nobody deletes it");
        let (czxid, ..) = stat(&mut Reader::new(&node.stat));
        nodes.push(Numbered {
            number: number_of(&name),
            mark: number(&node.data),
            czxid,
        });
    }
    Ok((zxid, Answer::Sequence(nodes)))
}

/// One element of a multi's answer, which must be of this kind.
fn element<T>(from: &mut Reader, kind: i32, body: impl FnOnce(&mut Reader) -> T) -> T {
    let header = (
        from.int().unwrap(),
        from.bool().unwrap(),
        from.int().unwrap(),
    );
    assert_eq!(
        (header.0, header.1),
        (kind, false),
        "an element's header: {header:?}"
    );
    body(from)
}

/// czxid, mzxid and version.
fn stat(from: &mut Reader) -> (i64, i64, i32) {
    let (czxid, mzxid) = (from.long().unwrap(), from.long().unwrap());
    let _times = (from.long().unwrap(), from.long().unwrap());
    let version = from.int().unwrap();
    let _rest = from.take(68 - 36).unwrap();
    (czxid, mzxid, version)
}

fn number(data: &[u8]) -> u64 {
    let text = std::str::from_utf8(data).expect("digits");
    text.parse().expect("a number")
}

fn number_of(name: &str) -> u64 {
    let (_, digits) = name.rsplit_once('-').expect("a numbered name");
    digits.parse().expect("a number")
}

//! A server for tests: answers every request with success, remembers what it was asked, tells watchers of
//! every setData; or misbehaves in one way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::proto::connect;
use crate::proto::event;
use crate::proto::reply;
use crate::proto::reply::ReplyHeader;
use crate::proto::request;
use crate::proto::request::Request;
use crate::types::EventType;
use crate::types::OpCode;

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Hangs up instead of answering a handshake.
    HangsUpFirst,
    /// Hangs up when it gets this request.
    HangsUpOn(OpCode),
    /// Says that the session has expired.
    Expired,
    /// Speaks another protocol.
    Garbage,
    /// Answers this request with an error.
    Fails(OpCode, i32),
    /// Fails a multi as servers do: only in its body.
    FailsInMulti(i32),
    /// Answers with another request's number.
    WrongXid,
}

/// A running server; it lasts as long as the process.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<(OpCode, String)>>>,
}

#[derive(Debug, Clone)]
struct Shared {
    fault: Fault,
    seen: Arc<Mutex<Vec<(OpCode, String)>>>,
    once: Arc<Mutex<Vec<TcpStream>>>,
    always: Arc<Mutex<Vec<TcpStream>>>,
    sessions: Arc<AtomicI64>,
}

impl Fake {
    /// Starts one.
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            fault,
            seen: Arc::default(),
            once: Arc::default(),
            always: Arc::default(),
            sessions: Arc::default(),
        };
        let seen = shared.seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), shared.clone());
                // A client that hangs up ends its thread, one way or the other.
                thread::spawn(move || shared.serve(stream));
            }
        });
        Fake { address, seen }
    }

    /// How often it was asked this.
    pub(crate) fn count(&self, op: OpCode) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(seen, _)| *seen == op).count()
    }

    /// What it was asked of this kind, in the order of arrival.
    pub(crate) fn requests(&self, op: OpCode) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let those = seen.iter().filter(|(seen, _)| *seen == op);
        those.map(|(_, request)| request.clone()).collect()
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let _handshake = read_frame(&mut stream)?;
        let mut out = Vec::new();
        match self.fault {
            Fault::HangsUpFirst => return None,
            Fault::Garbage => out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Fault::Expired => connect::append_response(0, 0, &[0; 16], Some(false), &mut out),
            _ => {
                let id = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
                connect::append_response(30_000, id, &[0; 16], Some(false), &mut out);
            }
        }
        stream.write_all(&out).ok()?;
        while self.answer(&read_frame(&mut stream)?, &mut stream)? {}
        Some(())
    }

    fn answer(&self, frame: &[u8], stream: &mut TcpStream) -> Option<bool> {
        let mut reader = request::reader(frame, frame.len());
        let header = request::decode_header(&mut reader).unwrap();
        let op = OpCode::from_code(header.op).unwrap();
        let request = Request::decode(op, &mut reader).unwrap();
        self.seen.lock().unwrap().push((op, format!("{request:?}")));
        if self.fault == Fault::HangsUpOn(op) {
            return None;
        }
        // Watches are left before the reply: who has it may count on being told.
        let own = || stream.try_clone().unwrap();
        match &request {
            Request::GetData(read) if read.watch => self.once.lock().unwrap().push(own()),
            Request::AddWatch(_) => self.always.lock().unwrap().push(own()),
            Request::SetData(_) => self.tell(),
            _ => {}
        }
        let mut out = Vec::new();
        self.reply(header.xid, op, &mut out);
        stream.write_all(&out).ok()?;
        Some(op != OpCode::CloseSession)
    }

    fn reply(&self, xid: i32, op: OpCode, out: &mut Vec<u8>) {
        let fails = |code| ReplyHeader {
            xid,
            zxid: 1,
            err: code,
        };
        match self.fault {
            Fault::Fails(bad, code) if bad == op => reply::append_header(&fails(code), out),
            Fault::WrongXid => reply::append_header(
                &ReplyHeader {
                    xid: xid + 1,
                    zxid: 1,
                    err: 0,
                },
                out,
            ),
            _ => {
                let open = reply::open(xid, 1, out);
                match (op, self.fault) {
                    (OpCode::Multi, Fault::FailsInMulti(code)) => {
                        out.extend_from_slice(&(-1_i32).to_be_bytes());
                        out.push(0);
                        out.extend_from_slice(&code.to_be_bytes());
                    }
                    (OpCode::Multi, _) => out.extend_from_slice(&[0, 0, 0, 5, 0, 0, 0, 0, 0]),
                    (OpCode::GetChildren, _) => {
                        reply::append_strings(2, ["a", "b"].into_iter(), out);
                    }
                    (OpCode::GetData, _) => {
                        out.extend_from_slice(&2_i32.to_be_bytes());
                        out.extend_from_slice(b"ab");
                        out.extend_from_slice(&[0; 68]);
                    }
                    _ => {}
                }
                open.close(out);
            }
        }
    }

    fn tell(&self) {
        let mut out = Vec::new();
        event::append_event(2, EventType::NodeDataChanged, "/n", &mut out);
        let once = std::mem::take(&mut *self.once.lock().unwrap());
        let always = self.always.lock().unwrap();
        for mut watcher in once.iter().chain(always.iter()) {
            watcher.write_all(&out).unwrap();
        }
    }
}

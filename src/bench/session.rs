//! One client session over one non-blocking socket: handshake, requests in flight, replies in order.
//! Knows frames and errors; never waits, and leaves scenarios to others.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use mio::net::TcpStream;

use crate::bench::error::BenchError;
use crate::bench::frames;
use crate::bench::frames::Template;
use crate::proto::frame;
use crate::proto::request;
use crate::types::OpCode;
use crate::types::Xid;

/// Input buffers start small, so that ten thousand idle sessions cost little, and double while full.
const INPUT_BYTES_FIRST: usize = 512;
/// A children list can be long; nothing else comes near.
const FRAME_BYTES_MAX: usize = 1 << 30;
const REPLY_HEADER_BYTES: usize = 16;
const STAT_BYTES: usize = 68;

/// A request that was sent and not answered.
#[derive(Debug)]
struct InFlight {
    xid: i32,
    op: OpCode,
    sent_at: Instant,
}

/// What a session received.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// The handshake was answered: requests may be sent.
    Opened,
    /// The oldest request in flight succeeded.
    Reply {
        /// Which operation.
        op: OpCode,
        /// When it was queued.
        sent_at: Instant,
        /// Where [`Session::bytes`] has the body, until more is received.
        body: Range<usize>,
    },
    /// A watch fired.
    Event,
}

/// A session with the server.
#[derive(Debug)]
pub(crate) struct Session {
    server: SocketAddr,
    stream: TcpStream,
    output: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    /// The bytes of `input` that were received and not yet looked at.
    unread: Range<usize>,
    in_flight: VecDeque<InFlight>,
    last_xid: i32,
    id: Option<i64>,
    closing: bool,
}

impl Session {
    /// Starts to connect; the handshake is sent as soon as the socket lets it.
    pub(crate) fn connect(server: SocketAddr, timeout_ms: i32) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Connect { server, source };
        let stream = TcpStream::connect(server).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Session {
            server,
            stream,
            output: frames::connect(timeout_ms),
            sent: 0,
            input: vec![0; INPUT_BYTES_FIRST],
            unread: 0..0,
            in_flight: VecDeque::new(),
            last_xid: 0,
            id: None,
            closing: false,
        })
    }

    /// The socket, to register it with a poll.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The server's name for the session, once it is open.
    pub(crate) fn id(&self) -> Option<i64> {
        self.id
    }

    /// Requests sent and not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether closeSession was answered: the server hangs up next.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whom it is a session with.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// Queues a request; `number` fills the template's numbers. Sent by the next [`Session::flush`].
    pub(crate) fn request(
        &mut self,
        template: &Template,
        number: impl FnMut() -> u64,
        now: Instant,
    ) {
        let op = template.op();
        let xid = if op == OpCode::Ping {
            Xid::PING.0
        } else {
            self.last_xid = self.last_xid.checked_add(1).unwrap_or(1);
            self.last_xid
        };
        template.append(xid, number, &mut self.output);
        self.in_flight.push_back(InFlight {
            xid,
            op,
            sent_at: now,
        });
    }

    /// Sends what is queued, as far as the socket takes it now.
    pub(crate) fn flush(&mut self) -> Result<(), BenchError> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if is_not_yet(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.broken(source)),
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(())
    }

    /// Receives what the socket has now. `false` when the server has hung up.
    pub(crate) fn receive(&mut self) -> Result<bool, BenchError> {
        self.input.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        loop {
            match self.stream.read(&mut self.input[self.unread.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.unread.end += count;
                    // A short read has emptied the socket: asking again would only cost a call.
                    if self.unread.end < self.input.len() {
                        return Ok(true);
                    }
                    self.input.resize(self.input.len() * 2, 0);
                }
                Err(error) if is_not_yet(&error) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// The next complete message of what was received.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, BenchError> {
        let unread = &self.input[self.unread.clone()];
        let bad = |what: String| BenchError::Protocol {
            server: self.server,
            what,
        };
        let split = frame::split(unread, FRAME_BYTES_MAX).map_err(|error| bad(error.to_string()));
        let Some((payload, _)) = split? else {
            return Ok(None);
        };
        let start = self.unread.start + frame::PREFIX_BYTES;
        let payload = start..start + payload.len();
        self.unread.start = payload.end;
        if self.id.is_none() {
            return self.opened(payload).map(Some);
        }
        self.message(payload).map(Some)
    }

    /// Bytes of the last message.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.input[range]
    }

    /// The error for a connection that the server closed.
    pub(crate) fn hung_up(&self) -> BenchError {
        let server = self.server;
        match self.id {
            None => BenchError::Handshake { server },
            Some(_) => BenchError::Closed {
                server,
                in_flight: self.in_flight.len(),
            },
        }
    }

    fn broken(&self, source: io::Error) -> BenchError {
        let server = self.server;
        match (self.id, source.kind()) {
            (_, ErrorKind::ConnectionRefused) => BenchError::Connect { server, source },
            (_, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => self.hung_up(),
            (None, _) => BenchError::Connect { server, source },
            (Some(_), _) => BenchError::Io { server, source },
        }
    }

    fn opened(&mut self, payload: Range<usize>) -> Result<Incoming, BenchError> {
        let server = self.server;
        let mut reader = request::reader(&self.input[payload], FRAME_BYTES_MAX);
        let mut head = || -> Result<_, crate::proto::DecodeError> {
            let (_version, timeout_ms, id) = (reader.int()?, reader.int()?, reader.long()?);
            reader.buffer()?;
            Ok((timeout_ms, id))
        };
        let (timeout_ms, id) = head().map_err(|error| BenchError::Protocol {
            server,
            what: format!("its answer to a handshake is not one ({error})"),
        })?;
        if timeout_ms <= 0 {
            return Err(BenchError::SessionExpired { server });
        }
        self.id = Some(id);
        Ok(Incoming::Opened)
    }

    fn message(&mut self, payload: Range<usize>) -> Result<Incoming, BenchError> {
        let server = self.server;
        let bad = |what| BenchError::Protocol { server, what };
        let message = &self.input[payload.clone()];
        let Some(head) = message.first_chunk::<REPLY_HEADER_BYTES>() else {
            return Err(bad(format!("a reply of {} bytes", message.len())));
        };
        let [x0, x1, x2, x3, .., e0, e1, e2, e3] = *head;
        let xid = i32::from_be_bytes([x0, x1, x2, x3]);
        let code = i32::from_be_bytes([e0, e1, e2, e3]);
        if xid == Xid::NOTIFICATION.0 {
            return Ok(Incoming::Event);
        }
        let Some(InFlight {
            op,
            sent_at,
            xid: want,
        }) = self.in_flight.pop_front()
        else {
            return Err(bad(format!("reply {xid} answers no request")));
        };
        if xid != want {
            return Err(bad(format!("reply {xid} where {want} is next")));
        }
        let body = payload.start + REPLY_HEADER_BYTES..payload.end;
        let code = if op == OpCode::Multi && code == 0 {
            multi_failure(&self.input[body.clone()])
        } else {
            code
        };
        if code != 0 {
            return Err(BenchError::Refused { op, code });
        }
        if op == OpCode::GetData && !is_data(&self.input[body.clone()]) {
            return Err(bad(format!("the data of a node in {} bytes", body.len())));
        }
        self.closing = op == OpCode::CloseSession;
        Ok(Incoming::Reply { op, sent_at, body })
    }
}

/// The error in the first result of a multi, which succeeds or fails as a whole; 0 for success.
/// The reply's own header says 0 either way.
fn multi_failure(body: &[u8]) -> i32 {
    let [t0, t1, t2, t3, _done, e0, e1, e2, e3, ..] = *body else {
        return crate::types::ErrorCode::MarshallingError.code();
    };
    if i32::from_be_bytes([t0, t1, t2, t3]) == OpCode::Error.code() {
        i32::from_be_bytes([e0, e1, e2, e3])
    } else {
        0
    }
}

/// Whether a body can be that of getData: the data behind its length, and a stat. Catches a server that is
/// fast because it leaves something out.
fn is_data(body: &[u8]) -> bool {
    let Some(length) = body.first_chunk() else {
        return false;
    };
    let data_bytes = u32::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    body.len() == length.len() + data_bytes as usize + STAT_BYTES
}

/// Nothing to do but wait for the socket.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected
    )
}

//! Requests of an open session. Runs of reads are served here, under one view of the tree; writes, and
//! whatever stands behind an unanswered write, go to the line in one submission.

use std::mem;

use crate::auth;
use crate::net::client::connection::{Connection, End};
use crate::net::client::outbox::Closing;
use crate::net::client::ports::Viewer;
use crate::ops;
use crate::proto::frame;
use crate::proto::reply;
use crate::proto::reply::{ReplyHeader, SaslResponse};
use crate::proto::request;
use crate::replica::Submission;
use crate::types::limits;
use crate::types::{ErrorCode, Millis, OpCode, SessionId};

/// Reads served under one hold of the tree's lock.
const READ_RUN_MAX: usize = 256;

/// Where a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Served here.
    Read(OpCode),
    /// Through the line.
    Write(OpCode),
    Auth,
    Sasl,
    /// An operation that nobody may ask for.
    Unknown,
}

/// A frame whose header is understood.
struct Request<'i> {
    xid: i32,
    kind: Kind,
    body: request::RequestReader<'i>,
    /// Bytes it takes, its length prefix included.
    bytes: usize,
}

fn kind_of(code: i32) -> Kind {
    match OpCode::from_code(code) {
        Some(OpCode::Auth) => Kind::Auth,
        Some(OpCode::Sasl) => Kind::Sasl,
        Some(op) if !op.is_client_request() => Kind::Unknown,
        Some(op) if op.is_write() => Kind::Write(op),
        Some(op) => Kind::Read(op),
        None => Kind::Unknown,
    }
}

/// Requests on their way to the line.
#[derive(Default)]
struct Queue {
    frames: Vec<u8>,
    count: usize,
}

impl Connection {
    fn kind_of(&self, code: i32) -> Kind {
        match kind_of(code) {
            Kind::Read(OpCode::Sync) if self.rooms.ports.limits.syncs_ask_the_leader => {
                Kind::Write(OpCode::Sync)
            }
            kind => kind,
        }
    }

    fn next<'i>(&self, input: &'i [u8]) -> Result<Option<Request<'i>>, End> {
        let limits = &self.rooms.ports.limits;
        let Some((payload, _)) = self.split(input)? else {
            return Ok(None);
        };
        let mut body = request::reader(payload, limits.field_bytes_max);
        let header = request::decode_header(&mut body).map_err(|source| End::Malformed {
            what: "request header",
            source,
        })?;
        let bytes = frame::PREFIX_BYTES + payload.len();
        Ok(Some(Request {
            xid: header.xid,
            kind: self.kind_of(header.op),
            body,
            bytes,
        }))
    }

    /// Processes whole requests from the start of `input`; returns how many bytes they took.
    pub(super) fn requests(&mut self, input: &[u8]) -> Result<usize, End> {
        let now = (self.rooms.ports.clock)();
        let Some(session) = self.local.outbox.session() else {
            return Ok(0);
        };
        let mut queue = Queue::default();
        let result = self.take_requests(input, session, now, &mut queue);
        self.submit(session, queue, now);
        result
    }

    fn take_requests(
        &mut self,
        input: &[u8],
        session: SessionId,
        now: Millis,
        queue: &mut Queue,
    ) -> Result<usize, End> {
        let mut at = 0;
        let (mut received, mut touched) = (0, false);
        let has_moved = self.local.outbox.closing() == Closing::AtNextRequest;
        while let Some(request) = self.next(&input[at..])? {
            if has_moved {
                return Err(End::Moved);
            }
            let waits = queue.count > 0 || self.in_flight() > 0;
            match request.kind {
                Kind::Auth => {
                    // What was read before goes with the identities of before.
                    self.submit(session, mem::take(queue), now);
                    self.auth(request.xid, request.body)?;
                }
                Kind::Sasl => self.sasl(request.xid, request.body)?,
                Kind::Unknown => self.refuse_and_drain(request.xid, -1, ErrorCode::Unimplemented),
                _ if !self.rooms.ports.auth.admits(&self.who) => {
                    self.refuse_and_drain(request.xid, 0, ErrorCode::SessionClosedRequireSaslAuth);
                }
                Kind::Read(_) if !waits => {
                    let (taken, count) = self.serve_run(&input[at..], session)?;
                    at += taken;
                    received += count;
                    touched = true;
                    if self.is_paused() {
                        self.stalled = true;
                        break;
                    }
                    continue;
                }
                Kind::Read(_) | Kind::Write(_) => {
                    self.reserve(request.bytes - frame::PREFIX_BYTES)?;
                    if let Kind::Read(op) | Kind::Write(op) = request.kind {
                        self.local.outbox.replies.asked(op);
                    }
                    queue
                        .frames
                        .extend_from_slice(&input[at..at + request.bytes]);
                    queue.count += 1;
                }
            }
            at += request.bytes;
            received += 1;
            touched |= !matches!(request.kind, Kind::Auth | Kind::Sasl);
            if self.is_paused() {
                self.stalled = true;
                break;
            }
        }
        if received > 0 {
            self.local.outbox.heard(received);
        }
        if touched {
            self.local.outbox.touch(now);
        }
        Ok(at)
    }

    /// Takes room for a request on its way to the line, if it is a large one.
    fn reserve(&self, bytes: usize) -> Result<(), End> {
        let ports = &self.rooms.ports;
        if bytes > ports.limits.large_frame_bytes && !ports.write.take_large(bytes) {
            return Err(End::TooLarge(bytes));
        }
        Ok(())
    }

    /// Serves the reads at the start of `input` under one view. Their replies are in the outbox before
    /// the view is let go.
    fn serve_run(&self, input: &[u8], session: SessionId) -> Result<(usize, u64), End> {
        let outbox = &self.local.outbox;
        let viewer = Viewer {
            session,
            conn: outbox.conn,
            who: &self.who,
        };
        let mut scratch = self.rooms.output.borrow_mut();
        let (mut at, mut count, mut end) = (0, 0, None);
        let mut last = None;
        let is_served = self.rooms.ports.read.view(viewer, &mut |reading| {
            while count < READ_RUN_MAX && scratch.len() < limits::OUTBOX_PAUSE_BYTES {
                match self.next(&input[at..]) {
                    Ok(Some(Request {
                        xid,
                        kind: Kind::Read(op),
                        mut body,
                        bytes,
                    })) => {
                        ops::serve(reading, xid, op, &mut body, &mut scratch);
                        at += bytes;
                        count += 1;
                        last = Some((xid, op));
                    }
                    Ok(_) => break,
                    Err(error) => {
                        end = Some(error);
                        break;
                    }
                }
            }
            outbox.push_local(&mut scratch);
        });
        if !is_served {
            return Err(End::NotServing);
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        outbox
            .sent
            .fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        self.rooms.ports.write.served(count);
        if let Some((xid, op)) = last {
            let (zxid, now) = (
                self.rooms.ports.read.last_zxid(),
                (self.rooms.ports.clock)(),
            );
            outbox.replies.asked(op);
            outbox.replies.answered(count, xid, zxid, now, 0);
        }
        match end {
            Some(end) => Err(end),
            None => Ok((at, count)),
        }
    }

    fn submit(&mut self, session: SessionId, queue: Queue, now: Millis) {
        if queue.count == 0 {
            return;
        }
        let count = u64::try_from(queue.count).unwrap_or(u64::MAX);
        self.local.outbox.submitted(count);
        self.rooms.ports.write.submit(Submission {
            conn: self.local.outbox.conn,
            session,
            who: std::sync::Arc::clone(&self.who),
            frames: queue.frames,
            count: queue.count,
            since: now,
        });
        self.rooms.note_submission();
    }

    /// Appends a header-only reply past the order of requests.
    fn reply_header(&self, xid: i32, zxid: i64, code: ErrorCode) {
        let mut out = Vec::new();
        reply::append_header(
            &ReplyHeader {
                xid,
                zxid,
                err: code.code(),
            },
            &mut out,
        );
        self.local.outbox.push_local(&mut out);
    }

    fn refuse_and_drain(&mut self, xid: i32, zxid: i64, code: ErrorCode) {
        self.reply_header(xid, zxid, code);
        self.drain();
    }

    fn auth(&mut self, xid: i32, mut body: request::RequestReader<'_>) -> Result<(), End> {
        let packet = request::decode_auth(&mut body).map_err(|source| End::Malformed {
            what: "auth packet",
            source,
        })?;
        let outbox = &self.local.outbox;
        let rules = &self.rooms.ports.auth;
        let scheme = packet.scheme.as_deref();
        match auth::authenticate(rules, scheme, packet.auth, &outbox.ip) {
            Ok(added) => {
                tracing::info!(
                    "auth success for scheme {} and address {}",
                    scheme.unwrap_or_default(),
                    outbox.peer
                );
                outbox.add_identities(added);
                self.who = outbox.who();
                self.reply_header(xid, 0, ErrorCode::Ok);
            }
            Err(refusal) => {
                tracing::warn!("authentication of {} failed: {refusal}", outbox.peer);
                self.refuse_and_drain(xid, 0, ErrorCode::AuthFailed);
            }
        }
        Ok(())
    }

    /// Without a JAAS section every step is answered as the end of an exchange that nobody wanted.
    fn sasl(&mut self, xid: i32, mut body: request::RequestReader<'_>) -> Result<(), End> {
        let malformed = |source| End::Malformed {
            what: "sasl token",
            source,
        };
        let null = body.error(crate::proto::DecodeErrorKind::Null);
        let request = request::decode_sasl(&mut body).map_err(malformed)?;
        request.token.ok_or(malformed(null))?;
        let mut out = Vec::new();
        reply::append_reply(xid, 0, &SaslResponse { token: None }, &mut out);
        self.local.outbox.push_local(&mut out);
        Ok(())
    }
}

//! The part of a connection that other threads see: one first-in-first-out buffer for replies and
//! events, who the client is, when it was last heard.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::net::client::bell::Bell;
use crate::net::client::replies::Replies;
use crate::types::limits;
use crate::types::{ConnId, Id, Millis, OpCode, SessionId};

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Closing {
    /// It is not.
    No = 0,
    /// Unanswered, when the client asks for anything more: its session is served elsewhere.
    AtNextRequest = 1,
    /// Once everything queued is sent.
    AfterFlush = 2,
    /// At once.
    Now = 3,
}

/// No read-only byte in the response.
const NO_BYTE: u8 = u8::MAX;

#[derive(Debug)]
struct Inner {
    bytes: Vec<u8>,
    /// The shard has been told and has not looked yet.
    marked: bool,
}

/// A connection as the rest of the server sees it.
#[derive(Debug)]
pub struct Outbox {
    /// The connection.
    pub conn: ConnId,
    /// The peer's address.
    pub peer: SocketAddr,
    /// The peer's address as its `ip` identity spells it.
    pub ip: String,
    bell: Arc<Bell>,
    inner: Mutex<Inner>,
    who: Mutex<Arc<[Id]>>,
    closing: AtomicU8,
    session: AtomicI64,
    timeout_ms: AtomicI32,
    read_only_answer: AtomicU8,
    touched: AtomicI64,
    submitted: AtomicU64,
    answered: AtomicU64,
    /// Packets received.
    pub received: AtomicU64,
    /// Packets sent.
    pub sent: AtomicU64,
    /// What was asked and how it was answered.
    pub replies: Replies,
    /// Since when it is there.
    pub established: Millis,
}

impl Outbox {
    /// A new connection, known by its address only.
    pub fn new(conn: ConnId, peer: SocketAddr, identity: Id, bell: Arc<Bell>, now: Millis) -> Self {
        Outbox {
            conn,
            peer,
            ip: identity.id.clone(),
            bell,
            inner: Mutex::new(Inner {
                bytes: Vec::new(),
                marked: false,
            }),
            who: Mutex::new([identity].into()),
            closing: AtomicU8::new(Closing::No as u8),
            session: AtomicI64::new(0),
            timeout_ms: AtomicI32::new(0),
            read_only_answer: AtomicU8::new(NO_BYTE),
            touched: AtomicI64::new(now.0),
            submitted: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            replies: Replies::default(),
            established: now,
        }
    }

    /// Appends frames from another thread. `answers` requests of this connection are thereby answered.
    /// The shard is marked, not rung.
    pub fn push(&self, bytes: &[u8], answers: u64) {
        let mut inner = self.inner.lock();
        if self.closing() == Closing::Now {
            // Nothing follows a gap: what is dropped once is dropped for good.
        } else if inner.bytes.len() + bytes.len() > limits::OUTBOX_BYTES_MAX {
            inner.bytes = Vec::new();
            inner.marked = false;
            self.closing.store(Closing::Now as u8, Ordering::Release);
        } else {
            inner.bytes.extend_from_slice(bytes);
        }
        // Published while the buffer is locked: who sees the count finds the reply in the buffer.
        self.answered.fetch_add(answers, Ordering::Release);
        self.mark(&mut inner);
        drop(inner);
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn mark(&self, inner: &mut Inner) {
        if !mem::replace(&mut inner.marked, true) {
            self.bell.mark(self.conn);
        }
    }

    /// Appends frames from the connection's own shard. `scratch` is taken and handed back empty.
    pub fn push_local(&self, scratch: &mut Vec<u8>) {
        let mut inner = self.inner.lock();
        if self.closing() == Closing::Now {
            // As in `push`.
        } else if inner.bytes.is_empty() {
            mem::swap(&mut inner.bytes, scratch);
        } else {
            inner.bytes.extend_from_slice(scratch);
        }
        drop(inner);
        scratch.clear();
    }

    /// Takes what is to be sent, leaving `spare` in its place.
    pub fn take(&self, spare: Vec<u8>) -> Vec<u8> {
        let mut inner = self.inner.lock();
        inner.marked = false;
        mem::replace(&mut inner.bytes, spare)
    }

    /// Whether and how the connection is to end.
    pub fn closing(&self) -> Closing {
        match self.closing.load(Ordering::Acquire) {
            0 => Closing::No,
            1 => Closing::AtNextRequest,
            2 => Closing::AfterFlush,
            _ => Closing::Now,
        }
    }

    /// Ends the connection. A sharper way to end wins over a milder one.
    pub fn close(&self, how: Closing) {
        self.closing.fetch_max(how as u8, Ordering::AcqRel);
        let mut inner = self.inner.lock();
        // Marked or not: while the socket takes nothing nobody looks at what was marked for sending.
        inner.marked = false;
        self.mark(&mut inner);
    }

    /// Wakes the shard for what was pushed.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Requests were handed to the line.
    pub fn submitted(&self, requests: u64) {
        self.submitted.fetch_add(requests, Ordering::Relaxed);
    }

    /// Requests handed to the line and not answered yet. Only the connection's own shard adds some: when
    /// it finds none in flight, none are.
    pub fn in_flight(&self) -> u64 {
        let answered = self.answered.load(Ordering::Acquire);
        self.submitted
            .load(Ordering::Relaxed)
            .saturating_sub(answered)
    }

    /// The identities of the client now.
    pub fn who(&self) -> Arc<[Id]> {
        Arc::clone(&self.who.lock())
    }

    /// Adds identities that are not there yet.
    pub fn add_identities(&self, added: Vec<Id>) {
        let mut who = self.who.lock();
        let mut all = who.to_vec();
        for id in added {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        *who = all.into();
    }

    /// The session, once there is one.
    pub fn session(&self) -> Option<SessionId> {
        match self.session.load(Ordering::Acquire) {
            0 => None,
            session => Some(SessionId(session)),
        }
    }

    /// The handshake has succeeded, and `response` says so. Who sees the session finds the response in
    /// the buffer: requests that a client sends right behind its handshake are answered behind it.
    pub fn welcome(&self, session: SessionId, timeout_ms: i32, response: &[u8]) {
        let mut inner = self.inner.lock();
        inner.bytes.extend_from_slice(response);
        self.timeout_ms.store(timeout_ms, Ordering::Relaxed);
        self.replies.asked(OpCode::CreateSession);
        self.session.store(session.0, Ordering::Release);
        self.mark(&mut inner);
        drop(inner);
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// The session timeout negotiated on this connection.
    pub fn timeout_ms(&self) -> i32 {
        self.timeout_ms.load(Ordering::Relaxed)
    }

    /// Remembers what the handshake's response says of read-only mode; `None`: the request had no such
    /// byte.
    pub fn answer_read_only(&self, answer: Option<bool>) {
        let answer = answer.map_or(NO_BYTE, u8::from);
        self.read_only_answer.store(answer, Ordering::Relaxed);
    }

    /// What the response's read-only byte must be: absent if the request had none.
    pub fn read_only_answer(&self) -> Option<bool> {
        match self.read_only_answer.load(Ordering::Relaxed) {
            NO_BYTE => None,
            answer => Some(answer == u8::from(true)),
        }
    }

    /// This many packets came in.
    pub fn heard(&self, packets: u64) {
        self.received.fetch_add(packets, Ordering::Relaxed);
    }

    /// The client asked for something, which keeps its session alive. Authentication does not.
    pub fn touch(&self, now: Millis) {
        self.touched.store(now.0, Ordering::Relaxed);
    }

    /// When the client was last heard.
    pub fn touched(&self) -> Millis {
        Millis(self.touched.load(Ordering::Relaxed))
    }

    /// Bytes waiting to be taken.
    pub fn queued_bytes(&self) -> usize {
        self.inner.lock().bytes.len()
    }
}

#[cfg(test)]
mod tests;

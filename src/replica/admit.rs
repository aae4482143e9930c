//! From the gate into the pipeline: writes are judged, reads wait behind them, sessions are opened.

use std::sync::Arc;

use crate::pipeline::{Asker, Incoming, Item, Prepared, State};
use crate::proto::request;
use crate::replica::gate::{Door, Verdict, Visitor, Waiting};
use crate::replica::submission::{Header, Submission};
use crate::replica::{Now, Replica};
use crate::types::{ConnId, ErrorCode, OpCode, SessionId};

/// A session that a connection asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    /// Who asks.
    pub conn: ConnId,
    /// Its number.
    pub session: SessionId,
    /// Its timeout, ms.
    pub timeout_ms: i32,
}

impl Replica {
    /// Takes what a connection read. It enters the pipeline as far as the gate lets it; the rest waits.
    pub fn submit(&mut self, state: &State, submission: Submission, door: &mut dyn Door, now: Now) {
        self.gate.push(Waiting::Requests(submission, 0));
        self.admit(state, door, now);
    }

    /// Opens a session for a connection once the gate lets it; the answer is an effect of finishing.
    pub fn open_session(&mut self, state: &State, new: NewSession, door: &mut dyn Door, now: Now) {
        self.gate.push(Waiting::Session(new, now.monotonic));
        self.admit(state, door, now);
    }

    /// Lets in whoever waits at the gate, as far as there is room.
    pub fn admit(&mut self, state: &State, door: &mut dyn Door, now: Now) {
        while let Some(waiting) = self.gate.pop() {
            let left = match waiting {
                Waiting::Requests(submission, at) => {
                    self.admit_requests(state, submission, at, door, now)
                }
                Waiting::Session(new, since) => {
                    let visitor = Visitor {
                        conn: new.conn,
                        op: OpCode::CreateSession,
                        since,
                    };
                    let verdict = self.gate.judge(visitor, now.monotonic, door);
                    if verdict == Verdict::Enter {
                        self.create_session(new, now);
                    }
                    (verdict == Verdict::Wait).then_some(Waiting::Session(new, since))
                }
            };
            if let Some(waiting) = left {
                self.gate.put_back(waiting);
                return;
            }
        }
    }

    /// Returns what has to wait.
    fn admit_requests(
        &mut self,
        state: &State,
        submission: Submission,
        at: usize,
        door: &mut dyn Door,
        now: Now,
    ) -> Option<Waiting> {
        let mut requests = submission.requests_from(at);
        loop {
            let at = submission.frames.len() - requests.rest_bytes();
            let (header, body) = requests.next()?;
            let visitor = Visitor {
                conn: submission.conn,
                op: header.op,
                since: submission.since,
            };
            let asker = Asker {
                conn: submission.conn,
                xid: header.xid,
                size: header.size,
                since: submission.since,
            };
            match self.gate.judge(visitor, now.monotonic, door) {
                Verdict::Enter => self.take(state, &submission, (header, body), asker, now),
                Verdict::Refuse => {
                    let code = ErrorCode::ThrottledOp;
                    self.enter(Item::Refusal { asker, code });
                }
                Verdict::Drop => self.open.items.push_back(Item::Nothing { asker }),
                Verdict::Wait => return Some(Waiting::Requests(submission, at)),
            }
        }
    }

    fn enter(&mut self, item: Item) {
        self.gate.entered();
        self.open.items.push_back(item);
    }

    fn take(
        &mut self,
        state: &State,
        submission: &Submission,
        (header, body): (Header, &[u8]),
        asker: Asker,
        now: Now,
    ) {
        if header.op.is_write() {
            let incoming = Incoming {
                session: submission.session,
                xid: header.xid,
                op: header.op,
                body: request::reader(body, self.rules.field_bytes_max),
                who: &submission.who,
            };
            self.write(state, incoming, asker, now);
        } else if self.is_usable(state, submission.session) {
            let start = self.open.frames.len();
            self.open.frames.extend_from_slice(body);
            self.enter(Item::Read {
                asker,
                session: submission.session,
                op: header.op,
                body: start..self.open.frames.len(),
                who: Arc::clone(&submission.who),
            });
        } else {
            self.open.items.push_back(Item::Nothing { asker });
        }
    }

    fn write(&mut self, state: &State, incoming: Incoming<'_>, asker: Asker, now: Now) {
        let start = self.open.log.len();
        let log = &mut self.open.log;
        let prepared = self
            .prep
            .request(state, &self.rules, incoming, now.wall, log);
        match prepared {
            Prepared::Logged(zxid) => {
                self.gate.entered();
                self.open.push_txn(zxid, start, Some(asker));
            }
            Prepared::Refused(code) => self.enter(Item::Refusal { asker, code }),
            Prepared::Dropped => self.open.items.push_back(Item::Nothing { asker }),
        }
    }

    fn create_session(&mut self, new: NewSession, now: Now) {
        let start = self.open.log.len();
        let log = &mut self.open.log;
        let prepared = self
            .prep
            .open_session(new.session, new.timeout_ms, now.wall, log);
        if let Prepared::Logged(zxid) = prepared {
            let asker = Asker {
                conn: new.conn,
                xid: 0,
                size: 0,
                since: now.monotonic,
            };
            self.gate.entered();
            self.open.push_txn(zxid, start, Some(asker));
        }
    }
}

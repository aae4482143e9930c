//! From the gate into the pipeline: writes are judged, reads wait behind them, sessions are opened.

use std::sync::Arc;

use crate::ops;
use crate::pipeline::{Asker, Incoming, Item, Prepared, Standing, State};
use crate::proto::request::Request;
use crate::replica::gate::{Door, Verdict, Visitor, Waiting};
use crate::replica::role::Role;
use crate::replica::submission::{Header, Submission};
use crate::replica::{Now, Replica};
use crate::session::owners::Server;
use crate::types::{ConnId, ErrorCode, OpCode, SessionId};

/// A session that a connection wants to take up again. Its password is right.
#[derive(Debug, Clone, Copy)]
pub struct Resume {
    /// Who asks.
    pub conn: ConnId,
    /// Its number.
    pub session: SessionId,
    /// Its timeout, ms.
    pub timeout_ms: i32,
}

/// What becomes of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// It is the connection's.
    Granted,
    /// It has ended.
    Refused,
    /// The leader is asked; the answer is an effect of finishing.
    Asked,
    /// Nobody can tell: the connection must end without an answer.
    Unknown,
}

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
        if submission.conn < self.first_conn {
            self.unanswered.extend(submission.askers_from(0));
            return;
        }
        self.gate.push(Waiting::Requests(submission, 0));
        self.admit(state, door, now);
    }

    /// Opens a session for a connection once the gate lets it; the answer is an effect of finishing.
    pub fn open_session(&mut self, state: &State, new: NewSession, door: &mut dyn Door, now: Now) {
        if new.conn < self.first_conn {
            return;
        }
        self.gate.push(Waiting::Session(new, now.monotonic));
        self.admit(state, door, now);
    }

    /// Gives a session to a connection that wants to take it up again, if it can be used. A new owner is
    /// known at once.
    pub fn resume_session(&mut self, state: &State, resume: Resume) -> Resumption {
        if resume.conn < self.first_conn {
            return Resumption::Unknown;
        }
        match self.role {
            Role::None | Role::Elected { .. } => Resumption::Unknown,
            Role::ReadOnly => self.resume_to_read(resume.session),
            _ if self.is_local(resume.session) => Resumption::Granted,
            Role::Learner => {
                self.ask_to_resume(resume);
                Resumption::Asked
            }
            Role::Standalone | Role::Leader if !self.prep.is_usable(state, resume.session) => {
                Resumption::Refused
            }
            Role::Standalone => Resumption::Granted,
            Role::Leader => {
                self.owners.give(resume.session, Server::Here);
                Resumption::Granted
            }
        }
    }

    /// Lets in whoever waits at the gate, as far as there is room, after what learners want.
    pub fn admit(&mut self, state: &State, door: &mut dyn Door, now: Now) {
        match self.role {
            Role::Elected { .. } => return,
            Role::Leader => self.admit_learners(state, door, now),
            Role::Standalone | Role::None | Role::ReadOnly | Role::Learner => {}
        }
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
            let asker = submission.asker(header);
            match self.gate.judge(visitor, now.monotonic, door) {
                Verdict::Enter => self.take(state, &submission, (header, body), asker, now),
                Verdict::Refuse => {
                    self.gate.entered();
                    self.refuse(submission.session, asker, ErrorCode::ThrottledOp);
                }
                Verdict::Drop if self.role == Role::None => self.unanswered.push(asker),
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
        if self.role == Role::Learner {
            self.learn(state, submission, (header, body), asker);
        } else if self.role == Role::ReadOnly {
            self.look_only(state, submission, (header, body), asker);
        } else if header.op.is_write() {
            let session = submission.session;
            if header.op == OpCode::CloseSession && self.close_local(session, asker) {
                self.gate.entered();
                return;
            }
            if self.role == Role::Leader
                && let Err(code) = self.look_early(state, submission, (header.op, body), now)
            {
                self.enter(Item::Refusal { asker, code });
                return;
            }
            let incoming = Incoming {
                session,
                xid: header.xid,
                op: header.op,
                body: self.reader(body),
                who: &submission.who,
                standing: self.standing(state, session, header.op),
                is_forwarded: false,
            };
            self.write(state, incoming, asker, now);
        } else if self.is_known(state, submission.session) {
            self.gate.entered();
            self.read(submission, asker, header.op, body);
        } else {
            self.open.items.push_back(Item::Nothing { asker });
        }
    }

    /// What an ensemble wants of a leader's own client before its request is judged.
    ///
    /// # Errors
    /// Why it is not.
    // apache 3.9.5: server/quorum/LeaderRequestProcessor.java processRequest
    fn look_early(
        &mut self,
        state: &State,
        from: &Submission,
        (op, body): (OpCode, &[u8]),
        now: Now,
    ) -> Result<(), ErrorCode> {
        let session = from.session;
        let is_checked = self.rules.eager_acl_check && self.is_known(state, session);
        if !is_checked && !self.is_local(session) {
            return Ok(());
        }
        let mut body = self.reader(body);
        let Ok(request) = Request::decode(op, &mut body) else {
            return Ok(());
        };
        ops::screen(&self.rules, &state.tree, &from.who, &request)?;
        self.upgrade_own(state, session, &request, now);
        Ok(())
    }

    /// What a client of this server may do, when this server judges its requests.
    fn standing(&mut self, state: &State, session: SessionId, op: OpCode) -> Standing {
        if self.prep.is_usable(state, session) {
            let is_moved = self.role == Role::Leader && self.is_moved(session, op, Server::Here);
            return if is_moved {
                Standing::Bad(ErrorCode::SessionMoved)
            } else {
                Standing::Good
            };
        }
        if self.is_local(session) {
            return Standing::Local(ErrorCode::EphemeralOnLocalSession);
        }
        Standing::Gone
    }

    /// Whether a client of this server may ask for things.
    fn is_known(&self, state: &State, session: SessionId) -> bool {
        self.prep.is_usable(state, session) || self.is_local(session)
    }

    /// A read is served between the transactions around it.
    pub(super) fn read(&mut self, from: &Submission, asker: Asker, op: OpCode, body: &[u8]) {
        let start = self.open.frames.len();
        self.open.frames.extend_from_slice(body);
        self.open.items.push_back(Item::Read {
            asker,
            session: from.session,
            op,
            body: start..self.open.frames.len(),
            who: Arc::clone(&from.who),
        });
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
        if self.open_local(new, now) {
            return;
        }
        match self.role {
            Role::Learner => return self.ask_for_session(new, now),
            Role::Leader => {
                self.owners.give(new.session, Server::Here);
            }
            Role::ReadOnly => return self.open_nothing(new, now),
            Role::Standalone | Role::None | Role::Elected { .. } => {}
        }
        let start = self.open.log.len();
        let log = &mut self.open.log;
        let prepared = self
            .prep
            .open_session(new.session, new.timeout_ms, now.wall, log);
        if let Prepared::Logged(zxid) = prepared {
            let asker = Asker::handshake(new.conn, now.monotonic);
            self.gate.entered();
            self.open.push_txn(zxid, start, Some(asker));
        }
    }
}

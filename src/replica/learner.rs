//! What a learner does with its clients' requests: those that change something, and syncs, go to the
//! leader; what is asked behind them waits for the answer.

use std::sync::Arc;

use bytes::Bytes;

use crate::consensus::Effect;
use crate::ops;
use crate::pipeline::{Asker, Item, Pending, Read, State};
use crate::proto::peer::{Forwarded, ToLeader};
use crate::proto::request::Request;
use crate::replica::admit::NewSession;
use crate::replica::submission::{Header, Submission};
use crate::replica::{Now, Replica, Resume};
use crate::types::{ErrorCode, Millis, OpCode, SessionId, Zxid};

impl Replica {
    /// A request of a client of this learner.
    // apache 3.9.5: server/quorum/FollowerRequestProcessor.java run, CommitProcessor.java needCommit
    pub(super) fn learn(
        &mut self,
        state: &State,
        from: &Submission,
        (header, body): (Header, &[u8]),
        asker: Asker,
    ) {
        let session = from.session;
        let op = header.op;
        if !self.is_heard(state, session) {
            self.open.items.push_back(Item::Nothing { asker });
            return;
        }
        self.gate.entered();
        if op == OpCode::CloseSession && self.close_local(session, asker) {
            return;
        }
        if op.is_write() {
            match self.prepare_for_leader(state, from, op, body) {
                Ok(()) => {
                    self.ask_leader(from, header, Bytes::copy_from_slice(body));
                    self.forward.push(session, Pending::Write { asker });
                }
                Err(code) => self.refuse(session, asker, code),
            }
        } else if op == OpCode::Sync {
            let body = Bytes::copy_from_slice(body);
            self.ask_leader(from, header, body.clone());
            self.relay.own_sync();
            let read = read(from, asker, op, body);
            let is_done = false;
            self.forward.push(session, Pending::Sync { read, is_done });
        } else if self.forward.is_busy(session) {
            let read = read(from, asker, op, Bytes::copy_from_slice(body));
            self.forward.push(session, Pending::Read(read));
        } else {
            self.read(from, asker, op, body);
        }
    }

    /// Whether requests of a session are taken at all: the leader knows about those that are known to all,
    /// but not about local ones.
    // apache 3.9.5: server/quorum/LearnerSessionTracker.java touchSession
    pub(super) fn is_heard(&self, state: &State, session: SessionId) -> bool {
        self.local.as_ref().is_none_or(|local| {
            local.is_open(session)
                || local.is_upgrading(session)
                || state.sessions.is_known(session)
        })
    }

    /// What has to happen before the leader is asked to write something.
    ///
    /// # Errors
    /// Why it is not asked. It must not get what it could make no sense of: Apache's leader would propose
    /// the refusal under a number that is taken, and stop committing. A multi is harmless.
    // apache 3.9.5: server/PrepRequestProcessor.java pRequestHelper, its last catch
    fn prepare_for_leader(
        &mut self,
        state: &State,
        from: &Submission,
        op: OpCode,
        body: &[u8],
    ) -> Result<(), ErrorCode> {
        let session = from.session;
        let mut body = self.reader(body);
        let request = match Request::decode(op, &mut body) {
            Ok(request) => request,
            Err(_) if op == OpCode::Multi => return Ok(()),
            Err(_) => return Err(ErrorCode::MarshallingError),
        };
        ops::screen(&self.rules, &state.tree, &from.who, &request)?;
        if let Some(timeout_ms) = self.upgrade(session, &request) {
            self.forward_session(session, timeout_ms);
            self.forward.push(session, Pending::Upgrade);
        } else if self.is_local(session) && op != OpCode::Multi && ops::wants_ephemerals(&request) {
            // The leader refuses the elements of a multi.
            return Err(ErrorCode::EphemeralOnLocalSession);
        }
        Ok(())
    }

    /// Refuses a request, in its turn.
    pub(super) fn refuse(&mut self, session: SessionId, asker: Asker, code: ErrorCode) {
        if self.forward.is_busy(session) {
            let refusal = Pending::Refusal { asker, code };
            self.forward.push(session, refusal);
        } else {
            self.open.items.push_back(Item::Refusal { asker, code });
        }
    }

    fn ask_leader(&mut self, from: &Submission, header: Header, body: Bytes) {
        self.mail
            .push(Effect::ToLeader(ToLeader::Request(Forwarded {
                session: from.session,
                cxid: header.xid,
                op: header.op.code(),
                body,
                who: Arc::clone(&from.who),
            })));
    }

    /// Asks the leader for a session.
    pub(super) fn ask_for_session(&mut self, new: NewSession, now: Now) {
        self.forward_session(new.session, new.timeout_ms);
        let asker = Asker::handshake(new.conn, now.monotonic);
        self.gate.entered();
        self.forward.push(new.session, Pending::Write { asker });
    }

    fn forward_session(&mut self, session: SessionId, timeout_ms: i32) {
        self.mail
            .push(Effect::ToLeader(ToLeader::Request(Forwarded {
                session,
                cxid: 0,
                op: OpCode::CreateSession.code(),
                body: Bytes::copy_from_slice(&timeout_ms.to_be_bytes()),
                who: Arc::new([]),
            })));
    }

    /// Asks the leader whether a client may take up its session here. Of several connections that want the
    /// same one, the last is answered.
    // apache 3.9.5: server/quorum/Learner.java validateSession
    pub(super) fn ask_to_resume(&mut self, resume: Resume) {
        let Resume {
            conn,
            session,
            timeout_ms,
        } = resume;
        self.resuming.insert(session, (conn, timeout_ms));
        self.relay.own_session(session);
        self.mail.push(Effect::ToLeader(ToLeader::Revalidate {
            session,
            timeout_ms,
        }));
    }

    /// The leader's answer to that.
    pub(super) fn resumed(&mut self, session: SessionId, valid: bool) {
        let Some((conn, timeout_ms)) = self.resuming.remove(&session) else {
            tracing::warn!("No connection waits for the leader's word about session {session}");
            return;
        };
        self.open.items.push_back(Item::Resumed {
            conn,
            session,
            timeout_ms,
            valid,
        });
    }

    /// The answer to [`Effect::ReportTouched`]: which sessions were heard of here since the last one.
    /// `heard_since` lists the clients' sessions that were heard at this time or later, and their timeouts
    /// in ms.
    // apache 3.9.5: server/quorum/LearnerSessionTracker.java snapshot
    pub fn report_touched(
        &mut self,
        zxid: Zxid,
        now: Now,
        heard_since: impl FnOnce(Millis) -> Vec<(SessionId, i32)>,
    ) -> ToLeader {
        let since = std::mem::replace(&mut self.reported, now.monotonic);
        let mut touched = heard_since(since);
        touched.retain(|(session, _)| !self.is_local(*session));
        touched.extend(self.relay.take_touched());
        ToLeader::Ping { zxid, touched }
    }
}

fn read(from: &Submission, asker: Asker, op: OpCode, body: Bytes) -> Read {
    Read {
        asker,
        op,
        body,
        who: Arc::clone(&from.who),
    }
}

//! What a learner does with its clients' requests: those that change something, and syncs, go to the
//! leader; what is asked behind them waits for the answer.

use std::sync::Arc;

use bytes::Bytes;

use crate::consensus::Effect;
use crate::pipeline::{Asker, Item, Pending, Read};
use crate::proto::peer::{Forwarded, ToLeader};
use crate::proto::request;
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
        from: &Submission,
        (header, body): (Header, &[u8]),
        asker: Asker,
    ) {
        let session = from.session;
        let op = header.op;
        self.gate.entered();
        if op.is_write() {
            if self.is_senseless(op, body) {
                self.refuse(session, asker, ErrorCode::MarshallingError);
            } else {
                self.ask_leader(from, header, Bytes::copy_from_slice(body));
                self.forward.push(session, Pending::Write { asker });
            }
        } else if op == OpCode::Sync {
            let body = Bytes::copy_from_slice(body);
            self.ask_leader(from, header, body.clone());
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

    /// Whether the leader could make no sense of it. Apache's leader would propose the refusal under a
    /// number that is taken, and stop committing: it must not get it. A multi is harmless.
    // apache 3.9.5: server/PrepRequestProcessor.java pRequestHelper, its last catch
    fn is_senseless(&self, op: OpCode, body: &[u8]) -> bool {
        let mut body = request::reader(body, self.rules.field_bytes_max);
        op != OpCode::Multi && Request::decode(op, &mut body).is_err()
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
        let timeout = new.timeout_ms.to_be_bytes();
        self.mail
            .push(Effect::ToLeader(ToLeader::Request(Forwarded {
                session: new.session,
                cxid: 0,
                op: OpCode::CreateSession.code(),
                body: Bytes::copy_from_slice(&timeout),
                who: Arc::new([]),
            })));
        let asker = Asker::handshake(new.conn, now.monotonic);
        self.gate.entered();
        self.forward.push(new.session, Pending::Write { asker });
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
        self.mail.push(Effect::ToLeader(ToLeader::Revalidate {
            session,
            timeout_ms,
        }));
    }

    /// The leader's answer to that.
    pub(super) fn revalidated(&mut self, session: SessionId, valid: bool) {
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
        let touched = heard_since(since);
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

//! Stage 1: judges a request against the future tree, stamps zxid and time, appends its transaction to
//! the log batch. A refusal keeps its place as an error transaction.

use std::collections::BTreeSet;

use crate::ops;
use crate::ops::{Judging, Memberships, Overlay, Rules};
use crate::pipeline::state::State;
use crate::proto::request::{Request, RequestReader};
use crate::proto::txn::{CreateSessionTxn, ErrorTxn, LoggedTxn, Txn, TxnDigest, TxnHeader};
use crate::storage::format::txn_log::OpenRecord;
use crate::tree::digest::DIGEST_VERSION;
use crate::types::{ErrorCode, Id, Millis, OpCode, SessionId, Zxid};

/// A write as it comes off a connection.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// Who asks.
    pub session: SessionId,
    /// The request's number.
    pub xid: i32,
    /// What is asked.
    pub op: OpCode,
    /// The request's body.
    pub body: RequestReader<'a>,
    /// The connection's identities when the request was read.
    pub who: &'a [Id],
    /// What its session may do.
    pub standing: Standing,
    /// Whether it comes from a learner: that waits for a transaction, whatever becomes of the request.
    pub is_forwarded: bool,
}

/// What a session may do at present, and here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    Good,
    /// Everything but own nodes, for this reason: it is known to one server only.
    Local(ErrorCode),
    /// Nothing, for this reason; whoever asks is told.
    Bad(ErrorCode),
    /// Nothing; it is gone or going, and nobody is left to be told.
    Gone,
}

impl Standing {
    /// Why an operation is refused without looking at it.
    // apache 3.9.5: server/PrepRequestProcessor.java pRequest2Txn, its calls of checkSession
    fn refusal(self, op: OpCode, rules: &Rules) -> Option<ErrorCode> {
        let Standing::Bad(code) = self else {
            return None;
        };
        match op {
            OpCode::CloseSession | OpCode::DeleteContainer => None,
            OpCode::Reconfig if !rules.reconfig_enabled => Some(ErrorCode::ReconfigDisabled),
            _ => Some(code),
        }
    }

    /// Why the session may not own nodes.
    fn no_ephemerals(self) -> Option<ErrorCode> {
        match self {
            Standing::Local(code) => Some(code),
            Standing::Good | Standing::Bad(_) | Standing::Gone => None,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// It is a transaction in the log batch, perhaps one that says it was refused.
    Logged(Zxid),
    /// It is refused and leaves no trace.
    Refused(ErrorCode),
    /// Its session is gone or going, or there are no numbers left: nobody is answered.
    Dropped,
}

/// The judge's memory: writes in flight, the last number given.
#[derive(Debug)]
pub struct Prep {
    overlay: Overlay,
    last: Zxid,
    /// The last number that may be given.
    last_possible: Zxid,
    digests: bool,
    /// Sessions whose end is in flight.
    closing: BTreeSet<SessionId>,
    /// Sessions whose beginning is in flight, and who may be asking for things already: they were local
    /// before.
    opening: BTreeSet<SessionId>,
    /// For a leader that may change the membership.
    memberships: Option<Memberships>,
}

impl Prep {
    /// Nothing in flight after this state.
    pub fn new(state: &State, seed: u64, digests: bool) -> Self {
        Prep {
            overlay: Overlay::new(seed, digests, state.tree.digest()),
            last: state.last_zxid,
            last_possible: Zxid(i64::MAX),
            digests,
            closing: BTreeSet::new(),
            opening: BTreeSet::new(),
            memberships: None,
        }
    }

    /// What changes of the membership are judged by from now on; `None`: they are refused.
    pub fn set_memberships(&mut self, memberships: Option<Memberships>) {
        self.memberships = memberships;
    }

    /// Forgets what was in flight; goes on after this state, as far as its epoch goes.
    // apache 3.9.5: server/quorum/Leader.java propose
    pub fn restart(&mut self, state: &State) {
        self.overlay.clear(state.tree.digest());
        self.last = state.last_zxid;
        self.last_possible = state.last_zxid.last_of_epoch();
        self.closing.clear();
        self.opening.clear();
    }

    /// Whether this session may ask for things: it is there or coming, and its end is not in flight.
    pub fn is_usable(&self, state: &State, session: SessionId) -> bool {
        (state.sessions.is_open(session) || self.opening.contains(&session))
            && !self.closing.contains(&session)
    }

    /// The last number given.
    pub fn last_zxid(&self) -> Zxid {
        self.last
    }

    /// Judges one request and appends its record to `log`.
    pub fn request(
        &mut self,
        state: &State,
        rules: &Rules,
        mut incoming: Incoming<'_>,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Prepared {
        let session = incoming.session;
        if incoming.standing == Standing::Gone {
            return Prepared::Dropped;
        }
        let zxid = self.last.next();
        let header = |op: OpCode| TxnHeader {
            client_id: session.0,
            cxid: incoming.xid,
            zxid: zxid.0,
            time: time.0,
            kind: op.code(),
        };
        let refusal = incoming.standing.refusal(incoming.op, rules);
        let text;
        let judged = match (Request::decode(incoming.op, &mut incoming.body), refusal) {
            (Err(_), _) if !incoming.is_forwarded && !ops::undecodable_takes_zxid(incoming.op) => {
                return Prepared::Refused(ErrorCode::MarshallingError);
            }
            (Err(_), _) => Err(ErrorCode::MarshallingError),
            (Ok(request), Some(code)) => ops::refuse(&request, code),
            (Ok(request), None) => {
                let mut judging = Judging {
                    rules,
                    tree: &state.tree,
                    overlay: &mut self.overlay,
                    session,
                    who: incoming.who,
                    no_ephemerals: incoming.standing.no_ephemerals(),
                    zxid,
                    time,
                };
                match (request, &mut self.memberships) {
                    (Request::Reconfig(request), Some(memberships)) => {
                        match ops::judge_reconfig(&mut judging, memberships, &request) {
                            Ok(new) => {
                                text = new;
                                Ok(ops::reconfig_txn(&text))
                            }
                            Err(code) => Err(code),
                        }
                    }
                    (request, _) => ops::judge(&mut judging, request),
                }
            }
        };
        let txn = judged.unwrap_or_else(|code| Txn::Error(ErrorTxn { err: code.code() }));
        if matches!(txn, Txn::CloseSession(_)) {
            self.closing.insert(session);
        }
        self.log(header(txn.op()), txn, log)
    }

    /// Appends the transaction that opens a session whose client may go on at once.
    pub fn open_early(
        &mut self,
        session: SessionId,
        timeout_ms: i32,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Prepared {
        self.opening.insert(session);
        self.open_session(session, timeout_ms, time, log)
    }

    /// Appends the refusal of a request that only a learner could have sent.
    pub fn refuse(
        &mut self,
        (session, cxid): (SessionId, i32),
        code: ErrorCode,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Prepared {
        let header = TxnHeader {
            cxid,
            ..self.own_header(session, OpCode::Error, time)
        };
        self.log(header, Txn::Error(ErrorTxn { err: code.code() }), log)
    }

    /// Appends the transaction that opens a session.
    pub fn open_session(
        &mut self,
        session: SessionId,
        timeout_ms: i32,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Prepared {
        let header = self.own_header(session, OpCode::CreateSession, time);
        self.log(
            header,
            Txn::CreateSession(CreateSessionTxn { timeout_ms }),
            log,
        )
    }

    /// Appends the transaction that ends a session which has expired; `None` when its end is already
    /// in flight.
    pub fn expire_session(
        &mut self,
        state: &State,
        rules: &Rules,
        session: SessionId,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Option<Prepared> {
        if !self.closing.insert(session) {
            return None;
        }
        let header = self.own_header(session, OpCode::CloseSession, time);
        let mut judging = Judging {
            rules,
            tree: &state.tree,
            overlay: &mut self.overlay,
            session,
            who: &[],
            no_ephemerals: None,
            zxid: self.last.next(),
            time,
        };
        let txn = ops::close_session(&mut judging);
        Some(self.log(header, txn, log))
    }

    /// Judges the reaping of a container or TTL node; one that is no longer due is skipped without a
    /// trace.
    pub fn reap(
        &mut self,
        state: &State,
        rules: &Rules,
        path: &str,
        time: Millis,
        log: &mut Vec<u8>,
    ) -> Option<Prepared> {
        let header = self.own_header(SessionId::NONE, OpCode::DeleteContainer, time);
        let mut judging = Judging {
            rules,
            tree: &state.tree,
            overlay: &mut self.overlay,
            session: SessionId::NONE,
            who: &[],
            no_ephemerals: None,
            zxid: self.last.next(),
            time,
        };
        let txn = ops::reap(&mut judging, path).ok()?;
        Some(self.log(header, txn, log))
    }

    fn own_header(&self, session: SessionId, op: OpCode, time: Millis) -> TxnHeader {
        let zxid = self.last.next().0;
        TxnHeader {
            client_id: session.0,
            cxid: 0,
            zxid,
            time: time.0,
            kind: op.code(),
        }
    }

    /// Frames the transaction; from here on its number is taken. At the end of the epoch everything is
    /// dropped: a new leader has to go on.
    fn log(&mut self, header: TxnHeader, txn: Txn<'_>, log: &mut Vec<u8>) -> Prepared {
        let zxid = Zxid(header.zxid);
        if zxid > self.last_possible {
            return Prepared::Dropped;
        }
        assert_eq!(
            zxid,
            self.last.next(),
            "transactions are numbered without gaps"
        );
        let digest = (self.digests && !matches!(txn, Txn::Error(_))).then(|| TxnDigest {
            version: DIGEST_VERSION,
            tree_digest: self.overlay.digest(),
        });
        let record = OpenRecord::open(log);
        LoggedTxn {
            header,
            txn,
            digest,
        }
        .append(log);
        record.close(log);
        self.last = zxid;
        Prepared::Logged(zxid)
    }

    /// A transaction has been applied. It began or ended these sessions.
    pub fn landed(&mut self, zxid: Zxid, opened: Option<SessionId>, closed: Option<SessionId>) {
        self.overlay.landed(zxid);
        if let Some(session) = closed {
            self.closing.remove(&session);
        }
        if let Some(session) = opened {
            self.opening.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests;

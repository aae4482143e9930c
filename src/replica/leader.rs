//! What a leader does for the clients of its learners.

use crate::consensus::Effect;
use crate::pipeline::{Incoming, Prepared, Standing, State};
use crate::proto::peer::{Forwarded, ToLearner};
use crate::replica::{Door, Now, Replica};
use crate::session::local::LocalSessions;
use crate::session::owners::Server;
use crate::types::{ErrorCode, LinkId, OpCode, SessionId, Zxid};

/// What a learner wants.
#[derive(Debug)]
pub(super) enum Remote {
    Request(LinkId, Forwarded),
    Revalidate {
        link: LinkId,
        session: SessionId,
        timeout_ms: i32,
    },
    Touched(Vec<(SessionId, i32)>),
}

impl Replica {
    /// Takes in what learners want. They have throttled it themselves.
    pub(super) fn admit_learners(&mut self, state: &State, door: &mut dyn Door, now: Now) {
        if std::mem::take(&mut self.has_orphans) {
            self.end_orphans(state, now);
        }
        while let Some(remote) = self.remote.pop_front() {
            match remote {
                Remote::Request(link, request) => self.judge_for(state, link, &request, now),
                Remote::Revalidate {
                    link,
                    session,
                    timeout_ms,
                } => {
                    if self.revalidate(state, link, (session, timeout_ms), now) {
                        door.leave(session);
                    }
                }
                Remote::Touched(sessions) => {
                    for (session, timeout_ms) in sessions {
                        self.heard_of(state, session, timeout_ms, now);
                    }
                }
            }
        }
    }

    /// Ephemeral nodes whose session nobody knows go as if it had just ended. Apache's leader removes them from
    /// its own tree alone, and all others differ from it then.
    // apache 3.9.5: server/ZooKeeperServer.java loadData
    fn end_orphans(&mut self, state: &State, now: Now) {
        let owners = state.tree.ephemeral_owners();
        let gone = owners.filter(|session| !state.sessions.is_open(*session));
        for session in gone.collect::<Vec<_>>() {
            tracing::info!("Session {session} owns nodes, but nobody knows it: it ends");
            self.expire_session(state, session, now);
        }
    }

    // apache 3.9.5: server/quorum/LearnerHandler.java run, LeaderZooKeeperServer.java submitLearnerRequest
    fn judge_for(&mut self, state: &State, link: LinkId, request: &Forwarded, now: Now) {
        let op = OpCode::from_code(request.op);
        if op == Some(OpCode::Sync) {
            return self.sync_for(link);
        }
        let start = self.open.log.len();
        let prepared = match op {
            Some(OpCode::CreateSession) => self.open_for(link, request, now),
            Some(op) if op.is_write() || op == OpCode::DeleteContainer => {
                self.write_for(state, link, request, op, now)
            }
            // The learner waits for a transaction.
            _ => self.refuse_for(request, ErrorCode::Unimplemented, now),
        };
        if let Prepared::Logged(zxid) = prepared {
            self.open.push_txn(zxid, start, None);
        }
    }

    /// A learner's sync is answered right behind the commit of what was proposed last: whoever counts on the
    /// order of commits and answers must find it there.
    // apache 3.9.5: server/quorum/Leader.java processSync
    fn sync_for(&mut self, link: LinkId) {
        let last = self.prep.last_zxid();
        if self.room.has_released(last) {
            self.mail.push(Effect::Send(link, ToLearner::Sync));
        } else {
            self.syncs.push_back((last, link));
        }
    }

    /// Transactions up to this one are committed, and learners have been told so.
    pub(super) fn committed(&mut self, zxid: Zxid) {
        self.room.release(zxid);
        while let Some((_, link)) = self.syncs.pop_front_if(|(last, _)| *last <= zxid) {
            self.mail.push(Effect::Send(link, ToLearner::Sync));
        }
    }

    fn open_for(&mut self, link: LinkId, request: &Forwarded, now: Now) -> Prepared {
        let Some(timeout) = request.body.first_chunk::<4>() else {
            return self.refuse_for(request, ErrorCode::MarshallingError, now);
        };
        let session = request.session;
        self.owners.give(session, Server::Link(link));
        let timeout_ms = i32::from_be_bytes(*timeout);
        let log = &mut self.open.log;
        self.prep.open_early(session, timeout_ms, now.wall, log)
    }

    fn write_for(
        &mut self,
        state: &State,
        link: LinkId,
        request: &Forwarded,
        op: OpCode,
        now: Now,
    ) -> Prepared {
        let incoming = Incoming {
            session: request.session,
            xid: request.cxid,
            op,
            body: self.reader(&request.body),
            who: &request.who,
            standing: self.standing_at(state, request.session, op, link),
            is_forwarded: true,
        };
        let log = &mut self.open.log;
        let (prep, rules) = (&mut self.prep, &self.rules);
        prep.request(state, rules, incoming, now.wall, log)
    }

    /// What a client of a learner may do.
    // apache 3.9.5: server/quorum/LeaderSessionTracker.java checkSession, checkGlobalSession
    fn standing_at(
        &mut self,
        state: &State,
        session: SessionId,
        op: OpCode,
        link: LinkId,
    ) -> Standing {
        if self.prep.is_usable(state, session) {
            return match self.is_moved(session, op, Server::Link(link)) {
                true => Standing::Bad(ErrorCode::SessionMoved),
                false => Standing::Good,
            };
        }
        let may_be_local = |local: &LocalSessions| local.is_foreign(session);
        let is_unknown = !state.sessions.is_known(session);
        if is_unknown && self.local.as_ref().is_some_and(may_be_local) {
            return Standing::Local(ErrorCode::SessionExpired);
        }
        Standing::Bad(ErrorCode::SessionExpired)
    }

    fn refuse_for(&mut self, request: &Forwarded, code: ErrorCode, now: Now) -> Prepared {
        let whose = (request.session, request.cxid);
        let log = &mut self.open.log;
        self.prep.refuse(whose, code, now.wall, log)
    }

    /// Whether somebody else serves this session, so that `server` may not write for it. Who writes first,
    /// owns it.
    pub(super) fn is_moved(&mut self, session: SessionId, op: OpCode, server: Server) -> bool {
        op != OpCode::CloseSession && !self.owners.claim(session, server)
    }

    /// Returns whether the session was served here until now.
    // apache 3.9.5: server/quorum/Leader.java revalidateSession
    fn revalidate(
        &mut self,
        state: &State,
        link: LinkId,
        (session, timeout_ms): (SessionId, i32),
        now: Now,
    ) -> bool {
        let valid = self.heard_of(state, session, timeout_ms, now);
        let answer = ToLearner::Revalidate { session, valid };
        self.mail.push(Effect::Send(link, answer));
        valid && self.owners.give(session, Server::Link(link)) == Some(Server::Here)
    }

    /// Whether the session can still be used; then it lives on from now.
    fn heard_of(&mut self, state: &State, session: SessionId, timeout_ms: i32, now: Now) -> bool {
        let usable = self.prep.is_usable(state, session);
        if usable {
            self.owners.heard(session, now.monotonic, timeout_ms);
        }
        usable
    }
}

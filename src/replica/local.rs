//! Sessions that only this server knows: begun and ended without the others.

use crate::ops;
use crate::pipeline::{Asker, Item, Pending, Prepared, State};
use crate::proto::request;
use crate::proto::request::{Request, RequestReader};
use crate::replica::admit::NewSession;
use crate::replica::role::Role;
use crate::replica::{Now, Replica};
use crate::session::local::LocalSessions;
use crate::types::{Millis, SessionId};

impl Replica {
    /// The local sessions, while there is a role in which clients are served.
    fn locals(&mut self) -> Option<&mut LocalSessions> {
        let serves = matches!(self.role, Role::Leader | Role::Learner | Role::ReadOnly);
        self.local.as_mut().filter(|_| serves)
    }

    /// Whether only this server knows the session.
    pub(super) fn is_local(&self, session: SessionId) -> bool {
        let local = self.local.as_ref();
        local.is_some_and(|local| local.is_open(session))
    }

    /// Begins a session that only this server knows. False when sessions are known to all.
    pub(super) fn open_local(&mut self, new: NewSession, now: Now) -> bool {
        let NewSession {
            conn,
            session,
            timeout_ms,
        } = new;
        let Some(local) = self.locals() else {
            return false;
        };
        local.open(session, timeout_ms, now.monotonic);
        self.gate.entered();
        self.open.items.push_back(Item::LocalOpened {
            conn,
            session,
            timeout_ms,
        });
        true
    }

    /// Ends a session if only this server knows it; otherwise says false.
    pub(super) fn close_local(&mut self, session: SessionId, asker: Asker) -> bool {
        let ended = self
            .locals()
            .is_some_and(|local| local.mark_closing(session));
        if ended && self.forward.is_busy(session) {
            self.forward.push(session, Pending::Close { asker });
        } else if ended {
            let asker = Some(asker);
            self.open
                .items
                .push_back(Item::LocalClosed { asker, session });
        }
        ended
    }

    /// Ends the local sessions that were not heard for too long.
    pub(super) fn expire_local(
        &mut self,
        now: Now,
        last_touch: &dyn Fn(SessionId) -> Option<(Millis, i32)>,
    ) -> Vec<(SessionId, i32)> {
        let Some(local) = self.locals() else {
            return Vec::new();
        };
        let expired = local.due(now.monotonic, last_touch);
        for (session, _) in &expired {
            self.open.items.push_back(Item::LocalClosed {
                asker: None,
                session: *session,
            });
        }
        expired
    }

    /// The session is known to all by now, or has ended.
    pub(super) fn forget_local(&mut self, session: SessionId) {
        if let Some(local) = &mut self.local {
            local.forget(session);
        }
    }

    /// Makes a local session known to all when this request needs that and the settings allow it. Its
    /// timeout, ms; the caller sees to the transaction.
    // apache 3.9.5: server/quorum/QuorumZooKeeperServer.java checkUpgradeSession
    pub(super) fn upgrade(&mut self, session: SessionId, request: &Request<'_>) -> Option<i32> {
        if !self.is_local(session) || !ops::wants_ephemerals(request) {
            return None;
        }
        let timeout_ms = self.locals()?.upgrade(session);
        if timeout_ms.is_some() {
            tracing::info!("Upgrading session {session}");
        }
        timeout_ms
    }

    /// A local session of a leader's own client may have to be known to all before this request is judged.
    pub(super) fn upgrade_own(
        &mut self,
        state: &State,
        session: SessionId,
        request: &Request<'_>,
        now: Now,
    ) {
        let timeout_ms = self.upgrade(session, request);
        let Some(timeout_ms) = timeout_ms.filter(|_| !state.sessions.is_open(session)) else {
            return;
        };
        let start = self.open.log.len();
        let log = &mut self.open.log;
        let prepared = self.prep.open_early(session, timeout_ms, now.wall, log);
        if let Prepared::Logged(zxid) = prepared {
            self.open.push_txn(zxid, start, None);
        }
    }

    /// A request's body, to be decoded.
    pub(super) fn reader<'b>(&self, body: &'b [u8]) -> RequestReader<'b> {
        request::reader(body, self.rules.field_bytes_max)
    }
}

//! Sessions known to one server only, and how they become everybody's (`localSessionsEnabled`,
//! `localSessionsUpgradingEnabled`).
//!
//! A local session costs no transaction, may write, and owns no ephemeral nodes. It ends with the role of
//! its server.

use std::collections::BTreeSet;

use crate::session::Sessions;
use crate::types::{Millis, ServerId, SessionId};

/// The local sessions of a member of an ensemble.
// apache 3.9.5: server/quorum/UpgradeableSessionTracker.java upgradeSession
#[derive(Debug)]
pub struct LocalSessions {
    server: ServerId,
    can_upgrade: bool,
    sessions: Sessions,
    /// Local no more, and not yet known to all.
    upgrading: BTreeSet<SessionId>,
}

impl LocalSessions {
    /// None yet, at this server. `can_upgrade`: a session that wants an ephemeral node is made known to all.
    /// Deadlines are multiples of `tick_ms`.
    pub fn new(server: ServerId, can_upgrade: bool, tick_ms: i32) -> Self {
        LocalSessions {
            server,
            can_upgrade,
            sessions: Sessions::new(tick_ms),
            upgrading: BTreeSet::new(),
        }
    }

    /// Enters a session, touched `now`.
    pub fn open(&mut self, session: SessionId, timeout_ms: i32, now: Millis) {
        self.sessions.open(session, timeout_ms, now);
    }

    /// Whether the session is local here and may ask for things.
    pub fn is_open(&self, session: SessionId) -> bool {
        self.sessions.is_open(session)
    }

    /// Whether the session is on its way to being known to all.
    pub fn is_upgrading(&self, session: SessionId) -> bool {
        self.upgrading.contains(&session)
    }

    /// Whether the session was begun at another server: it may be local there.
    // apache 3.9.5: server/quorum/LeaderSessionTracker.java checkSession, getServerIdFromSessionId
    pub fn is_foreign(&self, session: SessionId) -> bool {
        session.0 >> 56 != self.server.0
    }

    /// Makes a local session one that is to be known to all; its timeout, ms. `None`: it is not local, or
    /// must stay so.
    pub fn upgrade(&mut self, session: SessionId) -> Option<i32> {
        if !self.can_upgrade || !self.is_open(session) {
            return None;
        }
        let timeout_ms = self.sessions.timeout(session);
        self.sessions.close(session);
        self.upgrading.insert(session);
        timeout_ms
    }

    /// The session's end is decided. Whether it was local, and this call decided it.
    pub fn mark_closing(&mut self, session: SessionId) -> bool {
        self.sessions.mark_closing(session)
    }

    /// The session has ended, or everybody knows it: it is not local.
    pub fn forget(&mut self, session: SessionId) {
        self.sessions.close(session);
        self.upgrading.remove(&session);
    }

    /// All end with the role of their server.
    pub fn clear(&mut self) {
        self.sessions.clear();
        self.upgrading.clear();
    }

    /// The sessions that are dead by `now`, marked closing, and their timeouts in ms; see [`Sessions::due`].
    pub fn due(
        &mut self,
        now: Millis,
        last_touch: &dyn Fn(SessionId) -> Option<(Millis, i32)>,
    ) -> Vec<(SessionId, i32)> {
        let due = self.sessions.due(now, last_touch).into_iter();
        due.map(|session| (session, self.sessions.timeout(session).unwrap_or_default()))
            .collect()
    }

    /// When [`due`](Self::due) has something to look at next.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.sessions.next_deadline()
    }

    /// Every local session and its timeout in milliseconds, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SessionId, i32)> {
        self.sessions.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: SessionId = SessionId(3 << 56 | 7);

    fn locals(can_upgrade: bool) -> LocalSessions {
        let mut locals = LocalSessions::new(ServerId(3), can_upgrade, 1000);
        locals.open(ME, 4000, Millis(0));
        locals
    }

    #[test]
    fn an_upgrade_happens_once_and_ends_when_everybody_knows() {
        let mut locals = locals(true);
        assert_eq!(locals.upgrade(ME), Some(4000));
        assert_eq!(locals.upgrade(ME), None);
        assert!(locals.is_upgrading(ME) && !locals.is_open(ME));
        assert_eq!(locals.next_deadline(), None, "the leader ends it");
        locals.forget(ME);
        assert!(!locals.is_upgrading(ME));
    }

    #[test]
    fn what_is_closing_or_must_stay_local_is_not_upgraded() {
        assert_eq!(locals(false).upgrade(ME), None);
        let mut locals = locals(true);
        assert!(locals.mark_closing(ME) && !locals.mark_closing(ME));
        assert_eq!(locals.upgrade(ME), None);
    }

    #[test]
    fn the_top_byte_says_where_a_session_was_begun() {
        let locals = locals(true);
        assert!(!locals.is_foreign(ME));
        assert!(locals.is_foreign(SessionId(4 << 56 | 7)));
    }
}

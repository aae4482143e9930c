//! The line's part in the life of sessions: they are asked for, taken up again, and expire.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::net::client::{Closing, ConnectAsk};
use crate::pipeline::State;
use crate::replica::{Door, NewSession, Now, Resume, Resumption};
use crate::server::deliver::{refuse, welcome};
use crate::server::line::Line;
use crate::session::secret;
use crate::types::SessionId;

impl Line {
    /// A connection asks for a session; whether it has taken one up again.
    pub(super) fn connect(
        &mut self,
        state: &State,
        ask: &ConnectAsk,
        door: &mut dyn Door,
        now: Now,
    ) -> bool {
        let stats = &self.shared.stats;
        stats.session_requests.fetch_add(1, Ordering::Relaxed);
        if ask.session == SessionId::NONE {
            let new = NewSession {
                conn: ask.conn,
                session: self.session_ids.next(),
                timeout_ms: ask.timeout_ms,
            };
            self.member.replica.open_session(state, new, door, now);
            return false;
        }
        stats.revalidations.fetch_add(1, Ordering::Relaxed);
        self.reattach(state, ask)
    }

    /// Takes a session up again; whether that succeeded. Its former connection is closed first, whatever
    /// the password.
    // apache 3.9.5: server/ZooKeeperServer.java processConnectRequest, reopenSession
    fn reattach(&mut self, state: &State, ask: &ConnectAsk) -> bool {
        let mut registry = self.shared.registry.lock();
        if let Some(former) = registry
            .holder(ask.session)
            .filter(|former| former.conn != ask.conn)
        {
            former.close(Closing::Now);
        }
        let Some(outbox) = registry.get(ask.conn).map(Arc::clone) else {
            return false;
        };
        let resume = Resume {
            conn: ask.conn,
            session: ask.session,
            timeout_ms: ask.timeout_ms,
        };
        let replica = &mut self.member.replica;
        let resumption = if replica.turns_away(state, ask.session) {
            Resumption::Unknown
        } else if secret::verify(ask.session, &ask.password) {
            replica.resume_session(state, resume)
        } else {
            Resumption::Refused
        };
        match resumption {
            Resumption::Granted => {
                registry.attach(ask.session, ask.conn);
                drop(registry);
                welcome(&outbox, ask.session, ask.timeout_ms);
            }
            Resumption::Refused => {
                drop(registry);
                refuse(&outbox, ask.session);
            }
            Resumption::Asked => {}
            Resumption::Unknown => outbox.close(Closing::Now),
        }
        self.ring();
        resumption == Resumption::Granted
    }

    /// A session that was taken up again has a new deadline at once: its timeout may have shrunk.
    pub(super) fn touch(&self, attached: &[(SessionId, i32)], now: Now) {
        if attached.is_empty() {
            return;
        }
        let mut state = self.shared.state.write();
        for (session, timeout_ms) in attached {
            state.sessions.touch(*session, *timeout_ms, now.monotonic);
        }
    }

    /// Ends sessions that were not heard for too long.
    pub(super) fn expire(&mut self, now: Now) {
        let replica = &mut self.member.replica;
        let next = replica.next_expiry(&self.shared.state.read());
        if next.is_none_or(|deadline| deadline > now.monotonic) {
            return;
        }
        let mut state = self.shared.state.write();
        let registry = self.shared.registry.lock();
        let last_touch = |session| registry.last_touch(session);
        for (session, timeout_ms) in replica.expire(&mut state, now, &last_touch) {
            tracing::info!("Expiring session {session}, timeout of {timeout_ms}ms exceeded");
            let expired = &self.shared.stats.sessions_expired;
            expired.fetch_add(1, Ordering::Relaxed);
        }
    }
}

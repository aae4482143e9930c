//! Without a leader: a member that has looked for one in vain for a while lets clients read that have said
//! that they are content with it (`readonlymode.enabled`). What they see may be old.
//!
//! Their sessions are known to this server only, so there can be none without local sessions. Everything
//! ends as soon as a leader is elected.

use crate::consensus::{Effect, Phase};
use crate::pipeline::{Asker, Item, State};
use crate::replica::admit::{NewSession, Resumption};
use crate::replica::role::Role;
use crate::replica::submission::{Header, Submission};
use crate::replica::{Now, Replica};
use crate::types::{ErrorCode, Millis, OpCode, SessionId};

/// The least time to look for a leader before clients may read, ms.
const GRACE_MIN_MS: i64 = 2000;

/// How long a member looks for a leader before it lets clients read without one.
// apache 3.9.5: server/quorum/QuorumPeer.java run
#[derive(Debug)]
pub(super) struct Grace {
    period_ms: i64,
    /// Since when it has been looking, while it is and nobody reads yet.
    looking: Option<Millis>,
}

impl Grace {
    /// As long as a tick, and two seconds at least.
    pub(super) fn new(tick_ms: i64) -> Self {
        Grace {
            period_ms: tick_ms.max(GRACE_MIN_MS),
            looking: None,
        }
    }

    /// What consensus wants may be another phase.
    pub(super) fn note(&mut self, effect: &Effect, now: Millis) {
        if let Effect::Phase(phase) = effect {
            self.looking = (*phase == Phase::Looking).then_some(now);
        }
    }

    /// When it ends; `None` while no leader is looked for.
    pub(super) fn end(&self) -> Option<Millis> {
        self.looking.map(|since| since.plus(self.period_ms))
    }

    /// Whether it has ended, which it says once.
    pub(super) fn is_over(&mut self, now: Millis) -> bool {
        let is_over = self.end().is_some_and(|end| end <= now);
        if is_over {
            self.looking = None;
        }
        is_over
    }
}

impl Replica {
    /// Clients may read from now on, until consensus goes on to another phase.
    pub fn let_read(&mut self) {
        assert_eq!(self.role, Role::None, "nobody leads and nobody is followed");
        self.role = Role::ReadOnly;
        self.gate.open();
    }

    /// A request of a client.
    // apache 3.9.5: server/quorum/ReadOnlyRequestProcessor.java run
    pub(super) fn look_only(
        &mut self,
        state: &State,
        from: &Submission,
        (header, body): (Header, &[u8]),
        asker: Asker,
    ) {
        let session = from.session;
        if !self.is_heard(state, session) {
            self.open.items.push_back(Item::Nothing { asker });
            return;
        }
        self.gate.entered();
        if header.op == OpCode::CloseSession && self.close_local(session, asker) {
            return;
        }
        if header.op.is_write() || header.op == OpCode::Sync {
            let code = ErrorCode::NotReadOnly;
            self.open.items.push_back(Item::Refusal { asker, code });
        } else {
            self.read(from, asker, header.op, body);
        }
    }

    /// Whether a client may take up its session. Those that all servers know are none of this server's
    /// business now; of others it knows nothing unless they are local.
    // apache 3.9.5: server/quorum/ReadOnlyZooKeeperServer.java validateSession,
    // server/quorum/LearnerSessionTracker.java touchSession
    pub(super) fn resume_to_read(&self, session: SessionId) -> Resumption {
        match self.local {
            Some(_) if !self.is_local(session) => Resumption::Refused,
            _ => Resumption::Granted,
        }
    }

    /// Whether a client that wants to take up this session is turned away without an answer, whatever its
    /// password: the session is known to all servers, and they cannot be asked.
    pub fn turns_away(&self, state: &State, session: SessionId) -> bool {
        self.role == Role::ReadOnly && state.sessions.is_known(session)
    }

    /// A session that all servers are to know cannot begin.
    // apache 3.9.5: server/quorum/ReadOnlyRequestProcessor.java sendErrorResponse
    pub(super) fn open_nothing(&mut self, new: NewSession, now: Now) {
        self.open.items.push_back(Item::Unopened {
            asker: Asker::handshake(new.conn, now.monotonic),
            code: ErrorCode::NotReadOnly,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ServerId;

    #[test]
    fn grace_lasts_as_long_as_a_leader_is_looked_for() {
        let mut grace = Grace::new(200);
        assert_eq!(grace.end(), None);
        grace.note(&Effect::Phase(Phase::Looking), Millis(5));
        grace.note(&Effect::Listen, Millis(1000));
        assert_eq!(grace.end(), Some(Millis(2005)));
        assert!(!grace.is_over(Millis(2004)));
        assert!(grace.is_over(Millis(2005)));
        assert!(!grace.is_over(Millis(2006)), "once is enough");
        grace.note(&Effect::Phase(Phase::Looking), Millis(3000));
        grace.note(&Effect::Phase(Phase::Discovery(ServerId(1))), Millis(3001));
        assert!(!grace.is_over(Millis(99_000)));
        assert_eq!(Grace::new(3000).period_ms, 3000);
    }
}

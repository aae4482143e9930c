//! Who serves a session, as the leader of an ensemble sees it, and when it was last heard of there.
//! Sessions themselves are known elsewhere: this table forgets nothing on its own.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::types::{LinkId, Millis, SessionId};

/// Where a session's client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// At this very server.
    Here,
    /// At a learner.
    Link(LinkId),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    session: SessionId,
    server: Option<Server>,
    heard: Option<(Millis, i32)>,
}

/// Session to the server that may write for it (`SessionImpl.owner`).
#[derive(Debug)]
pub struct Owners {
    hasher: FixedState,
    table: HashTable<Entry>,
}

impl Owners {
    /// Nobody owns anything. `seed` randomises hashing.
    pub fn new(seed: u64) -> Self {
        Owners {
            hasher: FixedState::with_seed(seed),
            table: HashTable::new(),
        }
    }

    fn entry(&mut self, session: SessionId) -> &mut Entry {
        let hasher = &self.hasher;
        let entry = self.table.entry(
            hasher.hash_one(session),
            |entry| entry.session == session,
            |entry| hasher.hash_one(entry.session),
        );
        let new = Entry {
            session,
            server: None,
            heard: None,
        };
        entry.or_insert(new).into_mut()
    }

    /// Whether `server` may write for the session: it owns it, or nobody did until now.
    // apache 3.9.5: server/SessionTrackerImpl.java checkSession
    pub fn claim(&mut self, session: SessionId, server: Server) -> bool {
        *self.entry(session).server.get_or_insert(server) == server
    }

    /// The session's client is at `server` from now on. Returns where it was.
    pub fn give(&mut self, session: SessionId, server: Server) -> Option<Server> {
        self.entry(session).server.replace(server)
    }

    /// A learner has heard of the session `at` this time, with this timeout in ms.
    pub fn heard(&mut self, session: SessionId, at: Millis, timeout_ms: i32) {
        self.entry(session).heard = Some((at, timeout_ms));
    }

    /// When a learner last heard of the session, and with which timeout in ms.
    pub fn last_heard(&self, session: SessionId) -> Option<(Millis, i32)> {
        let same = |entry: &Entry| entry.session == session;
        self.table.find(self.hasher.hash_one(session), same)?.heard
    }

    /// The session has ended.
    pub fn forget(&mut self, session: SessionId) {
        let same = |entry: &Entry| entry.session == session;
        if let Ok(entry) = self.table.find_entry(self.hasher.hash_one(session), same) {
            entry.remove();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: SessionId = SessionId(7);
    const THERE: Server = Server::Link(LinkId(1));

    #[test]
    fn the_first_who_asks_owns_a_session_until_it_moves() {
        let mut owners = Owners::new(1);
        assert!(owners.claim(ME, THERE));
        assert!(!owners.claim(ME, Server::Here));
        assert!(!owners.claim(ME, Server::Link(LinkId(2))), "links differ");
        owners.give(ME, Server::Here);
        assert!(owners.claim(ME, Server::Here));
        assert!(!owners.claim(ME, THERE));
    }

    #[test]
    fn hearing_of_a_session_gives_it_no_owner() {
        let mut owners = Owners::new(1);
        assert_eq!(owners.last_heard(ME), None);
        owners.heard(ME, Millis(5), 4000);
        assert_eq!(owners.last_heard(ME), Some((Millis(5), 4000)));
        assert!(owners.claim(ME, THERE));
        owners.forget(ME);
        assert_eq!(owners.last_heard(ME), None);
        assert!(owners.claim(ME, Server::Here), "as if new");
    }
}

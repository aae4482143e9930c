//! Sessions and when they die, with time handed in. A session is not a connection: who serves it, and
//! what it has been doing lately, is known elsewhere and asked for.
//!
//! Invariants: a session that is not closing has exactly one deadline; a closing one has none, so it can
//! neither be revived nor expire twice.

mod expiry;
pub mod ids;
pub mod local;
pub mod owners;
pub mod secret;

use std::collections::BTreeMap;

use crate::session::expiry::Deadlines;
use crate::types::{Millis, SessionId};

/// The session table of the server that decides about expiry (`SessionTrackerImpl`).
///
/// A touch need not be reported: whoever serves the connections keeps the time of the last one, and is
/// asked when a deadline is reached. A hundred thousand busy sessions so cost nothing but a look each
/// time one of their deadlines passes.
#[derive(Debug)]
pub struct Sessions {
    by_id: BTreeMap<SessionId, Entry>,
    deadlines: Deadlines,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    timeout_ms: i32,
    /// `None`: closing.
    deadline: Option<Millis>,
}

impl Sessions {
    /// An empty table. Deadlines are multiples of `tick_ms` (`tickTime`).
    ///
    /// # Panics
    /// When the tick is not positive: settings are checked before they get here.
    pub fn new(tick_ms: i32) -> Self {
        Sessions {
            by_id: BTreeMap::new(),
            deadlines: Deadlines::new(tick_ms),
        }
    }

    /// Enters a session, touched `now`. A session that is known keeps its state (one that is closing
    /// stays so) and takes the new timeout.
    pub fn open(&mut self, id: SessionId, timeout_ms: i32, now: Millis) {
        if let Some(entry) = self.by_id.get_mut(&id) {
            entry.timeout_ms = timeout_ms;
            self.touch(id, timeout_ms, now);
            return;
        }
        let deadline = self.deadlines.after(now, timeout_ms);
        self.deadlines.insert(id, deadline);
        let entry = Entry {
            timeout_ms,
            deadline: Some(deadline),
        };
        self.by_id.insert(id, entry);
    }

    /// Reports a touch at once, with the timeout in force now. Needed where the lazy way would lose it:
    /// when a session is attached again (its timeout may have shrunk), and with the last touch of a
    /// connection that goes away. Whether the session could be touched: it is known and not closing.
    pub fn touch(&mut self, id: SessionId, timeout_ms: i32, at: Millis) -> bool {
        let Some(entry) = self.by_id.get_mut(&id) else {
            return false;
        };
        let Some(old) = entry.deadline else {
            return false;
        };
        let new = self.deadlines.after(at, timeout_ms);
        entry.deadline = Some(new);
        self.deadlines.replace(id, old, new);
        true
    }

    /// Whether there is such a session, closing or not.
    pub fn is_known(&self, id: SessionId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Whether the session may ask for things: it is known and not closing.
    pub fn is_open(&self, id: SessionId) -> bool {
        self.by_id
            .get(&id)
            .is_some_and(|entry| entry.deadline.is_some())
    }

    /// Whether the session's end has been decided but not yet applied.
    pub fn is_closing(&self, id: SessionId) -> bool {
        self.by_id
            .get(&id)
            .is_some_and(|entry| entry.deadline.is_none())
    }

    /// The timeout in milliseconds that was negotiated when the session was created; `None` when it is
    /// not known. A closing session still has one.
    pub fn timeout(&self, id: SessionId) -> Option<i32> {
        self.by_id.get(&id).map(|entry| entry.timeout_ms)
    }

    /// Decides the session's end: no touch, no attachment, no expiry any more. Whether it was this call
    /// that decided it.
    pub fn mark_closing(&mut self, id: SessionId) -> bool {
        let Some(entry) = self.by_id.get_mut(&id) else {
            return false;
        };
        let Some(deadline) = entry.deadline.take() else {
            return false;
        };
        self.deadlines.remove(id, deadline);
        true
    }

    /// Removes the session: its end was applied. Whether it was known.
    pub fn close(&mut self, id: SessionId) -> bool {
        let Some(entry) = self.by_id.remove(&id) else {
            return false;
        };
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(id, deadline);
        }
        true
    }

    /// A new leader begins: everybody has the full timeout from `now`, and an end that an earlier leader
    /// had decided but not brought about is not decided any more.
    // apache 3.9.5: server/quorum/LeaderZooKeeperServer.java createSessionTracker
    pub fn restart(&mut self, now: Millis) {
        for (id, entry) in &mut self.by_id {
            let deadline = self.deadlines.after(now, entry.timeout_ms);
            if let Some(old) = entry.deadline.replace(deadline) {
                self.deadlines.remove(*id, old);
            }
            self.deadlines.insert(*id, deadline);
        }
    }

    /// Forgets all sessions.
    pub fn clear(&mut self) {
        self.by_id.clear();
        self.deadlines.clear();
    }

    /// How many sessions are known, closing ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no session is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Every known session and its creation timeout in milliseconds, by id: what a snapshot keeps.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SessionId, i32)> {
        self.by_id.iter().map(|(id, entry)| (*id, entry.timeout_ms))
    }

    /// The sessions that are dead by `now`, marked closing; by deadline, then by id.
    ///
    /// `last_touch` tells when a session was last touched and with which timeout; `None` when nothing is
    /// known beyond what this table was told. A session that was touched since moves on to its new
    /// deadline.
    pub fn due(
        &mut self,
        now: Millis,
        last_touch: &dyn Fn(SessionId) -> Option<(Millis, i32)>,
    ) -> Vec<SessionId> {
        let mut dead = Vec::new();
        while let Some((id, deadline)) = self.deadlines.pop_due(now) {
            let entry = self
                .by_id
                .get_mut(&id)
                .expect("a session with a deadline is in the table");
            assert_eq!(
                entry.deadline,
                Some(deadline),
                "session {id} has one deadline"
            );
            let moved = last_touch(id).map(|(at, timeout_ms)| self.deadlines.after(at, timeout_ms));
            entry.deadline = moved.filter(|moved| *moved > now);
            match entry.deadline {
                Some(moved) => self.deadlines.insert(id, moved),
                None => dead.push(id),
            }
        }
        dead
    }

    /// When a session dies unless it is heard; `None`: it is not known, or closing.
    pub fn deadline(&self, id: SessionId) -> Option<Millis> {
        self.by_id.get(&id)?.deadline
    }

    /// When [`due`](Self::due) has something to look at next; `None` while no session is open.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.first()
    }

    /// When a session touched `at` with this timeout in milliseconds dies.
    pub fn deadline_after(&self, at: Millis, timeout_ms: i32) -> Millis {
        self.deadlines.after(at, timeout_ms)
    }
}

#[cfg(test)]
mod tests;

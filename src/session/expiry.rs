//! Deadlines in order: touched at time t, due by time d. Knows nothing of what a session is.

use std::collections::BTreeSet;

use crate::types::{Millis, SessionId};

/// Which session is due when.
#[derive(Debug)]
pub(crate) struct Deadlines {
    tick_ms: i64,
    by_time: BTreeSet<(Millis, SessionId)>,
}

impl Deadlines {
    pub(crate) fn new(tick_ms: i32) -> Self {
        assert!(tick_ms > 0, "tickTime {tick_ms} is positive");
        Deadlines {
            tick_ms: i64::from(tick_ms),
            by_time: BTreeSet::new(),
        }
    }

    /// The first multiple of the tick strictly later than `at` plus the timeout.
    // apache 3.9.5: server/ExpiryQueue.java roundToNextInterval
    pub(crate) fn after(&self, at: Millis, timeout_ms: i32) -> Millis {
        let end = at.plus(i64::from(timeout_ms)).0;
        let ticks = end.div_euclid(self.tick_ms).saturating_add(1);
        Millis(ticks.saturating_mul(self.tick_ms))
    }

    pub(crate) fn insert(&mut self, id: SessionId, deadline: Millis) {
        let fresh = self.by_time.insert((deadline, id));
        assert!(fresh, "session {id} is entered once at {deadline:?}");
    }

    pub(crate) fn remove(&mut self, id: SessionId, deadline: Millis) {
        let found = self.by_time.remove(&(deadline, id));
        assert!(found, "session {id} is due at {deadline:?}");
    }

    /// Moves a session to its new deadline.
    pub(crate) fn replace(&mut self, id: SessionId, old: Millis, new: Millis) {
        if old != new {
            self.remove(id, old);
            self.insert(id, new);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.by_time.clear();
    }

    pub(crate) fn first(&self) -> Option<Millis> {
        self.by_time.first().map(|(deadline, _)| *deadline)
    }

    /// Takes the first that is due at or before `now`.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<(SessionId, Millis)> {
        if self.first()? > now {
            return None;
        }
        self.by_time
            .pop_first()
            .map(|(deadline, id)| (id, deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_the_next_tick_strictly_after_the_timeout() {
        let deadlines = Deadlines::new(3000);
        for (at, timeout_ms, due) in [
            (0, 6000, 9000),
            (1, 5999, 9000),
            (0, 5999, 6000),
            (2999, 6000, 9000),
            (3000, 6000, 12000),
            (100, 0, 3000),
            (-1, 0, 0),
            (-3000, 0, 0),
        ] {
            assert_eq!(
                deadlines.after(Millis(at), timeout_ms),
                Millis(due),
                "{at} {timeout_ms}"
            );
        }
        assert_eq!(
            deadlines.after(Millis(i64::MAX), 1),
            Millis(i64::MAX),
            "saturates"
        );
    }
}

//! Empty containers and old TTL nodes: who is due, and how fast they may go (`ContainerManager`).

use std::collections::VecDeque;

use crate::pipeline::state::State;
use crate::types::Millis;

/// Removals handed out at once when they need no spacing.
const AT_ONCE_MAX: usize = 256;

/// Finds candidates once per interval and lets them go one by one, spaced apart.
#[derive(Debug)]
pub struct Reaper {
    interval_ms: i64,
    spacing_ms: i64,
    never_used_ms: i64,
    next_check: Millis,
    next_removal: Millis,
    candidates: VecDeque<String>,
}

impl Reaper {
    /// A reaper that first looks one interval after `now`.
    ///
    /// `interval_ms` is `znode.container.checkIntervalMs`, `per_minute` `znode.container.maxPerMinute`,
    /// `never_used_ms` `znode.container.maxNeverUsedIntervalMs` (0: containers that never had a child stay).
    pub fn new(interval_ms: i64, per_minute: i64, never_used_ms: i64, now: Millis) -> Self {
        let interval_ms = interval_ms.max(1);
        Reaper {
            interval_ms,
            spacing_ms: 60_000 / per_minute.max(1),
            never_used_ms,
            next_check: now.plus(interval_ms),
            next_removal: now,
            candidates: VecDeque::new(),
        }
    }

    /// Nodes to remove now. `now` is the monotonic clock, `wall` the one that stamps transactions.
    pub fn due(&mut self, state: &State, now: Millis, wall: Millis) -> Vec<String> {
        if now >= self.next_check {
            self.next_check = now.plus(self.interval_ms);
            self.candidates = state.tree.reapable(wall, self.never_used_ms).into();
        }
        let mut due = Vec::new();
        while now >= self.next_removal && due.len() < AT_ONCE_MAX {
            let Some(path) = self.candidates.pop_front() else {
                break;
            };
            due.push(path);
            self.next_removal = now.plus(self.spacing_ms);
        }
        due
    }

    /// When to ask again.
    pub fn next(&self) -> Millis {
        if self.candidates.is_empty() {
            self.next_check
        } else {
            self.next_removal.min(self.next_check)
        }
    }
}

#[cfg(test)]
mod tests;

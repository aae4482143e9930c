//! The queue of what happens next, in the order of time. What it is that happens does not live here.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::plan::Time;
use crate::world::Next;

#[derive(Debug)]
struct Scheduled {
    at: Time,
    /// Keeps the order of what happens at the same time.
    number: u64,
    what: Next,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Scheduled) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What will happen, and when.
#[derive(Debug, Default)]
pub struct Agenda {
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
}

impl Agenda {
    /// This will happen then.
    pub fn put(&mut self, at: Time, what: Next) {
        self.scheduled += 1;
        let number = self.scheduled;
        self.queue.push(Reverse(Scheduled { at, number, what }));
    }

    /// What happens next, if it happens by then.
    pub fn take(&mut self, until: Time) -> Option<(Time, Next)> {
        let Reverse(next) = self.queue.peek()?;
        if next.at > until {
            return None;
        }
        let Reverse(Scheduled { at, what, .. }) = self.queue.pop()?;
        Some((at, what))
    }
}

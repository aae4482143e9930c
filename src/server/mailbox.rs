//! A queue that is emptied as a whole: what piled up while its owner worked is the next batch.

use std::mem;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

#[derive(Debug)]
struct Inner<T> {
    letters: Vec<T>,
    waiting: bool,
}

/// Many senders, one receiver that takes everything at once.
#[derive(Debug)]
pub struct Mailbox<T> {
    inner: Mutex<Inner<T>>,
    bell: Condvar,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox {
            inner: Mutex::new(Inner {
                letters: Vec::new(),
                waiting: false,
            }),
            bell: Condvar::new(),
        }
    }
}

impl<T> Mailbox<T> {
    /// Adds a letter and wakes the receiver.
    pub fn send(&self, letter: T) {
        let mut inner = self.inner.lock();
        inner.letters.push(letter);
        self.ring(&mut inner);
    }

    /// Adds a letter; somebody is going to [`Mailbox::wake`] the receiver.
    pub fn put(&self, letter: T) {
        self.inner.lock().letters.push(letter);
    }

    /// Wakes the receiver if it waits and there is something for it.
    pub fn wake(&self) {
        let mut inner = self.inner.lock();
        if !inner.letters.is_empty() {
            self.ring(&mut inner);
        }
    }

    fn ring(&self, inner: &mut Inner<T>) {
        if mem::take(&mut inner.waiting) {
            self.bell.notify_one();
        }
    }

    /// Moves everything into `into`, waiting for something up to `patience`. False when nothing came.
    pub fn take(&self, into: &mut Vec<T>, patience: Duration) -> bool {
        let mut inner = self.inner.lock();
        if inner.letters.is_empty() && !patience.is_zero() {
            inner.waiting = true;
            self.bell.wait_for(&mut inner, patience);
            inner.waiting = false;
        }
        into.append(&mut inner.letters);
        !into.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn letters_arrive_in_order_and_all_at_once() {
        let mailbox = Mailbox::default();
        mailbox.put(1);
        mailbox.send(2);
        let mut got = Vec::new();
        assert!(mailbox.take(&mut got, Duration::ZERO));
        assert_eq!(got, [1, 2]);
        assert!(!mailbox.take(&mut Vec::<i32>::new(), Duration::ZERO));
    }

    #[test]
    fn a_sleeping_receiver_is_woken() {
        let mailbox = Arc::new(Mailbox::default());
        let sender = Arc::clone(&mailbox);
        let thread = thread::spawn(move || sender.send(7));
        let mut got = Vec::new();
        while !mailbox.take(&mut got, Duration::from_secs(10)) {}
        assert_eq!(got, [7]);
        thread.join().unwrap();
    }
}

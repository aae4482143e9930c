//! How other threads get a shard's attention: marks are collected, one ring wakes it for all of them.

use std::mem;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::net::client::shard::Arrival;
use crate::types::ConnId;

/// What becomes of the listening sockets.
#[derive(Debug)]
pub enum Door {
    /// They close; the sender is dropped when they have.
    Close(Sender<()>),
    /// One more.
    Open(TcpListener),
}

#[derive(Debug, Default)]
struct Marks {
    dirty: Vec<ConnId>,
    arrivals: Vec<Arrival>,
    doors: Vec<Door>,
    stop: bool,
}

/// A shard's bell.
#[derive(Debug, Default)]
pub struct Bell {
    marks: Mutex<Marks>,
    marked: AtomicBool,
    notify: Notify,
}

/// What was marked since the last look.
pub(super) struct Marked {
    pub(super) dirty: Vec<ConnId>,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) doors: Vec<Door>,
    pub(super) stop: bool,
}

impl Bell {
    /// This connection's outbox has something to send or say.
    pub fn mark(&self, conn: ConnId) {
        self.marks.lock().dirty.push(conn);
        self.marked.store(true, Ordering::Release);
    }

    /// A new socket for this shard; rings at once.
    pub fn arrive(&self, arrival: Arrival) {
        self.marks.lock().arrivals.push(arrival);
        self.marked.store(true, Ordering::Release);
        self.ring();
    }

    /// The listening sockets change; rings at once.
    pub fn door(&self, door: Door) {
        self.marks.lock().doors.push(door);
        self.marked.store(true, Ordering::Release);
        self.ring();
    }

    /// Ends the shard: it flushes what it has and closes its connections.
    pub fn stop(&self) {
        self.marks.lock().stop = true;
        self.marked.store(true, Ordering::Release);
        self.ring();
    }

    /// Wakes the shard if anything was marked since it last looked.
    pub fn ring(&self) {
        if self.marked.swap(false, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    pub(super) async fn wait(&self) -> Marked {
        self.notify.notified().await;
        let mut marks = self.marks.lock();
        Marked {
            dirty: mem::take(&mut marks.dirty),
            arrivals: mem::take(&mut marks.arrivals),
            doors: mem::take(&mut marks.doors),
            stop: marks.stop,
        }
    }
}

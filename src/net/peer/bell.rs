//! How other threads get the attention of the peers thread: marks and orders are collected, one ring
//! wakes it for all of them.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::net::peer::dial::Target;
use crate::net::peer::outbox::Outbox;
use crate::types::{LinkId, ServerId};

/// What the line wants of the peers thread beside sending.
#[derive(Debug)]
pub(super) enum Order {
    /// Connect to a leader.
    Dial {
        /// Whom.
        leader: ServerId,
        /// The connection to be.
        outbox: Arc<Outbox>,
        /// Where the leader listens.
        at: Vec<Target>,
        /// How long it may take.
        within: Duration,
    },
    /// Accept learners here, and nowhere else.
    Listen(Vec<Target>),
    /// Accept no more learners.
    Unlisten,
    /// End everything.
    Stop,
}

/// What was marked since the last look.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// Connections with something to send, to read again, or to end.
    pub(super) links: Vec<LinkId>,
    /// Orders, oldest first.
    pub(super) orders: Vec<Order>,
}

/// The bell of the peers thread.
#[derive(Debug, Default)]
pub(super) struct Bell {
    marks: Mutex<Marked>,
    marked: AtomicBool,
    notify: Notify,
}

impl Bell {
    /// This connection wants to be looked at.
    pub(super) fn mark(&self, link: LinkId) {
        self.marks.lock().links.push(link);
        self.marked.store(true, Ordering::Release);
    }

    /// An order, carried out behind the earlier ones.
    pub(super) fn order(&self, order: Order) {
        self.marks.lock().orders.push(order);
        self.marked.store(true, Ordering::Release);
    }

    /// Wakes the peers thread if anything was marked since it was last woken.
    pub(super) fn ring(&self) {
        if self.marked.swap(false, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    pub(super) async fn wait(&self) -> Marked {
        self.notify.notified().await;
        mem::take(&mut *self.marks.lock())
    }
}

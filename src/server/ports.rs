//! The ports of client connections, implemented.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::net::client::{ConnectAsk, Outbox, ReadPort, Viewer, WritePort};
use crate::ops::Reading;
use crate::pipeline::connection_throttle::{Arrival, ConnectionThrottle};
use crate::replica::Submission;
use crate::server::line::Letter;
use crate::server::mailbox::Mailbox;
use crate::server::shared::{LazyDesk, Shared};
use crate::server::{clock, entropy};
use crate::types::Zxid;

/// Reads from the shared state.
pub struct Reads {
    /// What threads share.
    pub shared: Arc<Shared>,
}

impl ReadPort for Reads {
    fn view(&self, viewer: Viewer<'_>, serve: &mut dyn FnMut(&mut Reading<'_>)) -> bool {
        let state = self.shared.state.read();
        // Asked under the lock: what is applied once a role has ended is nobody's to see.
        if !self.shared.is_serving() {
            return false;
        }
        let mut desk = LazyDesk::new(&self.shared.watches);
        serve(&mut Reading {
            rules: &self.shared.rules,
            tree: &state.tree,
            zxid: state.last_zxid,
            session: viewer.session,
            conn: viewer.conn,
            who: viewer.who,
            watches: &mut desk,
        });
        true
    }

    fn is_serving(&self) -> bool {
        self.shared.is_serving()
    }

    fn is_read_only(&self) -> bool {
        self.shared.is_read_only()
    }

    fn last_zxid(&self) -> Zxid {
        self.shared.last_zxid()
    }
}

/// Hands writes to the line.
pub struct Writes {
    /// What threads share.
    pub shared: Arc<Shared>,
    /// The line's mailbox.
    pub line: Arc<Mailbox<Letter>>,
    /// `connection_throttle_*`; `None`: everybody is let in.
    pub throttle: Option<Mutex<ConnectionThrottle>>,
    /// `maxCnxns`; 0 for no limit.
    pub connections_max: usize,
    /// `maxClientCnxns`; 0 for no limit.
    pub connections_per_address_max: usize,
}

impl WritePort for Writes {
    fn submit(&self, submission: Submission) {
        self.shared
            .in_process
            .fetch_add(submission.count, Ordering::Relaxed);
        self.line.put(Letter::Submit(submission));
    }

    fn connect(&self, ask: ConnectAsk) {
        self.line.put(Letter::Connect(ask));
    }

    fn lets_in(&self, arrival: Arrival) -> bool {
        let Some(throttle) = &self.throttle else {
            return true;
        };
        let (now, chance) = (clock::monotonic(), entropy::chance());
        throttle.lock().admit(arrival, now, chance)
    }

    fn fits_large(&self, bytes: usize) -> bool {
        self.shared.large.fits(bytes)
    }

    fn take_large(&self, bytes: usize) -> bool {
        self.shared.large.take(bytes)
    }

    fn wake(&self) {
        self.line.wake();
    }

    fn in_process(&self) -> usize {
        self.shared.in_process.load(Ordering::Relaxed)
    }

    fn served(&self, reads: u64) {
        self.shared
            .stats
            .received
            .fetch_add(reads, Ordering::Relaxed);
        self.shared.stats.sent.fetch_add(reads, Ordering::Relaxed);
        self.shared.stats.latency.add(0, reads);
    }

    fn opened(&self, outbox: &Arc<Outbox>) -> bool {
        let mut registry = self.shared.registry.lock();
        match registry.open(
            outbox,
            self.connections_max,
            self.connections_per_address_max,
        ) {
            Ok(()) => true,
            Err(full) => {
                tracing::warn!("Error accepting new connection: {full}");
                let rejected = &self.shared.stats.connections_rejected;
                rejected.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }

    fn closed(&self, outbox: &Outbox) {
        self.shared.registry.lock().close(outbox);
        self.shared.watches.lock().remove_connection(outbox.conn);
    }
}

//! What the replica's gate asks about connections, answered from the registry.

use crate::net::client::Closing;
use crate::replica::Door;
use crate::server::shared::Shared;
use crate::types::{ConnId, SessionId};

/// The registry as the gate sees it.
pub(super) struct Doors<'d> {
    shared: &'d Shared,
    /// Whether a connection was cut: its shard is to be woken.
    pub(super) has_cut: bool,
}

impl<'d> Doors<'d> {
    pub(super) fn new(shared: &'d Shared) -> Self {
        Doors {
            shared,
            has_cut: false,
        }
    }
}

impl Door for Doors<'_> {
    fn is_gone(&mut self, conn: ConnId) -> bool {
        let registry = self.shared.registry.lock();
        registry
            .get(conn)
            .is_none_or(|outbox| outbox.closing() == Closing::Now)
    }

    fn timeout_ms(&mut self, conn: ConnId) -> Option<i32> {
        let registry = self.shared.registry.lock();
        let outbox = registry.get(conn)?;
        outbox.session().map(|_| outbox.timeout_ms())
    }

    fn leave(&mut self, session: SessionId) {
        if let Some(outbox) = self.shared.registry.lock().holder(session) {
            outbox.close(Closing::AtNextRequest);
        }
    }

    fn cut(&mut self, conn: ConnId) {
        if let Some(outbox) = self.shared.registry.lock().get(conn) {
            outbox.close(Closing::Now);
            self.has_cut = true;
        }
    }
}

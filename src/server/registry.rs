//! Who is connected: connections by number, sessions by id, addresses by count.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::auth;
use crate::auth::AuthRules;
use crate::net::client::Outbox;
use crate::pipeline::Audience;
use crate::types::{Acl, ConnId, Millis, Perms, SessionId};

/// Where a session was last heard.
#[derive(Debug, Clone, Copy)]
struct Holder {
    conn: ConnId,
    /// When its connection closed and what timeout it had; `None` while it is connected.
    left: Option<(Millis, i32)>,
}

/// The live connections and the sessions they hold.
#[derive(Debug, Default)]
pub struct Registry {
    conns: HashMap<ConnId, Arc<Outbox>, RandomState>,
    holders: HashMap<SessionId, Holder, RandomState>,
    per_address: HashMap<IpAddr, usize>,
}

impl Registry {
    /// Admits a connection unless a limit forbids it. A limit of 0 is none. Returns what forbade it.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn open(
        &mut self,
        outbox: &Arc<Outbox>,
        total_max: usize,
        per_address_max: usize,
    ) -> Result<(), Full> {
        if total_max > 0 && self.conns.len() >= total_max {
            return Err(Full::Total {
                connections: self.conns.len(),
                limit: total_max,
            });
        }
        let address = outbox.peer.ip();
        let count = self.per_address.entry(address).or_default();
        if per_address_max > 0 && *count >= per_address_max {
            return Err(Full::PerAddress {
                address,
                limit: per_address_max,
            });
        }
        *count += 1;
        self.conns.insert(outbox.conn, Arc::clone(outbox));
        Ok(())
    }

    /// Forgets a connection; its session keeps the time it was last heard.
    pub fn close(&mut self, outbox: &Outbox) {
        if self.conns.remove(&outbox.conn).is_none() {
            return;
        }
        let address = outbox.peer.ip();
        if let Some(count) = self.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&address);
            }
        }
        let holder = outbox
            .session()
            .and_then(|session| self.holders.get_mut(&session));
        if let Some(holder) = holder.filter(|holder| holder.conn == outbox.conn) {
            holder.left = Some((outbox.touched(), outbox.timeout_ms()));
        }
    }

    /// A live connection.
    pub fn get(&self, conn: ConnId) -> Option<&Arc<Outbox>> {
        self.conns.get(&conn)
    }

    /// All live connections, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Outbox>> {
        self.conns.values()
    }

    /// Connections now.
    pub fn count(&self) -> usize {
        self.conns.len()
    }

    /// The connection that holds a session.
    pub fn holder(&self, session: SessionId) -> Option<&Arc<Outbox>> {
        let holder = self
            .holders
            .get(&session)
            .filter(|holder| holder.left.is_none())?;
        self.conns.get(&holder.conn)
    }

    /// A session is now held by this connection.
    pub fn attach(&mut self, session: SessionId, conn: ConnId) {
        self.holders.insert(session, Holder { conn, left: None });
    }

    /// A session has ended.
    pub fn forget(&mut self, session: SessionId) {
        self.holders.remove(&session);
    }

    /// When a session was last heard, and its timeout then; `None` if not since this server started.
    pub fn last_touch(&self, session: SessionId) -> Option<(Millis, i32)> {
        let holder = self.holders.get(&session)?;
        match holder.left {
            Some(left) => Some(left),
            None => self
                .conns
                .get(&holder.conn)
                .map(|outbox| (outbox.touched(), outbox.timeout_ms())),
        }
    }
}

impl Registry {
    /// Sessions that were heard here at `since` or later, with their timeouts in ms.
    pub fn heard_since(&self, since: Millis) -> Vec<(SessionId, i32)> {
        let sessions = self.holders.keys();
        let heard = sessions.filter_map(|session| {
            let (touched, timeout_ms) = self.last_touch(*session)?;
            (touched >= since).then_some((*session, timeout_ms))
        });
        heard.collect()
    }
}

/// Why a connection is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// `maxCnxns`.
    #[error("Too many connections {connections} - max is {limit}")]
    Total {
        /// Connections now.
        connections: usize,
        /// The limit.
        limit: usize,
    },
    /// `maxClientCnxns`.
    #[error("Too many connections from {address} - max is {limit}")]
    PerAddress {
        /// The client's address.
        address: IpAddr,
        /// The limit.
        limit: usize,
    },
}

/// Judges receivers of events by the identities they have now.
pub struct Listeners<'l> {
    /// The live connections.
    pub registry: &'l Registry,
    /// The settings of access control.
    pub auth: &'l AuthRules,
}

impl Audience for Listeners<'_> {
    fn may_read(&mut self, conn: ConnId, acl: &[Acl]) -> bool {
        let Some(outbox) = self.registry.get(conn) else {
            return false;
        };
        auth::allows(self.auth, acl, &outbox.who(), Perms::READ)
    }

    fn everyone_may_read(&self, acl: &[Acl]) -> bool {
        auth::allows(self.auth, acl, &[], Perms::READ)
    }

    fn is_here(&mut self, conn: ConnId) -> bool {
        self.registry.get(conn).is_some()
    }
}

#[cfg(test)]
mod tests;

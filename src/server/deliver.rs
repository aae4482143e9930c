//! What finishing has to say to connections, put into their outboxes.

use std::sync::atomic::Ordering;

use crate::net::client::{Closing, Outbox};
use crate::pipeline::{Effect, Outputs};
use crate::proto::connect;
use crate::replica::Now;
use crate::server::registry::Registry;
use crate::server::shared::Shared;
use crate::session::secret;
use crate::types::SessionId;

/// Puts effects into outboxes, in order. The caller still holds the tree's lock: the order of every
/// outbox is the order of the tree.
pub(super) fn deliver(outputs: &Outputs, registry: &mut Registry, shared: &Shared, now: Now) {
    for effect in &outputs.effects {
        match effect {
            Effect::Reply { asker, bytes } => {
                // Before the client can know: its next request may need the room.
                shared.finished(asker.size);
                let took_ms = now.monotonic.0 - asker.since.0;
                if let Some(outbox) = registry.get(asker.conn) {
                    let (xid, zxid) = (asker.xid, shared.last_zxid());
                    outbox
                        .replies
                        .answered(1, xid, zxid, now.monotonic, took_ms);
                    outbox.push(&outputs.bytes[bytes.clone()], 1);
                }
                shared.stats.latency.add(took_ms, 1);
                shared.stats.received.fetch_add(1, Ordering::Relaxed);
                shared.stats.sent.fetch_add(1, Ordering::Relaxed);
            }
            Effect::Unanswered { asker } => shared.finished(asker.size),
            Effect::Moved { asker } => {
                shared.finished(asker.size);
                if let Some(outbox) = registry.get(asker.conn) {
                    outbox.close(Closing::AfterFlush);
                }
            }
            Effect::Event { receivers, bytes } => {
                for conn in &outputs.receivers[receivers.clone()] {
                    if let Some(outbox) = registry.get(*conn) {
                        outbox.push(&outputs.bytes[bytes.clone()], 0);
                    }
                }
            }
            Effect::SessionRefused { conn, session } => {
                if let Some(outbox) = registry.get(*conn) {
                    refuse(outbox, *session);
                }
            }
            Effect::SessionUnopened { conn, bytes } => {
                if let Some(outbox) = registry.get(*conn) {
                    outbox.push(&outputs.bytes[bytes.clone()], 0);
                }
            }
            Effect::SessionOpened {
                conn,
                session,
                timeout_ms,
            }
            | Effect::SessionResumed {
                conn,
                session,
                timeout_ms,
            } => {
                registry.attach(*session, *conn);
                if let Some(outbox) = registry.get(*conn) {
                    welcome(outbox, *session, *timeout_ms);
                }
            }
            Effect::SessionClosed { session } => {
                if let Some(outbox) = registry.holder(*session) {
                    outbox.close(Closing::AfterFlush);
                }
                registry.forget(*session);
            }
        }
    }
}

/// The session is the connection's.
pub(super) fn welcome(outbox: &Outbox, session: SessionId, timeout_ms: i32) {
    let mut out = Vec::with_capacity(64);
    let password = secret::password(session);
    connect::append_response(
        timeout_ms,
        session.0,
        &password,
        outbox.read_only_answer(),
        &mut out,
    );
    outbox.welcome(session, timeout_ms, &out);
}

/// There is no such session.
pub(super) fn refuse(outbox: &Outbox, session: SessionId) {
    let peer = outbox.peer;
    tracing::info!("Invalid session {session} for client {peer}, probably expired");
    let mut out = Vec::with_capacity(64);
    connect::append_response(0, 0, &[0; 16], outbox.read_only_answer(), &mut out);
    outbox.push(&out, 0);
    outbox.close(Closing::AfterFlush);
}

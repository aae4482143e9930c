//! The lists that operators may see, copied out of what threads share. One lock is taken at a time where nothing needs two.

use std::collections::BTreeMap;

use crate::admin::view::{ConnectionFacts, Deadline, SessionFacts, Sessions, Summary};
use crate::net::client::Outbox;
use crate::server::clock;
use crate::server::registry::Registry;
use crate::server::shared::Shared;
use crate::types::{ConnId, Millis, SessionId};

/// A connection without a session is given up after so long, and all at multiples of it, ms.
// apache 3.9.5: server/NIOServerCnxnFactory.java ZOOKEEPER_NIO_SESSIONLESS_CNXN_TIMEOUT
const SESSIONLESS_MS: i64 = 10_000;

/// A monotonic time by the clock on the wall, ms.
fn on_the_wall(at: Millis, monotonic: Millis, wall: Millis) -> i64 {
    wall.0 + (at.0 - monotonic.0)
}

/// A connection as it is now.
pub(super) fn connection(
    outbox: &Outbox,
    asks: bool,
    monotonic: Millis,
    wall: Millis,
) -> ConnectionFacts {
    let patience = match outbox.session() {
        Some(_) => i64::from(outbox.timeout_ms()),
        None => SESSIONLESS_MS,
    };
    let ends = (outbox.touched().0 + patience).div_euclid(SESSIONLESS_MS) + 1;
    let idle_until = Millis(ends * SESSIONLESS_MS);
    ConnectionFacts {
        peer: outbox.peer,
        asks,
        queued: outbox.in_flight(),
        received: outbox.received.load(std::sync::atomic::Ordering::Relaxed),
        sent: outbox.sent.load(std::sync::atomic::Ordering::Relaxed),
        idle_until_ms: on_the_wall(idle_until, monotonic, wall),
        session: outbox.session().map(|id| {
            let established_ms = on_the_wall(outbox.established, monotonic, wall);
            session(outbox, id, established_ms)
        }),
    }
}

fn session(outbox: &Outbox, id: SessionId, established_ms: i64) -> SessionFacts {
    let replies = outbox.replies.read();
    SessionFacts {
        id,
        op: replies.op,
        established_ms,
        timeout_ms: outbox.timeout_ms(),
        cxid: replies.cxid,
        zxid: replies.zxid,
        replied_ms: replies.at.0,
        last_latency_ms: replies.last_ms,
        latency: Summary {
            count: replies.count,
            sum: replies.sum_ms,
            min: replies.min_ms,
            max: replies.max_ms,
        },
    }
}

/// The sessions. A server that does not decide about their end knows their timeouts only.
pub(super) fn sessions(shared: &Shared, knows_deadlines: bool, has_local: bool) -> Sessions {
    let state = shared.state.read();
    let registry = shared.registry.lock();
    let table = &state.sessions;
    let until = |id: SessionId, known: Option<Millis>| match registry.last_touch(id) {
        Some((at, timeout_ms)) => known.max(Some(table.deadline_after(at, timeout_ms))),
        None => known,
    };
    let global = if knows_deadlines {
        let open = table
            .iter()
            .filter_map(|(id, _)| Some((until(id, Some(table.deadline(id)?))?, id)));
        Ok(by_deadline(open))
    } else {
        Err(table.iter().collect())
    };
    let local = has_local.then(|| {
        let here = registry.iter().filter_map(|outbox| outbox.session());
        let local = here.filter(|id| !table.is_known(*id));
        by_deadline(local.filter_map(|id| Some((until(id, None)?, id))))
    });
    Sessions { local, global }
}

fn by_deadline(sessions: impl Iterator<Item = (Millis, SessionId)>) -> Vec<Deadline> {
    let (monotonic, wall) = (clock::monotonic(), clock::wall());
    let mut at: BTreeMap<Millis, Vec<String>> = BTreeMap::new();
    for (deadline, id) in sessions {
        at.entry(deadline).or_default().push(id.to_string());
    }
    let deadlines = at.into_iter();
    deadlines
        .map(|(deadline, names)| Deadline {
            wall_ms: on_the_wall(deadline, monotonic, wall),
            names,
        })
        .collect()
}

/// Who owns ephemeral nodes, and which.
pub(super) fn ephemerals(shared: &Shared) -> Vec<(SessionId, Vec<String>)> {
    let state = shared.state.read();
    let mut owners: Vec<SessionId> = state.tree.ephemeral_owners().collect();
    owners.sort_unstable();
    owners
        .into_iter()
        .map(|owner| {
            let mut paths: Vec<String> = state.tree.ephemerals_of(owner).collect();
            paths.sort_unstable();
            (owner, paths)
        })
        .collect()
}

fn name(registry: &Registry, conn: ConnId) -> Option<String> {
    let session = registry.get(conn)?.session()?;
    Some(session.to_string())
}

/// Each watched path, and who watches it.
pub(super) fn watches_by_path(shared: &Shared) -> Vec<(String, Vec<String>)> {
    let watches = shared.watches.lock();
    let registry = shared.registry.lock();
    let mut table: Vec<_> = watches
        .data_by_path()
        .map(|(path, conns)| {
            let names = conns.filter_map(|conn| name(&registry, conn));
            (path.to_owned(), names.collect())
        })
        .collect();
    table.sort_unstable();
    table
}

/// Each session that watches, and what.
pub(super) fn watches_by_session(shared: &Shared) -> Vec<(String, Vec<String>)> {
    let watches = shared.watches.lock();
    let registry = shared.registry.lock();
    let mut table: Vec<_> = watches
        .data_by_connection()
        .filter_map(|(conn, paths)| {
            let mut paths: Vec<_> = paths.map(str::to_owned).collect();
            paths.sort_unstable();
            Some((name(&registry, conn)?, paths))
        })
        .collect();
    table.sort_unstable();
    table
}

//! The line: the one thread that owns the [`Replica`] and drives it in batches. Requests, handshakes
//! and "durable" arrive as letters; log batches, replies and events leave.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::net::client::{Bell, Closing, ConnectAsk, Outbox};
use crate::pipeline::Outputs;
use crate::proto::connect;
use crate::replica::{Now, Replica, Submission};
use crate::server::clock;
use crate::server::log_thread::Order;
use crate::server::mailbox::Mailbox;
use crate::server::registry::{Listeners, Registry};
use crate::server::shared::Shared;
use crate::session::ids::SessionIds;
use crate::session::secret;
use crate::types::limits;
use crate::types::{Millis, SessionId, Zxid};

/// What the line is told.
#[derive(Debug)]
pub enum Letter {
    /// Requests of a connection.
    Submit(Submission),
    /// A connection asks for a session.
    Connect(ConnectAsk),
    /// The log is on disk up to here.
    Durable(Zxid),
    /// Finish what is in flight, then end.
    Stop,
}

/// The line's thread, before it runs.
pub struct Line {
    /// What threads share.
    pub shared: Arc<Shared>,
    /// The server without its wires.
    pub replica: Replica,
    /// Numbers sessions.
    pub session_ids: SessionIds,
    /// Where letters arrive.
    pub mailbox: Arc<Mailbox<Letter>>,
    /// Where log batches go.
    pub log: Arc<Mailbox<Order>>,
    /// The shards to wake.
    pub bells: Vec<Arc<Bell>>,
}

/// The longest the line sleeps without looking at the clock.
const PATIENCE_MAX_MS: i64 = 1000;

impl Line {
    /// Runs until told to stop and nothing is in flight.
    pub fn run(mut self) {
        let mut letters = Vec::new();
        let mut outputs = Outputs::default();
        let mut stopping = false;
        loop {
            self.mailbox.take(&mut letters, self.patience());
            let now = clock::now();
            if stopping {
                // Clients that go on asking must not keep the server alive.
                letters.retain(|letter| matches!(letter, Letter::Durable(_)));
            }
            stopping |= self.hear(&mut letters);
            self.finish(now, &mut outputs);
            self.prepare(letters.drain(..), now);
            self.finish(now, &mut outputs);
            if stopping && self.replica.is_idle() {
                return;
            }
        }
    }

    fn patience(&self) -> Duration {
        let now = clock::monotonic();
        let expiry = self.shared.state.read().sessions.next_deadline();
        let next = self
            .replica
            .next_reap()
            .min(expiry.unwrap_or(Millis(i64::MAX)));
        let wait = next.0.saturating_sub(now.0).clamp(1, PATIENCE_MAX_MS);
        Duration::from_millis(wait.unsigned_abs())
    }

    /// Takes the news of the log out of the letters; true when told to stop.
    fn hear(&mut self, letters: &mut Vec<Letter>) -> bool {
        let mut stop = false;
        letters.retain(|letter| match letter {
            Letter::Durable(zxid) => {
                self.replica.durable(*zxid);
                false
            }
            Letter::Stop => {
                stop = true;
                false
            }
            Letter::Submit(_) | Letter::Connect(_) => true,
        });
        stop
    }

    /// Judges what came in, and sends the transactions to the log.
    fn prepare(&mut self, letters: impl Iterator<Item = Letter>, now: Now) {
        self.expire(now);
        let shared = Arc::clone(&self.shared);
        let state = shared.state.read();
        for letter in letters {
            match letter {
                Letter::Submit(submission) => {
                    let dropped = self.replica.submit(&state, &submission, now);
                    shared.in_process.fetch_sub(dropped, Ordering::Relaxed);
                }
                Letter::Connect(ask) => {
                    let usable = self.replica.is_usable(&state, ask.session);
                    self.connect(&ask, usable, now);
                }
                Letter::Durable(_) | Letter::Stop => unreachable!("heard before"),
            }
        }
        self.replica.reap(&state, now);
        drop(state);
        if let Some(batch) = self.replica.take_log() {
            self.log.send(Order::Append(batch));
        }
    }

    /// Ends sessions that were not heard for too long.
    fn expire(&mut self, now: Now) {
        let due = {
            let state = self.shared.state.read();
            state
                .sessions
                .next_deadline()
                .is_some_and(|deadline| deadline <= now.monotonic)
        };
        if !due {
            return;
        }
        let mut state = self.shared.state.write();
        let registry = self.shared.registry.lock();
        let expired = state
            .sessions
            .due(now.monotonic, &|session| registry.last_touch(session));
        drop(registry);
        for session in expired {
            let timeout = state.sessions.timeout(session).unwrap_or_default();
            tracing::info!("Expiring session {session}, timeout of {timeout}ms exceeded");
            self.replica.expire_session(&state, session, now);
            self.shared
                .stats
                .sessions_expired
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A handshake. A session that is taken up again loses its former connection first, whatever the
    /// password.
    // apache 3.9.5: server/ZooKeeperServer.java processConnectRequest, reopenSession
    fn connect(&mut self, ask: &ConnectAsk, usable: bool, now: Now) {
        let stats = &self.shared.stats;
        stats.session_requests.fetch_add(1, Ordering::Relaxed);
        if ask.session == SessionId::NONE {
            let session = self.session_ids.next();
            self.replica
                .open_session(ask.conn, session, ask.timeout_ms, now);
            return;
        }
        stats.revalidations.fetch_add(1, Ordering::Relaxed);
        let mut registry = self.shared.registry.lock();
        if let Some(former) = registry
            .holder(ask.session)
            .filter(|former| former.conn != ask.conn)
        {
            former.close(Closing::Now);
        }
        let Some(outbox) = registry.get(ask.conn).map(Arc::clone) else {
            return;
        };
        if usable && secret::verify(ask.session, &ask.password) {
            registry.attach(ask.session, ask.conn);
            drop(registry);
            welcome(&outbox, ask.session, ask.timeout_ms);
        } else {
            drop(registry);
            tracing::info!(
                "Invalid session {} for client {}, probably expired",
                ask.session,
                outbox.peer
            );
            refuse(&outbox);
        }
        self.ring();
    }

    /// Applies and answers everything that is ready, in slices that hold the tree's lock briefly.
    fn finish(&mut self, now: Now, outputs: &mut Outputs) {
        while self.replica.has_ready() {
            outputs.clear();
            let shared = Arc::clone(&self.shared);
            let mut state = shared.state.write();
            let mut watches = shared.watches.lock();
            let mut registry = shared.registry.lock();
            let mut audience = Listeners {
                registry: &registry,
                auth: &shared.rules.auth,
            };
            self.replica.finish(
                &mut state,
                &mut watches,
                &mut audience,
                now,
                limits::APPLY_BATCH_MAX,
                outputs,
            );
            drop(watches);
            shared.set_last_zxid(state.last_zxid);
            deliver(outputs, &mut registry, &shared, now);
            drop(registry);
            drop(state);
            self.ring();
        }
        let mismatches = i64::try_from(self.replica.digest_mismatches()).unwrap_or(i64::MAX);
        self.shared
            .digest_mismatches
            .store(mismatches, Ordering::Relaxed);
    }

    fn ring(&self) {
        for bell in &self.bells {
            bell.ring();
        }
    }
}

/// Puts effects into outboxes, in order. The caller still holds the tree's lock: the order of every
/// outbox is the order of the tree.
fn deliver(outputs: &Outputs, registry: &mut Registry, shared: &Shared, now: Now) {
    use crate::pipeline::Effect;
    for effect in &outputs.effects {
        match effect {
            Effect::Reply { conn, bytes, since } => {
                if let Some(outbox) = registry.get(*conn) {
                    outbox.push(&outputs.bytes[bytes.clone()], 1);
                }
                shared.in_process.fetch_sub(1, Ordering::Relaxed);
                shared.stats.latency.add(now.monotonic.0 - since.0, 1);
                shared.stats.received.fetch_add(1, Ordering::Relaxed);
                shared.stats.sent.fetch_add(1, Ordering::Relaxed);
            }
            Effect::Event { receivers, bytes } => {
                for conn in &outputs.receivers[receivers.clone()] {
                    if let Some(outbox) = registry.get(*conn) {
                        outbox.push(&outputs.bytes[bytes.clone()], 0);
                    }
                }
            }
            Effect::SessionOpened {
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

fn welcome(outbox: &Outbox, session: SessionId, timeout_ms: i32) {
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

fn refuse(outbox: &Outbox) {
    let mut out = Vec::with_capacity(64);
    connect::append_response(0, 0, &[0; 16], outbox.read_only_answer(), &mut out);
    outbox.push(&out, 0);
    outbox.close(Closing::AfterFlush);
}

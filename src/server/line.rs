//! The line: the one thread that owns the [`Replica`] and drives it in batches. Requests, handshakes
//! and "durable" arrive as letters; log batches, replies and events leave.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::net::client::{Bell, Closing, ConnectAsk, Outbox};
use crate::pipeline::{Outputs, State};
use crate::proto::connect;
use crate::replica::{Door, NewSession, Now, Replica, Resume, Resumption, Submission};
use crate::server::clock;
use crate::server::door::Doors;
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
    /// `request_throttler.shutdownTimeout`: how long requests may wait for room after the word to stop.
    pub shutdown_ms: i64,
}

/// The longest the line sleeps without looking at the clock.
const PATIENCE_MAX_MS: i64 = 1000;

impl Line {
    /// Runs until told to stop and nothing is in flight.
    pub fn run(mut self) {
        let mut letters = Vec::new();
        let mut outputs = Outputs::default();
        let mut stop_at = None;
        loop {
            self.mailbox.take(&mut letters, self.patience());
            let now = clock::now();
            let stops = self.hear(&mut letters);
            self.finish(now, &mut outputs);
            if stop_at.is_some() {
                self.turn_away(&mut letters);
            }
            self.prepare(letters.drain(..), now);
            self.finish(now, &mut outputs);
            if stops {
                stop_at = Some(now.monotonic.plus(self.shutdown_ms));
            }
            if let Some(at) = stop_at {
                if self.replica.is_idle() {
                    return;
                }
                if at <= now.monotonic {
                    self.replica.close_gate();
                }
            }
        }
    }

    fn patience(&self) -> Duration {
        let gate = self.replica.gate_patience_ms();
        if gate == Some(0) {
            return Duration::ZERO;
        }
        let now = clock::monotonic();
        let expiry = self.replica.next_expiry(&self.shared.state.read());
        let next = [expiry, self.replica.next_reap()].into_iter().flatten();
        let next = next.min().unwrap_or(Millis(i64::MAX));
        let gate_ms = gate.map_or(PATIENCE_MAX_MS, i64::from);
        let wait = next
            .0
            .saturating_sub(now.0)
            .clamp(1, PATIENCE_MAX_MS.min(gate_ms));
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

    /// Drops what comes after the word to stop, with its connections: a busy client must not keep the
    /// server from ending.
    fn turn_away(&self, letters: &mut Vec<Letter>) {
        let mut door = Doors::new(&self.shared);
        for letter in letters.drain(..) {
            match letter {
                Letter::Submit(submission) => {
                    for (header, _) in submission.requests_from(0) {
                        self.shared.finished(header.size);
                    }
                    door.cut(submission.conn);
                }
                Letter::Connect(ask) => door.cut(ask.conn),
                Letter::Durable(_) | Letter::Stop => unreachable!("heard before"),
            }
        }
        if door.has_cut {
            self.ring();
        }
    }

    /// Judges what came in, and sends the transactions to the log.
    fn prepare(&mut self, letters: impl Iterator<Item = Letter>, now: Now) {
        self.expire(now);
        let shared = Arc::clone(&self.shared);
        let mut door = Doors::new(&shared);
        let mut attached = Vec::new();
        let state = shared.state.read();
        self.replica.admit(&state, &mut door, now);
        for letter in letters {
            match letter {
                Letter::Submit(submission) => {
                    self.replica.submit(&state, submission, &mut door, now);
                }
                Letter::Connect(ask) if ask.session == SessionId::NONE => {
                    shared
                        .stats
                        .session_requests
                        .fetch_add(1, Ordering::Relaxed);
                    let new = NewSession {
                        conn: ask.conn,
                        session: self.session_ids.next(),
                        timeout_ms: ask.timeout_ms,
                    };
                    self.replica.open_session(&state, new, &mut door, now);
                }
                Letter::Connect(ask) => {
                    shared
                        .stats
                        .session_requests
                        .fetch_add(1, Ordering::Relaxed);
                    shared.stats.revalidations.fetch_add(1, Ordering::Relaxed);
                    if self.reattach(&state, &ask) {
                        attached.push((ask.session, ask.timeout_ms));
                    }
                }
                Letter::Durable(_) | Letter::Stop => unreachable!("heard before"),
            }
        }
        self.replica.reap(&state, now);
        drop(state);
        if let Some(batch) = self.replica.take_log() {
            self.log.send(Order::Append(batch));
        }
        if door.has_cut {
            self.ring();
        }
        self.touch(&attached, now);
    }

    /// A session that was taken up again has a new deadline at once: its timeout may have shrunk.
    fn touch(&self, attached: &[(SessionId, i32)], now: Now) {
        if attached.is_empty() {
            return;
        }
        let mut state = self.shared.state.write();
        for (session, timeout_ms) in attached {
            state.sessions.touch(*session, *timeout_ms, now.monotonic);
        }
    }

    /// Ends sessions that were not heard for too long.
    fn expire(&mut self, now: Now) {
        let next = self.replica.next_expiry(&self.shared.state.read());
        if next.is_none_or(|deadline| deadline > now.monotonic) {
            return;
        }
        let mut state = self.shared.state.write();
        let registry = self.shared.registry.lock();
        let last_touch = |session| registry.last_touch(session);
        for (session, timeout_ms) in self.replica.expire(&mut state, now, &last_touch) {
            tracing::info!("Expiring session {session}, timeout of {timeout_ms}ms exceeded");
            self.shared
                .stats
                .sessions_expired
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes a session up again; whether that succeeded. Its former connection is closed first, whatever
    /// the password.
    // apache 3.9.5: server/ZooKeeperServer.java processConnectRequest, reopenSession
    fn reattach(&mut self, state: &State, ask: &ConnectAsk) -> bool {
        let mut registry = self.shared.registry.lock();
        if let Some(former) = registry
            .holder(ask.session)
            .filter(|former| former.conn != ask.conn)
        {
            former.close(Closing::Now);
        }
        let Some(outbox) = registry.get(ask.conn).map(Arc::clone) else {
            return false;
        };
        let resume = Resume {
            conn: ask.conn,
            session: ask.session,
            timeout_ms: ask.timeout_ms,
        };
        let resumption = if secret::verify(ask.session, &ask.password) {
            self.replica.resume_session(state, resume)
        } else {
            Resumption::Refused
        };
        match resumption {
            Resumption::Granted => {
                registry.attach(ask.session, ask.conn);
                drop(registry);
                welcome(&outbox, ask.session, ask.timeout_ms);
            }
            Resumption::Refused => {
                drop(registry);
                refuse(&outbox, ask.session);
            }
            Resumption::Asked => {}
            Resumption::Unknown => outbox.close(Closing::Now),
        }
        self.ring();
        resumption == Resumption::Granted
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
            Effect::Reply { asker, bytes } => {
                // Before the client can know: its next request may need the room.
                shared.finished(asker.size);
                if let Some(outbox) = registry.get(asker.conn) {
                    outbox.push(&outputs.bytes[bytes.clone()], 1);
                }
                shared.stats.latency.add(now.monotonic.0 - asker.since.0, 1);
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

fn refuse(outbox: &Outbox, session: SessionId) {
    let peer = outbox.peer;
    tracing::info!("Invalid session {session} for client {peer}, probably expired");
    let mut out = Vec::with_capacity(64);
    connect::append_response(0, 0, &[0; 16], outbox.read_only_answer(), &mut out);
    outbox.push(&out, 0);
    outbox.close(Closing::AfterFlush);
}

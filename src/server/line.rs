//! The line: the one thread that owns the [`Member`] and drives it in batches. Requests, handshakes, other
//! servers' packets and "durable" arrive as letters; log batches, replies, events and packets leave.

use std::sync::Arc;
use std::time::Duration;

use crate::consensus::{Input, Outcome, Task};
use crate::net::client::{Bell, Closing, ConnectAsk};
use crate::net::peer;
use crate::net::peer::BallotLetter;
use crate::pipeline::{Outputs, State};
use crate::replica::{Door, Member, Now, Role, Submission};
use crate::server::clock;
use crate::server::deliver::deliver;
use crate::server::door::Doors;
use crate::server::error::ServerError;
use crate::server::log_thread::Order;
use crate::server::mailbox::Mailbox;
use crate::server::registry::Listeners;
use crate::server::seat::Seat;
use crate::server::shared::{Serving, Shared};
use crate::session::ids::SessionIds;
use crate::types::limits;
use crate::types::{Millis, Zxid};

/// What the line is told.
#[derive(Debug)]
pub enum Letter {
    /// Requests of a connection.
    Submit(Submission),
    /// A connection asks for a session.
    Connect(ConnectAsk),
    /// The log is on disk up to here.
    Durable(Zxid),
    /// A task of consensus is done.
    Done(Task, Outcome),
    /// The end of the history is forgotten; this is the state without it.
    Truncated(Task, Box<State>),
    /// The state that came from the leader, and stands at this transaction, is durable.
    Installed(Task, Zxid),
    /// News of a quorum port.
    Peer(peer::Letter),
    /// A ballot.
    Ballot(BallotLetter),
    /// Finish what is in flight, then end.
    Stop,
}

/// The line's thread, before it runs.
pub struct Line {
    /// What threads share.
    pub shared: Arc<Shared>,
    /// The server without its wires.
    pub member: Member,
    /// How it reaches the ensemble; `None` alone.
    pub seat: Option<Seat>,
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

/// How long a member that is told to stop waits for others to agree on what is in flight.
const FAREWELL_MS: i64 = 1000;

impl Line {
    /// Runs until told to stop and nothing is in flight.
    ///
    /// # Errors
    /// When going on would lose data.
    pub fn run(mut self) -> Result<(), ServerError> {
        let mut letters = Vec::new();
        let mut outputs = Outputs::default();
        let mut stopping = None;
        self.member.step(Input::Tick, clock::now());
        self.mailbox.take(&mut letters, Duration::ZERO);
        loop {
            let now = clock::now();
            let stops = self.hear(&mut letters, now);
            self.carry_on(now, &mut outputs)?;
            self.let_read(now);
            if stopping.is_some() {
                self.turn_away(&mut letters);
            }
            self.prepare(letters.drain(..), now);
            self.carry_on(now, &mut outputs)?;
            if let Some(seat) = &mut self.seat {
                seat.end_turn(&mut self.member, now);
            }
            if stops {
                stopping = Some(now.monotonic);
            }
            if stopping.is_some_and(|since| self.is_over(since, now)) {
                if let Some(seat) = &mut self.seat {
                    seat.stop();
                }
                return Ok(());
            }
            self.mailbox.take(&mut letters, self.patience());
        }
    }

    /// Whether a server that was told to stop at `since` may end.
    fn is_over(&mut self, since: Millis, now: Now) -> bool {
        if since.plus(self.shutdown_ms) <= now.monotonic {
            self.member.replica.close_gate();
        }
        let gives_up = self.seat.is_some() && since.plus(FAREWELL_MS) <= now.monotonic;
        gives_up || self.member.replica.is_idle()
    }

    fn patience(&self) -> Duration {
        let replica = &self.member.replica;
        let gate = replica.gate_patience_ms();
        if gate == Some(0) {
            return Duration::ZERO;
        }
        let now = clock::monotonic();
        let expiry = replica.next_expiry(&self.shared.state.read());
        let next = [
            expiry,
            replica.next_reap(),
            self.member.next_tick(),
            self.member.grace_end(),
        ];
        let next = next.into_iter().flatten().min();
        let next = next.unwrap_or(Millis(i64::MAX));
        let gate_ms = gate.map_or(PATIENCE_MAX_MS, i64::from);
        let wait = next
            .0
            .saturating_sub(now.0)
            .clamp(1, PATIENCE_MAX_MS.min(gate_ms));
        Duration::from_millis(wait.unsigned_abs())
    }

    /// Takes everything that is not of a client out of the letters; true when told to stop.
    fn hear(&mut self, letters: &mut Vec<Letter>, now: Now) -> bool {
        let mut stop = false;
        self.ask_oracle(now);
        for letter in letters.extract_if(.., |letter| !letter.is_of_a_client()) {
            match letter {
                Letter::Durable(zxid) => self.member.durable(zxid, now),
                Letter::Done(task, outcome) => self.member.step(Input::Done(task, outcome), now),
                Letter::Truncated(task, state) => {
                    let zxid = state.last_zxid;
                    self.shared.replace(*state);
                    self.rewritten(task, zxid, now);
                }
                Letter::Installed(task, zxid) => self.rewritten(task, zxid, now),
                Letter::Peer(mut letter) => {
                    let seat = self.seat.as_mut().expect("only a member hears of others");
                    while let Some(input) = seat.open(&mut letter) {
                        self.member.step(input, now);
                    }
                }
                Letter::Ballot(letter) => {
                    let (from, ballot) = letter.open();
                    self.member.step(Input::Ballot { from, ballot }, now);
                }
                Letter::Stop => stop = true,
                Letter::Submit(_) | Letter::Connect(_) => unreachable!("these are of a client"),
            }
        }
        self.ask_oracle(now);
        if self
            .member
            .next_tick()
            .is_some_and(|tick| tick <= now.monotonic)
        {
            self.member.step(Input::Tick, now);
        }
        stop
    }

    /// The word of the oracle counts at the moment at which it is needed.
    fn ask_oracle(&mut self, now: Now) {
        if let Some(seat) = &self.seat
            && let Some(oracle) = &seat.oracle
            && self.member.wants_oracle()
        {
            self.member.step(Input::Oracle(oracle.says_yes()), now);
        }
    }

    /// What the disk says has happened ends here now.
    fn rewritten(&mut self, task: Task, zxid: Zxid, now: Now) {
        self.log.send(Order::ResumeAt(zxid));
        self.member.step(Input::Done(task, Outcome::At(zxid)), now);
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
                _ => unreachable!("what is of no client was heard before"),
            }
        }
        if door.has_cut {
            self.ring();
        }
    }

    /// Judges what came in.
    fn prepare(&mut self, letters: impl Iterator<Item = Letter>, now: Now) {
        self.expire(now);
        if let (Some(seat), Some(peer), Role::Leader) =
            (&self.seat, self.member.peer(), self.member.replica.role())
        {
            let memberships = seat.memberships(peer);
            self.member.replica.set_memberships(memberships);
        }
        let shared = Arc::clone(&self.shared);
        let mut door = Doors::new(&shared);
        let mut attached = Vec::new();
        let state = shared.state.read();
        self.member.replica.admit(&state, &mut door, now);
        for letter in letters {
            match letter {
                Letter::Submit(submission) => {
                    let replica = &mut self.member.replica;
                    replica.submit(&state, submission, &mut door, now);
                }
                Letter::Connect(ask) => {
                    if self.connect(&state, &ask, &mut door, now) {
                        attached.push((ask.session, ask.timeout_ms));
                    }
                }
                _ => unreachable!("what is of no client was heard before"),
            }
        }
        self.member.replica.reap(&state, now);
        drop(state);
        if door.has_cut {
            self.ring();
        }
        self.touch(&attached, now);
    }

    /// Sends to the log what has come, finishes what is ready, and does what the ensemble wants, in this
    /// order: a snapshot that is wanted is one of the state that was reached.
    fn carry_on(&mut self, now: Now, outputs: &mut Outputs) -> Result<(), ServerError> {
        if let Some(batch) = self.member.take_log(now) {
            self.log.send(Order::Append(batch));
        }
        if self.member.replica.is_retiring() {
            self.retire(now, outputs);
        }
        self.finish(now, outputs);
        match &mut self.seat {
            Some(seat) => seat.carry_out(&mut self.member, now),
            None => Ok(()),
        }
    }

    /// Clients may read without a leader once it was looked for long enough.
    fn let_read(&mut self, now: Now) {
        if self.member.lets_read(now)
            && let Some(seat) = &mut self.seat
        {
            seat.phases.let_read(now);
            self.shared.set_serving(Serving::Reads);
        }
    }

    /// Serves nobody from here on. Whoever holds a connection gets the answers that are there, and finds it closed.
    fn retire(&mut self, now: Now, outputs: &mut Outputs) {
        let state = self.shared.state.write();
        self.shared.set_serving(Serving::Nobody);
        drop(state);
        while self.member.replica.is_retiring() {
            self.finish_slice(now, outputs);
        }
        let registry = self.shared.registry.lock();
        for outbox in registry.iter() {
            outbox.close(Closing::AfterFlush);
        }
        let next = self.shared.next_conn();
        drop(registry);
        self.member.replica.forget_connections(next);
        self.ring();
    }

    /// Applies and answers everything that is ready, in slices that hold the tree's lock briefly.
    fn finish(&mut self, now: Now, outputs: &mut Outputs) {
        while self.member.replica.has_ready() {
            self.finish_slice(now, outputs);
        }
        let propagated = self.member.replica.take_propagation_ms();
        if propagated.count > 0 {
            self.shared.stats.propagation_ms.lock().merge(propagated);
        }
        let mismatches = self.member.replica.digest_mismatches();
        self.shared
            .set_digest_mismatches(i64::try_from(mismatches).unwrap_or(i64::MAX));
    }

    fn finish_slice(&mut self, now: Now, outputs: &mut Outputs) {
        outputs.clear();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.write();
        if !shared.is_at_work() {
            // What is applied without a role may not stay.
            shared.break_walks();
        }
        let mut watches = shared.watches.lock();
        let mut registry = shared.registry.lock();
        let mut audience = Listeners {
            registry: &registry,
            auth: &shared.rules.auth,
        };
        self.member.replica.finish(
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

    pub(super) fn ring(&self) {
        for bell in &self.bells {
            bell.ring();
        }
    }
}

impl Letter {
    fn is_of_a_client(&self) -> bool {
        matches!(self, Letter::Submit(_) | Letter::Connect(_))
    }
}

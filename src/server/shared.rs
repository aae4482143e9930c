//! What threads share, and the order in which locks are taken: `State`, then `Watches`, then
//! `Registry`, then an outbox. Nothing waits for anything while it holds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::ops::{Rules, WatchDesk};
use crate::pipeline::State;
use crate::server::large::LargeRequests;
use crate::server::registry::Registry;
use crate::server::stats::Stats;
use crate::types::{ConnId, Zxid};
use crate::watch::Watches;

/// Tells a state from another one in its place, and from itself with another future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Era {
    /// Which state.
    pub state: u64,
    /// Which history.
    pub history: u64,
}

/// Who is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Nobody.
    Nobody = 0,
    /// The other members, by a leader that clients are kept from (`leaderServes`).
    Members = 1,
    /// Clients that are content with what they read here, while there is no leader.
    Reads = 2,
    /// Everybody.
    All = 3,
}

/// Everything that more than one thread touches.
#[derive(Debug)]
pub struct Shared {
    /// What has been applied.
    pub state: RwLock<State>,
    /// Who waits for which event.
    pub watches: Mutex<Watches>,
    /// Who is connected.
    pub registry: Mutex<Registry>,
    /// Tallies.
    pub stats: Stats,
    /// The settings of operations.
    pub rules: Arc<Rules>,
    /// Requests handed to the line and not finished.
    pub in_process: AtomicUsize,
    /// What large ones among them may take.
    pub large: LargeRequests,
    /// Digests that did not match.
    digest_mismatches: AtomicI64,
    /// Numbers connections.
    pub next_conn: Arc<AtomicU64>,
    last_zxid: AtomicI64,
    serving: AtomicU8,
    /// How often the state was replaced by another one; changed with `state` locked.
    states: AtomicU64,
    /// How often its history was given up; changed with `state` locked.
    histories: AtomicU64,
}

impl Shared {
    /// Around a recovered state.
    pub fn new(state: State, watches: Watches, rules: Arc<Rules>, large: LargeRequests) -> Self {
        let last_zxid = AtomicI64::new(state.last_zxid.0);
        Shared {
            state: RwLock::new(state),
            watches: Mutex::new(watches),
            registry: Mutex::default(),
            stats: Stats::default(),
            rules,
            in_process: AtomicUsize::new(0),
            large,
            digest_mismatches: AtomicI64::new(0),
            next_conn: Arc::new(AtomicU64::new(1)),
            last_zxid,
            serving: AtomicU8::new(Serving::All as u8),
            states: AtomicU64::new(0),
            histories: AtomicU64::new(0),
        }
    }

    /// Whether clients are served now.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire) >= Serving::Reads as u8
    }

    /// Whether anybody is served now, if not clients.
    pub fn is_at_work(&self) -> bool {
        self.serving.load(Ordering::Acquire) != Serving::Nobody as u8
    }

    /// Whether clients may only read.
    pub fn is_read_only(&self) -> bool {
        self.serving.load(Ordering::Acquire) == Serving::Reads as u8
    }

    /// Serves these clients from now on. To serve nobody, call it with `state` locked for writing: then
    /// nobody reads what is applied afterwards.
    pub fn set_serving(&self, serving: Serving) {
        self.serving.store(serving as u8, Ordering::Release);
    }

    /// Puts another state in the place of the present one. Walks of the old one break off.
    pub fn replace(&self, state: State) {
        let mut current = self.state.write();
        self.states.fetch_add(1, Ordering::Relaxed);
        self.set_last_zxid(state.last_zxid);
        let old = std::mem::replace(&mut *current, state);
        drop(current);
        discard(old);
    }

    /// What is applied from now on may be forgotten again: snapshots that are under way must not hold it,
    /// and break off. To be called with `state` locked for writing.
    pub fn break_walks(&self) {
        self.histories.fetch_add(1, Ordering::Relaxed);
    }

    /// Which state this is; read it with `state` locked.
    pub fn era(&self) -> Era {
        Era {
            state: self.states.load(Ordering::Relaxed),
            history: self.histories.load(Ordering::Relaxed),
        }
    }

    /// A request that was handed to the line is over, answered or not. `size` is its frame's length.
    pub fn finished(&self, size: u32) {
        self.in_process.fetch_sub(1, Ordering::Relaxed);
        self.large.finished(size);
    }

    /// Digests that did not match since the start.
    pub fn digest_mismatches(&self) -> i64 {
        self.digest_mismatches.load(Ordering::Relaxed)
    }

    /// Publishes how many digests did not match.
    pub fn set_digest_mismatches(&self, count: i64) {
        self.digest_mismatches.store(count, Ordering::Relaxed);
    }

    /// The number that the next connection gets.
    pub fn next_conn(&self) -> ConnId {
        ConnId(self.next_conn.load(Ordering::Relaxed))
    }

    /// The last transaction applied, without the lock.
    pub fn last_zxid(&self) -> Zxid {
        Zxid(self.last_zxid.load(Ordering::Acquire))
    }

    /// Publishes the last transaction applied.
    pub fn set_last_zxid(&self, zxid: Zxid) {
        self.last_zxid.store(zxid.0, Ordering::Release);
    }
}

/// The watches, locked when first asked for.
pub struct LazyDesk<'d> {
    lock: &'d Mutex<Watches>,
    guard: Option<MutexGuard<'d, Watches>>,
}

impl<'d> LazyDesk<'d> {
    /// Not locked yet.
    pub fn new(lock: &'d Mutex<Watches>) -> Self {
        LazyDesk { lock, guard: None }
    }
}

impl WatchDesk for LazyDesk<'_> {
    fn desk(&mut self) -> &mut Watches {
        self.guard.get_or_insert_with(|| self.lock.lock())
    }
}

/// Lets go of a state on a thread of its own: a million znodes take a while, and the line has other things to do.
fn discard(state: State) {
    let discarding = thread::Builder::new().name("discard".to_owned());
    if let Err(error) = discarding.spawn(move || drop(state)) {
        // The state went with the closure.
        tracing::debug!("a replaced state was let go of in line: {error}");
    }
}

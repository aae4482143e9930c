//! What threads share, and the order in which locks are taken: `State`, then `Watches`, then
//! `Registry`, then an outbox. Nothing waits for anything while it holds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::ops::{Rules, WatchDesk};
use crate::pipeline::State;
use crate::server::large::LargeRequests;
use crate::server::registry::Registry;
use crate::server::stats::Stats;
use crate::types::Zxid;
use crate::watch::Watches;

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
    pub digest_mismatches: AtomicI64,
    last_zxid: AtomicI64,
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
            last_zxid,
        }
    }

    /// A request that was handed to the line is over, answered or not. `size` is its frame's length.
    pub fn finished(&self, size: u32) {
        self.in_process.fetch_sub(1, Ordering::Relaxed);
        self.large.finished(size);
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

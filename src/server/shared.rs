//! What threads share, and the order in which locks are taken: `State`, then `Watches`, then
//! `Registry`, then an outbox. Nothing waits for anything while it holds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

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
    serving: AtomicBool,
    /// How often the state was replaced by another one, changed with `state` locked.
    generation: AtomicU64,
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
            serving: AtomicBool::new(true),
            generation: AtomicU64::new(0),
        }
    }

    /// Whether clients are served now.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Serves clients from now on, or no longer. To stop, call it with `state` locked for writing: then
    /// nobody reads what is applied afterwards.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Puts another state in the place of the present one, which is returned. Walks of the old one must
    /// not go on.
    pub fn replace(&self, state: State) -> State {
        let mut current = self.state.write();
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.set_last_zxid(state.last_zxid);
        std::mem::replace(&mut current, state)
    }

    /// Which state this is; read it with `state` locked.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
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

//! What a peer is told before its first step: its settings, and what it had on disk. Values only.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::{MemberRules, Membership};
use crate::types::{ServerId, Zxid};

/// The last counter of an epoch. A transaction with the one behind it would be the end of the numbers.
const COUNTER_MAX: i64 = 0xffff_fffe;

/// How a peer behaves. Limits are in ticks as in the settings file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This server (`myid`).
    pub id: ServerId,
    /// Length of a tick, ms (`tickTime`).
    pub tick_ms: i64,
    /// How many ticks a learner may take to connect and to be synchronised (`initLimit`).
    pub init_limit: i64,
    /// How many ticks a learner may be silent or behind (`syncLimit`).
    pub sync_limit: i64,
    /// How many ticks it may take to connect to a leader (`connectToLearnerMasterLimit`); 0: as `init_limit`.
    pub connect_limit: i64,
    /// The committed membership.
    pub committed: Arc<Membership>,
    /// The last one proposed; the committed one unless a change was under way.
    pub last_seen: Arc<Membership>,
    /// What a membership may be.
    pub member_rules: MemberRules,
    /// Whether this server observes when no membership names it (`peerType`).
    pub observer: bool,
    /// First wait before ballots are sent again, ms (`fastleader.minNotificationInterval`).
    pub resend_min_ms: i64,
    /// Longest wait before ballots are sent again, ms (`fastleader.maxNotificationInterval`).
    pub resend_max_ms: i64,
    /// A leader that has waited longer than this for learners gives up when a server that voted for it looks again, ms
    /// (`leader.maxTimeToWaitForEpoch`); `None`: it does not.
    pub epoch_wait_ms: Option<i64>,
    /// An observer whose role has ended waits less than this before it looks for a leader, ms
    /// (`observer.election.DelayMs`).
    pub observer_delay_ms: i64,
    /// An observer waits less than this before it calls a leader, or calls again after all followers that serve
    /// observers, ms (`observer.reconnectDelayMs`).
    pub observer_reconnect_ms: i64,
    /// Whether followers serve observers, and observers call followers (`observerMasterPort`).
    pub observer_masters: bool,
    /// Whether an observer writes a log (`syncEnabled`).
    pub observer_log: bool,
    /// Whether every learner gets a snapshot (`forceSnapshotSync`).
    pub force_snapshot: bool,
    /// Whether learners may be synchronised from the log on disk (`snapshotSizeFactor` not below 0).
    pub log_sync: bool,
    /// How many committed transactions are kept for learners (`commitLogCount`).
    pub backlog: usize,
    /// How many learners may be sent snapshots at once before observers are turned away
    /// (`leader.maxConcurrentSnapSyncs`).
    pub snapshot_syncs_max: usize,
    /// The same for learners that get transactions only (`leader.maxConcurrentDiffSyncs`).
    pub diff_syncs_max: usize,
    /// Whether the membership may change (`reconfigEnabled`).
    pub reconfig: bool,
    /// Whether there is an oracle that says which of two voters goes on alone (`oraclePath`).
    pub oracle: bool,
    /// The last counter of an epoch: its leader resigns with it. Always Apache's, but in simulations, which cannot
    /// wait so long.
    pub counter_max: i64,
    /// Where this peer's chances come from.
    pub seed: u64,
}

impl Settings {
    /// Apache's defaults.
    pub fn new(id: ServerId, membership: Arc<Membership>) -> Self {
        Settings {
            id,
            tick_ms: 3_000,
            init_limit: 10,
            sync_limit: 5,
            connect_limit: 0,
            committed: Arc::clone(&membership),
            last_seen: membership,
            member_rules: MemberRules {
                several_addresses: false,
                standalone_enabled: true,
            },
            observer: false,
            resend_min_ms: 200,
            resend_max_ms: 60_000,
            epoch_wait_ms: None,
            observer_delay_ms: 200,
            observer_reconnect_ms: 0,
            observer_masters: false,
            observer_log: true,
            force_snapshot: false,
            log_sync: true,
            backlog: 500,
            snapshot_syncs_max: 10,
            diff_syncs_max: 100,
            reconfig: false,
            oracle: false,
            counter_max: COUNTER_MAX,
            seed: 0,
        }
    }

    /// How long agreeing and synchronising may take, ms.
    pub(crate) fn init_ms(&self) -> i64 {
        self.tick_ms.saturating_mul(self.init_limit)
    }

    /// How long a synchronised learner, or its leader, may be silent, ms.
    pub(crate) fn sync_ms(&self) -> i64 {
        self.tick_ms.saturating_mul(self.sync_limit)
    }

    /// How long it may take to connect to a leader, ms.
    pub(crate) fn connect_ms(&self) -> i64 {
        match self.connect_limit {
            limit if limit > 0 => self.tick_ms.saturating_mul(limit),
            _ => self.init_ms(),
        }
    }
}

/// What a start has found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The accepted epoch.
    pub accepted_epoch: i64,
    /// The current epoch.
    pub current_epoch: i64,
    /// The last transaction of the state, and of the log; -1 when the empty database is not trusted.
    pub last_zxid: Zxid,
    /// The last transactions of the log, at most `Settings::backlog` and in order: what `Deliver` would have handed
    /// out. May be empty; if not, the last one is the last of the log.
    pub recent: Vec<(Zxid, Bytes)>,
}

//! What operators are told of a member's way through the phases: lines in the log, and the numbers that
//! words and metrics show.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::admin::view::{LeaderFacts, MemberFacts, Role};
use crate::config;
use crate::config::Membership;
use crate::consensus::{Peer, Phase, Status};
use crate::replica::{Counts, Member, Now};
use crate::server::stats::Tally;
use crate::types::{Millis, ServerId};

/// How often numbers are shown that change all the time, ms.
const SHOW_PERIOD_MS: i64 = 100;

/// What the line shows others of a member.
#[derive(Debug)]
pub struct Board {
    shown: Mutex<Shown>,
    membership: Mutex<Arc<Membership>>,
    election_ms: Tally,
    follower_sync_ms: Tally,
    observer_sync_ms: Tally,
    unavailable_ms: Tally,
    leader_unavailable_ms: Tally,
}

#[derive(Debug, Clone, Copy)]
struct Shown {
    role: Role,
    /// Since when clients are served in this role.
    since: Millis,
    leader: Option<LeaderFacts>,
    observers: Option<usize>,
    observer_master: Option<ServerId>,
    elections: u64,
    counts: Counts,
    pending_syncs: usize,
    local_sessions: usize,
}

/// The line's end of it.
#[derive(Debug)]
pub struct Phases {
    me: ServerId,
    board: Arc<Board>,
    phase: Option<Phase>,
    /// When the present election began.
    looking: Option<Millis>,
    /// Since when it has had no role.
    unavailable: Option<Millis>,
    /// When it began to be synchronised.
    synchronising: Option<Millis>,
    /// When the board was last brought up to date.
    shown: Millis,
}

impl Board {
    /// Of a member that has no role yet.
    pub fn new(membership: &Arc<Membership>, now: Millis) -> Self {
        Board {
            shown: Mutex::new(Shown {
                role: Role::Follower,
                since: now,
                leader: None,
                observers: None,
                observer_master: None,
                elections: 0,
                counts: Counts::default(),
                pending_syncs: 0,
                local_sessions: 0,
            }),
            membership: Mutex::new(Arc::clone(membership)),
            election_ms: Tally::default(),
            follower_sync_ms: Tally::default(),
            observer_sync_ms: Tally::default(),
            unavailable_ms: Tally::default(),
            leader_unavailable_ms: Tally::default(),
        }
    }

    /// What it serves as, or served last; since when; and what only a member knows.
    pub fn read(&self, now: Millis) -> (Role, Millis, MemberFacts) {
        let shown = *self.shown.lock();
        let leader = shown.leader.map(|leader| LeaderFacts {
            uptime_ms: now.0 - shown.since.0,
            pending_syncs: shown.pending_syncs,
            ..leader
        });
        let facts = MemberFacts {
            voters: self.membership().voter_count(),
            leader,
            observers: shown.observers,
            observer_master: shown.observer_master,
            elections: shown.elections,
            election_ms: self.election_ms.read(),
            follower_sync_ms: self.follower_sync_ms.read(),
            observer_sync_ms: self.observer_sync_ms.read(),
            unavailable_ms: self.unavailable_ms.read(),
            leader_unavailable_ms: self.leader_unavailable_ms.read(),
            counts: shown.counts,
        };
        (shown.role, shown.since, facts)
    }
}

impl Board {
    /// Sessions that only this member knows.
    pub fn local_sessions(&self) -> usize {
        self.shown.lock().local_sessions
    }

    /// Forgets what is counted (`srst`).
    pub fn reset(&self) {
        let mut shown = self.shown.lock();
        shown.counts = Counts::default();
        shown.elections = 0;
        drop(shown);
        for tally in [
            &self.election_ms,
            &self.follower_sync_ms,
            &self.observer_sync_ms,
            &self.unavailable_ms,
            &self.leader_unavailable_ms,
        ] {
            tally.reset();
        }
    }

    /// Who belongs to the ensemble.
    pub fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.membership.lock())
    }
}

impl Phases {
    /// Of a member that has just started.
    pub fn new(me: ServerId, board: Arc<Board>) -> Self {
        Phases {
            me,
            board,
            phase: None,
            looking: None,
            unavailable: None,
            synchronising: None,
            shown: Millis(i64::MIN),
        }
    }

    /// The member has come to this phase.
    pub(super) fn enter(&mut self, phase: Phase, now: Now) {
        if self.phase.replace(phase) == Some(phase) {
            return;
        }
        self.measure(phase, now.monotonic);
        match phase {
            Phase::Looking => {
                tracing::info!("LOOKING");
                self.looking = Some(now.monotonic);
                self.board.shown.lock().elections += 1;
            }
            Phase::Discovery(leader) => self.elected(leader, now),
            Phase::Synchronization(leader) => {
                tracing::info!(
                    "Peer state changed: {} - synchronization, the leader is {}",
                    self.what(leader),
                    leader.0
                );
            }
            Phase::Leading => tracing::info!("Peer state changed: leading - broadcast"),
            Phase::Following(leader) => {
                tracing::info!(
                    "Peer state changed: following - broadcast, the leader is {}",
                    leader.0
                );
            }
            Phase::Observing(leader) => {
                tracing::info!(
                    "Peer state changed: observing - broadcast, the leader is {}",
                    leader.0
                );
            }
        }
    }

    /// How long it takes until there is a role.
    // apache 3.9.5: server/quorum/QuorumPeer.java setZabState, Follower.java followLeader, Observer.java observeLeader
    fn measure(&mut self, phase: Phase, now: Millis) {
        let board = &self.board;
        match phase {
            Phase::Looking => {
                self.unavailable.get_or_insert(now);
            }
            Phase::Discovery(_) => {}
            Phase::Synchronization(_) => self.synchronising = Some(now),
            Phase::Leading | Phase::Following(_) | Phase::Observing(_) => {
                let since = |start: Option<Millis>| start.map(|start| now.0 - start.0);
                let synchronised = match phase {
                    Phase::Following(_) => Some(&board.follower_sync_ms),
                    Phase::Observing(_) => Some(&board.observer_sync_ms),
                    _ => None,
                };
                if let Some((tally, took)) = synchronised.zip(since(self.synchronising.take())) {
                    tally.add(took, 1);
                }
                if let Some(took) = since(self.unavailable.take()) {
                    board.unavailable_ms.add(took, 1);
                    let led = u64::from(phase == Phase::Leading);
                    board.leader_unavailable_ms.add(took, led);
                }
            }
        }
    }

    /// These are the members from now on.
    pub(super) fn belong(&mut self, membership: &Arc<Membership>) {
        *self.board.membership.lock() = Arc::clone(membership);
    }

    fn elected(&mut self, leader: ServerId, now: Now) {
        let took = self.looking.take().map(|since| now.monotonic.0 - since.0);
        let took = took.unwrap_or(0);
        self.board.election_ms.add(took, 1);
        if leader == self.me {
            tracing::info!("LEADING - LEADER ELECTION TOOK - {took} MS");
        } else {
            tracing::info!(
                "{} - LEADER ELECTION TOOK - {took} MS, the leader is {}",
                self.what(leader).to_uppercase(),
                leader.0
            );
        }
    }

    fn what(&self, leader: ServerId) -> &'static str {
        let membership = self.board.membership.lock();
        let own = membership.member(self.me);
        match own.map(|own| own.role) {
            _ if leader == self.me => "leading",
            Some(config::Role::Observer) => "observing",
            _ => "following",
        }
    }

    /// Clients are served from now on.
    pub(super) fn serve(&mut self, now: Now) {
        self.board.shown.lock().since = now.monotonic;
        // What is shown must be that of the new role before anybody is served.
        self.shown = Millis(i64::MIN);
    }

    /// Clients may read from now on although there is no leader.
    pub(super) fn let_read(&mut self, now: Now) {
        tracing::info!("Read-only server started");
        let mut shown = self.board.shown.lock();
        shown.role = Role::ReadOnly;
        shown.since = now.monotonic;
    }

    /// Shows what has been counted.
    pub(super) fn show_counts(&self, member: &mut Member) {
        let counts = member.take_counts();
        let replica = &member.replica;
        let mut shown = self.board.shown.lock();
        shown.counts.merge(counts);
        shown.pending_syncs = replica.pending_syncs();
        shown.local_sessions = replica.local_session_count();
    }

    /// Shows where the member stands, now and then.
    pub(super) fn show(&mut self, peer: &Peer, now: Now) {
        if self.shown.plus(SHOW_PERIOD_MS) > now.monotonic {
            return;
        }
        self.shown = now.monotonic;
        let status = peer.status();
        let mut shown = self.board.shown.lock();
        if let Some(role) = role(status.phase) {
            shown.role = role;
        }
        shown.observers = status.observers;
        shown.observer_master = status.master;
        shown.leader = (status.phase == Phase::Leading).then(|| leader_facts(&status));
    }
}

fn role(phase: Phase) -> Option<Role> {
    match phase {
        Phase::Leading => Some(Role::Leader),
        Phase::Following(_) => Some(Role::Follower),
        Phase::Observing(_) => Some(Role::Observer),
        Phase::Looking | Phase::Discovery(_) | Phase::Synchronization(_) => None,
    }
}

fn leader_facts(status: &Status) -> LeaderFacts {
    let bytes = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    let sizes = status.proposal_sizes.as_ref();
    LeaderFacts {
        learners: status.learners.connected,
        synced_followers: status.learners.synced_followers,
        synced_non_voting_followers: status.learners.synced_non_voters,
        synced_observers: status.learners.observers,
        pending_syncs: 0,
        uptime_ms: 0,
        proposal_bytes: sizes.map_or([-1; 3], |sizes| {
            [sizes.last, sizes.min, sizes.max].map(bytes)
        }),
    }
}

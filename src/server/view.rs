//! The operator's windows onto a running server, implemented.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::admin::four_letter;
use crate::admin::view::{
    ConnectionFacts, Facts, LatencyFacts, MemberSettings, Role, ServerView, Sessions, Settings,
    StartFacts,
};
use crate::config::{Config, WordWhitelist};
use crate::net::client::WordPort;
use crate::server::client_port::ClientPort;
use crate::server::clock;
use crate::server::listings;
use crate::server::phases::Board;
use crate::server::shared::Shared;
use crate::storage::layout::DataDirs;
use crate::types::{ConnId, Millis, SessionId};

/// What four-letter words are answered from.
pub(super) struct View {
    shared: Arc<Shared>,
    settings: Settings,
    whitelist: WordWhitelist,
    started: Millis,
    startup: StartFacts,
    /// What the line shows; `None` alone.
    board: Option<Arc<Board>>,
    has_local_sessions: bool,
    /// What `stmk` sets. At first: requests, packets, sessions and warnings.
    // apache 3.9.5: server/ZooTrace.java traceMask
    trace_mask: AtomicI64,
    client_port: Arc<ClientPort>,
}

/// A path as Java's `getAbsolutePath` shows it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl View {
    /// A view of a server with these settings.
    pub(super) fn new(
        config: &Config,
        shared: Arc<Shared>,
        dirs: &DataDirs,
        client_port: Arc<ClientPort>,
        startup: StartFacts,
        board: Option<Arc<Board>>,
    ) -> Self {
        let settings = Settings {
            client_port: client_port.number(),
            data_dir: absolute(&dirs.snap),
            log_dir: absolute(&dirs.log),
            tick_time_ms: config.timing.tick_time_ms,
            max_client_cnxns: config.network.max_client_cnxns,
            min_session_timeout_ms: config.timing.min_session_timeout_ms,
            max_session_timeout_ms: config.timing.max_session_timeout_ms,
            backlog: config.network.client_port_listen_backlog,
            member: member_settings(config).filter(|_| board.is_some()),
        };
        View {
            shared,
            settings,
            whitelist: config.words.clone(),
            started: clock::monotonic(),
            startup,
            board,
            has_local_sessions: config.quorum.local_sessions,
            trace_mask: AtomicI64::new(0b1_0011_0010),
            client_port,
        }
    }

    /// What it is to its ensemble; `None` alone.
    fn role(&self) -> Option<Role> {
        let board = self.board.as_ref()?;
        Some(board.read(clock::monotonic()).0)
    }
}

fn member_settings(config: &Config) -> Option<MemberSettings> {
    let mut settings = MemberSettings {
        id: config.my_id?,
        init_limit_ticks: config.quorum.init_limit_ticks,
        sync_limit_ticks: config.quorum.sync_limit_ticks,
        election_ports: Vec::new(),
        quorum_ports: Vec::new(),
        observes: false,
        membership: String::new(),
    };
    settings.follow(&config.membership);
    Some(settings)
}

/// One view for one question.
struct Asked<'v> {
    view: &'v View,
    conn: ConnId,
}

impl View {
    /// The counts of the moment.
    pub(super) fn facts(&self) -> Facts {
        let shared = &self.shared;
        let stats = &shared.stats;
        let count = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        let latency = stats.latency.read();
        let (nodes, ephemerals, data_bytes, sessions) = {
            let state = shared.state.read();
            let tree = &state.tree;
            // Upstream finds the root under two names.
            (
                tree.node_count() + 1,
                tree.ephemeral_count(),
                tree.data_bytes(),
                state.sessions.len(),
            )
        };
        let (watches, data_watches) = {
            let watches = shared.watches.lock();
            (watches.total(), watches.data_counts())
        };
        let connections = shared.registry.lock().count();
        let now = clock::monotonic();
        let (role, since, member) = match &self.board {
            None => (Role::Standalone, self.started, None),
            Some(board) => {
                let (role, since, facts) = board.read(now);
                (role, since, Some(facts))
            }
        };
        Facts {
            role,
            at_work: shared.is_at_work(),
            member,
            latency: LatencyFacts {
                min: latency.min,
                avg: latency.avg(),
                max: latency.max,
            },
            received: count(&stats.received),
            sent: count(&stats.sent),
            connections,
            outstanding: shared.in_process.load(Ordering::Relaxed),
            zxid: shared.last_zxid(),
            nodes,
            ephemerals,
            data_bytes,
            watches,
            data_watches,
            sessions,
            digest_mismatches: shared.digest_mismatches(),
            uptime_ms: now.0 - since.0,
            descriptors: descriptors(),
            connections_rejected: count(&stats.connections_rejected),
            session_requests: count(&stats.session_requests),
            revalidations: count(&stats.revalidations),
            sessions_expired: count(&stats.sessions_expired),
            fsync_ms: stats.log.fsync_ms.read(),
            snapshot_ms: stats.snapshot_ms.read(),
            flushed_records: stats.log.flushed_records.read(),
            propagation_ms: *stats.propagation_ms.lock(),
            local_sessions: self
                .board
                .as_ref()
                .map_or(0, |board| board.local_sessions()),
            startup: self.startup,
        }
    }
}

impl ServerView for Asked<'_> {
    fn is_serving(&self) -> bool {
        self.view.shared.is_serving()
    }

    fn facts(&self) -> Facts {
        self.view.facts()
    }

    fn settings(&self) -> Settings {
        let mut settings = self.view.settings.clone();
        settings.client_port = self.view.client_port.number();
        if let (Some(member), Some(board)) = (&mut settings.member, &self.view.board) {
            member.follow(&board.membership());
        }
        settings
    }

    fn connections(&self) -> Vec<ConnectionFacts> {
        let (monotonic, wall) = (clock::monotonic(), clock::wall());
        let registry = self.view.shared.registry.lock();
        let mut facts = registry
            .iter()
            .map(|outbox| listings::connection(outbox, outbox.conn == self.conn, monotonic, wall))
            .collect::<Vec<_>>();
        facts.sort_by_key(|connection| connection.peer);
        facts
    }

    fn size_of(&self, dir: &Path) -> u64 {
        let Ok(entries) = fs::read_dir(dir) else {
            return 0;
        };
        let files = entries.flatten().filter_map(|entry| entry.metadata().ok());
        files
            .filter(fs::Metadata::is_file)
            .map(|file| file.len())
            .sum()
    }

    fn sessions(&self) -> Sessions {
        let view = self.view;
        let knows_deadlines = view.role().is_none_or(|role| role == Role::Leader);
        listings::sessions(&view.shared, knows_deadlines, view.has_local_sessions)
    }

    fn ephemerals(&self) -> Vec<(SessionId, Vec<String>)> {
        listings::ephemerals(&self.view.shared)
    }

    fn watches_by_path(&self) -> Vec<(String, Vec<String>)> {
        listings::watches_by_path(&self.view.shared)
    }

    fn watches_by_session(&self) -> Vec<(String, Vec<String>)> {
        listings::watches_by_session(&self.view.shared)
    }

    fn reset_connections(&self) {
        for outbox in self.view.shared.registry.lock().iter() {
            outbox.received.store(0, Ordering::Relaxed);
            outbox.sent.store(0, Ordering::Relaxed);
            outbox.replies.reset();
        }
    }

    fn reset_server(&self) {
        self.view.shared.stats.reset();
        if let Some(board) = &self.view.board {
            board.reset();
        }
    }

    fn trace_mask(&self) -> i64 {
        self.view.trace_mask.load(Ordering::Relaxed)
    }

    fn set_trace_mask(&self, mask: i64) {
        self.view.trace_mask.store(mask, Ordering::Relaxed);
    }
}

fn descriptors() -> Option<(u64, u64)> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    let max = getrlimit(Resource::Nofile).current?;
    Some((u64::try_from(open).ok()?, max))
}

impl WordPort for View {
    fn answer(&self, word: [u8; 4], rest: &[u8], conn: ConnId) -> Option<Vec<u8>> {
        let asked = Asked { view: self, conn };
        let answer = four_letter::answer(word, rest, &self.whitelist, &asked)?;
        let stats = &self.shared.stats;
        stats.received.fetch_add(1, Ordering::Relaxed);
        stats.sent.fetch_add(1, Ordering::Relaxed);
        Some(answer.into_bytes())
    }
}

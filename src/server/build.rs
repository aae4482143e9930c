//! What a server is built of, before its threads run: the state and what threads share, the files, the line
//! of a server that stands alone or of a member of an ensemble.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use crate::config::Config;
use crate::consensus::{Peer, Saved};
use crate::net::client::Bell;
use crate::net::peer::AddressBook;
use crate::pipeline::State;
use crate::pipeline::checkpoint::Checkpoint;
use crate::replica::{Member, Now, Parts, Replica};
use crate::server::client_port::ClientPort;
use crate::server::error::ServerError;
use crate::server::line::{Letter, Line};
use crate::server::log_thread::{LogThread, Order};
use crate::server::mailbox::Mailbox;
use crate::server::member_files::MemberFiles;
use crate::server::oracle::Oracle;
use crate::server::peers::{Peers, PeersThread};
use crate::server::phases::{Board, Phases};
use crate::server::recover::{Received, Receiver, Recoverer};
use crate::server::seat::Seat;
use crate::server::shared::{Serving, Shared};
use crate::server::snapshot_thread::{SnapshotOrder, SnapshotThread, Snapshots};
use crate::server::sync::Syncs;
use crate::server::threads::Failures;
use crate::server::{clock, entropy, settings};
use crate::session::ids::SessionIds;
use crate::storage::disk::Disk;
use crate::storage::epochs::EpochFiles;
use crate::storage::layout::DataDirs;
use crate::storage::txn_log::LogWriter;
use crate::types::{ServerId, Zxid};
use crate::watch::Watches;

/// The server id that sessions of a standalone server carry.
const STANDALONE_ID: i64 = 1;

/// Mailboxes and bells: how the threads reach each other.
pub(super) struct Wires {
    pub(super) line: Arc<Mailbox<Letter>>,
    pub(super) log: Arc<Mailbox<Order>>,
    pub(super) housekeeper: Arc<Mailbox<SnapshotOrder>>,
    pub(super) bells: Vec<Arc<Bell>>,
    pub(super) failures: Arc<Failures>,
}

/// Half the cores read sockets and serve reads; the others are for the line, the log and the kernel.
fn shard_count() -> usize {
    thread::available_parallelism()
        .map_or(1, |cores| cores.get() / 2)
        .max(1)
}

/// What stands on disk, and how it is read and written.
pub(super) struct Files {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dirs: DataDirs,
    pub(super) recoverer: Recoverer,
}

impl Files {
    pub(super) fn snapshots(&self, config: &Config) -> Snapshots {
        Snapshots {
            disk: Arc::clone(&self.disk),
            dirs: self.dirs.clone(),
            compression: settings::compression(config),
            digests: config.storage.digest_enabled,
            zxid_section: config.storage.serialize_last_processed_zxid,
        }
    }

    fn epochs(&self) -> EpochFiles {
        EpochFiles::new(Arc::clone(&self.disk), &self.dirs.snap)
    }

    pub(super) fn log(&self, config: &Config, base: &Base) -> LogThread {
        const KIB: u64 = 1024;
        let storage = &config.storage;
        let (disk, wires) = (Arc::clone(&self.disk), &base.wires);
        let options = settings::log_options(config);
        LogThread {
            stats: Arc::clone(&base.shared.stats.log),
            writer: LogWriter::new(disk, &self.dirs.log, options, base.shared.last_zxid()),
            mailbox: Arc::clone(&wires.log),
            line: Arc::clone(&wires.line),
            snapshots: Arc::clone(&wires.housekeeper),
            checkpoint: Checkpoint::new(
                u64::from(storage.snap_count),
                storage
                    .snap_size_limit_kb
                    .map(|kib| kib.saturating_mul(KIB)),
                entropy::random(),
            ),
            policy: settings::flush_policy(config),
            epochs: self.epochs(),
        }
    }

    pub(super) fn housekeeper(
        &self,
        config: &Config,
        base: &Base,
        snapshots: Snapshots,
    ) -> SnapshotThread {
        SnapshotThread {
            shared: Arc::clone(&base.shared),
            mailbox: Arc::clone(&base.wires.housekeeper),
            line: Arc::clone(&base.wires.line),
            snapshots,
            recoverer: self.recoverer.clone(),
            purge: settings::purge_policy(config),
        }
    }
}

/// What a server of either kind is built on.
pub(super) struct Base {
    pub(super) shared: Arc<Shared>,
    pub(super) wires: Wires,
    pub(super) now: Now,
}

impl Base {
    pub(super) fn new(config: &Config, state: State) -> Base {
        let watches = Watches::new(entropy::random());
        let large = settings::large_requests(config);
        let rules = Arc::new(settings::rules(config));
        Base {
            shared: Arc::new(Shared::new(state, watches, rules, large)),
            wires: Wires {
                line: Arc::default(),
                log: Arc::default(),
                housekeeper: Arc::default(),
                bells: (0..shard_count()).map(|_| Arc::default()).collect(),
                failures: Arc::default(),
            },
            now: clock::now(),
        }
    }

    fn parts(&self, config: &Config) -> Parts {
        Parts {
            rules: Arc::clone(&self.shared.rules),
            throttle: config.pipeline.throttle.clone(),
            reaper: settings::reaper(config, self.now.monotonic),
            seed: entropy::random(),
            digests: config.storage.digest_enabled,
        }
    }

    fn line(&self, config: &Config, id: i64, member: Member, seat: Option<Seat>) -> Line {
        Line {
            shared: Arc::clone(&self.shared),
            member,
            seat,
            session_ids: SessionIds::new(id, self.now.wall.0),
            mailbox: Arc::clone(&self.wires.line),
            log: Arc::clone(&self.wires.log),
            bells: self.wires.bells.clone(),
            shutdown_ms: i64::from(config.pipeline.throttle.shutdown_timeout_ms),
        }
    }

    pub(super) fn alone(&self, config: &Config) -> Line {
        let replica = Replica::new(&self.shared.state.read(), self.parts(config));
        self.line(config, STANDALONE_ID, Member::alone(replica), None)
    }

    /// A member of an ensemble. It serves nobody until it has a role.
    pub(super) fn member(
        &self,
        config: &Config,
        me: ServerId,
        files: &Files,
        recent: Vec<(Zxid, Bytes)>,
        client_port: &Arc<ClientPort>,
    ) -> Result<(Line, PeersThread, Arc<Board>), ServerError> {
        self.shared.set_serving(Serving::Nobody);
        let last = self.shared.last_zxid();
        let epochs = files.epochs().load(last)?;
        let saved = Saved {
            accepted_epoch: epochs.accepted,
            current_epoch: epochs.current,
            last_zxid: last,
            recent,
        };
        let membership = Arc::new(config.membership.clone());
        let peer_settings = settings::peer(config, me, &membership, entropy::random());
        let peer = Peer::new(peer_settings, saved, self.now.monotonic);
        let mut replica = Replica::member(&self.shared.state.read(), self.parts(config))
            .with_local_sessions(settings::local_sessions(config, me));
        let text = Bytes::from(membership.to_text());
        replica.set_membership(text, membership.version);
        let last_seen = config.last_seen.clone().map(Arc::new);
        let last_seen = last_seen.unwrap_or_else(|| Arc::clone(&membership));
        let received = Arc::new(Received::new(files.recoverer.clone()));
        let peers = Peers::new(
            config,
            (me, AddressBook::of(&membership, &last_seen)),
            Arc::new(Receiver(Arc::clone(&received))),
            &self.wires.line,
            &self.wires.failures,
        );
        let board = Arc::new(Board::new(&membership, self.now.monotonic));
        let member_files = MemberFiles::new(Arc::clone(&files.disk), &config.file);
        if config.reconfig_enabled {
            member_files.back_up();
        }
        let seat = Seat {
            me,
            membership,
            last_seen,
            links: peers.links,
            ballots: peers.ballots,
            shared: Arc::clone(&self.shared),
            received,
            log: Arc::clone(&self.wires.log),
            housekeeper: Arc::clone(&self.wires.housekeeper),
            syncs: Syncs {
                line: Arc::clone(&self.wires.line),
                disk: Arc::clone(&files.disk),
                dirs: files.dirs.clone(),
                size_factor: config.quorum.snapshot_size_factor.unwrap_or(-1.0),
                broken: Arc::default(),
            },
            phases: Phases::new(me, Arc::clone(&board)),
            files: member_files,
            observer_master_port: config.quorum.observer_master_port,
            rules: config.reconfig_enabled.then(|| config.member_rules()),
            oracle: config.quorum.oracle_path.as_deref().map(Oracle::new),
            client_port: Arc::clone(client_port),
            leader_serves: config.quorum.leader_serves,
            learners: BTreeMap::new(),
            street: Vec::new(),
            opens: false,
        };
        let mut member = Member::new(replica, peer);
        if config.quorum.read_only_mode {
            member = member.reading_alone(i64::from(config.timing.tick_time_ms));
        }
        let line = self.line(config, me.0, member, Some(seat));
        Ok((line, peers.thread, board))
    }
}

//! Bring-up and wind-down: directories, recovery, threads, listeners; and the same backwards.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::config::Config;
use crate::consensus::{Peer, Saved};
use crate::net::client::{Bell, Ports, Shard};
use crate::pipeline::State;
use crate::pipeline::checkpoint::Checkpoint;
use crate::pipeline::connection_throttle::ConnectionThrottle;
use crate::replica::{Member, Now, Parts, Replica};
use crate::server::error::ServerError;
use crate::server::line::{Letter, Line};
use crate::server::listeners;
use crate::server::log_thread::{LogThread, Order};
use crate::server::mailbox::Mailbox;
use crate::server::member_files::MemberFiles;
use crate::server::metrics::Endpoint;
use crate::server::peers::{Peers, PeersThread};
use crate::server::phases::{Board, Phases};
use crate::server::ports::{Reads, Writes};
use crate::server::recover::{Loaded, Received, Receiver, Recoverer};
use crate::server::seat::Seat;
use crate::server::shared::Shared;
use crate::server::snapshot_thread::{SnapshotOrder, SnapshotThread, Snapshots};
use crate::server::sync::Syncs;
use crate::server::threads::Failures;
use crate::server::view::View;
use crate::server::{clock, entropy, metrics, settings, stats, threads};
use crate::session::ids::SessionIds;
use crate::storage::disk::{Disk, RealDisk};
use crate::storage::epochs::EpochFiles;
use crate::storage::layout::{DataDirs, DirLocks};
use crate::storage::txn_log::LogWriter;
use crate::types::{ServerId, Zxid};
use crate::watch::Watches;

/// The server id that sessions of a standalone server carry.
const STANDALONE_ID: i64 = 1;

/// How often a stopping server looks whether its line has ended.
const POLL: Duration = Duration::from_millis(5);

/// Mailboxes and bells: how the threads reach each other.
struct Wires {
    line: Arc<Mailbox<Letter>>,
    log: Arc<Mailbox<Order>>,
    housekeeper: Arc<Mailbox<SnapshotOrder>>,
    bells: Vec<Arc<Bell>>,
    failures: Arc<Failures>,
}

/// A running server.
pub struct Server {
    wires: Wires,
    line: JoinHandle<()>,
    log: JoinHandle<()>,
    housekeeper: JoinHandle<()>,
    peers: Option<JoinHandle<()>>,
    shards: Vec<JoinHandle<()>>,
    client_address: Option<SocketAddr>,
    metrics: Option<Endpoint>,
    /// Held until the end: no other process may use the directories.
    _locks: DirLocks,
}

/// Starts a server and returns once it serves; a member of an ensemble once it looks for the others.
///
/// # Errors
/// When the directories, the data, or a port are not usable.
pub fn start(config: &Config) -> Result<Server, ServerError> {
    // First of all, as upstream does it.
    let metrics = metrics::bind(&config.metrics)?;
    let me = seat_of(config)?;
    let log_dir = Some(config.storage.data_log_dir.as_path());
    let dirs = DataDirs::of(&config.storage.data_dir, log_dir);
    let locks = dirs.open(config.storage.datadir_autocreate)?;
    // Taken early: a port in use is found before a long recovery.
    let listener = listeners::client_port(&config.network)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let recoverer = Recoverer::of(config);
    let Loaded {
        state,
        recovered,
        recent,
    } = load(config, &recoverer, &disk, &dirs)?;
    let files = Files {
        disk,
        dirs,
        recoverer,
    };
    let last = state.last_zxid;
    let base = Base::new(config, state);
    let snapshots = files.snapshots(config);
    if recovered.snapshot.is_none() && last >= Zxid::ZERO {
        // Logs without any snapshot are refused by Java: there must be one before the first record.
        snapshots.take(&base.shared)?;
    } else if recovered.txns > 0 && me.is_none() {
        base.wires.housekeeper.send(SnapshotOrder::Take);
    }
    let (line, peers, board) = match me {
        None => (base.alone(config), None, None),
        Some(me) => {
            let (line, peers, board) = base.member(config, me, &files, recent)?;
            (line, Some(peers), Some(board))
        }
    };
    let client = listener
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let view = View::new(
        config,
        Arc::clone(&base.shared),
        &files.dirs,
        client,
        stats::startup(&recovered),
        board,
    );
    Threads {
        line,
        peers,
        log: files.log(config, &base),
        housekeeper: files.housekeeper(config, &base, snapshots),
        view: Arc::new(view),
        listener,
    }
    .start(config, base, metrics, locks)
}

/// Which member of an ensemble this server is; `None` when it stands alone.
///
/// # Errors
/// When the ensemble has no such member.
// apache 3.9.5: server/quorum/QuorumPeer.java start
fn seat_of(config: &Config) -> Result<Option<ServerId>, ServerError> {
    if !config.is_ensemble() {
        return Ok(None);
    }
    let me = config.my_id.expect("settings of an ensemble have an id");
    match config.membership.member(me) {
        Some(_) => Ok(Some(me)),
        None => Err(ServerError::NotAMember(me)),
    }
}

/// Recovers what the directories hold. That may be nothing, unless the settings expect data: then a server
/// that stands alone does not start, and a member of an ensemble stands at -1 and does not vote until
/// others have brought it up to date.
// apache 3.9.5: server/persistence/FileTxnSnapLog.java restore; a standalone server goes on with zxid -1
// there, of which every client then says that it has seen a later one: none can connect.
fn load(
    config: &Config,
    recoverer: &Recoverer,
    disk: &Arc<dyn Disk>,
    dirs: &DataDirs,
) -> Result<Loaded, ServerError> {
    let mut loaded = recoverer.recover(&**disk, dirs)?;
    let (state, recovered) = (&mut loaded.state, &loaded.recovered);
    let is_marked = dirs.take_initialize_marker().map_err(ServerError::Marker)?;
    if recovered.is_empty() && !is_marked && !config.storage.db_autocreate {
        if !config.is_ensemble() {
            return Err(ServerError::Empty {
                dir: config.storage.data_log_dir.clone(),
            });
        }
        tracing::warn!("Unexpected empty data tree, setting zxid to -1");
        state.last_zxid = Zxid(-1);
    }
    if recovered.snapshot.is_some() {
        tracing::info!(
            "Snapshot loaded in {} ms, highest zxid is {}, digest is {}",
            recovered.snapshot_took.as_millis(),
            state.last_zxid,
            state.tree.digest()
        );
    }
    Ok(loaded)
}

/// What stands on disk, and how it is read and written.
struct Files {
    disk: Arc<dyn Disk>,
    dirs: DataDirs,
    recoverer: Recoverer,
}

impl Files {
    fn snapshots(&self, config: &Config) -> Snapshots {
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

    fn log(&self, config: &Config, base: &Base) -> LogThread {
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

    fn housekeeper(&self, config: &Config, base: &Base, snapshots: Snapshots) -> SnapshotThread {
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
struct Base {
    shared: Arc<Shared>,
    wires: Wires,
    now: Now,
}

impl Base {
    fn new(config: &Config, state: State) -> Base {
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

    fn alone(&self, config: &Config) -> Line {
        let replica = Replica::new(&self.shared.state.read(), self.parts(config));
        self.line(config, STANDALONE_ID, Member::alone(replica), None)
    }

    /// A member of an ensemble. It serves nobody until it has a role.
    fn member(
        &self,
        config: &Config,
        me: ServerId,
        files: &Files,
        recent: Vec<(Zxid, Bytes)>,
    ) -> Result<(Line, PeersThread, Arc<Board>), ServerError> {
        self.shared.set_serving(false);
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
        replica.set_membership(text, membership.version, self.now);
        let received = Arc::new(Received::new(files.recoverer.clone()));
        let peers = Peers::new(
            config,
            (me, &membership),
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
            },
            phases: Phases::new(me, Arc::clone(&board)),
            files: member_files,
            learners: BTreeMap::new(),
            street: Vec::new(),
            opens: false,
        };
        let line = self.line(config, me.0, Member::new(replica, peer), Some(seat));
        Ok((line, peers.thread, board))
    }
}

/// Everything that is to run.
struct Threads {
    line: Line,
    peers: Option<PeersThread>,
    log: LogThread,
    housekeeper: SnapshotThread,
    view: Arc<View>,
    listener: Option<TcpListener>,
}

impl Threads {
    fn start(
        self,
        config: &Config,
        base: Base,
        metrics: Option<metrics::Bound>,
        locks: DirLocks,
    ) -> Result<Server, ServerError> {
        let Threads {
            line,
            peers,
            log,
            housekeeper,
            view,
            listener,
        } = self;
        let Base { shared, wires, .. } = base;
        let ports = build_ports(config, &shared, &wires, &view);
        let metrics = metrics.map(|bound| bound.serve(&view, &wires.failures));
        let client_address = listener
            .as_ref()
            .and_then(|listener| listener.local_addr().ok());
        let spawn = |what, body| threads::spawn(what, &wires.failures, body);
        Ok(Server {
            line: spawn("line", Box::new(move || line.run()) as Body)?,
            log: spawn("log", Box::new(move || log.run()))?,
            housekeeper: spawn("housekeeper", Box::new(move || housekeeper.run()))?,
            peers: peers
                .map(|peers| spawn("peers", Box::new(move || peers.run())))
                .transpose()?,
            shards: start_shards(&ports, &wires, listener)?,
            wires,
            client_address,
            metrics: metrics.transpose()?,
            _locks: locks,
        })
    }
}

type Body = Box<dyn FnOnce() -> Result<(), ServerError> + Send>;

/// Half the cores read sockets and serve reads; the others are for the line, the log and the kernel.
fn shard_count() -> usize {
    thread::available_parallelism()
        .map_or(1, |cores| cores.get() / 2)
        .max(1)
}

fn build_ports(config: &Config, shared: &Arc<Shared>, wires: &Wires, view: &Arc<View>) -> Ports {
    let limit = |value: i32| usize::try_from(value).unwrap_or(0);
    Ports {
        read: Arc::new(Reads {
            shared: Arc::clone(shared),
        }),
        write: Arc::new(Writes {
            shared: Arc::clone(shared),
            line: Arc::clone(&wires.line),
            throttle: ConnectionThrottle::new(
                &config.network.connection_throttle,
                clock::monotonic(),
            )
            .map(Mutex::new),
            connections_max: config
                .network
                .max_cnxns
                .and_then(|max| max.try_into().ok())
                .unwrap_or(0),
            connections_per_address_max: limit(config.network.max_client_cnxns),
        }),
        words: Arc::clone(view) as _,
        limits: Arc::new(settings::limits(config)),
        auth: Arc::new(shared.rules.auth.clone()),
        clock: clock::monotonic,
        next_conn: Arc::clone(&shared.next_conn),
    }
}

fn start_shards(
    ports: &Ports,
    wires: &Wires,
    listener: Option<TcpListener>,
) -> Result<Vec<JoinHandle<()>>, ServerError> {
    let failed = |source| ServerError::Thread {
        what: "shard",
        source,
    };
    let turn = Arc::new(AtomicUsize::new(0));
    let mut shards = Vec::new();
    for bell in &wires.bells {
        let listener = listener
            .as_ref()
            .map(TcpListener::try_clone)
            .transpose()
            .map_err(failed)?;
        let shard = Shard {
            bell: Arc::clone(bell),
            bells: wires.bells.clone(),
            turn: Arc::clone(&turn),
            listeners: listener.into_iter().collect(),
        };
        let ports = ports.clone();
        shards.push(threads::spawn("shard", &wires.failures, move || {
            shard.run(ports).map_err(|source| ServerError::Thread {
                what: "shard",
                source,
            })
        })?);
    }
    Ok(shards)
}

impl Server {
    /// Where clients connect; `None` without a client port.
    pub fn client_address(&self) -> Option<SocketAddr> {
        self.client_address
    }

    /// Where metrics are scraped; `None` without that endpoint.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|endpoint| endpoint.address)
    }

    /// Waits up to `patience` for something that ends the server.
    pub fn failure(&self, patience: Duration) -> Option<ServerError> {
        let mut failures = Vec::new();
        self.wires.failures.take(&mut failures, patience);
        failures.into_iter().next()
    }

    /// Stops in order: what is in flight is logged, applied and answered, then connections close.
    /// Sessions live on in the log, as after a crash.
    ///
    /// # Errors
    /// What failed on the way.
    pub fn stop(self) -> Result<(), ServerError> {
        self.wires.line.send(Letter::Stop);
        while !self.line.is_finished() {
            // A log that fails now leaves the line waiting for ever.
            if let Some(failure) = self.failure(POLL) {
                return Err(failure);
            }
        }
        join(self.line);
        // The line has told it to end.
        self.peers.into_iter().for_each(join);
        self.wires.log.send(Order::Stop);
        join(self.log);
        self.wires.housekeeper.send(SnapshotOrder::Stop);
        for bell in &self.wires.bells {
            bell.stop();
        }
        self.shards.into_iter().for_each(join);
        join(self.housekeeper);
        if let Some(metrics) = self.metrics {
            metrics.stop();
        }
        let mut failures = Vec::new();
        self.wires.failures.take(&mut failures, Duration::ZERO);
        match failures.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// A thread that died has said why through its failures.
fn join(thread: JoinHandle<()>) {
    drop(thread.join());
}

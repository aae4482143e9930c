//! Bring-up and wind-down: directories, recovery, threads, listeners; and the same backwards.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::Config;
use crate::net::client::{Ports, Shard};
use crate::server::build::{Base, Files, Wires};
use crate::server::client_port::ClientPort;
use crate::server::error::ServerError;
use crate::server::line::{Letter, Line};
use crate::server::listeners;
use crate::server::log_thread::{LogThread, Order};
use crate::server::metrics::Endpoint;
use crate::server::peers::PeersThread;
use crate::server::ports::{Reads, Writes};
use crate::server::recover::{Loaded, Recoverer};
use crate::server::shared::Shared;
use crate::server::snapshot_thread::{SnapshotOrder, SnapshotThread};
use crate::server::view::View;
use crate::server::{clock, metrics, settings, stats, threads};
use crate::storage::disk::{Disk, RealDisk};
use crate::storage::layout::{DataDirs, DirLocks};
use crate::types::{ServerId, Zxid};

/// How often a stopping server looks whether its line has ended.
const POLL: Duration = Duration::from_millis(5);

/// A running server.
pub struct Server {
    wires: Wires,
    line: JoinHandle<()>,
    log: JoinHandle<()>,
    housekeeper: JoinHandle<()>,
    peers: Option<JoinHandle<()>>,
    shards: Vec<JoinHandle<()>>,
    client_address: Option<SocketAddr>,
    client_port: Arc<ClientPort>,
    mover: Option<JoinHandle<()>>,
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
    let client_port = ClientPort::new(base.wires.bells.clone(), listener.as_ref());
    let client_port = Arc::new(client_port);
    let (line, peers, board) = match me {
        None => (base.alone(config), None, None),
        Some(me) => {
            let (line, peers, board) = base.member(config, me, &files, recent, &client_port)?;
            (line, Some(peers), Some(board))
        }
    };
    let view = View::new(
        config,
        Arc::clone(&base.shared),
        &files.dirs,
        Arc::clone(&client_port),
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
        client_port,
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
        tracing::warn!(
            "Unexpected empty data tree, setting zxid to -1: this member votes for nobody until others have brought it \
             up to date. If all members are new, or lost everything, create the file {} and start again",
            config.storage.data_log_dir.join("initialize").display()
        );
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

/// Everything that is to run.
struct Threads {
    line: Line,
    peers: Option<PeersThread>,
    log: LogThread,
    housekeeper: SnapshotThread,
    view: Arc<View>,
    listener: Option<TcpListener>,
    client_port: Arc<ClientPort>,
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
            client_port,
        } = self;
        let Base { shared, wires, .. } = base;
        let ports = build_ports(config, &shared, &wires, &view);
        let metrics = metrics.map(|bound| bound.serve(&view, &wires.failures));
        let client_address = listener
            .as_ref()
            .and_then(|listener| listener.local_addr().ok());
        let spawn = |what, body| threads::spawn(what, &wires.failures, body);
        // Nothing moves the port of a server that stands alone.
        let mover = peers.as_ref().map(|_| {
            let port = Arc::clone(&client_port);
            spawn("client port", Box::new(move || port.run()) as Body)
        });
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
            client_port,
            mover: mover.transpose()?,
            metrics: metrics.transpose()?,
            _locks: locks,
        })
    }
}

type Body = Box<dyn FnOnce() -> Result<(), ServerError> + Send>;

fn build_ports(config: &Config, shared: &Arc<Shared>, wires: &Wires, view: &Arc<View>) -> Ports {
    let limit = |value: i32| usize::try_from(value).unwrap_or(0);
    Ports {
        read: Arc::new(Reads {
            shared: Arc::clone(shared),
        }),
        write: Arc::new(Writes {
            shared: Arc::clone(shared),
            line: Arc::clone(&wires.line),
            throttle: settings::connection_throttle(config, clock::monotonic()).map(Mutex::new),
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
        self.client_port.stop();
        self.mover.into_iter().for_each(join);
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

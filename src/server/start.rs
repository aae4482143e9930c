//! Bring-up and wind-down: directories, recovery, threads, listeners; and the same backwards.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::Config;
use crate::net::client::{Bell, Ports, Shard};
use crate::pipeline::State;
use crate::pipeline::checkpoint::Checkpoint;
use crate::replica::Replica;
use crate::server::error::ServerError;
use crate::server::line::{Letter, Line};
use crate::server::listeners;
use crate::server::log_thread::{LogThread, Order};
use crate::server::mailbox::Mailbox;
use crate::server::metrics::Endpoint;
use crate::server::ports::{Reads, Writes};
use crate::server::shared::Shared;
use crate::server::snapshot_thread::{SnapshotOrder, SnapshotThread, Snapshots};
use crate::server::threads::Failures;
use crate::server::view::View;
use crate::server::{clock, entropy, metrics, recover, settings, stats, threads};
use crate::session::ids::SessionIds;
use crate::storage::disk::{Disk, RealDisk};
use crate::storage::layout::{DataDirs, DirLocks};
use crate::storage::txn_log::LogWriter;
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
    shards: Vec<JoinHandle<()>>,
    client_address: Option<SocketAddr>,
    metrics: Option<Endpoint>,
    /// Held until the end: no other process may use the directories.
    _locks: DirLocks,
}

/// Starts a server and returns once it serves.
///
/// # Errors
/// When the directories, the data, or a port are not usable.
pub fn start(config: &Config) -> Result<Server, ServerError> {
    // First of all, as upstream does it.
    let metrics = metrics::bind(&config.metrics)?;
    let log_dir = Some(config.storage.data_log_dir.as_path());
    let dirs = DataDirs::of(&config.storage.data_dir, log_dir);
    let locks = dirs.open(config.storage.datadir_autocreate)?;
    // Taken early: a port in use is found before a long recovery.
    let listener = listeners::client_port(&config.network)?;
    dirs.take_initialize_marker().map_err(ServerError::Marker)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (state, recovered) = recover::recover(config, &disk, &dirs)?;
    if recovered.snapshot.is_some() {
        tracing::info!(
            "Snapshot loaded in {} ms, highest zxid is {}, digest is {}",
            recovered.snapshot_took.as_millis(),
            state.last_zxid,
            state.tree.digest()
        );
    }
    let writer = LogWriter::new(
        Arc::clone(&disk),
        &dirs.log,
        settings::log_options(config),
        state.last_zxid,
    );
    let snapshots = build_snapshots(config, disk, &dirs);
    let (line, shared, wires) = build_line(config, state);
    if recovered.snapshot.is_none() {
        // Logs without any snapshot are refused by Java: there must be one before the first record.
        snapshots.take(&shared)?;
    } else if recovered.txns > 0 {
        wires.housekeeper.send(SnapshotOrder::Take);
    }
    let housekeeper = SnapshotThread {
        shared: Arc::clone(&shared),
        mailbox: Arc::clone(&wires.housekeeper),
        snapshots,
        log_dir: dirs.log.clone(),
        purge: settings::purge_policy(config),
    };
    let client_address = listener
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let log = build_log(config, writer, &shared, &wires);
    let startup = stats::startup(&recovered);
    let view = View::new(config, Arc::clone(&shared), &dirs, client_address, startup);
    let view = Arc::new(view);
    let ports = build_ports(config, &shared, &wires, &view);
    let metrics = metrics.map(|bound| bound.serve(&view, &wires.failures));
    let server = Server {
        line: threads::spawn("line", &wires.failures, move || {
            line.run();
            Ok(())
        })?,
        log: threads::spawn("log", &wires.failures, move || Ok(log.run()?))?,
        housekeeper: threads::spawn("housekeeper", &wires.failures, move || {
            Ok(housekeeper.run()?)
        })?,
        shards: start_shards(&ports, &wires, listener)?,
        wires,
        client_address,
        metrics: metrics.transpose()?,
        _locks: locks,
    };
    Ok(server)
}

fn build_line(config: &Config, state: State) -> (Line, Arc<Shared>, Wires) {
    let now = clock::now();
    let rules = Arc::new(settings::rules(config));
    let digests = config.storage.digest_enabled;
    let reaper = settings::reaper(config, now.monotonic);
    let replica = Replica::new(
        Arc::clone(&rules),
        &state,
        reaper,
        entropy::random(),
        digests,
    );
    let shared = Arc::new(Shared::new(state, Watches::new(entropy::random()), rules));
    let wires = Wires {
        line: Arc::default(),
        log: Arc::default(),
        housekeeper: Arc::default(),
        bells: (0..shard_count()).map(|_| Arc::default()).collect(),
        failures: Arc::default(),
    };
    let line = Line {
        shared: Arc::clone(&shared),
        replica,
        session_ids: SessionIds::new(STANDALONE_ID, now.wall.0),
        mailbox: Arc::clone(&wires.line),
        log: Arc::clone(&wires.log),
        bells: wires.bells.clone(),
    };
    (line, shared, wires)
}

fn build_snapshots(config: &Config, disk: Arc<dyn Disk>, dirs: &DataDirs) -> Snapshots {
    Snapshots {
        disk,
        dir: dirs.snap.clone(),
        compression: settings::compression(config),
        digests: config.storage.digest_enabled,
        zxid_section: config.storage.serialize_last_processed_zxid,
    }
}

/// Half the cores read sockets and serve reads; the others are for the line, the log and the kernel.
fn shard_count() -> usize {
    thread::available_parallelism()
        .map_or(1, |cores| cores.get() / 2)
        .max(1)
}

fn build_log(config: &Config, writer: LogWriter, shared: &Arc<Shared>, wires: &Wires) -> LogThread {
    const KIB: u64 = 1024;
    let size_limit = config
        .storage
        .snap_size_limit_kb
        .map(|kb| kb.saturating_mul(KIB));
    LogThread {
        shared: Arc::clone(shared),
        writer,
        mailbox: Arc::clone(&wires.log),
        line: Arc::clone(&wires.line),
        snapshots: Arc::clone(&wires.housekeeper),
        checkpoint: Checkpoint::new(
            u64::from(config.storage.snap_count),
            size_limit,
            entropy::random(),
        ),
        policy: settings::flush_policy(config),
    }
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
        next_conn: Arc::new(AtomicU64::new(1)),
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

//! The arguments of `oxkeeper bench`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::bench::error::BenchError;
use crate::bench::meter::Meter;
use crate::bench::progress::Progress;

/// Measures a ZooKeeper server: Oxkeeper's, or any other that speaks the client protocol.
#[derive(Debug, Args)]
#[command(after_help = "\
Scenarios create their nodes below a node of their own, /oxkeeper-bench-<session id>, and delete it \
afterwards; only `fill` leaves what it made. With --server-pid, operations per CPU second and the memory \
of the server process on this machine are reported too.")]
pub struct BenchArgs {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

/// What to do to the server.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// getData of random nodes.
    Read(LoadArgs),
    /// setData of random nodes.
    Write(LoadArgs),
    /// create of new nodes, below one parent for each connection.
    Create(LoadArgs),
    /// getData and setData of random nodes.
    Mixed(MixedArgs),
    /// multi of several setData of random nodes.
    Multi(MultiArgs),
    /// Many sessions watch one node, which is set again and again.
    Watch(WatchArgs),
    /// Sessions that are opened and closed at once.
    Sessions(SessionsArgs),
    /// Sessions that do nothing but stay alive.
    Idle(IdleArgs),
    /// Creates a tree of parents and children, and leaves it there.
    Fill(FillArgs),
    /// Starts a server, and measures the time until it answers; leaves it running.
    Start(StartArgs),
    /// Kills a server of an ensemble, and measures the time until another one acknowledges a write.
    Outage(OutageArgs),
    /// Makes a page with tables and plots from the result files of several runs.
    Report(ReportArgs),
}

/// Where the server is, or the servers of an ensemble are, and where results go.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Client address of the server; of several, parted by commas, sessions take turns.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:2181",
        value_delimiter = ','
    )]
    pub(crate) server: Vec<String>,
    /// Process id of the server on this machine, to measure its CPU time and memory; those of several, parted by
    /// commas, are added up.
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub(crate) server_pid: Vec<u32>,
    /// Session timeout to ask for.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) session_timeout: Duration,
    /// Writes the result to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Shows no progress.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// When to measure.
#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    /// Time to measure: 10s, 500ms, 2m.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Time under load before the measurement.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) warmup: Duration,
}

/// How to load.
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,
    /// Nodes that random operations choose from.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) keys: u64,
    /// Leaves the nodes on the server.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Connections and requests.
#[derive(Debug, Args)]
pub(crate) struct ShapeArgs {
    /// Sessions, each with a connection of its own.
    #[arg(long, default_value_t = 50, value_parser = count)]
    pub(crate) connections: usize,
    /// Requests in flight on each connection.
    #[arg(long, default_value_t = 16, value_parser = count)]
    pub(crate) depth: usize,
    /// Bytes of data of each node.
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = payload)]
    pub(crate) payload: usize,
    /// Threads of the load generator.
    #[arg(long, default_value_t = 1, value_parser = count)]
    pub(crate) threads: usize,
    /// Seed of what is random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// `mixed`.
#[derive(Debug, Args)]
pub(crate) struct MixedArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Percent of getData; the rest is setData.
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub(crate) reads: u64,
}

/// `multi`.
#[derive(Debug, Args)]
pub(crate) struct MultiArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// setData in each multi.
    #[arg(long, default_value_t = 10, value_parser = count)]
    pub(crate) operations: usize,
}

/// `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Sessions that watch.
    #[arg(long, default_value_t = 1000, value_parser = count)]
    pub(crate) watchers: usize,
    /// Persistent watches, instead of reading the node again after each event.
    #[arg(long)]
    pub(crate) persistent: bool,
    /// Bytes of data of the node.
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = payload)]
    pub(crate) payload: usize,
}

/// `sessions`.
#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) time: TimeArgs,
    /// Sessions being opened or closed at the same time.
    #[arg(long, default_value_t = 30, value_parser = count)]
    pub(crate) connections: usize,
}

/// `idle`.
#[derive(Debug, Args)]
pub(crate) struct IdleArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Sessions to open.
    #[arg(long, default_value_t = 10_000, value_parser = count)]
    pub(crate) sessions: usize,
    /// How long to keep them, with their heartbeats.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
}

/// `fill`.
#[derive(Debug, Args)]
pub(crate) struct FillArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,
    /// Nodes on the first level.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) parents: u64,
    /// Nodes below each of them.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) children: u64,
}

/// `start`.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Gives up when nothing was answered by then.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) deadline: Duration,
    /// Where the server's output goes; by default nowhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The command that runs the server in the foreground.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// `outage`.
#[derive(Debug, Args)]
pub(crate) struct OutageArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Process to kill first, without warning; without one the wait is for the first write of an ensemble that starts.
    #[arg(long, value_name = "PID")]
    pub(crate) kill: Option<u32>,
    /// Gives up when nothing was acknowledged by then.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) deadline: Duration,
}

/// `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Holds `<server>/<case>.<round>.json` for each run, and `machine.txt`.
    pub(crate) results: PathBuf,
    /// The page to write; plots go into a folder beside it that has its name.
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
}

impl CommonArgs {
    /// The servers' addresses: of each the first that its name has.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, BenchError> {
        self.server.iter().map(|server| resolve(server)).collect()
    }

    /// The session timeout as the handshake has it, in milliseconds.
    pub(crate) fn session_timeout_ms(&self) -> i32 {
        i32::try_from(self.session_timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// What looks at the server's process.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(&self.server_pid)
    }

    /// What reports about a run of `scenario`.
    pub(crate) fn progress(&self, scenario: &str) -> Progress {
        Progress::new(scenario, self.quiet, self.meter())
    }
}

fn resolve(server: &str) -> Result<SocketAddr, BenchError> {
    let failed = |source| BenchError::Resolve {
        server: server.to_owned(),
        source,
    };
    let mut addresses = server.to_socket_addrs().map_err(failed)?;
    let none = || failed(std::io::ErrorKind::AddrNotAvailable.into());
    addresses.next().ok_or_else(none)
}

/// The most data that fits into a request with the default of `jute.maxbuffer`, with room for a path.
const PAYLOAD_BYTES_MAX: usize = 1_000_000;

fn payload(text: &str) -> Result<usize, String> {
    let bytes = text.parse().map_err(|_| "not a number".to_owned())?;
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(format!("more than {PAYLOAD_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a number".to_owned()),
    }
}

/// A number with a unit: ms, s, m.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| "want a number and a unit, as in 500ms, 10s, 2m".to_owned())?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        unit => Err(format!("unknown unit {unit:?}: want ms, s or m")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        bench: BenchArgs,
    }

    #[test]
    fn the_command_line_is_consistent() {
        Alone::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["10", "s", "", "1h", "-1s", "1.5s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_can_be_zero_that_a_load_needs() {
        for bad in [
            "--connections=0",
            "--depth=0",
            "--keys=0",
            "--payload=2000000",
        ] {
            assert!(Alone::try_parse_from(["x", "read", bad]).is_err(), "{bad}");
        }
        let ok = Alone::try_parse_from(["x", "write", "--depth=1", "--payload=0"]);
        assert!(matches!(ok.unwrap().bench.scenario, Scenario::Write(_)));
    }

    #[test]
    fn the_command_of_start_comes_last() {
        let ok = Alone::try_parse_from(["x", "start", "--quiet", "--", "java", "-cp", "a"]);
        let Scenario::Start(args) = ok.unwrap().bench.scenario else {
            panic!("start was asked for")
        };
        assert_eq!(args.command, ["java", "-cp", "a"]);
        assert!(Alone::try_parse_from(["x", "start"]).is_err());
    }
}

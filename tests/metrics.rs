//! The metrics endpoint of a server that runs in this process, scraped as Prometheus does it; and `docs/metrics.md`,
//! which holds the list of metrics. When the list changes, run `OXKEEPER_BLESS=1 cargo test --test metrics`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use oxkeeper::admin::metrics::{METRICS, Metric, Of};
use oxkeeper::config::{Config, PROMETHEUS_PROVIDER};
use oxkeeper::server::{self, Server};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server with data of its own.
struct Running {
    server: Server,
    _dir: TempDir,
}

fn config(dir: &TempDir, lines: &str) -> Config {
    let data = dir.path().display();
    let text = format!(
        "dataDir={data}\nclientPort=0\n4lw.commands.whitelist=mntr\n\
         metricsProvider.className={PROMETHEUS_PROVIDER}\n{lines}"
    );
    Config::from_zoo_cfg(text.as_bytes(), "zoo.cfg", &[])
        .expect("good settings")
        .config
}

impl Running {
    fn start(lines: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = config(
            &dir,
            &format!("metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort=0\n{lines}"),
        );
        let server = server::start(&config).expect("the server starts");
        Running { server, _dir: dir }
    }

    fn address(&self) -> SocketAddr {
        self.server.metrics_address().expect("an endpoint")
    }

    fn ask(&self, method: &str, target: &str) -> Answer {
        let text = exchange(
            self.address(),
            format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        Answer {
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// The samples of a scrape.
    fn samples(&self) -> BTreeMap<String, f64> {
        self.ask("GET", "/metrics").samples().into_iter().collect()
    }

    fn stop(self) {
        self.server.stop().expect("an orderly stop");
    }
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status line")
    }

    fn has_header(&self, name: &str, value: &str) -> bool {
        self.head.lines().any(|line| {
            line.split_once(": ")
                .is_some_and(|(found, at)| found.eq_ignore_ascii_case(name) && at == value)
        })
    }

    fn samples(&self) -> Vec<(String, f64)> {
        let lines = self.body.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (name, value) = line.split_once(' ').expect("a name and a value");
                (name.to_owned(), value.parse().expect("a number"))
            })
            .collect()
    }
}

/// Sends all of `ask` and reads until the server closes.
fn exchange(address: SocketAddr, ask: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time to wait");
    stream.write_all(ask).expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

/// What a server outside an ensemble shows.
fn shown() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(|metric| metric.of == Of::All)
}

/// The samples that a metric has on the endpoint.
fn sample_names() -> impl Iterator<Item = String> {
    shown().flat_map(|metric| match metric.kind() {
        "summary" => vec![
            format!("{}_count", metric.name),
            format!("{}_sum", metric.name),
        ],
        _ => vec![metric.name.to_owned()],
    })
}

/// A session request without a read-only flag: 10 s, no session, no password.
fn open_session(address: SocketAddr) -> TcpStream {
    let mut record = Vec::new();
    record.extend_from_slice(&0_i32.to_be_bytes());
    record.extend_from_slice(&0_i64.to_be_bytes());
    record.extend_from_slice(&10_000_i32.to_be_bytes());
    record.extend_from_slice(&0_i64.to_be_bytes());
    record.extend_from_slice(&16_i32.to_be_bytes());
    record.extend_from_slice(&[0; 16]);
    let length = i32::try_from(record.len()).expect("a short record");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time to wait");
    stream.write_all(&length.to_be_bytes()).expect("sent");
    stream.write_all(&record).expect("sent");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a session");
    stream
}

#[test]
fn a_scrape_shows_every_metric_and_what_happened() {
    let running = Running::start("");
    let answer = running.ask("GET", "/metrics");
    assert_eq!(answer.status(), "200");
    assert!(
        answer.has_header("content-type", "text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    let before = running.samples();
    for name in sample_names() {
        assert!(before.contains_key(&name), "{name} is not in {before:?}");
    }
    assert_eq!(before["znode_count"], 5.0, "as an empty tree of upstream");
    assert_eq!(before["snapshottime_count"], 1.0, "the first start's own");
    assert_eq!(before["dbinittime_count"], 1.0);
    assert_eq!(before["global_sessions"], 0.0);

    let clients = running.server.client_address().expect("a client port");
    let clients = SocketAddr::from((Ipv4Addr::LOCALHOST, clients.port()));
    let session = open_session(clients);
    let after = running.samples();
    for name in [
        "global_sessions",
        "num_alive_connections",
        "connection_request_count",
    ] {
        assert_eq!(after[name], before[name] + 1.0, "{name}");
    }
    // The session was logged and flushed before its answer went out.
    for name in ["fsynctime_count", "sync_processor_batch_size_sum"] {
        assert!(after[name] > before[name], "{name}");
    }
    drop(session);
    let deadline = Instant::now() + PATIENCE;
    while running.samples()["num_alive_connections"] > 0.0 {
        assert!(Instant::now() < deadline, "the connection is never missed");
    }

    let words = exchange(clients, b"mntr");
    for metric in shown() {
        let key = match metric.kind() {
            "summary" => format!("zk_cnt_{}\t", metric.name),
            _ => format!("zk_{}\t", metric.name),
        };
        let is_there = words.lines().any(|line| line.starts_with(&key));
        assert!(is_there, "{key} is not in\n{words}");
    }
    running.stop();
}

#[test]
fn methods_and_paths_are_answered_as_by_upstream() {
    let running = Running::start("");
    for (method, target, status) in [
        ("GET", "/metrics", "200"),
        ("POST", "/metrics", "200"),
        ("HEAD", "/metrics", "200"),
        ("OPTIONS", "/metrics", "200"),
        ("TRACE", "/metrics", "403"),
        ("PUT", "/metrics", "405"),
        ("DELETE", "/metrics", "405"),
        ("PATCH", "/metrics", "501"),
        ("GET", "/", "404"),
        ("GET", "/metrics/", "404"),
        ("POST", "/commands", "404"),
    ] {
        let answer = running.ask(method, target);
        assert_eq!(answer.status(), status, "{method} {target}");
        let is_scrape = status == "200" && matches!(method, "GET" | "POST");
        assert_eq!(!answer.body.is_empty(), is_scrape, "{method} {target}");
    }
    let options = running.ask("OPTIONS", "/metrics");
    assert!(
        options.has_header("allow", "GET, HEAD, POST, TRACE, OPTIONS"),
        "{}",
        options.head
    );
    running.stop();
}

#[test]
fn a_query_names_the_samples() {
    let running = Running::start("");
    for query in [
        "name[]=znode_count&name[]=uptime",
        "name%5B%5D=uptime&name%5B%5D=znode_count",
    ] {
        let answer = running.ask("GET", &format!("/metrics?{query}"));
        let names = answer.samples().into_iter().map(|(name, _)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["uptime", "znode_count"]);
    }
    running.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_shown_unless_told_otherwise() {
    let of_process = |lines: &str| {
        let running = Running::start(lines);
        let names = running.samples().into_keys();
        let names = names.filter(|name| name.starts_with("process_"));
        let names = names.collect::<Vec<_>>();
        running.stop();
        names
    };
    assert_eq!(
        of_process(""),
        [
            "process_cpu_seconds_total",
            "process_max_fds",
            "process_open_fds",
            "process_resident_memory_bytes",
            "process_start_time_seconds",
            "process_virtual_memory_bytes",
        ]
    );
    assert!(of_process("metricsProvider.exportJvmInfo=false").is_empty());
}

#[test]
fn a_stopping_server_does_not_wait_for_an_idle_scraper() {
    let running = Running::start("");
    let address = running.address();
    let mut idle = TcpStream::connect(address).expect("a connection");
    idle.set_read_timeout(Some(PATIENCE))
        .expect("a time to wait");
    idle.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("sent");
    // The answer begins: the connection is the server's, and idle from the answer's end on.
    idle.read_exact(&mut [0; 15]).expect("an answer");
    let began = Instant::now();
    running.stop();
    assert!(began.elapsed() < PATIENCE, "the scraper is waited for");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).expect("the server closes");
}

#[test]
fn a_port_in_use_stops_the_start() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(
        &dir,
        &format!("metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort={port}"),
    );
    let error = server::start(&config).err().expect("the port is taken");
    assert_eq!(error.exit_code(), 1);
    let text = error.to_string();
    let place = format!("127.0.0.1:{port}");
    for part in [
        "Cannot boot MetricsProvider org.apache.zookeeper.metrics.prometheus",
        &place,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let left = fs::read_dir(dir.path()).expect("the directory").count();
    assert_eq!(
        left, 0,
        "nothing was touched before the port was found taken"
    );
}

#[test]
fn without_that_provider_there_is_no_endpoint() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!("dataDir={}\nclientPort=0", dir.path().display());
    let loaded = Config::from_zoo_cfg(text.as_bytes(), "zoo.cfg", &[]).expect("good settings");
    let server = server::start(&loaded.config).expect("the server starts");
    assert_eq!(server.metrics_address(), None);
    server.stop().expect("an orderly stop");
}

const DOCS_MARK: &str =
    "<!-- From here on, the text is made from src/admin/metrics.rs by tests/metrics.rs. -->\n";

#[test]
fn the_documentation_holds_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let found = fs::read_to_string(&path).expect("docs/metrics.md");
    let (prose, _) = found.split_once(DOCS_MARK).expect("the mark");
    let rows = METRICS.iter().map(|metric| {
        let of = match metric.of {
            Of::All => "all",
            Of::Members => "members",
            Of::Leaders => "leaders",
        };
        format!(
            "| `{}` | {} | {of} | {} |\n",
            metric.name,
            metric.kind(),
            metric.meaning
        )
    });
    let table = format!(
        "\n| Name | Kind | Servers | Meaning |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    );
    let want = format!("{prose}{DOCS_MARK}{table}");
    if std::env::var_os("OXKEEPER_BLESS").is_some() {
        fs::write(&path, &want).expect("docs/metrics.md");
    } else {
        assert_eq!(
            found, want,
            "docs/metrics.md is not the list; OXKEEPER_BLESS=1 rewrites it"
        );
    }
}

//! The scenarios against a server that records what it was asked, and against servers that misbehave.

use std::net::SocketAddr;

use clap::Parser;
use socket2::{Domain, Socket, Type};

use crate::bench::args::{BenchArgs, Scenario};
use crate::bench::error::BenchError;
use crate::bench::fake::{Fake, Fault};
use crate::bench::outcome::Outcome;
use crate::bench::{fill, idle, outage, sessions, start, steady, watch};
use crate::types::OpCode;

#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    bench: BenchArgs,
}

fn run(server: &Fake, args: &str) -> Result<Outcome, BenchError> {
    let (scenario, rest) = args.split_once(' ').unwrap_or((args, ""));
    let server = format!("--server={}", server.address);
    let words = ["bench", scenario, &server, "--quiet"].into_iter();
    let args = Alone::parse_from(words.chain(rest.split_whitespace()));
    match &args.bench.scenario {
        Scenario::Read(args) => steady::read(args),
        Scenario::Write(args) => steady::write(args),
        Scenario::Create(args) => steady::create(args),
        Scenario::Mixed(args) => steady::mixed(args),
        Scenario::Multi(args) => steady::multi(args),
        Scenario::Watch(args) => watch::run(args),
        Scenario::Sessions(args) => sessions::run(args),
        Scenario::Idle(args) => idle::run(args),
        Scenario::Fill(args) => fill::run(args),
        Scenario::Start(args) => start::run(args),
        Scenario::Outage(args) => outage::run(args),
        Scenario::Report(_) => panic!("not a scenario"),
    }
}

const SHORT: &str = "--warmup=1ms --duration=50ms --connections=3 --depth=2 --payload=2 --keys=10";

#[test]
fn steady_scenarios_send_their_requests_and_clean_up() {
    for (scenario, op) in [
        ("read", OpCode::GetData),
        ("write", OpCode::SetData),
        ("multi", OpCode::Multi),
        ("mixed --reads=50", OpCode::GetData),
    ] {
        let server = Fake::start(Fault::None);
        let outcome = run(&server, &format!("{scenario} {SHORT}")).unwrap();
        assert_eq!(outcome.parameters["connections"], 3, "{scenario}");
        let all = [OpCode::GetData, OpCode::SetData, OpCode::Multi].map(|op| server.count(op));
        assert!(all.iter().sum::<usize>() >= 6, "{scenario}: 6 in flight");
        assert!(server.count(op) > 0, "{scenario}");
        assert_eq!(server.count(OpCode::Create), 11, "a base and ten keys");
        let opened = server.count(OpCode::CloseSession);
        assert_eq!(opened, 5, "three sessions, and one before and after");
        // The fake claims two children, whatever there is.
        assert_eq!(server.count(OpCode::Delete), 3, "{scenario}");
    }
}

#[test]
fn creates_are_distinct_and_kept_if_asked() {
    let server = Fake::start(Fault::None);
    run(&server, &format!("create --keep --threads=2 {SHORT}")).unwrap();
    let mut paths = server.requests(OpCode::Create);
    let count = paths.len();
    assert!(count >= 1 + 3 + 6, "a base, three parents, six in flight");
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count);
    assert_eq!(server.count(OpCode::Delete), 0);
}

#[test]
fn a_fill_counts_every_child_once() {
    let server = Fake::start(Fault::None);
    let args = "fill --parents=7 --children=11 --connections=4 --depth=3";
    let outcome = run(&server, args).unwrap();
    assert_eq!(outcome.operations, 77);
    let mut paths = server.requests(OpCode::Create);
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 1 + 7 + 77);
    assert!(
        paths
            .iter()
            .any(|path| path.contains("/p0000000006/c0000000010"))
    );
}

#[test]
fn every_watcher_is_told_in_every_round() {
    for (mode, first) in [("", OpCode::GetData), ("--persistent", OpCode::AddWatch)] {
        let server = Fake::start(Fault::None);
        let args = format!("watch --watchers=5 --warmup=0ms --duration=20ms {mode}");
        let outcome = run(&server, &args).unwrap();
        let rounds = server.count(OpCode::SetData);
        assert!(rounds > 0);
        assert_eq!(outcome.operations, 5 * u64::try_from(rounds).unwrap());
        let again = if first == OpCode::GetData { rounds } else { 0 };
        assert_eq!(server.count(first), 5 * (1 + again), "{mode}");
    }
}

#[test]
fn sessions_are_closed_as_often_as_opened() {
    let server = Fake::start(Fault::None);
    let outcome = run(
        &server,
        "sessions --warmup=0ms --duration=30ms --connections=2",
    )
    .unwrap();
    let closed = u64::try_from(server.count(OpCode::CloseSession)).unwrap();
    assert!(outcome.operations <= closed && closed <= outcome.operations + 2);
}

#[test]
fn idle_sessions_send_heartbeats() {
    let server = Fake::start(Fault::None);
    let args = "idle --sessions=3 --session-timeout=30ms --duration=100ms";
    let outcome = run(&server, args).unwrap();
    assert_eq!(outcome.operations, 3);
    assert!(server.count(OpCode::Ping) >= 3);
    assert_eq!(server.count(OpCode::CloseSession), 3);
}

#[test]
fn errors_say_what_is_wrong_with_the_server() {
    let cases = [
        (
            Fault::HangsUpFirst,
            "closed a connection during the handshake",
        ),
        (Fault::Expired, "expired session"),
        (Fault::Garbage, "does not speak ZooKeeper's client protocol"),
        (Fault::WrongXid, "reply 2 where 1 is next"),
        (
            Fault::Fails(OpCode::Create, -102),
            "Create failed with -102 (NoAuth)",
        ),
        (
            Fault::Fails(OpCode::SetData, -112),
            "SetData failed with -112 (SessionExpired)",
        ),
        (Fault::HangsUpOn(OpCode::SetData), "requests unanswered"),
    ];
    for (fault, want) in cases {
        let error = run(&Fake::start(fault), &format!("write {SHORT}")).unwrap_err();
        assert!(error.to_string().contains(want), "{fault:?}: {error}");
    }
}

#[test]
fn a_multi_fails_by_its_first_result() {
    let server = Fake::start(Fault::FailsInMulti(-101));
    let error = run(&server, &format!("multi {SHORT}")).unwrap_err();
    assert_eq!(error.to_string(), "Multi failed with -101 (NoNode)");
}

#[test]
fn a_multi_longer_than_a_frame_is_refused_at_once() {
    let server = Fake::start(Fault::None);
    let error = run(&server, "multi --operations=20 --payload=100000").unwrap_err();
    assert!(matches!(error, BenchError::Arguments(_)), "{error}");
    assert_eq!(server.count(OpCode::Create), 0);
}

#[test]
fn nobody_listening_is_a_refusal() {
    // Bound, so that nobody else takes the port; not listening.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    taken.bind(&any.into()).unwrap();
    let mut server = Fake::start(Fault::None);
    server.address = taken.local_addr().unwrap().as_socket().unwrap();
    let error = run(&server, "read").unwrap_err();
    assert!(matches!(error, BenchError::Connect { .. }), "{error}");
}

#[test]
fn a_start_measures_the_process_that_it_started() {
    // The answers come from the fake; the process is one that outlives the test's question.
    let server = Fake::start(Fault::None);
    let outcome = run(&server, "start -- sleep 5").unwrap();
    let pid = outcome.server.unwrap().pid.unwrap();
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name.trim(), "sleep");
    let raw = i32::try_from(pid).unwrap();
    let pid = rustix::process::Pid::from_raw(raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn an_outage_ends_with_the_first_write_that_any_server_acknowledges() {
    let (silent, server) = (Fake::start(Fault::HangsUpFirst), Fake::start(Fault::None));
    let mut victim = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let kill = format!("outage --server={} --kill={}", server.address, victim.id());
    let outcome = run(&silent, &kill).unwrap();
    assert_eq!(outcome.operations, 1);
    assert!(!victim.wait().unwrap().success(), "it was killed");
    assert_eq!(
        server.count(OpCode::Create) + silent.count(OpCode::Create),
        1
    );
    let late = run(&Fake::start(Fault::HangsUpFirst), "outage --deadline=0ms");
    assert!(late.is_err(), "nothing was acknowledged");
}

#[test]
fn sessions_take_turns_with_the_servers() {
    let servers = [Fake::start(Fault::None), Fake::start(Fault::None)];
    let both = format!("read --server={} {SHORT}", servers[1].address);
    run(&servers[0], &both).unwrap();
    for server in &servers {
        assert!(server.count(OpCode::GetData) > 0);
        assert!(server.count(OpCode::Sync) > 0, "each is told to catch up");
    }
}

#[test]
fn a_command_that_ends_or_does_not_exist_is_an_error() {
    let server = Fake::start(Fault::HangsUpFirst);
    let ended = run(&server, "start -- false").unwrap_err().to_string();
    assert!(ended.contains("ended before it served"), "{ended}");
    let missing = run(&server, "start -- no-such-program")
        .unwrap_err()
        .to_string();
    assert!(missing.contains("cannot be started"), "{missing}");
    let late = run(&server, "start --deadline=10ms -- sleep 5")
        .unwrap_err()
        .to_string();
    assert!(late.contains("does not answer in time"), "{late}");
}

//! Elections between Apache's servers and our election port with our elector behind it: who leads is agreed on,
//! whoever started first, whoever is better, and whoever comes late. Our members go no further than that: they
//! never become Zab's leaders or learners here, so an Apache server that has elected one of them waits for it.
//!
//! The exception to the rule that nothing here links the server's code.

#![expect(clippy::panic, reason = "these are tests")]

mod voter;

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use compat_tests::java::{NEWEST, Project, RELEASES};
use compat_tests::ports::Port;
use oxkeeper::proto::ballot::PeerState;
use tempfile::TempDir;
use voter::{Start, Voter};

/// How long anything may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// `FOLLOWERINFO` and `OBSERVERINFO`: what a learner says first to the leader it has elected.
const FOLLOWER_INFO: i32 = 11;
const OBSERVER_INFO: i32 = 16;

/// The ports of an ensemble's members, and who they are.
struct Ensemble {
    members: Vec<Member>,
}

struct Member {
    id: i64,
    role: &'static str,
    quorum: Port,
    election: Port,
    client: Port,
}

impl Ensemble {
    /// Voters, then observers.
    fn new(voters: &[i64], observers: &[i64]) -> Result<Ensemble> {
        let voters = voters.iter().map(|id| (*id, "participant"));
        let all = voters.chain(observers.iter().map(|id| (*id, "observer")));
        let member = |(id, role)| {
            Ok(Member {
                id,
                role,
                quorum: Port::reserve()?,
                election: Port::reserve()?,
                client: Port::reserve()?,
            })
        };
        let members = all.map(member).collect::<Result<_>>()?;
        Ok(Ensemble { members })
    }

    fn member(&self, id: i64) -> &Member {
        let found = self.members.iter().find(|member| member.id == id);
        found.expect("a member of the test's ensemble")
    }

    /// `server.N` lines, as all members have them.
    fn lines(&self) -> String {
        let line = |member: &Member| {
            let (quorum, election) = (member.quorum.number(), member.election.number());
            let (id, role) = (member.id, member.role);
            format!("server.{id}=127.0.0.1:{quorum}:{election}:{role}\n")
        };
        self.members.iter().map(line).collect()
    }

    /// One of our members, electing.
    fn ours(&self, id: i64, start: Start) -> Voter {
        let ports = self.members.iter().map(|member| {
            let observer = member.role == "observer";
            (member.id, member.election.number(), observer)
        });
        let text = format!("{}version=0", self.lines());
        Voter::start(id, &ports.collect::<Vec<_>>(), text, start)
    }

    fn java(&self, id: i64) -> Result<Java> {
        Java::start(self, id, NEWEST)
    }

    /// The quorum port of one of our members.
    fn quorum_port(&self, id: i64) -> Result<TcpListener> {
        let port = self.member(id).quorum.number();
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

/// An Apache server in a process of its own.
struct Java {
    release: &'static str,
    child: Child,
    home: TempDir,
    client: u16,
}

impl Java {
    fn start(ensemble: &Ensemble, id: i64, release: &'static str) -> Result<Java> {
        let home = tempfile::Builder::new().prefix("election-").tempdir()?;
        let data = home.path().join("data");
        fs::create_dir_all(&data)?;
        fs::write(data.join("myid"), id.to_string())?;
        let member = ensemble.member(id);
        let client = member.client.number();
        let cfg = format!(
            "tickTime=1000\ninitLimit=100\nsyncLimit=100\ndataDir={}\nclientPort={client}\n\
             admin.enableServer=false\n4lw.commands.whitelist=*\npeerType={}\n{}",
            data.display(),
            member.role,
            ensemble.lines(),
        );
        fs::write(home.path().join("zoo.cfg"), cfg)?;
        let child = Self::spawn(release, &home)?;
        Ok(Java {
            release,
            child,
            home,
            client,
        })
    }

    fn spawn(release: &'static str, home: &TempDir) -> Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(home.path().join("server.log"))?;
        let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
        let class_path = Project::apache(release).build()?;
        let mut command = class_path.command(main, &[("compat.log.level", "INFO")]);
        command
            .arg(home.path().join("zoo.cfg"))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        command.spawn().context("start java")
    }

    /// Kills it, and starts it again on its data.
    fn crash(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = Self::spawn(self.release, &self.home)?;
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("server.log")
    }

    /// Waits for a line of its log.
    fn says(&self, what: &str) -> Result<()> {
        let said = || Ok(fs::read_to_string(self.log_path())?.contains(what));
        until(&format!("java says {what:?}"), said)
    }

    /// Waits until it serves in this mode.
    fn serves_as(&self, mode: &str) -> Result<()> {
        let wanted = format!("Mode: {mode}");
        until(&wanted, || {
            Ok(self.srvr().unwrap_or_default().contains(&wanted))
        })
    }

    fn srvr(&self) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.client))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        std::io::Write::write_all(&mut stream, b"srvr")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // Either may fail because it has ended already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() || std::env::var_os("COMPAT_SHOW").is_some() {
            println!(
                "{}",
                fs::read_to_string(self.log_path()).unwrap_or_default()
            );
        }
    }
}

fn until(what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if holds()? {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    // Not an error: a panic makes Apache's servers show their logs.
    panic!("not within {DEADLINE:?}: {what}")
}

/// Waits until somebody listens.
fn opens(port: &Port) -> Result<()> {
    let connects = || Ok(TcpStream::connect(("127.0.0.1", port.number())).is_ok());
    until(&format!("port {} opens", port.number()), connects)
}

/// The learner that calls at a leader's quorum port: what it is, and its id.
fn learner(listener: &TcpListener) -> Result<(i32, i64)> {
    let deadline = Instant::now() + DEADLINE;
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        assert!(Instant::now() < deadline, "no learner has come");
        std::thread::sleep(POLL);
    };
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // Type, zxid, length of the data, and the id that the data begins with.
    let mut head = [0; 24];
    stream.read_exact(&mut head)?;
    let kind = i32::from_be_bytes(head[..4].try_into()?);
    Ok((kind, i64::from_be_bytes(head[16..].try_into()?)))
}

#[test]
fn an_apache_server_that_looks_elects_ours() -> Result<()> {
    let ensemble = Ensemble::new(&[1, 2, 3], &[])?;
    let quorum_port = ensemble.quorum_port(3)?;
    let java = ensemble.java(1)?;
    java.says("Notification time out")?;
    let (two, three) = (
        ensemble.ours(2, Start::default()),
        ensemble.ours(3, Start::default()),
    );
    assert_eq!(three.decision(DEADLINE), (PeerState::Leading, 3));
    assert_eq!(two.decision(DEADLINE), (PeerState::Following, 3));
    assert_eq!(learner(&quorum_port)?, (FOLLOWER_INFO, 1));
    Ok(())
}

#[test]
fn ours_elect_an_apache_server() -> Result<()> {
    let ensemble = Ensemble::new(&[1, 2, 3], &[])?;
    let java = ensemble.java(3)?;
    java.says("Notification time out")?;
    let (one, two) = (
        ensemble.ours(1, Start::default()),
        ensemble.ours(2, Start::default()),
    );
    assert_eq!(one.decision(DEADLINE), (PeerState::Following, 3));
    assert_eq!(two.decision(DEADLINE), (PeerState::Following, 3));
    java.says("LEADING - LEADER ELECTION TOOK")
}

#[test]
fn what_a_server_has_logged_counts_more_than_its_id() -> Result<()> {
    let ensemble = Ensemble::new(&[1, 2, 3], &[])?;
    let quorum_port = ensemble.quorum_port(1)?;
    let java = ensemble.java(3)?;
    java.says("Notification time out")?;
    let better = Start {
        last_zxid: 5,
        ..Start::default()
    };
    let (one, two) = (ensemble.ours(1, better), ensemble.ours(2, Start::default()));
    assert_eq!(one.decision(DEADLINE), (PeerState::Leading, 1));
    assert_eq!(two.decision(DEADLINE), (PeerState::Following, 1));
    assert_eq!(learner(&quorum_port)?, (FOLLOWER_INFO, 3));
    Ok(())
}

#[test]
fn an_apache_server_that_comes_late_joins_ours() -> Result<()> {
    for java in [1, 3] {
        let ensemble = Ensemble::new(&[1, 2, 3], &[])?;
        let others = if java == 1 { [2, 3] } else { [1, 2] };
        let leader = others[1];
        let quorum_port = ensemble.quorum_port(leader)?;
        let serving = Start {
            serves_in: Some(4),
            several_addresses: java == 3,
            ..Start::default()
        };
        let voters = others.map(|id| ensemble.ours(id, serving));
        assert_eq!(voters[0].decision(DEADLINE), (PeerState::Following, leader));
        assert_eq!(voters[1].decision(DEADLINE), (PeerState::Leading, leader));
        let mut late = ensemble.java(java)?;
        assert_eq!(learner(&quorum_port)?, (FOLLOWER_INFO, java));
        // It asks again when it has forgotten.
        late.crash()?;
        assert_eq!(learner(&quorum_port)?, (FOLLOWER_INFO, java));
    }
    Ok(())
}

#[test]
fn ours_that_comes_late_joins_apache_servers() -> Result<()> {
    for ours in [1, 3] {
        let ensemble = Ensemble::new(&[1, 2, 3], &[4])?;
        let others = if ours == 1 { [2, 3] } else { [1, 2] };
        let mut javas = [ensemble.java(others[0])?, ensemble.java(others[1])?];
        javas[0].serves_as("follower")?;
        javas[1].serves_as("leader")?;
        let better = Start {
            last_zxid: 1 << 40,
            epoch: 9,
            ..Start::default()
        };
        let late = ensemble.ours(ours, better);
        assert_eq!(late.decision(DEADLINE), (PeerState::Following, others[1]));
        drop(late);
        // An observer does, too.
        let observer = ensemble.ours(4, better);
        assert_eq!(
            observer.decision(DEADLINE),
            (PeerState::Observing, others[1])
        );
        drop(observer);
        // And when a member has come back from a crash.
        javas[0].crash()?;
        javas[0].serves_as("follower")?;
        let again = ensemble.ours(ours, Start::default());
        assert_eq!(again.decision(DEADLINE), (PeerState::Following, others[1]));
    }
    Ok(())
}

#[test]
fn an_apache_observer_finds_our_leader() -> Result<()> {
    for java in [1, 9] {
        let ensemble = Ensemble::new(&[2, 3], &[java])?;
        let quorum_port = ensemble.quorum_port(3)?;
        let observer = ensemble.java(java)?;
        observer.says("Notification time out")?;
        let serving = Start {
            serves_in: Some(1),
            ..Start::default()
        };
        let voters = [2, 3].map(|id| ensemble.ours(id, serving));
        assert_eq!(voters[0].decision(DEADLINE), (PeerState::Following, 3));
        assert_eq!(learner(&quorum_port)?, (OBSERVER_INFO, java));
    }
    Ok(())
}

#[test]
fn every_release_that_is_still_met_elects_with_ours() -> Result<()> {
    for release in RELEASES {
        println!("with {release}");
        // Neither can do without the other. Not every release logs here: a port that is open says as much.
        let ensemble = Ensemble::new(&[1, 3], &[])?;
        let _java = Java::start(&ensemble, 3, release)?;
        let one = ensemble.ours(1, Start::default());
        assert_eq!(one.decision(DEADLINE), (PeerState::Following, 3));
        opens(&ensemble.member(3).quorum)?;

        let ensemble = Ensemble::new(&[1, 2, 3], &[])?;
        let quorum_port = ensemble.quorum_port(3)?;
        let serving = Start {
            serves_in: Some(1),
            ..Start::default()
        };
        let voters = [2, 3].map(|id| ensemble.ours(id, serving));
        for (voter, state) in voters
            .iter()
            .zip([PeerState::Following, PeerState::Leading])
        {
            assert_eq!(voter.decision(DEADLINE), (state, 3));
        }
        let _late = Java::start(&ensemble, 1, release)?;
        assert_eq!(learner(&quorum_port)?, (FOLLOWER_INFO, 1));
    }
    Ok(())
}

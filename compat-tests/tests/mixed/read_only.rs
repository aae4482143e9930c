//! A member without the others, which lets clients read: whatever a client can see of it is what it sees of
//! Apache's, word for word.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use compat_tests::java::{NEWEST, Project};
use compat_tests::program::{self, Host};
use compat_tests::python::Environment;
use compat_tests::server::oxkeeper_binary;
use compat_tests::wire::client::{Client, Session};
use compat_tests::wire::conn::Conn;
use compat_tests::wire::encode::{Acl, to_hex};
use compat_tests::wire::multi;
use compat_tests::wire::op;
use compat_tests::wire::reply::Reply;
use compat_tests::wire::request::{self, Connect};
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{APACHE, wait};

const MODE: &str = "readonlymode.enabled";
const LOCAL: &str = "localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\n";

/// Apache's server.
pub fn java(settings: &Path) -> Command {
    let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    let properties = [("zookeeper.admin.enableServer", "false"), (MODE, "true")];
    let mut command = APACHE.command(main, &properties);
    command.arg(settings);
    command
}

/// This project's server.
pub fn ours(settings: &Path) -> Command {
    let mut command = Command::new(oxkeeper_binary().expect("a build of the program"));
    command.arg("server").arg(format!("-D{MODE}=true"));
    command.arg(settings);
    command
}

/// The first member alone, and what clients have that knew it before.
struct Alone {
    cluster: Cluster,
    at: SocketAddr,
    /// A session that all servers know.
    known: Connect,
    /// A session that has ended.
    ended: Connect,
}

impl Alone {
    fn of(launch: Launch, lines: &str) -> Alone {
        let mut cluster = Cluster::of(&[launch; 3], 3, lines);
        cluster.start_all();
        cluster.settle();
        let at = cluster.members[&1].places.client;
        let mut client = Client::connect(at);
        client.create("/a", "data");
        client.create("/a/b", "");
        client.create_as("/mine", "", &Acl::open(), op::EPHEMERAL);
        let known = client.reattach();
        let mut other = Client::connect(at);
        // So that it is known to all, if only for a while.
        other.create_as("/gone", "", &Acl::open(), op::EPHEMERAL);
        let ended = other.reattach();
        other.close();
        for id in [2, 3] {
            cluster.member(id).end(Signal::KILL);
        }
        client.conn.ends_silently();
        let alone = Alone {
            cluster,
            at,
            known,
            ended,
        };
        wait("clients may read", || alone.mode() == "read-only");
        alone
    }

    fn mode(&self) -> String {
        self.cluster.members[&1].mode().unwrap_or_default()
    }

    /// What becomes of a handshake.
    fn hand_shaken(&self, connect: &Connect) -> String {
        let mut conn = Conn::open(self.at);
        conn.send_frame(&connect.encode());
        let Some(frame) = conn.frame_or_end() else {
            return "closed".to_owned();
        };
        if frame.len() < 36 {
            conn.stays_silent_for(Duration::from_millis(300));
            return format!("{} and silence", brief(&Reply::parse(&frame)));
        }
        let session = Session::parse(&frame);
        let kind = match session.is_refused() {
            true => "refused",
            false => "welcome",
        };
        let (timeout, answer) = (session.timeout_ms, session.read_only);
        format!("{kind} for {timeout}, read-only {answer:?}")
    }

    /// Every kind of handshake.
    fn hand_shakes(&self) -> Vec<String> {
        let willing = |connect: &Connect| Connect {
            read_only: Some(1),
            ..connect.clone()
        };
        let new = willing(&Connect::new(20_000));
        let wrong = |connect: &Connect| Connect {
            password: (&[7; 16]).into(),
            ..willing(connect)
        };
        let unwilling = |read_only| Connect {
            read_only,
            ..new.clone()
        };
        let handshakes = [
            ("new", new.clone()),
            ("new, unwilling", unwilling(Some(0))),
            ("new, of an old client", unwilling(None)),
            ("new, other byte", unwilling(Some(2))),
            (
                "new, from the future",
                Connect {
                    last_zxid_seen: 1 << 40,
                    ..new.clone()
                },
            ),
            (
                "new, too short",
                Connect {
                    timeout_ms: 1,
                    ..new.clone()
                },
            ),
            ("known", willing(&self.known)),
            ("known, unwilling", self.known.clone()),
            ("known, wrong password", wrong(&self.known)),
            ("ended", willing(&self.ended)),
            ("ended, wrong password", wrong(&self.ended)),
        ];
        let each = handshakes.into_iter();
        each.map(|(name, connect)| format!("{name}: {}", self.hand_shaken(&connect)))
            .collect()
    }

    /// The words that tell the mode.
    fn words(&self) -> Vec<String> {
        let member = &self.cluster.members[&1];
        let word = |word: &str| member.word(word).expect("it answers");
        let mut said = vec![word("isro")];
        let srvr = word("srvr");
        said.extend(srvr.lines().take(2).map(str::to_owned));
        let rest = srvr.lines().filter(|line| line.starts_with("Node count"));
        said.extend(rest.map(str::to_owned));
        said.extend(word("stat").lines().take(3).map(str::to_owned));
        let keys = |text: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines.map(|(key, _)| key.to_owned()).collect()
        };
        said.extend(keys(&word("conf")));
        said.extend(member.metric("zk_server_state"));
        said.push(format!("{:?}", member.metric("zk_peer_state")));
        said.push(format!("{:?}", member.metric("zk_quorum_size")));
        said
    }
}

/// A reply; zxids are the last one in any case.
fn brief(reply: &Reply) -> String {
    format!("{} err {} {}", reply.xid, reply.err, to_hex(&reply.body))
}

/// One reply to each request of a session; how many bytes only where there are times among them.
fn session(client: &mut Client) -> Vec<String> {
    let acl = Acl::open();
    let create = |kind| (kind, request::create("/c", "", &acl, 0));
    let check = (op::CHECK, request::path_version("/a", 0));
    let set = (op::SET_DATA, request::set_data("/a", "x", -1));
    let get = (op::GET_CHILDREN, request::path_watch("/a", false));
    let requests = [
        (op::GET_DATA, request::path_watch("/a", true)),
        (op::EXISTS, request::path_watch("/none", true)),
        (op::GET_ACL, request::path("/a")),
        (op::GET_CHILDREN, request::path_watch("/a", true)),
        (op::GET_CHILDREN2, request::path_watch("/a", false)),
        create(op::CREATE),
        create(op::CREATE2),
        create(op::CREATE_CONTAINER),
        (op::CREATE_TTL, request::create_ttl("/c", "", &acl, 5, 10)),
        (op::CREATE, b"nonsense".to_vec()),
        (op::DELETE, request::path_version("/a", -1)),
        (op::DELETE_CONTAINER, request::path("/a")),
        set.clone(),
        (op::SET_ACL, request::set_acl("/a", &acl, -1)),
        (op::SYNC, request::path("/")),
        (op::RECONFIG, request::reconfig("", "1", "", -1)),
        (op::MULTI, multi::request(&[check, set])),
        (op::MULTI, b"nonsense".to_vec()),
        (op::MULTI_READ, multi::request(&[get])),
        (op::GET_EPHEMERALS, request::path("/")),
        (op::GET_ALL_CHILDREN_NUMBER, request::path("/a")),
        (op::WHO_AM_I, vec![]),
        (op::ADD_WATCH, request::path_kind("/a", 1)),
        (op::CHECK_WATCHES, request::path_kind("/a", 3)),
        (op::REMOVE_WATCHES, request::path_kind("/none", 3)),
        (op::CHECK_WATCHES, request::path_kind("/none", 3)),
        (op::AUTH, request::auth("digest", "me:secret")),
        (op::WHO_AM_I, vec![]),
    ];
    let mut said = Vec::new();
    for (kind, body) in requests {
        let reply = client.call(kind, &body);
        let has_times = reply.body.len() >= 68;
        said.push(match has_times {
            true => format!("{} err {}: {} bytes", kind, reply.err, reply.body.len()),
            false => format!("{kind}: {}", brief(&reply)),
        });
    }
    // Watches of a connection before: what has changed since is told at once.
    let lists: [&[&str]; 5] = [&["/a"], &["/mine", "/none"], &["/a"], &[], &["/a"]];
    let zxid = request::set_watches(0, &lists);
    let (events, reply) = client.call_noting(op::SET_WATCHES2, &zxid);
    let mut events: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
    events.sort();
    said.extend(events);
    said.push(brief(&reply));
    said
}

/// Everything that a client sees.
fn transcript(launch: Launch, lines: &str, opens: bool) -> Vec<String> {
    let mut alone = Alone::of(launch, lines);
    let mut said = alone.hand_shakes();
    said.extend(alone.words());
    let (at, new) = (alone.at, Connect::new(20_000));
    let willing = Connect {
        read_only: Some(1),
        ..match opens {
            true => new.clone(),
            false => alone.ended.clone(),
        }
    };
    let mut client = Client::connect_with(at, &willing);
    said.extend(session(&mut client));
    // The end of a session.
    let mut other = Client::connect_with(at, &willing);
    said.push(brief(&other.call(op::CLOSE_SESSION, &[])));
    if opens {
        other.conn.ends_silently();
        let mut again = client.reattach();
        again.read_only = Some(1);
        said.push(format!("again: {}", alone.hand_shaken(&again)));
        client = Client::connect_with(at, &again);
    } else {
        other.conn.stays_silent_for(Duration::from_millis(300));
        client = other;
    }
    // There is a leader again.
    alone.cluster.member(3).start();
    client.conn.ends_silently();
    alone.cluster.settle();
    said.push(alone.cluster.members[&1].word("isro").expect("it answers"));
    let mut again = client.reattach();
    again.read_only = Some(1);
    said.push(format!("after: {}", alone.hand_shaken(&again)));
    let fresh = Connect {
        read_only: Some(1),
        ..new
    };
    said.push(format!("after, new: {}", alone.hand_shaken(&fresh)));
    let mut writer = Client::connect_with(at, &fresh);
    writer.create("/after", "");
    said
}

fn assert_same(lines: &str, opens: bool) {
    let [apaches, own] = [java as Launch, ours].map(|launch| transcript(launch, lines, opens));
    for (own, apaches) in own.iter().zip(&apaches) {
        assert_eq!(own, apaches);
    }
    assert_eq!(own.len(), apaches.len());
}

#[test]
fn with_local_sessions_clients_read() {
    assert_same(LOCAL, true);
}

#[test]
fn without_local_sessions_hardly_anybody_gets_in() {
    assert_same("", false);
}

/// What programs ask for.
struct Patron(Cluster);

impl Host for Patron {
    /// `alone`: the first member is; `together`: it is no more.
    fn grant(&mut self, wish: &str) -> Result<()> {
        let Patron(cluster) = self;
        match wish {
            "alone" => {
                for id in [2, 3] {
                    cluster.member(id).end(Signal::KILL);
                }
                wait("clients may read", || {
                    cluster.members[&1].mode().as_deref() == Some("read-only")
                });
            }
            "together" => {
                cluster.member(2).start();
                cluster.settle();
            }
            other => bail!("nobody knows how to be {other}"),
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        fs::read_to_string(self.0.members[&1].dir.join("log")).unwrap_or_default()
    }
}

/// A client against a member that is left alone for a while, of either kind.
fn visited(program: impl Fn(&str) -> Command, checks: usize) -> Result<()> {
    for (name, launch) in [("Apache's", java as Launch), ("ours", ours)] {
        let mut cluster = Cluster::of(&[launch; 3], 3, LOCAL);
        cluster.start_all();
        cluster.settle();
        let program = program(&cluster.members[&1].places.client.to_string());
        let mut patron = Patron(cluster);
        let passed = program::run(&mut patron, vec![program], Duration::from_secs(180))
            .with_context(|| format!("against {name}"))?;
        assert_eq!(passed.len(), checks, "{passed:?}");
    }
    Ok(())
}

#[test]
fn apaches_client_reads_and_goes_on_with_a_leader() -> Result<()> {
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: NEWEST,
        sources: &["common", "readonly"],
    }
    .build()?;
    visited(|at| class_path.scenario("ReadOnly", at), 6)
}

#[test]
fn kazoo_reads_and_goes_on_with_a_leader() -> Result<()> {
    let kazoo = Environment::with("kazoo", &["kazoo==2.11.0"])?;
    visited(|at| kazoo.script("kazoo_read_only.py", at), 4)
}

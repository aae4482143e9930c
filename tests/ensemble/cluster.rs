//! Several members on one machine, on ports that nobody else has.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::client::{Client, Node};
use crate::member::{Launch, Member, Places};
use crate::wait;

/// The tick: short, so that what takes ticks takes little time; the limits are many ticks, so that a loaded
/// machine does not look like a dead one.
const TIMES: &str = "tickTime=200\ninitLimit=100\nsyncLimit=25\nmaxClientCnxns=0\n\
                     minSessionTimeout=1000\nmaxSessionTimeout=60000\n\
                     4lw.commands.whitelist=*\nadmin.enableServer=false\npreAllocSize=64\n";

static ENSEMBLES: AtomicU8 = AtomicU8::new(1);

/// A loopback address of this ensemble alone. Outgoing connections come from 127.0.0.1, so nobody is given
/// one of its ports by accident, and a member finds its ports free when it comes back.
fn own_address() -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    let number = ENSEMBLES.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, high.max(1), low, number)
}

fn free_places(ip: IpAddr, count: usize) -> Vec<Places> {
    // All of them at once: the kernel gives no port twice while its listener lives.
    let listeners: Vec<TcpListener> = (0..count * 3)
        .map(|_| TcpListener::bind((ip, 0)).expect("a loopback address has free ports"))
        .collect();
    let addresses: Vec<SocketAddr> = listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap())
        .collect();
    addresses
        .chunks(3)
        .map(|chunk| Places {
            quorum: chunk[0],
            election: chunk[1],
            client: chunk[2],
        })
        .collect()
}

/// A port that nobody has at any of these members' addresses.
fn common_port(places: &[Places]) -> u16 {
    let free = |port| {
        let bind = |at: &Places| TcpListener::bind((at.quorum.ip(), port)).ok();
        places.iter().map(bind).collect::<Option<Vec<_>>>()
    };
    let try_one = |_| {
        let first = TcpListener::bind((places[0].quorum.ip(), 0)).ok()?;
        let port = first.local_addr().ok()?.port();
        drop(first);
        free(port).map(|_| port)
    };
    (0..100).find_map(try_one).expect("a port is free at all")
}

/// An ensemble.
#[derive(Debug)]
pub struct Cluster {
    pub members: BTreeMap<i64, Member>,
    observers: Vec<i64>,
    lines: String,
    _dir: TempDir,
}

impl Cluster {
    /// Members 1, 2 and so on, of these programs; the first `voters` of them vote. None runs yet. `lines` are
    /// added to everybody's settings.
    pub fn of(programs: &[Launch], voters: usize, lines: &str) -> Cluster {
        let places = free_places(own_address().into(), programs.len());
        Cluster::at(&places, programs, voters, lines)
    }

    /// The same, where followers serve observers: that takes one port at all members, so each has an address of its
    /// own.
    pub fn with_observer_masters(programs: &[Launch], voters: usize, lines: &str) -> Cluster {
        let place = |_| free_places(own_address().into(), 1).remove(0);
        let places: Vec<Places> = (0..programs.len()).map(place).collect();
        let port = common_port(&places);
        let lines = format!("observerMasterPort={port}\n{lines}");
        Cluster::at(&places, programs, voters, &lines)
    }

    /// The same at these places.
    pub fn at(places: &[Places], programs: &[Launch], voters: usize, lines: &str) -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        let members = (1..).zip(programs).zip(places);
        let members = members.map(|((id, launch), places)| {
            let home = dir.path().join(id.to_string());
            (id, Member::new(id, *launch, *places, home))
        });
        let members: BTreeMap<i64, Member> = members.collect();
        let first_observer = i64::try_from(voters).unwrap() + 1;
        let cluster = Cluster {
            observers: members
                .keys()
                .copied()
                .filter(|id| *id >= first_observer)
                .collect(),
            members,
            lines: format!("{TIMES}{lines}"),
            _dir: dir,
        };
        let known: Vec<i64> = cluster.members.keys().copied().collect();
        for member in cluster.members.values() {
            cluster.configure(member.id, &known);
        }
        cluster
    }

    /// Writes a member's settings, in which only these members are named.
    pub fn configure(&self, id: i64, known: &[i64]) {
        let mut lines = self.lines.clone();
        for other in known {
            lines += &self.line_of(*other);
            lines.push('\n');
        }
        self.members[&id].configure(&lines);
    }

    /// Places that nobody has. Whoever does not run may find his own ports taken by them.
    pub fn spare_places(&self) -> Places {
        let member = self.members.values().next().expect("there are members");
        free_places(member.places.client.ip(), 1)[0]
    }

    /// Kills everybody, and makes this second epoch end with the last transaction it can have; so many members have it,
    /// the others lack some.
    pub fn end_second_epoch(&mut self, count: usize) {
        let leader = self.settle();
        let begun = self.members[&leader]
            .data()
            .join("version-2/snapshot.200000000");
        wait("the leader begins with a snapshot", || begun.exists());
        self.kill_all();
        let state = fs::read(begun).unwrap();
        for (n, member) in self.members.values().enumerate() {
            let dir = member.data().join("version-2");
            for entry in fs::read_dir(&dir).unwrap().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with("log.") || name.starts_with("snapshot.") {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
            let last = if n < count { "2ffffffff" } else { "2fffffff0" };
            fs::write(dir.join(format!("snapshot.{last}")), &state).unwrap();
        }
    }

    /// A member's server line.
    pub fn line_of(&self, id: i64) -> String {
        let Places {
            quorum,
            election,
            client,
        } = self.members[&id].places;
        let role = if self.observers.contains(&id) {
            "observer"
        } else {
            "participant"
        };
        format!(
            "server.{id}={}:{}:{}:{role};{}:{}",
            quorum.ip(),
            quorum.port(),
            election.port(),
            client.ip(),
            client.port(),
        )
    }

    pub fn member(&mut self, id: i64) -> &mut Member {
        self.members
            .get_mut(&id)
            .expect("a member of this ensemble")
    }

    pub fn start_all(&mut self) {
        for member in self.members.values_mut() {
            member.start();
        }
    }

    /// Kills everybody who runs.
    pub fn kill_all(&mut self) {
        for member in self
            .members
            .values_mut()
            .filter(|member| member.is_running())
        {
            member.end(Signal::KILL);
        }
    }

    /// Waits until an observer says that one of these serves it, and returns who.
    pub fn served_by(&self, observer: i64, masters: &[i64]) -> i64 {
        let mut master = None;
        wait(&format!("one of {masters:?} serves {observer}"), || {
            let id = self.members[&observer].metric("zk_observer_master_id");
            let id = id.and_then(|id| id.parse().ok());
            master = id.filter(|id| masters.contains(id));
            master.is_some()
        });
        master.expect("waited for")
    }

    /// The voters but this one.
    pub fn followers(&self, leader: i64) -> Vec<i64> {
        let ids = self.members.keys().copied();
        ids.filter(|id| *id != leader && !self.observers.contains(id))
            .collect()
    }

    /// Waits until everybody who runs serves, one of them as the leader; returns who that is.
    pub fn settle(&self) -> i64 {
        let running: Vec<i64> = self
            .members
            .values()
            .filter(|member| member.is_running())
            .map(|member| member.id)
            .collect();
        self.settle_among(&running)
    }

    /// The same among these members only.
    pub fn settle_among(&self, ids: &[i64]) -> i64 {
        let mut leader = None;
        wait(&format!("members {ids:?} elect a leader and serve"), || {
            let modes: Vec<(i64, String)> = ids
                .iter()
                .filter_map(|id| Some((*id, self.members[id].mode()?)))
                .collect();
            let mut leaders = modes.iter().filter(|(_, mode)| mode == "leader");
            leader = leaders.next().map(|(id, _)| *id);
            modes.len() == ids.len() && leader.is_some() && leaders.next().is_none()
        });
        leader.expect("waited for")
    }

    /// A new session on a member that serves.
    pub fn client(&self, id: i64) -> Client {
        self.client_for(id, 30_000)
    }

    /// The same with this session timeout, ms.
    pub fn client_for(&self, id: i64, timeout_ms: i32) -> Client {
        let at = self.members[&id].places.client;
        let mut client = None;
        wait(&format!("member {id} opens a session"), || {
            client = Client::open_for(at, timeout_ms).ok();
            client.is_some()
        });
        client.expect("waited for")
    }

    /// Everything a member has once it has caught up.
    pub fn tree(&self, id: i64) -> BTreeMap<String, Node> {
        let mut tree = None;
        wait(&format!("member {id} shows its tree"), || {
            let read = || -> std::io::Result<_> {
                let mut client = Client::open(self.members[&id].places.client)?;
                client.sync()?;
                let found = client.tree()?;
                client.close()?;
                Ok(found)
            };
            tree = read().ok();
            tree.is_some()
        });
        tree.expect("waited for")
    }

    /// Everybody who runs has the same nodes; returns them.
    #[track_caller]
    pub fn agreed_tree(&self) -> BTreeMap<String, Node> {
        let mut running = self.members.values().filter(|member| member.is_running());
        let first = running.next().expect("somebody runs").id;
        let tree = self.tree(first);
        for member in running {
            let other = self.tree(member.id);
            let differing: Vec<&String> = tree
                .keys()
                .chain(other.keys())
                .filter(|path| tree.get(*path) != other.get(*path))
                .collect();
            assert!(
                differing.is_empty(),
                "members {first} and {} differ in {differing:?}",
                member.id
            );
        }
        tree
    }

    /// After no transaction was anybody's tree another than the leader's.
    #[track_caller]
    pub fn no_digest_differs(&self) {
        for member in self.members.values().filter(|member| member.is_running()) {
            let differing = member.metric("zk_digest_mismatches_count");
            assert_eq!(differing.as_deref(), Some("0"), "member {}", member.id);
        }
    }
}

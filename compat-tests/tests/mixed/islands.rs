//! Network namespaces, one per member, on one bridge: members can be cut off from each other while clients still
//! reach them. Needs the right to make them (root, on Linux).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::cluster::Cluster;
use crate::member::{Launch, Places};

/// The file beside a member's settings that names its namespace.
const NAME: &str = "namespace";

static ISLANDS: AtomicU8 = AtomicU8::new(0);

/// The namespaces of one ensemble; they go when this is dropped.
#[derive(Debug)]
pub struct Islands {
    tag: String,
    /// The address of the bridge, where clients are; members have the ones behind it.
    shore: Ipv4Addr,
    count: u8,
}

impl Islands {
    /// Namespaces for members 1 to `count`; `None` where they may not be made.
    pub fn raise(count: u8) -> Option<Islands> {
        let number = ISLANDS.fetch_add(1, Ordering::Relaxed);
        assert!(number < 16, "a block of 16 addresses for each");
        let [.., high, low] = std::process::id().to_be_bytes();
        let islands = Islands {
            tag: format!("ox{}x{number}", std::process::id()),
            shore: Ipv4Addr::new(10, 128 | high, low, number * 16 + 1),
            count,
        };
        islands.build().then_some(islands)
    }

    fn build(&self) -> bool {
        let Islands { tag, shore, .. } = self;
        let bridge = ip(&format!("link add {tag} type bridge"))
            && ip(&format!("addr add {shore}/28 dev {tag}"))
            && ip(&format!("link set {tag} up"));
        bridge
            && (1..=self.count).all(|id| {
                let (name, at) = (self.name(id), self.address(id));
                ip(&format!("netns add {name}"))
                    && ip(&format!(
                        "link add {tag}v{id} type veth peer name eth0 netns {name}"
                    ))
                    && ip(&format!("link set {tag}v{id} master {tag} up"))
                    && ip(&format!("-n {name} addr add {at}/28 dev eth0"))
                    && ip(&format!("-n {name} link set eth0 up"))
                    && ip(&format!("-n {name} link set lo up"))
            })
    }

    fn name(&self, id: u8) -> String {
        format!("{}n{id}", self.tag)
    }

    fn address(&self, id: u8) -> Ipv4Addr {
        let [a, b, c, d] = self.shore.octets();
        Ipv4Addr::new(a, b, c, d + id)
    }

    /// An ensemble whose members are in these namespaces; their programs must come from [`inside`].
    pub fn settle(&self, programs: &[Launch]) -> Cluster {
        let places: Vec<Places> = (1..=self.count)
            .map(|id| {
                // Nobody else is in the namespace: every port is free.
                let at = |port: u16| SocketAddr::from((self.address(id), port));
                Places {
                    quorum: at(2888),
                    election: at(3888),
                    client: at(2181),
                }
            })
            .collect();
        let cluster = Cluster::at(&places, programs, programs.len(), "");
        for (id, member) in (1..).zip(cluster.members.values()) {
            fs::write(member.dir.join(NAME), self.name(id)).unwrap();
        }
        cluster
    }

    /// Cuts a member off from all others, or ends that. Packets vanish; clients are not affected.
    pub fn cut(&self, id: i64, apart: bool) {
        let id = u8::try_from(id).unwrap();
        let verb = if apart { "add" } else { "del" };
        for other in (1..=self.count).filter(|other| *other != id) {
            for (here, there) in [(id, other), (other, id)] {
                let (name, at) = (self.name(here), self.address(there));
                assert!(ip(&format!("-n {name} route {verb} blackhole {at}/32")));
            }
        }
    }
}

impl Drop for Islands {
    fn drop(&mut self) {
        for id in 1..=self.count {
            ip(&format!("netns del {}", self.name(id)));
        }
        ip(&format!("link del {}", self.tag));
    }
}

/// The command, in the namespace of the member with these settings.
pub fn inside(settings: &Path, command: &Command) -> Command {
    let name = fs::read_to_string(settings.with_file_name(NAME)).expect("a namespace");
    let mut there = Command::new("ip");
    there.args(["netns", "exec", &name]);
    there.arg(command.get_program()).args(command.get_args());
    there
}

/// Runs the tool `ip`; whether it did what it should.
fn ip(words: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(words.split(' ')).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

//! What an operator may see: plain values, copied out.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config;
use crate::config::{Membership, PeerAddress};
use crate::replica::Counts;
use crate::types::{OpCode, ServerId, SessionId, Zxid};

pub use crate::types::Summary;
use crate::watch::DataCounts;

/// A client connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The client's address.
    pub peer: SocketAddr,
    /// Whether it is the one that asks.
    pub asks: bool,
    /// Requests handed to the pipeline and not answered.
    pub queued: u64,
    /// Packets received from it.
    pub received: u64,
    /// Packets sent to it.
    pub sent: u64,
    /// When it is given up unless it is heard, ms since the Unix epoch.
    pub idle_until_ms: i64,
    /// Its session, once there is one.
    pub session: Option<SessionFacts>,
}

/// What a session has been doing on its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// The session.
    pub id: SessionId,
    /// The operation of the last reply.
    pub op: Option<OpCode>,
    /// Since when the connection is there, ms since the Unix epoch.
    pub established_ms: i64,
    /// Its timeout, ms.
    pub timeout_ms: i32,
    /// The number of the last request of its own that was answered.
    pub cxid: Option<i32>,
    /// The zxid of the last reply; -1 before the first.
    pub zxid: i64,
    /// When the last reply was given, by a clock that counts from anywhere, ms.
    pub replied_ms: i64,
    /// How long the last reply took, ms.
    pub last_latency_ms: i64,
    /// How long all replies took, ms.
    pub latency: Summary,
}

/// What expires at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The time, ms since the Unix epoch.
    pub wall_ms: i64,
    /// What expires, by name.
    pub names: Vec<String>,
}

/// The sessions a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessions {
    /// Those of this server alone, where there can be such.
    pub local: Option<Vec<Deadline>>,
    /// All others by their deadlines; of a learner, which does not know those, with their timeouts in ms.
    pub global: Result<Vec<Deadline>, Vec<(SessionId, i32)>>,
}

/// Request latencies, ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyFacts {
    /// Least.
    pub min: i64,
    /// Mean.
    pub avg: f64,
    /// Greatest.
    pub max: i64,
}

/// How the server came up; each has one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StartFacts {
    /// Loading the snapshot, ms.
    pub snapshot_ms: Summary,
    /// Replaying the log, ms.
    pub replay_ms: Summary,
    /// Both, ms.
    pub load_ms: Summary,
    /// Transactions replayed.
    pub txns: Summary,
}

/// What a server is to its ensemble (`server_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// There is none.
    Standalone,
    /// Its leader.
    Leader,
    /// A follower.
    Follower,
    /// An observer.
    Observer,
    /// A member without a leader that lets clients read.
    ReadOnly,
}

impl Role {
    /// Upstream's word.
    pub fn name(self) -> &'static str {
        match self {
            Role::Standalone => "standalone",
            Role::Leader => "leader",
            Role::Follower => "follower",
            Role::Observer => "observer",
            Role::ReadOnly => "read-only",
        }
    }
}

/// What a leader knows of its learners and proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeaderFacts {
    /// Connected learners.
    pub learners: usize,
    /// Voting followers that are synchronised.
    pub synced_followers: usize,
    /// Followers that are synchronised and do not vote.
    pub synced_non_voting_followers: usize,
    /// Observers that are synchronised.
    pub synced_observers: usize,
    /// Syncs that wait for what was proposed before them.
    pub pending_syncs: usize,
    /// Since it leads, ms.
    pub uptime_ms: i64,
    /// Bytes of the last, the smallest and the largest proposal; -1 before the first.
    pub proposal_bytes: [i64; 3],
}

/// What only a member of an ensemble knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// How many vote.
    pub voters: usize,
    /// What it knows as the leader.
    pub leader: Option<LeaderFacts>,
    /// Observers that this follower serves; `None` when it serves none at all.
    pub observers: Option<usize>,
    /// Who serves this observer, or would; `None` when it is no observer.
    pub observer_master: Option<ServerId>,
    /// Elections it took part in.
    pub elections: u64,
    /// Elections that ended, ms.
    pub election_ms: Summary,
    /// From the election of a leader until this follower was synchronised with it, ms.
    pub follower_sync_ms: Summary,
    /// The same of an observer.
    pub observer_sync_ms: Summary,
    /// Times in which it had no role, ms.
    pub unavailable_ms: Summary,
    /// Those of them that ended in its leading.
    pub leader_unavailable_ms: Summary,
    /// What it counts of its part.
    pub counts: Counts,
}

/// The counts of the moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What it is. Of a member that does not serve: what it was last.
    pub role: Role,
    /// Whether it has a role now, in which it serves its ensemble, and mostly clients.
    pub at_work: bool,
    /// What only a member of an ensemble knows.
    pub member: Option<MemberFacts>,
    /// Request latencies.
    pub latency: LatencyFacts,
    /// Packets received since the start.
    pub received: u64,
    /// Packets sent since the start.
    pub sent: u64,
    /// Connections now.
    pub connections: usize,
    /// Requests in the pipeline now.
    pub outstanding: usize,
    /// Last transaction applied.
    pub zxid: Zxid,
    /// Nodes, the root counted twice as upstream does.
    pub nodes: usize,
    /// Ephemeral nodes.
    pub ephemerals: usize,
    /// Bytes of all paths and data, about.
    pub data_bytes: u64,
    /// Watches of both tables.
    pub watches: usize,
    /// Watches of the data table.
    pub data_watches: DataCounts,
    /// Sessions.
    pub sessions: usize,
    /// Digests that did not match.
    pub digest_mismatches: i64,
    /// Since the start, ms.
    pub uptime_ms: i64,
    /// File descriptors open, and how many may be; `None` where the system does not say.
    pub descriptors: Option<(u64, u64)>,
    /// Connections refused because of a limit.
    pub connections_rejected: u64,
    /// Session requests.
    pub session_requests: u64,
    /// Those of them that brought a session.
    pub revalidations: u64,
    /// Sessions that expired.
    pub sessions_expired: u64,
    /// Each fsync of the log, ms.
    pub fsync_ms: Summary,
    /// Each snapshot, ms.
    pub snapshot_ms: Summary,
    /// Transactions of each flush.
    pub flushed_records: Summary,
    /// From the judgement of each transaction until it was applied here, ms by both clocks.
    pub propagation_ms: Summary,
    /// Sessions that only this server knows.
    pub local_sessions: usize,
    /// The start.
    pub startup: StartFacts,
}

impl Facts {
    /// What it knows as the leader, if it is one.
    pub fn leader(&self) -> Option<&LeaderFacts> {
        self.member.as_ref()?.leader.as_ref()
    }
}

/// What was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The client port in use, if any.
    pub client_port: Option<u16>,
    /// `dataDir/version-2`.
    pub data_dir: PathBuf,
    /// `dataLogDir/version-2`.
    pub log_dir: PathBuf,
    /// `tickTime`, ms.
    pub tick_time_ms: u32,
    /// `maxClientCnxns`.
    pub max_client_cnxns: i32,
    /// Least session timeout, ms.
    pub min_session_timeout_ms: i32,
    /// Greatest session timeout, ms.
    pub max_session_timeout_ms: i32,
    /// `clientPortListenBacklog`.
    pub backlog: i32,
    /// What only members of an ensemble have.
    pub member: Option<MemberSettings>,
}

/// The settings of a member of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSettings {
    /// `myid`.
    pub id: ServerId,
    /// `initLimit`.
    pub init_limit_ticks: u32,
    /// `syncLimit`.
    pub sync_limit_ticks: u32,
    /// Its own election ports.
    pub election_ports: Vec<u16>,
    /// Its own quorum ports.
    pub quorum_ports: Vec<u16>,
    /// Whether it observes.
    pub observes: bool,
    /// The text of the membership.
    pub membership: String,
}

impl MemberSettings {
    /// With what this membership says of the server.
    pub fn follow(&mut self, membership: &Membership) {
        let own = membership.member(self.id);
        let ports = |port: fn(&PeerAddress) -> u16| {
            let addresses = own.map_or(&[][..], |own| &own.addresses);
            addresses.iter().map(port).collect()
        };
        self.election_ports = ports(|address| address.election_port);
        self.quorum_ports = ports(|address| address.quorum_port);
        self.observes = own.is_some_and(|own| own.role == config::Role::Observer);
        self.membership = membership.to_text();
    }
}

/// The one trait that all windows read.
pub trait ServerView {
    /// Whether clients are served now; words that need a server say so when not.
    fn is_serving(&self) -> bool;
    /// The counts of the moment.
    fn facts(&self) -> Facts;
    /// What was configured.
    fn settings(&self) -> Settings;
    /// Every connection, by address.
    fn connections(&self) -> Vec<ConnectionFacts>;
    /// Bytes of the files directly below a directory.
    fn size_of(&self, dir: &std::path::Path) -> u64;
    /// The sessions, and when they expire.
    fn sessions(&self) -> Sessions;
    /// Who owns ephemeral nodes, and which, in order.
    fn ephemerals(&self) -> Vec<(SessionId, Vec<String>)>;
    /// The watches of the data table: each path, and the sessions that watch it.
    fn watches_by_path(&self) -> Vec<(String, Vec<String>)>;
    /// The watches of the data table: each session, and the paths that it watches.
    fn watches_by_session(&self) -> Vec<(String, Vec<String>)>;
    /// Forgets what connections have done so far.
    fn reset_connections(&self);
    /// Forgets the counts of packets and latencies.
    fn reset_server(&self);
    /// The mask that `stmk` has set.
    fn trace_mask(&self) -> i64;
    /// Sets that mask.
    fn set_trace_mask(&self, mask: i64);
}

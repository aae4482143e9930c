//! Every metric this server measures, once: upstream's name, its kind, what it means, where its value comes from. The
//! word `mntr` and the Prometheus endpoint both print this list, and `docs/metrics.md` holds it as a table.
//!
//! What is not measured is not here, so that every line an operator sees is true.

mod exporter;
pub mod http;
mod process;

use crate::admin::view::{Facts, MemberFacts, Role, Summary};
use crate::replica::Counts;

/// The value of a gauge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// A whole number.
    Whole(i64),
    /// A mean.
    Real(f64),
}

/// How a metric is read, which is also its kind.
#[derive(Debug, Clone, Copy)]
pub enum Read {
    /// Goes up and down; `None` where the system does not say.
    Gauge(fn(&Facts) -> Option<Level>),
    /// Only goes up.
    Counter(fn(&Facts) -> u64),
    /// Values that are added up.
    Summary(fn(&Facts) -> Summary),
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Upstream's name, as the Prometheus endpoint shows it; `mntr` puts `zk_` before it.
    pub name: &'static str,
    /// What it says, with its unit.
    pub meaning: &'static str,
    /// Its kind and its value.
    pub read: Read,
    /// Who shows it.
    pub of: Of,
}

/// Which servers show a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Every server.
    All,
    /// Members of an ensemble.
    Members,
    /// The leader of an ensemble.
    Leaders,
}

impl Metric {
    /// The kind, in one word.
    pub fn kind(&self) -> &'static str {
        match self.read {
            Read::Gauge(_) => "gauge",
            Read::Counter(_) => "counter",
            Read::Summary(_) => "summary",
        }
    }
}

const fn gauge(
    name: &'static str,
    meaning: &'static str,
    read: fn(&Facts) -> Option<Level>,
) -> Metric {
    Metric {
        name,
        meaning,
        read: Read::Gauge(read),
        of: Of::All,
    }
}

/// A gauge of every member of an ensemble.
const fn member_gauge(
    name: &'static str,
    meaning: &'static str,
    read: fn(&Facts) -> Option<Level>,
) -> Metric {
    Metric {
        of: Of::Members,
        ..gauge(name, meaning, read)
    }
}

/// A gauge of the leader of an ensemble.
const fn leader_gauge(
    name: &'static str,
    meaning: &'static str,
    read: fn(&Facts) -> Option<Level>,
) -> Metric {
    Metric {
        of: Of::Leaders,
        ..gauge(name, meaning, read)
    }
}

const fn counter(name: &'static str, meaning: &'static str, read: fn(&Facts) -> u64) -> Metric {
    Metric {
        name,
        meaning,
        read: Read::Counter(read),
        of: Of::All,
    }
}

/// A counter of every member of an ensemble.
const fn member_counter(
    name: &'static str,
    meaning: &'static str,
    read: fn(&Facts) -> u64,
) -> Metric {
    Metric {
        of: Of::Members,
        ..counter(name, meaning, read)
    }
}

/// A summary of every member of an ensemble.
const fn member_summary(
    name: &'static str,
    meaning: &'static str,
    read: fn(&Facts) -> Summary,
) -> Metric {
    Metric {
        of: Of::Members,
        ..summary(name, meaning, read)
    }
}

/// What a member counts; of others nothing.
fn counts(facts: &Facts) -> Counts {
    let member = facts.member.as_ref();
    member.map_or_else(Counts::default, |member| member.counts)
}

/// What a member adds up; of others nothing.
fn member_sum(facts: &Facts, read: fn(&MemberFacts) -> Summary) -> Summary {
    facts.member.as_ref().map_or_else(Summary::default, read)
}

const fn summary(name: &'static str, meaning: &'static str, read: fn(&Facts) -> Summary) -> Metric {
    Metric {
        name,
        meaning,
        read: Read::Summary(read),
        of: Of::All,
    }
}

impl Metric {
    /// The value of a gauge. There is none while the server has no role.
    // apache 3.9.5: server/ZooKeeperServer.java unregisterMetrics
    pub(super) fn level(facts: &Facts, read: fn(&Facts) -> Option<Level>) -> Option<Level> {
        read(facts).filter(|_| facts.at_work)
    }
}

/// A whole number; one beyond 64 bits, which no count reaches, shows as the largest.
fn whole(value: impl TryInto<i64>) -> Option<Level> {
    Some(Level::Whole(value.try_into().unwrap_or(i64::MAX)))
}

/// The metrics of this server.
pub fn of_server(facts: &Facts) -> impl Iterator<Item = &'static Metric> {
    let (is_member, leads) = (facts.member.is_some(), facts.leader().is_some());
    let has_quorum = is_member && facts.role != Role::ReadOnly;
    METRICS.iter().filter(move |metric| match metric.of {
        Of::All => true,
        Of::Members => is_member && (has_quorum || metric.kind() != "gauge"),
        Of::Leaders => leads,
    })
}

/// In the order in which upstream's `mntr` prints them.
pub const METRICS: &[Metric] = &[
    gauge("ephemerals_count", "ephemeral nodes", |facts| {
        whole(facts.ephemerals)
    }),
    gauge("num_alive_connections", "client connections", |facts| {
        whole(facts.connections)
    }),
    gauge(
        "avg_latency",
        "mean request latency since the start, ms",
        |facts| Some(Level::Real(facts.latency.avg)),
    ),
    leader_gauge(
        "min_proposal_size",
        "smallest proposal since it leads, bytes; -1 before the first",
        |facts| whole(facts.leader()?.proposal_bytes[1]),
    ),
    gauge(
        "outstanding_requests",
        "requests in the pipeline",
        |facts| whole(facts.outstanding),
    ),
    gauge(
        "znode_count",
        "nodes, the root counted twice as upstream does",
        |facts| whole(facts.nodes),
    ),
    gauge("global_sessions", "sessions", |facts| whole(facts.sessions)),
    gauge(
        "packets_sent",
        "packets sent to clients since the start",
        |facts| whole(facts.sent),
    ),
    gauge(
        "packets_received",
        "packets received from clients since the start",
        |facts| whole(facts.received),
    ),
    leader_gauge(
        "max_proposal_size",
        "largest proposal since it leads, bytes; -1 before the first",
        |facts| whole(facts.leader()?.proposal_bytes[2]),
    ),
    leader_gauge(
        "synced_followers",
        "voting followers that are synchronised",
        |facts| whole(facts.leader()?.synced_followers),
    ),
    gauge("watch_count", "watches, all kinds", |facts| {
        whole(facts.watches)
    }),
    leader_gauge(
        "synced_non_voting_followers",
        "followers that are synchronised and do not vote",
        |facts| whole(facts.leader()?.synced_non_voting_followers),
    ),
    member_gauge(
        "synced_observers",
        "observers that are synchronised with this leader, or with this follower if it serves observers",
        |facts| {
            let leads = facts.leader().map(|leader| leader.synced_observers);
            whole(leads.or(facts.member.as_ref()?.observers)?)
        },
    ),
    gauge(
        "min_latency",
        "least request latency since the start, ms",
        |facts| whole(facts.latency.min),
    ),
    gauge(
        "max_file_descriptor_count",
        "file descriptors the process may open",
        |facts| facts.descriptors.and_then(|(_, max)| whole(max)),
    ),
    gauge(
        "approximate_data_size",
        "bytes of all paths and data",
        |facts| whole(facts.data_bytes),
    ),
    gauge(
        "open_file_descriptor_count",
        "open file descriptors",
        |facts| facts.descriptors.and_then(|(open, _)| whole(open)),
    ),
    leader_gauge(
        "last_proposal_size",
        "last proposal, bytes; -1 before the first",
        |facts| whole(facts.leader()?.proposal_bytes[0]),
    ),
    leader_gauge(
        "pending_syncs",
        "syncs that wait for what was proposed before them",
        |facts| whole(facts.leader()?.pending_syncs),
    ),
    leader_gauge("leader_uptime", "since it leads, ms", |facts| {
        whole(facts.leader()?.uptime_ms)
    }),
    gauge(
        "local_sessions",
        "sessions that only this server knows",
        |facts| whole(facts.local_sessions),
    ),
    gauge("uptime", "since the start, ms", |facts| {
        whole(facts.uptime_ms)
    }),
    gauge(
        "max_latency",
        "greatest request latency since the start, ms",
        |facts| whole(facts.latency.max),
    ),
    leader_gauge("learners", "connected learners", |facts| {
        whole(facts.leader()?.learners)
    }),
    member_gauge(
        "quorum_size",
        "members of the ensemble that vote",
        |facts| whole(facts.member.as_ref()?.voters),
    ),
    counter(
        "connection_rejected",
        "connections refused because of `maxCnxns` or `maxClientCnxns`",
        |facts| facts.connections_rejected,
    ),
    counter(
        "connection_revalidate_count",
        "reconnects of clients that bring a session",
        |facts| facts.revalidations,
    ),
    member_counter(
        "diff_count",
        "learners that this leader has synchronised with transactions",
        |facts| counts(facts).diffs,
    ),
    member_counter(
        "learner_proposal_received_count",
        "proposals that this follower has got",
        |facts| counts(facts).proposals_received,
    ),
    member_counter(
        "learner_commit_received_count",
        "committed transactions that this learner was told of",
        |facts| counts(facts).commits_received,
    ),
    member_counter(
        "commit_count",
        "proposals that this leader has committed",
        |facts| counts(facts).commits,
    ),
    member_counter(
        "proposal_count",
        "transactions that this leader has proposed",
        |facts| counts(facts).proposals,
    ),
    member_counter(
        "looking_count",
        "elections this member took part in",
        |facts| facts.member.as_ref().map_or(0, |member| member.elections),
    ),
    member_counter(
        "snap_count",
        "learners that this leader has synchronised with a snapshot",
        |facts| counts(facts).snapshots,
    ),
    counter(
        "digest_mismatches_count",
        "transactions after which the tree was not what its log says",
        |facts| u64::try_from(facts.digest_mismatches).unwrap_or(0),
    ),
    counter(
        "connection_request_count",
        "session requests: new sessions and reconnects",
        |facts| facts.session_requests,
    ),
    counter("stale_sessions_expired", "sessions that expired", |facts| {
        facts.sessions_expired
    }),
    summary(
        "startup_txns_load_time",
        "replay of the log at the start, ms",
        |facts| facts.startup.replay_ms,
    ),
    summary(
        "fsynctime",
        "each fsync of the transaction log, ms",
        |facts| facts.fsync_ms,
    ),
    summary(
        "snapshottime",
        "each snapshot, from its start to its file on disk, ms",
        |facts| facts.snapshot_ms,
    ),
    summary(
        "startup_txns_loaded",
        "transactions replayed at the start",
        |facts| facts.startup.txns,
    ),
    summary(
        "dbinittime",
        "loading snapshot and log at the start, ms",
        |facts| facts.startup.load_ms,
    ),
    summary(
        "sync_processor_batch_size",
        "transactions per flush of the log",
        |facts| facts.flushed_records,
    ),
    member_summary(
        "election_time",
        "each election this member took part in, ms",
        |facts| member_sum(facts, |member| member.election_ms),
    ),
    member_summary(
        "follower_sync_time",
        "each synchronisation of this follower with a leader, ms",
        |facts| member_sum(facts, |member| member.follower_sync_ms),
    ),
    member_summary(
        "observer_sync_time",
        "each synchronisation of this observer with a leader, ms",
        |facts| member_sum(facts, |member| member.observer_sync_ms),
    ),
    member_summary(
        "unavailable_time",
        "each time in which this member had no role, ms",
        |facts| member_sum(facts, |member| member.unavailable_ms),
    ),
    member_summary(
        "leader_unavailable_time",
        "those of them that ended in its leading, ms",
        |facts| member_sum(facts, |member| member.leader_unavailable_ms),
    ),
    member_summary(
        "quorum_ack_latency",
        "from each proposal of this leader to its commit, ms",
        |facts| counts(facts).quorum_ack_ms,
    ),
    member_summary(
        "proposal_latency",
        "from each proposal of the leader until it is here, ms by the clocks of both",
        |facts| counts(facts).proposal_ms,
    ),
    member_summary(
        "commit_propagation_latency",
        "from each proposal of the leader until its commit is known here, ms by the clocks of both",
        |facts| counts(facts).commit_ms,
    ),
    summary(
        "propagation_latency",
        "from each transaction's judgement until it is applied here, ms by the clocks of both",
        |facts| facts.propagation_ms,
    ),
    summary(
        "startup_snap_load_time",
        "loading the snapshot at the start, ms",
        |facts| facts.startup.snapshot_ms,
    ),
];

#[cfg(test)]
pub(crate) mod tests;

//! Four-letter words: the classic text, line by line as upstream prints it.

use std::fmt::Write;

use crate::admin::environment;
use crate::admin::java_text;
use crate::admin::listings;
use crate::admin::metrics;
use crate::admin::metrics::{Level, Metric, Read};
use crate::admin::view::{Facts, MemberSettings, Role, ServerView};
use crate::config::WordWhitelist;

/// The release this server stands in for, as that release words it: monitoring compares it.
pub const VERSION: &str =
    "3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2, built on 2026-02-11 20:18 UTC";

/// Every word that upstream knows. Those not answered here say so.
const KNOWN: &[&str] = &[
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
    "wchc", "wchp", "wchs", "mntr", "isro", "hash",
];

/// What every word says that needs a server while there is none: a member between two roles.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// Words that need none.
const ANY_TIME: &[&str] = &["ruok", "envi", "gtmk", "stmk"];

/// What telnet sends on an interrupt: upstream knows it as a word and only closes.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// The answer to a word; `None` when the four bytes are not one.
///
/// `rest` is what follows the word: a number after `stmk`, and nothing of interest after any other.
pub fn answer(
    word: [u8; 4],
    rest: &[u8],
    whitelist: &WordWhitelist,
    view: &dyn ServerView,
) -> Option<String> {
    if word == TELNET_CLOSE {
        return Some(String::new());
    }
    let word = std::str::from_utf8(&word)
        .ok()
        .filter(|word| KNOWN.contains(word))?;
    if !whitelist.allows(word) {
        return Some(format!(
            "{word} is not executed because it is not in the whitelist.\n"
        ));
    }
    tracing::info!("Processing {word} command");
    let mut out = String::new();
    if !view.is_serving() && !ANY_TIME.contains(&word) {
        // apache 3.9.5: server/command/IsroCommand.java commandRun
        return Some(match word {
            "isro" => "null".to_owned(),
            "hash" => NOT_SERVING.to_owned(),
            _ => format!("{NOT_SERVING}\n"),
        });
    }
    fill(&mut out, word, rest, view);
    Some(out)
}

fn fill(out: &mut String, word: &str, rest: &[u8], view: &dyn ServerView) {
    match word {
        "ruok" => out.push_str("imok"),
        "isro" => out.push_str(access(view.facts().role)),
        "srvr" => {
            let facts = view.facts();
            version(out);
            read_only_line(out, &facts);
            server_lines(out, &facts);
        }
        "stat" => stat(out, view),
        "conf" => conf(out, view),
        "dirs" => dirs(out, view),
        "envi" => envi(out),
        "wchs" => wchs(out, &view.facts()),
        "mntr" => mntr(out, &view.facts()),
        "cons" => listings::cons(out, view),
        "dump" => listings::dump(out, view),
        "wchp" => listings::watches(out, view, true),
        "wchc" => listings::watches(out, view, false),
        "crst" => {
            view.reset_connections();
            line(out, format_args!("Connection stats reset."));
        }
        "srst" => {
            view.reset_server();
            line(out, format_args!("Server stats reset."));
        }
        // The mask is kept, as upstream keeps it where its log takes no traces; there are none here.
        "gtmk" => out.push_str(&view.trace_mask().to_string()),
        // A word without its number is not waited for.
        "stmk" => {
            if let Some(mask) = rest.first_chunk() {
                view.set_trace_mask(i64::from_be_bytes(*mask));
                out.push_str(&view.trace_mask().to_string());
            }
        }
        other => line(
            out,
            format_args!("{other} is not available in this release of Oxkeeper."),
        ),
    }
}

pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes any text");
}

/// What clients may do.
fn access(role: Role) -> &'static str {
    match role {
        Role::ReadOnly => "ro",
        _ => "rw",
    }
}

fn version(out: &mut String) {
    line(out, format_args!("Zookeeper version: {VERSION}"));
}

fn read_only_line(out: &mut String, facts: &Facts) {
    if facts.role == Role::ReadOnly {
        line(
            out,
            format_args!("READ-ONLY mode; serving only read-only clients"),
        );
    }
}

fn server_lines(out: &mut String, facts: &Facts) {
    let latency = &facts.latency;
    let avg = java_text::double(latency.avg);
    line(
        out,
        format_args!("Latency min/avg/max: {}/{avg}/{}", latency.min, latency.max),
    );
    line(out, format_args!("Received: {}", facts.received));
    line(out, format_args!("Sent: {}", facts.sent));
    line(out, format_args!("Connections: {}", facts.connections));
    line(out, format_args!("Outstanding: {}", facts.outstanding));
    line(out, format_args!("Zxid: {}", facts.zxid));
    line(out, format_args!("Mode: {}", facts.role.name()));
    line(out, format_args!("Node count: {}", facts.nodes));
    if let Some(leader) = facts.leader() {
        let [last, min, max] = leader.proposal_bytes;
        line(
            out,
            format_args!("Proposal sizes last/min/max: {last}/{min}/{max}"),
        );
    }
}

fn stat(out: &mut String, view: &dyn ServerView) {
    let facts = view.facts();
    version(out);
    read_only_line(out, &facts);
    line(out, format_args!("Clients:"));
    for connection in view.connections() {
        line(out, format_args!("{})", listings::brief(&connection)));
    }
    line(out, format_args!(""));
    server_lines(out, &facts);
}

fn dirs(out: &mut String, view: &dyn ServerView) {
    let settings = view.settings();
    line(
        out,
        format_args!("datadir_size: {}", view.size_of(&settings.data_dir)),
    );
    line(
        out,
        format_args!("logdir_size: {}", view.size_of(&settings.log_dir)),
    );
}

fn envi(out: &mut String) {
    line(out, format_args!("Environment:"));
    for (name, value) in environment::list() {
        line(out, format_args!("{name}={value}"));
    }
}

/// Of the data table alone, as upstream counts here.
fn wchs(out: &mut String, facts: &Facts) {
    let watches = &facts.data_watches;
    line(
        out,
        format_args!(
            "{} connections watching {} paths",
            watches.connections, watches.paths
        ),
    );
    line(out, format_args!("Total watches:{}", watches.total));
}

fn conf(out: &mut String, view: &dyn ServerView) {
    let settings = view.settings();
    let port = settings.client_port.map_or(-1, i32::from);
    line(out, format_args!("clientPort={port}"));
    line(out, format_args!("secureClientPort=-1"));
    line(out, format_args!("dataDir={}", settings.data_dir.display()));
    line(
        out,
        format_args!("dataDirSize={}", view.size_of(&settings.data_dir)),
    );
    line(
        out,
        format_args!("dataLogDir={}", settings.log_dir.display()),
    );
    line(
        out,
        format_args!("dataLogSize={}", view.size_of(&settings.log_dir)),
    );
    line(out, format_args!("tickTime={}", settings.tick_time_ms));
    line(
        out,
        format_args!("maxClientCnxns={}", settings.max_client_cnxns),
    );
    line(
        out,
        format_args!("minSessionTimeout={}", settings.min_session_timeout_ms),
    );
    line(
        out,
        format_args!("maxSessionTimeout={}", settings.max_session_timeout_ms),
    );
    line(
        out,
        format_args!("clientPortListenBacklog={}", settings.backlog),
    );
    match &settings.member {
        None => line(out, format_args!("serverId=0")),
        Some(member) => member_conf(out, member, view.facts().role),
    }
}

// apache 3.9.5: server/quorum/QuorumZooKeeperServer.java dumpConf
fn member_conf(out: &mut String, member: &MemberSettings, role: Role) {
    let joined = |ports: &[u16]| {
        let ports = ports.iter().map(u16::to_string);
        ports.collect::<Vec<_>>().join("|")
    };
    line(out, format_args!("serverId={}", member.id.0));
    line(out, format_args!("initLimit={}", member.init_limit_ticks));
    line(out, format_args!("syncLimit={}", member.sync_limit_ticks));
    line(out, format_args!("electionAlg=3"));
    line(
        out,
        format_args!("electionPort={}", joined(&member.election_ports)),
    );
    line(
        out,
        format_args!("quorumPort={}", joined(&member.quorum_ports)),
    );
    line(out, format_args!("peerType={}", u8::from(member.observes)));
    // apache 3.9.5: server/quorum/ReadOnlyZooKeeperServer.java dumpConf
    if role != Role::ReadOnly {
        line(out, format_args!("membership: "));
        out.push_str(&member.membership);
    }
}

/// How a member that serves describes itself.
// apache 3.9.5: server/quorum/QuorumPeer.java getDetailedPeerState
fn peer_state(role: Role) -> Option<&'static str> {
    match role {
        Role::Standalone | Role::ReadOnly => None,
        Role::Leader => Some("leading - broadcast"),
        Role::Follower => Some("following - broadcast"),
        Role::Observer => Some("observing - broadcast"),
    }
}

/// Every metric there is, under the names that upstream's default provider gives.
fn mntr(out: &mut String, facts: &Facts) {
    let mut put = |key: std::fmt::Arguments<'_>, value: &dyn std::fmt::Display| {
        line(out, format_args!("zk_{key}\t{value}"));
    };
    put(format_args!("version"), &VERSION);
    put(format_args!("server_state"), &facts.role.name());
    if let Some(state) = peer_state(facts.role) {
        put(format_args!("peer_state"), &state);
    }
    // apache 3.9.5: server/quorum/ObserverZooKeeperServer.java dumpMonitorValues
    let member = facts.member.as_ref();
    if let Some(master) = member.and_then(|member| member.observer_master) {
        put(format_args!("observer_master_id"), &master.0);
    }
    for Metric { name, read, .. } in metrics::of_server(facts) {
        match read {
            Read::Gauge(read) => match Metric::level(facts, *read) {
                Some(Level::Whole(value)) => put(format_args!("{name}"), &value),
                Some(Level::Real(value)) => put(format_args!("{name}"), &java_text::double(value)),
                None => {}
            },
            Read::Counter(read) => put(format_args!("{name}"), &read(facts)),
            Read::Summary(read) => {
                let summary = read(facts);
                put(
                    format_args!("avg_{name}"),
                    &java_text::double(summary.avg()),
                );
                put(format_args!("min_{name}"), &summary.min);
                put(format_args!("max_{name}"), &summary.max);
                put(format_args!("cnt_{name}"), &summary.count);
                put(format_args!("sum_{name}"), &summary.sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::metrics::METRICS;
    use crate::admin::metrics::tests::facts;
    use crate::types::ServerId;

    #[test]
    fn mntr_shows_every_metric_as_upstreams_default_provider_does() {
        let mut out = String::new();
        mntr(&mut out, &facts());
        for line in [
            "zk_server_state\tleader",
            "zk_peer_state\tleading - broadcast",
            "zk_avg_latency\t1.5",
            "zk_znode_count\t6",
            "zk_digest_mismatches_count\t12",
            "zk_avg_fsynctime\t20.0",
            "zk_min_fsynctime\t20",
            "zk_max_fsynctime\t20",
            "zk_cnt_fsynctime\t2",
            "zk_sum_fsynctime\t40",
        ] {
            assert!(
                out.lines().any(|found| found == line),
                "{line} is not in\n{out}"
            );
        }
        assert!(!out.contains("observer_master_id"));
        for metric in METRICS {
            assert!(
                out.contains(metric.name),
                "{} is not in\n{out}",
                metric.name
            );
        }
    }

    #[test]
    fn an_observer_says_who_serves_it() {
        let mut out = String::new();
        let mut observer = facts();
        let member = observer.member.as_mut().expect("they are of a member");
        member.observer_master = Some(ServerId(2));
        mntr(&mut out, &observer);
        assert!(out.contains("zk_observer_master_id\t2\n"), "{out}");
    }
}

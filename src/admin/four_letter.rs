//! Four-letter words: the classic text, line by line as upstream prints it.

use std::fmt::Write;

use crate::admin::environment;
use crate::admin::java_text;
use crate::admin::view::{ConnectionFacts, Facts, ServerView};
use crate::config::WordWhitelist;

/// The release this server stands in for, as that release words it: monitoring compares it.
pub const VERSION: &str =
    "3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2, built on 2026-02-11 20:18 UTC";

/// Every word that upstream knows. Those not answered here say so.
const KNOWN: &[&str] = &[
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
    "wchc", "wchp", "wchs", "mntr", "isro", "hash",
];

/// What telnet sends on an interrupt: upstream knows it as a word and only closes.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// The answer to a word; `None` when the four bytes are not one.
pub fn answer(word: [u8; 4], whitelist: &WordWhitelist, view: &dyn ServerView) -> Option<String> {
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
    match word {
        "ruok" => out.push_str("imok"),
        "isro" => out.push_str("rw"),
        "srvr" => {
            version(&mut out);
            server_lines(&mut out, &view.facts());
        }
        "stat" => stat(&mut out, view),
        "conf" => conf(&mut out, view),
        "dirs" => dirs(&mut out, view),
        "envi" => envi(&mut out),
        "wchs" => wchs(&mut out, &view.facts()),
        "mntr" => mntr(&mut out, &view.facts()),
        other => line(
            &mut out,
            format_args!("{other} is not available in this release of Oxkeeper."),
        ),
    }
    Some(out)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes any text");
}

fn version(out: &mut String) {
    line(out, format_args!("Zookeeper version: {VERSION}"));
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
    line(out, format_args!("Mode: standalone"));
    line(out, format_args!("Node count: {}", facts.nodes));
}

fn stat(out: &mut String, view: &dyn ServerView) {
    version(out);
    line(out, format_args!("Clients:"));
    for ConnectionFacts {
        peer,
        asks,
        queued,
        received,
        sent,
    } in view.connections()
    {
        // The set of socket operations waited for: none on the connection that asks.
        let ops = u8::from(!asks);
        line(
            out,
            format_args!(" /{peer}[{ops}](queued={queued},recved={received},sent={sent})"),
        );
    }
    line(out, format_args!(""));
    server_lines(out, &view.facts());
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
    line(out, format_args!("serverId=0"));
}

/// The keys that monitoring reads most; those of the pipeline stages inside Java have no counterpart.
fn mntr(out: &mut String, facts: &Facts) {
    let mut put = |key: &str, value: &dyn std::fmt::Display| {
        line(out, format_args!("zk_{key}\t{value}"));
    };
    put("version", &VERSION);
    put("server_state", &"standalone");
    put("ephemerals_count", &facts.ephemerals);
    put("num_alive_connections", &facts.connections);
    put("avg_latency", &java_text::double(facts.latency.avg));
    put("outstanding_requests", &facts.outstanding);
    put("znode_count", &facts.nodes);
    put("global_sessions", &facts.sessions);
    put("packets_sent", &facts.sent);
    put("packets_received", &facts.received);
    put("watch_count", &facts.watches);
    put("min_latency", &facts.latency.min);
    if let Some((open, max)) = facts.descriptors {
        put("max_file_descriptor_count", &max);
        put("open_file_descriptor_count", &open);
    }
    put("approximate_data_size", &facts.data_bytes);
    put("local_sessions", &0);
    put("uptime", &facts.uptime_ms);
    put("max_latency", &facts.latency.max);
    put("digest_mismatches_count", &facts.digest_mismatches);
}

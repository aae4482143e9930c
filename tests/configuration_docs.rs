//! `conf/zoo_sample.cfg` and `docs/configuration.md` say what the table of names says. When the table changes, run
//! `OXKEEPER_BLESS=1 cargo test --test configuration_docs` and read the difference.

use oxkeeper::config::known::dead::DOCUMENTED;
use oxkeeper::config::known::{self, Key, Kind, SECTIONS, Section, Status};
use oxkeeper::config::{Companions, Config, Draft};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the sample that are not commented out: those of Apache's own sample.
const ACTIVE: [(&str, &str); 3] = [
    ("dataDir", "/tmp/zookeeper"),
    ("clientPort", "2181"),
    ("tickTime", "2000"),
];

/// What the sample shows for keys whose default cannot be written down, or would say nothing.
const EXAMPLES: [(&str, &str); 13] = [
    ("initLimit", "10"),
    ("syncLimit", "5"),
    ("dynamicConfigFile", "./conf/zoo.cfg.dynamic"),
    ("dataLogDir", "/var/lib/zookeeper-log"),
    ("clientPortAddress", "127.0.0.1"),
    ("snapshot.compression.method", "gz"),
    ("maxWriteQueuePollTime", "0"),
    ("jute.maxbuffer.extrasize", "1048575"),
    ("4lw.commands.whitelist", "ruok, stat, mntr"),
    ("DigestAuthenticationProvider.superDigest", "super:<digest>"),
    ("enforce.auth.schemes", "digest"),
    ("autopurge.purgeInterval", "24"),
    (
        "metricsProvider.className",
        "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
    ),
];

/// The lines shown for keys that are only the start of a name.
const MEMBER_LINES: [(&str, &[&str]); 3] = [
    (
        "server.*",
        &[
            "server.1=zoo1:2888:3888;2181",
            "server.2=zoo2:2888:3888;2181",
            "server.3=zoo3:2888:3888;2181",
        ],
    ),
    ("group*", &["group.1=1:2:3"]),
    ("weight*", &["weight.1=1"]),
];

const SAMPLE_HEAD: &str = "\
# Settings of a server: every key that this server honours, with its default.
# Copy this file to conf/zoo.cfg and change what you need. Keys, syntax and defaults are those of Apache ZooKeeper
# 3.9.5; keys that are missing here are accepted too. docs/configuration.md lists all of them and says what they do.
#
# Most settings can also be given as -Dzookeeper.<key>=<value>, on the command line or in JVMFLAGS; this file wins.
";

const DOCS_MARK: &str = "<!-- From here on, the text is made from src/config/known by tests/configuration_docs.rs. -->\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(file(name)).expect(name)
}

/// Compares, or writes when asked to.
fn check(name: &str, want: &str) {
    if std::env::var_os("OXKEEPER_BLESS").is_some() {
        fs::write(file(name), want).expect(name);
    }
    let found = read(name);
    let differing = found
        .lines()
        .zip(want.lines())
        .find(|(found, want)| found != want);
    assert!(
        found == want,
        "{name} is not what the table says, first here: {differing:?}; OXKEEPER_BLESS=1 rewrites it"
    );
}

fn honoured(section: &Section) -> impl Iterator<Item = (&'static Key, &'static str)> {
    section.keys.iter().filter_map(|key| match key.status {
        Status::Honoured(effect) => Some((key, effect)),
        _ => None,
    })
}

fn sample() -> String {
    let mut text = SAMPLE_HEAD.to_owned();
    for section in SECTIONS
        .iter()
        .filter(|section| honoured(section).count() > 0)
    {
        write!(text, "\n## {}\n", section.title).expect("text takes text");
        for (key, effect) in honoured(section) {
            sample_entry(&mut text, key, effect).expect("text takes text");
        }
    }
    text
}

fn sample_entry(text: &mut String, key: &Key, effect: &str) -> std::fmt::Result {
    let find = |list: &[(&str, &'static str)]| {
        list.iter()
            .find(|(name, _)| *name == key.name)
            .map(|(_, value)| *value)
    };
    let default = if key.default.is_empty() {
        "empty"
    } else {
        key.default
    };
    writeln!(
        text,
        "\n# {}\n# Unit or values: {}. Default: {default}.",
        sentence(effect),
        key.unit
    )?;
    if let Some((_, lines)) = MEMBER_LINES.iter().find(|(name, _)| *name == key.name) {
        return lines.iter().try_for_each(|line| writeln!(text, "#{line}"));
    }
    match (key.kind, find(&ACTIVE)) {
        (Kind::Property, _) => writeln!(text, "# -D{}={}", key.name, key.default),
        (_, Some(value)) => writeln!(text, "{}={value}", key.name),
        (_, None) => writeln!(
            text,
            "#{}={}",
            key.name,
            find(&EXAMPLES).unwrap_or(key.default)
        ),
    }
}

fn sentence(effect: &str) -> String {
    let mut letters = effect.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn tables() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        write!(
            text,
            "\n### {}\n\n| Key | Default | Unit or values | Here |\n|---|---|---|---|\n",
            section.title
        )
        .expect("text takes text");
        for key in section.keys {
            let name = if key.kind == Kind::Property {
                format!("-D{}", key.name)
            } else {
                key.name.to_owned()
            };
            let default = match key.default {
                "" => "empty".to_owned(),
                "unset" => "unset".to_owned(),
                computed if computed.starts_with('(') => computed.to_owned(),
                value => format!("`{value}`"),
            };
            let here = match key.status {
                Status::Honoured(effect) => format!("**yes**: {effect}"),
                Status::NoEffect(why) => format!("no effect: {why}"),
                Status::Later(feature) => format!("later: {}", feature.missing()),
            };
            let unit = key.unit.replace('|', "\\|");
            writeln!(text, "| `{name}` | {default} | {unit} | {here} |").expect("text takes text");
        }
    }
    text.push_str(
        "\n### Names in old documents that nothing reads\n\n| Name | Key that works |\n|---|---|\n",
    );
    for (dead, working) in DOCUMENTED {
        writeln!(text, "| `{dead}` | `{working}` |").expect("text takes text");
    }
    text
}

#[test]
fn the_sample_file_is_the_table() {
    check("conf/zoo_sample.cfg", &sample());
}

#[test]
fn the_sample_file_names_exactly_the_honoured_keys() {
    let text = read("conf/zoo_sample.cfg");
    let key_of = |line: &str| {
        let line = line.strip_prefix('#').unwrap_or(line);
        let (name, _) = line.split_once('=')?;
        known::file_key(name).map(|key| key.name.to_owned())
    };
    let mut named: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("# "))
        .filter_map(key_of)
        .collect();
    let properties = text
        .lines()
        .filter_map(|line| line.strip_prefix("# -D")?.split_once('='));
    named.extend(
        properties
            .filter(|(name, _)| !name.contains('<'))
            .map(|(name, _)| format!("-D{name}")),
    );
    let shown = |key: &Key| match key.kind {
        Kind::Property => format!("-D{}", key.name),
        _ => key.name.to_owned(),
    };
    let mut table: Vec<String> = SECTIONS
        .iter()
        .flat_map(honoured)
        .map(|(key, _)| shown(key))
        .collect();
    named.sort();
    named.dedup();
    table.sort();
    assert_eq!(named, table);
}

#[test]
fn the_sample_file_loads_as_it_is_and_with_everything_switched_on() {
    let as_it_is = read("conf/zoo_sample.cfg");
    let loaded = Config::from_zoo_cfg(as_it_is.as_bytes(), "conf/zoo_sample.cfg", &[])
        .expect("the sample is good");
    assert_eq!(loaded.config.network.client_port, Some(2181));
    assert_eq!(loaded.config.timing.tick_time_ms, 2000);
    // Members stand in one of two places, not in both.
    let is_setting = |line: &&str| {
        !line.starts_with("# ") && !line.starts_with("##") && !line.contains("dynamicConfigFile")
    };
    let all: Vec<&str> = as_it_is
        .lines()
        .filter(is_setting)
        .map(|line| line.trim_start_matches('#'))
        .collect();
    let draft =
        Draft::read(all.join("\n").as_bytes(), "./zoo.cfg", &[]).expect("all of it is good");
    let companions = Companions {
        my_id: Some(b"1"),
        ..Companions::default()
    };
    draft
        .finish(companions)
        .expect("all of it together is good");
}

#[test]
fn the_documentation_holds_the_table() {
    let found = read("docs/configuration.md");
    let prose = found
        .split(DOCS_MARK)
        .next()
        .expect("split yields at least one part");
    assert!(
        prose.len() < found.len() || std::env::var_os("OXKEEPER_BLESS").is_some(),
        "the mark is gone"
    );
    check(
        "docs/configuration.md",
        &format!("{prose}{DOCS_MARK}{}", tables()),
    );
}

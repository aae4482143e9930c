//! Tests that hold the table of names and the code together: what the table calls honoured changes the settings and
//! has the default the table says, in every way it can be set; what it does not call honoured changes nothing, and
//! says so.

use crate::config::known::{self, Key, Kind, Status};
use crate::config::{Companions, Config, ConfigError, Draft, Level, Loaded};

/// Lines that a key needs beside it to be seen.
fn context(key: &Key) -> &'static str {
    match key.name {
        "clientPortAddress" => "clientPort=1\n",
        "standaloneEnabled" => "server.1=a:1:2\ninitLimit=1\nsyncLimit=1\n",
        "connection_throttle_weight_enabled" => "connection_throttle_tokens=1\n",
        "enforce.auth.enabled" => "enforce.auth.schemes=ip\n",
        "enforce.auth.schemes" => "enforce.auth.enabled=true\nenforce.auth.schemes=ip\n",
        "secureClientPortAddress" => "secureClientPort=1\n",
        "metricsProvider.httpHost"
        | "metricsProvider.httpPort"
        | "metricsProvider.exportJvmInfo" => {
            "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"
        }
        "quorum.auth.learnerRequireSasl" => "quorum.auth.enableSasl=true\n",
        "quorum.auth.serverRequireSasl" => {
            "quorum.auth.enableSasl=true\nquorum.auth.learnerRequireSasl=true\n"
        }
        name if name.starts_with("connection_throttle_") && name.ends_with("_weight") => {
            "connection_throttle_weight_enabled=true\nconnection_throttle_tokens=1\n"
        }
        _ => "",
    }
}

/// A good value that is not the default.
fn other_value(key: &Key) -> String {
    let number = key.default.parse::<i64>().map(|number| number.max(1) + 1);
    match (key.name, key.default) {
        ("dataDir" | "dataLogDir", _) => "/other".to_owned(),
        ("snapshot.compression.method", _) => "gz".to_owned(),
        ("DigestAuthenticationProvider.digestAlg", _) => "SHA-256".to_owned(),
        ("DigestAuthenticationProvider.superDigest", _) => "super:x".to_owned(),
        ("enforce.auth.schemes", _) => "digest".to_owned(),
        ("maxSessionTimeout", _) => "7000".to_owned(),
        ("peerType", _) => "observer".to_owned(),
        ("snapshotSizeFactor", _) => "0.5".to_owned(),
        ("metricsProvider.className", _) => {
            "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider".to_owned()
        }
        ("admin.enableServer", _) => "true".to_owned(),
        (_, "true") => "false".to_owned(),
        (_, "false") => "true".to_owned(),
        (_, "yes") => "no".to_owned(),
        (_, "no") => "yes".to_owned(),
        _ => number.map_or_else(|_| "2048".to_owned(), |number| number.to_string()),
    }
}

fn load(lines: &str, flags: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let text = format!("dataDir=/d\n{lines}");
    let companions = Companions {
        my_id: Some(b"1"),
        ..Companions::default()
    };
    Draft::read(text.as_bytes(), "./zoo.cfg", flags)?.finish(companions)
}

fn config(lines: &str, flags: &[(String, String)]) -> Config {
    load(lines, flags)
        .unwrap_or_else(|error| panic!("{lines}{flags:?}: {error}"))
        .config
}

/// The settings with `key` at `value`, by a line of the file and by `-D`; `None` for a way that does not exist.
fn set(key: &Key, value: &str) -> [Option<Config>; 2] {
    let lines = context(key);
    let by_line =
        (key.kind != Kind::Property).then(|| config(&format!("{lines}{}={value}", key.name), &[]));
    let by_flag = key
        .property()
        .map(|name| config(lines, &[(name, value.to_owned())]));
    // A line of the context may hold the key already, and the file wins.
    let by_flag = by_flag.filter(|_| !lines.contains(&format!("{}=", key.name)));
    [by_line, by_flag]
}

#[test]
fn honoured_keys_change_something_whichever_way_they_are_set() {
    for key in known::all().filter(|key| matches!(key.status, Status::Honoured(_))) {
        if MEMBERS.contains(&key.name) {
            continue;
        }
        let base = config(context(key), &[]);
        let value = other_value(key);
        let changed = set(key, &value);
        assert!(
            changed.iter().any(Option::is_some),
            "{} cannot be set",
            key.name
        );
        for changed in changed.iter().flatten() {
            assert_ne!(changed, &base, "{}={value} changes nothing", key.name);
        }
        if let [Some(by_line), Some(by_flag)] = changed {
            assert_eq!(by_line, by_flag, "{}={value}", key.name);
        }
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    for key in known::all().filter(|key| matches!(key.status, Status::Honoured(_))) {
        let has_value = key.default != "unset" && !key.default.starts_with('(');
        if !has_value || MEMBERS.contains(&key.name) {
            continue;
        }
        let base = config(context(key), &[]);
        for spelled_out in set(key, key.default).into_iter().flatten() {
            assert_eq!(
                spelled_out, base,
                "{}={} is not the default",
                key.name, key.default
            );
        }
    }
}

/// Keys whose meaning is in other files or lines; their own tests are elsewhere.
const MEMBERS: [&str; 4] = ["server.*", "group*", "weight*", "dynamicConfigFile"];

#[test]
fn all_other_keys_change_nothing_and_say_so_once() {
    for key in known::all().filter(|key| !matches!(key.status, Status::Honoured(_))) {
        if MEMBERS.contains(&key.name) {
            continue;
        }
        let name = key.name.replace('*', "x");
        let value = other_value(key);
        let value = if key.name == "electionAlg" {
            "3".to_owned()
        } else {
            value
        };
        let base = config(context(key), &[]);
        if key.kind != Kind::Property {
            match load(&format!("{}{name}={value}", context(key)), &[]) {
                Ok(loaded) => {
                    assert_eq!(loaded.config, base, "{name}={value}");
                    assert_remark(&loaded, key, &format!(": `{name}="));
                }
                // Letting clients in that should have been kept out is no option.
                Err(error) => assert_eq!(
                    (key.name, error.exit_code()),
                    ("sessionRequireClientSASLAuth", 1)
                ),
            }
        }
        let property = key.property().map(|property| property.replace('*', "x"));
        if let Some(property) = property.filter(|_| key.name != "sessionRequireClientSASLAuth") {
            let loaded = load(context(key), &[(property.clone(), value)])
                .expect("a flag never stops the start");
            assert_eq!(loaded.config, base, "-D{property}");
            assert_remark(&loaded, key, &format!("`-D{property}="));
        }
    }
}

fn assert_remark(loaded: &Loaded, key: &Key, place: &str) {
    let remarks: Vec<_> = loaded
        .notes
        .iter()
        .filter(|note| note.text.contains(place))
        .collect();
    let [remark] = remarks.as_slice() else {
        panic!("{}: {remarks:?}", key.name);
    };
    match key.status {
        Status::Later(feature) => {
            assert!(
                remark
                    .text
                    .ends_with(&format!(" has no effect: {}", feature.missing())),
                "{remark:?}"
            );
            assert!(remark.level >= Level::Info, "{remark:?}");
        }
        Status::NoEffect(why) if key.name != "electionAlg" => assert!(
            remark.text.ends_with(&format!(" has no effect: {why}")),
            "{remark:?}"
        ),
        _ => {}
    }
}

#[test]
fn properties_are_no_lines() {
    let base = config("", &[]);
    for key in known::all().filter(|key| key.kind == Kind::Property) {
        let value = other_value(key);
        // The prefix makes a line of its own name another property.
        let line = format!("{}={value}", key.name.replace('*', "x"));
        if known::file_key(key.name).is_none() {
            assert_eq!(config(&line, &[]), base, "{line}");
        }
    }
}

#[test]
fn keys_of_the_file_are_no_flags() {
    let base = config("", &[]);
    for key in known::all().filter(|key| key.kind == Kind::FileKey && !key.name.ends_with('*')) {
        // As flags these are the defaults of the keys; and one says what server lines may hold.
        if key.name.starts_with("multiAddress.") {
            continue;
        }
        let flag = (format!("zookeeper.{}", key.name), other_value(key));
        assert_eq!(config("", &[flag]), base, "-Dzookeeper.{}", key.name);
    }
}

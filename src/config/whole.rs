//! Tests of settings as a whole: what must be there, what may not stand together, members, `myid` and the dynamic file.
//! Every refusal must name its place, upstream's cause, and what would be right.

use crate::config::{Companions, Config, ConfigError, Draft, Level, Loaded};
use crate::types::ServerId;
use std::path::Path;

const BASE: &str = "dataDir=/d\n";

/// Loads `BASE` and `lines`, with `myid` and a dynamic file named `zoo.cfg.dynamic.1f` when they are given.
fn load(lines: &str, my_id: Option<&str>, dynamic: Option<&str>) -> Result<Loaded, ConfigError> {
    let text = format!("{BASE}{lines}");
    let companions = Companions {
        my_id: my_id.map(str::as_bytes),
        dynamic: dynamic.map(str::as_bytes),
        next: None,
    };
    Draft::read(text.as_bytes(), "zoo.cfg", &[])?.finish(companions)
}

fn loaded(lines: &str, my_id: Option<&str>, dynamic: Option<&str>) -> Loaded {
    load(lines, my_id, dynamic).expect("good settings")
}

/// The refusal must hold upstream's text, its place, and exit code 2.
fn refused(lines: &str, my_id: Option<&str>, dynamic: Option<&str>, cause: &str, place: &str) {
    let error = load(lines, my_id, dynamic).expect_err(lines);
    let text = error.to_string();
    assert!(text.contains(cause), "{lines:?}: {text}");
    assert!(
        text.starts_with(&format!("Error processing {place}: ")),
        "{lines:?}: {text}"
    );
    assert!(
        text.ends_with(')'),
        "{lines:?}: says what would be right: {text}"
    );
    assert_eq!(error.exit_code(), 2, "{lines:?}");
}

fn notes_at(loaded: &Loaded, level: Level) -> Vec<&str> {
    let at_level = loaded.notes.iter().filter(|note| note.level == level);
    at_level
        .map(|note| note.text.as_str())
        .filter(|text| !text.starts_with("maxCnxns is not"))
        .collect()
}

const THREE: &str = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";
const LIMITS: &str = "initLimit=10\nsyncLimit=5\n";

#[test]
fn the_simplest_file() {
    let loaded = loaded("clientPort=2181", None, None);
    assert_eq!(loaded.config.network.client_port, Some(2181));
    assert_eq!(loaded.config.storage.data_log_dir, Path::new("/d"));
    assert!(!loaded.config.is_ensemble());
    let notes = notes_at(&loaded, Level::Info);
    for line in [
        "Reading configuration from: zoo.cfg",
        "clientPortAddress is 0.0.0.0:2181",
        "secureClientPort is not set",
        "observerMasterPort is not set",
        "autopurge.snapRetainCount set to 3",
        "autopurge.purgeInterval set to 0",
        "metricsProvider.className is org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
    ] {
        assert!(notes.contains(&line), "{line} is not in {notes:?}");
    }
    assert_eq!(
        notes_at(&loaded, Level::Warn),
        ["zoo.cfg is relative. Prepend ./ to indicate that you're sure!"]
    );
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let mut lines = [
        "clientPort=2181",
        "tickTime=500",
        "snapCount=7",
        "server.1=a:1:2;2181",
        "forceSync=no",
    ];
    let forwards = loaded(&lines.join("\n"), Some("1"), None).config;
    lines.reverse();
    assert_eq!(loaded(&lines.join("\n"), Some("1"), None).config, forwards);
    lines.swap(1, 3);
    assert_eq!(loaded(&lines.join("\n"), Some("1"), None).config, forwards);
}

#[test]
fn what_must_be_there() {
    let error = Config::from_zoo_cfg(b"clientPort=2181", "zoo.cfg", &[]).expect_err("no dataDir");
    assert_eq!(
        error.to_string(),
        "Error processing zoo.cfg: dataDir is not set (add dataDir=<a directory for snapshots and logs>)"
    );
    assert!(Config::from_zoo_cfg(b"dataDir=", "zoo.cfg", &[]).is_err());
    for (lines, cause, place) in [
        (
            "tickTime=0",
            "tickTime is not set",
            "zoo.cfg: line 2: `tickTime=0`",
        ),
        (
            "tickTime=-5",
            "tickTime is not set",
            "zoo.cfg: line 2: `tickTime=-5`",
        ),
        (
            "tickTime=abc",
            "For input string: \"abc\"",
            "zoo.cfg: line 2: `tickTime=abc`",
        ),
        (
            "clientPortAddress=h",
            "clientPortAddress is set but clientPort is not set",
            "zoo.cfg: line 2: `clientPortAddress=h`",
        ),
        (
            "minSessionTimeout=70000",
            "minSessionTimeout must not be larger than maxSessionTimeout",
            "zoo.cfg",
        ),
        (
            "reconfigEnabled=yes",
            "Invalid option yes for reconfigEnabled.",
            "zoo.cfg: line 2: `reconfigEnabled=yes`",
        ),
        (
            "peerType=boss",
            "Unrecognised peertype: boss",
            "zoo.cfg: line 2: `peerType=boss`",
        ),
        (
            "autopurge.purgeInterval=1.5",
            "For input string: \"1.5\"",
            "zoo.cfg: line 2: `autopurge.purgeInterval=1.5`",
        ),
    ] {
        refused(lines, None, None, cause, place);
    }
}

#[test]
fn my_id_is_one_number_on_one_line() {
    for (text, id) in [
        ("1", 1),
        ("17\n", 17),
        ("3\r\n", 3),
        ("-4", -4),
        ("5\nsix", 5),
    ] {
        assert_eq!(
            loaded("", Some(text), None).config.my_id,
            Some(ServerId(id)),
            "{text:?}"
        );
    }
    assert_eq!(loaded("", None, None).config.my_id, None);
    for (text, cause) in [
        ("", "serverid null is not a number"),
        ("\n1", "serverid  is not a number"),
        ("one", "serverid one is not a number"),
        ("1 ", "serverid 1  is not a number"),
    ] {
        // Standalone servers check it too.
        refused("", Some(text), None, cause, "/d/myid");
    }
}

#[test]
fn one_server_line_is_a_standalone_server_that_listens_where_the_line_says() {
    let loaded = loaded(
        "server.1=localhost:2888:3888;127.0.0.1:2181",
        Some("1"),
        None,
    );
    assert!(!loaded.config.is_ensemble());
    assert_eq!(loaded.config.network.client_port, Some(2181));
    assert_eq!(
        loaded.config.network.client_port_address.as_deref(),
        Some("127.0.0.1")
    );
    assert_eq!(
        notes_at(&loaded, Level::Error),
        ["Invalid configuration, only one server specified (ignoring)"]
    );
    assert!(notes_at(&loaded, Level::Info).contains(&"clientPortAddress is 127.0.0.1:2181"));
}

#[test]
fn another_servers_line_does_not_open_a_port() {
    for my_id in [None, Some("2")] {
        let loaded = loaded("server.1=localhost:2888:3888;2181", my_id, None);
        assert_eq!(loaded.config.network.client_port, None);
        assert!(notes_at(&loaded, Level::Info).contains(&"clientPort is not set"));
    }
}

#[test]
fn two_different_client_ports_are_refused() {
    let cause = "client address for this server (id = 1) in static config file is 0.0.0.0:2182 is different from \
                 client address found in dynamic file: 0.0.0.0:2181";
    let lines = "clientPort=2182\nserver.1=localhost:2888:3888;2181";
    refused(
        lines,
        Some("1"),
        None,
        cause,
        "zoo.cfg: line 2: `clientPort=2182`",
    );
    let agreed = loaded(
        "clientPort=2181\nserver.1=localhost:2888:3888;2181",
        Some("1"),
        None,
    );
    assert_eq!(agreed.config.network.client_port, Some(2181));
}

#[test]
fn an_ensemble_is_recognised_and_checked() {
    let three = loaded(&format!("{THREE}{LIMITS}"), Some("1"), None);
    assert!(three.config.is_ensemble());
    let quorum = &three.config.quorum;
    assert_eq!((quorum.init_limit_ticks, quorum.sync_limit_ticks), (10, 5));
    let one = loaded(
        &format!("standaloneEnabled=false\nserver.1=a:1:2\n{LIMITS}"),
        Some("1"),
        None,
    );
    assert!(one.config.is_ensemble());

    refused(
        &format!("{THREE}syncLimit=5"),
        Some("1"),
        None,
        "initLimit is not set",
        "zoo.cfg",
    );
    refused(
        &format!("{THREE}initLimit=5"),
        Some("1"),
        None,
        "syncLimit is not set",
        "zoo.cfg",
    );
    refused(
        &format!("{THREE}{LIMITS}initLimit=0"),
        Some("1"),
        None,
        "initLimit is not set",
        "zoo.cfg",
    );
    refused(
        &format!("{THREE}{LIMITS}"),
        None,
        None,
        "myid file is missing",
        "zoo.cfg",
    );
}

#[test]
fn a_member_that_is_told_to_be_secret_does_not_start_without() {
    for (key, what) in [("sslQuorum", "TLS"), ("quorum.auth.enableSasl", "SASL")] {
        refused(
            &format!("{THREE}{LIMITS}{key}=true"),
            Some("1"),
            None,
            &format!("this build has no {what} between the members of an ensemble yet"),
            "zoo.cfg",
        );
        let lines = format!("{THREE}{LIMITS}{key}=false");
        assert!(loaded(&lines, Some("1"), None).config.is_ensemble());
    }
}

#[test]
fn numbers_of_servers_are_judged() {
    for (lines, cause) in [
        (
            "server.1=a:1:2:observer",
            "Observers w/o participants is an invalid configuration",
        ),
        (
            "server.1=a:1:2\nserver.2=b:1:2:observer",
            "Observers w/o quorum is an invalid configuration",
        ),
        (
            "standaloneEnabled=false",
            "standaloneEnabled = false then number of participants should be >0",
        ),
    ] {
        refused(lines, Some("1"), None, cause, "zoo.cfg");
    }
    let four = format!("{THREE}server.4=d:1:2\n{LIMITS}");
    let warned = |lines: &str, warning: &str| {
        let loaded = loaded(lines, Some("1"), None);
        assert!(
            notes_at(&loaded, Level::Warn).contains(&warning),
            "{lines}: {:?}",
            loaded.notes
        );
    };
    warned(
        &format!("server.1=a:1:2\nserver.2=b:1:2\n{LIMITS}"),
        "No server failure will be tolerated. You need at least 3 servers.",
    );
    warned(
        &four,
        "Non-optimal configuration, consider an odd number of servers.",
    );
    warned(
        "peerType=observer",
        "Peer type from servers list (PARTICIPANT) doesn't match peerType (OBSERVER). Defaulting to servers list.",
    );
    warned(
        "autopurge.snapRetainCount=2",
        "Invalid autopurge.snapRetainCount: 2. Defaulting to 3",
    );
}

const DYNAMIC: &str = "dynamicConfigFile=./zoo.cfg.dynamic.1f\n";

#[test]
fn members_may_stand_in_a_file_of_their_own() {
    let lines = format!("{DYNAMIC}{LIMITS}");
    let loaded = loaded(
        &lines,
        Some("2"),
        Some("server.1=a:1:2;3\nserver.2=b:1:2;4\nserver.3=c:1:2:observer;5"),
    );
    let membership = &loaded.config.membership;
    assert_eq!(
        (
            membership.voter_count(),
            membership.observer_count(),
            membership.version
        ),
        (2, 1, 0x1f)
    );
    assert_eq!(loaded.config.network.client_port, Some(4));

    let place = "./zoo.cfg.dynamic.1f";
    let refused = |dynamic: Option<&str>, cause: &str, place: &str| {
        refused(&lines, Some("1"), dynamic, cause, place)
    };
    refused(None, "(No such file or directory)", place);
    refused(
        Some("version=1"),
        "dynamic file shouldn't have version inside",
        &format!("{place}: line 1: `version=1`"),
    );
    refused(
        Some("\nclientPort=1"),
        "Unrecognised parameter: clientPort",
        &format!("{place}: line 2: `clientPort=1`"),
    );
    refused(
        Some("server.1=a:1"),
        "does not have the form server_config",
        &format!("{place}: line 1: `server.1=a:1`"),
    );
    refused(
        Some("server.1=a:1:2:observer"),
        "Observers w/o participants",
        place,
    );
}

#[test]
fn members_stand_in_one_place() {
    for key in ["server.1=a:1:2", "group.1=1", "weight.1=1"] {
        let name = key.split('=').next().expect("a key");
        let cause = format!("parameter: {name} must be in a separate dynamic config file");
        refused(
            &format!("{DYNAMIC}{key}"),
            None,
            Some(""),
            &cause,
            &format!("zoo.cfg: line 3: `{key}`"),
        );
    }
}

#[test]
fn relative_directories_are_remarked_on() {
    let loaded = Draft::read(b"dataDir=d\ndataLogDir=./l", "./zoo.cfg", &[])
        .and_then(|draft| draft.finish(Companions::default()));
    let loaded = loaded.expect("good settings");
    assert_eq!(
        notes_at(&loaded, Level::Warn),
        ["d is relative. Prepend ./ to indicate that you're sure!"]
    );
    assert_eq!(loaded.config.storage.data_log_dir, Path::new("./l"));
}

#[test]
fn a_membership_that_was_not_committed_yet_is_read_too() {
    let next = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=20";
    let load = |lines: &str, next: &str| {
        let text = format!("{BASE}{DYNAMIC}{LIMITS}{lines}");
        let draft = Draft::read(text.as_bytes(), "zoo.cfg", &[]).expect("good settings");
        let file = draft.next_config_file();
        assert_eq!(file.as_deref(), Some("zoo.cfg.dynamic.next"));
        draft.finish(Companions {
            my_id: Some(b"1"),
            dynamic: Some(b"server.1=a:1:2\nserver.2=b:1:2"),
            next: Some(next.as_bytes()),
        })
    };
    let last_seen = |lines: &str| load(lines, next).expect("good files").config.last_seen;
    let seen = last_seen("reconfigEnabled=true\n").expect("the file is there");
    assert_eq!((seen.voter_count(), seen.version), (3, 0x20));
    assert_eq!(last_seen(""), None);
    let error = load("", "server.x=a:1:2")
        .expect_err("not a number")
        .to_string();
    assert!(
        error.contains("zoo.cfg.dynamic.next: line 1: `server.x="),
        "{error}"
    );
    let draft = Draft::read(BASE.as_bytes(), "zoo.cfg", &[]).expect("good settings");
    assert_eq!(draft.next_config_file(), None);
}

//! Tests of values that are replaced, clamped or refused, one row per rule of upstream. Defaults and plain values are
//! held by `agreement`.

use crate::config::{
    Config, ConfigError, DigestAlgorithm, Level, Loaded, Note, SessionWeights, SnapshotCompression,
};

fn load(lines: &str) -> Result<Loaded, ConfigError> {
    Config::from_zoo_cfg(format!("dataDir=/d\n{lines}").as_bytes(), "./zoo.cfg", &[])
}

fn config(lines: &str) -> Config {
    load(lines).expect(lines).config
}

fn with_flag(name: &str, value: &str) -> Result<Config, ConfigError> {
    let flags = [(name.to_owned(), value.to_owned())];
    Config::from_zoo_cfg(b"dataDir=/d", "./zoo.cfg", &flags).map(|loaded| loaded.config)
}

/// The line must leave a warning with this text, which names its place.
fn warned(line: &str, text: &str) {
    let notes = load(line).expect(line).notes;
    let place = format!("./zoo.cfg line 2: `{line}`");
    let own = notes
        .iter()
        .filter(|note| note.text.starts_with(&place) && note.text.contains(text));
    let levels: Vec<Level> = own.map(|note| note.level).collect();
    assert_eq!(levels, [Level::Warn], "{notes:?}");
}

/// A late refusal: upstream's text, exit code 1.
fn refused(lines: &str, cause: &str) {
    let error = load(lines).expect_err(lines);
    assert!(error.to_string().contains(cause), "{lines:?}: {error}");
    assert_eq!(error.exit_code(), 1, "{lines:?}");
}

#[test]
fn storage() {
    assert_eq!(config("snapCount=1").storage.snap_count, 2);
    warned("snapCount=1", "the least value is 2");
    assert_eq!(config("snapCount=0x10").storage.snap_count, 16);
    assert_eq!(config("snapCount=abc").storage.snap_count, 100_000);
    warned(
        "snapCount=abc",
        "is not a whole number of 32 bits; the default is used",
    );
    for off in ["0", "-1"] {
        assert_eq!(
            config(&format!("snapSizeLimitInKb={off}"))
                .storage
                .snap_size_limit_kb,
            None
        );
        assert_eq!(
            config(&format!("txnLogSizeLimitInKb={off}"))
                .storage
                .txn_log_size_limit_kb,
            None
        );
        assert_eq!(
            config(&format!("preAllocSize={off}"))
                .storage
                .pre_alloc_size_kb,
            0
        );
        assert_eq!(
            config(&format!("autopurge.purgeInterval={off}"))
                .storage
                .purge
                .interval_hours,
            None
        );
    }
}

#[test]
fn storage_words_and_other_notations() {
    assert_eq!(
        config("preAllocSize=0x10").storage.pre_alloc_size_kb,
        65_536
    );
    assert_eq!(
        config("fsync.warningthresholdms=-5")
            .storage
            .fsync_warning_threshold_ms,
        0
    );
    assert_eq!(
        config("snapshot.compression.method=GZ")
            .storage
            .snapshot_compression,
        SnapshotCompression::Gzip
    );
    assert_eq!(
        config("snapshot.compression.method=zip")
            .storage
            .snapshot_compression,
        SnapshotCompression::None
    );
    warned(
        "snapshot.compression.method=zip",
        "the methods are gz and snappy",
    );
    assert!(config("forceSync=false").storage.force_sync);
    warned("forceSync=false", "only the exact word `no`");
    assert_eq!(
        config("autopurge.snapRetainCount=2")
            .storage
            .purge
            .snap_retain_count,
        3
    );
}

#[test]
fn the_old_name_of_the_flush_warning_counts_when_the_new_one_is_unset() {
    let old = ("fsync.warningthresholdms".to_owned(), "7".to_owned());
    let new = (
        "zookeeper.fsync.warningthresholdms".to_owned(),
        "8".to_owned(),
    );
    for (flags, want) in [
        (vec![old.clone()], 7),
        (vec![new.clone(), old], 8),
        (vec![new], 8),
    ] {
        let loaded = Config::from_zoo_cfg(b"dataDir=/d", "./zoo.cfg", &flags).expect("good flags");
        assert_eq!(
            loaded.config.storage.fsync_warning_threshold_ms, want,
            "{flags:?}"
        );
    }
}

#[test]
fn timing() {
    let timing = config("tickTime=500").timing;
    assert_eq!(
        (timing.min_session_timeout_ms, timing.max_session_timeout_ms),
        (1000, 10_000)
    );
    let timing = config("tickTime=500\nminSessionTimeout=-1\nmaxSessionTimeout=1000").timing;
    assert_eq!(
        (timing.min_session_timeout_ms, timing.max_session_timeout_ms),
        (1000, 1000)
    );
    assert_eq!(
        config("tickTime=2000000000").timing.max_session_timeout_ms,
        i32::MAX,
        "no wrapping round"
    );
}

#[test]
fn network() {
    assert_eq!(config("maxCnxns=-1").network.max_cnxns, None);
    warned("maxCnxns=-1", "the least value is 0");
    assert_eq!(
        config("nio.sessionlessCnxnTimeout=0")
            .network
            .sessionless_timeout_ms,
        10_000
    );
    warned(
        "nio.sessionlessCnxnTimeout=0",
        "a timeout must be positive; 10000 is used",
    );
    let of = |value| {
        with_flag("jute.maxbuffer", value)
            .expect("a forgiving reader")
            .network
    };
    assert_eq!(
        (
            of("5").jute_max_buffer_bytes,
            of("5").jute_max_buffer_extra_bytes
        ),
        (5, 1024)
    );
    assert_eq!(
        (
            of("4096").jute_max_buffer_bytes,
            of("4096").jute_max_buffer_extra_bytes
        ),
        (4096, 4096)
    );
    assert_eq!(of("-1").jute_max_buffer_bytes, 0);
    assert_eq!(of("much").jute_max_buffer_bytes, 0xf_ffff);
}

#[test]
fn the_connection_throttle() {
    let throttle = |lines: &str| config(lines).network.connection_throttle;
    assert_eq!(throttle("").weights, None);
    let on = "connection_throttle_weight_enabled=true\nconnection_throttle_tokens=10\nconnection_throttle_fill_count=2\n";
    let weighted = throttle(on);
    assert_eq!(
        weighted.weights,
        Some(SessionWeights {
            global: 3,
            renew: 2,
            local: 1
        })
    );
    assert_eq!((weighted.tokens, weighted.fill_count), (30, 6));
    // No kind of session is cheaper than a local one.
    let heavy = throttle(&format!("{on}connection_throttle_local_session_weight=5"));
    assert_eq!(
        heavy.weights,
        Some(SessionWeights {
            global: 5,
            renew: 5,
            local: 5
        })
    );
    assert_eq!(heavy.tokens, 50);
    assert_eq!(throttle("connection_throttle_fill_time=0").fill_time_ms, 1);
    warned("connection_throttle_tokens=-1", "the least value is 0");
    for key in ["drop_increase", "drop_decrease", "decrease_ratio"] {
        refused(
            &format!("connection_throttle_{key}=some"),
            "For input string: \"some\"",
        );
        refused(
            &format!("connection_throttle_{key}=NaN"),
            "For input string: \"NaN\"",
        );
    }
}

#[test]
fn the_pipeline() {
    assert_eq!(
        config("flushDelay=30")
            .pipeline
            .max_write_queue_poll_time_ms,
        10
    );
    assert_eq!(
        config("flushDelay=30\nmaxWriteQueuePollTime=1")
            .pipeline
            .max_write_queue_poll_time_ms,
        1
    );
    assert_eq!(config("flushDelay=-30").pipeline.flush_delay_ms, 0);
    assert_eq!(config("maxBatchSize=0").pipeline.max_batch_size, None);
    assert_eq!(
        config("request_throttle_max_requests=-1")
            .pipeline
            .throttle
            .max_requests,
        None
    );
    warned("globalOutstandingLimit=-1", "the least value is 0");
    let large = |lines: &str| config(lines).pipeline.large_requests;
    assert_eq!(large("largeRequestMaxBytes=0").max_bytes, 104_857_600);
    warned("largeRequestMaxBytes=0", "104857600 is used");
    for off in ["0", "-2"] {
        assert_eq!(
            large(&format!("largeRequestThreshold={off}")).threshold_bytes,
            None
        );
        warned(&format!("largeRequestThreshold={off}"), "-1 is used");
    }
    assert_eq!(
        large("largeRequestThreshold=100").threshold_bytes,
        Some(100)
    );
}

#[test]
fn containers() {
    let of = |name: &str, value| with_flag(&format!("znode.container.{name}"), value);
    let containers = |name, value| of(name, value).expect("a good value").nodes.containers;
    assert_eq!(containers("maxPerMinute", "0").max_per_minute, 0);
    assert_eq!(
        containers("maxNeverUsedIntervalMs", "-1").max_never_used_interval_ms,
        None
    );
    assert_eq!(
        containers("maxNeverUsedIntervalMs", "5").max_never_used_interval_ms,
        Some(5)
    );
    for (name, value) in [
        ("checkIntervalMs", "0"),
        ("checkIntervalMs", "-5"),
        ("maxPerMinute", "-1"),
    ] {
        let error = of(name, value).expect_err(name);
        assert_eq!(error.exit_code(), 1);
        assert!(
            error
                .to_string()
                .starts_with(&format!("`-Dznode.container.{name}={value}`: ")),
            "{error}"
        );
    }
}

#[test]
fn digests() {
    for (name, algorithm) in [
        ("SHA", DigestAlgorithm::Sha1),
        ("sha-1", DigestAlgorithm::Sha1),
        ("SHA1", DigestAlgorithm::Sha1),
        ("sha-256", DigestAlgorithm::Sha256),
        ("SHA-512", DigestAlgorithm::Sha512),
        ("SHA3-256", DigestAlgorithm::Sha3_256),
    ] {
        let auth = config(&format!("DigestAuthenticationProvider.digestAlg={name}")).auth;
        assert_eq!(auth.digest_algorithm, algorithm, "{name}");
    }
    refused(
        "DigestAuthenticationProvider.digestAlg=ROT13",
        "don't support this ACL digest algorithm: ROT13",
    );
    let loaded =
        load("DigestAuthenticationProvider.superDigest=admin:x").expect("any name will do");
    let auth = loaded.config.auth;
    assert_eq!(auth.super_digest.as_deref(), Some("admin:x"));
    let warned = |note: &Note| note.text.contains("superDigest");
    assert!(!loaded.notes.iter().any(warned), "{:?}", loaded.notes);
}

#[test]
fn enforced_authentication_never_lets_anyone_in_by_mistake() {
    let schemes = |lines: &str| config(lines).auth.enforced_schemes;
    assert_eq!(
        schemes("enforce.auth.enabled=true\nenforce.auth.schemes= digest , ip "),
        ["digest", "ip"]
    );
    assert_eq!(schemes("enforce.auth.schemes=digest"), Vec::<String>::new());
    refused(
        "enforce.auth.enabled=true",
        "enforce.auth.enabled is true zookeeper.enforce.auth.schemes must be  configured.",
    );
    let on = "enforce.auth.enabled=true\nenforce.auth.schemes=";
    refused(on, "Authentication scheme  is not available.");
    refused(
        &format!("{on}digest,sasl"),
        "Authentication scheme sasl is not available.",
    );
    refused(
        &format!("DigestAuthenticationProvider.enabled=false\n{on}digest"),
        "Authentication scheme digest is not available.",
    );
    refused(
        "sessionRequireClientSASLAuth=true",
        "Authentication scheme sasl is not available.",
    );
    assert!(!config("skipACL=true").auth.skip_acl);
    warned("skipACL=true", "only the exact word `yes`");
}

#[test]
fn four_letter_words() {
    let allowed = |lines: &str| {
        let words = config(lines).words;
        ["srvr", "ruok", "stat", "isro"].map(|word| words.allows(word))
    };
    assert_eq!(allowed(""), [true, false, false, false]);
    assert_eq!(
        allowed("4lw.commands.whitelist= ruok ,,nope"),
        [true, true, false, false]
    );
    assert_eq!(allowed("4lw.commands.whitelist=ruok, *"), [true; 4]);
    assert_eq!(
        allowed("readonlymode.enabled=true"),
        [true, false, false, false],
        "a line is no property"
    );
    let by_flag = |value| {
        with_flag("readonlymode.enabled", value)
            .expect("any text will do")
            .words
            .allows("isro")
    };
    assert!(by_flag("true"));
    assert!(!by_flag("TRUE"), "the word needs the exact text");
}

#[test]
fn the_positional_form() {
    let run = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .collect();
        Config::positional(
            &arguments,
            &[("zookeeper.snapCount".to_owned(), "9".to_owned())],
        )
        .map(|loaded| loaded.config)
    };
    let short = run(&["2181", "/data"]).expect("two arguments");
    assert_eq!(short.network.client_port, Some(2181));
    assert_eq!(short.storage.data_dir.to_str(), Some("/data"));
    assert_eq!(
        (short.timing.tick_time_ms, short.network.max_client_cnxns),
        (3000, 0)
    );
    assert_eq!(short.storage.snap_count, 9, "properties count here too");
    let long = run(&["0", "/data", "500", "7"]).expect("four arguments");
    assert_eq!(
        (long.timing.tick_time_ms, long.network.max_client_cnxns),
        (500, 7)
    );
    for (arguments, text) in [
        (
            [].as_slice(),
            "Invalid number of arguments:[] (Usage: ZooKeeperServerMain configfile | port datadir",
        ),
        (
            &["a", "b", "c", "d", "e"],
            "Invalid number of arguments:[a, b, c, d, e]",
        ),
        (
            &["port", "/data"],
            "clientPort `port`: For input string: \"port\"",
        ),
        (&["2181", "/data", "0"], "tickTime is not set"),
        (
            &["2181", "/data", "1", "x"],
            "maxClientCnxns `x`: For input string: \"x\"",
        ),
    ] {
        let error = run(arguments).expect_err("bad arguments");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn without_settings_a_server_has_the_usual_port_and_every_default() {
    let built_in = Config::embedded_default("/d", &[]).expect("it is built in");
    let mut same = config("clientPort=2181");
    same.file.clone_from(&built_in.config.file);
    assert_eq!(built_in.config, same);
    let first = built_in.notes.first().map(|note| note.text.as_str());
    assert_eq!(
        first,
        Some("No settings file: client port 2181, data in /d, every other setting at its default")
    );
}

#[test]
fn remarks_point_at_what_works() {
    let remark = |line: &str, flags: &[(&str, &str)]| {
        let flags: Vec<_> = flags
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let text = format!("dataDir=/d\n{line}");
        let notes = Config::from_zoo_cfg(text.as_bytes(), "./zoo.cfg", &flags)
            .expect("only a remark")
            .notes;
        let about =
            |note: &&Note| note.text.contains("has no effect") || note.text.contains("unknown");
        notes
            .iter()
            .find(about)
            .map(|note| (note.level, note.text.clone()))
            .expect("a remark")
    };
    assert_eq!(
        remark("sslQuorum=true", &[]),
        (
            Level::Warn,
            "./zoo.cfg line 2: `sslQuorum=true` has no effect: this build has no quorum TLS yet"
                .to_owned()
        )
    );
    assert_eq!(
        remark("requestThrottleLimit=5", &[]).1,
        "./zoo.cfg line 2: `requestThrottleLimit=5` has no effect: the key that works is `request_throttle_max_requests`"
    );
    assert_eq!(
        remark("jute.maxbuffer=5", &[]).1,
        "./zoo.cfg line 2: `jute.maxbuffer=5` has no effect: it works as -Djute.maxbuffer=... only"
    );
    assert_eq!(
        remark("zookeeper.snapCount=5", &[]).1,
        "./zoo.cfg line 2: `zookeeper.snapCount=5` has no effect: the key that works is `snapCount`"
    );
    assert_eq!(remark("my.key=5", &[]).0, Level::Debug);
    assert_eq!(
        remark("", &[("zookeeper.tickTime", "5")]).1,
        "`-Dzookeeper.tickTime=5` has no effect: only the settings file can set `tickTime`"
    );
    assert_eq!(
        remark("", &[("snapCount", "5")]).1,
        "`-DsnapCount=5` has no effect: write -Dzookeeper.snapCount=..."
    );
    assert_eq!(remark("", &[("my.key", "5")]).0, Level::Debug);
}

//! How the members of an ensemble deal with each other: time limits, elections, synchronisation, sockets. Who
//! they are stands in [`Membership`](crate::config::Membership).

use std::path::PathBuf;

use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::system::Reader;
use crate::config::zoo_cfg::FileKeys;

/// The settings of a member. A standalone server has them, too, and uses none.
#[derive(Debug, Clone, PartialEq)]
pub struct Quorum {
    /// `initLimit`, ticks: how long a learner may take to connect and synchronise. 0 when not set; a member
    /// has at least 1.
    pub init_limit_ticks: u32,
    /// `syncLimit`, ticks: how far a learner may lag behind. 0 when not set; a member has at least 1.
    pub sync_limit_ticks: u32,
    /// `connectToLearnerMasterLimit`, ticks: how long a learner may take to connect; `None`: `initLimit`.
    pub connect_limit_ticks: Option<u32>,
    /// `quorumListenOnAllIPs`.
    pub listen_on_all_ips: bool,
    /// `cnxTimeout`: how long a dial to another election port may take.
    pub election_connect_ms: u32,
    /// `quorumCnxnTimeoutMs`: how long a caller at the election port may take to say who it is; `None`: `syncLimit`.
    pub election_hello_ms: Option<u32>,
    /// `electionPortBindRetry`: tries to bind the election port; `None`: for ever.
    pub election_bind_tries: Option<u32>,
    /// `fastleader.minNotificationInterval`: the first wait for votes.
    pub notification_min_ms: u32,
    /// `fastleader.maxNotificationInterval`: the longest wait for votes.
    pub notification_max_ms: u32,
    /// `leaderConnectDelayDuringRetryMs`: between two tries to connect to the leader.
    pub leader_connect_delay_ms: u32,
    /// `observer.election.DelayMs`: the longest an observer waits before it looks for a leader again.
    pub observer_election_delay_ms: u32,
    /// `observer.reconnectDelayMs`: the longest an observer waits before it calls a leader; or, when followers serve
    /// observers, before it calls them all once more.
    pub observer_reconnect_delay_ms: u32,
    /// `observerMasterPort`: where followers serve observers; `None`: leaders do, at the quorum port.
    pub observer_master_port: Option<u16>,
    /// `leader.maxTimeToWaitForEpoch`: a leader that waits longer for learners gives up when one of its voters looks
    /// for another leader; `None`: it waits on.
    pub epoch_wait_ms: Option<u32>,
    /// `multiAddress.enabled`, by key or by property: all own election addresses are announced. Whether a server may
    /// have several is for the property alone to say.
    pub announces_all_addresses: bool,
    /// `multiAddress.reachabilityCheckTimeoutMs`, if there are such checks: how long the address of a server that has
    /// several may take to answer before the connection to it is given up.
    pub reachability_ms: Option<u32>,
    /// `tcpKeepAlive`: `SO_KEEPALIVE` on election sockets.
    pub tcp_keep_alive: bool,
    /// `follower.nodelay`: `TCP_NODELAY` on the learner's end of the quorum port.
    pub learner_no_delay: bool,
    /// `leader.nodelay`: `TCP_NODELAY` on the leader's end of the quorum port.
    pub leader_no_delay: bool,
    /// `oraclePath`: the file that says whether this server, of two that vote, may go on alone.
    pub oracle_path: Option<PathBuf>,
    /// `leaderServes`: a leader serves clients.
    pub leader_serves: bool,
    /// `readonlymode.enabled`: a member that finds no leader lets clients read.
    pub read_only_mode: bool,
    /// `commitLogCount`: transactions kept in memory for learners that were away for a moment.
    pub commit_log_count: u32,
    /// `snapshotSizeFactor`: a learner gets transactions from the log on disk as long as that is smaller than
    /// this part of a snapshot; `None`: never from the log on disk.
    pub snapshot_size_factor: Option<f64>,
    /// `forceSnapshotSync`: learners always get a snapshot.
    pub force_snapshot_sync: bool,
    /// `leader.maxConcurrentSnapSyncs`: snapshots sent at once before observers are turned away.
    pub snapshot_syncs_max: u32,
    /// `leader.maxConcurrentDiffSyncs`: the same for learners that get transactions only.
    pub diff_syncs_max: u32,
    /// `observer.syncEnabled`, else `syncEnabled`: an observer writes a log.
    pub observer_log: bool,
    /// `localSessionsEnabled`: a new session is known to its server only.
    pub local_sessions: bool,
    /// `localSessionsUpgradingEnabled`: such a session becomes known to all when it wants an ephemeral node;
    /// otherwise it gets none.
    pub local_sessions_upgrading: bool,
}

const COMMIT_LOG_COUNT_MIN: u16 = 500;
const SNAPSHOT_SIZE_FACTOR: f64 = 0.33;

impl Quorum {
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java parseProperties
    pub(crate) fn read(keys: &FileKeys, reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let ticks = |key| -> Result<u32, ConfigError> {
            Ok(u32::try_from(keys.int(key)?.unwrap_or(0)).unwrap_or(0))
        };
        let connect_limit = ticks("connectToLearnerMasterLimit")?;
        Ok(Quorum {
            init_limit_ticks: ticks("initLimit")?,
            sync_limit_ticks: ticks("syncLimit")?,
            connect_limit_ticks: (connect_limit > 0).then_some(connect_limit),
            listen_on_all_ips: keys.boolean("quorumListenOnAllIPs")?.unwrap_or(false),
            election_connect_ms: election_connect_ms(reader)?,
            election_hello_ms: reader.if_positive("quorumCnxnTimeoutMs", -1),
            election_bind_tries: election_bind_tries(reader),
            notification_min_ms: reader.at_least("fastleader.minNotificationInterval", 1, 200),
            notification_max_ms: reader.at_least("fastleader.maxNotificationInterval", 1, 60_000),
            leader_connect_delay_ms: reader.at_least("leaderConnectDelayDuringRetryMs", 0, 100),
            observer_election_delay_ms: reader.at_least("observer.election.DelayMs", 0, 200),
            observer_reconnect_delay_ms: reader.at_least("observer.reconnectDelayMs", 0, 0),
            observer_master_port: observer_master_port(keys)?,
            epoch_wait_ms: u32::try_from(reader.int("leader.maxTimeToWaitForEpoch", -1)).ok(),
            announces_all_addresses: switch(keys, reader, "multiAddress.enabled", false)?,
            reachability_ms: reachability_ms(keys, reader)?,
            tcp_keep_alive: reader.boolean("tcpKeepAlive", false),
            learner_no_delay: reader.named_switch("follower.nodelay", "true", "false", true),
            leader_no_delay: reader.named_switch("leader.nodelay", "true", "false", true),
            oracle_path: keys.text("oraclePath").map(PathBuf::from),
            leader_serves: !reader.switch("leaderServes", "no", "yes"),
            read_only_mode: reader.named_boolean("readonlymode.enabled", false),
            commit_log_count: reader.at_least("commitLogCount", COMMIT_LOG_COUNT_MIN, 500),
            snapshot_size_factor: snapshot_size_factor(reader)?,
            force_snapshot_sync: reader.boolean("forceSnapshotSync", false),
            snapshot_syncs_max: reader.at_least("leader.maxConcurrentSnapSyncs", 1, 10),
            diff_syncs_max: reader.at_least("leader.maxConcurrentDiffSyncs", 1, 100),
            observer_log: observer_log(keys, reader)?,
            local_sessions: keys.boolean("localSessionsEnabled")?.unwrap_or(false),
            local_sessions_upgrading: keys
                .boolean("localSessionsUpgradingEnabled")?
                .unwrap_or(false),
        })
    }
}

// apache 3.9.5: server/quorum/QuorumCnxManager.java constructor; not a number aborts the start there.
fn election_connect_ms(reader: &mut Reader<'_>) -> Result<u32, ConfigError> {
    let Some(text) = reader.text("cnxTimeout") else {
        return Ok(5000);
    };
    let parsed = java::parse_int(text).map_err(|cause| {
        let remedy = "give a number of milliseconds, such as 5000";
        reader.refuse("zookeeper.cnxTimeout", cause, remedy)
    })?;
    match u32::try_from(parsed) {
        Ok(ms) if ms > 0 => Ok(ms),
        _ => {
            reader.corrected("cnxTimeout", "it must be positive; 5000 is used");
            Ok(5000)
        }
    }
}

// apache 3.9.5: server/quorum/QuorumCnxManager.java Listener; 0 is for ever, less is the default.
fn election_bind_tries(reader: &mut Reader<'_>) -> Option<u32> {
    match reader.int("electionPortBindRetry", 3) {
        0 => None,
        tries => Some(u32::try_from(tries).unwrap_or(3)),
    }
}

// apache 3.9.5: server/quorum/QuorumPeerConfig.java parseProperties; what is no port fails there when it is bound.
fn observer_master_port(keys: &FileKeys) -> Result<Option<u16>, ConfigError> {
    const KEY: &str = "observerMasterPort";
    let number = keys.int(KEY)?.filter(|number| *number > 0);
    let port = number.map(u16::try_from).transpose();
    port.map_err(|_| {
        let cause = "port out of range".to_owned();
        keys.bad(KEY, cause, "give a port from 1 to 65535".to_owned())
    })
}

/// A key, or without it the property of that name.
fn switch(
    keys: &FileKeys,
    reader: &Reader<'_>,
    key: &str,
    default: bool,
) -> Result<bool, ConfigError> {
    let property = reader.text(key);
    let by_property = property.map_or(default, |word| word.eq_ignore_ascii_case("true"));
    Ok(keys.boolean(key)?.unwrap_or(by_property))
}

// apache 3.9.5: server/quorum/QuorumPeerConfig.java multiAddressReachabilityCheckEnabled
fn reachability_ms(keys: &FileKeys, reader: &Reader<'_>) -> Result<Option<u32>, ConfigError> {
    const LIMIT: &str = "multiAddress.reachabilityCheckTimeoutMs";
    let checks = switch(keys, reader, "multiAddress.reachabilityCheckEnabled", true)?;
    let limit = match (keys.int(LIMIT)?, reader.text(LIMIT)) {
        (Some(limit), _) => limit,
        (None, None) => 1000,
        (None, Some(text)) => java::parse_int(text).map_err(|cause| {
            let remedy = "give a number of milliseconds, such as 1000";
            reader.refuse(&format!("zookeeper.{LIMIT}"), cause, remedy)
        })?,
    };
    Ok(u32::try_from(limit).ok().filter(|_| checks))
}

// apache 3.9.5: server/quorum/ObserverZooKeeperServer.java constructor
fn observer_log(keys: &FileKeys, reader: &mut Reader<'_>) -> Result<bool, ConfigError> {
    let by_key = keys.boolean("syncEnabled")?.unwrap_or(true);
    Ok(reader.boolean("observer.syncEnabled", by_key))
}

// apache 3.9.5: server/ZKDatabase.java constructor
fn snapshot_size_factor(reader: &mut Reader<'_>) -> Result<Option<f64>, ConfigError> {
    let factor = reader.real("snapshotSizeFactor", SNAPSHOT_SIZE_FACTOR)?;
    if factor > 1.0 {
        reader.corrected(
            "snapshotSizeFactor",
            "more than 1 makes no sense; 0.33 is used",
        );
        return Ok(Some(SNAPSHOT_SIZE_FACTOR));
    }
    Ok((factor >= 0.0).then_some(factor))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Quorum};

    fn quorum(lines: &str) -> Quorum {
        let text = format!("dataDir=/d\n{lines}");
        let loaded = Config::from_zoo_cfg(text.as_bytes(), "./zoo.cfg", &[]);
        loaded.expect(lines).config.quorum
    }

    #[test]
    fn some_numbers_have_a_special_meaning() {
        assert_eq!(quorum("").connect_limit_ticks, None);
        assert_eq!(
            quorum("connectToLearnerMasterLimit=7").connect_limit_ticks,
            Some(7)
        );
        assert_eq!(quorum("electionPortBindRetry=0").election_bind_tries, None);
        assert_eq!(
            quorum("electionPortBindRetry=-1").election_bind_tries,
            Some(3)
        );
        assert_eq!(
            quorum("snapshotSizeFactor=-1").snapshot_size_factor,
            None,
            "never from disk"
        );
        assert_eq!(
            quorum("snapshotSizeFactor=1.5").snapshot_size_factor,
            Some(0.33)
        );
        assert_eq!(
            quorum("snapshotSizeFactor=0").snapshot_size_factor,
            Some(0.0)
        );
        assert_eq!(quorum("commitLogCount=3").commit_log_count, 500);
        assert_eq!(quorum("cnxTimeout=0").election_connect_ms, 5000);
        assert!(quorum("leaderServes=yes").leader_serves);
        assert!(quorum("leaderServes=No").leader_serves, "the exact word");
        assert!(!quorum("leaderServes=no").leader_serves);
    }

    #[test]
    fn what_is_off_unless_it_is_set() {
        let unset = quorum("");
        assert_eq!(unset.observer_master_port, None);
        assert_eq!(unset.epoch_wait_ms, None);
        assert_eq!(unset.election_hello_ms, None);
        assert_eq!(unset.observer_reconnect_delay_ms, 0);
        assert_eq!(quorum("observerMasterPort=0").observer_master_port, None);
        assert_eq!(
            quorum("observerMasterPort=2191").observer_master_port,
            Some(2191)
        );
        let zero = quorum("leader.maxTimeToWaitForEpoch=0\nquorumCnxnTimeoutMs=0");
        assert_eq!(
            (zero.epoch_wait_ms, zero.election_hello_ms),
            (Some(0), None)
        );
        let refused = Config::from_zoo_cfg(b"dataDir=/d\nobserverMasterPort=70000", "./z", &[]);
        let refused = refused.expect_err("no port").to_string();
        assert!(refused.contains("port out of range"), "{refused}");
    }

    #[test]
    fn addresses_are_checked_unless_that_is_switched_off() {
        assert_eq!(quorum("").reachability_ms, Some(1000));
        let limit = "multiAddress.reachabilityCheckTimeoutMs=70";
        assert_eq!(quorum(limit).reachability_ms, Some(70));
        let off = format!("{limit}\nmultiAddress.reachabilityCheckEnabled=false");
        assert_eq!(quorum(&off).reachability_ms, None);
        let flag = |name: &str, value: &str| {
            let flags = [(format!("zookeeper.multiAddress.{name}"), value.to_owned())];
            let loaded = Config::from_zoo_cfg(b"dataDir=/d", "./zoo.cfg", &flags);
            loaded.map(|loaded| loaded.config.quorum.reachability_ms)
        };
        assert_eq!(flag("reachabilityCheckEnabled", "no"), Ok(None));
        assert_eq!(flag("reachabilityCheckTimeoutMs", "5"), Ok(Some(5)));
        flag("reachabilityCheckTimeoutMs", "soon").expect_err("no number");
    }

    #[test]
    fn an_election_timeout_that_is_no_number_stops_the_start() {
        let refused = Config::from_zoo_cfg(b"dataDir=/d\ncnxTimeout=soon", "./zoo.cfg", &[]);
        assert_eq!(refused.expect_err("no number").exit_code(), 1);
    }
}

//! From settings to the plain values that rooms below want.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::{AuthRules, DigestAlgorithm};
use crate::config;
use crate::config::{Config, Membership, SnapshotCompression};
use crate::consensus;
use crate::net::client::Limits;
use crate::ops::Rules;
use crate::pipeline::Reaper;
use crate::pipeline::connection_throttle::ConnectionThrottle;
use crate::server::large::LargeRequests;
use crate::server::log_thread::FlushPolicy;
use crate::server::snapshot_thread::PurgePolicy;
use crate::session::local::LocalSessions;
use crate::storage::format::file_name::Compression;
use crate::storage::recover::{RECORD_BYTES_MAX_DEFAULT, RecoverOptions};
use crate::storage::txn_log::LogOptions;
use crate::types::{Millis, OwnerRules, ServerId};

fn size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn auth(auth: &config::Auth) -> AuthRules {
    let algorithm = match auth.digest_algorithm {
        config::DigestAlgorithm::Sha1 => DigestAlgorithm::Sha1,
        config::DigestAlgorithm::Sha256 => DigestAlgorithm::Sha256,
        config::DigestAlgorithm::Sha512 => DigestAlgorithm::Sha512,
        config::DigestAlgorithm::Sha3_256 => DigestAlgorithm::Sha3_256,
    };
    AuthRules {
        skip_acl: auth.skip_acl,
        digest: auth.digest_enabled.then_some(algorithm),
        super_digest: auth.super_digest.clone(),
        enforced_schemes: (!auth.enforced_schemes.is_empty())
            .then(|| auth.enforced_schemes.clone()),
    }
}

/// Which node types there are.
pub(super) fn owner_rules(config: &Config) -> OwnerRules {
    OwnerRules {
        extended_types: config.nodes.extended_types_enabled,
        emulate_353: config.nodes.emulate_353_ttl_nodes,
    }
}

/// Longest string or buffer within a request.
pub(super) fn field_bytes_max(config: &Config) -> usize {
    let network = &config.network;
    size(network.jute_max_buffer_bytes).saturating_add(size(network.jute_max_buffer_extra_bytes))
}

/// The settings of operations.
pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        auth: auth(&config.auth),
        owners: owner_rules(config),
        eager_acl_check: config.auth.eager_acl_check,
        enforce_quota: config.nodes.enforce_quota,
        reconfig_enabled: config.reconfig_enabled,
        close_session_lists_paths: config.storage.close_session_txn,
        field_bytes_max: field_bytes_max(config),
    }
}

/// The members of an ensemble share what may be outstanding.
// apache 3.9.5: server/quorum/QuorumZooKeeperServer.java getGlobalOutstandingLimit, via its subclasses
fn outstanding_divisor(config: &Config) -> usize {
    match config.membership.voter_count() {
        voters if voters > 2 && config.is_ensemble() => voters - 1,
        _ => 1,
    }
}

/// The settings of a member of an ensemble.
pub(super) fn peer(
    config: &Config,
    me: ServerId,
    membership: &Arc<Membership>,
    seed: u64,
) -> consensus::Settings {
    let quorum = &config.quorum;
    consensus::Settings {
        tick_ms: i64::from(config.timing.tick_time_ms),
        init_limit: i64::from(quorum.init_limit_ticks),
        sync_limit: i64::from(quorum.sync_limit_ticks),
        connect_limit: quorum.connect_limit_ticks.map_or(0, i64::from),
        resend_min_ms: i64::from(quorum.notification_min_ms),
        resend_max_ms: i64::from(quorum.notification_max_ms),
        observer_delay_ms: i64::from(quorum.observer_election_delay_ms),
        force_snapshot: quorum.force_snapshot_sync,
        log_sync: quorum.snapshot_size_factor.is_some(),
        backlog: size(quorum.commit_log_count),
        snapshot_syncs_max: size(quorum.snapshot_syncs_max),
        diff_syncs_max: size(quorum.diff_syncs_max),
        observer_reconnect_ms: i64::from(quorum.observer_reconnect_delay_ms),
        observer_masters: quorum.observer_master_port.is_some(),
        epoch_wait_ms: quorum.epoch_wait_ms.map(i64::from),
        observer_log: quorum.observer_log,
        reconfig: config.reconfig_enabled,
        oracle: quorum.oracle_path.is_some(),
        member_rules: config.member_rules(),
        last_seen: config
            .last_seen
            .clone()
            .map_or_else(|| Arc::clone(membership), Arc::new),
        seed,
        ..consensus::Settings::new(me, Arc::clone(membership))
    }
}

/// The settings of the client port.
pub(super) fn limits(config: &Config) -> Limits {
    Limits {
        frame_bytes_max: size(config.network.jute_max_buffer_bytes),
        field_bytes_max: field_bytes_max(config),
        session_timeout_ms_min: config.timing.min_session_timeout_ms,
        session_timeout_ms_max: config.timing.max_session_timeout_ms,
        large_frame_bytes: config
            .pipeline
            .large_requests
            .threshold_bytes
            .map_or(usize::MAX, size),
        in_process_max: size(config.pipeline.global_outstanding_limit)
            / outstanding_divisor(config),
        syncs_ask_the_leader: config.is_ensemble(),
        sessionless_ms: i64::from(config.network.sessionless_timeout_ms),
        tcp_keep_alive: config.network.client_tcp_keep_alive,
    }
}

/// What large requests may take.
pub(super) fn large_requests(config: &Config) -> LargeRequests {
    let large = &config.pipeline.large_requests;
    LargeRequests::new(large.threshold_bytes.map(size), size(large.max_bytes))
}

/// How long records on disk may be before they are taken for rot.
pub(super) fn recover_options(config: &Config) -> RecoverOptions {
    RecoverOptions {
        trust_empty: config.storage.snapshot_trust_empty,
        record_bytes_max: RECORD_BYTES_MAX_DEFAULT.max(field_bytes_max(config)),
    }
}

/// How the log is written.
pub(super) fn log_options(config: &Config) -> LogOptions {
    LogOptions {
        pre_alloc_size_kb: config.storage.pre_alloc_size_kb,
        size_limit_kb: config.storage.txn_log_size_limit_kb,
        force_sync: config.storage.force_sync,
        fsync_warning: Duration::from_millis(config.storage.fsync_warning_threshold_ms),
    }
}

/// How fast sessions are let in; `None`: nobody is held up. New ones are cheaper where only one member knows
/// them.
pub(super) fn connection_throttle(config: &Config, now: Millis) -> Option<ConnectionThrottle> {
    let are_local = config.quorum.local_sessions && config.is_ensemble();
    let throttle = ConnectionThrottle::new(&config.network.connection_throttle, now)?;
    Some(throttle.with_local_sessions(are_local))
}

/// The sessions that only this member knows, if there are to be such.
pub(super) fn local_sessions(config: &Config, me: ServerId) -> Option<LocalSessions> {
    let quorum = &config.quorum;
    let tick_ms = i32::try_from(config.timing.tick_time_ms).unwrap_or(i32::MAX);
    let can_upgrade = quorum.local_sessions_upgrading;
    quorum
        .local_sessions
        .then(|| LocalSessions::new(me, can_upgrade, tick_ms))
}

/// When the log is flushed.
pub(super) fn flush_policy(config: &Config) -> FlushPolicy {
    FlushPolicy {
        delay: Duration::from_millis(config.pipeline.flush_delay_ms),
        idle: Duration::from_millis(config.pipeline.max_write_queue_poll_time_ms),
        records_max: config.pipeline.max_batch_size,
    }
}

/// How snapshots are compressed.
pub(super) fn compression(config: &Config) -> Compression {
    match config.storage.snapshot_compression {
        SnapshotCompression::None => Compression::None,
        SnapshotCompression::Gzip => Compression::Gzip,
        SnapshotCompression::Snappy => Compression::Snappy,
    }
}

/// When old files are purged.
pub(super) fn purge_policy(config: &Config) -> Option<PurgePolicy> {
    const HOUR_SECONDS: u64 = 3600;
    let purge = &config.storage.purge;
    let hours = purge.interval_hours?;
    Some(PurgePolicy {
        retain: size(purge.snap_retain_count),
        interval: Duration::from_secs(u64::from(hours) * HOUR_SECONDS),
    })
}

/// When containers and TTL nodes go.
pub(super) fn reaper(config: &Config, now: Millis) -> Reaper {
    let containers = &config.nodes.containers;
    let never_used = containers.max_never_used_interval_ms.unwrap_or(0);
    Reaper::new(
        i64::from(containers.check_interval_ms),
        i64::from(containers.max_per_minute),
        i64::try_from(never_used).unwrap_or(i64::MAX),
        now,
    )
}

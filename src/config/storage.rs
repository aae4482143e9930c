//! Settings of the transaction log, the snapshots and their directories.

use crate::config::error::ConfigError;
use crate::config::note::Notes;
use crate::config::system::Reader;
use crate::config::zoo_cfg::FileKeys;
use std::path::{Path, PathBuf};

/// Where data lives, when it is flushed, and when it is thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// `dataDir`; snapshots are in its `version-2`.
    pub data_dir: PathBuf,
    /// `dataLogDir`; transaction logs are in its `version-2`.
    pub data_log_dir: PathBuf,
    /// `forceSync`: flush before acknowledging.
    pub force_sync: bool,
    /// `fsync.warningthresholdms`: a flush that takes longer is logged.
    pub fsync_warning_threshold_ms: u64,
    /// `preAllocSize`: step in which a log file grows; 0: as it is written.
    pub pre_alloc_size_kb: u64,
    /// `txnLogSizeLimitInKb`: size at which a new log file is begun; `None`: no limit.
    pub txn_log_size_limit_kb: Option<u64>,
    /// `snapCount`, at least 2.
    pub snap_count: u32,
    /// `snapSizeLimitInKb`; `None`: snapshots are taken by count alone.
    pub snap_size_limit_kb: Option<u64>,
    /// `snapshot.compression.method`.
    pub snapshot_compression: SnapshotCompression,
    /// `snapshot.trust.empty`: load logs without any snapshot.
    pub snapshot_trust_empty: bool,
    /// `datadir.autocreate`.
    pub datadir_autocreate: bool,
    /// `db.autocreate`.
    pub db_autocreate: bool,
    /// `digest.enabled`.
    pub digest_enabled: bool,
    /// `serializeLastProcessedZxid.enabled`.
    pub serialize_last_processed_zxid: bool,
    /// `closeSessionTxn.enabled`.
    pub close_session_txn: bool,
    /// `autopurge.*`.
    pub purge: Purge,
}

/// How new snapshots are compressed; old ones are read by the suffix of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SnapshotCompression {
    /// Not at all.
    #[default]
    None,
    /// `gz`.
    Gzip,
    /// `snappy`.
    Snappy,
}

/// What becomes of old snapshots and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge {
    /// `autopurge.snapRetainCount`, at least 3.
    pub snap_retain_count: u32,
    /// `autopurge.purgeInterval`; `None`: nothing is purged.
    pub interval_hours: Option<u32>,
}

const SNAP_RETAIN_COUNT_MIN: i32 = 3;

impl Storage {
    pub(crate) fn read(keys: &FileKeys, reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let data_dir = directory(keys, "dataDir", reader.notes).ok_or_else(|| {
            keys.whole(
                "dataDir is not set",
                "add dataDir=<a directory for snapshots and logs>",
            )
        })?;
        Ok(Self {
            data_log_dir: directory(keys, "dataLogDir", reader.notes)
                .unwrap_or_else(|| data_dir.clone()),
            data_dir,
            force_sync: !reader.switch("forceSync", "no", "yes"),
            fsync_warning_threshold_ms: fsync_warning_threshold_ms(reader),
            pre_alloc_size_kb: u64::try_from(reader.decimal("preAllocSize", 65_536)).unwrap_or(0),
            txn_log_size_limit_kb: reader.long_if_positive("txnLogSizeLimitInKb", -1),
            snap_count: reader.at_least("snapCount", 2, 100_000),
            snap_size_limit_kb: reader.long_if_positive("snapSizeLimitInKb", 4_194_304),
            snapshot_compression: SnapshotCompression::read(reader),
            snapshot_trust_empty: reader.boolean("snapshot.trust.empty", false),
            datadir_autocreate: reader.boolean("datadir.autocreate", true),
            db_autocreate: reader.boolean("db.autocreate", true),
            digest_enabled: reader.boolean("digest.enabled", true),
            serialize_last_processed_zxid: reader
                .boolean("serializeLastProcessedZxid.enabled", true),
            close_session_txn: reader.boolean("closeSessionTxn.enabled", true),
            purge: Purge::read(keys, reader.notes)?,
        })
    }
}

fn directory(keys: &FileKeys, key: &str, notes: &mut Notes) -> Option<PathBuf> {
    let path = keys.text(key).filter(|path| !path.is_empty())?;
    note_relative(path, notes);
    Some(PathBuf::from(path))
}

// apache 3.9.5: server/util/VerifyingFileFactory.java doWarnForRelativePath
pub(crate) fn note_relative(path: &str, notes: &mut Notes) {
    if Path::new(path).is_relative() && !path.starts_with("./") {
        notes.warn(format!(
            "{path} is relative. Prepend ./ to indicate that you're sure!"
        ));
    }
}

fn fsync_warning_threshold_ms(reader: &mut Reader<'_>) -> u64 {
    let threshold = reader
        .optional_long("zookeeper.fsync.warningthresholdms")
        .unwrap_or_else(|| reader.named_long("fsync.warningthresholdms", 1000));
    u64::try_from(threshold).unwrap_or(0)
}

impl SnapshotCompression {
    // apache 3.9.5: server/persistence/SnapStream.java StreamMode.fromString
    fn read(reader: &mut Reader<'_>) -> Self {
        let key = "snapshot.compression.method";
        match reader.text(key).map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => SnapshotCompression::None,
            Some("gz") => SnapshotCompression::Gzip,
            Some("snappy") => SnapshotCompression::Snappy,
            Some(_) => {
                reader.corrected(
                    key,
                    "the methods are gz and snappy; snapshots are not compressed",
                );
                SnapshotCompression::None
            }
        }
    }
}

impl Purge {
    fn read(keys: &FileKeys, notes: &mut Notes) -> Result<Self, ConfigError> {
        let mut retain = keys
            .int("autopurge.snapRetainCount")?
            .unwrap_or(SNAP_RETAIN_COUNT_MIN);
        if retain < SNAP_RETAIN_COUNT_MIN {
            notes.warn(format!(
                "Invalid autopurge.snapRetainCount: {retain}. Defaulting to {SNAP_RETAIN_COUNT_MIN}"
            ));
            retain = SNAP_RETAIN_COUNT_MIN;
        }
        let interval = keys.int("autopurge.purgeInterval")?.unwrap_or(0);
        notes.info(format!("autopurge.snapRetainCount set to {retain}"));
        notes.info(format!("autopurge.purgeInterval set to {interval}"));
        Ok(Self {
            snap_retain_count: retain.unsigned_abs(),
            interval_hours: u32::try_from(interval).ok().filter(|hours| *hours > 0),
        })
    }
}

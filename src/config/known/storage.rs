//! Pass-through keys of the log, the snapshots and the start.

use crate::config::known::Status::Honoured;
use crate::config::known::{Key, rows};

pub(super) const KEYS: &[Key] = rows! { PassThrough:
    "preAllocSize" | "65536" | "KB, decimal only" | Honoured("step in which a transaction log file grows; 0: as it is written");
    "snapCount" | "100000" | "transactions, 2 or more" | Honoured("a snapshot is taken after this many transactions, less a random part of up to half");
    "snapSizeLimitInKb" | "4194304" | "KB" | Honoured("a snapshot is taken after this much log, less a random part of up to half; 0: no such limit");
    "txnLogSizeLimitInKb" | "-1" | "KB" | Honoured("size at which a new transaction log file is begun; 0 or less: no limit");
    "fsync.warningthresholdms" | "1000" | "ms" | Honoured("a flush of the transaction log that takes longer is logged");
    "forceSync" | "yes" | "yes, no" | Honoured("no: writes are acknowledged before they are on disk, and a crash can lose them");
    "snapshot.compression.method" | "" | "empty, gz, snappy" | Honoured("how new snapshots are compressed");
    "snapshot.trust.empty" | "false" | "true, false" | Honoured("true: transaction logs without any snapshot are loaded");
    "datadir.autocreate" | "true" | "true, false" | Honoured("false: a missing `version-2` directory is an error");
    "db.autocreate" | "true" | "true, false" | Honoured("false: a server without data does not start unless the file `initialize` is there");
    "digest.enabled" | "true" | "true, false" | Honoured("keep a digest of the tree in transactions and snapshots, and compare it on load");
    "serializeLastProcessedZxid.enabled" | "true" | "true, false" | Honoured("write the last zxid into snapshots");
    "closeSessionTxn.enabled" | "true" | "true, false" | Honoured("name the deleted paths in the transaction that closes a session");
    "commitLogCount" | "500" | "transactions, 500 or more" | Honoured("transactions kept in memory for learners that were away for a moment");
    "snapshotSizeFactor" | "0.33" | "ratio" | Honoured("a learner gets transactions from the log on disk while they are smaller than this part of a snapshot; negative: never");
    "forceSnapshotSync" | "false" | "true, false" | Honoured("true: learners always get a snapshot");
};

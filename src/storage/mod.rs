//! Files: the thin layer that moves bytes and flushes. Knows when bytes are safe, not what they mean.
//!
//! ```text
//! dataDir/version-2/snapshot.<hex>      always whole: written aside, flushed, renamed
//! dataLogDir/version-2/log.<hex>        every record before the last flush is whole
//! either/version-2/.oxkeeper.lock       one process
//! dataDir/version-2/*Epoch              members of an ensemble: what they have promised
//! dataDir/version-2/.oxkeeper-rewind    the end of a history is being forgotten
//! ```
//!
//! | when | what is durable |
//! | --- | --- |
//! | [`txn_log::LogWriter::flush`] returns | every record appended before, and the name of its file |
//! | a log is begun | every older log, to its end |
//! | [`snapshots::SnapshotWriter::finish`] returns | the snapshot and its name |
//! | [`recover::read_all`] returns | no log has a torn end any more |
//! | an epoch is saved ([`epochs`]) | the epoch, under its name |
//! | [`truncate::truncate`] returns | nothing after its target, in logs and snapshots |
//! | [`snapshots::SnapshotWriter::install`] returns | the snapshot, and nothing after it |

pub mod disk;
pub mod epochs;
pub mod format;
pub mod layout;
pub mod lock;
pub mod purge;
pub mod range;
pub mod recent;
pub mod recover;
mod replay;
mod rewind;
pub mod snapshots;
mod sparse;
pub mod truncate;
pub mod txn_log;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

//! What lies on disk, as pure encode and decode. Opens no file.
//!
//! ```text
//! log.<hex>                                   snapshot.<hex>[.gz|.snappy]
//! +--------------------------------------+    +--------------------------------------------+
//! | ZKLG, version 2, dbid 0        16 B  |    | ZKSN, version 2, dbid -1             16 B  |
//! +--------------------------------------+    | count, (session id, timeout)*              |
//! | Adler-32 of the body           8 B   |    | count, (number, ACL list)*                 |
//! | body length                    4 B   |    | (path, data, ACL number, stat)*   "/"      |
//! | body: header, record, digest         |    | seal: Adler-32 of all so far, "/"    13 B  |
//! | 'B'                            1 B   |    | [zxid, digest version, digest; seal] 33 B  |
//! +--------------------------------------+    | [last processed zxid; seal]          21 B  |
//! | ... more records ... | zeros         |    +--------------------------------------------+
//! +--------------------------------------+
//! ```
//!
//! The names carry the zxid: a log's is that of its first record, a snapshot's the last one processed
//! when it was begun.

pub mod checksum;
pub mod epoch;
pub mod file_name;
pub mod rewind_plan;
pub mod scan;
#[cfg(test)]
mod seen;
pub mod snap_stream;
pub mod snappy_stream;
pub mod snapshot;
mod snapshot_body;
pub mod snapshot_encode;
pub mod txn_log;
pub mod window;

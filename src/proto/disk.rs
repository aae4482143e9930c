//! Records of the files: their header, sessions and nodes as a snapshot holds them.

use std::borrow::Cow;

use crate::proto::shared::StatPersisted;

jute::record! {
    /// The first 16 bytes of a log or a snapshot.
    pub struct FileHeader {
        /// `ZKLG` or `ZKSN`.
        pub magic: i32,
        /// Format version, 2.
        pub version: i32,
        /// 0 in logs, -1 in snapshots; never looked at.
        pub dbid: i64,
    }
}

jute::record! {
    /// A session in a snapshot.
    pub struct SessionRecord {
        /// Session id.
        pub id: i64,
        /// Timeout negotiated at creation, ms.
        pub timeout_ms: i32,
    }
}

jute::record! {
    /// A node in a snapshot.
    pub struct NodeRecord<'a> {
        /// Full path; empty for the root, `/` ends the list.
        pub path: Cow<'a, str>,
        /// Payload; null stays null.
        pub data: Option<&'a [u8]>,
        /// Number of its ACL list within the file; -1 is world:anyone with all permissions.
        pub acl: i64,
        /// Metadata.
        pub stat: StatPersisted,
    }
}

jute::record! {
    /// The digest section of a snapshot.
    pub struct DigestSection {
        /// The zxid that the digest belongs to.
        pub zxid: i64,
        /// Version of the algorithm, 2.
        pub version: i32,
        /// The tree's digest.
        pub digest: i64,
    }
}

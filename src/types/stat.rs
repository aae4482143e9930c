//! A node's metadata: as clients see it, and as it is kept.

/// What clients see (`Stat`). Times in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Zxid of the creation.
    pub czxid: i64,
    /// Zxid of the last change of the data.
    pub mzxid: i64,
    /// Time of the creation.
    pub ctime: i64,
    /// Time of the last change of the data.
    pub mtime: i64,
    /// How often the data was set; wraps at 32 bits.
    pub version: i32,
    /// How often a child came or went.
    pub cversion: i32,
    /// How often the ACL was set.
    pub aversion: i32,
    /// The owning session of an ephemeral node, else 0.
    pub ephemeral_owner: i64,
    /// Bytes of data; 0 for null.
    pub data_length: i32,
    /// Children now.
    pub num_children: i32,
    /// Zxid of the last coming or going of a child.
    pub pzxid: i64,
}

/// What is kept with a node and on disk (`StatPersisted`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeStat {
    /// Zxid of the creation.
    pub czxid: i64,
    /// Zxid of the last change of the data.
    pub mzxid: i64,
    /// Time of the creation.
    pub ctime: i64,
    /// Time of the last change of the data.
    pub mtime: i64,
    /// How often the data was set.
    pub version: i32,
    /// Children ever created: the counter behind sequential names. **Not** what clients see.
    pub cversion: i32,
    /// How often the ACL was set.
    pub aversion: i32,
    /// The 64 bits that [`OwnerRules`](crate::types::OwnerRules) reads.
    pub ephemeral_owner: i64,
    /// Zxid of the last coming or going of a child.
    pub pzxid: i64,
}

impl NodeStat {
    /// The client's view. `owner_shown` is [`Owner::shown`](crate::types::Owner::shown).
    pub fn to_client(self, data_length: usize, num_children: usize, owner_shown: i64) -> Stat {
        let clamp = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let num_children = clamp(num_children);
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            // Creations plus deletions: each child created and gone counts twice.
            // apache 3.9.5: server/DataNode.java copyStat
            cversion: self.cversion.wrapping_mul(2).wrapping_sub(num_children),
            aversion: self.aversion,
            ephemeral_owner: owner_shown,
            data_length: clamp(data_length),
            num_children,
            pzxid: self.pzxid,
        }
    }
}

//! Records that others contain, and their translation to and from the words of `types`.

use std::borrow::Cow;

use jute::Text;

use crate::types;

jute::record! {
    /// An identity, or the holder of an ACL entry.
    pub struct Id<'a> {
        /// Authentication scheme.
        pub scheme: Text<'a>,
        /// Name within the scheme.
        pub id: Text<'a>,
    }
}

jute::record! {
    /// An ACL entry.
    pub struct Acl<'a> {
        /// Permission bits.
        pub perms: i32,
        /// The holder.
        pub id: Id<'a>,
    }
}

jute::record! {
    /// A node's metadata as clients see it; 68 bytes.
    pub struct Stat {
        /// Zxid of the creation.
        pub czxid: i64,
        /// Zxid of the last data change.
        pub mzxid: i64,
        /// Creation time, ms.
        pub ctime: i64,
        /// Last data change, ms.
        pub mtime: i64,
        /// Data version.
        pub version: i32,
        /// Children version.
        pub cversion: i32,
        /// ACL version.
        pub aversion: i32,
        /// Owning session, or 0.
        pub ephemeral_owner: i64,
        /// Data length in bytes.
        pub data_length: i32,
        /// Children.
        pub num_children: i32,
        /// Zxid of the last change of the children.
        pub pzxid: i64,
    }
}

jute::record! {
    /// A node's metadata on disk; 60 bytes.
    pub struct StatPersisted {
        /// Zxid of the creation.
        pub czxid: i64,
        /// Zxid of the last data change.
        pub mzxid: i64,
        /// Creation time, ms.
        pub ctime: i64,
        /// Last data change, ms.
        pub mtime: i64,
        /// Data version.
        pub version: i32,
        /// Children ever created.
        pub cversion: i32,
        /// ACL version.
        pub aversion: i32,
        /// Owner bits.
        pub ephemeral_owner: i64,
        /// Zxid of the last change of the children.
        pub pzxid: i64,
    }
}

/// A list of entries as records that borrow from it.
pub fn acl_records(list: &[types::Acl]) -> Vec<Acl<'_>> {
    list.iter().map(acl_record).collect()
}

fn acl_record(acl: &types::Acl) -> Acl<'_> {
    let text = |text| Some(Cow::Borrowed(text));
    Acl {
        perms: acl.perms.0,
        id: Id {
            scheme: text(acl.id.scheme.as_str()),
            id: text(acl.id.id.as_str()),
        },
    }
}

/// Entries as words. Null texts, which no valid list contains, become empty.
pub fn acl_words(list: &[Acl<'_>]) -> Vec<types::Acl> {
    let text = |text: &Text<'_>| text.as_deref().unwrap_or_default().to_owned();
    list.iter()
        .map(|acl| {
            types::Acl::new(
                types::Perms(acl.perms),
                text(&acl.id.scheme),
                text(&acl.id.id),
            )
        })
        .collect()
}

impl From<types::Stat> for Stat {
    fn from(stat: types::Stat) -> Self {
        Stat {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeral_owner: stat.ephemeral_owner,
            data_length: stat.data_length,
            num_children: stat.num_children,
            pzxid: stat.pzxid,
        }
    }
}

impl From<types::NodeStat> for StatPersisted {
    fn from(stat: types::NodeStat) -> Self {
        StatPersisted {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeral_owner: stat.ephemeral_owner,
            pzxid: stat.pzxid,
        }
    }
}

impl From<StatPersisted> for types::NodeStat {
    fn from(stat: StatPersisted) -> Self {
        types::NodeStat {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            ctime: stat.ctime,
            mtime: stat.mtime,
            version: stat.version,
            cversion: stat.cversion,
            aversion: stat.aversion,
            ephemeral_owner: stat.ephemeral_owner,
            pzxid: stat.pzxid,
        }
    }
}

/// A list of entries as records of their own.
pub fn acl_records_owned<'a>(list: &[types::Acl]) -> Vec<Acl<'a>> {
    let text = |text: &String| Some(Cow::Owned(text.clone()));
    list.iter()
        .map(|acl| Acl {
            perms: acl.perms.0,
            id: Id {
                scheme: text(&acl.id.scheme),
                id: text(&acl.id.id),
            },
        })
        .collect()
}

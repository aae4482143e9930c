//! Access rules as words: permission bits, identities, entries. Judging them is `auth`'s business.

/// Permission bits of an ACL entry. Unknown bits are kept: Apache stores and returns them unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Perms(pub i32);

impl Perms {
    /// Read a node's data, children and ACL; receive its events.
    pub const READ: Perms = Perms(1);
    /// Set a node's data.
    pub const WRITE: Perms = Perms(2);
    /// Create children.
    pub const CREATE: Perms = Perms(4);
    /// Delete children.
    pub const DELETE: Perms = Perms(8);
    /// Set the ACL.
    pub const ADMIN: Perms = Perms(16);
    /// All five.
    pub const ALL: Perms = Perms(31);

    /// Whether at least one bit is in both: what Apache's check asks for.
    pub fn shares(self, wanted: Perms) -> bool {
        self.0 & wanted.0 != 0
    }

    /// The bits of both.
    #[must_use]
    pub const fn or(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }
}

/// Who someone is within a scheme (`digest`, `ip`, ...): an identity of a connection, or the holder an
/// ACL entry names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Authentication scheme.
    pub scheme: String,
    /// Name within the scheme.
    pub id: String,
}

impl Id {
    /// An identity from its two parts.
    pub fn new(scheme: impl Into<String>, id: impl Into<String>) -> Self {
        Id {
            scheme: scheme.into(),
            id: id.into(),
        }
    }
}

/// One entry of a node's access list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acl {
    /// What the holder may do.
    pub perms: Perms,
    /// Who holds the entry.
    pub id: Id,
}

impl Acl {
    /// An entry from its parts.
    pub fn new(perms: Perms, scheme: impl Into<String>, id: impl Into<String>) -> Self {
        Acl {
            perms,
            id: Id::new(scheme, id),
        }
    }
}

/// Everyone may do everything (`OPEN_ACL_UNSAFE`).
pub fn open_acl() -> Vec<Acl> {
    vec![Acl::new(Perms::ALL, "world", "anyone")]
}

/// Everyone may read (`READ_ACL_UNSAFE`).
pub fn read_acl() -> Vec<Acl> {
    vec![Acl::new(Perms::READ, "world", "anyone")]
}

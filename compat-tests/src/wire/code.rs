//! Error numbers as they stand in a reply header, under the names of Apache's `KeeperException.Code`.

/// The request was carried out.
pub const OK: i32 = 0;
/// Fills the places after the failing operation of a multi.
pub const RUNTIME_INCONSISTENCY: i32 = -2;
/// The body of the request could not be decoded or served.
pub const MARSHALLING: i32 = -5;
/// Unknown operation, or one that is switched off.
pub const UNIMPLEMENTED: i32 = -6;
/// Illegal path, flags or lifetime.
pub const BAD_ARGUMENTS: i32 = -8;
/// The node, or its parent, is not there.
pub const NO_NODE: i32 = -101;
/// No permission.
pub const NO_AUTH: i32 = -102;
/// The expected version is not the node's.
pub const BAD_VERSION: i32 = -103;
/// The parent is ephemeral.
pub const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
/// The node is there already.
pub const NODE_EXISTS: i32 = -110;
/// The node has children.
pub const NOT_EMPTY: i32 = -111;
/// The ACL list is empty, or holds an entry no provider accepts.
pub const INVALID_ACL: i32 = -114;
/// The proof of identity was refused.
pub const AUTH_FAILED: i32 = -115;
/// No such watch.
pub const NO_WATCHER: i32 = -121;
/// Reconfiguration is switched off.
pub const RECONFIG_DISABLED: i32 = -123;
/// The server wants an identity first; the connection ends.
pub const SESSION_CLOSED_REQUIRE_AUTH: i32 = -124;
/// A hard quota would be exceeded.
pub const QUOTA_EXCEEDED: i32 = -125;
/// The request waited too long and was not carried out.
pub const THROTTLED: i32 = -127;

//! The error numbers that clients see (`KeeperException.Code`), and only those a server sends.

/// A result code of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum ErrorCode {
    /// Success.
    Ok = 0,
    /// A sub-operation of a multi that was not tried.
    RuntimeInconsistency = -2,
    /// The request could not be decoded or served.
    MarshallingError = -5,
    /// The operation is unknown here.
    Unimplemented = -6,
    /// An argument is out of range.
    BadArguments = -8,
    /// The session is not known.
    UnknownSession = -12,
    /// No quorum of the new configuration is connected.
    NewConfigNoQuorum = -13,
    /// Another reconfiguration is running.
    ReconfigInProgress = -14,
    /// The node does not exist.
    NoNode = -101,
    /// No permission.
    NoAuth = -102,
    /// The version is not the expected one.
    BadVersion = -103,
    /// Ephemeral nodes have no children.
    NoChildrenForEphemerals = -108,
    /// The node exists.
    NodeExists = -110,
    /// The node has children.
    NotEmpty = -111,
    /// The session has expired or is closing.
    SessionExpired = -112,
    /// The ACL is not valid.
    InvalidAcl = -114,
    /// Authentication failed.
    AuthFailed = -115,
    /// The session moved to another server; never sent, the connection is closed.
    SessionMoved = -118,
    /// The server is read-only.
    NotReadOnly = -119,
    /// A local session cannot own an ephemeral node.
    EphemeralOnLocalSession = -120,
    /// There is no such watch.
    NoWatcher = -121,
    /// Reconfiguration is switched off.
    ReconfigDisabled = -123,
    /// The session has to authenticate first.
    SessionClosedRequireSaslAuth = -124,
    /// A hard quota would be exceeded.
    QuotaExceeded = -125,
    /// The request waited too long in the throttle queue.
    ThrottledOp = -127,
}

impl ErrorCode {
    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }
}

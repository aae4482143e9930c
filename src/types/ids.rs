//! Numbers with a name, so that two of them cannot be swapped.

use std::fmt;

/// A client session (64 bits: server id, start time, counter). 0 is never issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub i64);

impl SessionId {
    /// Nobody: what the server itself signs its transactions with.
    pub const NONE: SessionId = SessionId(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// A member of an ensemble (`myid`, sid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub i64);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A live client connection of this process. Never reused while anything still refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A learner's connection to this process while it leads. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A request's number, chosen by the client and echoed. Any value is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xid(pub i32);

impl Xid {
    /// Watch notifications.
    pub const NOTIFICATION: Xid = Xid(-1);
    /// Pings; their replies carry it whatever the request said.
    pub const PING: Xid = Xid(-2);
}

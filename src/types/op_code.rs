//! The operations of the client protocol (`ZooDefs.OpCode`) and their fixed facts.

/// An operation that a client may ask for, or that appears in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum OpCode {
    /// Only a transaction type and a multi result type.
    Error = -1,
    /// Server-internal: a new session.
    CreateSession = -10,
    /// The end of a session.
    CloseSession = -11,
    /// Create a node, answer its path.
    Create = 1,
    /// Delete a node.
    Delete = 2,
    /// Stat of a node, optionally watched.
    Exists = 3,
    /// Data and stat.
    GetData = 4,
    /// Set data.
    SetData = 5,
    /// ACL and stat.
    GetAcl = 6,
    /// Set the ACL.
    SetAcl = 7,
    /// Child names.
    GetChildren = 8,
    /// Flush the path from the leader.
    Sync = 9,
    /// Heartbeat.
    Ping = 11,
    /// Child names and stat.
    GetChildren2 = 12,
    /// Compare a version; inside multi only.
    Check = 13,
    /// All or nothing.
    Multi = 14,
    /// Create a node, answer path and stat.
    Create2 = 15,
    /// Change the ensemble.
    Reconfig = 16,
    /// Is there such a watch?
    CheckWatches = 17,
    /// Remove watches.
    RemoveWatches = 18,
    /// Create a container.
    CreateContainer = 19,
    /// Server-internal: remove an empty container or an old TTL node.
    DeleteContainer = 20,
    /// Create a node with a time to live.
    CreateTtl = 21,
    /// Several reads.
    MultiRead = 22,
    /// Present a credential.
    Auth = 100,
    /// Register watches again after a reconnect.
    SetWatches = 101,
    /// A step of a SASL exchange.
    Sasl = 102,
    /// The session's ephemeral nodes.
    GetEphemerals = 103,
    /// Number of all descendants.
    GetAllChildrenNumber = 104,
    /// As 101, with persistent watches.
    SetWatches2 = 105,
    /// Add a persistent watch.
    AddWatch = 106,
    /// The connection's identities.
    WhoAmI = 107,
}

impl OpCode {
    /// The operation with this number.
    pub fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            -1 => OpCode::Error,
            -10 => OpCode::CreateSession,
            -11 => OpCode::CloseSession,
            1 => OpCode::Create,
            2 => OpCode::Delete,
            3 => OpCode::Exists,
            4 => OpCode::GetData,
            5 => OpCode::SetData,
            6 => OpCode::GetAcl,
            7 => OpCode::SetAcl,
            8 => OpCode::GetChildren,
            9 => OpCode::Sync,
            11 => OpCode::Ping,
            12 => OpCode::GetChildren2,
            13 => OpCode::Check,
            14 => OpCode::Multi,
            15 => OpCode::Create2,
            16 => OpCode::Reconfig,
            17 => OpCode::CheckWatches,
            18 => OpCode::RemoveWatches,
            19 => OpCode::CreateContainer,
            20 => OpCode::DeleteContainer,
            21 => OpCode::CreateTtl,
            22 => OpCode::MultiRead,
            100 => OpCode::Auth,
            101 => OpCode::SetWatches,
            102 => OpCode::Sasl,
            103 => OpCode::GetEphemerals,
            104 => OpCode::GetAllChildrenNumber,
            105 => OpCode::SetWatches2,
            106 => OpCode::AddWatch,
            107 => OpCode::WhoAmI,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// Whether the operation goes through the log: it changes the tree or the session table.
    pub fn is_write(self) -> bool {
        use OpCode::{
            CloseSession, Create, Create2, CreateContainer, CreateSession, CreateTtl, Delete,
            DeleteContainer, Multi, Reconfig, SetAcl, SetData,
        };
        matches!(
            self,
            CloseSession
                | Create
                | Create2
                | CreateContainer
                | CreateSession
                | CreateTtl
                | Delete
                | DeleteContainer
                | Multi
                | Reconfig
                | SetAcl
                | SetData
        )
    }

    /// Whether a client may send it as a request of its own.
    pub fn is_client_request(self) -> bool {
        !matches!(self, OpCode::Error | OpCode::CreateSession | OpCode::Check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_maps_back_to_itself() {
        let known = (-20..200).filter_map(OpCode::from_code).collect::<Vec<_>>();
        assert_eq!(known.len(), 32);
        assert!(
            known
                .iter()
                .all(|op| OpCode::from_code(op.code()) == Some(*op))
        );
    }
}

//! The create flags: an enumeration, not a bit mask (`CreateMode`).

/// What kind of node a create asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateMode {
    /// Flag 0: lives until deleted.
    Persistent,
    /// Flag 1: lives as long as the session that made it.
    Ephemeral,
    /// Flag 2: persistent, with a counter appended to its name.
    PersistentSequential,
    /// Flag 3: ephemeral, with a counter appended to its name.
    EphemeralSequential,
    /// Flag 4: removed some time after its last child is.
    Container,
    /// Flag 5: removed when it has no children and was not set for its time to live.
    PersistentWithTtl,
    /// Flag 6: as 5, with a counter appended to its name.
    PersistentSequentialWithTtl,
}

impl CreateMode {
    /// The mode of a flag; `None` outside 0..=6.
    pub fn from_flag(flag: i32) -> Option<Self> {
        Some(match flag {
            0 => CreateMode::Persistent,
            1 => CreateMode::Ephemeral,
            2 => CreateMode::PersistentSequential,
            3 => CreateMode::EphemeralSequential,
            4 => CreateMode::Container,
            5 => CreateMode::PersistentWithTtl,
            6 => CreateMode::PersistentSequentialWithTtl,
            _ => return None,
        })
    }

    /// Whether the node goes with its session.
    pub fn is_ephemeral(self) -> bool {
        matches!(
            self,
            CreateMode::Ephemeral | CreateMode::EphemeralSequential
        )
    }

    /// Whether a counter is appended to the name.
    pub fn is_sequential(self) -> bool {
        use CreateMode::{EphemeralSequential, PersistentSequential, PersistentSequentialWithTtl};
        matches!(
            self,
            PersistentSequential | EphemeralSequential | PersistentSequentialWithTtl
        )
    }

    /// Whether the node has a time to live.
    pub fn is_ttl(self) -> bool {
        matches!(
            self,
            CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl
        )
    }
}

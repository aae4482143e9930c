//! What the tests of this room share: a disk in memory that can lose, refuse and rot, and a visitor that
//! remembers. Not compiled into the server.

pub(crate) mod life;
pub(crate) mod mem_disk;
pub(crate) mod records;

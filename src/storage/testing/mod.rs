//! What tests of storage share: a disk in memory that can lose, refuse and rot (also for tests outside
//! this crate: the feature `testing`), servers' lives on it, and a visitor that remembers. Not compiled
//! into the server.

#[cfg(test)]
pub(crate) mod life;
pub mod mem_disk;
#[cfg(test)]
pub(crate) mod records;

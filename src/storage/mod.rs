//! Files: the thin layer that moves bytes and flushes.

pub mod disk;
pub mod format;
pub mod layout;
pub mod lock;
pub mod recover;
mod replay;
pub mod snapshots;
pub mod txn_log;

#[cfg(test)]
mod recover_tests;
#[cfg(test)]
pub(crate) mod testing;

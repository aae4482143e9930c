//! Wiring: threads, mailboxes, locks, the clock, the start and stop order. Decides nothing about
//! ZooKeeper; moves values between rooms and owns the resources.
//!
//! ```text
//! shards (tokio) --submissions--> line --log batches--> log thread
//!    ^                            |  ^----- durable ------'   |
//!    '-- outboxes, bells ---------'                           '--> housekeeper (snapshots, purge)
//! ```

mod build;
mod client_port;
mod clock;
mod deliver;
mod door;
mod entropy;
mod error;
mod large;
mod line;
mod line_sessions;
mod listeners;
mod listings;
mod log_thread;
mod mailbox;
mod member_files;
mod metrics;
mod oracle;
mod peers;
mod phases;
mod ports;
mod recover;
mod registry;
mod seat;
mod settings;
mod shared;
mod snapshot_thread;
mod start;
mod stats;
mod sync;
#[cfg(test)]
mod test_support;
mod threads;
mod view;
mod walk;

pub use error::ServerError;
pub use start::{Server, start};

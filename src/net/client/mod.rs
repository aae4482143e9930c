//! Client connections.
//!
//! ```text
//! accept -> first bytes: four-letter word? -> answer, close
//!                        ConnectRequest    -> handshake -> open: reads served here,
//!                                                          writes and what stands behind them submitted
//! ```
//!
//! Every connection lives on one shard: a thread with a tokio runtime of its own. Nothing that a
//! connection does locally crosses threads; replies and events from the line arrive in its outbox, and
//! a bell wakes the shard once for a whole batch.

mod bell;
mod connection;
mod frames;
mod handshake;
mod local;
mod outbox;
#[cfg(test)]
mod pause_tests;
mod ports;
mod replies;
mod shard;

pub use bell::{Bell, Door};
pub use outbox::{Closing, Outbox};
pub use ports::{ConnectAsk, Limits, Ports, ReadPort, Viewer, WordPort, WritePort};
pub use shard::{Arrival, Shard};

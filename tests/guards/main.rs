//! What protects a server from its clients: limits, throttles, and the patience with those that send
//! nonsense or do not listen. Every test has a server of its own, in this process.

mod limits;
mod nonsense;
mod slow_readers;
mod start_and_stop;
mod wire;

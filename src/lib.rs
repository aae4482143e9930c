//! Oxkeeper: an Apache ZooKeeper server. The rooms, in floor order (see `docs/architecture.md`).

pub mod types;
pub mod config;
pub mod proto;
pub mod session;
pub mod auth;
pub mod ops;
pub mod pipeline;
pub mod replica;
pub mod net;
pub mod server;

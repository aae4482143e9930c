//! Oxkeeper: an Apache ZooKeeper server. The rooms, in floor order (see `docs/architecture.md`).
pub mod auth;
pub mod proto;
pub mod session;
pub mod types;
pub mod watch;

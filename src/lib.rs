//! Oxkeeper: an Apache ZooKeeper server. The rooms, in floor order (see `docs/architecture.md`).
pub mod bench;
pub mod proto;
pub mod types;

//! Oxkeeper: an Apache ZooKeeper server. The rooms, in floor order (see `docs/architecture.md`).
pub mod proto;
pub mod storage;
pub mod types;

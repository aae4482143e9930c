//! Oxkeeper: an Apache ZooKeeper server. The rooms, in floor order (see `docs/architecture.md`).

// Floor 1: the words.
pub mod types;

// Floor 2: bytes to records, text to settings.
pub mod config;
pub mod proto;

// Floor 3: rooms that do not know each other.
pub mod auth;
pub mod consensus;
pub mod session;
pub mod tree;
pub mod watch;

// Floors 4 to 6: what operations mean, the order of things, a server with its wires cut.
pub mod ops;
pub mod pipeline;
pub mod replica;

// Floor 7: files and sockets. `storage::format` is pure and lives on floor 3.
pub mod net;
pub mod storage;

// Floor 8: visitors, besides the clients in `net`.
pub mod admin;
pub mod bench;

// Floor 9: wiring.
pub mod server;

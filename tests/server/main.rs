//! A whole server. First in memory, without its wires, driven by scripts and by chance against a model of
//! the data model; then with its threads, files and sockets, against the rules that must always hold.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod ask;
mod ensemble;
mod histories;
mod live;
mod model;
mod model_reads;
mod model_watches;
mod pair;
mod roles;
mod roles_by_chance;
mod roles_local;
mod roles_read_only;
mod roles_relay;
mod rules;
mod said;
mod scripts;
mod snapshot;
mod world;

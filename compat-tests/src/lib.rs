//! The harness under the compatibility tests: starts a server (Oxkeeper's binary or Apache's), fetches and builds
//! foreign clients, and runs them as programs. No test lives here, and nothing here links the server's own code:
//! whatever these tests see, they see through a socket, a file or a process.

pub mod c_client;
pub mod cache;
pub mod clients;
pub mod debian;
pub mod differential;
pub mod history;
pub mod java;
pub mod ports;
pub mod program;
pub mod python;
pub mod server;
pub mod shell;
pub mod stage;
pub mod suite;
pub mod table;
pub mod wire;

//! A raw client of the ZooKeeper client port: bytes out, bytes in, nothing hidden.
//!
//! The encoder and decoder here are written from the protocol alone and share no line with the server under test, so a mistake
//! in the server's codec cannot cancel itself out. Everything blocks, every wait has a deadline, and a broken expectation panics
//! where the test called. No knowledge of which server is on the other side, no processes, no settings.

pub mod client;
pub mod code;
pub mod conn;
pub mod decode;
pub mod encode;
pub mod multi;
pub mod op;
pub mod reply;
pub mod request;

pub use client::Client;
pub use conn::Conn;
pub use encode::Acl;
pub use encode::Blob;
pub use encode::Encoder;
pub use encode::Null;
pub use reply::Event;
pub use reply::Reply;
pub use reply::Stat;

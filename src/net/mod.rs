//! Sockets: what both kinds of connection share. Speaks frames and bytes, knows no server.
//!
//! | port | room |
//! | --- | --- |
//! | `clientPort` | [`client`] |

pub mod client;
pub mod listen;

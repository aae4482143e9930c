//! Sockets: what all kinds of connection share. Speaks frames and bytes, knows no server.
//!
//! | port | room |
//! | --- | --- |
//! | `clientPort` | [`client`] |
//! | election port, quorum port | [`peer`] |

pub mod client;
pub mod listen;
pub mod peer;

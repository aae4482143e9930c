//! ZooKeeper's records and framing: bytes to values and back, no meaning.
//!
//! | port or file | frame | records |
//! | --- | --- | --- |
//! | client port, first frame | [`frame`] | [`connect`] |
//! | client port, later frames | [`frame`] | [`request`], [`multi`] in; [`reply`], [`multi`], [`event`] out |
//! | quorum port | none | [`peer`] |
//! | election port | length | [`ballot`] |
//! | transaction log | `storage::format` | [`txn`] |
//! | snapshot | `storage::format` | [`shared`], [`disk`] |

pub mod ballot;
pub mod connect;
pub mod disk;
pub mod event;
pub mod frame;
pub mod multi;
pub mod peer;
pub mod reply;
pub mod request;
pub mod shared;
pub mod txn;

pub use jute::{DecodeError, DecodeErrorKind, Text};

use jute::{Field, Writer};

/// Appends a record's encoding.
pub fn append<'a, F: Field<'a>>(record: &F, out: &mut Vec<u8>) {
    record.write(&mut Writer::new(out));
}

//! The words of the domain: numbers, names and small rules everyone shares. Knows nothing but itself;
//! no word here can be encoded, stored or sent, it can only be right or wrong.

mod acl;
mod change;
mod create_mode;
mod error_code;
pub mod host;
mod ids;
pub mod limits;
mod millis;
mod op_code;
mod owner;
pub mod path;
mod stat;
mod summary;
mod zxid;

pub use acl::{Acl, Id, Perms, open_acl, read_acl};
pub use change::{ChangeKind, ChangeSink, EventType};
pub use create_mode::CreateMode;
pub use error_code::ErrorCode;
pub use ids::{ConnId, LinkId, ServerId, SessionId, Xid};
pub use millis::Millis;
pub use op_code::OpCode;
pub use owner::{Owner, OwnerRules, TTL_MILLIS_MAX};
pub use stat::{NodeStat, Stat};
pub use summary::Summary;
pub use zxid::Zxid;

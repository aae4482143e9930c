//! Watch notifications.

use jute::{Field, Text, Writer};

use crate::proto::reply::ReplyHeader;
use crate::types::EventType;
use crate::types::Xid;

jute::record! {
    /// What happened where.
    pub struct WatcherEvent<'a> {
        /// [`EventType::code`].
        pub kind: i32,
        /// Keeper state; a server only ever says 3, connected.
        pub state: i32,
        /// The changed node.
        pub path: Text<'a>,
    }
}

const SYNC_CONNECTED: i32 = 3;

/// Appends a framed notification. `zxid` is the transaction's, or -1 for the events that answer a
/// setWatches.
pub fn append_event(zxid: i64, kind: EventType, path: &str, out: &mut Vec<u8>) {
    let header = ReplyHeader {
        xid: Xid::NOTIFICATION.0,
        zxid,
        err: 0,
    };
    let event = WatcherEvent {
        kind: kind.code(),
        state: SYNC_CONNECTED,
        path: Some(path.into()),
    };
    let mut writer = Writer::new(out);
    let size = header.size() + event.size();
    writer.int(i32::try_from(size).expect("a path fits in a frame"));
    header.write(&mut writer);
    event.write(&mut writer);
}

//! What the replies on a connection were like: what `cons` tells of it.

use parking_lot::Mutex;

use crate::types::{Millis, OpCode, Zxid};

/// The replies of one connection since it began, or since they were last forgotten.
#[derive(Debug, Default)]
pub struct Replies(Mutex<Record>);

/// What is known of them.
// apache 3.9.5: server/ServerCnxn.java updateStatsForResponse
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The operation that came in last and was not a notice to the server itself.
    pub op: Option<OpCode>,
    /// The last number that the client gave to a request of its own; pings and the like have other ones.
    pub cxid: Option<i32>,
    /// The zxid of the last reply; -1 before the first.
    pub zxid: i64,
    /// When the last reply was given.
    pub at: Millis,
    /// How long it took, ms.
    pub last_ms: i64,
    /// The least, ms; `i64::MAX` before the first.
    pub min_ms: i64,
    /// The greatest, ms.
    pub max_ms: i64,
    /// Of all together, ms.
    pub sum_ms: i64,
    /// How many there were.
    pub count: u64,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            op: None,
            cxid: None,
            zxid: -1,
            at: Millis(0),
            last_ms: 0,
            min_ms: i64::MAX,
            max_ms: 0,
            sum_ms: 0,
            count: 0,
        }
    }
}

impl Replies {
    /// A request for this was read.
    pub fn asked(&self, op: OpCode) {
        self.0.lock().op = Some(op);
    }

    /// So many requests were answered, the last of them the client's number `xid`, each after `took_ms`.
    pub fn answered(&self, count: u64, xid: i32, zxid: Zxid, at: Millis, took_ms: i64) {
        let mut record = self.0.lock();
        if xid >= 0 {
            record.cxid = Some(xid);
        }
        record.zxid = zxid.0;
        record.at = at;
        record.last_ms = took_ms;
        record.min_ms = record.min_ms.min(took_ms);
        record.max_ms = record.max_ms.max(took_ms);
        let times = i64::try_from(count).unwrap_or(i64::MAX);
        record.sum_ms = record.sum_ms.saturating_add(took_ms.saturating_mul(times));
        record.count += count;
    }

    /// What is known now.
    pub fn read(&self) -> Record {
        *self.0.lock()
    }

    /// Forgets all.
    pub fn reset(&self) {
        *self.0.lock() = Record::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_add_up_until_they_are_forgotten() {
        let replies = Replies::default();
        replies.asked(OpCode::GetData);
        replies.answered(2, 7, Zxid(3), Millis(100), 0);
        replies.asked(OpCode::Ping);
        replies.answered(1, -2, Zxid(4), Millis(110), 6);
        let record = replies.read();
        assert_eq!((record.op, record.cxid), (Some(OpCode::Ping), Some(7)));
        assert_eq!(
            (record.zxid, record.at, record.last_ms),
            (4, Millis(110), 6)
        );
        assert_eq!((record.min_ms, record.max_ms), (0, 6));
        assert_eq!((record.sum_ms, record.count), (6, 3));
        replies.reset();
        assert_eq!(replies.read(), Record::default());
    }
}

//! Transactions as the simulation knows them, and the state of a member: the list of those it has applied.
//!
//! Every entry carries a fold of everything up to it, so two histories that agree in one entry's fold agree in all
//! before, and comparing costs nothing.

use std::fmt;

use bytes::Bytes;
use oxkeeper::config::Membership;
use oxkeeper::proto;
use oxkeeper::proto::txn::{LoggedTxn, SetDataTxn, Txn, TxnHeader};
use oxkeeper::types::{OpCode, Zxid};

use crate::council::{Charter, Council};
use crate::ensemble;
use crate::say;

/// What a client wrote: unique in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payload {
    /// Which client.
    pub client: usize,
    /// Its request's number.
    pub number: i32,
    /// The membership that it asked for.
    pub change: Option<Council>,
}

/// `OpCode` of a transaction that failed: consensus may look at kinds, and this one means nothing to it.
const FAILED: i32 = -1;

impl Payload {
    /// An ordinary write.
    pub fn write(client: usize, number: i32) -> Payload {
        Payload {
            client,
            number,
            change: None,
        }
    }

    /// The body of the log record with this payload.
    pub fn body(self, zxid: Zxid) -> Bytes {
        let kind = self.change.map_or(FAILED, |_| OpCode::Reconfig.code());
        let header = TxnHeader {
            client_id: i64::try_from(self.client).expect("few clients"),
            cxid: self.number,
            zxid: zxid.0,
            time: 0,
            kind,
        };
        let mut body = Vec::with_capacity(36);
        let Some(council) = self.change else {
            proto::append(&header, &mut body);
            proto::append(&0_i32, &mut body);
            return body.into();
        };
        let version = zxid;
        let text = ensemble::membership(Charter { version, council }).to_text();
        let txn = SetDataTxn {
            path: "/zookeeper/config".into(),
            data: Some(text.as_bytes()),
            version: -1,
        };
        let txn = Txn::SetData(OpCode::Reconfig, txn);
        let digest = None;
        LoggedTxn {
            header,
            txn,
            digest,
        }
        .append(&mut body);
        body.into()
    }

    /// The payload of such a body. The client comes first in it, then the request's number.
    pub fn of(body: &Bytes) -> Payload {
        let client = body.first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
        let number = body[8..].first_chunk().map(|b| i32::from_be_bytes(*b));
        let kind = body[28..].first_chunk().map(|b| i32::from_be_bytes(*b));
        Payload {
            client: usize::try_from(client.expect("a header")).expect("a client of ours"),
            number: number.expect("a header"),
            change: (kind != Some(FAILED)).then(|| council_of(body)),
        }
    }
}

fn council_of(body: &Bytes) -> Council {
    let text = match LoggedTxn::decode(body).expect("a body of ours").txn {
        Txn::SetData(_, txn) => txn.data.expect("a membership"),
        other => panic!("{other:?} is no change of the membership"),
    };
    let membership = Membership::from_text(text, ensemble::RULES);
    ensemble::charter(&membership.expect("a sound one")).council
}

/// A transaction in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub zxid: Zxid,
    pub payload: Payload,
    /// Fold of the history before it.
    pub before: u64,
    /// Fold of the history up to and including it.
    pub fold: u64,
}

/// As in the trace; the folds only say whether two of them have the same past.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (zxid, past) = (say::zxid(self.zxid), self.before & 0xffff);
        write!(f, "{zxid} {} (past {past:04x})", say::payload(self.payload))
    }
}

impl Entry {
    /// The transaction in its place behind a history with this fold.
    pub fn new(before: u64, zxid: Zxid, payload: Payload) -> Entry {
        let client = u64::try_from(payload.client).expect("few clients");
        let mut fold = before;
        for word in [
            zxid.0.cast_unsigned(),
            client,
            u64::from(payload.number.cast_unsigned()),
        ] {
            fold = (fold.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        Entry {
            zxid,
            payload,
            before,
            fold,
        }
    }
}

/// What has been applied, in order.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub entries: Vec<Entry>,
    /// Where the state stands: the last entry, or a later beginning of an epoch.
    pub last: Zxid,
    /// It shows something of this transaction, and of those before it, although it does not have them: they were
    /// applied while it was written down. It is sound again when it has them.
    pub fuzz: Option<Entry>,
}

impl History {
    /// The fold of all of it.
    pub fn fold(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.fold)
    }

    /// Applies the next transaction.
    pub fn push(&mut self, zxid: Zxid, payload: Payload) -> Entry {
        let entry = Entry::new(self.fold(), zxid, payload);
        self.entries.push(entry);
        self.last = self.last.max(zxid);
        self.fuzz = self.fuzz.filter(|fuzz| fuzz.fold != entry.fold);
        entry
    }

    /// What a walk over this state has written that ended when the state had become `now`.
    pub fn written_until(mut self, now: &History) -> History {
        let later = now.entries.last().filter(|last| last.zxid > self.last);
        self.fuzz = self.fuzz.or(later.copied());
        self
    }

    /// The entry with this number.
    pub fn find(&self, zxid: Zxid) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&zxid, |entry| entry.zxid);
        at.ok().map(|at| &self.entries[at])
    }

    /// The fold of everything up to this number.
    pub fn fold_at(&self, zxid: Zxid) -> u64 {
        let upto = self.entries.partition_point(|entry| entry.zxid <= zxid);
        upto.checked_sub(1)
            .map_or(0, |last| self.entries[last].fold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_survives_its_body() {
        let write = Payload::write(3, 77);
        let change = Payload {
            change: Some(Council::plain(3, 1)),
            ..write
        };
        for payload in [write, change] {
            assert_eq!(Payload::of(&payload.body(Zxid(1))), payload);
        }
    }

    #[test]
    fn a_fuzzy_state_is_sound_when_it_has_what_it_shows() {
        let mut state = History::default();
        state.push(Zxid(1), Payload::write(0, 1));
        let base = state.clone();
        let later = state.push(Zxid(2), Payload::write(0, 2));
        let mut read = base.clone().written_until(&state);
        assert_eq!(read.fuzz, Some(later));
        read.push(Zxid(2), Payload::write(0, 2));
        assert_eq!(read.fuzz, None);
        let mut other = base.written_until(&state);
        other.push(Zxid(2), Payload::write(0, 3));
        assert_eq!(other.fuzz, Some(later), "it is another one");
    }

    #[test]
    fn folds_tell_histories_apart() {
        let payload = |number| Payload::write(0, number);
        let of = |numbers: &[i32]| {
            let mut history = History::default();
            for (zxid, number) in (1..).zip(numbers) {
                history.push(Zxid(zxid), payload(*number));
            }
            history
        };
        assert_eq!(of(&[1, 2, 3]).fold(), of(&[1, 2, 3]).fold());
        assert_ne!(of(&[1, 2, 3]).fold(), of(&[2, 1, 3]).fold());
        assert_eq!(of(&[1, 2, 3]).fold_at(Zxid(2)), of(&[1, 2]).fold());
        assert_ne!(of(&[1, 2]).fold(), of(&[1]).fold());
    }
}

//! Between prep and finish: everything in flight, in order, until it may be applied: standalone that is
//! when the log says it is durable, in an ensemble when it is committed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::pipeline::Asker;
use crate::storage::format::txn_log;
use crate::types::{ConnId, ErrorCode, Id, Millis, OpCode, SessionId, Zxid};

/// One thing in flight.
#[derive(Debug)]
pub enum Item {
    /// A transaction.
    Txn {
        /// Its number.
        zxid: Zxid,
        /// Its body within the batch's log bytes.
        body: Range<usize>,
        /// Who is answered; the server's own transactions have nobody.
        asker: Option<Asker>,
    },
    /// A read behind a write of its session.
    Read {
        /// Who is answered.
        asker: Asker,
        /// Who asks.
        session: SessionId,
        /// What.
        op: OpCode,
        /// The request's body within the batch's frame bytes.
        body: Range<usize>,
        /// The connection's identities when the request was read.
        who: Arc<[Id]>,
    },
    /// A request refused without a transaction.
    Refusal {
        /// Who is answered.
        asker: Asker,
        /// What.
        code: ErrorCode,
    },
    /// A request that nobody answers; its place tells when it is over.
    Nothing {
        /// Whose.
        asker: Asker,
    },
    /// A committed transaction of the leader.
    Delivered {
        /// Its number.
        zxid: Zxid,
        /// The body of the log record.
        body: Bytes,
    },
    /// The leader's answer to the oldest sync of this learner.
    Synced,
    /// The leader's answer whether a client may take up its session.
    Resumed {
        /// Who asks.
        conn: ConnId,
        /// The session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
        /// Whether it may.
        valid: bool,
    },
    /// A local session begins.
    LocalOpened {
        /// Who asks.
        conn: ConnId,
        /// The session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
    },
    /// No session begins: there is nobody to agree on one.
    Unopened {
        /// Who asks.
        asker: Asker,
        /// Why.
        code: ErrorCode,
    },
    /// A local session ends.
    LocalClosed {
        /// Who is answered; nobody when it has expired.
        asker: Option<Asker>,
        /// The session.
        session: SessionId,
    },
    /// A role ends here: whoever is still to be answered is not.
    Retired,
    /// From here on this server leads.
    Lead {
        /// Where numbering starts: the epoch, counter 0.
        epoch: Zxid,
    },
    /// The text of the membership in force is to be read at `/zookeeper/config`.
    Membership {
        /// The text.
        text: Bytes,
        /// Its version.
        version: i64,
        /// The wall clock.
        time: Millis,
    },
}

impl Item {
    /// Takes the request out of the item that someone waits for, if any. Whether the item still means
    /// something without it.
    fn abandon(&mut self, dropped: &mut impl FnMut(Asker)) -> bool {
        match self {
            Item::Txn { asker, .. } => {
                if let Some(asker) = asker.take() {
                    dropped(asker);
                }
                true
            }
            Item::Read { asker, .. } | Item::Refusal { asker, .. } | Item::Nothing { asker } => {
                dropped(*asker);
                false
            }
            Item::LocalClosed { asker, .. } => {
                if let Some(asker) = asker {
                    dropped(*asker);
                }
                false
            }
            Item::Synced
            | Item::Resumed { .. }
            | Item::LocalOpened { .. }
            | Item::Unopened { .. } => false,
            Item::Delivered { .. }
            | Item::Retired
            | Item::Lead { .. }
            | Item::Membership { .. } => true,
        }
    }
}

/// The records of a batch, framed for the log.
#[derive(Debug, Clone)]
pub struct LogBatch {
    /// Framed records.
    pub bytes: Bytes,
    /// Number of the first.
    pub first: Zxid,
    /// Number of the last.
    pub last: Zxid,
    /// How many.
    pub records: u32,
}

impl LogBatch {
    /// The bodies of the records, each a slice of the batch.
    pub fn bodies(&self) -> impl Iterator<Item = Bytes> {
        let mut rest = self.bytes.clone();
        (0..self.records).map(move |_| {
            let mut record = rest.split_to(txn_log::record_bytes(&rest));
            record.truncate(record.len() - txn_log::RECORD_TAIL_BYTES);
            record.split_off(txn_log::RECORD_HEAD_BYTES)
        })
    }
}

/// What one turn produced.
#[derive(Debug, Default)]
struct Batch {
    log: Bytes,
    frames: Vec<u8>,
    items: VecDeque<Item>,
}

/// The batch that this turn is filling.
#[derive(Debug, Default)]
pub struct OpenBatch {
    /// Framed log records.
    pub log: Vec<u8>,
    /// Bodies of the reads that wait.
    pub frames: Vec<u8>,
    /// What is in flight.
    pub items: VecDeque<Item>,
    first: Option<Zxid>,
    last: Zxid,
    records: u32,
}

impl OpenBatch {
    /// Adds the transaction whose record was just appended from `start` on.
    pub fn push_txn(&mut self, zxid: Zxid, start: usize, asker: Option<Asker>) {
        let body = start + txn_log::RECORD_HEAD_BYTES..self.log.len() - txn_log::RECORD_TAIL_BYTES;
        self.items.push_back(Item::Txn { zxid, body, asker });
        self.logged(zxid);
    }

    /// Whether nothing has come into it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.records == 0
    }

    fn logged(&mut self, zxid: Zxid) {
        self.first.get_or_insert(zxid);
        self.last = zxid;
        self.records += 1;
    }

    /// Adds a record that is logged now and applied later, if at all.
    pub fn append(&mut self, zxid: Zxid, body: &[u8]) {
        txn_log::append_record(body, &mut self.log);
        self.logged(zxid);
    }
}

/// Everything in flight.
#[derive(Debug, Default)]
pub struct Room {
    batches: VecDeque<Batch>,
    /// Transactions may leave up to here.
    released: Zxid,
}

/// What leaves the room next.
pub struct Leaving<'r> {
    /// The item.
    pub item: Item,
    /// Log bytes that [`Item::Txn`] points into.
    pub log: &'r [u8],
    /// Frame bytes that [`Item::Read`] points into.
    pub frames: &'r [u8],
}

impl Room {
    /// An empty room; everything up to this transaction has left.
    pub fn new(released: Zxid) -> Self {
        Room {
            batches: VecDeque::new(),
            released,
        }
    }

    /// Takes in what a turn filled; its records, if any, are now to be made durable.
    pub fn enter(&mut self, open: OpenBatch) -> Option<LogBatch> {
        let log = Bytes::from(open.log);
        if !open.items.is_empty() {
            self.batches.push_back(Batch {
                log: log.clone(),
                frames: open.frames,
                items: open.items,
            });
        }
        let first = open.first?;
        Some(LogBatch {
            bytes: log,
            first,
            last: open.last,
            records: open.records,
        })
    }

    /// Transactions may leave up to here.
    pub fn release(&mut self, zxid: Zxid) {
        assert!(
            zxid >= self.released,
            "what may be applied went back from {} to {zxid}",
            self.released
        );
        self.released = zxid;
    }

    /// Whether transactions may leave up to here.
    pub fn has_released(&self, zxid: Zxid) -> bool {
        zxid <= self.released
    }

    /// A role ends: whoever has to wait is not answered. Those transactions stay, they may still be committed.
    /// What could leave now still does, with what is in the `open` batch if nothing has to wait, and its askers
    /// are answered; the end of the role is marked behind it.
    pub fn retire(&mut self, open: &mut OpenBatch, mut dropped: impl FnMut(Asker)) {
        let released = self.released;
        let waits = |item: &Item| matches!(item, Item::Txn { zxid, .. } if *zxid > released);
        let mut marked = false;
        for batch in &mut self.batches {
            if !marked && let Some(at) = batch.items.iter().position(waits) {
                let mut waiting = batch.items.split_off(at);
                waiting.retain_mut(|item| item.abandon(&mut dropped));
                batch.items.push_back(Item::Retired);
                batch.items.append(&mut waiting);
                marked = true;
            } else if marked {
                batch.items.retain_mut(|item| item.abandon(&mut dropped));
            }
        }
        self.batches.retain(|batch| !batch.items.is_empty());
        if marked {
            assert!(
                open.items.is_empty(),
                "only a leader's transactions wait, and it has cut its batch"
            );
        } else if open.is_empty() {
            self.batches.push_back(Batch {
                items: VecDeque::from([Item::Retired]),
                ..Batch::default()
            });
        } else {
            open.items.push_back(Item::Retired);
        }
    }

    /// Whether something can leave.
    pub fn has_ready(&self) -> bool {
        match self.batches.front().and_then(|batch| batch.items.front()) {
            Some(Item::Txn { zxid, .. }) => *zxid <= self.released,
            Some(_) => true,
            None => false,
        }
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Hands the first item that can leave to `take`.
    pub fn leave<R>(&mut self, take: impl FnOnce(Leaving<'_>) -> R) -> Option<R> {
        if !self.has_ready() {
            return None;
        }
        let batch = self.batches.front_mut()?;
        let item = batch.items.pop_front()?;
        let taken = take(Leaving {
            item,
            log: &batch.log,
            frames: &batch.frames,
        });
        if batch.items.is_empty() {
            self.batches.pop_front();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests;

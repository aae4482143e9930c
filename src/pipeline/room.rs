//! Between prep and finish: everything in flight, in order, until the log says it is durable.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::pipeline::Asker;
use crate::types::{ErrorCode, Id, OpCode, SessionId, Zxid};

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

/// What one turn of prep produced.
#[derive(Debug, Default)]
struct Batch {
    log: Bytes,
    frames: Vec<u8>,
    items: VecDeque<Item>,
}

/// The batch that prep is filling.
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
        // Record framing: checksum and length before the body, one end byte behind it.
        let body = start + 12..self.log.len() - 1;
        self.items.push_back(Item::Txn { zxid, body, asker });
        self.first.get_or_insert(zxid);
        self.last = zxid;
        self.records += 1;
    }
}

/// Everything in flight.
#[derive(Debug, Default)]
pub struct Room {
    batches: VecDeque<Batch>,
    durable: Zxid,
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
    /// An empty room after this transaction.
    pub fn new(durable: Zxid) -> Self {
        Room {
            batches: VecDeque::new(),
            durable,
        }
    }

    /// Takes in what prep filled; its records, if any, are now to be made durable.
    pub fn enter(&mut self, open: OpenBatch) -> Option<LogBatch> {
        if open.items.is_empty() {
            return None;
        }
        let log = Bytes::from(open.log);
        let batch = Batch {
            log: log.clone(),
            frames: open.frames,
            items: open.items,
        };
        self.batches.push_back(batch);
        let first = open.first?;
        Some(LogBatch {
            bytes: log,
            first,
            last: open.last,
            records: open.records,
        })
    }

    /// The log is on disk up to here.
    pub fn durable(&mut self, zxid: Zxid) {
        assert!(
            zxid >= self.durable,
            "the log went back from {} to {zxid}",
            self.durable
        );
        self.durable = zxid;
    }

    /// Whether something can leave.
    pub fn has_ready(&self) -> bool {
        match self.batches.front().and_then(|batch| batch.items.front()) {
            Some(Item::Txn { zxid, .. }) => *zxid <= self.durable,
            Some(Item::Read { .. } | Item::Refusal { .. } | Item::Nothing { .. }) => true,
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

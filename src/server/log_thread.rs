//! Owns the transaction log: appends what the line sends, flushes, reports how far it is durable.
//! Whatever piled up while one flush ran goes into the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consensus::{Outcome, Task};
use crate::pipeline::LogBatch;
use crate::pipeline::checkpoint::Checkpoint;
use crate::server::entropy;
use crate::server::error::ServerError;
use crate::server::line::Letter;
use crate::server::mailbox::Mailbox;
use crate::server::snapshot_thread::{Rewrite, SnapshotOrder};
use crate::server::stats::LogStats;
use crate::storage::epochs::EpochFiles;
use crate::storage::txn_log::{LogError, LogWriter};
use crate::types::Zxid;

/// What the log thread is told. Everything is done in the order in which it was told, each thing durable
/// before the next begins.
#[derive(Debug)]
pub enum Order {
    /// Append and make durable.
    Append(LogBatch),
    /// Something besides, of which the line is told.
    Do(Task, Chore),
    /// The history was rewritten: the log goes on after this transaction.
    ResumeAt(Zxid),
    /// Flush and end.
    Stop,
}

/// What a member of an ensemble promises, or takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// No older leader is followed any more.
    AcceptedEpoch(i64),
    /// This leader's history is on disk.
    CurrentEpoch(i64),
    /// Close the log, and have the history rewritten. [`Order::ResumeAt`] follows before the next append.
    Rewrite(Rewrite),
}

/// When to flush.
#[derive(Debug, Clone, Copy)]
pub struct FlushPolicy {
    /// `flushDelay`: let this long pass since the last flush for others to join; zero flushes at once.
    pub delay: Duration,
    /// `maxWriteQueuePollTime`: with a delay, flush when nothing came for this long.
    pub idle: Duration,
    /// `maxBatchSize`: flush when as many transactions wait; `None` for no limit.
    pub records_max: Option<u32>,
}

/// The log's thread, before it runs.
pub struct LogThread {
    /// Where flushes are counted.
    pub stats: Arc<LogStats>,
    /// The end of the log.
    pub writer: LogWriter,
    /// Where orders arrive.
    pub mailbox: Arc<Mailbox<Order>>,
    /// Told what is durable.
    pub line: Arc<Mailbox<Letter>>,
    /// Told to take snapshots.
    pub snapshots: Arc<Mailbox<SnapshotOrder>>,
    /// When a snapshot is due.
    pub checkpoint: Checkpoint,
    /// When a flush is due.
    pub policy: FlushPolicy,
    /// Where promises are kept.
    pub epochs: EpochFiles,
}

const FOREVER: Duration = Duration::from_secs(3600);

impl LogThread {
    /// Runs until told to stop.
    ///
    /// # Errors
    /// When the log cannot be written. Nothing more is acknowledged then; the server must end.
    pub fn run(mut self) -> Result<(), ServerError> {
        let mut orders = Vec::new();
        let mut pending = Pending::default();
        loop {
            self.mailbox.take(&mut orders, FOREVER);
            let mut stop = self.append(&mut orders, &mut pending)?;
            while !stop && let Some(patience) = self.policy.patience(&pending) {
                if !self.mailbox.take(&mut orders, patience) {
                    break;
                }
                stop = self.append(&mut orders, &mut pending)?;
            }
            self.flush(&mut pending)?;
            if stop {
                return Ok(());
            }
        }
    }

    /// Carries out everything ordered. Returns whether the last order was to stop.
    fn append(
        &mut self,
        orders: &mut Vec<Order>,
        pending: &mut Pending,
    ) -> Result<bool, ServerError> {
        for order in orders.drain(..) {
            let batch = match order {
                Order::Append(batch) => batch,
                Order::Do(task, chore) => {
                    self.flush(pending)?;
                    self.carry_out(task, chore)?;
                    continue;
                }
                Order::ResumeAt(zxid) => {
                    self.writer.resume_at(zxid);
                    continue;
                }
                Order::Stop => return Ok(true),
            };
            self.writer
                .append(&batch.bytes, batch.first, batch.last, batch.records)?;
            pending.records += batch.records;
            pending.last = Some(batch.last);
            if self.policy.is_full(pending) {
                self.flush(pending)?;
            }
        }
        Ok(false)
    }

    fn carry_out(&mut self, task: Task, chore: Chore) -> Result<(), ServerError> {
        let saved = match chore {
            Chore::AcceptedEpoch(epoch) => self.epochs.save_accepted(epoch),
            Chore::CurrentEpoch(epoch) => self.epochs.save_current(epoch),
            Chore::Rewrite(rewrite) => {
                self.writer.roll()?;
                self.snapshots.send(SnapshotOrder::Rewrite(task, rewrite));
                return Ok(());
            }
        };
        saved.map_err(ServerError::Epoch)?;
        self.line.send(Letter::Done(task, Outcome::Saved));
        Ok(())
    }

    fn flush(&mut self, pending: &mut Pending) -> Result<(), LogError> {
        let Some(last) = pending.last.take() else {
            return Ok(());
        };
        let records = std::mem::take(&mut pending.records);
        let durable = self.writer.flush()?;
        pending.flushed = (!self.policy.delay.is_zero()).then(Instant::now);
        assert!(
            durable.zxid >= last,
            "a flush reached {} and not {last}",
            durable.zxid
        );
        self.stats.flushed_records.add(i64::from(records), 1);
        if !durable.took.is_zero() {
            self.stats.fsync_ms.add_time(durable.took);
        }
        self.line.send(Letter::Durable(durable.zxid));
        let bytes = self.writer.tally().bytes;
        if self
            .checkpoint
            .appended(u64::from(records), bytes, entropy::random())
        {
            self.writer.roll()?;
            self.snapshots.send(SnapshotOrder::Take);
        }
        Ok(())
    }
}

/// Appended and not flushed.
#[derive(Debug, Default)]
struct Pending {
    records: u32,
    last: Option<Zxid>,
    /// When the log was last flushed; not kept without a delay.
    flushed: Option<Instant>,
}

impl FlushPolicy {
    fn is_full(&self, pending: &Pending) -> bool {
        self.records_max.is_some_and(|max| pending.records >= max)
    }

    /// How long to wait for company; `None`: flush now.
    // apache 3.9.5: server/SyncRequestProcessor.java shouldFlush, getRemainingDelay
    fn patience(&self, pending: &Pending) -> Option<Duration> {
        if pending.records == 0 || self.is_full(pending) {
            return None;
        }
        let passed = pending.flushed?.elapsed();
        let remaining = self.delay.saturating_sub(passed).min(self.idle);
        (!remaining.is_zero()).then_some(remaining)
    }
}

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod tests;

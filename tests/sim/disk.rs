//! One member's disk: a log with a flushed part and a tail that a crash may lose, two epoch files that are replaced
//! whole, snapshots. It remembers what lies on it, never what anybody believes about it.

use oxkeeper::types::Zxid;

use crate::council::{Charter, Council};
use crate::history::{Entry, History, Payload};
use crate::rng::Rng;

/// What survives a crash, and what may not.
#[derive(Debug, Clone)]
pub struct Disk {
    /// Log records, oldest first.
    log: Vec<Entry>,
    /// So many of them are flushed.
    synced: usize,
    /// Complete snapshots, oldest first. Without any, the history begins empty.
    snapshots: Vec<History>,
    /// Fold of the history up to the end of the log: what the next record follows.
    tail: u64,
    pub accepted_epoch: i64,
    pub current_epoch: i64,
    /// The files of the membership, which lie elsewhere: the one in force, and the one that was proposed last.
    pub committed: Charter,
    pub next: Option<Charter>,
    /// An operator vouches for there having been nothing (the file `initialize`).
    pub marked: bool,
    /// Whether a flush reaches the disk in truth; a mutant takes that away.
    pub flushes: bool,
}

impl Disk {
    /// With nothing on it but the membership.
    pub fn new(committed: Charter) -> Disk {
        Disk {
            log: Vec::new(),
            synced: 0,
            snapshots: Vec::new(),
            tail: 0,
            accepted_epoch: 0,
            current_epoch: 0,
            committed,
            next: None,
            marked: true,
            flushes: true,
        }
    }

    /// With nothing on it but this membership, which is the first one.
    pub fn of(council: Council) -> Disk {
        let version = Zxid::ZERO;
        Disk::new(Charter { version, council })
    }

    /// Loses everything but the membership.
    pub fn wipe(&mut self) {
        *self = Disk {
            next: self.next,
            marked: false,
            ..Disk::new(self.committed)
        };
    }

    /// Whether there is no history on it, not even the beginning of one.
    pub fn is_blank(&self) -> bool {
        self.log.is_empty() && self.snapshots.is_empty()
    }

    /// A start without any history: that is the history now, unless nobody vouches for it. Then there is none, the
    /// server has no say, and somebody will send it a snapshot.
    // As `server::start::load` and `storage::epochs` do.
    pub fn begin(&mut self, autocreate: bool) -> History {
        let marked = std::mem::replace(&mut self.marked, false);
        if self.is_blank() && !marked && !autocreate {
            for epoch in [&mut self.accepted_epoch, &mut self.current_epoch] {
                // It was never saved.
                if *epoch == 0 {
                    *epoch = -1;
                }
            }
            return History {
                last: Zxid(-1),
                ..History::default()
            };
        }
        if self.snapshots.is_empty() {
            self.snapshots.push(History::default());
        }
        self.recover()
    }

    /// A record at the end of the log, not flushed.
    pub fn append(&mut self, zxid: Zxid, payload: Payload) {
        let entry = Entry::new(self.tail, zxid, payload);
        self.tail = entry.fold;
        self.log.push(entry);
    }

    /// Where the log ends: what a flush that starts now will cover.
    pub fn end(&self) -> usize {
        self.log.len()
    }

    /// The last record of the log, flushed or not.
    pub fn last_logged(&self) -> Option<Zxid> {
        self.log.last().map(|entry| entry.zxid)
    }

    /// A flush that covered the log up to `end` is over. Returns how far the log is durable now, in the belief of
    /// whoever asked for it.
    pub fn flushed(&mut self, end: usize) -> Option<Zxid> {
        let end = end.min(self.log.len());
        if self.flushes {
            self.synced = self.synced.max(end);
        }
        end.checked_sub(1).map(|last| self.log[last].zxid)
    }

    /// Whether records wait for a flush.
    pub fn is_dirty(&self) -> bool {
        self.synced < self.log.len()
    }

    /// What a crash at this moment leaves: any part of the unflushed tail, from its beginning on; a record that
    /// is not whole is none.
    /// With a mutant a record in the middle is lost, and what comes behind it is not.
    pub fn crash(&mut self, rng: &mut Rng, torn_middle: bool) {
        let survivors = rng.below(self.log.len() - self.synced + 1);
        self.log.truncate(self.synced + survivors);
        if torn_middle && survivors > 1 {
            self.log.remove(self.synced + rng.below(survivors - 1));
        }
        self.synced = self.log.len();
        self.tail = self.recover().fold();
    }

    /// The state that a start makes of the disk: the newest snapshot and the records behind it.
    pub fn recover(&self) -> History {
        let mut state = self.snapshots.last().cloned().unwrap_or_default();
        for entry in &self.log {
            if entry.zxid > state.last {
                state.push(entry.zxid, entry.payload);
            }
        }
        state
    }

    /// Whether this transaction, with this history before it, would survive a crash now.
    pub fn holds(&self, wanted: &Entry) -> bool {
        let log = &self.log[..self.synced];
        let logged = log.binary_search_by_key(&wanted.zxid, |entry| entry.zxid);
        logged.is_ok_and(|at| log[at].fold == wanted.fold)
            || self.snapshots.iter().any(|snapshot| {
                let found = snapshot.find(wanted.zxid);
                found.is_some_and(|entry| entry.fold == wanted.fold)
            })
    }

    /// The last durable transaction: log or snapshot.
    pub fn durable_last(&self) -> Zxid {
        let logged = self.synced.checked_sub(1).map(|last| self.log[last].zxid);
        let snapshot = self.snapshots.last().map(|snapshot| snapshot.last);
        logged.max(snapshot).unwrap_or_default()
    }

    /// A whole snapshot is on disk; there may be newer ones.
    pub fn add_snapshot(&mut self, state: History) {
        self.snapshots.retain(|old| old.last != state.last);
        let at = self.snapshots.partition_point(|old| old.last < state.last);
        self.snapshots.insert(at, state);
    }

    /// Forgets what lies behind `zxid`. Returns the state that is left.
    pub fn truncate(&mut self, zxid: Zxid) -> History {
        self.cut_log(zxid);
        self.snapshots.retain(|snapshot| snapshot.last <= zxid);
        let state = self.recover();
        self.tail = state.fold();
        state
    }

    /// Removes records from the end of the log, down to `zxid`.
    pub fn cut_log(&mut self, zxid: Zxid) {
        self.log
            .truncate(self.log.partition_point(|entry| entry.zxid <= zxid));
        self.synced = self.log.len();
        self.tail = self.recover().fold();
    }

    /// A snapshot from elsewhere takes the place of everything: it is made durable first, then what lies beyond it
    /// goes, snapshots and records.
    pub fn install(&mut self, state: &History) {
        self.snapshots.retain(|old| old.last < state.last);
        self.cut_log(state.last);
        self.snapshots.push(state.clone());
        self.tail = state.fold();
    }

    /// A crash in the middle of [`Disk::install`]: the snapshot is there, and so is everything older and newer.
    pub fn install_half(&mut self, state: &History) {
        self.add_snapshot(state.clone());
        // What is read back follows the newest snapshot, whatever it followed when it was written.
        let recovered = self.recover();
        for entry in &mut self.log {
            if let Some(found) = recovered.find(entry.zxid) {
                *entry = *found;
            }
        }
        self.tail = recovered.fold();
    }

    /// A crash in the middle of [`Disk::truncate`]: snapshots go first, then records from the end on.
    pub fn truncate_half(&mut self, zxid: Zxid, rng: &mut Rng) {
        self.snapshots.retain(|snapshot| snapshot.last <= zxid);
        let kept = self.log.partition_point(|entry| entry.zxid <= zxid);
        let more = rng.below(self.log.len() - kept + 1);
        self.log.truncate(kept + more);
        self.synced = self.log.len();
        self.tail = self.recover().fold();
    }

    /// Old snapshots and records go, but the state at `keep`, which is committed, can still be made.
    pub fn purge(&mut self, keep: Zxid) {
        let Some(oldest) = self
            .snapshots
            .iter()
            .rposition(|snapshot| snapshot.last <= keep)
        else {
            return;
        };
        self.snapshots.drain(..oldest);
        let from = self.snapshots[0].last;
        let gone = self.log[..self.synced].partition_point(|entry| entry.zxid <= from);
        self.log.drain(..gone);
        self.synced -= gone;
    }

    /// The records after `after`, up to `upto`; `None` when the log does not reach back so far or has a hole. The
    /// beginning of an epoch is no record: any record before it does.
    pub fn range(&self, after: Zxid, upto: Zxid) -> Option<Vec<Entry>> {
        let first = self
            .log
            .partition_point(|entry| entry.zxid <= after)
            .checked_sub(1)?;
        if self.log[first].zxid != after && after.counter() != 0 {
            return None;
        }
        let end = self.log.partition_point(|entry| entry.zxid <= upto);
        let range = self.log.get(first..end)?;
        let whole = range.windows(2).all(|pair| pair[1].before == pair[0].fold);
        let reaches = range.last().is_some_and(|last| last.zxid == upto);
        (whole && reaches).then(|| range[1..].to_vec())
    }

    /// The last records, at most so many, that follow each other without a hole.
    pub fn recent(&self, count: usize) -> &[Entry] {
        let mut from = self.log.len().saturating_sub(count);
        let holes = self.log[from..]
            .windows(2)
            .rposition(|pair| pair[1].before != pair[0].fold);
        from += holes.map_or(0, |hole| hole + 1);
        &self.log[from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(number: i32) -> Payload {
        Payload::write(0, number)
    }

    fn disk(records: i32) -> Disk {
        let mut disk = Disk::of(Council::plain(3, 0));
        for number in 1..=records {
            disk.append(Zxid(i64::from(number)), payload(number));
        }
        disk
    }

    #[test]
    fn a_crash_keeps_what_was_flushed_and_perhaps_some_more() {
        let mut seen = [false; 6];
        for seed in 0..100 {
            let mut disk = disk(5);
            assert_eq!(disk.flushed(3), Some(Zxid(3)));
            disk.crash(&mut Rng::new(seed, 0), false);
            assert!(!disk.is_dirty());
            seen[disk.end()] = true;
        }
        assert_eq!(seen, [false, false, false, true, true, true]);
    }

    #[test]
    fn an_empty_disk_is_trusted_once() {
        let mut disk = disk(0);
        assert_eq!(disk.begin(false).last, Zxid::ZERO);
        assert_eq!(disk.begin(false).last, Zxid::ZERO, "it has begun");
        disk.wipe();
        assert_eq!(disk.begin(false).last, Zxid(-1));
        assert_eq!(disk.begin(true).last, Zxid::ZERO);
    }

    #[test]
    fn a_disk_that_lies_loses_it() {
        let mut disk = disk(5);
        disk.flushes = false;
        disk.flushed(5);
        assert_eq!(disk.durable_last(), Zxid::ZERO);
        assert!(disk.is_dirty());
    }

    #[test]
    fn truncation_undoes_records_and_snapshots() {
        let mut disk = disk(5);
        disk.flushed(5);
        let whole = disk.recover();
        disk.add_snapshot(whole);
        assert_eq!(disk.truncate(Zxid(3)).last, Zxid(3));
        assert_eq!(disk.recover().last, Zxid(3));
        disk.append(Zxid(1 << 32), payload(9));
        assert_eq!(disk.recover().entries.len(), 4);
    }

    #[test]
    fn an_installed_snapshot_replaces_everything_and_purging_keeps_what_is_needed() {
        let mut other = disk(9);
        other.flushed(9);
        let mut disk = disk(2);
        disk.flushed(2);
        disk.install(&other.recover());
        assert_eq!(disk.recover().fold(), other.recover().fold());
        disk.append(Zxid(10), payload(10));
        disk.flushed(disk.end());
        assert_eq!(disk.range(Zxid(2), Zxid(10)), None, "there is a hole");
        disk.purge(Zxid(9));
        assert_eq!(disk.end(), 1);
        assert_eq!(disk.recover().last, Zxid(10));
        disk.append(Zxid(11), payload(11));
        assert_eq!(
            disk.range(Zxid(10), Zxid(11)).map(|range| range.len()),
            Some(1)
        );
    }
}

//! The last committed transactions, kept for learners that come back soon. What a learner is sent from it is for
//! `catchup` to say. Upstream: `ZKDatabase.committedLog`.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::types::Zxid;
use crate::types::limits;

/// How many times its usual length a backlog may grow for learners that are being sent the log.
const PINNED_FACTOR: usize = 64;

/// A run of transactions that ends with the last one applied.
#[derive(Debug, Clone)]
pub(crate) struct Backlog {
    /// In ascending order.
    txns: VecDeque<(Zxid, Bytes)>,
    /// The length of their bodies.
    bytes: usize,
    /// How many are kept, if they are not too large.
    limit: usize,
    /// This transaction and what lies behind it are kept longer: somebody will ask for it.
    pinned: Option<Zxid>,
}

impl Backlog {
    /// Begins with `recent`, in ascending order.
    pub(crate) fn new(limit: usize, recent: Vec<(Zxid, Bytes)>) -> Self {
        let ascending = recent.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(ascending, "recent transactions come in order");
        let mut backlog = Backlog {
            bytes: recent.iter().map(|(_, body)| body.len()).sum(),
            txns: recent.into(),
            limit,
            pinned: None,
        };
        backlog.evict();
        backlog
    }

    /// Its first and its last transaction.
    pub(crate) fn bounds(&self) -> Option<(Zxid, Zxid)> {
        let (first, last) = (self.txns.front()?, self.txns.back()?);
        Some((first.0, last.0))
    }

    /// Adds the transaction that was applied last.
    pub(crate) fn push(&mut self, zxid: Zxid, body: Bytes) {
        if let Some((last, _)) = self.txns.back() {
            let follows = zxid == last.next() || zxid.epoch() > last.epoch();
            assert!(follows, "D-6: {zxid} is applied after {last}");
        }
        self.bytes += body.len();
        self.txns.push_back((zxid, body));
        self.evict();
    }

    /// Keeps this transaction and what lies behind it for longer than usual, if memory allows.
    pub(crate) fn pin(&mut self, from: Option<Zxid>) {
        self.pinned = from;
        self.evict();
    }

    /// Whether nothing that was committed behind this transaction is missing here.
    pub(crate) fn reaches(&self, zxid: Zxid) -> bool {
        let followed = |first: Zxid| first <= zxid || first == zxid.next();
        self.txns.front().is_some_and(|(first, _)| followed(*first))
    }

    /// What lies behind a transaction, in order.
    pub(crate) fn behind(&self, zxid: Zxid) -> impl Iterator<Item = &(Zxid, Bytes)> {
        let start = self.txns.partition_point(|(at, _)| *at <= zxid);
        self.txns.range(start..)
    }

    /// The first transaction at or behind this one, and the one before it.
    pub(crate) fn around(&self, zxid: Zxid) -> (Option<Zxid>, Option<Zxid>) {
        let at = self.txns.partition_point(|(at, _)| *at < zxid);
        let zxid_at = |index: usize| self.txns.get(index).map(|(zxid, _)| *zxid);
        (at.checked_sub(1).and_then(zxid_at), zxid_at(at))
    }

    /// Forgets everything behind this transaction.
    pub(crate) fn cut(&mut self, keep: Zxid) {
        while let Some((_, body)) = self.txns.pop_back_if(|(at, _)| *at > keep) {
            self.bytes -= body.len();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.txns.clear();
        self.bytes = 0;
    }

    /// The last transaction stays, whatever its length: the others can then be told to be behind it.
    fn evict(&mut self) {
        while self.txns.len() > self.limit || (self.too_large() && self.txns.len() > 1) {
            let pinned = |zxid: Zxid| self.pinned.is_some_and(|from| zxid >= from);
            let room = self.txns.len() <= self.limit.saturating_mul(PINNED_FACTOR);
            let first = self.txns.front().expect("it is longer than its limit").0;
            if pinned(first) && room && !self.too_large() {
                break;
            }
            let (_, body) = self.txns.pop_front().expect("it has a first");
            self.bytes -= body.len();
        }
    }

    /// Learners are then sent the log instead.
    fn too_large(&self) -> bool {
        self.bytes > limits::BACKLOG_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn backlog(limit: usize, zxids: impl IntoIterator<Item = i64>) -> Backlog {
        let txn = |zxid| (Zxid(zxid), Bytes::new());
        Backlog::new(limit, zxids.into_iter().map(txn).collect())
    }

    fn zxids(backlog: &Backlog) -> Vec<i64> {
        backlog
            .behind(Zxid(i64::MIN))
            .map(|(zxid, _)| zxid.0)
            .collect()
    }

    #[test]
    fn the_oldest_go_first() {
        let mut backlog = backlog(3, 1..=4);
        assert_eq!(zxids(&backlog), [2, 3, 4]);
        backlog.push(Zxid(5), Bytes::new());
        assert_eq!(backlog.bounds(), Some((Zxid(3), Zxid(5))));
    }

    #[test]
    fn large_transactions_leave_less_room() {
        let body = Bytes::from(vec![0; limits::BACKLOG_BYTES_MAX / 4]);
        let mut backlog = Backlog::new(100, vec![]);
        backlog.pin(Some(Zxid(0)));
        (1..=6).for_each(|zxid| backlog.push(Zxid(zxid), body.clone()));
        assert_eq!(zxids(&backlog), [3, 4, 5, 6]);
        backlog.cut(Zxid(3));
        backlog.push(Zxid(4), body.clone());
        assert_eq!(zxids(&backlog), [3, 4]);
        let huge = Bytes::from(vec![0; limits::BACKLOG_BYTES_MAX + 1]);
        backlog.push(Zxid(5), huge);
        assert_eq!(zxids(&backlog), [5]);
    }

    #[test]
    fn what_is_pinned_stays_until_it_is_not() {
        let mut backlog = backlog(2, [1, 2]);
        backlog.pin(Some(Zxid(2)));
        for zxid in 3..=6 {
            backlog.push(Zxid(zxid), Bytes::new());
        }
        assert_eq!(zxids(&backlog), [2, 3, 4, 5, 6]);
        assert!(backlog.reaches(Zxid(1)) && !backlog.reaches(Zxid(0)));
        backlog.pin(None);
        assert_eq!(zxids(&backlog), [5, 6]);
    }

    #[test]
    fn a_pin_does_not_hold_for_ever() {
        let mut backlog = backlog(2, []);
        backlog.pin(Some(Zxid(0)));
        for zxid in 1..=1000 {
            backlog.push(Zxid(zxid), Bytes::new());
        }
        assert_eq!(zxids(&backlog).len(), 2 * PINNED_FACTOR);
    }

    #[test]
    fn cutting_keeps_what_comes_before() {
        let mut backlog = backlog(9, 1..=5);
        backlog.cut(Zxid(3));
        assert_eq!(zxids(&backlog), [1, 2, 3]);
        backlog.clear();
        assert_eq!(backlog.bounds(), None);
        assert!(!backlog.reaches(Zxid(3)));
    }

    proptest! {
        #[test]
        fn looking_up_agrees_with_looking_through(
            set in prop::collection::btree_set(0..40i64, 0..20),
            at in -1..41i64,
        ) {
            let backlog = backlog(99, set.iter().copied());
            let behind: Vec<i64> = backlog.behind(Zxid(at)).map(|(zxid, _)| zxid.0).collect();
            prop_assert_eq!(behind, set.range(at + 1..).copied().collect::<Vec<_>>());
            let (before, from) = backlog.around(Zxid(at));
            prop_assert_eq!(before.map(|zxid| zxid.0), set.range(..at).next_back().copied());
            prop_assert_eq!(from.map(|zxid| zxid.0), set.range(at..).next().copied());
        }
    }
}

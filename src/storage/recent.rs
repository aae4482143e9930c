//! The last transactions of a recovery, for those that are only a little behind. Keeps bodies; knows
//! nothing of who gets them. For a recovery that hands every body to it; one that does not pays nothing.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::types::Zxid;

/// The last transactions that were seen.
#[derive(Debug, Clone, Default)]
pub struct RecentTxns {
    max: usize,
    txns: VecDeque<(Zxid, Vec<u8>)>,
}

impl RecentTxns {
    /// Keeps at most `max` (`zookeeper.commitLogCount`).
    pub fn new(max: usize) -> Self {
        RecentTxns {
            max,
            txns: VecDeque::new(),
        }
    }

    /// Another transaction: for [`RecoveryVisitor::txn`](crate::storage::recover::RecoveryVisitor::txn).
    /// One that is not after the last is left out, as Apache leaves it out.
    // apache 3.9.5: server/ZKDatabase.java addCommittedProposal
    #[inline]
    pub fn push(&mut self, zxid: Zxid, body: &[u8]) {
        if self.max == 0 || self.txns.back().is_some_and(|(last, _)| zxid <= *last) {
            return;
        }
        // A long replay copies into the same few buffers over and over.
        let mut kept = match self.txns.len() < self.max {
            true => Vec::new(),
            false => self.txns.pop_front().map_or_else(Vec::new, |(_, old)| old),
        };
        kept.clear();
        kept.extend_from_slice(body);
        self.txns.push_back((zxid, kept));
    }

    /// Forgets everything: for [`RecoveryVisitor::begin`](crate::storage::recover::RecoveryVisitor::begin).
    pub fn clear(&mut self) {
        self.txns.clear();
    }

    /// What is kept, oldest first, in no more memory than it needs.
    pub fn into_backlog(self) -> Vec<(Zxid, Bytes)> {
        let txns = self.txns.into_iter();
        txns.map(|(zxid, body)| (zxid, Bytes::copy_from_slice(&body)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_later_is_left_out() {
        let mut recent = RecentTxns::new(3);
        for zxid in [4, 5, 5, 3, 6] {
            recent.push(Zxid(zxid), b"body");
        }
        let kept: Vec<_> = recent.clone().into_backlog();
        assert_eq!(
            kept.iter().map(|(zxid, _)| zxid.0).collect::<Vec<_>>(),
            [4, 5, 6]
        );
        recent.clear();
        recent.push(Zxid(1), b"");
        assert_eq!(recent.into_backlog(), [(Zxid(1), Bytes::new())]);
    }

    proptest! {
        #[test]
        fn the_last_ones_are_kept_whole(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..40),
            max in 0_usize..12,
        ) {
            let mut recent = RecentTxns::new(max);
            let all: Vec<_> = (1..).map(Zxid).zip(bodies).collect();
            for (zxid, body) in &all {
                recent.push(*zxid, body);
            }
            let last = &all[all.len().saturating_sub(max)..];
            let last: Vec<_> = last.iter().map(|(zxid, body)| (*zxid, Bytes::from(body.clone()))).collect();
            prop_assert_eq!(recent.into_backlog(), last);
        }
    }
}

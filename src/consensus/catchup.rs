//! How a learner that comes back is brought to where its leader is: the decision only. Who sends what, and when,
//! is for `leader` to say. Upstream: `LearnerHandler.syncFollower`.

use crate::consensus::backlog::Backlog;
use crate::types::Zxid;

/// What the decision depends on, besides the backlog.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    /// The last transaction the learner has.
    pub(crate) learner: Zxid,
    /// The last transaction applied here.
    pub(crate) last: Zxid,
    /// Whether the log on disk may be read for it.
    pub(crate) log_sync: bool,
    /// Whether every learner gets a snapshot.
    pub(crate) force_snapshot: bool,
}

/// What a learner is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// `DIFF(head)`, then the backlog behind `after`.
    Diff {
        /// What the packet says.
        head: Zxid,
        /// What the learner has.
        after: Zxid,
    },
    /// `TRUNC(keep)`, then the backlog behind it.
    Truncate {
        /// The last transaction that is common to both.
        keep: Zxid,
    },
    /// `DIFF(head)`, then the log behind what the learner has; a snapshot if the log does not reach that far.
    Log {
        /// What the packet says.
        head: Zxid,
    },
    /// A snapshot.
    Snapshot,
}

/// Decides.
// apache 3.9.5: server/quorum/LearnerHandler.java syncFollower, queueCommittedProposals
pub(crate) fn plan(gap: Gap, backlog: &Backlog) -> Plan {
    let Gap { learner, last, .. } = gap;
    if gap.force_snapshot {
        return Plan::Snapshot;
    }
    if learner == last {
        return Plan::Diff {
            head: learner,
            after: learner,
        };
    }
    let (min, max) = backlog.bounds().unwrap_or((last, last));
    // The learner led or joined an epoch and has nothing of it yet: there is nothing it could cut off.
    let fresh_epoch = learner.counter() == 0;
    if learner > max && !fresh_epoch {
        return Plan::Truncate { keep: max };
    }
    if (min..=max).contains(&learner) {
        return walk(learner, max, fresh_epoch, backlog);
    }
    match learner < min && gap.log_sync {
        true => Plan::Log { head: max },
        false => Plan::Snapshot,
    }
}

/// The learner's last transaction lies within the backlog's bounds.
fn walk(learner: Zxid, max: Zxid, fresh_epoch: bool, backlog: &Backlog) -> Plan {
    let diff = Plan::Diff {
        head: max,
        after: learner,
    };
    match backlog.around(learner) {
        (_, Some(found)) if found == learner => diff,
        _ if fresh_epoch => diff,
        (Some(before), Some(found)) if found.epoch() == learner.epoch() => {
            Plan::Truncate { keep: before }
        }
        // Cutting across an epoch would be a guess.
        _ => Plan::Snapshot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn zxid((epoch, counter): (i64, i64)) -> Zxid {
        Zxid(epoch << 32 | counter)
    }

    fn gap(last: (i64, i64), learner: (i64, i64)) -> Gap {
        Gap {
            learner: zxid(learner),
            last: zxid(last),
            log_sync: true,
            force_snapshot: false,
        }
    }

    fn backlog(txns: &[(i64, i64)]) -> Backlog {
        let txns = txns.iter().map(|at| (zxid(*at), Bytes::new()));
        Backlog::new(500, txns.collect())
    }

    type At = (i64, i64);

    fn diff(head: At, after: At) -> Plan {
        Plan::Diff {
            head: zxid(head),
            after: zxid(after),
        }
    }

    fn truncate(keep: At) -> Plan {
        Plan::Truncate { keep: zxid(keep) }
    }

    fn log(head: At) -> Plan {
        Plan::Log { head: zxid(head) }
    }

    /// What Apache's server was seen to do, row by row. Where the log on disk decides, it is asked first.
    #[test]
    fn every_observed_decision() {
        let rows: &[(At, &[At], At, Plan)] = &[
            ((1, 5), &[], (1, 5), diff((1, 5), (1, 5))),
            ((1, 5), &[], (1, 7), truncate((1, 5))),
            ((1, 5), &[], (1, 3), log((1, 5))),
            (
                (1, 5),
                &[(1, 2), (1, 3), (1, 4), (1, 5)],
                (1, 3),
                diff((1, 5), (1, 3)),
            ),
            (
                (1, 9),
                &[(1, 2), (1, 3), (1, 8), (1, 9)],
                (1, 5),
                truncate((1, 3)),
            ),
            ((2, 2), &[(1, 2), (2, 1), (2, 2)], (1, 5), Plan::Snapshot),
            ((1, 5), &[(1, 4), (1, 5)], (1, 7), truncate((1, 5))),
            ((3, 1), &[(1, 4), (3, 1)], (3, 0), diff((3, 1), (3, 0))),
            ((1, 5), &[(1, 4), (1, 5)], (3, 0), Plan::Snapshot),
            ((3, 0), &[(1, 4), (1, 5)], (1, 5), diff((1, 5), (1, 5))),
            ((1, 9), &[(1, 5), (1, 9)], (1, 2), log((1, 9))),
            ((1, 9), &[(1, 7), (1, 9)], (1, 2), log((1, 9))),
            ((1, 2), &[(1, 1), (1, 2)], (0, 0), log((1, 2))),
        ];
        for (last, txns, learner, want) in rows {
            let got = plan(gap(*last, *learner), &backlog(txns));
            assert_eq!(got, *want, "last {last:?} of {txns:?}, learner {learner:?}");
        }
    }

    #[test]
    fn without_the_log_whoever_is_behind_the_backlog_gets_a_snapshot() {
        let gap = Gap {
            log_sync: false,
            ..gap((1, 9), (1, 2))
        };
        assert_eq!(plan(gap, &backlog(&[(1, 5), (1, 9)])), Plan::Snapshot);
    }

    #[test]
    fn a_forced_snapshot_comes_first() {
        let gap = Gap {
            force_snapshot: true,
            ..gap((1, 5), (1, 5))
        };
        assert_eq!(plan(gap, &backlog(&[])), Plan::Snapshot);
    }

    #[test]
    fn an_untrusted_empty_learner_is_behind_everything() {
        let gap = Gap {
            learner: Zxid(-1),
            ..gap((1, 5), (0, 0))
        };
        assert_eq!(plan(gap, &backlog(&[(1, 5)])), log((1, 5)));
    }
}

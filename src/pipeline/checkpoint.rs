//! When to roll the log and start a snapshot. The jitter, which keeps the members of an ensemble from
//! doing it all at once, is handed in.

/// Counts towards the next snapshot.
#[derive(Debug)]
pub struct Checkpoint {
    snap_count: u64,
    size_limit_bytes: Option<u64>,
    count_jitter: u64,
    size_jitter: u64,
    records: u64,
}

impl Checkpoint {
    /// `snap_count` transactions (`snapCount`, at least 2) or `size_limit_bytes` of log
    /// (`snapSizeLimitInKb`; `None`: no limit). `random` is any number.
    pub fn new(snap_count: u64, size_limit_bytes: Option<u64>, random: u64) -> Self {
        let mut checkpoint = Checkpoint {
            snap_count: snap_count.max(2),
            size_limit_bytes,
            count_jitter: 0,
            size_jitter: 0,
            records: 0,
        };
        checkpoint.restart(random);
        checkpoint
    }

    fn restart(&mut self, random: u64) {
        self.records = 0;
        self.count_jitter = random % (self.snap_count / 2).max(1);
        self.size_jitter = self
            .size_limit_bytes
            .map_or(0, |limit| random % (limit / 2).max(1));
    }

    /// Records were appended; the files since the last snapshot hold `log_bytes`. Returns whether a
    /// snapshot is due, and then counts afresh with new jitter.
    // apache 3.9.5: server/SyncRequestProcessor.java shouldSnapshot
    pub fn appended(&mut self, records: u64, log_bytes: u64, random: u64) -> bool {
        self.records += records;
        let by_count = self.records > self.snap_count / 2 + self.count_jitter;
        let by_size = self
            .size_limit_bytes
            .is_some_and(|limit| log_bytes > limit / 2 + self.size_jitter);
        if by_count || by_size {
            self.restart(random);
        }
        by_count || by_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_between_half_and_all_of_the_count() {
        for random in [0, 17, 49, 12345] {
            let mut checkpoint = Checkpoint::new(100, None, random);
            let due = (1..).find(|_| checkpoint.appended(1, 0, random)).unwrap();
            assert!((51..=101).contains(&due), "{due} with {random}");
        }
    }

    #[test]
    fn size_counts_too() {
        let mut checkpoint = Checkpoint::new(1_000_000, Some(1000), 3);
        assert!(!checkpoint.appended(1, 503, 3));
        assert!(checkpoint.appended(1, 504, 3));
    }
}

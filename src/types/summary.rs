//! Values added up, as metrics show them.

/// Values added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: i64,
    /// The least; 0 before the first.
    pub min: i64,
    /// The greatest; 0 before the first.
    pub max: i64,
}

impl Summary {
    /// A value that is the only one.
    pub fn of(value: i64) -> Self {
        Summary {
            count: 1,
            sum: value,
            min: value,
            max: value,
        }
    }

    /// One more.
    pub fn add(&mut self, value: i64) {
        if self.count == 0 {
            *self = Summary::of(value);
            return;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// One more, unless it is negative: the time between readings of two servers' clocks.
    // apache 3.9.5: server/Request.java logLatency
    pub fn add_latency(&mut self, ms: i64) {
        if ms >= 0 {
            self.add(ms);
        }
    }

    /// Those of another one as well.
    pub fn merge(&mut self, other: Summary) {
        if self.count == 0 || other.count == 0 {
            *self = if self.count == 0 { other } else { *self };
            return;
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Their mean; 0 before the first.
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn avg(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        self.sum as f64 / self.count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_add_up_and_clocks_that_disagree_do_not_count() {
        let mut summary = Summary::default();
        for value in [7, -1, 3] {
            summary.add_latency(value);
        }
        let want = Summary {
            count: 2,
            sum: 10,
            min: 3,
            max: 7,
        };
        assert_eq!(summary, want);
        assert!((summary.avg() - 5.0).abs() < f64::EPSILON);
        summary.add(-2);
        assert_eq!((summary.min, summary.sum), (-2, 8));
        let mut merged = Summary::default();
        for part in [
            Summary::default(),
            summary,
            Summary::of(9),
            Summary::default(),
        ] {
            merged.merge(part);
        }
        assert_eq!(
            (merged.count, merged.sum, merged.min, merged.max),
            (4, 17, -2, 9)
        );
    }
}

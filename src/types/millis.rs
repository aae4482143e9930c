//! Readings of a clock, handed in from outside. Holding a time is not reading a clock.

/// Milliseconds: since the Unix epoch for transaction times, since an arbitrary origin for deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// This time and `millis` later; saturating.
    #[must_use]
    pub fn plus(self, millis: i64) -> Millis {
        Millis(self.0.saturating_add(millis))
    }
}

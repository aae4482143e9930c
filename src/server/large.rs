//! The memory that large requests in process may take together (`largeRequest*`).

use std::sync::atomic::{AtomicUsize, Ordering};

/// A budget that large requests draw from until they are answered.
#[derive(Debug)]
pub struct LargeRequests {
    /// A frame longer than this is large; `usize::MAX`: none is.
    threshold: usize,
    /// Bytes of all together.
    max: usize,
    used: AtomicUsize,
}

impl LargeRequests {
    /// A full budget. Frames of more than `threshold` bytes draw on it; `None`: none does.
    pub fn new(threshold: Option<usize>, max: usize) -> Self {
        LargeRequests {
            threshold: threshold.unwrap_or(usize::MAX),
            max,
            used: AtomicUsize::new(0),
        }
    }

    /// Whether a large frame of this length would have room now.
    pub fn fits(&self, bytes: usize) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.max
    }

    /// Takes room for a large frame; false, and nothing taken, when there is none.
    pub fn take(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.max)
            })
            .is_ok()
    }

    /// A frame of this length is finished. Frames that are not large took nothing and give nothing.
    pub fn finished(&self, bytes: u32) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > self.threshold {
            let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
            assert!(
                before >= bytes,
                "{bytes} bytes of a large request given back, {before} taken"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let large = LargeRequests::new(Some(10), 100);
        assert!(large.take(60));
        assert!(large.fits(40) && !large.fits(41));
        assert!(!large.take(41), "and nothing is taken");
        assert!(large.take(40));
        large.finished(10);
        assert!(!large.fits(1), "10 bytes are not large");
        large.finished(60);
        assert!(large.take(60));
    }

    #[test]
    fn without_a_threshold_nothing_is_large() {
        let large = LargeRequests::new(None, 1);
        large.finished(u32::MAX);
        assert!(large.fits(1));
    }
}

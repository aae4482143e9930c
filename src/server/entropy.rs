//! The only place that draws a random number.

use std::hash::{BuildHasher, RandomState};

/// 64 random bits: for seeds and jitter, not for secrets.
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

//! The only place that draws a random number.

use std::hash::{BuildHasher, RandomState};

/// A random number from 0 (included) to 1 (excluded).
pub fn chance() -> f64 {
    const HALF_BITS: u32 = 32;
    let high = u32::try_from(random() >> HALF_BITS).expect("32 bits are left");
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

/// 64 random bits: for seeds and jitter, not for secrets.
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

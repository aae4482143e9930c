//! Transaction numbers.

use std::fmt;

/// A transaction's number: epoch in the upper 32 bits, counter in the lower. Ordered as a signed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zxid(pub i64);

impl Zxid {
    /// Before the first transaction.
    pub const ZERO: Zxid = Zxid(0);

    /// The next one.
    ///
    /// # Panics
    /// At the end of the number space, 2^63 transactions away.
    #[must_use]
    pub fn next(self) -> Zxid {
        Zxid(
            self.0
                .checked_add(1)
                .expect("the zxid space of 2^63 is not exhausted"),
        )
    }

    /// The last of its epoch that is ever given: Apache's leaders resign instead of giving the one whose counter is
    /// all ones.
    #[must_use]
    pub fn last_of_epoch(self) -> Zxid {
        Zxid(self.0 >> 32 << 32 | 0xffff_fffe)
    }

    /// The epoch: which leader proposed it.
    pub fn epoch(self) -> i64 {
        self.0 >> 32
    }

    /// The counter within the epoch.
    pub fn counter(self) -> i64 {
        self.0 & 0xffff_ffff
    }
}

/// Java's form: lower-case hexadecimal after `0x`.
impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

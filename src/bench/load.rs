//! What one connection asks next: templates, numbers, and a seeded source of chance.

use std::time::Instant;

use crate::bench::frames::Template;
use crate::bench::session::Session;

/// A small source of chance (SplitMix64), the same on every run with the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// A source for one of many users of the same seed.
    pub(crate) fn new(seed: u64, user: u64) -> Self {
        let mut chance = Chance(seed ^ user.wrapping_mul(0xd6e8_feb8_6659_fd93));
        chance.next();
        chance
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; `bound` is at least 1. The bias is below 2^-32 for bounds that fit in 32 bits.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// This many letters, to fill a payload with.
    pub(crate) fn letters(&mut self, count: usize) -> Vec<u8> {
        let letter = |at: u64| b'a' + u8::try_from(at).expect("an index into 26 letters");
        (0..count).map(|_| letter(self.below(26))).collect()
    }
}

/// The requests of one connection.
#[derive(Debug, Clone)]
pub(crate) enum Load {
    /// Endless: one of two kinds of request, each about random keys.
    Random {
        /// Asked this often.
        first: Template,
        /// Percent of `first`.
        first_percent: u64,
        /// Asked otherwise.
        second: Template,
        /// Numbers are drawn from `0..keys`.
        keys: u64,
        /// Draws them.
        chance: Chance,
    },
    /// The same request about one number after the other.
    Sequence {
        /// The request. With two numbers in its path: the row and the column of a table.
        template: Template,
        /// Columns of that table; 1 for a path with one number.
        columns: u64,
        /// The next number.
        next: u64,
        /// Where it ends.
        end: u64,
    },
}

impl Load {
    /// Queues the next request; `false` when there is none.
    pub(crate) fn send(&mut self, session: &mut Session, now: Instant) -> bool {
        match self {
            Load::Random {
                first,
                first_percent,
                second,
                keys,
                chance,
            } => {
                let template = if chance.below(100) < *first_percent {
                    first
                } else {
                    second
                };
                session.request(template, || chance.below(*keys), now);
            }
            Load::Sequence {
                template,
                columns,
                next,
                end,
            } => {
                if next == end {
                    return false;
                }
                let mut numbers = [*next / *columns, *next % *columns].into_iter();
                let number = || numbers.next().expect("a path has two numbers at most");
                session.request(template, number, now);
                *next += 1;
            }
        }
        true
    }
}

/// Splits a table with `rows` of `columns` into `parts` sequences of the same request, as even as can be.
pub(crate) fn split_sequence(
    template: &Template,
    rows: u64,
    columns: u64,
    parts: usize,
) -> Vec<Load> {
    let count = rows * columns;
    let parts_wide = u64::try_from(parts).expect("a count of connections");
    (0..parts_wide)
        .map(|part| Load::Sequence {
            template: template.clone(),
            columns,
            next: count * part / parts_wide,
            end: count * (part + 1) / parts_wide,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::frames;

    #[test]
    fn chance_repeats_with_its_seed_and_differs_between_users() {
        let draw = |seed, user| {
            let mut chance = Chance::new(seed, user);
            (0..8).map(|_| chance.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert!(
            Chance::new(0, 0)
                .letters(50)
                .iter()
                .all(u8::is_ascii_lowercase)
        );
    }

    #[test]
    fn a_split_sequence_covers_every_number_once() {
        let loads = split_sequence(&frames::ping(), 5, 2, 3);
        let ranges: Vec<_> = loads
            .iter()
            .map(|load| match load {
                Load::Sequence { next, end, .. } => (*next, *end),
                Load::Random { .. } => panic!("a sequence was asked for"),
            })
            .collect();
        assert_eq!(ranges, [(0, 3), (3, 6), (6, 10)]);
    }
}

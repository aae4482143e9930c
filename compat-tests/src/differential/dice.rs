//! Numbers from a seed.

/// A source of chance that says the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall the same way for this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `sides`, which is not zero.
    pub fn below(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).expect("a length fits in 64 bits");
        usize::try_from(self.roll() % sides).expect("it is below a length")
    }

    /// One of several; not none.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// True once in so many times.
    pub fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// One of several, each as likely as its weight says.
    pub fn weighed<T: Clone>(&mut self, choices: &[(usize, T)]) -> T {
        let whole = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(whole);
        for (weight, choice) in choices {
            if left < *weight {
                return choice.clone();
            }
            left -= weight;
        }
        unreachable!("the weights add up to the whole")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_it_all() {
        let (mut one, mut two) = (Dice::new(7), Dice::new(7));
        assert_eq!([one.roll(), one.roll()], [two.roll(), two.roll()]);
        assert_ne!(Dice::new(8).roll(), Dice::new(7).roll());
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1);
        let hits = (0..1000).filter(|_| dice.weighed(&[(1, true), (3, false)]));
        assert!((200..300).contains(&hits.count()));
    }
}

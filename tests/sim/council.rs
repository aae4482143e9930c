//! Who belongs to an ensemble, as the simulation knows it: small enough to be part of a transaction, and with an oracle
//! for quorums that is not the one under test.

use std::fmt;

use oxkeeper::types::Zxid;

/// A set of members, a bit for each.
pub type Set = u16;

/// A set with this member only.
pub fn only(member: usize) -> Set {
    1 << member
}

/// The members in a set.
pub fn each(set: Set) -> impl Iterator<Item = usize> {
    (0..16).filter(move |member| set & only(*member) != 0)
}

/// The first so many members.
pub fn first(count: usize) -> Set {
    (0..count).map(only).sum()
}

/// A membership without its version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Council {
    pub voters: Set,
    pub observers: Set,
    /// Whose quorum port is the other one of two.
    pub moved: Set,
    /// What each voter counts for; `None`: each the same.
    pub shares: Option<Shares>,
}

/// A voter's part in a hierarchical quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub group: i64,
    pub weight: i64,
}

/// The shares of all members, groups and weights from 0 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Shares(u64);

impl Shares {
    pub fn of(self, member: usize) -> Share {
        let bits = |at: usize| i64::try_from(self.0 >> (4 * member + at) & 3).expect("two bits");
        Share {
            group: bits(0),
            weight: bits(2),
        }
    }

    pub fn with(self, member: usize, share: Share) -> Shares {
        let bits = u64::try_from(share.group | share.weight << 2).expect("four bits");
        Shares(self.0 & !(15 << (4 * member)) | bits << (4 * member))
    }
}

impl Council {
    /// The first so many vote, the next ones observe.
    pub fn plain(voters: usize, observers: usize) -> Council {
        Council {
            voters: first(voters),
            observers: first(voters + observers) & !first(voters),
            moved: 0,
            shares: None,
        }
    }

    /// Without places of strangers, and without shares of those that do not vote: as it comes back out of its text.
    pub fn tidy(self) -> Council {
        let tidied = |shares: Shares| {
            let voters = each(self.voters);
            voters.fold(Shares::default(), |all, voter| {
                all.with(voter, shares.of(voter))
            })
        };
        Council {
            moved: self.moved & (self.voters | self.observers),
            shares: self.shares.map(tidied),
            ..self
        }
    }

    pub fn votes(&self, member: usize) -> bool {
        self.voters & only(member) != 0
    }

    pub fn has(&self, member: usize) -> bool {
        (self.voters | self.observers) & only(member) != 0
    }

    pub fn is_moved(&self, member: usize) -> bool {
        self.moved & only(member) != 0
    }

    /// Whether these members decide. An oracle of its own: slow, and not the one that is under test.
    pub fn is_quorum(&self, of: impl Fn(usize) -> bool) -> bool {
        let Some(shares) = self.shares else {
            let agreed = each(self.voters).filter(|voter| of(*voter)).count();
            return agreed * 2 > each(self.voters).count();
        };
        let weight = |group: i64, counts: &dyn Fn(usize) -> bool| -> i64 {
            let inside = each(self.voters).filter(|voter| shares.of(*voter).group == group);
            let counted = inside.filter(|voter| counts(*voter));
            counted.map(|voter| shares.of(voter).weight).sum()
        };
        let counted: Vec<i64> = (0..4)
            .filter(|group| weight(*group, &|_| true) > 0)
            .collect();
        let won = |group: &&i64| weight(**group, &of) * 2 > weight(**group, &|_| true);
        counted.iter().filter(won).count() * 2 > counted.len()
    }
}

/// Server ids, and places that are not the usual ones.
impl fmt::Debug for Council {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = |set: Set| each(set).map(|member| member + 1).collect::<Vec<_>>();
        write!(f, "voters {:?}", ids(self.voters))?;
        if self.observers != 0 {
            write!(f, ", observers {:?}", ids(self.observers))?;
        }
        if self.moved != 0 {
            write!(f, ", moved {:?}", ids(self.moved))?;
        }
        if let Some(shares) = self.shares {
            let share = |voter| (shares.of(voter).group, shares.of(voter).weight);
            let shares: Vec<_> = each(self.voters).map(share).collect();
            write!(f, ", groups and weights {shares:?}")?;
        }
        Ok(())
    }
}

/// A membership with its version: the number of the transaction that made it, or of the epoch that began with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charter {
    pub version: Zxid,
    pub council: Council,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_majorities() {
        let council = Council::plain(3, 2);
        assert!(council.is_quorum(|member| member < 2));
        assert!(!council.is_quorum(|member| member == 0 || member > 2));
    }

    #[test]
    fn groups_decide_by_weight_and_a_group_without_weight_not_at_all() {
        let shares = [(1, 3), (1, 1), (2, 1), (3, 0), (3, 0)];
        let shares = shares.iter().enumerate();
        let shares = shares.fold(Shares::default(), |all, (voter, (group, weight))| {
            let (group, weight) = (*group, *weight);
            all.with(voter, Share { group, weight })
        });
        let council = Council {
            shares: Some(shares),
            ..Council::plain(5, 0)
        };
        assert!(council.is_quorum(|member| member == 0 || member == 2));
        assert!(!council.is_quorum(|member| member != 0));
        assert!(!council.is_quorum(|member| member < 2));
    }
}

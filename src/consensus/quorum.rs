//! When enough servers agree. Counting only: what they agree on, and until when, is for others to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Membership;
use crate::types::ServerId;

/// The voters of one membership, and how their voices are counted (`QuorumMaj`, `QuorumHierarchical`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Electorate {
    version: i64,
    /// In ascending order.
    voters: Vec<ServerId>,
    rule: Rule,
    /// Whether one of two is enough: an oracle says so.
    lone: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// More than half of the voters.
    Majority,
    /// More than half of the groups, each with more than half of its weight.
    Groups {
        groups: Vec<Group>,
        /// How many there are, without those that weigh nothing. (They can still be won, if weights are negative.)
        counted: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Group {
    /// Who votes in it, and what that counts.
    voters: Vec<(ServerId, i64)>,
    /// Of all its servers.
    weight: i64,
}

impl Electorate {
    /// The electorate of a membership.
    pub fn of(membership: &Membership) -> Self {
        Electorate {
            version: membership.version,
            voters: membership.voters().collect(),
            rule: rule(membership),
            lone: false,
        }
    }

    /// Whether this server's voice counts.
    pub fn is_voter(&self, id: ServerId) -> bool {
        self.voters.binary_search(&id).is_ok()
    }

    /// Who votes, in ascending order.
    pub fn voters(&self) -> &[ServerId] {
        &self.voters
    }

    /// Whether the voters for which `agrees` holds are a quorum. Nobody else is asked.
    pub fn reached(&self, agrees: impl Fn(ServerId) -> bool) -> bool {
        match &self.rule {
            Rule::Majority => {
                let voices = self.voters.iter().filter(|id| agrees(**id)).count();
                // apache 3.9.5: server/quorum/flexible/QuorumOracleMaj.java containsQuorum
                let lone = self.lone && self.voters.len() == 2 && voices == 1;
                voices > self.voters.len() / 2 || lone
            }
            Rule::Groups { groups, counted } => {
                let won = groups.iter().filter(|group| group.won(&agrees)).count();
                won > counted / 2
            }
        }
    }

    /// Whether the voters among `servers` are a quorum (`containsQuorum`).
    pub fn contains(&self, servers: &BTreeSet<ServerId>) -> bool {
        self.reached(|id| servers.contains(&id))
    }
}

// apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java computeGroupWeight
fn rule(membership: &Membership) -> Rule {
    let Some(groups) = &membership.groups else {
        return Rule::Majority;
    };
    let mut by_id = BTreeMap::<i64, Group>::new();
    for (&server, group) in &groups.group_of {
        let group = by_id.entry(*group).or_default();
        let weight = membership.weight(server);
        // Sums wrap as Java's do: absurd weights must not make two implementations disagree.
        group.weight = group.weight.wrapping_add(weight);
        if membership.is_voter(server) {
            group.voters.push((server, weight));
        }
    }
    let groups: Vec<Group> = by_id.into_values().collect();
    let counted = groups.iter().filter(|group| group.weight != 0).count();
    Rule::Groups { groups, counted }
}

impl Group {
    // apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java containsQuorum
    fn won(&self, agrees: impl Fn(ServerId) -> bool) -> bool {
        let mut voices = self.voters.iter().filter(|(id, _)| agrees(*id)).peekable();
        // A group nobody of which is present is lost, whatever negative weights would make of it.
        voices.peek().is_some()
            && voices.fold(0i64, |sum, (_, weight)| sum.wrapping_add(*weight)) > self.weight / 2
    }
}

/// What counts while a membership may be about to change: the committed one, and the last seen one as long as that is
/// newer. Enough servers agree when enough of each agree (`SyncedLearnerTracker`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorums {
    committed: Electorate,
    next: Option<Electorate>,
}

impl Quorums {
    /// For the committed membership, and the last seen one.
    pub fn of(committed: &Membership, last_seen: &Membership) -> Self {
        let newer = last_seen.version > committed.version;
        Quorums {
            committed: Electorate::of(committed),
            next: newer.then(|| Electorate::of(last_seen)),
        }
    }

    /// The same, with the word of an oracle: of two voters one is enough, or not any more (`oraclePath`).
    pub fn with_lone(mut self, lone: bool) -> Self {
        self.set_lone(lone);
        self
    }

    /// The word of the oracle has changed.
    pub fn set_lone(&mut self, lone: bool) {
        self.committed.lone = lone;
        if let Some(next) = &mut self.next {
            next.lone = lone;
        }
    }

    /// The committed electorate.
    pub fn committed(&self) -> &Electorate {
        &self.committed
    }

    /// The electorate that is about to follow it.
    pub fn next(&self) -> Option<&Electorate> {
        self.next.as_ref()
    }

    /// Whether this server's voice counts in any of them (`getCurrentAndNextConfigVoters`).
    pub fn is_voter(&self, id: ServerId) -> bool {
        self.electorates().any(|electorate| electorate.is_voter(id))
    }

    /// Whether this server's voice counts in all of them (`hasSid`).
    pub fn is_voter_of_all(&self, id: ServerId) -> bool {
        self.electorates().all(|electorate| electorate.is_voter(id))
    }

    /// Everybody whose voice counts in any of them.
    pub fn voters(&self) -> BTreeSet<ServerId> {
        self.electorates()
            .flat_map(|electorate| electorate.voters.iter().copied())
            .collect()
    }

    /// Whether those for which `agrees` holds are a quorum of each; a server counts only where it votes
    /// (`hasAllQuorums`).
    pub fn reached(&self, agrees: impl Fn(ServerId) -> bool) -> bool {
        self.electorates()
            .all(|electorate| electorate.reached(&agrees))
    }

    /// Whether `servers` hold a quorum of each.
    pub fn contains(&self, servers: &BTreeSet<ServerId>) -> bool {
        self.reached(|id| servers.contains(&id))
    }

    /// Whether `servers` hold a quorum of any of them.
    pub fn any_contains(&self, servers: &BTreeSet<ServerId>) -> bool {
        self.electorates()
            .any(|electorate| electorate.contains(servers))
    }

    fn electorates(&self) -> impl Iterator<Item = &Electorate> {
        std::iter::once(&self.committed).chain(&self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Groups, Member, PeerAddress, Role};
    use proptest::prelude::*;

    fn member(role: Role) -> Member {
        let address = PeerAddress {
            host: "h".to_owned(),
            quorum_port: 1,
            election_port: 2,
        };
        Member {
            addresses: vec![address],
            role,
            client: None,
        }
    }

    fn membership(version: i64, voters: &[i64], observers: &[i64]) -> Membership {
        let of = |ids: &[i64], role| {
            let id = |id: &i64| (ServerId(*id), member(role));
            ids.iter().map(id).collect::<Vec<_>>()
        };
        let mut members = BTreeMap::from_iter(of(voters, Role::Participant));
        members.extend(of(observers, Role::Observer));
        Membership {
            members,
            groups: None,
            version,
        }
    }

    fn grouped(
        membership: Membership,
        groups: &[(i64, i64)],
        weights: &[(i64, i64)],
    ) -> Membership {
        let map = |pairs: &[(i64, i64)]| {
            let pair = |(id, number): &(i64, i64)| (ServerId(*id), *number);
            pairs.iter().map(pair).collect::<BTreeMap<_, _>>()
        };
        Membership {
            groups: Some(Groups {
                group_of: map(groups),
                weight_of: map(weights),
            }),
            ..membership
        }
    }

    fn set(ids: &[i64]) -> BTreeSet<ServerId> {
        ids.iter().copied().map(ServerId).collect()
    }

    #[test]
    fn a_majority_is_more_than_half_of_the_voters() {
        for (voters, enough) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
            let ids: Vec<i64> = (1..=voters).collect();
            let electorate = Electorate::of(&membership(0, &ids, &[99]));
            for present in 0..=voters {
                let ids = set(&ids[..usize::try_from(present).expect("small")]);
                assert_eq!(
                    electorate.contains(&ids),
                    present >= enough,
                    "{present} of {voters}"
                );
            }
        }
    }

    #[test]
    fn nobody_is_no_quorum_of_nobody() {
        assert!(!Electorate::of(&membership(0, &[], &[1])).contains(&set(&[1])));
    }

    #[test]
    fn observers_and_strangers_do_not_count() {
        let electorate = Electorate::of(&membership(0, &[1, 2, 3], &[4, 5]));
        assert!(!electorate.contains(&set(&[1, 4, 5, 77, -1])));
        assert!(electorate.contains(&set(&[1, 4, 3])));
    }

    /// Three groups of three: Apache's own example.
    fn nine(weights: &[(i64, i64)]) -> Electorate {
        let voters: Vec<i64> = (1..=9).collect();
        let groups: Vec<_> = voters.iter().map(|id| (*id, (id - 1) / 3)).collect();
        Electorate::of(&grouped(membership(0, &voters, &[]), &groups, weights))
    }

    #[test]
    fn two_of_three_in_two_of_three_groups() {
        assert!(nine(&[]).contains(&set(&[1, 2, 4, 5])));
        assert!(!nine(&[]).contains(&set(&[1, 2, 4, 7])));
        assert!(!nine(&[]).contains(&set(&[1, 2, 3])));
        assert!(!nine(&[]).contains(&set(&[])));
    }

    #[test]
    fn weights_decide_inside_a_group() {
        let electorate = nine(&[(1, 5), (4, 5)]);
        assert!(electorate.contains(&set(&[1, 4])));
        assert!(!electorate.contains(&set(&[2, 3, 5, 6])));
    }

    #[test]
    fn groups_without_weight_are_left_out() {
        let electorate = nine(&[(7, 0), (8, 0), (9, 0)]);
        assert!(!electorate.contains(&set(&[1, 2, 7, 8, 9])));
        assert!(electorate.contains(&set(&[1, 2, 4, 5])));
        let alone = nine(&[(4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0)]);
        assert!(alone.contains(&set(&[1, 2])));
    }

    #[test]
    fn a_group_left_out_can_be_won_by_part_of_it() {
        let voters = [1, 2, 3];
        let groups = [(1, 1), (2, 1), (3, 2)];
        let membership = grouped(membership(0, &voters, &[]), &groups, &[(1, 2), (2, -2)]);
        assert!(Electorate::of(&membership).contains(&set(&[1])));
        assert!(!Electorate::of(&membership).contains(&set(&[1, 2])));
    }

    #[test]
    fn an_absent_group_of_negative_weight_is_lost() {
        let electorate = nine(&[(1, -9), (4, -9), (7, 1)]);
        assert!(!electorate.contains(&set(&[7, 8])));
    }

    #[test]
    fn a_change_needs_both_quorums() {
        let committed = membership(1, &[1, 2, 3], &[]);
        let next = membership(2, &[3, 4, 5], &[1]);
        let quorums = Quorums::of(&committed, &next);
        assert!(!quorums.contains(&set(&[1, 2, 3])));
        assert!(!quorums.contains(&set(&[3, 4, 5])));
        assert!(quorums.contains(&set(&[2, 3, 4])));
        assert!(quorums.is_voter(ServerId(1)) && !quorums.is_voter_of_all(ServerId(1)));
        assert!(quorums.is_voter_of_all(ServerId(3)));
        assert!(!quorums.is_voter(ServerId(6)));
        assert_eq!(quorums.voters(), set(&[1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_last_seen_membership_that_is_not_newer_does_not_count() {
        let committed = membership(2, &[1, 2, 3], &[]);
        for version in [0, 2] {
            let quorums = Quorums::of(&committed, &membership(version, &[4], &[]));
            assert_eq!(quorums.next(), None);
            assert!(quorums.contains(&set(&[1, 2])));
        }
    }

    #[test]
    fn an_oracle_speaks_of_one_of_two_and_of_nothing_else() {
        for voters in 1..=5 {
            let ids: Vec<i64> = (1..=voters).collect();
            let membership = membership(0, &ids, &[9]);
            let quorums = Quorums::of(&membership, &membership).with_lone(true);
            assert_eq!(quorums.contains(&set(&[1])), voters <= 2, "{voters}");
            assert!(!quorums.contains(&set(&[9])), "{voters}");
        }
        let (committed, next) = (membership(1, &[1, 2], &[]), membership(2, &[2, 3], &[]));
        let mut quorums = Quorums::of(&committed, &next).with_lone(true);
        assert!(quorums.contains(&set(&[2])));
        assert!(!quorums.contains(&set(&[1])), "the next one counts, too");
        quorums.set_lone(false);
        assert!(!quorums.contains(&set(&[2])));
    }

    /// The text of the rules, taken literally.
    fn slow(membership: &Membership, servers: &BTreeSet<ServerId>) -> bool {
        let present: Vec<ServerId> = membership
            .voters()
            .filter(|id| servers.contains(id))
            .collect();
        let Some(groups) = &membership.groups else {
            return present.len() > membership.voter_count() / 2;
        };
        let names: BTreeSet<i64> = groups.group_of.values().copied().collect();
        let weigh = |ids: &mut dyn Iterator<Item = ServerId>| -> i64 {
            ids.map(|id| groups.weight_of.get(&id).copied().unwrap_or(1))
                .sum()
        };
        let (mut counted, mut won) = (0, 0);
        for name in names {
            let inside = |id: &ServerId| groups.group_of.get(id) == Some(&name);
            let total = weigh(&mut groups.group_of.keys().copied().filter(inside));
            let here = weigh(&mut present.iter().copied().filter(inside));
            counted += usize::from(total != 0);
            let present = present.iter().any(inside);
            won += usize::from(present && here > total / 2);
        }
        won > counted / 2
    }

    fn memberships() -> impl Strategy<Value = Membership> {
        memberships_weighing(0)
    }

    fn memberships_weighing(least: i64) -> impl Strategy<Value = Membership> {
        let server = (0..4u8, 0..3i64, prop::option::of(least..4i64));
        (prop::collection::vec(server, 1..8), any::<bool>()).prop_map(|(servers, hierarchical)| {
            let with_ids = || (1..).zip(&servers);
            let pick = |observer: bool| -> Vec<i64> {
                let chosen = with_ids().filter(|(_, (kind, ..))| (*kind == 0) == observer);
                chosen.map(|(id, _)| id).collect()
            };
            let plain = membership(0, &pick(false), &pick(true));
            if !hierarchical {
                return plain;
            }
            let voters = with_ids().filter(|(_, (kind, ..))| *kind != 0);
            let groups: Vec<_> = voters.map(|(id, (_, group, _))| (id, *group)).collect();
            let weights: Vec<_> = with_ids()
                .filter_map(|(id, (.., weight))| weight.map(|weight| (id, weight)))
                .collect();
            grouped(plain, &groups, &weights)
        })
    }

    fn every_set() -> impl Iterator<Item = BTreeSet<ServerId>> {
        (0..1u32 << 8).map(|bits| {
            (0..8)
                .filter(|at| bits >> at & 1 == 1)
                .map(ServerId)
                .collect()
        })
    }

    proptest! {
        #[test]
        fn counting_agrees_with_its_slow_twin(membership in memberships_weighing(-3)) {
            let electorate = Electorate::of(&membership);
            for set in every_set() {
                prop_assert_eq!(electorate.contains(&set), slow(&membership, &set), "{:?}", set);
            }
        }

        #[test]
        fn two_quorums_always_share_a_voter(committed in memberships(), next in memberships()) {
            let next = Membership { version: 1, ..next };
            let quorums = Quorums::of(&committed, &next);
            for set in every_set().filter(|set| quorums.contains(set)) {
                prop_assert!(!quorums.reached(|id| !set.contains(&id)), "{:?} and the rest", set);
            }
        }
    }
}

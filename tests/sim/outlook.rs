//! Whether those who are up can come to a leader, from what lies on their disks: how an election ends in which everybody
//! hears everybody. Not the one that is under test: it knows no ballots, rounds or waits.

use crate::council::{Council, Set, each, only};
use crate::scene::Scene;

/// How much history a server has, the current epoch and the last transaction; between equal ones the id decides.
type Rank = (i64, i64, Option<usize>);

/// An election of those who are up.
struct Outlook<'s> {
    scene: &'s Scene,
    up: Set,
    /// Whom each proposes in the end.
    named: Vec<Option<usize>>,
}

/// Whether one of those who are `up` finds the support that it waits for, of servers that find enough for it, too.
pub fn can_elect(scene: &Scene, up: Set) -> bool {
    let named = vec![None; scene.disks.len()];
    let mut outlook = Outlook { scene, up, named };
    // Nobody's proposal gets worse, so this ends.
    while let Some((member, better)) = outlook.swayed() {
        outlook.named[member] = Some(better);
    }
    each(up).any(|member| outlook.can_lead(member))
}

impl Outlook<'_> {
    /// Somebody who knows a better one than it proposes.
    fn swayed(&self) -> Option<(usize, usize)> {
        let mut voices = each(self.up).filter(|member| self.has_say(*member));
        voices.find_map(|member| {
            // Who weighs nothing, or has less than others, proposes itself at first all the same.
            let stands = self.committed(member).votes(member);
            let (epoch, zxid, _) = self.rank(member);
            let (better, now) = match self.named[member] {
                Some(named) => (self.heard(member), self.rank(named)),
                None if stands => (Some(member), (epoch, zxid, None)),
                None => (self.heard(member), (epoch, zxid, None)),
            };
            let better = better.filter(|better| self.rank(*better) > now);
            better.map(|better| (member, better))
        })
    }

    /// The best that others propose to a server: those whose votes it counts, and who count it. It votes for nobody
    /// else than them, for itself only if it stands, and for nobody without weight.
    fn heard(&self, member: usize) -> Option<usize> {
        let (known, committed) = (self.voters(member), self.committed(member));
        let hears = |voter: &usize| self.voters(*voter) & only(member) != 0;
        let weighs = |named: usize| {
            let share = committed.shares.map(|shares| shares.of(named));
            share.is_none_or(|share| committed.votes(named) && share.weight != 0)
        };
        let is_eligible = |named: &usize| {
            let stands = *named != member || committed.votes(member);
            known & only(*named) != 0 && stands && weighs(*named)
        };
        let named = each(known)
            .filter(hears)
            .filter_map(|voter| self.named[voter]);
        named
            .filter(is_eligible)
            .max_by_key(|named| self.rank(*named))
    }

    /// Whether a server hears enough others propose the one that it proposes.
    fn decides(&self, member: usize) -> bool {
        let named = self.named[member];
        let names = |voter: usize| self.named[voter] == named;
        let mut deciding = self.scene.deciding(member);
        named.is_some() && deciding.all(|council| council.is_quorum(names))
    }

    fn can_lead(&self, member: usize) -> bool {
        let supports = |voter: usize| self.named[voter] == Some(member) && self.decides(voter);
        let mut deciding = self.scene.deciding(member);
        supports(member) && deciding.all(|council| council.is_quorum(supports))
    }

    /// Whether a server does not only observe, and trusts what it has. Who observes acknowledges nothing.
    fn has_say(&self, member: usize) -> bool {
        let council = self.committed(member);
        let observes = council.has(member) && !council.votes(member);
        !observes && self.scene.disks[member].current_epoch >= 0
    }

    fn rank(&self, member: usize) -> Rank {
        let disk = &self.scene.disks[member];
        (disk.current_epoch, disk.recover().last.0, Some(member))
    }

    fn committed(&self, member: usize) -> Council {
        let mut deciding = self.scene.deciding(member);
        deciding.next().expect("some membership is in force")
    }

    /// Whose votes a server counts.
    fn voters(&self, member: usize) -> Set {
        let deciding = self.scene.deciding(member);
        deciding.fold(0, |all, council| all | council.voters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::council::{Charter, Share, Shares, first};
    use crate::history::Payload;
    use crate::plan::Shape;
    use oxkeeper::types::Zxid;

    /// Members with so many transactions each; the first `voters` vote.
    fn scene(voters: usize, histories: &[i64]) -> Scene {
        let shape = Shape {
            voters,
            observers: 0,
            spares: histories.len() - voters,
            shares: None,
        };
        let mut scene = Scene::new(&shape, shape.council(), 1 << 32);
        for (disk, count) in scene.disks.iter_mut().zip(histories) {
            disk.committed.council = shape.council();
            (1..=*count).for_each(|counter| disk.append(Zxid(counter), Payload::write(0, 1)));
        }
        scene
    }

    fn change(scene: &mut Scene, seen_by: &[usize], council: Council) {
        let version = Zxid(9);
        for member in seen_by {
            scene.disks[*member].next = Some(Charter { version, council });
        }
    }

    #[test]
    fn a_quorum_elects_whatever_it_has() {
        let scene = scene(3, &[5, 7, 6]);
        assert!(can_elect(&scene, first(3)));
        assert!(can_elect(&scene, only(0) | only(2)));
        assert!(!can_elect(&scene, only(1)));
    }

    #[test]
    fn a_change_needs_both_quorums() {
        let mut scene = scene(1, &[5, 5, 5]);
        change(&mut scene, &[0, 1], Council::plain(3, 0));
        assert!(!can_elect(&scene, only(0)));
        assert!(can_elect(&scene, first(2)));
        // The last has not seen the change, and counts nobody but the first.
        assert!(can_elect(&scene, only(0) | only(2)));
    }

    #[test]
    fn who_is_to_vote_and_has_more_than_all_voters_supports_none() {
        let both = Council::plain(2, 0);
        for (more, elects) in [(5, true), (6, false)] {
            let mut scene = scene(1, &[5, more]);
            change(&mut scene, &[0, 1], both);
            assert_eq!(can_elect(&scene, first(2)), elects);
        }
    }

    #[test]
    fn who_observes_as_yet_supports_none() {
        let mut scene = scene(1, &[5, 5]);
        change(&mut scene, &[0, 1], Council::plain(2, 0));
        scene.council = Council::plain(1, 1);
        assert!(!can_elect(&scene, first(2)));
    }

    #[test]
    fn who_weighs_nothing_and_has_more_supports_none() {
        let weights = [(0, 0), (1, 1), (2, 1)].into_iter();
        let shares = weights.fold(Shares::default(), |all, (member, weight)| {
            all.with(member, Share { group: 1, weight })
        });
        for (more, elects) in [(5, true), (6, false)] {
            let mut scene = scene(3, &[more, 5, 5]);
            scene.council.shares = Some(shares);
            assert!(can_elect(&scene, first(3)), "nobody needs it");
            let without_other = Council {
                voters: only(0) | only(2),
                ..Council::plain(0, 0)
            };
            change(&mut scene, &[0, 1, 2], without_other);
            assert_eq!(can_elect(&scene, first(3)), elects);
        }
    }
}

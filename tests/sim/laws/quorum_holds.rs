//! E-9, D-5: whoever serves applies what a quorum of the voters has on disk, with all that comes before it: of those of
//! the membership in force, and for the change that has put it in force, of those before it, too.

use std::collections::{BTreeMap, BTreeSet};

use oxkeeper::consensus::Effect;
use oxkeeper::types::Zxid;

use crate::council::Council;
use crate::ensemble;
use crate::history::Entry;
use crate::laws::{Judgement, Law};
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct QuorumHolds {
    /// All memberships that were ever in force, by version.
    councils: BTreeMap<Zxid, Council>,
    /// The last transaction that was looked at. Later a disk may be lost, or a member removed.
    last: Zxid,
    /// Whose disk was lost, and who has not been given everything since. They have acknowledged what they lost, but
    /// have no say either.
    wiped: BTreeSet<usize>,
}

impl QuorumHolds {
    fn is_held(&self, scene: &Scene, entry: &Entry) -> Judgement {
        let mut in_force = self.councils.range(..=entry.zxid).rev();
        let now = in_force.next();
        let makes_it = now.is_some_and(|(version, _)| *version == entry.zxid);
        let before = in_force.next().filter(|_| makes_it);
        let first = now.is_none() || (makes_it && before.is_none());
        let mut councils = now.into_iter().chain(before).map(|(_, council)| council);
        let first = first.then_some(&scene.council);
        let holders = |voter: usize| self.wiped.contains(&voter) || scene.disks[voter].holds(entry);
        let missing = first
            .into_iter()
            .chain(&mut councils)
            .find(|council| !council.is_quorum(holders));
        let Some(council) = missing else {
            return Ok(());
        };
        let holders: Vec<usize> = (0..scene.disks.len()).filter(|it| holders(*it)).collect();
        Err(format!(
            "{entry:?} is committed by {council:?}, and durable on members {holders:?} only"
        ))
    }
}

impl Law for QuorumHolds {
    fn name(&self) -> &'static str {
        "committed is durable on a quorum"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Wiped => {
                self.wiped.insert(member);
                Ok(())
            }
            Event::Effect(Effect::Follow { .. } | Effect::Lead { .. }) => {
                self.wiped.remove(&member);
                Ok(())
            }
            // The first version only numbers what was there.
            Event::Effect(Effect::Activate {
                membership,
                differs: true,
            }) => {
                let charter = ensemble::charter(membership);
                self.councils.insert(charter.version, charter.council);
                Ok(())
            }
            Event::Applied {
                entry,
                serving: true,
            } if entry.zxid > self.last => {
                self.last = entry.zxid;
                self.is_held(scene, entry)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::council::Charter;
    use crate::laws::tests::{history, scene};

    fn applied(scene: &Scene, law: &mut QuorumHolds) -> Judgement {
        let entry = history(&[1]).entries[0];
        let serving = true;
        law.see(scene, 0, &Event::Applied { entry, serving })
    }

    #[test]
    fn one_of_three_is_not_enough_and_a_tail_in_memory_does_not_count() {
        let mut scene = scene();
        let entry = history(&[1]).entries[0];
        for disk in &mut scene.disks {
            disk.append(Zxid(1), entry.payload);
        }
        scene.disks[0].flushed(1);
        assert!(applied(&scene, &mut QuorumHolds::default()).is_err());
        scene.disks[2].flushed(1);
        assert_eq!(applied(&scene, &mut QuorumHolds::default()), Ok(()));
    }

    #[test]
    fn a_change_needs_the_old_quorum_and_the_new_one() {
        let mut scene = scene();
        let mut law = QuorumHolds::default();
        let (version, council) = (Zxid(1), Council::plain(1, 0));
        let membership = ensemble::membership(Charter { version, council });
        let activate = Effect::Activate {
            membership: Arc::new(membership),
            differs: true,
        };
        law.see(&scene, 0, &Event::Effect(&activate))
            .expect("it is in force");
        let entry = history(&[1]).entries[0];
        scene.disks[0].append(Zxid(1), entry.payload);
        scene.disks[0].flushed(1);
        assert!(applied(&scene, &mut law).is_err(), "one of the old three");
        scene.disks[1].append(Zxid(1), entry.payload);
        scene.disks[1].flushed(1);
        law.last = Zxid::ZERO;
        assert_eq!(applied(&scene, &mut law), Ok(()));
    }
}

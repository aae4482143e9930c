//! A version stands for one membership. It comes into force when a quorum of the members before it, and one of its own,
//! have kept it; it stays in force until a newer one is; and who is no voter of it commits nothing behind it.

use std::collections::BTreeMap;

use oxkeeper::config::Membership;
use oxkeeper::consensus::{Effect, Input};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::Zxid;

use crate::council::{Charter, Council};
use crate::ensemble;
use crate::laws::{Judgement, Law};
use crate::member::Service;
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct OneMembership {
    known: BTreeMap<Zxid, Council>,
    /// In force, or once so.
    activated: BTreeMap<Zxid, Council>,
    /// What came with the last NEWLEADER.
    promised: BTreeMap<usize, Zxid>,
    /// In force at each member.
    in_force: BTreeMap<usize, Zxid>,
}

impl OneMembership {
    /// Somebody has heard of a membership.
    fn know(&mut self, Charter { version, council }: Charter) -> Judgement {
        // The version of what operators write.
        if version == Zxid::ZERO {
            return Ok(());
        }
        let first = *self.known.entry(version).or_insert(council);
        if first == council {
            return Ok(());
        }
        let version = say::zxid(version);
        Err(format!(
            "version {version} is {council:?}, and was {first:?}"
        ))
    }

    fn activate(&mut self, scene: &Scene, member: usize, membership: &Membership) -> Judgement {
        let charter = ensemble::charter(membership);
        self.know(charter)?;
        let Charter { version, council } = charter;
        let before = self.in_force.insert(member, version);
        if before.is_some_and(|before| before >= version) {
            let before = before.map(say::zxid);
            return Err(format!("activates {} after {before:?}", say::zxid(version)));
        }
        if self.activated.insert(version, council).is_some() {
            return Ok(());
        }
        let keeps = |voter: usize| keeps(scene, voter, version);
        let old = scene.disks[member].committed.council;
        let short = [old, council].into_iter().find(|it| !it.is_quorum(keeps));
        match short {
            Some(short) => {
                let version = say::zxid(version);
                Err(format!(
                    "activates {version}, which no quorum of {short:?} keeps"
                ))
            }
            None => Ok(()),
        }
    }

    /// What is acknowledged is kept: a change that was proposed, or what came with NEWLEADER.
    fn acknowledges(&self, scene: &Scene, member: usize, zxid: Zxid) -> Judgement {
        let promised = self.promised.get(&member).copied();
        let version = match zxid.counter() {
            0 => promised,
            _ => Some(zxid).filter(|zxid| self.known.contains_key(zxid)),
        };
        match version {
            Some(version) if !keeps(scene, member, version) => {
                let zxid = say::zxid(zxid);
                Err(format!(
                    "acknowledges {zxid}, and does not keep its membership"
                ))
            }
            _ => Ok(()),
        }
    }

    fn settled(scene: &Scene) -> Judgement {
        let serves = |member: &usize| scene.services[*member] != Service::Nothing;
        let mut disks = (0..scene.disks.len())
            .filter(serves)
            .map(|it| &scene.disks[it]);
        let latest = disks.clone().map(|disk| disk.committed.version).max();
        match disks.find(|disk| Some(disk.committed.version) != latest || disk.next.is_some()) {
            Some(disk) => Err(format!(
                "ends with {:?}, next {:?}; others have {latest:?}",
                disk.committed, disk.next
            )),
            None => Ok(()),
        }
    }
}

/// Whether a member knows of this version whatever happens, or of a newer one.
fn keeps(scene: &Scene, member: usize, version: Zxid) -> bool {
    let disk = &scene.disks[member];
    let next = disk.next.map(|next| next.version);
    disk.committed.version >= version || next.is_some_and(|next| next >= version)
}

impl Law for OneMembership {
    fn name(&self) -> &'static str {
        "one membership"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Started => {
                let version = scene.disks[member].committed.version;
                self.in_force.insert(member, version);
                Ok(())
            }
            Event::Effect(Effect::LastSeen(membership)) => self.know(ensemble::charter(membership)),
            Event::Effect(Effect::Activate { membership, .. }) => {
                self.activate(scene, member, membership)
            }
            Event::Input(Input::FromLeader(ToLearner::NewLeader { config, .. })) => {
                let text = config.as_ref().map(|text| &text[..]).unwrap_or_default();
                let membership = Membership::from_text(text, ensemble::RULES);
                let version = membership.map_or(Zxid::ZERO, |it| Zxid(it.version));
                self.promised.insert(member, version);
                Ok(())
            }
            Event::Effect(Effect::ToLeader(ToLeader::Ack(zxid))) => {
                self.acknowledges(scene, member, *zxid)
            }
            Event::Effect(Effect::Commit(zxid)) => {
                let Charter { version, council } = scene.disks[member].committed;
                let leads = matches!(scene.services[member], Service::Leader(_));
                match leads && *zxid > version && !council.votes(member) {
                    true => Err(format!("commits {}, and is removed", say::zxid(*zxid))),
                    false => Ok(()),
                }
            }
            Event::Settled => Self::settled(scene),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::laws::tests::scene;

    fn charter(version: i64, voters: usize) -> Charter {
        Charter {
            version: Zxid(version),
            council: Council::plain(voters, 0),
        }
    }

    fn activate(charter: Charter) -> Effect {
        Effect::Activate {
            membership: Arc::new(ensemble::membership(charter)),
            differs: true,
        }
    }

    #[test]
    fn a_membership_that_one_member_keeps_is_not_in_force() {
        let mut scene = scene();
        let next = charter(7, 2);
        scene.disks[0].next = Some(next);
        let see = |scene: &Scene| {
            let mut law = OneMembership::default();
            law.see(scene, 0, &Event::Effect(&activate(next)))
        };
        assert!(see(&scene).is_err());
        scene.disks[2].next = Some(next);
        assert!(see(&scene).is_err(), "no quorum of the new one");
        scene.disks[1].next = Some(next);
        assert_eq!(see(&scene), Ok(()));
    }

    #[test]
    fn a_version_has_one_meaning() {
        let scene = scene();
        let mut law = OneMembership::default();
        let seen = |charter| Effect::LastSeen(Arc::new(ensemble::membership(charter)));
        let mut see = |charter| law.see(&scene, 0, &Event::Effect(&seen(charter)));
        assert_eq!(see(charter(7, 3)), Ok(()));
        assert!(see(charter(7, 2)).is_err());
    }

    #[test]
    fn who_is_removed_commits_nothing() {
        let mut scene = scene();
        scene.services[2] = Service::Leader(1);
        scene.disks[2].committed = charter(7, 2);
        let see = |zxid| {
            let commit = Effect::Commit(Zxid(zxid));
            OneMembership::default().see(&scene, 2, &Event::Effect(&commit))
        };
        assert_eq!(see(7), Ok(()));
        assert!(see(8).is_err());
    }

    #[test]
    fn a_change_is_kept_before_it_is_acknowledged() {
        let mut scene = scene();
        let mut law = OneMembership::default();
        law.know(charter(7, 2)).expect("the first");
        let ack = Effect::ToLeader(ToLeader::Ack(Zxid(7)));
        assert!(law.see(&scene, 1, &Event::Effect(&ack)).is_err());
        scene.disks[1].next = Some(charter(7, 2));
        assert_eq!(law.see(&scene, 1, &Event::Effect(&ack)), Ok(()));
    }
}

//! Changes of the membership: what operators ask of a leader, how far it judges that, and what members keep of it on
//! disk. As in the server, the files of the membership are written at once, before the effects behind them.

use oxkeeper::config::Membership;

use oxkeeper::types::Zxid;

use crate::council::{Charter, Council, only};
use crate::disk::Disk;
use crate::ensemble;
use crate::fault::Wish;
use crate::history::Payload;
use crate::member::Service;
use crate::mutant::Mutant;
use crate::scene::Event;
use crate::world::World;

/// Who asks for changes: no client, and told nothing.
pub const OPERATOR: usize = 1000;

impl World {
    /// An operator asks whoever leads.
    pub fn wish(&mut self, wish: Wish) {
        let leads = |member: &usize| matches!(self.scene.services[*member], Service::Leader(_));
        let epoch = |member: &usize| self.scene.disks[*member].current_epoch;
        let leaders = (0..self.members.len()).filter(leads);
        let Some(leader) = leaders.max_by_key(epoch) else {
            return;
        };
        if self.members[leader].paused_until > self.scene.now {
            return;
        }
        match self.judged(leader, wish) {
            Some(council) => {
                let number = i32::try_from(self.fresh()).expect("a run is not so long");
                let payload = Payload {
                    change: Some(council),
                    ..Payload::write(OPERATOR, number)
                };
                self.see(leader, &Event::Asked(payload));
                self.propose(leader, payload);
            }
            None => self.log(leader, || "   refuses to change the membership".to_owned()),
        }
    }

    /// The new membership, if the leader agrees to it.
    // As `ops::reconfig::judge_reconfig` does.
    fn judged(&self, leader: usize, wish: Wish) -> Option<Council> {
        let peer = self.members[leader].peer.as_ref()?;
        if peer.last_seen().version != peer.committed().version {
            return None;
        }
        let now = self.scene.disks[leader].committed.council;
        let council = self.granted(wish, now).tidy();
        let version = self.members[leader].next_zxid;
        let next = ensemble::membership(Charter { version, council });
        let text = next.to_text();
        let sound = Membership::from_text(text.as_bytes(), ensemble::RULES).is_ok();
        (council.voters != 0 && sound && peer.could_lead(&next)).then_some(council)
    }

    fn granted(&self, wish: Wish, now: Council) -> Council {
        let without = |member: usize| Council {
            voters: now.voters & !only(member),
            observers: now.observers & !only(member),
            ..now
        };
        match wish {
            Wish::Remove(who) => without(self.who(who)),
            Wish::Vote(member) => Council {
                voters: now.voters | only(member),
                ..without(member)
            },
            Wish::Observe(who) => Council {
                observers: now.observers | only(self.who(who)),
                ..without(self.who(who))
            },
            Wish::Move(who) => Council {
                moved: now.moved ^ only(self.who(who)),
                ..now
            },
            Wish::Whole(council) => Council {
                moved: now.moved,
                ..council
            },
        }
    }

    /// A membership is proposed: it is kept until a newer one is committed.
    pub fn last_seen(&mut self, member: usize, membership: &Membership) {
        let charter = ensemble::charter(membership);
        let disk = &mut self.scene.disks[member];
        let is_over = charter.version == disk.committed.version;
        if !self.is_mutant(Mutant::ForgetLastSeen) {
            self.scene.disks[member].next = (!is_over).then_some(charter);
        }
        self.spring_change_trap(member);
    }

    /// A membership is committed, and counts from now on.
    pub fn activate(&mut self, member: usize, membership: &Membership, differs: bool) {
        let disk = &mut self.scene.disks[member];
        disk.committed = ensemble::charter(membership);
        let version = disk.committed.version;
        disk.next = disk.next.filter(|next| next.version > version);
        if differs {
            self.forget_pairs(member);
        }
        self.spring_change_trap(member);
    }

    fn spring_change_trap(&mut self, member: usize) {
        if let Some((after, length)) = self.change_trap.take() {
            self.members[member].effect_fuse = Some(after);
            self.members[member].fuse_down = length;
        }
    }

    /// Whether a server may start: it must find itself among the members. An operator gives one that does not the
    /// present membership; and if that lacks it as well, itself beside them, as the manual has it for servers that
    /// are to join. Now and then nobody cares.
    pub fn admit(&mut self, member: usize) -> bool {
        let disks = &self.scene.disks;
        if disks[member].committed.council.has(member) {
            return true;
        }
        let known = disks.iter().map(|disk| disk.committed);
        let latest = known.max_by_key(|charter| charter.version);
        let latest = latest.expect("there are members");
        if latest.council.has(member) {
            let disk = &mut self.scene.disks[member];
            disk.committed = latest;
            disk.next = disk.next.filter(|next| next.version > latest.version);
            return true;
        }
        let about_to = |next: Charter| next.council.has(member);
        let is_awaited = disks.iter().any(|disk| disk.next.is_some_and(about_to));
        // It must not forget that it is removed as long as others do not know that: with it, they could still decide.
        let is_known = |disk: &Disk| [Zxid::ZERO, latest.version].contains(&disk.committed.version);
        let joins = disks.iter().all(is_known) && (is_awaited || self.chance.faults.chance(500));
        if joins {
            self.scene.disks[member].committed = joining(member, latest.council);
        }
        joins
    }
}

/// What a server is given that is to join these.
pub fn joining(member: usize, council: Council) -> Charter {
    let shares = council.shares.map(|shares| {
        let (group, weight) = (shares.of(0).group, 1);
        shares.with(member, crate::council::Share { group, weight })
    });
    Charter {
        version: Zxid::ZERO,
        council: Council {
            voters: council.voters | only(member),
            shares,
            ..council
        },
    }
}

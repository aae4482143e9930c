//! A leader changes the membership: two quorums while it is proposed, a new leader when it is committed. Upstream:
//! `Leader.tryToCommit`, `getDesignatedLeader`, `startZkServer`.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::change::same_place;
use crate::consensus::leader::Leader;
use crate::consensus::leader::outstanding::Voices;
use crate::consensus::own::Own;
use crate::consensus::{Effect, Electorate, Quorums};
use crate::proto::peer::ToLearner;
use crate::types::{ServerId, Zxid};

impl Leader {
    /// The first membership has no version yet: it gets the number of the first epoch.
    // apache 3.9.5: server/quorum/Leader.java lead
    pub(crate) fn number_first_membership(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        if own.committed.version != 0 || own.last_seen.version != 0 {
            return;
        }
        let membership = Membership {
            version: self.agreement.epoch() << 32,
            ..Membership::clone(&own.committed)
        };
        own.see(membership, out);
    }

    /// From this transaction on, both memberships must agree; or the new one alone, when it is active.
    pub(crate) fn rule_from(&mut self, own: &Own, zxid: Zxid) {
        let Some(outstanding) = &mut self.outstanding else {
            return;
        };
        outstanding.rule(zxid, own.quorums());
        for link in &mut self.links {
            link.voice = link.id.and_then(|id| outstanding.voice(id));
        }
    }

    /// The quorum that has established the epoch has also agreed to the last seen membership.
    // apache 3.9.5: server/quorum/Leader.java startZkServer
    pub(crate) fn complete_change(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        let membership = Arc::clone(&own.last_seen);
        let me = own.id();
        let stays = stays(own, &membership);
        let other = || self.agreement.other(&Electorate::of(&membership));
        let leader = if stays { Some(me) } else { other() };
        let leader = leader.unwrap_or(me);
        own.activate(&membership, Some((leader, self.epoch())), out);
        self.commits = leader == me || !own.settings.reconfig;
        self.leave_unless(stays, own);
    }

    /// The change is committed. If another server leads from now on, nothing more is committed here: the learners
    /// leave, and the role ends with them.
    pub(crate) fn activate(
        &mut self,
        own: &mut Own,
        zxid: Zxid,
        body: &Bytes,
        has: Voices,
        out: &mut Vec<Effect>,
    ) {
        self.change = None;
        let membership = Arc::clone(&own.last_seen);
        let electorate = Electorate::of(&membership);
        let me = own.id();
        let best = self.outstanding.as_ref();
        let best = best.and_then(|outstanding| outstanding.best(&electorate, has, me));
        // When nobody else has it, nobody else can lead.
        let other = best.unwrap_or(me);
        let stays = stays(own, &membership);
        let leader = if stays { me } else { other };
        own.activate(&membership, Some((leader, zxid)), out);
        for link in self.links.iter().filter(|link| link.forwarding) {
            let packet = match link.observer {
                false => ToLearner::CommitAndActivate { zxid, leader },
                true => ToLearner::InformAndActivate {
                    zxid,
                    leader,
                    body: body.clone(),
                },
            };
            out.push(Effect::Send(link.link, packet));
        }
        self.commits = leader == me;
        self.leave_unless(stays, own);
        // What was proposed meanwhile as well: the old members may never hear of it.
        self.rule_from(own, zxid.next());
    }

    /// A server that is in another place now, or no voter any more, does not stay even if a later change suits it: nobody
    /// finds it where it listens.
    fn leave_unless(&mut self, stays: bool, own: &Own) {
        if !stays {
            let soon = own.now.plus(own.settings.tick_ms);
            self.leaves.get_or_insert(soon);
        }
    }

    /// This server and its followers that are alive; observers do not count, whatever they are to be.
    // apache 3.9.5: server/quorum/Leader.java isQuorumSynced
    pub(crate) fn synced(&self, own: &Own) -> BTreeSet<ServerId> {
        let followers = self
            .links
            .iter()
            .filter(|link| link.forwarding && !link.observer && self.beat.alive(link));
        let mut synced: BTreeSet<ServerId> = followers.filter_map(|link| link.id).collect();
        synced.insert(own.id());
        synced
    }

    /// Whether those are enough for a membership.
    pub(crate) fn could_lead(&self, own: &Own, membership: &Membership) -> bool {
        Quorums::of(membership, membership).contains(&self.synced(own))
    }
}

/// Whether this server leads the new membership as well: it votes there, and its learners find it where it was.
fn stays(own: &Own, membership: &Membership) -> bool {
    let me = own.id();
    let same = same_place(own.committed.member(me), membership.member(me));
    membership.is_voter(me) && same
}

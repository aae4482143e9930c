//! Changes of the membership, as far as they are the same in every role: a membership is seen when it is proposed,
//! and activated when that is committed. Upstream: `QuorumPeer.setLastSeenQuorumVerifier`, `processReconfig`.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Member, Membership};
use crate::consensus::own::Own;
use crate::consensus::{Effect, Vote};
use crate::proto::txn::{LoggedTxn, Txn};
use crate::types::{OpCode, ServerId, Zxid};

/// Where the type stands in the body of a log record.
const KIND_AT: std::ops::Range<usize> = 28..32;

/// The text of the membership that a transaction proposes. Almost none does: those cost a look at four bytes.
pub(crate) fn proposed_in(body: &[u8]) -> Option<Vec<u8>> {
    let kind = i32::from_be_bytes(body.get(KIND_AT)?.try_into().ok()?);
    if OpCode::from_code(kind) != Some(OpCode::Reconfig) {
        return None;
    }
    match LoggedTxn::decode(body).ok()?.txn {
        Txn::SetData(_, txn) => txn.data.map(<[u8]>::to_vec),
        _ => None,
    }
}

/// Whether a server is where it was, as far as its followers can see.
pub(crate) fn same_place(before: Option<&Member>, after: Option<&Member>) -> bool {
    let places = |member: &Member| -> Vec<(String, u16)> {
        let addresses = member.addresses.iter();
        let place = addresses.map(|at| (at.host.to_ascii_lowercase(), at.quorum_port));
        place.collect()
    };
    match (before, after) {
        (Some(before), Some(after)) => places(before) == places(after),
        _ => false,
    }
}

impl Own {
    /// The membership that a transaction proposes; `None` also when memberships do not change here.
    pub(crate) fn change_in(&self, body: &Bytes) -> Option<Membership> {
        let text = self.settings.reconfig.then(|| proposed_in(body))??;
        self.membership_of(&text)
    }

    /// A membership out of its text, if it is sound.
    pub(crate) fn membership_of(&self, text: &[u8]) -> Option<Membership> {
        Membership::from_text(text, self.settings.member_rules).ok()
    }

    /// A membership is proposed: from now on it must agree, too, if it is newer than the committed one.
    pub(crate) fn see(&mut self, membership: Membership, out: &mut Vec<Effect>) {
        if !self.settings.reconfig || membership.version == self.last_seen.version {
            return;
        }
        self.last_seen = Arc::new(membership);
        self.reinstall();
        out.push(Effect::LastSeen(Arc::clone(&self.last_seen)));
    }

    /// A membership is committed, and `leader` is to lead it if that is known. Returns whether the role must end.
    // apache 3.9.5: server/quorum/QuorumPeer.java processReconfig
    pub(crate) fn activate(
        &mut self,
        membership: &Arc<Membership>,
        leader: Option<(ServerId, Zxid)>,
        out: &mut Vec<Effect>,
    ) -> bool {
        if !self.settings.reconfig || membership.version <= self.committed.version {
            return false;
        }
        let before = std::mem::replace(&mut self.committed, Arc::clone(membership));
        if self.last_seen.version < membership.version {
            self.last_seen = Arc::clone(membership);
        }
        self.reinstall();
        let differs = !before.same_members(membership);
        out.push(Effect::Activate {
            membership: Arc::clone(membership),
            differs,
        });
        if !differs {
            return false;
        }
        self.elector.restart();
        let observes = self.observes();
        self.become_member();
        let role_changes = observes != self.observes();
        let vote = self.elector.vote();
        let voted = vote.map(|vote| vote.leader);
        let Some((leader, zxid)) = leader else {
            self.next_vote = None;
            return role_changes || voted.is_none_or(|id| moved(&before, membership, id));
        };
        if voted != Some(leader) {
            // Those that upstream's vote has when it is made of a server and a transaction.
            let (round, epoch) = (-1, -1);
            self.next_vote = Some(Vote {
                leader,
                zxid,
                round,
                epoch,
            });
            return true;
        }
        if role_changes {
            self.next_vote = vote;
        }
        role_changes
    }
}

/// Whether a leader is another one for its followers.
fn moved(before: &Membership, after: &Membership, leader: ServerId) -> bool {
    let voter = |membership: &Membership| membership.is_voter(leader);
    let same = same_place(before.member(leader), after.member(leader));
    !(voter(before) && voter(after) && same)
}

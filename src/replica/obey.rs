//! What consensus asks of the server's inside. What it asks of the street is passed on.

use bytes::Bytes;

use crate::consensus::{Effect, Phase};
use crate::ops::Memberships;
use crate::pipeline::{Asker, Item};
use crate::replica::gate::Waiting;
use crate::replica::leader::Remote;
use crate::replica::role::Role;
use crate::replica::{Now, Replica};
use crate::types::{ConnId, Millis, Zxid};

impl Replica {
    /// Carries out what concerns the inside; returns what the street has to do. Changes of the state wait
    /// in the room for [`Replica::finish`].
    pub fn obey(&mut self, effect: Effect, now: Now) -> Option<Effect> {
        match effect {
            Effect::Append { zxid, body } => self.open.append(zxid, &body),
            Effect::Deliver { zxid, body } => {
                self.delivered = zxid;
                self.open.items.push_back(Item::Delivered { zxid, body });
            }
            Effect::Commit(zxid) => self.committed(zxid),
            Effect::Request(link, request) if self.role == Role::Learner => {
                self.pass_on(link, request);
            }
            Effect::Request(link, request) => {
                self.remote.push_back(Remote::Request(link, request));
            }
            Effect::Revalidate {
                link,
                session,
                timeout_ms,
            } if self.role == Role::Learner => self.ask_for(link, session, timeout_ms),
            Effect::Revalidate {
                link,
                session,
                timeout_ms,
            } => self.remote.push_back(Remote::Revalidate {
                link,
                session,
                timeout_ms,
            }),
            Effect::Touched { sessions, .. } if self.role == Role::Learner => {
                self.heard_by_observer(sessions);
            }
            Effect::Touched { sessions, .. } => self.remote.push_back(Remote::Touched(sessions)),
            Effect::Revalidated { session, valid } => self.revalidated(session, valid),
            Effect::Synced => self.synced(),
            Effect::Lead { epoch } => {
                self.lead(epoch, now);
                return Some(effect);
            }
            Effect::Install(_) => {
                self.fuzzy_upto = Zxid(i64::MAX);
                return Some(effect);
            }
            Effect::Follow { .. } => {
                self.reported = Millis(i64::MIN);
                self.take_role(Role::Learner, now);
                return Some(effect);
            }
            Effect::Phase(phase) => {
                if self.role == Role::ReadOnly && phase != Phase::Looking {
                    self.retire();
                }
                return Some(effect);
            }
            Effect::Retire => {
                self.retire();
                return Some(effect);
            }
            Effect::Activate { ref membership, .. } => {
                let text = Bytes::from(membership.to_text());
                self.set_membership(text, membership.version);
                return Some(effect);
            }
            _ => return Some(effect),
        }
        None
    }

    fn take_role(&mut self, role: Role, now: Now) {
        assert_eq!(
            self.role,
            Role::None,
            "a role begins after another has ended"
        );
        self.role = role;
        // Whatever a leader had applied when its snapshot was through has been delivered by now.
        self.fuzzy_upto = self.fuzzy_upto.min(self.delivered);
        self.gate.open();
        self.show_membership(now);
    }

    fn lead(&mut self, epoch: Zxid, now: Now) {
        self.take_role(Role::Elected { epoch }, now);
        self.room.release(epoch);
        self.open.items.push_back(Item::Lead { epoch });
        self.has_orphans = true;
    }

    /// Nobody is answered any more but for what can be finished now. What is in flight may still be committed;
    /// nothing new comes in until there is another role. The caller finishes, then closes all connections.
    fn retire(&mut self) {
        assert!(
            !self.role.decides() || self.open.is_empty(),
            "what was judged is in the log before its leader retires"
        );
        self.role = Role::None;
        let unanswered = &mut self.unanswered;
        let mut dropped = |asker: Asker| unanswered.extend(asker.is_request().then_some(asker));
        self.room.retire(&mut self.open, &mut dropped);
        self.retiring = true;
        for waiting in self.gate.retire() {
            if let Waiting::Requests(submission, at) = waiting {
                submission.askers_from(at).for_each(&mut dropped);
            }
        }
        self.remote.clear();
        self.syncs.clear();
        self.owners.clear();
        self.resuming.clear();
        self.relay.clear();
        self.prep.set_memberships(None);
        if let Some(local) = &mut self.local {
            local.clear();
        }
    }

    /// Connections with a smaller number belong to a role that has ended: what still comes of them is
    /// dropped.
    pub fn forget_connections(&mut self, before: ConnId) {
        self.first_conn = before;
    }

    /// The text of the membership in force and its version: what `/zookeeper/config` holds when the next role begins.
    /// While one lasts, the transaction that changes the membership puts it there, and tells those that watch.
    pub fn set_membership(&mut self, text: Bytes, version: i64) {
        self.membership = Some((text, version));
    }

    /// What a leader judges changes of the membership by, from now until its role ends; `None`: it refuses
    /// them. To be told anew whenever something of it has changed.
    pub fn set_memberships(&mut self, memberships: Option<Memberships>) {
        self.prep.set_memberships(memberships);
    }

    /// Takes what is to be sent to other servers, in order. Empty without an ensemble.
    pub fn take_mail(&mut self, mail: &mut Vec<Effect>) {
        mail.append(&mut self.mail);
    }

    // apache 3.9.5: server/quorum/Learner.java syncWithLeader, its call of initConfigInZKDatabase
    fn show_membership(&mut self, now: Now) {
        let shown = self
            .membership
            .clone()
            .map(|(text, version)| Item::Membership {
                text,
                version,
                time: now.wall,
            });
        self.open.items.extend(shown);
    }
}

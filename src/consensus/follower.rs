//! A follower in the broadcast: logs what is proposed, acknowledges what is durable, applies what is committed.
//! Upstream: `Follower`, `FollowerZooKeeperServer`.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::consensus::Effect;
use crate::consensus::end::{Turn, UNMATCHED_COMMIT, fatal, over};
use crate::consensus::learner::Rest;
use crate::consensus::observer_master::ObserverMaster;
use crate::consensus::own::Own;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{ServerId, Zxid};

/// The state of it.
#[derive(Debug)]
pub(crate) struct Follower {
    /// Logged, and not committed yet as far as is known here.
    pending: VecDeque<(Zxid, Bytes)>,
    /// The last transaction heard of, or the epoch's beginning.
    last: Zxid,
    /// The last transaction acknowledged, or the one before the first that will be.
    acked: Zxid,
    /// There when this follower serves observers.
    pub(crate) master: Option<ObserverMaster>,
}

impl Follower {
    /// Begins with what was proposed while it caught up.
    pub(crate) fn new(own: &mut Own, epoch: Zxid, rest: Rest, out: &mut Vec<Effect>) -> Self {
        own.is_sure(own.delivered());
        let first = rest.pending.front().map(|(zxid, _)| zxid.0 - 1);
        let mut follower = Follower {
            last: rest.last.max(epoch),
            acked: first.map_or(rest.last.max(epoch), Zxid),
            pending: rest.pending,
            master: None,
        };
        for (zxid, body) in &follower.pending {
            own.append(*zxid, body, out);
        }
        for _ in 0..rest.committed {
            follower.deliver(own, None, out);
        }
        follower
    }

    /// Serves observers from now on, if the settings say so.
    pub(crate) fn serve_observers(&mut self, own: &Own, epoch: i64, out: &mut Vec<Effect>) {
        if own.settings.observer_masters {
            self.master = Some(ObserverMaster::open(own, epoch, out));
        }
    }

    pub(crate) fn on_packet(
        &mut self,
        own: &mut Own,
        packet: ToLearner,
        out: &mut Vec<Effect>,
    ) -> Turn {
        match packet {
            ToLearner::Proposal { zxid, body } => self.propose(own, zxid, body, out),
            ToLearner::Commit(zxid) => self.commit(own, zxid, None, out),
            ToLearner::CommitAndActivate { zxid, leader } => self.activate(own, zxid, leader, out),
            ToLearner::Ping(zxid) => {
                out.push(Effect::ReportTouched(zxid));
                Ok(())
            }
            ToLearner::Revalidate { session, valid } => {
                out.push(Effect::Revalidated { session, valid });
                Ok(())
            }
            ToLearner::Sync => {
                out.push(Effect::Synced);
                Ok(())
            }
            packet => {
                out.push(Effect::Note(format!("{packet:?} is not for a follower")));
                Ok(())
            }
        }
    }

    fn propose(&mut self, own: &mut Own, zxid: Zxid, body: Bytes, out: &mut Vec<Effect>) -> Turn {
        let follows = zxid.0.checked_sub(1) == Some(self.last.0);
        if !follows || zxid.counter() == 0 {
            return over(format!("{zxid} is proposed after {}", self.last));
        }
        self.last = zxid;
        if let Some(membership) = own.change_in(&body) {
            own.see(membership, out);
        }
        own.append(zxid, &body, out);
        self.pending.push_back((zxid, body));
        Ok(())
    }

    // apache 3.9.5: server/quorum/FollowerZooKeeperServer.java commit
    fn commit(
        &mut self,
        own: &mut Own,
        zxid: Zxid,
        leads: Option<ServerId>,
        out: &mut Vec<Effect>,
    ) -> Turn {
        match self.pending.front() {
            None => {
                out.push(Effect::Note(format!("{zxid} is committed and unknown")));
                Ok(())
            }
            Some((next, _)) if *next != zxid => {
                let why = format!("{zxid} is committed while {next} is next");
                fatal(UNMATCHED_COMMIT, why)
            }
            Some(_) => {
                self.deliver(own, leads, out);
                Ok(())
            }
        }
    }

    /// Commits a change of the membership. If it gives this server another role or leader, this role is over.
    fn activate(
        &mut self,
        own: &mut Own,
        zxid: Zxid,
        leader: ServerId,
        out: &mut Vec<Effect>,
    ) -> Turn {
        let next = self.pending.front().filter(|(next, _)| *next == zxid);
        let membership = next.and_then(|(_, body)| own.change_in(body));
        let ends = membership.is_some_and(|membership| {
            own.activate(&Arc::new(membership), Some((leader, zxid)), out)
        });
        self.commit(own, zxid, Some(leader), out)?;
        match ends {
            true => over("the membership has changed"),
            false => Ok(()),
        }
    }

    /// `leads`: who leads from here on, when this transaction changes the membership.
    fn deliver(&mut self, own: &mut Own, leads: Option<ServerId>, out: &mut Vec<Effect>) {
        let (zxid, body) = self
            .pending
            .pop_front()
            .expect("only what is pending is committed");
        own.deliver(zxid, body.clone(), out);
        own.is_sure(zxid);
        if let Some(master) = &mut self.master {
            master.inform(own, (zxid, &body), leads, out);
        }
    }

    /// Every transaction is acknowledged by itself: leaders count them one by one.
    pub(crate) fn on_durable(&mut self, own: &Own, out: &mut Vec<Effect>) {
        while self.acked < own.durable() {
            self.acked = self.acked.next();
            out.push(Effect::ToLeader(ToLeader::Ack(self.acked)));
        }
    }

    /// What must hold after every step: whatever is logged and not applied is pending.
    pub(crate) fn check(&self, own: &Own) {
        let last = self
            .pending
            .back()
            .map_or(own.delivered(), |(zxid, _)| *zxid);
        assert!(
            last == own.logged(),
            "E-6: {last} is the last one pending, {} is logged",
            own.logged()
        );
        let next = self.pending.front().map(|(zxid, _)| *zxid);
        assert!(
            next.is_none_or(|next| next > own.delivered()),
            "E-6: {next:?} is pending, {} is applied",
            own.delivered()
        );
        assert!(
            self.acked <= own.logged().max(self.last),
            "D-4: {} is acknowledged, {} is logged",
            self.acked,
            own.logged()
        );
    }

    /// The role is over: what is logged and not applied yet.
    pub(crate) fn into_pending(self) -> VecDeque<(Zxid, Bytes)> {
        self.pending
    }
}

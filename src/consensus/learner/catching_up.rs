//! Catching up with a leader: from `DIFF`, `TRUNC` or a snapshot to `UPTODATE`. Whatever is committed on the way is
//! logged and applied at once; what is not, waits in memory. Upstream: `Learner.syncWithLeader`.
//!
//! Stricter than Apache's, and not to be seen on the wire: everything that counts is durable before the current
//! epoch is, and that before the acknowledgement leaves, whatever the mode. Where the transactions cross into another
//! epoch, that epoch becomes current between them, so that the log is never ahead of it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::end::{BAD_SYNC, Turn, fatal, over};
use crate::consensus::learner::Rest;
use crate::consensus::own::Own;
use crate::consensus::{Effect, Task};
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{ServerId, Zxid};

/// The state of it.
#[derive(Debug)]
pub(crate) struct CatchingUp {
    /// The epoch that the leader has offered.
    epoch: i64,
    /// Nothing is logged before this task is over.
    waits_for: Option<Task>,
    /// Where the history ends once the first task is over.
    base: Zxid,
    /// The last transaction heard of.
    last: Zxid,
    /// Proposals that are not logged yet.
    pending: VecDeque<(Zxid, Bytes)>,
    /// How many of them, from the first on, were committed before `NEWLEADER`: they are part of what it stands for.
    due: usize,
    /// How many behind those were committed after it.
    late: usize,
    /// What came with `NEWLEADER`: it is committed when `UPTODATE` comes.
    membership: Option<Arc<Membership>>,
    /// A change that the snapshot holds already, and that may be committed only now.
    held: Option<Membership>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The leader still sends what is missing.
    Collecting,
    /// `NEWLEADER` has come.
    Sealing,
    /// It is acknowledged.
    Acknowledged,
    /// `UPTODATE` has come.
    Over,
}

impl CatchingUp {
    /// The history is a part of the leader's.
    pub(crate) fn after(base: Zxid, epoch: i64) -> Self {
        CatchingUp {
            epoch,
            waits_for: None,
            base,
            last: base,
            pending: VecDeque::new(),
            due: 0,
            late: 0,
            membership: None,
            held: None,
            stage: Stage::Collecting,
        }
    }

    /// It will be one, and end at `base`, when this task is over.
    pub(crate) fn once(task: Task, base: Zxid, epoch: i64) -> Self {
        CatchingUp {
            waits_for: Some(task),
            ..CatchingUp::after(base, epoch)
        }
    }

    /// Whether `NEWLEADER` is acknowledged.
    pub(crate) fn acknowledged(&self) -> bool {
        matches!(self.stage, Stage::Acknowledged | Stage::Over)
    }

    pub(crate) fn on_packet(
        &mut self,
        own: &mut Own,
        packet: ToLearner,
        out: &mut Vec<Effect>,
    ) -> Turn {
        match packet {
            ToLearner::Proposal { zxid, body } => self.propose(own, zxid, body, out)?,
            ToLearner::Commit(zxid) => self.commit(zxid)?,
            ToLearner::CommitAndActivate { zxid, leader } => {
                self.activate(own, zxid, leader, out)?;
                self.commit(zxid)?;
            }
            ToLearner::Inform { zxid, body } => {
                self.propose(own, zxid, body, out)?;
                self.commit(zxid)?;
            }
            ToLearner::InformAndActivate { zxid, leader, body } => {
                self.propose(own, zxid, body, out)?;
                self.activate(own, zxid, leader, out)?;
                self.commit(zxid)?;
            }
            ToLearner::NewLeader { zxid, config } => {
                self.on_new_leader(zxid)?;
                let text = config.filter(|text| text.len() > 1);
                if let Some(membership) = text.and_then(|text| own.membership_of(&text)) {
                    own.see(membership.clone(), out);
                    self.membership = Some(Arc::new(membership));
                    if own.lacks_log() {
                        return over("about to vote, without a log");
                    }
                }
            }
            ToLearner::UpToDate => {
                if self.stage != Stage::Acknowledged {
                    return over("UPTODATE before NEWLEADER was acknowledged");
                }
                let old = |(zxid, _): &(Zxid, Bytes)| zxid.epoch() < self.epoch;
                if self.pending.front().is_some_and(old) {
                    return over("a transaction of an earlier epoch was not committed");
                }
                self.stage = Stage::Over;
                if let Some(membership) = self.membership.take()
                    && !self.is_pending(&membership)
                    && own.activate(&membership, None, out)
                {
                    return over("the membership has changed");
                }
            }
            // A ping is not to be answered yet: the leader takes the first packet for the acknowledgement.
            _ => {}
        }
        self.go_on(own, out);
        Ok(())
    }

    // apache 3.9.5: server/quorum/Learner.java enforceContinuousProposal
    fn propose(&mut self, own: &mut Own, zxid: Zxid, body: Bytes, out: &mut Vec<Effect>) -> Turn {
        // A snapshot holds it already, or it was sent twice.
        if zxid <= self.last {
            self.held = own.change_in(&body).or(self.held.take());
            return Ok(());
        }
        if zxid.epoch() > self.epoch || zxid.counter() == 0 {
            return over(format!(
                "{zxid} is no transaction up to epoch {}",
                self.epoch
            ));
        }
        if zxid != self.last.next() && zxid.epoch() <= self.last.epoch() {
            return over(format!("{zxid} leaves a hole behind {}", self.last));
        }
        self.last = zxid;
        if let Some(membership) = own.change_in(&body) {
            own.see(membership, out);
        }
        self.pending.push_back((zxid, body));
        Ok(())
    }

    /// Whether a membership is proposed and not committed: a leader sends with `NEWLEADER` what it has seen last. One
    /// that was not proposed in the epoch is committed with it. Apache's learners take all of them for committed.
    fn is_pending(&self, membership: &Membership) -> bool {
        let last_late = self.late.checked_sub(1).map(|last| self.pending[last].0);
        let committed = last_late.unwrap_or(self.base);
        let version = Zxid(membership.version);
        version > committed && version.epoch() == self.epoch && version.counter() != 0
    }

    /// A change of the membership is being committed.
    fn activate(
        &mut self,
        own: &mut Own,
        zxid: Zxid,
        leader: ServerId,
        out: &mut Vec<Effect>,
    ) -> Turn {
        let next = self.pending.get(self.due + self.late);
        let next = next.filter(|(next, _)| *next == zxid);
        let held = self.held.take_if(|held| held.version == zxid.0);
        let proposed = next.and_then(|(_, body)| own.change_in(body));
        let Some(membership) = proposed.or(held) else {
            return Ok(());
        };
        match own.activate(&Arc::new(membership), Some((leader, zxid)), out) {
            true => over("the membership has changed"),
            false => Ok(()),
        }
    }

    fn commit(&mut self, zxid: Zxid) -> Turn {
        let next = self.pending.get(self.due + self.late);
        match next {
            Some((next, _)) if *next == zxid => {}
            Some((next, _)) if zxid > *next => {
                return over(format!("{zxid} is committed before {next}"));
            }
            None if zxid > self.last => {
                return over(format!("{zxid} is committed and was not proposed"));
            }
            // It is part of the snapshot, or was committed before.
            _ => return Ok(()),
        }
        match self.stage {
            Stage::Collecting => self.due += 1,
            _ => self.late += 1,
        }
        Ok(())
    }

    fn on_new_leader(&mut self, zxid: Zxid) -> Turn {
        if self.stage != Stage::Collecting || zxid != Zxid(self.epoch << 32) {
            let stage = self.stage;
            return over(format!(
                "NEWLEADER {zxid} in epoch {}, {stage:?}",
                self.epoch
            ));
        }
        self.stage = Stage::Sealing;
        Ok(())
    }

    pub(crate) fn on_done(&mut self, own: &mut Own, task: Task, out: &mut Vec<Effect>) -> Turn {
        if self.waits_for != Some(task) {
            return Ok(());
        }
        self.waits_for = None;
        let (is, base) = (own.delivered(), self.base);
        if is > base {
            return fatal(BAD_SYNC, format!("history still ends at {is}, not {base}"));
        }
        // Cut back to where an epoch began: the history ends before it, and whole.
        let begins = base.counter() == 0 && is.epoch() < base.epoch();
        if is < base && !begins {
            return over(format!("history ends at {is}, before {base}"));
        }
        self.go_on(own, out);
        Ok(())
    }

    /// Logs and applies what is due, then acknowledges, as far as storage is.
    pub(crate) fn go_on(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        while self.waits_for.is_none() && self.due > 0 {
            let (zxid, body) = self.pending.pop_front().expect("what is due is pending");
            if zxid.epoch() > own.current_epoch() {
                self.pending.push_front((zxid, body));
                if own.flushed() {
                    self.waits_for = Some(own.save_current_epoch(zxid.epoch(), out));
                }
                break;
            }
            self.due -= 1;
            own.append(zxid, &body, out);
            own.deliver(zxid, body, out);
            self.base = zxid;
        }
        let complete = self.waits_for.is_none() && self.due == 0 && own.flushed();
        if self.stage != Stage::Sealing || !complete {
            return;
        }
        if own.current_epoch() < self.epoch {
            self.waits_for = Some(own.save_current_epoch(self.epoch, out));
            return;
        }
        self.stage = Stage::Acknowledged;
        out.push(Effect::ToLeader(ToLeader::Ack(Zxid(self.epoch << 32))));
    }

    /// What is left to do when `UPTODATE` has come.
    pub(crate) fn take_rest(&mut self) -> Option<Rest> {
        if self.stage != Stage::Over {
            return None;
        }
        assert!(
            self.due == 0,
            "what is due is done before NEWLEADER is acknowledged"
        );
        Some(Rest {
            pending: std::mem::take(&mut self.pending),
            committed: self.late,
            last: self.last,
        })
    }
}

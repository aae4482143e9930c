//! Bringing a learner to where its leader is, and to the point from which it gets everything as it happens.
//! Upstream: `LearnerHandler.syncFollower`, `Leader.startForwarding`, `LearnerSyncThrottler`.

use bytes::Bytes;

use crate::consensus::catchup::{Gap, Plan, plan};
use crate::consensus::leader::Leader;
use crate::consensus::leader::link::{Link, Mode, Stage};
use crate::consensus::own::Own;
use crate::consensus::{Effect, Outcome, Task};
use crate::proto::peer::ToLearner;
use crate::types::{LinkId, Zxid};

impl Leader {
    /// The epoch is agreed on: everybody who has promised is synchronised.
    pub(crate) fn synchronise_promised(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        let promised = |link: &&Link| matches!(link.stage, Stage::Promised(_));
        let waiting = self.links.iter().filter(promised);
        let waiting: Vec<LinkId> = waiting.map(|link| link.link).collect();
        for link in waiting {
            if let Some(at) = self.links.iter().position(|other| other.link == link) {
                self.synchronise_at(own, at, out);
            }
        }
    }

    /// A learner that has promised is synchronised.
    pub(crate) fn synchronise_at(&mut self, own: &mut Own, at: usize, out: &mut Vec<Effect>) {
        let Stage::Promised(learner) = self.links[at].stage else {
            unreachable!("only who has promised is synchronised");
        };
        let gap = Gap {
            learner,
            last: own.delivered(),
            log_sync: own.settings.log_sync,
            force_snapshot: own.settings.force_snapshot,
        };
        let plan = plan(gap, &own.backlog);
        let mode = match plan {
            Plan::Snapshot => Mode::Snapshot,
            _ => Mode::Transactions,
        };
        let link = self.links[at].link;
        if self.throttled(own, at, mode) {
            return self.hang_up(own, link, "too many are being synchronised", out);
        }
        self.links[at].mode = Some(mode);
        match plan {
            Plan::Diff { head, after } => {
                out.push(Effect::Send(link, ToLearner::Diff(head)));
                self.send_backlog(own, at, after, out);
            }
            Plan::Truncate { keep } => {
                out.push(Effect::Send(link, ToLearner::Trunc(keep)));
                self.send_backlog(own, at, keep, out);
            }
            // The learner's disk may be faster than the leader's.
            Plan::Log { head } if learner < on_disk(own) => {
                self.read_log(own, at, Some(head), learner, out);
            }
            Plan::Log { .. } | Plan::Snapshot => self.send_snapshot(own, at, out),
        }
    }

    /// Whether this learner must come again later. Those that vote never must.
    fn throttled(&self, own: &Own, at: usize, mode: Mode) -> bool {
        let limit = match mode {
            Mode::Snapshot => own.settings.snapshot_syncs_max,
            Mode::Transactions => own.settings.diff_syncs_max,
        };
        let same = |link: &&Link| link.mode == Some(mode);
        self.links[at].observer && self.links.iter().filter(same).count() >= limit
    }

    /// Everything committed behind `after`, then what follows.
    fn send_backlog(&mut self, own: &mut Own, at: usize, after: Zxid, out: &mut Vec<Effect>) {
        let link = self.links[at].link;
        for (zxid, body) in own.backlog.behind(after) {
            let (zxid, body) = (*zxid, body.clone());
            out.push(Effect::Send(link, ToLearner::Proposal { zxid, body }));
            out.push(Effect::Send(link, ToLearner::Commit(zxid)));
        }
        self.forward(own, at, out);
    }

    fn send_snapshot(&mut self, own: &mut Own, at: usize, out: &mut Vec<Effect>) {
        let task = own.task();
        let learner = &mut self.links[at];
        learner.streaming = Some(task);
        out.push(Effect::StreamSnapshot(learner.link, task));
        self.forward(own, at, out);
    }

    /// Has the log sent to a learner. What is committed meanwhile is kept for it.
    fn read_log(
        &mut self,
        own: &mut Own,
        at: usize,
        diff: Option<Zxid>,
        after: Zxid,
        out: &mut Vec<Effect>,
    ) {
        let upto = on_disk(own);
        let task = own.task();
        let learner = &mut self.links[at];
        let begun = diff.is_none();
        learner.stage = Stage::ReadingLog { task, upto, begun };
        out.push(Effect::StreamLog {
            link: learner.link,
            diff,
            after,
            upto,
            task,
        });
        self.pin(own);
    }

    /// The backlog is kept for those that are being sent the log.
    pub(crate) fn pin(&self, own: &mut Own) {
        let reading = self.links.iter().filter_map(|link| match link.stage {
            Stage::ReadingLog { upto, .. } => Some(upto),
            _ => None,
        });
        own.backlog.pin(reading.min());
    }

    /// The street has finished sending something.
    pub(crate) fn on_streamed(
        &mut self,
        own: &mut Own,
        task: Task,
        outcome: Outcome,
        out: &mut Vec<Effect>,
    ) {
        if let Some(link) = self
            .links
            .iter_mut()
            .find(|link| link.streaming == Some(task))
        {
            link.streaming = None;
            link.heard = own.now;
            return;
        }
        let reading = self
            .links
            .iter()
            .enumerate()
            .find_map(|(at, link)| match link.stage {
                Stage::ReadingLog {
                    task: read,
                    upto,
                    begun,
                } if read == task => Some((at, upto, begun)),
                _ => None,
            });
        let Some((at, upto, begun)) = reading else {
            return;
        };
        match outcome {
            Outcome::Streamed(_) if upto >= own.delivered() || own.backlog.reaches(upto) => {
                self.send_backlog(own, at, upto, out);
            }
            Outcome::Streamed(_) => self.read_log(own, at, None, upto, out),
            _ if begun => {
                let link = self.links[at].link;
                self.hang_up(own, link, "the log it was being sent is gone", out);
            }
            _ => {
                self.links[at].mode = Some(Mode::Snapshot);
                self.send_snapshot(own, at, out);
            }
        }
        self.pin(own);
    }

    /// From here on the learner gets everything as it happens. What is not committed yet comes before `NEWLEADER`,
    /// so that nothing falls between the two.
    fn forward(&mut self, own: &mut Own, at: usize, out: &mut Vec<Effect>) {
        let learner = &mut self.links[at];
        if !learner.observer {
            own.heed_oracle(false);
            if let Some(outstanding) = &mut self.outstanding {
                outstanding.set_lone(false);
            }
        }
        if let Some((outstanding, voice)) = self.outstanding.as_mut().zip(learner.voice) {
            // Catching up may have cut off what the server had acknowledged on an earlier connection. It will say so
            // again when it has it again; counted now, it could commit what no quorum has.
            outstanding.forget(voice);
        }
        if let Some(outstanding) = self.outstanding.as_ref().filter(|_| !learner.observer) {
            for (zxid, body) in outstanding.iter() {
                let body = body.clone();
                out.push(Effect::Send(
                    learner.link,
                    ToLearner::Proposal { zxid, body },
                ));
            }
        }
        learner.forwarding = true;
        learner.stage = Stage::Told;
        learner.heard = own.now;
        let zxid = Zxid(self.agreement.epoch() << 32);
        let config = Some(Bytes::from(own.last_seen.to_text()));
        out.push(Effect::Send(
            learner.link,
            ToLearner::NewLeader { zxid, config },
        ));
    }
}

/// What can be read from the log. What is committed and not there yet is still in the backlog.
fn on_disk(own: &Own) -> Zxid {
    own.delivered().min(own.durable())
}

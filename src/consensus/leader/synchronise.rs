//! A leader brings its learners to where it is, and to the point from which they get everything as it happens.
//! Upstream: `LearnerHandler.run`, `Leader.startForwarding`.

use crate::consensus::bring_up::{self, Step};
use crate::consensus::leader::Leader;
use crate::consensus::link::{Link, Stage};
use crate::consensus::own::Own;
use crate::consensus::{Effect, Outcome, Task};
use crate::proto::peer::ToLearner;
use crate::types::LinkId;

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
        let step = bring_up::begin(&mut self.links, at, own, out);
        self.go_on_with(own, at, step, out);
    }

    /// The street has finished sending something.
    pub(crate) fn on_streamed(
        &mut self,
        own: &mut Own,
        task: Task,
        outcome: Outcome,
        out: &mut Vec<Effect>,
    ) {
        let streamed = bring_up::on_streamed(&mut self.links, own, (task, outcome), out);
        if let Some((at, step)) = streamed {
            self.go_on_with(own, at, step, out);
            self.pin(own);
        }
    }

    fn go_on_with(&mut self, own: &mut Own, at: usize, step: Step, out: &mut Vec<Effect>) {
        match step {
            Step::Level => self.forward(own, at, out),
            Step::Reading => {}
            Step::Failed(why) => self.hang_up(own, self.links[at].link, why, out),
        }
    }

    /// The backlog is kept for those that are being sent the log.
    pub(crate) fn pin(&self, own: &mut Own) {
        bring_up::pin(&self.links, own);
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
        bring_up::establish(learner, self.agreement.epoch(), own, out);
    }
}

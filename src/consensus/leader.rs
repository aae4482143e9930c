//! A leader: from its election to the end of its role. Here are its stages and what learners' packets do in them;
//! counting, catching learners up and the beat have files of their own. Upstream: `Leader`, `LearnerHandler`.

mod agreement;
mod beat;
mod broadcast;
mod change;
mod outstanding;
mod synchronise;

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use crate::consensus::bring_up::{EPOCHS, introduction, offer};
use crate::consensus::end::{Turn, over};
use crate::consensus::leader::agreement::{Agreement, Promise};
use crate::consensus::leader::beat::Beat;
use crate::consensus::leader::outstanding::Outstanding;
use crate::consensus::link::{Link, Stage as LinkStage};
use crate::consensus::own::Own;
use crate::consensus::status::{Learners, ProposalSizes};
use crate::consensus::{Effect, Phase, Task};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, Millis, ServerId, Zxid};

/// One role as a leader.
#[derive(Debug)]
pub(crate) struct Leader {
    stage: Stage,
    agreement: Agreement,
    /// Who voted for it.
    backers: BTreeSet<ServerId>,
    /// Since when it waits for learners.
    since: Millis,
    /// When the present stage must be over, unless it is the broadcast.
    until: Millis,
    beat: Beat,
    /// In the order in which they came.
    links: Vec<Link>,
    /// There in the broadcast.
    outstanding: Option<Outstanding>,
    /// The change of the membership that is being proposed.
    change: Option<Zxid>,
    /// Whether it may still commit: not when a change has made another server the leader.
    commits: bool,
    /// A change has moved or removed it: the role ends then. Learners that hear of the change leave before; but some may
    /// not, and it may be a quorum alone.
    leaves: Option<Millis>,
    sizes: Option<ProposalSizes>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits for a quorum to choose the epoch with.
    Gathering,
    /// The epoch is chosen; it is being made durable.
    Accepting(Task),
    /// Waits for a quorum to promise.
    Offering,
    /// Waits for a quorum to be synchronised. Its own epoch may still be on its way to the disk.
    Synchronising {
        /// Its own acknowledgement follows this task.
        own: Option<Task>,
    },
    /// The epoch is established.
    Leading,
}

impl Leader {
    /// The election is won, with the votes of these.
    pub(crate) fn new(own: &mut Own, backers: BTreeSet<ServerId>, out: &mut Vec<Effect>) -> Self {
        out.push(Effect::Phase(Phase::Discovery(own.id())));
        out.push(Effect::Listen);
        own.heed_oracle(true);
        let summary = (own.current_epoch(), own.delivered());
        Leader {
            stage: Stage::Gathering,
            agreement: Agreement::new(own.id(), own.accepted_epoch().max(own.heard_epoch), summary),
            backers,
            since: own.now,
            until: own.now.plus(own.settings.init_ms()),
            beat: Beat::new(own),
            links: Vec::new(),
            outstanding: None,
            change: None,
            commits: true,
            leaves: None,
            sizes: None,
        }
    }

    /// Whether it was elected for at least a tick, and its followers do not come. Some of those that elected it may not
    /// be able to follow: for them, a membership that was proposed and lost must agree as well.
    pub(crate) fn waits_in_vain(&self, own: &Own) -> bool {
        let begun = self.until.plus(-own.settings.init_ms());
        self.stage == Stage::Gathering && own.now >= begun.plus(own.settings.tick_ms)
    }

    /// How far this role is.
    pub(crate) fn phase(&self, own: &Own) -> Phase {
        match self.stage {
            Stage::Gathering | Stage::Accepting(_) | Stage::Offering => Phase::Discovery(own.id()),
            Stage::Synchronising { .. } => Phase::Synchronization(own.id()),
            Stage::Leading => Phase::Leading,
        }
    }

    /// The oracle has changed its mind.
    pub(crate) fn on_oracle(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        match self.stage {
            Stage::Leading => self.heed(own, out),
            _ => self.go_on(own, out),
        }
    }

    /// Whether this leader has no followers, so that an oracle may have to speak.
    pub(crate) fn is_alone(&self) -> bool {
        !self
            .links
            .iter()
            .any(|link| link.forwarding && !link.observer)
    }

    /// When time matters next.
    pub(crate) fn next_tick(&self) -> Millis {
        match self.stage {
            Stage::Leading => self.beat.next(),
            _ => self.beat.next().min(self.until),
        }
    }

    fn epoch(&self) -> Zxid {
        Zxid(self.agreement.epoch() << 32)
    }

    /// Goes on as far as enough servers agree. A single voter gets through all of it alone.
    pub(crate) fn go_on(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        let quorums = own.quorums();
        if self.stage == Stage::Gathering && self.agreement.connected(&quorums) {
            let epoch = self.agreement.epoch();
            assert!(
                epoch <= EPOCHS.end,
                "the 2^31 epochs of an ensemble are not used up"
            );
            self.stage = Stage::Accepting(own.save_accepted_epoch(epoch, out));
        }
        if self.stage == Stage::Offering && self.agreement.promised(&quorums) {
            let task = own.save_current_epoch(self.agreement.epoch(), out);
            self.stage = Stage::Synchronising { own: Some(task) };
            self.until = own.now.plus(own.settings.init_ms());
            out.push(Effect::Phase(Phase::Synchronization(own.id())));
            self.synchronise_promised(own, out);
        }
        let synchronising = matches!(self.stage, Stage::Synchronising { .. });
        if synchronising && self.agreement.synchronised(&quorums) {
            self.lead(own, out);
        }
    }

    /// Storage has finished something.
    pub(crate) fn on_done(&mut self, own: &mut Own, task: Task, out: &mut Vec<Effect>) {
        match self.stage {
            Stage::Accepting(wanted) if wanted == task => {
                self.stage = Stage::Offering;
                self.number_first_membership(own, out);
                for link in &mut self.links {
                    if link.stage == LinkStage::Introduced {
                        offer(link, self.agreement.epoch(), own.now, out);
                    }
                }
            }
            Stage::Synchronising { own: Some(wanted) } if wanted == task => {
                self.stage = Stage::Synchronising { own: None };
                self.agreement.synchronise(own.id());
            }
            _ => return,
        }
        self.go_on(own, out);
    }

    /// The epoch is established: the broadcast begins.
    // apache 3.9.5: server/quorum/Leader.java startZkServer
    fn lead(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        let epoch = self.epoch();
        let task = own.task();
        out.push(Effect::TakeSnapshot(task));
        own.enter(epoch);
        self.complete_change(own, out);
        own.elector.update_epoch(epoch.epoch());
        let outstanding = Outstanding::new(own.id(), epoch, own.quorums());
        self.stage = Stage::Leading;
        out.push(Effect::Lead { epoch });
        out.push(Effect::Phase(Phase::Leading));
        for link in &mut self.links {
            link.voice = link.id.and_then(|id| outstanding.voice(id));
            if link.stage == LinkStage::Ready {
                link.stage = LinkStage::Serving;
                link.heard = own.now;
                out.push(Effect::Send(link.link, ToLearner::UpToDate));
            }
        }
        self.outstanding = Some(outstanding);
        self.beat.start(own);
    }

    /// A server looks for a leader. If it voted for this one, and nobody has come for a while, the others may have
    /// changed their minds, too.
    // apache 3.9.5: server/quorum/Leader.java reportLookingSid
    pub(crate) fn on_looking(&self, own: &Own, id: ServerId) -> Turn {
        let waits = own.settings.epoch_wait_ms;
        let patient = waits.is_none_or(|ms| own.now <= self.since.plus(ms));
        if self.stage != Stage::Gathering || patient || !self.backers.contains(&id) {
            return Ok(());
        }
        over(format!(
            "server {} voted for this one and looks again",
            id.0
        ))
    }

    /// A learner has connected.
    pub(crate) fn on_up(&mut self, own: &Own, link: LinkId) {
        let alive_until = self.beat.first_deadline(own);
        self.links.push(Link::new(link, own.now, alive_until));
    }

    /// A learner is gone.
    pub(crate) fn on_down(&mut self, own: &mut Own, link: LinkId) {
        self.links.retain(|other| other.link != link);
        self.pin(own);
    }

    /// Ends a learner's connection.
    fn hang_up(&mut self, own: &mut Own, link: LinkId, why: &str, out: &mut Vec<Effect>) {
        out.push(Effect::Note(format!("learner cut off: {why}")));
        out.push(Effect::HangUp(link));
        self.on_down(own, link);
    }

    /// A packet of a learner.
    pub(crate) fn on_packet(
        &mut self,
        own: &mut Own,
        link: LinkId,
        packet: ToLeader,
        out: &mut Vec<Effect>,
    ) -> Turn {
        let Some(at) = self.links.iter().position(|other| other.link == link) else {
            return Ok(());
        };
        let learner = &mut self.links[at];
        learner.heard = own.now;
        match (learner.stage, packet) {
            (LinkStage::Serving, packet) => {
                learner.alive_until = self.beat.next_deadline(own);
                self.on_serving(own, at, packet, out);
            }
            (
                LinkStage::Connected,
                ToLeader::Info {
                    observer,
                    accepted_epoch,
                    info,
                },
            ) => {
                learner.observer = observer;
                self.check_epoch(own, accepted_epoch, info)?;
                self.on_info(own, at, accepted_epoch, info, out);
            }
            (
                LinkStage::Offered,
                ToLeader::AckEpoch {
                    last_zxid,
                    current_epoch,
                },
            ) => self.on_promise(own, at, last_zxid, current_epoch, out),
            (LinkStage::Told, ToLeader::Ack(zxid)) => self.on_synchronised(own, at, zxid, out),
            (stage, packet) => {
                let why = format!("{packet:?} while {stage:?}");
                self.hang_up(own, link, &why, out);
            }
        }
        Ok(())
    }

    /// A member that has promised to take part in no epoch below one above this leader's could never come back as
    /// long as this epoch lasts. It happens when somebody was elected and heard by nobody. Apache's leader lets it try
    /// for ever; a short election takes everybody in. But a member with more history than this leader would win it, and
    /// what was committed since would be lost: a majority has then lost its disks, and that one came too late.
    fn check_epoch(&self, own: &mut Own, accepted_epoch: i64, info: LearnerInfo) -> Turn {
        let epoch = self.agreement.epoch();
        let member = info.id.filter(|id| own.committed.member(*id).is_some());
        match member {
            Some(id)
                if self.stage != Stage::Gathering
                    && accepted_epoch > epoch
                    && own.outvotes(id)
                    && EPOCHS.contains(&accepted_epoch) =>
            {
                let id = id.0;
                own.heard_epoch = own.heard_epoch.max(accepted_epoch);
                over(format!(
                    "server {id} has accepted epoch {accepted_epoch}, this is {epoch}"
                ))
            }
            _ => Ok(()),
        }
    }

    fn on_info(
        &mut self,
        own: &mut Own,
        at: usize,
        accepted_epoch: i64,
        info: LearnerInfo,
        out: &mut Vec<Effect>,
    ) {
        let learner = &mut self.links[at];
        let link = learner.link;
        let id = match introduction(own, accepted_epoch, info) {
            Ok(id) => id,
            Err(why) => return self.hang_up(own, link, &why, out),
        };
        learner.id = Some(id);
        learner.stage = LinkStage::Introduced;
        // Nothing that the server said on an earlier connection may count any more.
        let older = |other: &&Link| other.id == Some(id) && other.link != link;
        if let Some(older) = self.links.iter().find(older).map(|other| other.link) {
            let why = format!(
                "server {} has called again: it has lost the connection, or two servers have the id {}",
                id.0, id.0
            );
            self.hang_up(own, older, &why, out);
        }
        let Some(learner) = self.links.iter_mut().find(|other| other.link == link) else {
            unreachable!("only the older connection is gone");
        };
        let outstanding = self.outstanding.as_ref();
        learner.voice = outstanding.and_then(|outstanding| outstanding.voice(id));
        match self.stage {
            Stage::Gathering => {
                self.agreement.connect(id, accepted_epoch);
                self.go_on(own, out);
            }
            Stage::Accepting(_) => {}
            _ => offer(learner, self.agreement.epoch(), own.now, out),
        }
    }

    fn on_promise(
        &mut self,
        own: &mut Own,
        at: usize,
        last_zxid: Zxid,
        current_epoch: Option<i64>,
        out: &mut Vec<Effect>,
    ) {
        let learner = &mut self.links[at];
        learner.stage = LinkStage::Promised(last_zxid);
        if self.stage != Stage::Offering {
            return self.synchronise_at(own, at, out);
        }
        let id = learner.id.expect("whoever promises has introduced itself");
        let summary = current_epoch.map(|epoch| (epoch, last_zxid));
        if self.agreement.promise(id, summary) == Promise::Ahead {
            let link = learner.link;
            let why = format!("server {} is ahead, at {last_zxid} in {summary:?}", id.0);
            return self.hang_up(own, link, &why, out);
        }
        self.go_on(own, out);
    }

    /// A learner has acknowledged `NEWLEADER`.
    // apache 3.9.5: server/quorum/Leader.java waitForNewLeaderAck
    fn on_synchronised(&mut self, own: &mut Own, at: usize, zxid: Zxid, out: &mut Vec<Effect>) {
        let epoch = self.epoch();
        let learner = &mut self.links[at];
        let id = learner
            .id
            .expect("whoever acknowledges has introduced itself");
        learner.mode = None;
        match zxid == epoch {
            true => self.agreement.synchronise(id),
            false => out.push(Effect::Note(format!(
                "server {} acknowledges {zxid} instead of {epoch}",
                id.0
            ))),
        }
        match self.stage {
            Stage::Leading => {
                learner.stage = LinkStage::Serving;
                learner.alive_until = self.beat.next_deadline(own);
                out.push(Effect::Send(learner.link, ToLearner::UpToDate));
            }
            _ => {
                learner.stage = LinkStage::Ready;
                self.go_on(own, out);
            }
        }
    }

    pub(crate) fn on_tick(&mut self, own: &mut Own, out: &mut Vec<Effect>) -> Turn {
        if self.stage != Stage::Leading && own.now >= self.until {
            return over(format!("no quorum in time: {:?}", self.stage));
        }
        self.on_beat(own, out)
    }

    /// What must hold after every step.
    pub(crate) fn check(&self, own: &Own) {
        if let Some(outstanding) = &self.outstanding {
            let (committed, proposed) = (outstanding.committed(), outstanding.proposed());
            assert!(
                committed == own.delivered() && proposed == own.logged(),
                "E-9: {committed} to {proposed} is outstanding, {} to {} is logged and not applied",
                own.delivered(),
                own.logged()
            );
        }
    }

    /// The role is over: what is proposed and not committed yet.
    pub(crate) fn into_tail(self) -> VecDeque<(Zxid, Bytes)> {
        let outstanding = self.outstanding.into_iter();
        outstanding.flat_map(Outstanding::into_rest).collect()
    }

    /// The last transaction proposed.
    pub(crate) fn proposed(&self) -> Option<Zxid> {
        self.outstanding.as_ref().map(Outstanding::proposed)
    }

    /// How many proposals are not committed yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.as_ref().map_or(0, Outstanding::len)
    }

    pub(crate) fn sizes(&self) -> Option<ProposalSizes> {
        self.sizes
    }

    /// Counts its learners.
    pub(crate) fn learners(&self, own: &Own) -> Learners {
        let mut count = Learners {
            connected: self.links.len(),
            ..Learners::default()
        };
        for link in &self.links {
            let alive = self.beat.alive(link);
            let voter = link.id.is_some_and(|id| own.committed.is_voter(id));
            match (link.forwarding, link.observer) {
                (false, _) => {}
                (true, true) => count.observers += 1,
                (true, false) => {
                    count.followers += 1;
                    count.synced_followers += usize::from(alive && voter);
                    count.synced_non_voters += usize::from(alive && !voter);
                }
            }
        }
        count
    }

    /// The servers that would be a quorum of their own with the leader.
    fn alive(&self, own: &Own) -> impl Fn(ServerId) -> bool {
        let alive = |link: &&Link| self.beat.alive(link);
        let ids: Vec<ServerId> = self
            .links
            .iter()
            .filter(alive)
            .filter_map(|link| link.id)
            .collect();
        let me = own.id();
        move |id| id == me || ids.contains(&id)
    }
}

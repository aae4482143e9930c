//! A follower that serves observers in its leader's place: it brings them to where it is, hands on what is committed,
//! and passes on what they want of the leader. Upstream: `ObserverMaster`.
//!
//! Apache's keeps a cache of committed packets between what its database shows and what it forwards, bounded by
//! `observerMaster.sizeLimit`. Here an observer is brought up and hooked in within one step, so there is nothing
//! in between.

use bytes::Bytes;

use crate::consensus::bring_up::{self, Step, establish, introduction, offer};
use crate::consensus::link::{Link, Stage, hand_in};
use crate::consensus::own::Own;
use crate::consensus::{Effect, Input, Outcome, Task};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, Millis, ServerId, Zxid};

/// The observers of a follower.
#[derive(Debug)]
pub(crate) struct ObserverMaster {
    /// The epoch of the leader.
    epoch: i64,
    /// In the order in which they came.
    links: Vec<Link>,
    /// When the next ping is due.
    next_ping: Millis,
}

impl ObserverMaster {
    /// Opens the door.
    pub(crate) fn open(own: &Own, epoch: i64, out: &mut Vec<Effect>) -> Self {
        out.push(Effect::ListenForObservers);
        ObserverMaster {
            epoch,
            links: Vec::new(),
            next_ping: own.now,
        }
    }

    /// When time matters next; never without observers.
    pub(crate) fn next_tick(&self) -> Option<Millis> {
        (!self.links.is_empty()).then_some(self.next_ping)
    }

    /// How many get what is committed.
    pub(crate) fn synced(&self) -> usize {
        self.links.iter().filter(|link| link.forwarding).count()
    }

    /// News of an observer.
    pub(crate) fn on_input(&mut self, own: &mut Own, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::LearnerUp(link) => self.on_up(own, link),
            Input::LearnerDown(link) => self.on_down(own, link),
            Input::FromLearner(link, packet) => self.on_packet(own, link, packet, out),
            input => unreachable!("{input:?} is no news of an observer"),
        }
    }

    /// Somebody has connected.
    fn on_up(&mut self, own: &Own, link: LinkId) {
        if self.links.is_empty() {
            self.next_ping = own.now.plus(half_tick(own));
        }
        self.links.push(Link::new(link, own.now, 0));
    }

    /// An observer is gone.
    fn on_down(&mut self, own: &mut Own, link: LinkId) {
        self.links.retain(|other| other.link != link);
        bring_up::pin(&self.links, own);
    }

    fn hang_up(&mut self, own: &mut Own, link: LinkId, why: &str, out: &mut Vec<Effect>) {
        out.push(Effect::Note(format!("observer cut off: {why}")));
        out.push(Effect::HangUp(link));
        self.on_down(own, link);
    }

    /// A packet of an observer.
    fn on_packet(&mut self, own: &mut Own, link: LinkId, packet: ToLeader, out: &mut Vec<Effect>) {
        let Some(at) = self.links.iter().position(|other| other.link == link) else {
            return;
        };
        self.links[at].heard = own.now;
        match (self.links[at].stage, packet) {
            (Stage::Serving, packet) => self.on_serving(own, link, packet, out),
            (
                Stage::Connected,
                ToLeader::Info {
                    observer: true,
                    accepted_epoch,
                    info,
                },
            ) => self.on_info(own, at, (accepted_epoch, info), out),
            (Stage::Offered, ToLeader::AckEpoch { last_zxid, .. }) => {
                self.links[at].stage = Stage::Promised(last_zxid);
                self.bring_up_if_level(own, at, out);
            }
            (Stage::Told, ToLeader::Ack(zxid)) if zxid == Zxid(self.epoch << 32) => {
                let learner = &mut self.links[at];
                learner.mode = None;
                learner.stage = Stage::Serving;
                out.push(Effect::Send(link, ToLearner::UpToDate));
            }
            (stage, packet) => {
                let why = format!("{packet:?} while {stage:?}");
                self.hang_up(own, link, &why, out);
            }
        }
    }

    fn on_info(
        &mut self,
        own: &mut Own,
        at: usize,
        (accepted_epoch, info): (i64, LearnerInfo),
        out: &mut Vec<Effect>,
    ) {
        let link = self.links[at].link;
        let id = match introduction(own, accepted_epoch, info) {
            Ok(id) if accepted_epoch <= self.epoch => id,
            Ok(id) => {
                let why = format!("server {} has accepted epoch {accepted_epoch}", id.0);
                return self.hang_up(own, link, &why, out);
            }
            Err(why) => return self.hang_up(own, link, &why, out),
        };
        let learner = &mut self.links[at];
        learner.id = Some(id);
        learner.observer = true;
        offer(learner, self.epoch, own.now, out);
        self.leave_older(own, id, link, out);
    }

    /// Nothing that a server wanted on an earlier connection is answered there any more.
    fn leave_older(&mut self, own: &mut Own, id: ServerId, link: LinkId, out: &mut Vec<Effect>) {
        let older = |other: &&Link| other.id == Some(id) && other.link != link;
        if let Some(older) = self.links.iter().find(older).map(|other| other.link) {
            self.hang_up(own, older, "the same server has called again", out);
        }
    }

    /// Brings up an observer that has promised. One that comes from a quicker follower of the same leader is ahead,
    /// and only for a moment: cut back, it would forget what it has shown its clients.
    fn bring_up_if_level(&mut self, own: &mut Own, at: usize, out: &mut Vec<Effect>) {
        let Stage::Promised(zxid) = self.links[at].stage else {
            return;
        };
        if zxid.epoch() == self.epoch && zxid.counter() != 0 && zxid > own.delivered() {
            return;
        }
        let step = bring_up::begin(&mut self.links, at, own, out);
        self.go_on_with(own, at, step, out);
    }

    fn go_on_with(&mut self, own: &mut Own, at: usize, step: Step, out: &mut Vec<Effect>) {
        match step {
            Step::Level => establish(&mut self.links[at], self.epoch, own, out),
            Step::Reading => {}
            Step::Failed(why) => self.hang_up(own, self.links[at].link, why, out),
        }
    }

    /// The street has finished something.
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
            bring_up::pin(&self.links, own);
        }
    }

    fn on_serving(&mut self, own: &mut Own, link: LinkId, packet: ToLeader, out: &mut Vec<Effect>) {
        match packet {
            // The second acknowledgement of NEWLEADER follows UPTODATE.
            ToLeader::Ack(zxid) if zxid.counter() == 0 => {}
            packet => {
                if let Err(packet) = hand_in(link, packet, out) {
                    let why = format!("{packet:?} of an observer that serves");
                    self.hang_up(own, link, &why, out);
                }
            }
        }
    }

    /// A transaction was committed and applied; one that changes the membership names who leads then.
    pub(crate) fn inform(
        &mut self,
        own: &mut Own,
        (zxid, body): (Zxid, &Bytes),
        leads: Option<ServerId>,
        out: &mut Vec<Effect>,
    ) {
        for link in self.links.iter().filter(|link| link.forwarding) {
            let body = body.clone();
            let packet = match leads {
                None => ToLearner::Inform { zxid, body },
                Some(leader) => ToLearner::InformAndActivate { zxid, leader, body },
            };
            out.push(Effect::Send(link.link, packet));
        }
        let waits = |link: &Link| link.stage == Stage::Promised(zxid);
        while let Some(at) = self.links.iter().position(waits) {
            self.bring_up_if_level(own, at, out);
        }
    }

    /// Pings, and cuts off who is silent.
    pub(crate) fn on_tick(&mut self, own: &mut Own, out: &mut Vec<Effect>) {
        if self.links.is_empty() || own.now < self.next_ping {
            return;
        }
        self.next_ping = own.now.plus(half_tick(own));
        let (init_ms, sync_ms) = (own.settings.init_ms(), own.settings.sync_ms());
        let lost = |link: &&Link| link.lost(own.now, init_ms, sync_ms);
        let lost: Vec<LinkId> = self
            .links
            .iter()
            .filter(lost)
            .map(|link| link.link)
            .collect();
        for link in lost {
            self.hang_up(own, link, "silent for too long", out);
        }
        for link in self.links.iter().filter(|link| link.forwarding) {
            out.push(Effect::Send(link.link, ToLearner::Ping(own.delivered())));
        }
    }
}

fn half_tick(own: &Own) -> i64 {
    (own.settings.tick_ms / 2).max(1)
}

//! Peers that are wired to each other in memory: every packet arrives, in order, one at a time; storage does what it
//! is asked at once. Who wants faults, delays and lost bytes uses the simulator.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::{Effect, Input, Outcome, Peer, Phase, Saved, Settings, Status, Task};
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{LinkId, Millis, ServerId, Zxid};

/// A transaction of a server's log or state.
type Txn = (Zxid, Bytes);

/// One server.
struct Server {
    peer: Peer,
    log: Vec<Txn>,
    state: Vec<Txn>,
    /// The state's number, which is an epoch's beginning at times.
    at: Zxid,
    accepted: i64,
    current: i64,
    /// A snapshot that was received: its number and the transactions in it.
    aside: Option<(Zxid, Vec<Txn>)>,
    leader: Option<ServerId>,
    next: Zxid,
    phase: Phase,
    fatal: Option<String>,
    up: bool,
}

/// An ensemble.
pub(super) struct House {
    now: Millis,
    servers: BTreeMap<ServerId, Server>,
    mail: VecDeque<(ServerId, Input)>,
    /// Leaders that accept learners.
    listening: BTreeSet<ServerId>,
    /// Followers that accept observers.
    observer_doors: BTreeSet<ServerId>,
    /// Calls to leaders that do not listen yet.
    dials: Vec<(ServerId, ServerId)>,
    /// Which learner is behind which link of which leader.
    links: BTreeMap<LinkId, (ServerId, ServerId)>,
    last_link: u64,
    pub(super) membership: Arc<Membership>,
    /// Whether the membership may change.
    reconfig: bool,
    /// Whether followers serve observers.
    observer_masters: bool,
}

impl House {
    pub(super) fn new(membership: Membership, reconfig: bool) -> Self {
        House::with(membership, reconfig, false)
    }

    /// The same, where followers may serve observers.
    pub(super) fn with(membership: Membership, reconfig: bool, observer_masters: bool) -> Self {
        let membership = Arc::new(membership);
        let mut house = House {
            now: Millis(0),
            servers: BTreeMap::new(),
            mail: VecDeque::new(),
            listening: BTreeSet::new(),
            observer_doors: BTreeSet::new(),
            dials: Vec::new(),
            links: BTreeMap::new(),
            last_link: 0,
            membership: Arc::clone(&membership),
            reconfig,
            observer_masters,
        };
        for id in membership.members.keys() {
            house.start(*id, Vec::new(), (0, 0));
        }
        house
    }

    /// Starts a server with a log and its epochs: the accepted and the current one.
    pub(super) fn start(&mut self, id: ServerId, log: Vec<Txn>, (accepted, current): (i64, i64)) {
        let mut settings = Settings::new(id, Arc::clone(&self.membership));
        settings.tick_ms = 100;
        settings.backlog = 5;
        settings.reconfig = self.reconfig;
        settings.observer_masters = self.observer_masters;
        settings.seed = u64::try_from(id.0).unwrap();
        let last_zxid = log.last().map_or(Zxid::ZERO, |txn| txn.0);
        let recent = log.iter().rev().take(5).rev().cloned().collect();
        let saved = Saved {
            accepted_epoch: accepted,
            current_epoch: current,
            last_zxid,
            recent,
        };
        let server = Server {
            peer: Peer::new(settings, saved, self.now),
            state: log.clone(),
            log,
            at: last_zxid,
            accepted,
            current,
            aside: None,
            leader: None,
            next: Zxid::ZERO,
            phase: Phase::Looking,
            fatal: None,
            up: true,
        };
        self.servers.insert(id, server);
        self.mail.push_back((id, Input::Tick));
    }

    /// Takes a server away; its disk stays.
    pub(super) fn stop(&mut self, id: ServerId) {
        let server = self.servers.get_mut(&id).unwrap();
        server.up = false;
        server.phase = Phase::Looking;
        self.listening.remove(&id);
        self.observer_doors.remove(&id);
        self.dials.retain(|call| call.0 != id);
        self.mail.retain(|(to, _)| *to != id);
        for (link, (leader, learner)) in self.links.clone() {
            if leader == id {
                self.mail.push_back((learner, Input::LeaderDown));
                self.links.remove(&link);
            } else if learner == id {
                self.mail.push_back((leader, Input::LearnerDown(link)));
                self.links.remove(&link);
            }
        }
    }

    /// Starts a server again with what is on its disk.
    pub(super) fn restart(&mut self, id: ServerId) {
        let server = &self.servers[&id];
        let (log, epochs) = (server.log.clone(), (server.accepted, server.current));
        self.start(id, log, epochs);
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, ms: i64) {
        let end = self.now.plus(ms);
        loop {
            while let Some((to, input)) = self.mail.pop_front() {
                self.step(to, input);
            }
            let up = self.servers.iter().filter(|(_, server)| server.up);
            let next = up.map(|(id, server)| (server.peer.next_tick(), *id)).min();
            match next {
                Some((at, id)) if at <= end => {
                    assert!(at >= self.now, "{id:?} wants a tick in the past");
                    self.now = at;
                    self.step(id, Input::Tick);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    fn step(&mut self, id: ServerId, input: Input) {
        let server = self.servers.get_mut(&id).unwrap();
        if !server.up {
            return;
        }
        let mut out = Vec::new();
        server.peer.step(self.now, input, &mut out);
        for effect in out {
            self.carry_out(id, effect);
        }
    }

    fn link_of(&self, learner: ServerId) -> Option<(LinkId, ServerId)> {
        let mut links = self.links.iter();
        links.find_map(|(link, (leader, other))| (*other == learner).then_some((*link, *leader)))
    }

    fn carry_out(&mut self, id: ServerId, effect: Effect) {
        let (mail, server) = (&mut self.mail, self.servers.get_mut(&id).unwrap());
        match effect {
            Effect::SendBallot { to, ballot } => {
                let from = id;
                mail.push_back((to, Input::Ballot { from, ballot }));
            }
            Effect::DialLeader { leader, .. } => self.dial(id, leader),
            Effect::DialObserverMaster { master, .. } => self.dial_master(id, master),
            Effect::ListenForObservers => {
                self.observer_doors.insert(id);
            }
            Effect::Listen => {
                self.listening.insert(id);
                let (calls, rest) = std::mem::take(&mut self.dials)
                    .into_iter()
                    .partition(|call| call.1 == id);
                self.dials = rest;
                let calls: Vec<(ServerId, ServerId)> = calls;
                calls
                    .into_iter()
                    .for_each(|(learner, leader)| self.dial(learner, leader));
            }
            Effect::LeaveLeader => {
                self.dials.retain(|call| call.0 != id);
                if let Some((link, leader)) = self.link_of(id) {
                    self.links.remove(&link);
                    self.mail.push_back((leader, Input::LearnerDown(link)));
                }
            }
            Effect::ToLeader(packet) => {
                if let Some((link, leader)) = self.link_of(id) {
                    self.mail
                        .push_back((leader, Input::FromLearner(link, packet)));
                }
            }
            Effect::ReportTouched(zxid) => {
                let touched = Vec::new();
                self.carry_out(id, Effect::ToLeader(ToLeader::Ping { zxid, touched }));
            }
            Effect::Unlisten => self.unlisten(id),
            Effect::HangUp(link) => self.cut(link),
            Effect::Send(link, packet) => {
                if let Some((_, learner)) = self.links.get(&link) {
                    mail.push_back((*learner, Input::FromLeader(packet)));
                }
            }
            Effect::StreamSnapshot(link, task) => {
                let zxid = server.at;
                let state = server.state.clone();
                mail.push_back((id, Input::Done(task, Outcome::At(zxid))));
                if let Some((_, learner)) = self.links.get(&link).copied() {
                    self.servers.get_mut(&learner).unwrap().aside = Some((zxid, state));
                    let packet = ToLearner::Snap(zxid);
                    self.mail.push_back((learner, Input::FromLeader(packet)));
                    self.mail.push_back((learner, Input::Snapshot(zxid)));
                }
            }
            Effect::StreamLog {
                link,
                diff,
                after,
                upto,
                task,
            } => self.stream_log(id, link, diff, (after, upto), task),
            effect => server.store(id, effect, mail),
        }
    }

    fn dial(&mut self, id: ServerId, leader: ServerId) {
        if !self.listening.contains(&leader) {
            self.dials.push((id, leader));
            return;
        }
        self.connect(id, leader);
    }

    fn dial_master(&mut self, id: ServerId, master: ServerId) {
        match self.observer_doors.contains(&master) {
            true => self.connect(id, master),
            false => self.mail.push_back((id, Input::LeaderDown)),
        }
    }

    fn connect(&mut self, id: ServerId, leader: ServerId) {
        self.last_link += 1;
        let link = LinkId(self.last_link);
        self.links.insert(link, (leader, id));
        self.mail.push_back((leader, Input::LearnerUp(link)));
        self.mail.push_back((id, Input::LeaderUp));
    }

    fn unlisten(&mut self, id: ServerId) {
        self.listening.remove(&id);
        self.observer_doors.remove(&id);
        let own = self.links.iter().filter(|(_, ends)| ends.0 == id);
        let own: Vec<LinkId> = own.map(|(link, _)| *link).collect();
        own.into_iter().for_each(|link| self.cut(link));
    }

    fn cut(&mut self, link: LinkId) {
        if let Some((_, learner)) = self.links.remove(&link) {
            self.mail.push_back((learner, Input::LeaderDown));
        }
    }

    fn stream_log(
        &mut self,
        id: ServerId,
        link: LinkId,
        diff: Option<Zxid>,
        (after, upto): (Zxid, Zxid),
        task: Task,
    ) {
        let log = &self.servers[&id].log;
        let reaches = match after.counter() {
            0 => log.iter().any(|txn| txn.0 <= after),
            _ => log.iter().any(|txn| txn.0 == after),
        };
        if !reaches {
            self.mail
                .push_back((id, Input::Done(task, Outcome::Unavailable)));
            return;
        }
        let (_, learner) = self.links[&link];
        let range = log.iter().filter(|txn| txn.0 > after && txn.0 <= upto);
        let pairs = range.flat_map(|(zxid, body)| {
            let (zxid, body) = (*zxid, body.clone());
            [ToLearner::Proposal { zxid, body }, ToLearner::Commit(zxid)]
        });
        for packet in diff.map(ToLearner::Diff).into_iter().chain(pairs) {
            self.mail.push_back((learner, Input::FromLeader(packet)));
        }
        self.mail
            .push_back((id, Input::Done(task, Outcome::Streamed(upto))));
    }

    /// Has the leader propose a transaction. Returns whether there is one.
    pub(super) fn write(&mut self, word: &'static str) -> bool {
        self.propose(|_| Bytes::from_static(word.as_bytes()))
    }

    /// The same, of a transaction that depends on its number.
    pub(super) fn propose(&mut self, body: impl Fn(Zxid) -> Bytes) -> bool {
        let Some(id) = self.leader() else {
            return false;
        };
        let server = self.servers.get_mut(&id).unwrap();
        let zxid = server.next.next();
        server.next = zxid;
        let body = body(zxid);
        server.log.push((zxid, body.clone()));
        self.step(id, Input::Proposed { zxid, body });
        self.mail.push_back((id, Input::Durable(zxid)));
        true
    }

    /// Who leads in the broadcast, of those that are up.
    pub(super) fn leader(&self) -> Option<ServerId> {
        let leads = |server: &Server| server.up && server.phase == Phase::Leading;
        self.servers
            .iter()
            .find(|(_, server)| leads(server))
            .map(|(id, _)| *id)
    }

    /// Cuts the connection of a learner to whoever serves it.
    pub(super) fn cut_off(&mut self, learner: ServerId) {
        let (link, server) = self.link_of(learner).unwrap();
        self.cut(link);
        self.mail.push_back((server, Input::LearnerDown(link)));
    }

    pub(super) fn phase(&self, id: i64) -> Phase {
        self.servers[&ServerId(id)].phase
    }

    /// The words in a server's state.
    pub(super) fn words(&self, id: i64) -> Vec<String> {
        let state = &self.servers[&ServerId(id)].state;
        state
            .iter()
            .map(|(_, body)| String::from_utf8_lossy(body).into_owned())
            .collect()
    }

    pub(super) fn status(&self, id: i64) -> Status {
        self.servers[&ServerId(id)].peer.status()
    }

    pub(super) fn committed(&self, id: i64) -> Arc<Membership> {
        Arc::clone(self.servers[&ServerId(id)].peer.committed())
    }

    pub(super) fn could_lead(&self, id: i64, membership: &Membership) -> bool {
        self.servers[&ServerId(id)].peer.could_lead(membership)
    }

    pub(super) fn fatal(&self) -> Option<&String> {
        self.servers
            .values()
            .find_map(|server| server.fatal.as_ref())
    }
}

impl Server {
    fn store(&mut self, id: ServerId, effect: Effect, mail: &mut VecDeque<(ServerId, Input)>) {
        match effect {
            Effect::SaveAcceptedEpoch(epoch, task) => {
                self.accepted = epoch;
                mail.push_back((id, Input::Done(task, Outcome::Saved)));
            }
            Effect::SaveCurrentEpoch(epoch, task) => {
                self.current = epoch;
                mail.push_back((id, Input::Done(task, Outcome::Saved)));
            }
            Effect::Append { zxid, body } => {
                self.log.push((zxid, body));
                mail.push_back((id, Input::Durable(zxid)));
            }
            Effect::Truncate(keep, task) => {
                self.log.retain(|txn| txn.0 <= keep);
                self.state = self.log.clone();
                self.at = self.state.last().map_or(Zxid::ZERO, |txn| txn.0);
                mail.push_back((id, Input::Done(task, Outcome::At(self.at))));
            }
            Effect::Install(task) => {
                let (zxid, state) = self.aside.take().unwrap();
                self.log = state.clone();
                self.state = state;
                self.at = zxid;
                self.current = self.current.max(zxid.epoch());
                mail.push_back((id, Input::Done(task, Outcome::At(zxid))));
            }
            Effect::TakeSnapshot(task) => mail.push_back((id, Input::Done(task, Outcome::Saved))),
            Effect::Deliver { zxid, body } => {
                assert!(zxid > self.at, "{zxid} is delivered after {}", self.at);
                self.state.push((zxid, body));
                self.at = zxid;
            }
            Effect::Commit(zxid) => {
                let fresh = self
                    .log
                    .iter()
                    .filter(|txn| txn.0 > self.at && txn.0 <= zxid);
                let fresh: Vec<Txn> = fresh.cloned().collect();
                self.state.extend(fresh);
                self.at = zxid;
            }
            Effect::Lead { epoch } => {
                self.next = epoch;
                self.at = epoch;
                self.leader = Some(id);
            }
            Effect::Follow { leader, .. } => self.leader = Some(leader),
            Effect::Retire => self.leader = None,
            Effect::Phase(phase) => self.phase = phase,
            Effect::Fatal { why, .. } => self.fatal = Some(why),
            _ => {}
        }
    }
}

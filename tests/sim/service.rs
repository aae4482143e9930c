//! What a member does for clients: the leader's pipeline numbers transactions and lets them go when they are
//! committed, a learner forwards and waits.

use bytes::Bytes;
use oxkeeper::consensus::Input;
use oxkeeper::proto::peer::{Forwarded, ToLeader, ToLearner};
use oxkeeper::types::{LinkId, OpCode, SessionId, Zxid};

use crate::history::Payload;
use crate::member::{Asker, Job, Service};
use crate::mutant::Mutant;
use crate::say;
use crate::scene::Event;
use crate::world::World;

impl World {
    /// The pipeline belongs to the leader of this epoch now.
    pub fn lead(&mut self, member: usize, epoch: Zxid) {
        let it = &mut self.members[member];
        assert!(
            it.in_flight.is_empty(),
            "a new leader has nothing in flight"
        );
        it.next_zxid = epoch.next();
        let state = &mut self.scene.states[member];
        state.last = state.last.max(epoch);
        self.serve(member, Service::Leader(epoch.epoch()));
    }

    pub fn serve(&mut self, member: usize, service: Service) {
        let it = &mut self.members[member];
        it.term += 1;
        it.service = service;
        it.retired = false;
        it.syncs.clear();
        it.asked_syncs.clear();
        it.asked_sessions.clear();
        self.scene.services[member] = service;
    }

    /// No client is served any more.
    pub fn retire(&mut self, member: usize) {
        if self.is_mutant(Mutant::ServeRetired) {
            self.members[member].retired = true;
            return;
        }
        self.drop_clients(member);
        self.serve(member, Service::Nothing);
    }

    /// A client of this member wants to write.
    pub fn write(&mut self, member: usize, payload: Payload) {
        self.see(member, &Event::Asked(payload));
        match self.members[member].service {
            _ if self.members[member].retired => {}
            Service::Leader(_) => self.propose(member, payload),
            Service::Learner(_) => {
                let request = forwarded(payload.client, payload.number, OpCode::SetData);
                self.send_to_leader(member, ToLeader::Request(request));
            }
            Service::Nothing => {}
        }
    }

    /// A client has come with its session: a learner asks whether it may take it up.
    pub fn take_up(&mut self, member: usize, client: usize) {
        if matches!(self.members[member].service, Service::Learner(_)) {
            let session = session(client);
            let timeout_ms = 1000;
            self.members[member].asked_sessions.push_back(session);
            self.send_to_leader(
                member,
                ToLeader::Revalidate {
                    session,
                    timeout_ms,
                },
            );
        }
    }

    /// The leader has answered that: in the order asked, to the role that asked.
    pub fn revalidated(&mut self, member: usize, answered: SessionId) {
        let asked = self.members[member].asked_sessions.pop_front();
        self.sights.add("session taken up", 1);
        if asked != Some(answered) {
            let why = format!("session {answered:?} is answered, {asked:?} was asked for");
            self.break_law("answers come in the order asked", why);
        }
    }

    /// A client of this member wants to see everything that was acknowledged.
    pub fn sync(&mut self, member: usize, client: usize, number: i32) {
        self.see(member, &Event::SyncAsked { client, number });
        match self.members[member].service {
            Service::Leader(_) => self.wait_for_sync(member, Asker::Client(client, number)),
            Service::Learner(_) => {
                let asker = Asker::Client(client, number);
                self.members[member].asked_syncs.push_back(asker);
                let request = forwarded(client, number, OpCode::Sync);
                self.send_to_leader(member, ToLeader::Request(request));
            }
            Service::Nothing => {}
        }
    }

    /// A learner's client wants something. A follower passes on what its observers' clients want.
    pub fn requested(&mut self, member: usize, link: LinkId, request: &Forwarded) {
        if matches!(self.members[member].service, Service::Learner(_)) {
            if request.op == OpCode::Sync.code() {
                let asker = Asker::Link(link);
                self.members[member].asked_syncs.push_back(asker);
            }
            return self.send_to_leader(member, ToLeader::Request(request.clone()));
        }
        if !matches!(self.members[member].service, Service::Leader(_)) {
            return;
        }
        if request.op == OpCode::Sync.code() {
            return self.wait_for_sync(member, Asker::Link(link));
        }
        let client = usize::try_from(request.session.0).expect("a client of ours");
        self.propose(member, Payload::write(client, request.cxid));
    }

    pub fn propose(&mut self, member: usize, payload: Payload) {
        let last = self.plan.timing.counter_max;
        let it = &mut self.members[member];
        let zxid = it.next_zxid;
        if zxid.counter() > last && self.mutant != Some(Mutant::RollOverIgnored) {
            return;
        }
        it.next_zxid = match self.mutant {
            Some(Mutant::RollOverWraps) if zxid.counter() == last => Zxid(zxid.0 - last + 1),
            _ => zxid.next(),
        };
        it.in_flight.push_back((zxid, payload));
        let body = payload.body(zxid);
        self.see(member, &Event::Numbered { zxid, payload });
        self.order(member, Job::Append(zxid, payload));
        self.feed(member, Input::Proposed { zxid, body });
        if self.is_mutant(Mutant::AnswerTooEarly) {
            self.written(member, payload, zxid);
        }
    }

    fn wait_for_sync(&mut self, member: usize, asker: Asker) {
        let it = &mut self.members[member];
        let behind = it.in_flight.back().map_or(Zxid::ZERO, |(zxid, _)| *zxid);
        it.syncs.push_back((behind, asker));
        self.release_syncs(member);
    }

    /// The leader's way: what was numbered up to here is committed.
    pub fn commit(&mut self, member: usize, upto: Zxid) {
        while let Some((zxid, payload)) = self.members[member].in_flight.front().copied() {
            if zxid > upto || self.broken.is_some() {
                break;
            }
            self.members[member].in_flight.pop_front();
            self.apply(member, zxid, payload);
        }
        self.release_syncs(member);
        if self.scene.states[member].last < upto {
            let why = format!(
                "server {} commits {}, which it never numbered",
                member + 1,
                say::zxid(upto)
            );
            self.break_law("the street is used as agreed", why);
        }
    }

    /// Applies a transaction, and tells the client that waits for it.
    pub fn apply(&mut self, member: usize, zxid: Zxid, payload: Payload) {
        if self.is_mutant(Mutant::DeliverProposals)
            && self.scene.states[member].find(zxid).is_some()
        {
            return;
        }
        if self.is_mutant(Mutant::ApplyTwice) && self.chance.faults.chance(10) {
            self.scene.states[member].push(zxid, payload);
        }
        let serving = self.members[member].service != Service::Nothing;
        if !serving {
            self.break_walks(member);
        }
        let entry = self.scene.states[member].push(zxid, payload);
        self.see(member, &Event::Applied { entry, serving });
        if serving {
            self.written(member, payload, zxid);
        }
    }

    fn release_syncs(&mut self, member: usize) {
        let applied = self.scene.states[member].last;
        while let Some((_, asker)) = self.members[member]
            .syncs
            .pop_front_if(|(behind, _)| *behind <= applied)
        {
            self.answer_sync(member, asker);
        }
    }

    fn answer_sync(&mut self, member: usize, asker: Asker) {
        match asker {
            Asker::Link(link) => self.send_to_learner(member, link, ToLearner::Sync),
            Asker::Client(client, number) => self.read(member, client, Some(number)),
        }
    }

    /// The leader has answered the oldest sync.
    pub fn synced(&mut self, member: usize) {
        if let Some(asker) = self.members[member].asked_syncs.pop_front() {
            self.answer_sync(member, asker);
        }
    }
}

fn session(client: usize) -> SessionId {
    SessionId(i64::try_from(client).expect("few clients"))
}

fn forwarded(client: usize, number: i32, op: OpCode) -> Forwarded {
    Forwarded {
        session: session(client),
        cxid: number,
        op: op.code(),
        body: Bytes::new(),
        who: [].into(),
    }
}

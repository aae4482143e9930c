//! Carries out what a machine asks for: the street's side of the contract.

use oxkeeper::consensus::{Effect, Input, Outcome, Task};
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::{LinkId, SessionId, Zxid};

use crate::ensemble;
use crate::history::{History, Payload};
use crate::member::{Door, Job, Service};
use crate::mutant::Mutant;
use crate::scene::Event;
use crate::wires::Item;
use crate::world::World;

impl World {
    /// Where the member itself believes to be.
    fn listen(&mut self, member: usize, door: Door) {
        let council = self.scene.disks[member].committed.council;
        self.members[member].listening = Some(door.of(council, member));
    }

    pub fn carry_out(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::SendBallot { to, ballot } => {
                let to = self.member_of(to);
                self.send_ballot(member, to, ballot);
            }
            Effect::DialLeader { leader, within_ms } => {
                let leader = self.member_of(leader);
                self.begin_dial(member, (leader, Door::Learners), within_ms);
            }
            Effect::DialObserverMaster { master, within_ms } => {
                let master = self.member_of(master);
                self.begin_dial(member, (master, Door::Observers), within_ms);
            }
            Effect::LeaveLeader => self.close_upstream(member, true),
            Effect::ToLeader(packet) => self.send_to_leader(member, packet),
            Effect::Listen => self.listen(member, Door::Learners),
            Effect::ListenForObservers => self.listen(member, Door::Observers),
            Effect::Unlisten => {
                self.members[member].listening = None;
                self.close_links(member, true);
            }
            Effect::Send(link, packet) => self.send(member, link, packet),
            Effect::HangUp(link) => self.close(link.0, true, true),
            Effect::StreamSnapshot(link, task) => self.stream_snapshot(member, link, task),
            Effect::StreamLog {
                link,
                diff,
                after,
                upto,
                task,
            } => {
                self.stream_log(member, link, diff, (after, upto), task);
            }
            Effect::Deliver { zxid, body } => self.apply(member, zxid, Payload::of(&body)),
            Effect::Commit(upto) => self.commit(member, upto),
            Effect::TakeSnapshot(task) => self.take_snapshot(member, Some(task)),
            Effect::Phase(_) | Effect::Note(_) => {}
            Effect::Fatal { code, why } => {
                let why = format!("server {} gave up with code {code}: {why}", member + 1);
                self.break_law("no server gives up", why);
            }
            other => self.carry_out_storage(member, other),
        }
    }

    fn carry_out_storage(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::SaveAcceptedEpoch(epoch, task) => {
                self.order(member, Job::AcceptedEpoch(epoch, task))
            }
            Effect::SaveCurrentEpoch(epoch, task) => {
                self.order(member, Job::CurrentEpoch(epoch, task))
            }
            Effect::Append { zxid, body } => {
                let payload = Payload::of(&body);
                self.order(member, Job::Append(zxid, payload));
                if self.is_mutant(Mutant::DeliverProposals) {
                    self.apply(member, zxid, payload);
                }
            }
            Effect::Truncate(zxid, task) => self.order(member, Job::Truncate(zxid, task)),
            Effect::Install(task) => match self.members[member].received.take() {
                Some(state) => self.order(member, Job::Install(state, task)),
                None => self.break_law(
                    "the street is used as agreed",
                    "installs what was not received".into(),
                ),
            },
            other => self.carry_out_service(member, other),
        }
    }

    fn carry_out_service(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::Lead { epoch } => self.lead(member, epoch),
            Effect::Follow { leader, observer } => {
                let votes = self.scene.disks[member].committed.council.votes(member);
                if !votes && !observer {
                    self.sights.add("follower without a vote", 1);
                }
                let leader = self.member_of(leader);
                self.serve(member, Service::Learner(leader));
            }
            Effect::Retire => self.retire(member),
            Effect::Request(link, request) => self.requested(member, link, &request),
            Effect::Revalidate { link, session, .. } => {
                let answer = ToLearner::Revalidate {
                    session,
                    valid: true,
                };
                self.send_to_learner(member, link, answer);
            }
            Effect::ReportTouched(zxid) => {
                let touched = vec![(SessionId(1), 1000)];
                self.send_to_leader(member, ToLeader::Ping { zxid, touched });
            }
            Effect::Synced => self.synced(member),
            Effect::LastSeen(membership) => self.last_seen(member, &membership),
            Effect::Activate {
                membership,
                differs,
            } => self.activate(member, &membership, differs),
            Effect::Revalidated { session, .. } => self.revalidated(member, session),
            Effect::Touched { .. } => {}
            other => unreachable!("{other:?} is carried out elsewhere"),
        }
    }

    fn send(&mut self, member: usize, link: LinkId, packet: ToLearner) {
        if let ToLearner::CommitAndActivate { leader, .. } = packet
            && leader != ensemble::id(member)
        {
            self.sights.add("another leader designated", 1);
        }
        let forged = self.forged_ack(member, link, &packet);
        self.send_to_learner(member, link, packet);
        if let Some(zxid) = forged {
            self.feed_after(0, member, Input::FromLearner(link, ToLeader::Ack(zxid)));
        }
    }

    fn stream_log(
        &mut self,
        member: usize,
        link: LinkId,
        diff: Option<Zxid>,
        (after, upto): (Zxid, Zxid),
        task: Task,
    ) {
        if !self.members[member].links.contains(&link.0) {
            return;
        }
        let too_long = self.chance.network.chance(100);
        let Some(range) = self.scene.disks[member]
            .range(after, upto)
            .filter(|_| !too_long)
        else {
            return self.task_done(member, link, task, Outcome::Unavailable);
        };
        let mut send = |packet| self.transmit(link.0, true, Item::ToLearner(packet));
        if let Some(diff) = diff {
            send(ToLearner::Diff(diff));
        }
        for entry in range {
            let body = entry.payload.body(entry.zxid);
            send(ToLearner::Proposal {
                zxid: entry.zxid,
                body,
            });
            send(ToLearner::Commit(entry.zxid));
        }
        self.task_done(member, link, task, Outcome::Streamed(upto));
    }

    /// A stream is over when what was sent has left, which is a little before it arrives.
    pub fn task_done(&mut self, member: usize, link: LinkId, task: Task, outcome: Outcome) {
        let front = self
            .wires
            .conns
            .get(&link.0)
            .map_or(0, |conn| conn.down.front);
        let left = (front - self.scene.now).max(0);
        let wait = self.chance.network.between(left / 2, left + 1);
        self.feed_after(wait, member, Input::Done(task, outcome));
    }

    /// What a process forgets when it ends, it forgets at once.
    pub fn crash(&mut self, member: usize, power: bool) {
        if !self.members[member].is_up() {
            return;
        }
        self.log(member, || {
            format!("ends{}", if power { ", without power" } else { "" })
        });
        self.crash_disk(member);
        self.close_links(member, !power);
        self.close_upstream(member, !power);
        self.forget_pairs(member);
        self.drop_clients(member);
        self.members[member].end_process();
        self.scene.services[member] = Service::Nothing;
        self.scene.states[member] = History::default();
        self.see(member, &Event::Crashed);
    }
}

//! How a member reaches its ensemble: what consensus wants of the street is carried out here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{MemberRules, Membership};
use crate::consensus::{Effect, Input, Peer, Quorums, Task};
use crate::net::peer;
use crate::net::peer::{AddressBook, Ballots, Links, Target};
use crate::ops::Memberships;
use crate::proto::peer::{ToLeader, ToLearner};
use crate::replica::{Member, Now, Role};
use crate::server::client_port::ClientPort;
use crate::server::error::ServerError;
use crate::server::log_thread::{Chore, Order};
use crate::server::mailbox::Mailbox;
use crate::server::member_files::MemberFiles;
use crate::server::oracle::Oracle;
use crate::server::phases::Phases;
use crate::server::recover::Received;
use crate::server::shared::{Serving, Shared};
use crate::server::snapshot_thread::{Rewrite, SnapshotOrder};
use crate::server::sync::Syncs;
use crate::server::walk::SharedWalk;
use crate::types::{LinkId, ServerId, Zxid};

/// A member's place in its ensemble, as the line has it.
pub struct Seat {
    /// This server.
    pub me: ServerId,
    /// Who belongs to the ensemble.
    pub membership: Arc<Membership>,
    /// The membership that was proposed last.
    pub last_seen: Arc<Membership>,
    /// Connections of the quorum port.
    pub links: Links,
    /// The election port.
    pub ballots: Ballots,
    /// What threads share.
    pub shared: Arc<Shared>,
    /// Snapshots of leaders.
    pub received: Arc<Received>,
    /// Where promises and the log are kept.
    pub log: Arc<Mailbox<Order>>,
    /// Where snapshots are written.
    pub housekeeper: Arc<Mailbox<SnapshotOrder>>,
    /// Who brings learners up to date.
    pub syncs: Syncs,
    /// What operators are told.
    pub phases: Phases,
    /// Where the membership is kept when it changes.
    pub files: MemberFiles,
    /// Where followers serve observers (`observerMasterPort`).
    pub observer_master_port: Option<u16>,
    /// What a membership may be; `None`: it does not change (`reconfigEnabled`).
    pub rules: Option<MemberRules>,
    /// Who says which of two voters goes on alone.
    pub oracle: Option<Oracle>,
    /// Where clients connect.
    pub client_port: Arc<ClientPort>,
    /// Whether clients are served while this member leads (`leaderServes`).
    pub leader_serves: bool,
    /// Who is at the other end of a learner's connection, once it has said so.
    pub learners: BTreeMap<LinkId, ServerId>,
    /// Kept between turns.
    pub street: Vec<Effect>,
    /// A role has begun in this turn.
    pub opens: bool,
}

impl Seat {
    /// The next input of a letter of the quorum port.
    pub(super) fn open(&mut self, letter: &mut peer::Letter) -> Option<Input> {
        let input = self.links.next(letter)?;
        self.remark(&input);
        Some(input)
    }

    /// What an operator wants to follow of what others say.
    fn remark(&mut self, input: &Input) {
        match input {
            Input::FromLeader(ToLearner::Diff(zxid)) => {
                tracing::info!("Getting a diff from the leader {zxid}");
            }
            Input::FromLeader(ToLearner::Snap(zxid)) => {
                tracing::info!("Getting a snapshot from leader {zxid}");
            }
            Input::FromLeader(ToLearner::Trunc(zxid)) => {
                tracing::warn!("Truncating log to get in sync with the leader {zxid}");
            }
            Input::FromLeader(ToLearner::NewLeader { zxid, .. }) => {
                tracing::info!("Learner received NEWLEADER message {zxid}");
            }
            Input::FromLeader(ToLearner::UpToDate) => {
                tracing::info!("Learner received UPTODATE message");
            }
            Input::FromLearner(link, ToLeader::Info { observer, info, .. }) => {
                let what = if *observer { "Observer" } else { "Follower" };
                let from = self.links.address(*link);
                let from = from.map_or("unknown".to_owned(), |from| from.to_string());
                if let Some(id) = info.id {
                    tracing::info!("{what} sid: {} : info : {from}", id.0);
                    self.learners.insert(*link, id);
                }
            }
            Input::LearnerDown(link) => {
                if let Some(id) = self.learners.remove(link) {
                    tracing::warn!("******* GOODBYE sid: {} ********", id.0);
                }
            }
            _ => {}
        }
    }

    /// Does what consensus wants of the street.
    ///
    /// # Errors
    /// When going on would lose data.
    pub(super) fn carry_out(&mut self, member: &mut Member, now: Now) -> Result<(), ServerError> {
        let mut street = std::mem::take(&mut self.street);
        member.take_street(&mut street);
        for effect in street.drain(..) {
            self.one(effect, member, now)?;
        }
        self.street = street;
        Ok(())
    }

    fn one(&mut self, effect: Effect, member: &mut Member, now: Now) -> Result<(), ServerError> {
        let left = self.reach(effect).and_then(|effect| self.keep(effect));
        let Some(effect) = left else { return Ok(()) };
        match effect {
            Effect::ReportTouched(zxid) => self.report_touched(zxid, member, now),
            Effect::Lead { .. } | Effect::Follow { .. } => {
                self.phases.serve(now);
                self.opens = true;
            }
            Effect::Retire => self.learners.clear(),
            Effect::LastSeen(membership) => {
                self.files.last_seen(&membership, self.membership.version);
                self.last_seen = membership;
                self.ballots.know(self.book());
            }
            Effect::Activate {
                membership,
                differs,
            } => self.activate(membership, differs),
            Effect::Phase(phase) => self.phases.enter(phase, now),
            Effect::Note(note) => tracing::info!("{note}"),
            Effect::Fatal { code, why } => {
                let code = u8::try_from(code).unwrap_or(1);
                return Err(ServerError::Fatal { code, why });
            }
            other => unreachable!("{other:?} is the replica's"),
        }
        Ok(())
    }

    /// What goes to other servers; returns what does not.
    fn reach(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::SendBallot { to, ballot } => self.ballots.send(to, &ballot),
            Effect::DialLeader { leader, within_ms } => {
                let within = Duration::from_millis(u64::try_from(within_ms).unwrap_or(0));
                self.links.dial(leader, self.targets(leader), within);
            }
            Effect::DialObserverMaster { master, within_ms } => {
                let within = Duration::from_millis(u64::try_from(within_ms).unwrap_or(0));
                let at = self.observer_doors(master);
                self.links.dial(master, at, within);
            }
            Effect::LeaveLeader => self.links.leave(),
            Effect::ToLeader(packet) => self.links.to_leader(&packet),
            Effect::Listen => self.links.listen(self.targets(self.me)),
            Effect::ListenForObservers => self.links.listen(self.observer_doors(self.me)),
            Effect::Unlisten => self.links.unlisten(),
            Effect::Send(link, packet) => {
                self.remark_sent(link, &packet);
                self.links.send(link, &packet);
            }
            Effect::HangUp(link) => self.links.hang_up(link),
            Effect::StreamSnapshot(link, task) => {
                if let Some(stream) = self.links.stream(link) {
                    let walk = SharedWalk::start(&self.shared);
                    self.syncs
                        .send_snapshot(stream, walk, task, self.name(link));
                }
            }
            Effect::StreamLog {
                link,
                diff,
                after,
                upto,
                task,
            } => {
                if let Some(stream) = self.links.stream(link) {
                    let to = self.name(link);
                    self.syncs.send_log(stream, diff, (after, upto), task, to);
                }
            }
            other => return Some(other),
        }
        None
    }

    /// What goes to disk; returns what does not.
    fn keep(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::SaveAcceptedEpoch(epoch, task) => self.chore(task, Chore::AcceptedEpoch(epoch)),
            Effect::SaveCurrentEpoch(epoch, task) => self.chore(task, Chore::CurrentEpoch(epoch)),
            Effect::Truncate(to, task) => self.rewrite(task, Rewrite::Truncate(to)),
            Effect::Install(task) => self.install(task),
            Effect::TakeSnapshot(task) => {
                let (walk, opening) = SharedWalk::start(&self.shared);
                let order = SnapshotOrder::Write(task, walk, Box::new(opening));
                self.housekeeper.send(order);
            }
            other => return Some(other),
        }
        None
    }

    /// What changes of the membership are judged by in this turn.
    pub(super) fn memberships(&self, peer: &Peer) -> Option<Memberships> {
        self.rules.map(|rules| Memberships {
            committed_version: peer.committed().version,
            last_seen: Arc::clone(peer.last_seen()),
            rules,
            synced: peer.synced(),
            can_decide: |membership, servers| Quorums::of(membership, membership).contains(servers),
        })
    }

    /// These are the members from now on.
    fn activate(&mut self, membership: Arc<Membership>, differs: bool) {
        tracing::info!(
            "The membership is now version {:x}:\n{}",
            membership.version,
            membership.to_text()
        );
        self.files
            .activate(&membership, self.me, self.last_seen.version);
        let client = |membership: &Membership| {
            let own = membership.member(self.me);
            own.and_then(|own| own.client.clone())
        };
        let next = client(&membership);
        if let Some(next) = next.filter(|next| Some(next) != client(&self.membership).as_ref()) {
            self.client_port.move_to(&next);
        }
        self.phases.belong(&membership);
        if self.last_seen.version < membership.version {
            self.last_seen = Arc::clone(&membership);
        }
        self.membership = membership;
        match differs {
            true => self.ballots.restart(self.book()),
            false => self.ballots.know(self.book()),
        }
    }

    /// Where everybody is who may vote.
    fn book(&self) -> AddressBook {
        AddressBook::of(&self.membership, &self.last_seen)
    }

    fn chore(&mut self, task: Task, chore: Chore) {
        self.log.send(Order::Do(task, chore));
    }

    /// Snapshots that are being written are of no use any more.
    fn rewrite(&mut self, task: Task, rewrite: Rewrite) {
        let state = self.shared.state.write();
        self.shared.break_walks();
        drop(state);
        self.chore(task, Chore::Rewrite(rewrite));
    }

    /// The leader's snapshot takes the place of the state at once: nobody is served.
    fn install(&mut self, task: Task) {
        let state = self.received.take();
        let state = state.expect("what is installed was received whole");
        let zxid = state.last_zxid;
        self.shared.replace(state);
        self.rewrite(task, Rewrite::Install(zxid));
    }

    fn report_touched(&mut self, zxid: Zxid, member: &mut Member, now: Now) {
        let registry = self.shared.registry.lock();
        let heard = |since| registry.heard_since(since);
        let packet = member.replica.report_touched(zxid, now, heard);
        drop(registry);
        self.links.to_leader(&packet);
    }

    fn remark_sent(&self, link: LinkId, packet: &ToLearner) {
        match packet {
            ToLearner::Diff(zxid) => {
                tracing::info!(
                    "Sending DIFF zxid={zxid}  for peer sid: {}",
                    self.name(link)
                );
            }
            ToLearner::Trunc(zxid) => {
                tracing::info!(
                    "Sending TRUNC zxid={zxid}  for peer sid: {}",
                    self.name(link)
                );
            }
            _ => {}
        }
    }

    fn name(&self, link: LinkId) -> String {
        let id = self.learners.get(&link);
        id.map_or("unknown".to_owned(), |id| id.0.to_string())
    }

    fn targets(&self, id: ServerId) -> Vec<Target> {
        // A leader that joins by the change under way is known from there only.
        let member = self.membership.member(id);
        let member = member.or_else(|| self.last_seen.member(id));
        let addresses = member.map_or(&[][..], |member| &member.addresses);
        let target = |address: &crate::config::PeerAddress| Target {
            host: address.host.clone(),
            port: address.quorum_port,
        };
        addresses.iter().map(target).collect()
    }

    /// Where a server takes observers while it follows: its hosts, and one port for all.
    fn observer_doors(&self, id: ServerId) -> Vec<Target> {
        let port = self.observer_master_port;
        let port = port.expect("only with such a port followers serve observers");
        let mut doors = self.targets(id);
        for door in &mut doors {
            door.port = port;
        }
        doors.dedup();
        doors
    }

    /// Packets and ballots of this turn get on their way.
    pub(super) fn end_turn(&mut self, member: &mut Member, now: Now) {
        self.links.flush();
        self.ballots.ring();
        if let Some(peer) = member.peer() {
            self.phases.show(peer, now);
        }
        self.phases.show_counts(member);
        // What operators see is that of the new role by now.
        if std::mem::take(&mut self.opens) {
            match member.replica.role() {
                Role::None => {}
                // apache 3.9.5: server/quorum/Leader.java lead
                Role::Leader | Role::Elected { .. } if !self.leader_serves => {
                    self.shared.set_serving(Serving::Members);
                }
                _ => self.shared.set_serving(Serving::All),
            }
        }
    }

    /// Ends the threads of the ensemble's ports.
    pub(super) fn stop(&mut self) {
        self.ballots.stop();
        self.links.stop();
    }
}

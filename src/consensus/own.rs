//! What a peer knows of itself in every role: epochs, how far its log and its state are, what storage still owes
//! it. Every change of something durable goes through here. Decisions do not live here.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Membership, Role};
use crate::consensus::backlog::Backlog;
use crate::consensus::calls::Calls;
use crate::consensus::election::{Elector, Roll, Standing, Waits};
use crate::consensus::settings::{Saved, Settings};
use crate::consensus::{Effect, Outcome, Quorums, Task, Vote};
use crate::proto::ballot::{Ballot, PeerState};
use crate::types::{Millis, ServerId, Zxid};

/// A task of storage that must be over before another role begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    AcceptedEpoch(i64),
    CurrentEpoch(i64),
    Truncate,
    Install,
}

/// What all roles share.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) settings: Settings,
    pub(crate) elector: Elector,
    /// The last reading of the clock.
    pub(crate) now: Millis,
    pub(crate) committed: Arc<Membership>,
    pub(crate) last_seen: Arc<Membership>,
    /// The last transactions applied.
    pub(crate) backlog: Backlog,
    accepted_epoch: i64,
    current_epoch: i64,
    /// The last transaction that was given to the log, or that came with a snapshot.
    logged: Zxid,
    /// How much of that is on disk.
    durable: Zxid,
    /// The last transaction applied, whether or not it was known to be committed.
    delivered: Zxid,
    /// Whether the present role, or the last one, writes a log.
    logs: bool,
    /// Without a log: where the history on disk ends. The rest is lost with the process.
    kept: Option<Zxid>,
    /// The last transaction that was known to be committed. Lost with the process.
    sure: Zxid,
    /// The highest epoch that a member was heard to have accepted; lost with the process.
    pub(crate) heard_epoch: i64,
    /// How much history the members had that voted for themselves: current epoch and last transaction.
    boasts: BTreeMap<ServerId, (i64, Zxid)>,
    /// Whether this server only observes.
    observer: bool,
    /// Begins the next role without an election.
    pub(crate) next_vote: Option<Vote>,
    /// What the oracle said last; `None`: nothing yet.
    oracle: Option<bool>,
    /// Whether that counts: not while this leader has followers.
    heeds_oracle: bool,
    pub(crate) calls: Calls,
    owed: Vec<(Task, Owed)>,
    last_task: u64,
    chance: u64,
}

impl Own {
    pub(crate) fn new(settings: Settings, saved: Saved, now: Millis) -> Self {
        let waits = Waits {
            resend_min_ms: settings.resend_min_ms,
            resend_max_ms: settings.resend_max_ms,
            ..Waits::default()
        };
        let roll = roll(&settings.committed, &settings.last_seen);
        // With a hole between them and the state, they would make learners miss what lies in it.
        let whole = |last: &(Zxid, Bytes)| last.0 == saved.last_zxid;
        let recent = match saved.recent.last().is_some_and(whole) {
            true => saved.recent,
            false => Vec::new(),
        };
        assert!(
            saved.current_epoch <= saved.accepted_epoch,
            "an epoch is accepted before it is current"
        );
        let mut own = Own {
            elector: Elector::new(settings.id, waits, roll, settings.reconfig),
            now,
            committed: Arc::clone(&settings.committed),
            last_seen: Arc::clone(&settings.last_seen),
            backlog: Backlog::new(settings.backlog, recent),
            accepted_epoch: saved.accepted_epoch,
            current_epoch: saved.current_epoch,
            logged: saved.last_zxid,
            durable: saved.last_zxid,
            delivered: saved.last_zxid,
            logs: true,
            kept: None,
            sure: Zxid(i64::MIN),
            heard_epoch: saved.accepted_epoch,
            boasts: BTreeMap::new(),
            observer: settings.observer,
            next_vote: None,
            oracle: None,
            heeds_oracle: true,
            calls: Calls::default(),
            owed: Vec::new(),
            last_task: 0,
            chance: settings.seed,
            settings,
        };
        if own.committed.member(own.id()).is_some() {
            own.become_member();
        }
        own
    }

    pub(crate) fn id(&self) -> ServerId {
        self.settings.id
    }

    /// A ballot of a server that looks for a leader: its vote for itself tells what history it has.
    pub(crate) fn note_boast(&mut self, from: ServerId, ballot: &Ballot) {
        let of_itself = ballot.state == PeerState::Looking && ballot.leader == from;
        if of_itself && self.committed.member(from).is_some() {
            self.boasts.insert(from, (ballot.epoch, ballot.zxid));
        }
    }

    /// Whether a member is known to have no more history than this server, so that it would lose an election against
    /// it. An observer loses all of them.
    pub(crate) fn outvotes(&self, id: ServerId) -> bool {
        let Some(member) = self.committed.member(id) else {
            return false;
        };
        let history = (self.current_epoch, self.logged);
        let boast = self.boasts.get(&id);
        member.role == Role::Observer || boast.is_some_and(|boast| *boast <= history)
    }

    pub(crate) fn accepted_epoch(&self) -> i64 {
        self.accepted_epoch
    }

    pub(crate) fn current_epoch(&self) -> i64 {
        self.current_epoch
    }

    pub(crate) fn logged(&self) -> Zxid {
        self.logged
    }

    pub(crate) fn durable(&self) -> Zxid {
        self.durable
    }

    pub(crate) fn delivered(&self) -> Zxid {
        self.delivered
    }

    /// Whether this server only observes.
    pub(crate) fn observes(&self) -> bool {
        self.observer
    }

    /// Takes the role that the committed membership gives it. Whom a change leaves out takes part without a vote.
    // apache 3.9.5: server/quorum/QuorumPeer.java updateLearnerType
    pub(crate) fn become_member(&mut self) {
        let member = self.committed.member(self.id());
        self.observer = member.is_some_and(|member| member.role == Role::Observer);
    }

    /// Tells the elector of changed memberships.
    pub(crate) fn reinstall(&mut self) {
        let roll = roll(&self.committed, &self.last_seen).with_oracle(self.oracle);
        self.elector.install(self.now, roll);
    }

    /// Whether what is appended in this role goes to the log.
    pub(crate) fn writes_log(&self) -> bool {
        self.logs
    }

    /// Whether the next role writes a log: voters always do, and those that are about to be voters.
    fn will_log(&self) -> bool {
        self.settings.observer_log || !self.observes() || self.last_seen.is_voter(self.id())
    }

    /// Whether this role lacks a log that it needs by now: an acknowledgement of this observer would count.
    pub(crate) fn lacks_log(&self) -> bool {
        !self.logs && self.will_log()
    }

    /// A role begins.
    pub(crate) fn begin(&mut self) {
        self.logs = self.will_log();
        assert!(
            !self.logs || self.kept.is_none(),
            "a log goes on where the history on disk ends, at {:?}",
            self.kept
        );
    }

    /// Goes back to what is on disk, if this is an observer without a log that is to write one: the log would have a hole,
    /// and a vote would stand for what is nowhere. Returns whether it must. (Apache's server goes on, and its log has the
    /// hole.)
    pub(crate) fn go_back(&mut self, out: &mut Vec<Effect>) -> bool {
        let Some(kept) = self.kept.filter(|_| self.will_log()) else {
            return false;
        };
        self.truncate(kept, out);
        true
    }

    /// Who must agree now.
    pub(crate) fn quorums(&self) -> Quorums {
        let lone = self.may_be_alone();
        Quorums::of(&self.committed, &self.last_seen).with_lone(lone)
    }

    /// The oracle has spoken. Whether it has said something new.
    pub(crate) fn hear_oracle(&mut self, says: bool) -> bool {
        self.oracle.replace(says) != Some(says)
    }

    /// A leader listens to the oracle as long as it has no followers.
    // apache 3.9.5: server/quorum/flexible/QuorumOracleMaj.java updateNeedOracle
    pub(crate) fn heed_oracle(&mut self, heeds: bool) {
        self.heeds_oracle = heeds;
    }

    /// Whether an oracle lets this server go on alone.
    pub(crate) fn may_be_alone(&self) -> bool {
        self.heeds_oracle && self.oracle == Some(true)
    }

    /// Begins an election.
    pub(crate) fn look(&mut self, out: &mut Vec<Effect>) {
        assert!(self.settled(), "an election begins when storage is done");
        assert!(
            self.delivered == self.logged,
            "everything logged is applied before an election"
        );
        let standing = Standing {
            last_zxid: self.delivered,
            current_epoch: self.current_epoch,
            observer: self.observes(),
        };
        self.elector.look(self.now, standing, out);
    }

    /// A number in `0..below`; 0 if there is none.
    // splitmix64 by Sebastiano Vigna: good enough to spread servers out, and the same on every run.
    pub(crate) fn chance(&mut self, below: i64) -> i64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.chance;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let below = u64::try_from(below).unwrap_or(0).max(1);
        i64::try_from(word % below).expect("a remainder is below an i64")
    }

    pub(crate) fn task(&mut self) -> Task {
        self.last_task += 1;
        Task(self.last_task)
    }

    fn owe(&mut self, owed: Owed) -> Task {
        let task = self.task();
        self.owed.push((task, owed));
        task
    }

    /// Promises to take part in no epoch below this one. It counts once the task is done.
    pub(crate) fn save_accepted_epoch(&mut self, epoch: i64, out: &mut Vec<Effect>) -> Task {
        assert!(
            epoch > self.accepted_epoch,
            "the accepted epoch {} only grows, not to {epoch}",
            self.accepted_epoch
        );
        let task = self.owe(Owed::AcceptedEpoch(epoch));
        out.push(Effect::SaveAcceptedEpoch(epoch, task));
        task
    }

    /// Makes the history one of this epoch. It counts once the task is done.
    pub(crate) fn save_current_epoch(&mut self, epoch: i64, out: &mut Vec<Effect>) -> Task {
        assert!(
            (self.current_epoch + 1..=self.accepted_epoch).contains(&epoch),
            "the current epoch {} only grows, and not past the accepted one {}: not to {epoch}",
            self.current_epoch,
            self.accepted_epoch
        );
        assert!(
            self.flushed(),
            "a history is durable before its epoch is: {} of {}",
            self.durable,
            self.logged
        );
        let task = self.owe(Owed::CurrentEpoch(epoch));
        out.push(Effect::SaveCurrentEpoch(epoch, task));
        task
    }

    /// Goes back to a transaction.
    pub(crate) fn truncate(&mut self, keep: Zxid, out: &mut Vec<Effect>) -> Task {
        assert!(
            self.settled() && self.delivered == self.logged,
            "nothing is under way when the history is cut"
        );
        let task = self.owe(Owed::Truncate);
        out.push(Effect::Truncate(keep, task));
        task
    }

    /// Takes the snapshot that was received.
    pub(crate) fn install(&mut self, out: &mut Vec<Effect>) -> Task {
        assert!(
            self.settled() && self.delivered == self.logged,
            "nothing is under way when the state is replaced"
        );
        let task = self.owe(Owed::Install);
        out.push(Effect::Install(task));
        task
    }

    /// A task is over. Those that nobody here waits for change nothing.
    pub(crate) fn done(&mut self, task: Task, outcome: Outcome) {
        let Some(at) = self.owed.iter().position(|(owed, _)| *owed == task) else {
            return;
        };
        let (_, owed) = self.owed.remove(at);
        match (owed, outcome) {
            (Owed::AcceptedEpoch(epoch), Outcome::Saved) => self.accepted_epoch = epoch,
            (Owed::CurrentEpoch(epoch), Outcome::Saved) => self.current_epoch = epoch,
            (Owed::Truncate, Outcome::At(zxid)) => {
                self.backlog.cut(zxid);
                self.stand(zxid);
            }
            (Owed::Install, Outcome::At(zxid)) => {
                self.backlog.clear();
                self.current_epoch = self.current_epoch.max(zxid.epoch());
                self.stand(zxid);
            }
            (owed, outcome) => {
                unreachable!("storage answers {owed:?} with what it asks for, not {outcome:?}")
            }
        }
    }

    /// The state, and everything on disk, is here now.
    fn stand(&mut self, zxid: Zxid) {
        self.kept = None;
        self.logged = zxid;
        self.durable = zxid;
        self.delivered = zxid;
    }

    /// An epoch begins behind everything applied so far: its number stands for that from now on.
    pub(crate) fn enter(&mut self, epoch: Zxid) {
        assert!(
            self.settled() && self.delivered == self.logged && epoch > self.logged,
            "epoch {epoch} begins behind a history that is applied"
        );
        self.is_sure(self.delivered);
        self.stand(epoch);
    }

    /// Whether everything appended is on disk.
    pub(crate) fn flushed(&self) -> bool {
        self.durable == self.logged
    }

    /// Whether storage owes nothing.
    pub(crate) fn settled(&self) -> bool {
        self.owed.is_empty() && self.flushed()
    }

    /// Appends to the log.
    pub(crate) fn append(&mut self, zxid: Zxid, body: &Bytes, out: &mut Vec<Effect>) {
        let before = self.logged;
        self.appended(zxid);
        if self.writes_log() {
            let body = body.clone();
            out.push(Effect::Append { zxid, body });
        } else {
            self.durable = zxid;
            self.kept.get_or_insert(before);
        }
    }

    /// Notes that somebody else has appended.
    pub(crate) fn appended(&mut self, zxid: Zxid) {
        assert!(
            zxid > self.logged,
            "the log only grows: {zxid} after {}",
            self.logged
        );
        assert!(
            zxid.epoch() <= self.current_epoch,
            "{zxid} belongs to an epoch above the current one {}",
            self.current_epoch
        );
        self.logged = zxid;
    }

    /// The log is on disk up to here.
    pub(crate) fn on_durable(&mut self, zxid: Zxid) {
        assert!(
            zxid <= self.logged,
            "only what was appended, up to {}, becomes durable, not {zxid}",
            self.logged
        );
        self.durable = self.durable.max(zxid);
    }

    /// Applies a transaction to the state.
    pub(crate) fn deliver(&mut self, zxid: Zxid, body: Bytes, out: &mut Vec<Effect>) {
        let own = body.clone();
        self.apply(zxid, body);
        out.push(Effect::Deliver { zxid, body: own });
    }

    /// Notes that a transaction is applied.
    pub(crate) fn apply(&mut self, zxid: Zxid, body: Bytes) {
        assert!(
            self.delivered < zxid && zxid <= self.logged,
            "{zxid} is applied after {} and not before it is logged ({})",
            self.delivered,
            self.logged
        );
        self.delivered = zxid;
        self.backlog.push(zxid, body);
    }

    /// The last transaction that was known to be committed.
    pub(crate) fn sure(&self) -> Zxid {
        self.sure
    }

    /// Notes that this transaction, and everything before it, is committed.
    pub(crate) fn is_sure(&mut self, zxid: Zxid) {
        // The beginning of an epoch stands for a history that ends with a lower number elsewhere.
        if zxid.counter() != 0 {
            self.sure = self.sure.max(zxid);
        }
    }
}

/// The roll of an election.
pub(crate) fn roll(committed: &Arc<Membership>, last_seen: &Membership) -> Roll {
    Roll::of(committed, last_seen, Bytes::from(committed.to_text()))
}

//! Leader election: what a server votes for while it looks for a leader, when an election is over, and what is
//! told to those who still look. Counts ballots; never connects, never waits: time is handed in. Upstream:
//! `FastLeaderElection`.
//!
//! An [`Elector`] lives as long as the server. While LOOKING it holds one `Pass`; otherwise it only answers.

mod pass;
mod roll;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::consensus::Effect;
use crate::consensus::election::pass::{Ended, Pass, Step};
use crate::consensus::vote::Vote;
use crate::proto::ballot::{Ballot, PeerState};
use crate::types::{Millis, ServerId, Zxid};

pub use crate::consensus::election::roll::Roll;

/// Version of the ballots we send: with peer epoch and membership.
const BALLOT_VERSION: i32 = 2;

/// How long an election waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// How long nothing better may come once a quorum agrees, ms.
    pub finalize_ms: i64,
    /// First wait before ballots are sent again, ms (`fastleader.minNotificationInterval`); doubles every time.
    pub resend_min_ms: i64,
    /// Longest wait before ballots are sent again, ms (`fastleader.maxNotificationInterval`).
    pub resend_max_ms: i64,
}

impl Default for Waits {
    // apache 3.9.5: server/quorum/FastLeaderElection.java finalizeWait
    fn default() -> Self {
        Waits {
            finalize_ms: 200,
            resend_min_ms: 200,
            resend_max_ms: 60_000,
        }
    }
}

/// How far this server is when it begins to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its last transaction; -1 when its empty database is not trusted: then it can only join a leader.
    pub last_zxid: Zxid,
    /// Its current epoch.
    pub current_epoch: i64,
    /// Whether it only observes.
    pub observer: bool,
}

/// How an election ended for this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it is now: never LOOKING.
    pub state: PeerState,
    /// For whom; others are told of it while the role lasts.
    pub vote: Vote,
    /// Whose equal votes decided it: a quorum, unless an oracle has the last word.
    pub backers: BTreeSet<ServerId>,
}

/// What a ballot has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The election is over.
    Decided(Decision),
    /// Another server has a membership of a higher version committed than this one, which looks. The ballot was
    /// not counted. If the text is sound, install it ([`Elector::install`]), and when its members differ begin
    /// anew ([`Elector::restart`], [`Elector::look`]); in all other cases hand the ballot in again without it.
    NewerMembership(Bytes),
}

/// A server's part in elections.
#[derive(Debug)]
pub struct Elector {
    me: ServerId,
    waits: Waits,
    roll: Roll,
    /// Whether memberships in ballots are looked at (`reconfigEnabled`).
    reconfig: bool,
    /// The logical clock: the number of the last round. Never saved.
    round: i64,
    /// The vote of its role, or of its last one: what others are told unless this server looks.
    told: Option<Vote>,
    state: PeerState,
    observer: bool,
    /// There while an election runs; then the state is LOOKING.
    pass: Option<Pass>,
    /// Whose ballots of an earlier round were answered in this election, and of which.
    answered: BTreeMap<ServerId, i64>,
}

impl Elector {
    /// A server that has not voted yet. [`Elector::look`] begins its first election.
    pub fn new(me: ServerId, waits: Waits, roll: Roll, reconfig: bool) -> Self {
        let ordered = 0 < waits.resend_min_ms && waits.resend_min_ms <= waits.resend_max_ms;
        assert!(ordered, "waits are positive and in order: {waits:?}");
        Elector {
            me,
            waits,
            roll,
            reconfig,
            round: 0,
            told: None,
            state: PeerState::Looking,
            observer: false,
            pass: None,
            answered: BTreeMap::new(),
        }
    }

    /// What this server says it is.
    pub fn state(&self) -> PeerState {
        self.state
    }

    /// The vote of its role, or of its last one; `None` before the first election.
    pub fn vote(&self) -> Option<Vote> {
        self.told
    }

    /// The logical clock.
    pub fn round(&self) -> i64 {
        self.round
    }

    /// When [`Elector::tick`] is wanted; `None` while no election runs.
    pub fn next_tick(&self) -> Option<Millis> {
        self.pass.as_ref().map(Pass::next_tick)
    }

    /// Another membership is committed, or proposed. An election that runs goes on, with its voters.
    pub fn install(&mut self, now: Millis, roll: Roll) {
        self.roll = roll;
        if let Some(pass) = &mut self.pass {
            pass.recount(now, &self.roll);
        }
    }

    /// Starts the logical clock anew, as after a change of the members. An election that runs is given up;
    /// [`Elector::look`] begins another one.
    // apache 3.9.5: server/quorum/QuorumPeer.java restartLeaderElection
    pub fn restart(&mut self) {
        self.round = 0;
        self.pass = None;
    }

    /// Begins an election. [`Elector::ballot`] or [`Elector::tick`] end it with a [`Decision`].
    pub fn look(&mut self, now: Millis, standing: Standing, out: &mut Vec<Effect>) {
        self.state = PeerState::Looking;
        self.observer = standing.observer;
        // Java's counter wraps: a ballot may have brought any number.
        self.round = self.round.wrapping_add(1);
        self.answered.clear();
        let initial = self.initial_vote(standing);
        self.pass = Some(Pass::new(now, self.me, initial, self.waits));
        self.tell_all(now, out);
    }

    /// A ballot of another server has arrived.
    // apache 3.9.5: server/quorum/FastLeaderElection.java WorkerReceiver.run
    pub fn ballot(
        &mut self,
        now: Millis,
        from: ServerId,
        ballot: &Ballot,
        out: &mut Vec<Effect>,
    ) -> Option<Heard> {
        if let Some(text) = self.newer_membership(ballot) {
            return Some(Heard::NewerMembership(text));
        }
        if from == self.me {
            return None;
        }
        if !self.roll.is_voter(from) {
            // Not the vote of the last role while this server looks: in a round of now, to somebody who counts this server
            // as a voter, that would be news. (Apache's server tells that.)
            let vote = match &self.pass {
                Some(pass) => pass.proposal(),
                None => self.told?,
            };
            let round = self.round;
            out.push(self.say(from, Vote { round, ..vote }));
            return None;
        }
        let looks = ballot.state == PeerState::Looking;
        let Some(pass) = &mut self.pass else {
            if looks {
                out.extend(self.told.map(|vote| self.say(from, vote)));
            }
            return None;
        };
        let late = looks && ballot.round < self.round;
        let proposal = pass.proposal();
        let step = pass.ballot(now, from, ballot, &self.roll);
        // Whoever takes this server for a stranger passes over the answer, and answers it: once is enough.
        let mut new = || self.answered.insert(from, ballot.round) != Some(ballot.round);
        if late && step == Step::Quiet && new() {
            out.push(self.say(from, proposal));
        }
        self.carry_out(now, step, out).map(Heard::Decided)
    }

    /// Whether a voter that looks has more to offer than the leader of this role.
    pub fn is_beaten(&self, from: ServerId, ballot: &Ballot) -> bool {
        let candidate = ballot.state == PeerState::Looking && ballot.leader == from;
        let vote = Vote {
            leader: from,
            zxid: ballot.zxid,
            round: ballot.round,
            epoch: ballot.epoch,
        };
        let beats = |told: Vote| self.roll.beats(&vote, &told);
        candidate && self.roll.is_voter(from) && self.told.is_some_and(beats)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis, out: &mut Vec<Effect>) -> Option<Decision> {
        let step = self.pass.as_mut()?.tick(now);
        self.carry_out(now, step, out)
    }

    /// Takes a role without an election, as a change of the members can ask for.
    pub fn settle(&mut self, state: PeerState, vote: Vote) {
        assert!(state != PeerState::Looking, "a role is not LOOKING");
        self.state = state;
        self.told = Some(vote);
        self.pass = None;
    }

    /// The role has begun to serve in this epoch. From now on its vote names it; otherwise the votes of an
    /// ensemble would differ, and nobody could join it any more.
    // apache 3.9.5: server/quorum/QuorumPeer.java updateElectionVote
    pub fn update_epoch(&mut self, epoch: i64) {
        if let Some(vote) = &mut self.told {
            vote.epoch = epoch;
        }
    }

    /// A server that is no voter of the committed membership proposes nobody; an observer has nothing to offer.
    // apache 3.9.5: server/quorum/FastLeaderElection.java getInitId, getInitLastLoggedZxid, getPeerEpoch
    fn initial_vote(&self, standing: Standing) -> Vote {
        let leader = match self.roll.is_committed_voter(self.me) {
            true => self.me,
            false => Vote::NOBODY,
        };
        let (zxid, epoch) = match standing.observer {
            true => (Zxid(i64::MIN), i64::MIN),
            false => (standing.last_zxid, standing.current_epoch),
        };
        Vote {
            leader,
            zxid,
            round: self.round,
            epoch,
        }
    }

    /// Text of a newer membership, if this server looks and wants to know.
    fn newer_membership(&self, ballot: &Ballot) -> Option<Bytes> {
        let text = ballot.config.as_ref()?;
        let wanted = self.reconfig && self.pass.is_some();
        let newer = || version_in(text).is_some_and(|version| version > self.roll.version());
        (wanted && newer()).then(|| text.clone())
    }

    fn carry_out(&mut self, now: Millis, step: Step, out: &mut Vec<Effect>) -> Option<Decision> {
        match step {
            Step::Quiet => None,
            Step::Tell => {
                self.tell_all(now, out);
                None
            }
            Step::Over(ended) => Some(self.end(ended)),
        }
    }

    /// Sends the proposal to every voter; oneself counts it at once.
    fn tell_all(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let pass = self.pass.as_mut().expect("a pass runs while LOOKING");
        pass.told(now, &self.roll);
        let proposal = pass.proposal();
        self.round = proposal.round;
        let others = self.roll.voters().filter(|id| *id != self.me);
        out.extend(others.map(|to| self.say(to, proposal)));
    }

    fn end(&mut self, ended: Ended) -> Decision {
        let Ended { vote, backers } = ended;
        let leads = vote.leader == self.me;
        assert!(
            self.roll.is_quorum(&backers)
                || self.roll.defers()
                || !leads && self.roll.is_some_quorum(&backers),
            "only a quorum ends an election, not {backers:?}"
        );
        self.state = match (leads, self.observer) {
            (true, _) => PeerState::Leading,
            (false, false) => PeerState::Following,
            (false, true) => PeerState::Observing,
        };
        self.round = vote.round;
        self.told = Some(vote);
        self.pass = None;
        Decision {
            state: self.state,
            vote,
            backers,
        }
    }

    fn say(&self, to: ServerId, vote: Vote) -> Effect {
        let ballot = Ballot {
            state: self.state,
            leader: vote.leader,
            zxid: vote.zxid,
            round: vote.round,
            epoch: vote.epoch,
            version: BALLOT_VERSION,
            config: Some(self.roll.text().clone()),
        };
        Effect::SendBallot { to, ballot }
    }
}

/// The version a membership's text ends with. Whether the text is sound is for others to find out.
fn version_in(text: &[u8]) -> Option<i64> {
    let last = text.rsplit(|byte| *byte == b'\n').next()?;
    let digits = std::str::from_utf8(last.strip_prefix(b"version=")?).ok()?;
    i64::from_str_radix(digits, 16).ok()
}

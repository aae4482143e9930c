//! One election of a server that looks: what it proposes, whose votes it holds, and when they decide.

use std::collections::{BTreeMap, BTreeSet};

use crate::consensus::election::Waits;
use crate::consensus::election::roll::Roll;
use crate::consensus::vote::Vote;
use crate::proto::ballot::{Ballot, PeerState};
use crate::types::{Millis, ServerId, Zxid};

/// Last transaction of a server whose empty database is not trusted: it has no say in elections.
const UNTRUSTED: Zxid = Zxid(-1);

/// A vote, with what the voter said of itself.
#[derive(Debug, Clone, Copy)]
struct Noted {
    vote: Vote,
    state: PeerState,
    /// Of the message format. Votes of the same round are kept with 0 whatever they came with.
    version: i32,
}

impl Noted {
    /// Whether two votes count as the same. Votes of those who still look must be the same in everything. Those
    /// of an established ensemble may differ in zxid and round, which depend on when each server joined, and in
    /// the epoch, too, when only one of the two servers tells it right.
    // apache 3.9.5: server/quorum/Vote.java equals
    fn agrees(&self, other: &Noted) -> bool {
        let (a, b) = (&self.vote, &other.vote);
        if self.state == PeerState::Looking || other.state == PeerState::Looking {
            return a == b;
        }
        let same_epoch_needed = (self.version > 0) == (other.version > 0);
        a.leader == b.leader && (!same_epoch_needed || a.epoch == b.epoch)
    }
}

/// Votes by voter.
#[derive(Debug, Default)]
struct Votes(BTreeMap<ServerId, Noted>);

impl Votes {
    fn backers(&self, probe: &Noted) -> BTreeSet<ServerId> {
        let agreeing = self.0.iter().filter(|(_, noted)| probe.agrees(noted));
        agreeing.map(|(id, _)| *id).collect()
    }
}

/// How a pass ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// The vote that won.
    pub vote: Vote,
    /// Whose equal votes made it win.
    pub backers: BTreeSet<ServerId>,
}

/// What a ballot has changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that others must know.
    Quiet,
    /// The proposal or the round: tell everybody.
    Tell,
    /// The election is over.
    Over(Ended),
}

/// One election.
#[derive(Debug)]
pub(super) struct Pass {
    me: ServerId,
    waits: Waits,
    /// What this server would vote for alone.
    initial: Vote,
    /// The best vote known in this round; its `round` is the logical clock.
    proposal: Vote,
    /// Votes of this round.
    received: Votes,
    /// Votes of servers that follow or lead, of any round.
    established: Votes,
    /// Present while a quorum agrees with the proposal: how long nothing better may come.
    settles: Option<Millis>,
    /// When ballots are sent again.
    resend: Millis,
    /// How long after that the next time.
    resend_wait_ms: i64,
}

impl Pass {
    /// Begins. Everybody must be told of the proposal.
    pub(super) fn new(now: Millis, me: ServerId, initial: Vote, waits: Waits) -> Self {
        Pass {
            me,
            waits,
            initial,
            proposal: initial,
            received: Votes::default(),
            established: Votes::default(),
            settles: None,
            resend: now.plus(waits.resend_min_ms),
            resend_wait_ms: waits.resend_min_ms,
        }
    }

    /// What this server votes for now.
    pub(super) fn proposal(&self) -> Vote {
        self.proposal
    }

    /// When [`Pass::tick`] is wanted.
    pub(super) fn next_tick(&self) -> Millis {
        self.settles.unwrap_or(self.resend)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Millis) -> Step {
        if now < self.next_tick() {
            return Step::Quiet;
        }
        if self.settles.is_some() {
            let vote = self.proposal;
            let backers = self.received.backers(&looking(vote));
            return Step::Over(Ended { vote, backers });
        }
        let doubled = self.resend_wait_ms.saturating_mul(2);
        self.resend_wait_ms = doubled.min(self.waits.resend_max_ms);
        Step::Tell
    }

    /// Everybody is being told of the proposal; oneself at once.
    pub(super) fn told(&mut self, now: Millis, roll: &Roll) {
        self.resend = now.plus(self.resend_wait_ms);
        let takes_part = self.initial.zxid != UNTRUSTED && self.proposal.zxid != UNTRUSTED;
        if takes_part && roll.is_voter(self.me) && roll.is_voter(self.proposal.leader) {
            self.received.0.insert(self.me, looking(self.proposal));
        }
        self.weigh(now, roll);
    }

    /// The roll has changed: what was enough may not be any more, or is now.
    pub(super) fn recount(&mut self, now: Millis, roll: &Roll) {
        self.settles = None;
        self.weigh(now, roll);
    }

    /// A voter's ballot.
    // apache 3.9.5: server/quorum/FastLeaderElection.java lookForLeader
    pub(super) fn ballot(&mut self, now: Millis, from: ServerId, b: &Ballot, roll: &Roll) -> Step {
        let vote = vote_of(b);
        if self.settles.is_some() {
            if !self.wins(&vote, &self.proposal, roll) {
                // Dropped, not kept for later: the wait is for something better only.
                self.settles = Some(now.plus(self.waits.finalize_ms));
                return Step::Quiet;
            }
            self.settles = None;
        }
        let step = match b.state {
            _ if !roll.is_voter(vote.leader) => {
                // What it said before does not hold any more. (Apache's server counts that until the next ballot, but does
                // not decide by it.)
                self.received.0.remove(&from);
                self.stands_no_more(from, &vote)
            }
            PeerState::Observing => Step::Quiet,
            PeerState::Looking => self.looking(from, vote, roll),
            PeerState::Following | PeerState::Leading => self.established(from, vote, b, roll),
        };
        if step == Step::Quiet {
            self.weigh(now, roll);
        }
        step
    }

    /// A ballot of somebody who looks, too.
    fn looking(&mut self, from: ServerId, vote: Vote, roll: &Roll) -> Step {
        if self.initial.zxid == UNTRUSTED || vote.zxid == UNTRUSTED {
            return Step::Quiet;
        }
        let mut step = Step::Quiet;
        // Others pass over a vote for nobody, its round included: they would wait for this server for ever, if it is about
        // to be a voter, and it for them.
        let is_better = self.wins(&vote, &self.proposal, roll);
        let gives_way = self.proposal.leader == Vote::NOBODY && is_better;
        if vote.round > self.proposal.round || (gives_way && vote.round < self.proposal.round) {
            self.received.0.clear();
            self.initial.round = vote.round;
            self.proposal = match self.wins(&vote, &self.initial, roll) {
                true => vote,
                false => self.initial,
            };
            step = Step::Tell;
        } else if vote.round < self.proposal.round {
            return Step::Quiet;
        } else if is_better {
            self.proposal = vote;
            step = Step::Tell;
        }
        self.received.0.insert(from, looking(vote));
        step
    }

    /// Whether a vote wins over another here. Who does not stand does not come to stand by what others think.
    fn wins(&self, vote: &Vote, other: &Vote, roll: &Roll) -> bool {
        let stands = self.initial.leader == self.me;
        (vote.leader != self.me || stands) && roll.beats(vote, other)
    }

    /// A server votes for nobody. If this one proposes it, it has learned since that it is no member, and those who
    /// propose it would hear of it from each other for ever: it is forgotten in a round of its own.
    fn stands_no_more(&mut self, from: ServerId, vote: &Vote) -> Step {
        if from != self.proposal.leader || vote.leader != Vote::NOBODY {
            return Step::Quiet;
        }
        self.received.0.clear();
        self.initial.round = self.proposal.round.wrapping_add(1);
        self.proposal = self.initial;
        Step::Tell
    }

    /// A ballot of a follower or a leader: a quorum of them is joined, in whatever round they are.
    // apache 3.9.5: server/quorum/FastLeaderElection.java receivedFollowingNotification
    fn established(&mut self, from: ServerId, vote: Vote, b: &Ballot, roll: &Roll) -> Step {
        let noted = |version| Noted {
            vote,
            state: b.state,
            version,
        };
        let probe = noted(b.version);
        if vote.round == self.proposal.round {
            self.received.0.insert(from, noted(0));
            if let Some(ended) = self.joined(&self.received, &probe, roll) {
                return Step::Over(ended);
            }
        }
        self.established.0.insert(from, probe);
        match self.joined(&self.established, &probe, roll) {
            Some(ended) => Step::Over(ended),
            None if roll.defers() && b.state == PeerState::Leading && vote.leader == from => {
                let backers = BTreeSet::from([from]);
                Step::Over(Ended { vote, backers })
            }
            None => Step::Quiet,
        }
    }

    /// The end, if a quorum agrees with the vote and its leader knows that it leads. Without the latter a server that
    /// has crashed could be elected over and over.
    ///
    /// Another's quorum is the leader's to count: whoever joins does not know by which membership. It may know of a
    /// change that the others have never heard of, or have seen through since. (Apache's server wants a quorum of both,
    /// and stays out for ever.)
    fn joined(&self, votes: &Votes, probe: &Noted, roll: &Roll) -> Option<Ended> {
        let vote = probe.vote;
        let backers = votes.backers(probe);
        let joins = if vote.leader == self.me {
            vote.round == self.proposal.round && roll.is_quorum(&backers)
        } else {
            let leader = votes.0.get(&vote.leader);
            leader.is_some_and(|noted| noted.state == PeerState::Leading)
                && roll.is_some_quorum(&backers)
        };
        joins.then_some(Ended { vote, backers })
    }

    /// Begins the last wait when a quorum agrees with the proposal.
    fn weigh(&mut self, now: Millis, roll: &Roll) {
        let agreed = || roll.is_quorum(&self.received.backers(&looking(self.proposal)));
        if self.settles.is_none() && agreed() {
            self.settles = Some(now.plus(self.waits.finalize_ms));
        }
    }
}

fn looking(vote: Vote) -> Noted {
    Noted {
        vote,
        state: PeerState::Looking,
        version: 0,
    }
}

/// The vote in a ballot.
fn vote_of(ballot: &Ballot) -> Vote {
    Vote {
        leader: ballot.leader,
        zxid: ballot.zxid,
        round: ballot.round,
        epoch: ballot.epoch,
    }
}

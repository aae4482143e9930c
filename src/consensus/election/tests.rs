//! An elector alone: what it proposes, when it changes its mind, when it is done.

use super::*;
use crate::config::{Groups, Member, Membership, PeerAddress, Role};
use std::collections::BTreeMap;
use std::sync::Arc;

mod crowd;
mod hearsay;
mod joining;
mod replies;
mod strangers;

const TEXT: &str = "server.1=h:1:2:participant\nversion=5";

pub(super) fn membership(version: i64, voters: &[i64], observers: &[i64]) -> Membership {
    let member = |role| Member {
        addresses: vec![PeerAddress {
            host: "h".to_owned(),
            quorum_port: 1,
            election_port: 2,
        }],
        role,
        client: None,
    };
    let of = |ids: &[i64], role| -> Vec<_> {
        ids.iter().map(|id| (ServerId(*id), member(role))).collect()
    };
    let mut members = BTreeMap::from_iter(of(voters, Role::Participant));
    members.extend(of(observers, Role::Observer));
    Membership {
        members,
        groups: None,
        version,
    }
}

pub(super) fn roll(voters: &[i64], observers: &[i64]) -> Roll {
    let membership = Arc::new(membership(5, voters, observers));
    Roll::of(
        &membership,
        &membership,
        Bytes::from_static(TEXT.as_bytes()),
    )
}

/// A vote as `leader, zxid, round, epoch`.
pub(super) fn vote(leader: i64, zxid: i64, round: i64, epoch: i64) -> Vote {
    Vote {
        leader: ServerId(leader),
        zxid: Zxid(zxid),
        round,
        epoch,
    }
}

pub(super) fn standing(zxid: i64, epoch: i64) -> Standing {
    Standing {
        last_zxid: Zxid(zxid),
        current_epoch: epoch,
        observer: false,
    }
}

pub(super) fn ballot(state: PeerState, vote: Vote) -> Ballot {
    Ballot {
        state,
        leader: vote.leader,
        zxid: vote.zxid,
        round: vote.round,
        epoch: vote.epoch,
        version: 2,
        config: Some(Bytes::from_static(TEXT.as_bytes())),
    }
}

/// One elector, its clock and what it has sent.
pub(super) struct Desk {
    pub elector: Elector,
    pub now: i64,
    out: Vec<Effect>,
}

impl Desk {
    pub fn of(me: i64, roll: Roll) -> Self {
        Desk {
            elector: Elector::new(ServerId(me), Waits::default(), roll, true),
            now: 1000,
            out: Vec::new(),
        }
    }

    /// Server `me` of voters 1, 2 and 3, in its first election at zxid 10 and epoch 1.
    pub fn looking(me: i64) -> Self {
        let mut desk = Desk::of(me, roll(&[1, 2, 3], &[]));
        desk.look(standing(10, 1));
        desk
    }

    pub fn look(&mut self, standing: Standing) {
        self.elector.look(Millis(self.now), standing, &mut self.out);
    }

    /// What was sent since the last call.
    pub fn sent(&mut self) -> Vec<(i64, PeerState, Vote)> {
        let ballots = std::mem::take(&mut self.out).into_iter();
        let parts = ballots.map(|effect| match effect {
            Effect::SendBallot { to, ballot } => {
                assert_eq!(ballot.version, 2);
                let vote = vote(ballot.leader.0, ballot.zxid.0, ballot.round, ballot.epoch);
                (to.0, ballot.state, vote)
            }
            other => panic!("an election only sends ballots, not {other:?}"),
        });
        parts.collect()
    }

    pub fn hear(&mut self, from: i64, ballot: &Ballot) -> Option<Heard> {
        let now = Millis(self.now);
        self.elector
            .ballot(now, ServerId(from), ballot, &mut self.out)
    }

    /// A ballot that does not end the election.
    pub fn hear_looking(&mut self, from: i64, vote: Vote) {
        let heard = self.hear(from, &ballot(PeerState::Looking, vote));
        assert_eq!(heard, None);
    }

    pub fn decided(&mut self, from: i64, state: PeerState, vote: Vote) -> Option<Decision> {
        match self.hear(from, &ballot(state, vote)) {
            None => None,
            Some(Heard::Decided(decision)) => Some(decision),
            Some(other) => panic!("{other:?}"),
        }
    }

    pub fn wait(&mut self, ms: i64) -> Option<Decision> {
        self.now += ms;
        self.elector.tick(Millis(self.now), &mut self.out)
    }
}

fn to_others(state: PeerState, vote: Vote, others: &[i64]) -> Vec<(i64, PeerState, Vote)> {
    others.iter().map(|to| (*to, state, vote)).collect()
}

const LOOKING: PeerState = PeerState::Looking;

#[test]
fn a_voter_proposes_itself_to_every_other_voter() {
    let mut desk = Desk::of(2, roll(&[1, 2, 3], &[4]));
    desk.look(standing(10, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 10, 1, 1), &[1, 3]));
}

#[test]
fn an_observer_proposes_nobody_and_has_nothing_to_offer() {
    let mut desk = Desk::of(4, roll(&[1, 2, 3], &[4]));
    desk.look(Standing {
        observer: true,
        ..standing(10, 1)
    });
    let nothing = vote(i64::MIN, i64::MIN, 1, i64::MIN);
    assert_eq!(desk.sent(), to_others(LOOKING, nothing, &[1, 2, 3]));
}

#[test]
fn a_joiner_proposes_nobody_and_tells_how_far_it_is() {
    let mut desk = Desk::of(7, roll(&[1, 2, 3], &[]));
    desk.look(standing(10, 1));
    let nobody = vote(i64::MIN, 10, 1, 1);
    assert_eq!(desk.sent(), to_others(LOOKING, nobody, &[1, 2, 3]));
}

#[test]
fn voters_of_a_proposed_membership_are_asked_too() {
    let committed = Arc::new(membership(5, &[1, 2], &[]));
    let proposed = membership(6, &[2, 3], &[]);
    let mut desk = Desk::of(2, Roll::of(&committed, &proposed, Bytes::new()));
    desk.look(standing(10, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 10, 1, 1), &[1, 3]));
}

#[test]
fn ballots_carry_the_committed_membership() {
    let mut desk = Desk::looking(1);
    for effect in std::mem::take(&mut desk.out) {
        let Effect::SendBallot { ballot, .. } = effect else {
            panic!("{effect:?}");
        };
        assert_eq!(ballot.config.as_deref(), Some(TEXT.as_bytes()));
    }
}

#[test]
fn a_server_alone_elects_itself() {
    let mut desk = Desk::of(1, roll(&[1], &[]));
    desk.look(standing(10, 1));
    assert_eq!(desk.wait(199), None);
    let decision = desk.wait(1).expect("nothing better came");
    assert_eq!(decision.state, PeerState::Leading);
    assert_eq!(decision.vote, vote(1, 10, 1, 1));
    assert_eq!(desk.elector.next_tick(), None);
}

#[test]
fn a_better_vote_is_adopted_and_told() {
    let mut desk = Desk::looking(1);
    desk.sent();
    desk.hear_looking(2, vote(2, 11, 1, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 11, 1, 1), &[2, 3]));
    desk.hear_looking(3, vote(3, 9, 1, 2));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(3, 9, 1, 2), &[2, 3]));
}

#[test]
fn a_worse_vote_is_kept_to_oneself() {
    let mut desk = Desk::looking(3);
    desk.sent();
    desk.hear_looking(1, vote(1, 10, 1, 1));
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_later_round_is_adopted_and_the_votes_of_this_one_forgotten() {
    let mut desk = Desk::of(3, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    desk.hear_looking(1, vote(3, 10, 1, 1));
    desk.sent();
    desk.hear_looking(2, vote(2, 5, 8, 1));
    // The better one of what the ballot says and what this server had from the start.
    assert_eq!(
        desk.sent(),
        to_others(LOOKING, vote(3, 10, 8, 1), &[1, 2, 4, 5])
    );
    assert_eq!(desk.elector.round(), 8);
    // Two votes for 3 in round 8, and the one of round 1, are no quorum of five.
    desk.hear_looking(4, vote(3, 10, 8, 1));
    assert_eq!(desk.wait(190), None);
    desk.hear_looking(5, vote(3, 10, 8, 1));
    assert_eq!(
        desk.wait(200).map(|decision| decision.vote),
        Some(vote(3, 10, 8, 1))
    );
}

#[test]
fn a_later_round_starts_from_the_own_initial_vote_not_from_the_last_proposal() {
    for (heard, better) in [(5, vote(1, 10, 2, 1)), (50, vote(2, 50, 2, 1))] {
        let mut desk = Desk::of(1, roll(&[1, 2, 3, 4, 5], &[]));
        desk.look(standing(10, 1));
        desk.hear_looking(3, vote(3, 99, 1, 1));
        desk.sent();
        desk.hear_looking(2, vote(2, heard, 2, 1));
        assert_eq!(desk.sent(), to_others(LOOKING, better, &[2, 3, 4, 5]));
    }
}

#[test]
fn an_earlier_round_is_answered_and_does_not_count() {
    let mut desk = Desk::looking(1);
    desk.hear_looking(2, vote(2, 5, 4, 1));
    desk.sent();
    desk.hear_looking(3, vote(3, 99, 3, 9));
    assert_eq!(desk.sent(), [(3, LOOKING, vote(1, 10, 4, 1))]);
}

#[test]
fn a_quorum_is_only_believed_after_silence() {
    let mut desk = Desk::looking(3);
    desk.hear_looking(1, vote(3, 10, 1, 1));
    assert_eq!(desk.elector.next_tick(), Some(Millis(1200)));
    assert_eq!(desk.wait(199), None);
    let decision = desk.wait(1).expect("nothing better came");
    assert_eq!(decision.state, PeerState::Leading);
    assert_eq!(decision.backers, [ServerId(1), ServerId(3)].into());
}

///
#[test]
fn what_is_no_better_is_thrown_away_while_waiting_for_silence() {
    let mut desk = Desk::of(3, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    desk.hear_looking(1, vote(3, 10, 1, 1));
    desk.hear_looking(2, vote(3, 10, 1, 1));
    desk.now += 150;
    desk.hear_looking(4, vote(3, 10, 1, 1));
    assert_eq!(desk.wait(199), None, "every ballot breaks the silence");
    let decision = desk.wait(1).expect("nothing better came");
    let backers = [1, 2, 3].map(ServerId);
    assert_eq!(decision.backers, backers.into(), "4 was not counted");
}

#[test]
fn something_better_during_the_silence_goes_on_with_the_election() {
    let mut desk = Desk::looking(2);
    desk.hear_looking(1, vote(2, 10, 1, 1));
    desk.now += 199;
    desk.sent();
    desk.hear_looking(3, vote(3, 10, 1, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(3, 10, 1, 1), &[1, 3]));
    assert_eq!(desk.wait(199), None);
    let decision = desk.wait(1).expect("two of three");
    assert_eq!(decision.state, PeerState::Following);
    assert_eq!(decision.backers, [2, 3].map(ServerId).into());
}

#[test]
fn something_better_that_does_not_count_only_breaks_the_silence() {
    let mut desk = Desk::looking(2);
    desk.hear_looking(1, vote(2, 10, 5, 1));
    desk.hear_looking(1, vote(2, 10, 5, 1));
    desk.now += 100;
    desk.hear_looking(3, vote(3, 10, 4, 1));
    assert_eq!(desk.wait(199), None);
    assert_eq!(
        desk.wait(1).map(|decision| decision.vote),
        Some(vote(2, 10, 5, 1))
    );
}

#[test]
fn ballots_are_sent_again_less_and_less_often() {
    let mut desk = Desk::looking(1);
    desk.sent();
    for wait in [
        200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000,
    ] {
        assert_eq!(desk.wait(wait - 1), None);
        assert_eq!(desk.sent(), [], "before {wait} ms");
        assert_eq!(desk.wait(1), None);
        let again = to_others(LOOKING, vote(1, 10, 1, 1), &[2, 3]);
        assert_eq!(desk.sent(), again, "after {wait} ms");
    }
}

#[test]
fn chatter_does_not_put_off_sending_again() {
    let mut desk = Desk::looking(3);
    desk.sent();
    for _ in 0..4 {
        desk.now += 49;
        desk.hear_looking(2, vote(2, 10, 1, 1));
    }
    assert_eq!(desk.wait(4), None);
    assert_eq!(desk.sent(), to_others(LOOKING, vote(3, 10, 1, 1), &[1, 2]));
}

#[test]
fn observers_that_are_voters_here_are_ignored() {
    let mut desk = Desk::looking(1);
    desk.sent();
    assert_eq!(
        desk.decided(2, PeerState::Observing, vote(3, 99, 9, 9)),
        None
    );
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.elector.round(), 1);
}

#[test]
fn weightless_servers_are_never_voted_for() {
    let mut grouped = membership(5, &[1, 2, 3], &[]);
    let ids = [1, 2, 3].map(ServerId);
    grouped.groups = Some(Groups {
        group_of: ids.map(|id| (id, 1)).into(),
        weight_of: [(ServerId(3), 0)].into(),
    });
    let grouped = Arc::new(grouped);
    let mut desk = Desk::of(1, Roll::of(&grouped, &grouped, Bytes::new()));
    desk.look(standing(10, 1));
    desk.sent();
    desk.hear_looking(3, vote(3, 99, 1, 9));
    assert_eq!(desk.sent(), []);
    desk.hear_looking(2, vote(2, 10, 1, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 10, 1, 1), &[2, 3]));
}

#[test]
fn a_change_of_members_needs_both_quorums() {
    let committed = Arc::new(membership(5, &[1, 2, 3], &[]));
    let proposed = membership(6, &[3, 4, 5], &[]);
    let mut desk = Desk::of(3, Roll::of(&committed, &proposed, Bytes::new()));
    desk.look(standing(10, 1));
    desk.hear_looking(1, vote(3, 10, 1, 1));
    assert_eq!(desk.wait(199), None);
    desk.hear_looking(4, vote(3, 10, 1, 1));
    let decision = desk.wait(200).expect("both quorums agree");
    assert_eq!(decision.backers, [1, 3, 4].map(ServerId).into());
}

#[test]
fn a_changed_roll_is_counted_again() {
    let mut desk = Desk::looking(3);
    desk.hear_looking(1, vote(3, 10, 1, 1));
    assert_eq!(desk.elector.next_tick(), Some(Millis(1200)));
    desk.elector
        .install(Millis(1100), roll(&[1, 2, 3, 4, 5], &[]));
    desk.now = 1200;
    assert_eq!(desk.wait(0), None, "two of five are no quorum");
    desk.elector.install(Millis(1300), roll(&[1, 3], &[]));
    assert_eq!(desk.elector.next_tick(), Some(Millis(1500)));
}

#[test]
fn a_new_election_module_counts_rounds_from_the_start() {
    let mut desk = Desk::looking(1);
    desk.hear_looking(2, vote(2, 5, 40, 1));
    assert_eq!(desk.elector.round(), 40);
    desk.elector.restart();
    assert_eq!(desk.elector.next_tick(), None);
    desk.sent();
    desk.look(standing(10, 1));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(1, 10, 1, 1), &[2, 3]));
}

#[test]
fn every_election_is_a_round_of_its_own() {
    let mut desk = Desk::of(1, roll(&[1], &[]));
    for round in 1..4 {
        desk.look(standing(10, 1));
        assert_eq!(
            desk.wait(200).map(|decision| decision.vote),
            Some(vote(1, 10, round, 1))
        );
    }
}

#[test]
fn rounds_go_on_behind_the_last_number() {
    let mut desk = Desk::looking(1);
    desk.hear_looking(2, vote(2, 5, i64::MAX, 1));
    desk.sent();
    desk.look(standing(10, 1));
    assert_eq!(
        desk.sent(),
        to_others(LOOKING, vote(1, 10, i64::MIN, 1), &[2, 3])
    );
}

//! Joining an ensemble that has a leader, and the servers that can do nothing else.

use super::*;

const FOLLOWING: PeerState = PeerState::Following;
const LEADING: PeerState = PeerState::Leading;

#[test]
fn a_quorum_with_its_leader_is_joined() {
    let mut desk = Desk::looking(1);
    assert_eq!(desk.decided(2, FOLLOWING, vote(3, 50, 7, 4)), None);
    let decision = desk.decided(3, LEADING, vote(3, 50, 7, 4));
    let decision = decision.expect("2 and 3 agree");
    assert_eq!(decision.state, FOLLOWING);
    assert_eq!(decision.vote, vote(3, 50, 7, 4));
    assert_eq!(decision.backers, [2, 3].map(ServerId).into());
    assert_eq!(
        desk.elector.round(),
        7,
        "the ensemble's round is taken over"
    );
}

#[test]
fn an_observer_joins_as_an_observer() {
    let mut desk = Desk::of(4, roll(&[1, 2, 3], &[4]));
    desk.look(Standing {
        observer: true,
        ..standing(10, 1)
    });
    desk.decided(2, FOLLOWING, vote(3, 50, 7, 4));
    let decision = desk.decided(3, LEADING, vote(3, 50, 7, 4));
    assert_eq!(
        decision.map(|decision| decision.state),
        Some(PeerState::Observing)
    );
}

/// Voters pass over its votes for nobody, and over their round.
#[test]
fn a_joiner_takes_up_an_earlier_round() {
    let mut desk = Desk::of(7, roll(&[1, 2, 3], &[]));
    desk.look(standing(10, 1));
    desk.look(standing(10, 1));
    desk.sent();
    desk.hear_looking(1, vote(1, 10, 1, 1));
    assert_eq!(
        desk.sent(),
        to_others(LOOKING, vote(1, 10, 1, 1), &[1, 2, 3])
    );
}

/// A voter would answer the answer, and so on without an end.
#[test]
fn an_earlier_round_is_answered_once() {
    let mut desk = Desk::of(7, roll(&[1, 2, 3], &[]));
    desk.look(standing(10, 1));
    desk.look(standing(10, 1));
    desk.sent();
    desk.hear_looking(1, vote(1, 9, 1, 1));
    assert_eq!(desk.sent(), [(1, LOOKING, vote(i64::MIN, 10, 2, 1))]);
    desk.hear_looking(1, vote(1, 9, 1, 1));
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_leader_that_does_not_say_so_is_not_followed() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    for follower in [2, 3, 4] {
        let dead = vote(5, 50, 7, 4);
        assert_eq!(desk.decided(follower, FOLLOWING, dead), None, "{follower}");
    }
    assert_eq!(desk.decided(5, FOLLOWING, vote(4, 50, 7, 4)), None);
    assert!(desk.decided(5, LEADING, vote(5, 50, 7, 4)).is_some());
}

#[test]
fn a_leader_that_still_looks_is_not_followed() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    desk.hear_looking(5, vote(5, 50, 1, 4));
    for follower in [2, 3, 4] {
        let early = vote(5, 40, 1, 3);
        assert_eq!(desk.decided(follower, FOLLOWING, early), None, "{follower}");
    }
    assert!(desk.decided(5, LEADING, vote(5, 50, 1, 4)).is_some());
}

#[test]
fn followers_of_an_earlier_round_do_not_count_in_a_later_one() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    desk.decided(2, FOLLOWING, vote(5, 50, 1, 3));
    desk.decided(3, FOLLOWING, vote(5, 50, 1, 3));
    desk.hear_looking(4, vote(4, 5, 8, 1));
    assert_eq!(desk.decided(5, LEADING, vote(5, 50, 8, 4)), None);
}

#[test]
fn a_leader_without_a_quorum_is_not_followed() {
    let mut desk = Desk::looking(1);
    assert_eq!(desk.decided(3, LEADING, vote(3, 50, 7, 4)), None);
    assert_eq!(desk.decided(3, LEADING, vote(3, 50, 7, 4)), None);
    assert_eq!(desk.elector.round(), 1);
}

/// The third alone knows of a change by which the second leaves: those who lead without it are joined, and it leads
/// with a quorum of both only.
#[test]
fn a_quorum_that_has_not_heard_of_a_change_is_joined() {
    let committed = Arc::new(membership(5, &[1, 2, 3], &[]));
    let next = membership(6, &[1, 3], &[]);
    let roll = || Roll::of(&committed, &next, Bytes::from_static(TEXT.as_bytes()));
    let mut desk = Desk::of(3, roll());
    desk.look(standing(10, 1));
    assert_eq!(desk.decided(1, FOLLOWING, vote(2, 50, 7, 4)), None);
    assert!(desk.decided(2, LEADING, vote(2, 50, 7, 4)).is_some());
    let mut desk = Desk::of(3, roll());
    desk.look(standing(10, 1));
    desk.decided(2, FOLLOWING, vote(3, 50, 1, 4));
    assert_eq!(desk.decided(2, FOLLOWING, vote(3, 50, 1, 4)), None);
}

/// Whoever is told by a quorum that it leads must be in their round: it has forgotten any other.
#[test]
fn a_restarted_leader_does_not_lead_on_the_word_of_its_followers() {
    let mut desk = Desk::looking(3);
    assert_eq!(desk.decided(1, FOLLOWING, vote(3, 50, 7, 4)), None);
    assert_eq!(desk.decided(2, FOLLOWING, vote(3, 50, 7, 4)), None);
    let mut desk = Desk::looking(3);
    assert_eq!(desk.decided(1, FOLLOWING, vote(3, 50, 1, 4)), None);
    let decision = desk.decided(2, FOLLOWING, vote(3, 50, 1, 4));
    assert_eq!(
        decision.map(|decision| decision.state),
        Some(PeerState::Leading)
    );
}

/// zxids of established servers depend on when each of them joined.
#[test]
fn votes_of_an_established_ensemble_may_differ_in_zxid_and_round() {
    let mut desk = Desk::looking(1);
    desk.decided(2, FOLLOWING, vote(3, 40, 6, 4));
    assert!(desk.decided(3, LEADING, vote(3, 50, 7, 4)).is_some());
}

///
#[test]
fn votes_of_different_epochs_are_no_ensemble() {
    let mut desk = Desk::looking(1);
    desk.decided(2, FOLLOWING, vote(3, 50, 7, 3));
    assert_eq!(desk.decided(3, LEADING, vote(3, 50, 7, 4)), None);
    // The follower has been told the new epoch.
    assert!(desk.decided(2, FOLLOWING, vote(3, 50, 7, 4)).is_some());
}

///
#[test]
fn votes_of_the_own_round_need_the_same_leader_only() {
    let mut desk = Desk::looking(1);
    desk.decided(2, FOLLOWING, vote(3, 40, 1, 3));
    let decision = desk.decided(3, LEADING, vote(3, 50, 1, 4));
    assert_eq!(
        decision.map(|decision| decision.vote),
        Some(vote(3, 50, 1, 4))
    );
}

#[test]
fn servers_without_the_new_epoch_in_their_vote_match_those_with_it() {
    let mut desk = Desk::looking(1);
    let mut old = ballot(FOLLOWING, vote(3, 50, 7, 3));
    old.version = 0;
    old.config = None;
    assert_eq!(desk.hear(2, &old), None);
    assert!(desk.decided(3, LEADING, vote(3, 50, 7, 4)).is_some());
}

#[test]
fn a_vote_of_the_own_round_counts_with_those_who_still_look() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3, 4, 5], &[]));
    desk.look(standing(10, 1));
    desk.hear_looking(5, vote(5, 50, 1, 4));
    desk.hear_looking(4, vote(5, 50, 1, 4));
    // Three of five now: 1, 4 and 5. The last wait is on, what is no better is thrown away.
    assert_eq!(desk.decided(2, FOLLOWING, vote(5, 50, 1, 4)), None);
    let decision = desk.wait(200).expect("a quorum");
    assert_eq!(decision.backers, [1, 4, 5].map(ServerId).into());
}

#[test]
fn a_server_with_an_untrusted_database_takes_no_part() {
    let mut desk = Desk::looking(3);
    desk.sent();
    desk.hear_looking(1, vote(1, -1, 9, 9));
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.elector.round(), 1);

    let mut untrusted = Desk::of(1, roll(&[1, 2, 3], &[]));
    untrusted.look(standing(-1, 0));
    untrusted.sent();
    untrusted.hear_looking(2, vote(2, 10, 9, 1));
    untrusted.hear_looking(3, vote(2, 10, 9, 1));
    assert_eq!(untrusted.sent(), []);
    assert_eq!(untrusted.elector.round(), 1);
    assert_eq!(untrusted.wait(200), None);
}

#[test]
fn a_server_with_an_untrusted_database_does_not_elect_itself() {
    let mut desk = Desk::of(1, roll(&[1], &[]));
    desk.look(standing(-1, 0));
    assert_eq!(desk.wait(200), None);
    assert_eq!(desk.wait(60_000), None);
}

#[test]
fn a_server_with_an_untrusted_database_can_join() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3], &[]));
    desk.look(standing(-1, 0));
    desk.decided(2, FOLLOWING, vote(3, 50, 7, 4));
    assert!(desk.decided(3, LEADING, vote(3, 50, 7, 4)).is_some());
}

/// what a server says of its leader's epoch changes when it begins to serve.
#[test]
fn two_servers_that_serve_can_be_joined_by_a_third() {
    let mut one = Desk::looking(2);
    one.settle_serving(FOLLOWING, vote(3, 10, 1, 1), 2);
    let mut two = Desk::looking(3);
    two.settle_serving(LEADING, vote(3, 10, 4, 1), 2);
    let mut late = Desk::looking(1);
    let asks = ballot(LOOKING, vote(1, 10, 1, 1));
    let mut end = None;
    for (id, desk) in [(2, &mut one), (3, &mut two)] {
        assert_eq!(desk.hear(1, &asks), None);
        for (to, state, vote) in desk.sent() {
            assert_eq!(to, 1);
            end = end.or(late.decided(id, state, vote));
        }
    }
    assert_eq!(end.map(|decision| decision.vote), Some(vote(3, 10, 4, 2)));
}

impl Desk {
    fn settle_serving(&mut self, state: PeerState, vote: Vote, epoch: i64) {
        self.elector.settle(state, vote);
        self.elector.update_epoch(epoch);
        self.sent();
    }
}

#[test]
fn with_an_oracle_the_other_of_two_is_followed_when_it_leads() {
    let leads = vote(2, 50, 7, 4);
    for (voters, says, follows) in [
        (&[1, 2][..], None, false),
        (&[1, 2], Some(false), true),
        // One is enough: it agrees with itself.
        (&[1, 2], Some(true), true),
        (&[1, 2, 3], Some(false), false),
    ] {
        let mut desk = Desk::of(1, roll(voters, &[]).with_oracle(says));
        desk.look(standing(10, 1));
        assert_eq!(desk.decided(2, FOLLOWING, leads), None);
        let decision = desk.decided(2, LEADING, leads);
        let state = decision.map(|decision| decision.state);
        let expected = follows.then_some(FOLLOWING);
        assert_eq!(state, expected, "{voters:?} {says:?}");
    }
}

#[test]
fn whoever_the_oracle_lets_go_on_alone_elects_itself() {
    let mut desk = Desk::of(1, roll(&[1, 2], &[]));
    desk.look(standing(10, 1));
    assert_eq!(desk.wait(200), None);
    let now = Millis(desk.now);
    desk.elector
        .install(now, roll(&[1, 2], &[]).with_oracle(Some(true)));
    let decision = desk.wait(200).expect("one is enough");
    assert_eq!(decision.state, LEADING);
}

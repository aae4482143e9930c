//! Who is answered, and with what.

use super::*;

/// Server 1 of voters 1, 2, 3 and observer 4, following 3 since round 6.
fn follower() -> Desk {
    let mut desk = Desk::of(1, roll(&[1, 2, 3], &[4]));
    desk.look(standing(10, 1));
    desk.decided(2, PeerState::Following, vote(3, 50, 6, 4));
    let decision = desk.decided(3, PeerState::Leading, vote(3, 50, 6, 4));
    assert!(decision.is_some());
    desk.sent();
    desk
}

#[test]
fn a_voter_that_looks_is_told_of_the_leader() {
    let mut desk = follower();
    desk.hear_looking(2, vote(2, 99, 9, 9));
    let told = vote(3, 50, 6, 4);
    assert_eq!(desk.sent(), [(2, PeerState::Following, told)]);
    assert_eq!(desk.elector.vote(), Some(told));
}

#[test]
fn a_voter_that_does_not_look_is_not_answered() {
    let mut desk = follower();
    for state in [
        PeerState::Following,
        PeerState::Leading,
        PeerState::Observing,
    ] {
        assert_eq!(desk.decided(2, state, vote(2, 99, 9, 9)), None);
        assert_eq!(desk.sent(), []);
    }
}

///
#[test]
fn a_reply_to_a_voter_has_the_votes_round_one_to_a_non_voter_the_logical_clock() {
    let mut desk = follower();
    // A role taken without an election has a vote of another round.
    desk.elector
        .settle(PeerState::Following, vote(2, 60, -1, 4));
    desk.hear_looking(3, vote(3, 1, 1, 1));
    desk.hear_looking(4, vote(i64::MIN, i64::MIN, 1, i64::MIN));
    assert_eq!(
        desk.sent(),
        [
            (3, PeerState::Following, vote(2, 60, -1, 4)),
            (4, PeerState::Following, vote(2, 60, 6, 4)),
        ]
    );
}

#[test]
fn non_voters_are_answered_at_once_whatever_they_say() {
    let mut desk = follower();
    for stranger in [4, 77, -1] {
        for state in [LOOKING, PeerState::Following, PeerState::Observing] {
            assert_eq!(desk.decided(stranger, state, vote(2, 99, 9, 9)), None);
            let told = vote(3, 50, 6, 4);
            assert_eq!(desk.sent(), [(stranger, PeerState::Following, told)]);
        }
    }
}

#[test]
fn a_non_voter_is_told_the_proposal_while_this_server_looks() {
    let mut desk = follower();
    desk.elector.update_epoch(5);
    desk.look(standing(70, 5));
    desk.sent();
    desk.hear_looking(4, vote(i64::MIN, i64::MIN, 1, i64::MIN));
    assert_eq!(desk.sent(), [(4, LOOKING, vote(1, 70, 7, 5))]);
}

#[test]
fn a_non_voter_is_told_of_this_server_before_its_first_election_has_ended() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3], &[4]));
    desk.look(standing(10, 1));
    desk.sent();
    desk.hear_looking(4, vote(i64::MIN, i64::MIN, 9, i64::MIN));
    assert_eq!(desk.sent(), [(4, LOOKING, vote(1, 10, 1, 1))]);
    assert_eq!(
        desk.elector.round(),
        1,
        "the vote of a non-voter counts for nothing"
    );
}

#[test]
fn nobody_is_answered_before_the_first_election() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3], &[4]));
    desk.hear_looking(2, vote(2, 99, 9, 9));
    desk.hear_looking(4, vote(2, 99, 9, 9));
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_ballot_in_the_own_name_is_ignored() {
    let mut desk = Desk::looking(1);
    desk.sent();
    desk.hear_looking(1, vote(2, 99, 9, 9));
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.elector.round(), 1);
}

fn with_text(text: &'static str) -> Ballot {
    Ballot {
        config: Some(Bytes::from_static(text.as_bytes())),
        ..ballot(LOOKING, vote(2, 99, 9, 9))
    }
}

const NEWER: &str = "server.1=h:1:2:participant\nversion=6";

#[test]
fn a_newer_membership_is_handed_up_and_the_ballot_left_aside() {
    let mut desk = Desk::looking(1);
    desk.sent();
    let text = Bytes::from_static(NEWER.as_bytes());
    for from in [2, 77] {
        let heard = desk.hear(from, &with_text(NEWER));
        assert_eq!(heard, Some(Heard::NewerMembership(text.clone())));
    }
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.elector.round(), 1);
    // Not sound: it is counted without its text.
    let plain = Ballot {
        config: None,
        ..with_text(NEWER)
    };
    assert_eq!(desk.hear(2, &plain), None);
    assert_eq!(desk.elector.round(), 9);
}

#[test]
fn an_older_membership_or_none_at_all_changes_nothing() {
    for text in [
        "server.1=h:1:2\nversion=5",
        "version=4",
        "version=-1",
        "",
        "version=",
        "version=xyz",
        "server.1=h:1:2:participant",
        "version=9\nserver.1=h:1:2",
    ] {
        let mut desk = Desk::looking(1);
        assert_eq!(desk.hear(2, &with_text(text)), None, "{text:?}");
        assert_eq!(desk.elector.round(), 9, "{text:?}");
    }
}

#[test]
fn memberships_do_not_matter_to_who_has_a_role() {
    let mut desk = follower();
    assert_eq!(desk.hear(2, &with_text(NEWER)), None);
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn memberships_do_not_matter_when_they_cannot_change() {
    let mut out = Vec::new();
    let mut elector = Elector::new(ServerId(1), Waits::default(), roll(&[1, 2], &[]), false);
    elector.look(Millis(0), standing(10, 1), &mut out);
    let heard = elector.ballot(Millis(0), ServerId(2), &with_text(NEWER), &mut out);
    assert_eq!(heard, None);
    assert_eq!(elector.round(), 9);
}

//! Votes for servers that do not vote, and what becomes of those that do not vote any more.

use super::*;

#[test]
fn votes_for_servers_that_do_not_vote_are_ignored() {
    let mut desk = Desk::of(1, roll(&[1, 2, 3], &[4]));
    desk.look(standing(10, 1));
    desk.sent();
    for stranger in [4, 77, i64::MIN] {
        desk.hear_looking(2, vote(stranger, 99, 9, 9));
        assert_eq!(desk.sent(), []);
    }
    assert_eq!(desk.elector.round(), 1);
}

/// Upstream's QuorumPeerMainTest: a server whose settings do not name the third waits for the second, who follows that one.
#[test]
fn who_votes_for_a_stranger_votes_for_nobody_else() {
    let mut desk = Desk::of(1, roll(&[1, 2], &[]));
    desk.look(standing(10, 1));
    desk.hear_looking(2, vote(2, 10, 1, 1));
    desk.hear_looking(2, vote(3, 10, 1, 1));
    desk.sent();
    assert_eq!(desk.wait(1000), None, "no quorum is for 2");
    desk.hear_looking(2, vote(2, 10, 1, 1));
    assert!(desk.wait(200).is_some(), "its last word counts");
}

/// Of voters 1 and 2 that are to make way for 3, which took itself for one of them at first.
fn voters_in_change() -> Roll {
    let committed = Arc::new(membership(5, &[1, 2], &[]));
    Roll::of(&committed, &membership(6, &[3], &[]), Bytes::new())
}

#[test]
fn who_does_not_stand_any_more_is_forgotten_in_another_round() {
    let mut desk = Desk::of(2, voters_in_change());
    desk.look(standing(14, 8));
    desk.hear_looking(3, vote(3, 14, 1, 8));
    assert_eq!(desk.sent().last(), Some(&(3, LOOKING, vote(3, 14, 1, 8))));
    desk.hear_looking(3, vote(Vote::NOBODY.0, 14, 1, 8));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 14, 2, 8), &[1, 3]));
    // What is still said of it belongs to the round before.
    desk.hear_looking(1, vote(3, 14, 1, 8));
    desk.sent();
    // That somebody else proposes nobody means nothing.
    desk.hear_looking(3, vote(Vote::NOBODY.0, 14, 2, 8));
    assert_eq!(desk.sent(), []);
    desk.hear_looking(1, vote(2, 14, 2, 8));
    desk.hear_looking(3, vote(2, 14, 2, 8));
    assert!(desk.wait(200).is_some());
}

#[test]
fn who_does_not_stand_is_not_talked_into_it() {
    let mut desk = Desk::of(3, voters_in_change());
    desk.look(standing(14, 8));
    desk.sent();
    for round in [1, 2] {
        desk.hear_looking(2, vote(3, 14, round, 8));
        let nobody = vote(Vote::NOBODY.0, 14, round, 8);
        assert!(desk.sent().iter().all(|(_, _, vote)| *vote == nobody));
    }
    desk.hear_looking(2, vote(2, 14, 3, 8));
    assert_eq!(desk.sent(), to_others(LOOKING, vote(2, 14, 3, 8), &[1, 2]));
}

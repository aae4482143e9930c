//! Small ensembles: they elect, replicate, and take members back.

use bytes::Bytes;

use crate::consensus::Phase;
use crate::consensus::testing::membership;
use crate::consensus::tests::house::House;
use crate::types::{ServerId, Zxid};

fn started(voters: &[i64], observers: &[i64]) -> House {
    let mut house = House::new(membership(voters, observers), false);
    house.run(2_000);
    house
}

fn zxid(epoch: i64, counter: i64) -> Zxid {
    Zxid(epoch << 32 | counter)
}

/// Everybody who is up has these words.
fn assert_words(house: &House, ids: &[i64], words: &[&str]) {
    for id in ids {
        assert_eq!(house.words(*id), words, "server {id}");
    }
    assert_eq!(house.fatal(), None);
}

#[test]
fn three_servers_elect_the_largest_and_replicate() {
    let mut house = started(&[1, 2, 3], &[]);
    assert_eq!(house.leader(), Some(ServerId(3)));
    for word in ["a", "b", "c"] {
        assert!(house.write(word));
    }
    house.run(100);
    assert_words(&house, &[1, 2, 3], &["a", "b", "c"]);
    let status = house.status(3);
    assert_eq!(status.current_epoch, 1);
    assert_eq!(status.delivered, zxid(1, 3));
    assert_eq!(status.learners.synced_followers, 2);
    assert_eq!(house.phase(1), Phase::Following(ServerId(3)));
}

#[test]
fn one_voter_leads_alone() {
    let mut house = started(&[1], &[]);
    house.write("a");
    house.run(10);
    assert_words(&house, &[1], &["a"]);
    house.run(10_000);
    assert_eq!(house.leader(), Some(ServerId(1)), "it stays");
}

#[test]
fn an_observer_gets_everything_and_does_not_count() {
    let mut house = started(&[1, 2, 3], &[4]);
    assert_eq!(house.phase(4), Phase::Observing(ServerId(3)));
    house.write("a");
    house.run(100);
    assert_words(&house, &[1, 2, 3, 4], &["a"]);
    house.stop(ServerId(1));
    house.stop(ServerId(2));
    house.run(1_000);
    assert_eq!(
        house.leader(),
        None,
        "one voter and an observer are no quorum"
    );
}

#[test]
fn a_quiet_ensemble_stays_as_it_is() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.run(60_000);
    assert_eq!(house.status(3).current_epoch, 1);
    assert_eq!(house.status(3).learners.connected, 3);
}

#[test]
fn a_member_that_comes_back_soon_is_sent_what_it_missed() {
    let mut house = started(&[1, 2, 3], &[]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(1));
    house.write("b");
    house.write("c");
    house.run(100);
    house.restart(ServerId(1));
    house.run(2_000);
    house.write("d");
    house.run(100);
    assert_words(&house, &[1, 2, 3], &["a", "b", "c", "d"]);
}

#[test]
fn a_member_that_missed_much_is_sent_the_log() {
    let mut house = started(&[1, 2, 3], &[]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(1));
    for _ in 0..20 {
        house.write("x");
    }
    house.run(100);
    house.restart(ServerId(1));
    house.run(2_000);
    assert_eq!(house.words(1).len(), 21);
    assert_words(&house, &[], &[]);
}

#[test]
fn a_member_without_any_history_is_sent_a_snapshot() {
    let mut house = started(&[1, 2, 3], &[]);
    for _ in 0..20 {
        house.write("x");
    }
    house.run(100);
    house.stop(ServerId(1));
    house.start(ServerId(1), Vec::new(), (0, 0));
    house.run(2_000);
    house.write("y");
    house.run(100);
    assert_eq!(house.words(1), house.words(3));
    assert_eq!(house.words(1).len(), 21);
    assert_eq!(house.status(1).current_epoch, 1);
}

#[test]
fn without_a_leader_another_one_leads_on() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(3));
    house.run(3_000);
    assert_eq!(house.leader(), Some(ServerId(2)));
    house.write("b");
    house.run(100);
    house.restart(ServerId(3));
    house.run(3_000);
    house.write("c");
    house.run(100);
    assert_words(&house, &[1, 2, 3, 4], &["a", "b", "c"]);
    assert_eq!(house.status(2).current_epoch, 2);
}

#[test]
fn a_tail_that_nobody_else_has_is_cut_off() {
    let mut house = started(&[1, 2, 3], &[]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(1));
    house.stop(ServerId(2));
    // Written to the log of the leader alone.
    house.write("lost");
    house.stop(ServerId(3));
    house.restart(ServerId(1));
    house.restart(ServerId(2));
    house.run(3_000);
    assert_eq!(house.leader(), Some(ServerId(2)));
    house.write("b");
    house.run(100);
    house.restart(ServerId(3));
    house.run(3_000);
    house.write("c");
    house.run(100);
    assert_words(&house, &[1, 2, 3], &["a", "b", "c"]);
}

#[test]
fn a_tail_of_the_new_leader_is_committed() {
    let mut house = started(&[1, 2, 3], &[]);
    let txn = |epoch, counter, word: &'static str| {
        (zxid(epoch, counter), Bytes::from_static(word.as_bytes()))
    };
    let common = vec![txn(1, 1, "a")];
    let longer = vec![txn(1, 1, "a"), txn(1, 2, "b")];
    for id in [1, 2, 3] {
        house.stop(ServerId(id));
    }
    house.start(ServerId(1), longer, (1, 1));
    house.start(ServerId(2), common.clone(), (1, 1));
    house.start(ServerId(3), common, (1, 1));
    house.run(3_000);
    assert_eq!(house.leader(), Some(ServerId(1)));
    assert_words(&house, &[1, 2, 3], &["a", "b"]);
}

#[test]
fn the_epoch_is_never_used_twice() {
    let mut house = started(&[1, 2, 3], &[]);
    for round in 2..6 {
        let leader = house.leader().unwrap();
        house.stop(leader);
        house.run(3_000);
        house.restart(leader);
        house.run(3_000);
        let leader = house.leader().unwrap();
        assert_eq!(house.status(leader.0).current_epoch, round);
        assert!(house.write("x"));
        house.run(100);
    }
    assert_eq!(house.words(1), house.words(2));
    assert_eq!(house.words(2), house.words(3));
    assert_eq!(house.words(3).len(), 4);
}

#[test]
fn a_member_that_has_promised_more_is_taken_in_by_another_election() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.write("a");
    house.run(100);
    for id in [1, 4] {
        house.stop(ServerId(id));
        let log = vec![(zxid(1, 1), Bytes::from_static(b"a"))];
        let accepted = house.status(3).current_epoch + 5;
        house.start(ServerId(id), log, (accepted, 1));
        house.run(3_000);
        assert_eq!(house.status(id).current_epoch, accepted + 1);
    }
    house.write("b");
    house.run(100);
    assert_words(&house, &[1, 2, 3, 4], &["a", "b"]);
}

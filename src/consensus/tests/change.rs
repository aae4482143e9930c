//! Small ensembles change their members.

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::testing::membership;
use crate::consensus::tests::desk::{Desk, done, saved, settings, z};
use crate::consensus::tests::house::House;
use crate::consensus::tests::learner::leader_info;
use crate::consensus::{Effect, Input, Outcome, Phase};
use crate::proto::peer::ToLearner;
use crate::proto::txn::{LoggedTxn, SetDataTxn, Txn, TxnHeader};
use crate::types::{OpCode, ServerId, Zxid};

fn started(voters: &[i64], observers: &[i64]) -> House {
    let mut house = House::new(membership(voters, observers), true);
    house.run(2_000);
    house
}

/// The transaction that proposes a membership: its version is its number.
pub(super) fn change(zxid: Zxid, membership: &Membership) -> Bytes {
    let membership = Membership {
        version: zxid.0,
        ..membership.clone()
    };
    let text = membership.to_text();
    let txn = LoggedTxn {
        header: TxnHeader {
            client_id: 1,
            cxid: 1,
            zxid: zxid.0,
            time: 1,
            kind: OpCode::Reconfig as i32,
        },
        txn: Txn::SetData(
            OpCode::Reconfig,
            SetDataTxn {
                path: "/zookeeper/config".into(),
                data: Some(text.as_bytes()),
                version: -1,
            },
        ),
        digest: None,
    };
    let mut body = Vec::new();
    txn.append(&mut body);
    Bytes::from(body)
}

/// Everybody has this membership committed.
fn assert_members(house: &House, ids: &[i64], version: i64, voters: &[i64]) {
    for id in ids {
        let committed = house.committed(*id);
        assert_eq!(committed.version, version, "server {id}");
        let is: Vec<i64> = committed.voters().map(|id| id.0).collect();
        assert_eq!(is, voters, "server {id}");
    }
    assert_eq!(house.fatal(), None);
}

#[test]
fn the_first_epoch_numbers_the_first_membership() {
    let house = started(&[1, 2, 3], &[4]);
    assert_members(&house, &[1, 2, 3, 4], 1 << 32, &[1, 2, 3]);
}

#[test]
fn without_changes_the_first_membership_stays_as_it_is() {
    let mut house = House::new(membership(&[1, 2, 3], &[]), false);
    house.run(2_000);
    assert_members(&house, &[1, 2, 3], 0, &[1, 2, 3]);
}

#[test]
fn a_voter_less_and_the_leader_stays() {
    let mut house = started(&[1, 2, 3, 4], &[]);
    let next = membership(&[2, 3, 4], &[]);
    assert!(house.propose(|zxid| change(zxid, &next)));
    house.run(100);
    assert_members(&house, &[1, 2, 3, 4], 1 << 32 | 1, &[2, 3, 4]);
    assert_eq!(house.leader(), Some(ServerId(4)));
    assert!(house.write("x"));
    house.run(1_000);
    assert_eq!(
        house.words(1).last().unwrap(),
        "x",
        "it follows on, without a vote"
    );
    assert_eq!(house.status(4).learners.synced_non_voters, 1);
}

#[test]
fn an_observer_becomes_a_voter_without_an_election() {
    let mut house = started(&[1, 2, 3], &[4]);
    let next = membership(&[1, 2, 3, 4], &[]);
    house.propose(|zxid| change(zxid, &next));
    house.run(1_000);
    assert_members(&house, &[1, 2, 3, 4], 1 << 32 | 1, &[1, 2, 3, 4]);
    assert_eq!(house.phase(4), Phase::Following(ServerId(3)));
    assert_eq!(house.status(3).current_epoch, 1, "the leader is the same");
    house.write("x");
    house.run(100);
    assert_eq!(house.words(4).last().unwrap(), "x");
}

#[test]
fn a_leader_that_leaves_hands_over_without_an_election() {
    let mut house = started(&[1, 2, 3], &[]);
    let next = membership(&[1, 2], &[]);
    house.propose(|zxid| change(zxid, &next));
    house.run(2_000);
    let leader = house.leader().unwrap();
    assert!(leader != ServerId(3));
    assert_members(&house, &[1, 2, 3], 1 << 32 | 1, &[1, 2]);
    assert_eq!(
        house.phase(3),
        Phase::Following(leader),
        "it follows on, without a vote"
    );
    assert!(house.write("x"));
    house.run(100);
    for id in [1, 2, 3] {
        assert_eq!(house.words(id).last().unwrap(), "x", "server {id}");
    }
}

#[test]
fn a_change_needs_both_quorums() {
    let mut house = started(&[1, 2, 3], &[4, 5]);
    let next = membership(&[3, 4, 5], &[]);
    assert!(!house.could_lead(3, &next), "observers do not count yet");
    house.propose(|zxid| change(zxid, &next));
    house.run(1_000);
    // 4 and 5 only observe: they cannot acknowledge it.
    assert_members(&house, &[1, 2, 3], 1 << 32, &[1, 2, 3]);
}

/// While the others wait for a quorum, somebody joins: it must not take the change for committed.
#[test]
fn who_joins_in_the_middle_of_a_change_waits_for_it_like_the_others() {
    let mut house = started(&[1, 2, 3], &[4, 5]);
    house.stop(ServerId(1));
    let next = membership(&[3, 4, 5], &[]);
    house.propose(|zxid| change(zxid, &next));
    house.run(100);
    house.restart(ServerId(1));
    house.run(2_000);
    assert_eq!(house.phase(1), Phase::Following(ServerId(3)));
    assert_members(&house, &[2, 3], 1 << 32, &[1, 2, 3]);
    assert_eq!(house.committed(1).voter_count(), 3);
    assert!(house.committed(1).is_voter(ServerId(2)));
}

/// It gets no proposals; what came with NEWLEADER is all it has heard of the change.
#[test]
fn an_observer_that_joins_in_the_middle_of_a_change_waits_for_it_too() {
    let mut house = started(&[1, 2, 3], &[4, 5]);
    house.stop(ServerId(4));
    let next = membership(&[3, 4, 5], &[]);
    house.propose(|zxid| change(zxid, &next));
    house.run(100);
    house.restart(ServerId(4));
    house.run(2_000);
    assert_eq!(house.phase(4), Phase::Observing(ServerId(3)));
    assert_eq!(house.committed(4).voter_count(), 3);
    assert!(house.committed(4).is_voter(ServerId(2)));
}

#[test]
fn a_server_that_was_away_learns_the_membership() {
    let mut house = started(&[1, 2, 3, 4], &[]);
    house.stop(ServerId(1));
    let next = membership(&[1, 2, 4], &[3]);
    house.propose(|zxid| change(zxid, &next));
    house.run(2_000);
    house.restart(ServerId(1));
    house.run(3_000);
    assert_members(&house, &[1, 2, 3, 4], 1 << 32 | 1, &[1, 2, 4]);
    assert_eq!(house.phase(3), Phase::Observing(ServerId(4)));
}

/// What the leader has seen last may be proposed and not committed. Whatever was not proposed in its epoch has been
/// committed with it, also what an operator has written into a file of a later version.
#[test]
fn a_membership_that_is_not_proposed_in_the_epoch_comes_with_it() {
    let mut settings = settings(1);
    settings.reconfig = true;
    for (version, comes) in [
        (z(6, 9), true),
        (z(7, 3), false),
        (z(7, 0), true),
        (z(8, 0), true),
    ] {
        let mut desk = Desk::new(settings.clone(), saved((6, 6), &[z(6, 1)]));
        desk.elect_other();
        desk.take(Input::LeaderUp);
        desk.leader(leader_info(7));
        desk.take(done(1, Outcome::Saved));
        desk.leader(ToLearner::Diff(Zxid::ZERO));
        let mut membership = membership(&[1, 2, 3, 4], &[]);
        membership.version = version.0;
        desk.leader(ToLearner::NewLeader {
            zxid: z(7, 0),
            config: Some(membership.to_text().into()),
        });
        desk.take(done(2, Outcome::Saved));
        let said = desk.leader(ToLearner::UpToDate);
        let activates = |effect: &Effect| matches!(effect, Effect::Activate { .. });
        assert_eq!(said.iter().any(activates), comes, "{version}");
    }
}

//! Followers that serve observers in their leader's place: whole ensembles, and a follower on the desk.

use bytes::Bytes;

use crate::consensus::Phase;
use crate::consensus::testing::membership;
use crate::consensus::tests::desk::{
    Desk, ack, append, body, deliver, done, proposal, saved, settings, z,
};
use crate::consensus::tests::house::House;
use crate::consensus::tests::lead::{hang_up, offer, send};
use crate::consensus::tests::learner::{LEADER, leader_info, new_leader, note};
use crate::consensus::{Effect, Input, Outcome, Task};
use crate::proto::peer::{Forwarded, LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, SessionId, Zxid};

fn started(voters: &[i64], observers: &[i64]) -> House {
    let mut house = House::with(membership(voters, observers), false, true);
    house.run(3_000);
    house
}

/// Who serves the observer. Of who leads it may have another idea: voters that look name their last leader to it,
/// and nobody sets it right.
fn master(house: &House, observer: i64) -> i64 {
    let status = house.status(observer);
    assert!(matches!(status.phase, Phase::Observing(_)), "{status:?}");
    status.master.unwrap().0
}

fn assert_same(house: &House, ids: &[i64], count: usize) {
    for id in ids {
        assert_eq!(house.words(*id).len(), count, "server {id}");
        assert_eq!(house.words(*id), house.words(ids[0]), "server {id}");
    }
    assert_eq!(house.fatal(), None);
}

#[test]
fn observers_are_served_by_followers_alone() {
    let mut house = started(&[1, 2, 3], &[4, 5, 6, 7]);
    assert_eq!(house.leader(), Some(ServerId(3)));
    house.write("a");
    house.write("b");
    house.run(500);
    assert_same(&house, &[1, 2, 3, 4, 5, 6, 7], 2);
    let served = |id| house.status(id).observers;
    assert_eq!(served(3), None, "a leader has its own port");
    let masters: Vec<i64> = (4..=7).map(|observer| master(&house, observer)).collect();
    for follower in [1, 2] {
        let count = masters.iter().filter(|master| **master == follower).count();
        assert_eq!(served(follower), Some(count));
    }
    assert_eq!(house.status(3).learners.connected, 2);
}

#[test]
fn an_observer_goes_on_to_the_next_follower() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.write("a");
    house.run(100);
    for round in 0..4 {
        let first = master(&house, 4);
        house.stop(ServerId(first));
        house.run(3_000);
        let second = master(&house, 4);
        assert_eq!(first + second, 3, "from one follower to the other");
        house.write("x");
        house.run(100);
        house.restart(ServerId(first));
        house.run(3_000);
        assert_same(&house, &[1, 2, 3, 4], 2 + round);
    }
}

#[test]
fn an_observer_that_missed_much_is_sent_the_log_or_a_snapshot_of_a_follower() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(4));
    for _ in 0..20 {
        house.write("x");
    }
    house.run(100);
    house.restart(ServerId(4));
    house.run(2_000);
    house.write("b");
    house.run(100);
    assert_same(&house, &[1, 2, 3, 4], 22);
    house.stop(ServerId(4));
    house.start(ServerId(4), Vec::new(), (0, 0));
    house.run(2_000);
    house.write("c");
    house.run(100);
    assert_same(&house, &[1, 2, 3, 4], 23);
}

#[test]
fn observers_follow_to_the_next_leader() {
    let mut house = started(&[1, 2, 3], &[4, 5]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(3));
    house.run(5_000);
    assert_eq!(house.leader(), Some(ServerId(2)));
    assert_eq!((master(&house, 4), master(&house, 5)), (1, 1));
    house.write("b");
    house.restart(ServerId(3));
    house.run(5_000);
    house.write("c");
    house.run(100);
    assert_same(&house, &[1, 2, 3, 4, 5], 3);
}

#[test]
fn what_only_an_observer_has_of_an_older_epoch_is_cut_off() {
    let mut house = started(&[1, 2, 3], &[4]);
    house.write("a");
    house.run(100);
    house.stop(ServerId(4));
    let txn = |counter, word: &'static str| (z(1, counter), Bytes::from_static(word.as_bytes()));
    house.stop(ServerId(3));
    house.run(3_000);
    house.start(ServerId(4), vec![txn(1, "a"), txn(2, "lost")], (1, 1));
    house.run(3_000);
    house.write("b");
    house.run(100);
    assert_same(&house, &[1, 2, 4], 2);
}

#[test]
fn without_followers_the_leader_serves_observers() {
    let mut house = started(&[1], &[4]);
    assert_eq!(master(&house, 4), 1);
    house.write("a");
    house.run(100);
    assert_same(&house, &[1, 4], 1);
}

#[test]
fn a_cut_connection_is_made_again() {
    let mut house = started(&[1, 2, 3], &[4]);
    let first = master(&house, 4);
    house.cut_off(ServerId(4));
    house.write("a");
    house.run(3_000);
    assert_ne!(master(&house, 4), first);
    assert_same(&house, &[1, 2, 3, 4], 1);
}

/// Follower 1 in the broadcast of epoch 7, with (6, 1) in its log, open for observers.
fn serving() -> Desk {
    let mut settings = settings(1);
    settings.observer_masters = true;
    let mut desk = Desk::new(settings, saved((6, 6), &[z(6, 1)]));
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(7));
    desk.take(done(1, Outcome::Saved));
    desk.leader(ToLearner::Diff(Zxid::ZERO));
    desk.leader(new_leader(7));
    desk.take(done(2, Outcome::Saved));
    let follow = Effect::Follow {
        leader: LEADER,
        observer: false,
    };
    assert_eq!(
        desk.leader(ToLearner::UpToDate),
        [
            ack(z(7, 0)),
            follow,
            Effect::Phase(Phase::Following(LEADER)),
            Effect::ListenForObservers,
        ]
    );
    desk
}

fn told(link: u64) -> Effect {
    let text = membership(&[1, 2, 3], &[4]).to_text();
    let zxid = z(7, 0);
    let config = Some(Bytes::from(text));
    send(link, ToLearner::NewLeader { zxid, config })
}

fn inform(zxid: Zxid) -> ToLearner {
    let body = body();
    ToLearner::Inform { zxid, body }
}

/// Observer 4, level with the follower.
fn with_observer() -> Desk {
    let mut desk = serving();
    assert_eq!(desk.connect(4, true, 6), [offer(4, 7)]);
    let diff = send(4, ToLearner::Diff(z(6, 1)));
    assert_eq!(desk.promise(4, z(6, 1), Some(6)), [diff, told(4)]);
    let up = send(4, ToLearner::UpToDate);
    assert_eq!(desk.learner(4, ToLeader::Ack(z(7, 0))), [up]);
    assert_eq!(desk.learner(4, ToLeader::Ack(z(7, 0))), []);
    desk
}

#[test]
fn what_is_committed_is_handed_on_behind_its_delivery() {
    let mut desk = with_observer();
    assert_eq!(desk.leader(proposal(z(7, 1))), [append(z(7, 1))]);
    assert_eq!(
        desk.leader(ToLearner::Commit(z(7, 1))),
        [deliver(z(7, 1)), send(4, inform(z(7, 1)))]
    );
    assert_eq!(desk.leader(ToLearner::Sync), [Effect::Synced]);
}

#[test]
fn what_observers_want_goes_to_the_inside() {
    let mut desk = with_observer();
    let link = LinkId(4);
    let request = Forwarded {
        session: SessionId(9),
        cxid: 1,
        op: 1,
        body: body(),
        who: [].into(),
    };
    assert_eq!(
        desk.learner(4, ToLeader::Request(request.clone())),
        [Effect::Request(link, request)]
    );
    let (session, timeout_ms) = (SessionId(9), 4000);
    assert_eq!(
        desk.learner(
            4,
            ToLeader::Revalidate {
                session,
                timeout_ms
            }
        ),
        [Effect::Revalidate {
            link,
            session,
            timeout_ms
        }]
    );
    let sessions = vec![(session, timeout_ms)];
    let ping = |touched| ToLeader::Ping {
        zxid: z(7, 0),
        touched,
    };
    assert_eq!(
        desk.learner(4, ping(sessions.clone())),
        [Effect::Touched { link, sessions }]
    );
    assert_eq!(desk.learner(4, ping(Vec::new())), []);
    assert_eq!(desk.learner(4, ToLeader::Ack(z(7, 1))), hang_up(4));
}

#[test]
fn only_observers_are_served() {
    let mut desk = serving();
    assert_eq!(desk.connect(2, false, 6), hang_up(2));
    assert_eq!(desk.connect(4, true, 8), hang_up(4), "of a later epoch");
    desk.take(Input::LearnerUp(LinkId(5)));
    let newer = LearnerInfo {
        id: Some(ServerId(5)),
        protocol: 0x1_0000,
        config_version: 1,
    };
    let info = ToLeader::Info {
        observer: true,
        accepted_epoch: 6,
        info: newer,
    };
    assert_eq!(desk.learner(5, info), hang_up(5));
}

#[test]
fn an_observer_that_is_ahead_is_waited_for_not_cut_back() {
    let mut desk = serving();
    desk.connect(4, true, 7);
    assert_eq!(desk.promise(4, z(7, 2), None), []);
    for counter in [1, 2] {
        desk.leader(proposal(z(7, counter)));
    }
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 1))), [deliver(z(7, 1))]);
    let diff = send(4, ToLearner::Diff(z(7, 2)));
    assert_eq!(
        desk.leader(ToLearner::Commit(z(7, 2))),
        [deliver(z(7, 2)), diff, told(4)]
    );
}

#[test]
fn observers_are_pinged_and_cut_off_when_they_are_silent() {
    let mut desk = with_observer();
    let ping = send(4, ToLearner::Ping(z(6, 1)));
    assert_eq!(desk.wait(50), std::slice::from_ref(&ping));
    let mut heard = Vec::new();
    for _ in 0..9 {
        desk.leader(ToLearner::Ping(z(7, 0)));
        heard.extend(desk.wait(50));
    }
    assert_eq!(heard.last(), Some(&Effect::HangUp(LinkId(4))));
    assert!(
        heard[..heard.len() - 2]
            .iter()
            .all(|effect| *effect == ping)
    );
}

#[test]
fn with_the_role_the_observers_go() {
    let mut desk = with_observer();
    let end = [
        note(),
        Effect::Retire,
        Effect::LeaveLeader,
        Effect::Unlisten,
        Effect::Phase(Phase::Looking),
    ];
    assert_eq!(desk.take(Input::LeaderDown), end);
    assert_eq!(desk.take(Input::LearnerDown(LinkId(4))), []);
}

#[test]
fn a_server_that_calls_again_is_not_answered_on_the_older_connection() {
    let mut desk = with_observer();
    desk.take(Input::LearnerUp(LinkId(9)));
    let info = ToLeader::Info {
        observer: true,
        accepted_epoch: 7,
        info: LearnerInfo {
            id: Some(ServerId(4)),
            protocol: 0x1_0000,
            config_version: 0,
        },
    };
    let [remark, end] = hang_up(4);
    assert_eq!(desk.learner(9, info), [offer(9, 7), remark, end]);
}

/// Observer 4, which followers serve; server 3 leads.
fn observer(reconnect_ms: i64) -> Desk {
    let mut settings = settings(4);
    settings.observer_masters = true;
    settings.observer_reconnect_ms = reconnect_ms;
    settings.observer_delay_ms = 0;
    Desk::new(settings, saved((7, 7), &[z(7, 1)]))
}

fn called(effects: &[Effect]) -> Vec<i64> {
    let master = |effect: &Effect| match effect {
        Effect::DialObserverMaster { master, .. } => Some(master.0),
        _ => None,
    };
    effects.iter().filter_map(master).collect()
}

#[test]
fn followers_are_called_in_turn_and_a_vain_round_is_followed_by_a_pause() {
    let mut desk = observer(0);
    let mut order = Vec::new();
    let mut waits = Vec::new();
    for _ in 0..12 {
        let since = desk.now;
        let mut calls = called(&desk.elect_other());
        while calls.is_empty() {
            calls = called(&desk.wait(10));
        }
        waits.push(desk.now.0 - since.0);
        order.extend(calls);
        desk.take(Input::LeaderDown);
    }
    assert!(
        !order.contains(&3),
        "the leader does not serve there: {order:?}"
    );
    assert!(order.windows(2).all(|pair| pair[0] != pair[1]), "{order:?}");
    assert_eq!(waits[..3], [0, 0, 0], "the first round is free");
    assert!(
        waits[3..].iter().all(|wait| (10..=110).contains(wait)),
        "{waits:?}"
    );
    assert!(waits[9..].iter().all(|wait| *wait >= 50), "{waits:?}");
}

#[test]
fn a_follower_that_lags_behind_is_left_for_another() {
    let mut desk = observer(0);
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(7));
    desk.leader(ToLearner::Diff(z(7, 1)));
    desk.leader(new_leader(7));
    desk.leader(ToLearner::UpToDate);
    desk.leader(inform(z(7, 2)));
    desk.take(Input::Durable(z(7, 2)));
    desk.take(Input::LeaderDown);
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(7));
    let end = desk.leader(ToLearner::Trunc(z(7, 1)));
    assert!(end.contains(&Effect::Retire), "{end:?}");
    assert_eq!(desk.peer.status().delivered, z(7, 2));
}

#[test]
fn an_observer_that_leaders_serve_may_wait_before_every_call() {
    let mut settings = settings(4);
    settings.observer_reconnect_ms = 90;
    let mut desk = Desk::new(settings, saved((7, 7), &[z(7, 1)]));
    desk.elect_other();
    let calls = desk.wait(90);
    let dial = Effect::DialLeader {
        leader: LEADER,
        within_ms: 1_000,
    };
    assert!(calls.contains(&dial), "{calls:?}");
}

#[test]
fn a_follower_that_is_turned_away_again_and_again_calls_less_often() {
    let mut desk = Desk::new(settings(1), saved((6, 6), &[z(6, 1)]));
    let dial = |effects: &[Effect]| {
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::DialLeader { .. }))
    };
    let mut waits = Vec::new();
    for _ in 0..8 {
        let since = desk.now;
        let mut calls = dial(&desk.elect_other());
        while !calls {
            calls = dial(&desk.wait(10));
        }
        waits.push(desk.now.0 - since.0);
        desk.take(Input::LeaderUp);
        desk.take(Input::LeaderDown);
    }
    assert_eq!(waits[0], 0);
    assert!(
        waits[1..].iter().all(|wait| (10..=110).contains(wait)),
        "{waits:?}"
    );
    assert!(waits[4..].iter().all(|wait| *wait >= 50), "{waits:?}");
    assert_eq!(desk.peer.status().current_epoch, 6);
    // Once it was let in, everything is forgiven.
    desk.elect_other();
    desk.wait(200);
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(7));
    desk.take(done(1, Outcome::Saved));
    desk.leader(ToLearner::Diff(z(6, 1)));
    let seal = desk.leader(new_leader(7));
    assert_eq!(seal, [Effect::SaveCurrentEpoch(7, Task(2))]);
    desk.take(done(2, Outcome::Saved));
    desk.leader(ToLearner::UpToDate);
    desk.take(Input::LeaderDown);
    assert!(dial(&desk.elect_other()), "at once");
}

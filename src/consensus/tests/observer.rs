//! Transcripts of an observer: server 4, and its leader 3.

use crate::consensus::testing::membership;
use crate::consensus::tests::change::change;
use crate::consensus::tests::desk::{
    Desk, ack, append, body, deliver, done, proposal, saved, settings, z,
};
use crate::consensus::tests::learner::{LEADER, leader_info, new_leader, note};
use crate::consensus::{Effect, Input, Outcome, Phase, Task};
use crate::proto::peer::ToLearner;
use crate::types::Zxid;

/// The observer 4 in the broadcast of epoch 7.
fn observing(log: bool) -> Desk {
    let mut settings = settings(4);
    settings.observer_log = log;
    settings.reconfig = true;
    let mut desk = Desk::new(settings, saved((7, 6), &[z(6, 1)]));
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(7));
    desk.leader(ToLearner::Diff(z(6, 1)));
    assert_eq!(
        desk.leader(new_leader(7)),
        [Effect::SaveCurrentEpoch(7, Task(1))]
    );
    assert_eq!(desk.take(done(1, Outcome::Saved)), [ack(z(7, 0))]);
    let follow = Effect::Follow {
        leader: LEADER,
        observer: true,
    };
    let phase = Effect::Phase(Phase::Observing(LEADER));
    assert_eq!(
        desk.leader(ToLearner::UpToDate),
        [ack(z(7, 0)), follow, phase]
    );
    desk
}

fn inform(zxid: Zxid) -> ToLearner {
    let body = body();
    ToLearner::Inform { zxid, body }
}

#[test]
fn an_observer_is_told_what_is_committed_and_acknowledges_nothing() {
    let mut desk = observing(true);
    assert_eq!(
        desk.leader(inform(z(7, 1))),
        [append(z(7, 1)), deliver(z(7, 1))]
    );
    assert_eq!(desk.take(Input::Durable(z(7, 1))), []);
    assert_eq!(desk.leader(proposal(z(7, 2))), [], "not for it");
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 2))), [], "not for it");
    assert_eq!(
        desk.leader(ToLearner::Ping(z(7, 2))),
        [Effect::ReportTouched(z(7, 2))]
    );
    let end = desk.leader(inform(z(7, 3)));
    assert!(end.contains(&Effect::Retire), "a hole");
}

#[test]
fn an_observer_without_a_log_applies_only() {
    let mut desk = observing(false);
    assert_eq!(desk.leader(inform(z(7, 1))), [deliver(z(7, 1))]);
    assert_eq!(desk.leader(inform(z(7, 2))), [deliver(z(7, 2))]);
    let end = desk.take(Input::LeaderDown);
    assert_eq!(end, [note(), Effect::Retire, Effect::LeaveLeader]);
}

/// Its log would begin with a hole, and its vote would stand for what is nowhere.
#[test]
fn an_observer_without_a_log_goes_back_to_its_disk_before_it_votes() {
    let mut desk = observing(false);
    desk.leader(inform(z(7, 1)));
    let body = change(z(7, 2), &membership(&[1, 2, 3, 4], &[]));
    let activate = ToLearner::InformAndActivate {
        zxid: z(7, 2),
        leader: LEADER,
        body,
    };
    let end = desk.leader(activate);
    let written = |effect: &Effect| matches!(effect, Effect::Append { .. });
    assert!(!end.iter().any(written), "{end:?}");
    assert_eq!(end.last(), Some(&Effect::Truncate(z(6, 1), Task(2))));
    let begins = desk.take(done(2, Outcome::At(z(6, 1))));
    assert_eq!(begins[0], Effect::Phase(Phase::Discovery(LEADER)));
}

#[test]
fn an_observer_waits_a_while_before_it_looks_again() {
    let mut desk = observing(true);
    desk.take(Input::LeaderDown);
    let before = desk.now;
    assert_eq!(desk.wait(200), [Effect::Phase(Phase::Looking)]);
    assert!(desk.now > before);
}

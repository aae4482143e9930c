//! Transcripts of a leader that brings its learners up to date.

use crate::consensus::settings::Saved;
use crate::consensus::tests::desk::{Desk, done, proposal, saved, settings, z};
use crate::consensus::tests::lead::{
    catch_up, elected, hang_up, leading, log, new_leader, offer, offered, propose, send,
};
use crate::consensus::{Effect, Input, Outcome, Phase, Task};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, Zxid};

#[test]
fn who_comes_in_the_middle_gets_what_is_committed_then_what_is_not() {
    let mut desk = leading();
    for counter in 1..=3 {
        propose(&mut desk, counter);
    }
    desk.take(Input::Durable(z(7, 3)));
    desk.learner(1, ToLeader::Ack(z(7, 1)));
    desk.connect(2, false, 6);
    let mut want = vec![send(2, ToLearner::Diff(z(7, 1)))];
    want.extend(catch_up(2, &[z(7, 1)]));
    want.extend([
        send(2, proposal(z(7, 2))),
        send(2, proposal(z(7, 3))),
        new_leader(2, 7),
    ]);
    assert_eq!(desk.promise(2, z(6, 4), Some(6)), want);
    // It gets everything from now on, although it is not synchronised yet.
    let said = propose(&mut desk, 4);
    assert_eq!(
        said,
        [send(1, proposal(z(7, 4))), send(2, proposal(z(7, 4)))]
    );

    desk.connect(4, true, 6);
    let mut want = vec![send(4, ToLearner::Diff(z(7, 1)))];
    want.extend(catch_up(4, &[z(7, 1)]));
    want.push(new_leader(4, 7));
    assert_eq!(
        desk.promise(4, z(6, 4), Some(6)),
        want,
        "an observer gets no proposals"
    );
}

#[test]
fn what_was_acknowledged_on_an_earlier_connection_does_not_count() {
    let mut desk = leading();
    propose(&mut desk, 1);
    desk.learner(1, ToLeader::Ack(z(7, 1)));
    let info = LearnerInfo {
        id: Some(ServerId(1)),
        protocol: 0x1_0000,
        config_version: 0,
    };
    desk.take(Input::LearnerUp(LinkId(11)));
    let said = desk.learner(
        11,
        ToLeader::Info {
            observer: false,
            accepted_epoch: 7,
            info,
        },
    );
    let [cut, hang_up] = hang_up(1);
    assert_eq!(said, [cut, hang_up, offer(11, 7)]);
    let want = [
        send(11, ToLearner::Trunc(z(6, 4))),
        send(11, proposal(z(7, 1))),
        new_leader(11, 7),
    ];
    assert_eq!(desk.promise(11, z(7, 1), None), want);
    assert_eq!(
        desk.take(Input::Durable(z(7, 1))),
        [],
        "only the leader has it for sure"
    );
    desk.learner(11, ToLeader::Ack(z(7, 0)));
    let said = desk.learner(11, ToLeader::Ack(z(7, 1)));
    assert_eq!(said.last(), Some(&Effect::Commit(z(7, 1))));
}

/// A leader whose backlog is short, and a follower that is behind it.
fn far_behind() -> Desk {
    let mut short = settings(3);
    short.backlog = 2;
    let recent = saved((6, 6), &[z(6, 3), z(6, 4)]);
    offered(elected(short, recent))
}

fn stream(diff: Option<Zxid>, after: Zxid, upto: Zxid, task: u64) -> Effect {
    let (link, task) = (LinkId(1), Task(task));
    Effect::StreamLog {
        link,
        diff,
        after,
        upto,
        task,
    }
}

#[test]
fn who_is_behind_the_backlog_is_sent_the_log_and_then_the_rest() {
    let mut desk = far_behind();
    let said = desk.promise(1, z(6, 1), Some(6));
    assert_eq!(said[2..], [stream(Some(z(6, 4)), z(6, 1), z(6, 4), 3)]);
    let streamed = Outcome::Streamed(z(6, 4));
    assert_eq!(desk.take(done(3, streamed)), [new_leader(1, 7)]);
}

#[test]
fn a_log_that_does_not_reach_back_makes_it_a_snapshot() {
    let mut desk = far_behind();
    desk.promise(1, z(6, 1), Some(6));
    let want = [Effect::StreamSnapshot(LinkId(1), Task(4)), new_leader(1, 7)];
    assert_eq!(desk.take(done(3, Outcome::Unavailable)), want);
    // It may be silent while the snapshot is sent.
    desk.take(done(2, Outcome::Saved));
    desk.wait(600);
    assert_eq!(desk.take(done(4, Outcome::At(z(6, 4)))), []);
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    assert_eq!(desk.peer.status().phase, Phase::Leading);
}

#[test]
fn an_epoch_in_which_nothing_happened_is_not_looked_for_in_the_log() {
    // It led epoch 6, and its snapshot of the begin is all that it loaded. Where the log before it ends is not known.
    let begin = Saved {
        last_zxid: z(6, 0),
        ..saved((6, 6), &[])
    };
    let mut desk = offered(elected(settings(3), begin));
    let said = desk.promise(1, z(5, 3), Some(6));
    let want = [Effect::StreamSnapshot(LinkId(1), Task(3)), new_leader(1, 7)];
    assert_eq!(said[2..], want);
}

#[test]
fn what_is_committed_while_the_log_is_sent_follows_without_a_gap() {
    let mut desk = far_behind();
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    desk.connect(2, false, 6);
    let said = desk.promise(2, z(6, 1), Some(6));
    assert!(matches!(said[..], [Effect::StreamLog { upto, task: Task(4), .. }] if upto == z(6, 4)));
    for counter in 1..=5 {
        assert_eq!(
            propose(&mut desk, counter).len(),
            1,
            "nothing goes to 2 meanwhile"
        );
        desk.take(Input::Durable(z(7, counter)));
        desk.learner(1, ToLeader::Ack(z(7, counter)));
    }
    let mut want = catch_up(2, &[1, 2, 3, 4, 5].map(|counter| z(7, counter)));
    want.push(new_leader(2, 7));
    assert_eq!(desk.take(done(4, Outcome::Streamed(z(6, 4)))), want);
}

#[test]
fn observers_are_turned_away_when_too_many_are_being_synchronised() {
    let mut few = settings(3);
    few.diff_syncs_max = 1;
    let mut desk = offered(elected(few, saved((6, 6), &log())));
    desk.connect(2, false, 6);
    desk.connect(4, true, 6);
    desk.promise(2, z(6, 4), Some(5));
    desk.promise(1, z(6, 4), Some(6));
    assert_eq!(desk.promise(4, z(6, 4), Some(6)), hang_up(4));
    // Voters never are.
    assert_eq!(desk.peer.status().learners.followers, 2);
    desk.learner(2, ToLeader::Ack(z(7, 0)));
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    desk.connect(4, true, 6);
    assert_eq!(
        desk.promise(4, z(6, 4), Some(6)).last(),
        Some(&new_leader(4, 7))
    );
}

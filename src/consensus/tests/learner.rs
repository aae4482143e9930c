//! Transcripts of a follower: server 1, and its leader 3.

use crate::consensus::tests::desk::{
    Desk, ack, append, deliver, done, proposal, saved, settings, z,
};
use crate::consensus::{Effect, Input, Outcome, Phase, Task};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{ServerId, SessionId, Zxid};

pub(super) const LEADER: ServerId = ServerId(3);

pub(super) fn note() -> Effect {
    Effect::Note(String::new())
}

/// What the end of a role looks like when storage is done.
fn ended() -> Vec<Effect> {
    vec![
        note(),
        Effect::Retire,
        Effect::LeaveLeader,
        Effect::Phase(Phase::Looking),
    ]
}

pub(super) fn leader_info(epoch: i64) -> ToLearner {
    let protocol = 0x1_0000;
    ToLearner::LeaderInfo { epoch, protocol }
}

pub(super) fn new_leader(epoch: i64) -> ToLearner {
    ToLearner::NewLeader {
        zxid: z(epoch, 0),
        config: None,
    }
}

/// Connected to the leader, with this disk.
fn connected(epochs: (i64, i64), log: &[Zxid]) -> Desk {
    let mut desk = Desk::new(settings(1), saved(epochs, log));
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk
}

/// Epoch 7 is accepted; the leader's next word is how it synchronises.
fn registered(log: &[Zxid]) -> Desk {
    let mut desk = connected((6, 6), log);
    desk.leader(leader_info(7));
    desk.take(done(1, Outcome::Saved));
    desk
}

/// In the broadcast of epoch 7, with this log.
fn following(log: &[Zxid]) -> Desk {
    let mut desk = registered(log);
    desk.leader(ToLearner::Diff(Zxid::ZERO));
    desk.leader(new_leader(7));
    desk.take(done(2, Outcome::Saved));
    desk.leader(ToLearner::UpToDate);
    desk
}

#[test]
fn it_calls_the_leader_and_introduces_itself() {
    let mut desk = Desk::new(settings(1), saved((6, 5), &[z(5, 9)]));
    let dial = Effect::DialLeader {
        leader: LEADER,
        within_ms: 1_000,
    };
    assert_eq!(
        desk.elect_other(),
        [Effect::Phase(Phase::Discovery(LEADER)), dial]
    );
    let info = ToLeader::Info {
        observer: false,
        accepted_epoch: 6,
        info: LearnerInfo {
            id: Some(ServerId(1)),
            protocol: 0x1_0000,
            config_version: 0,
        },
    };
    assert_eq!(desk.take(Input::LeaderUp), [Effect::ToLeader(info)]);
}

#[test]
fn a_higher_epoch_is_durable_before_it_is_acknowledged() {
    let mut desk = connected((6, 5), &[z(5, 9)]);
    assert_eq!(
        desk.leader(leader_info(7)),
        [Effect::SaveAcceptedEpoch(7, Task(1))]
    );
    let packet = ToLeader::AckEpoch {
        last_zxid: z(5, 9),
        current_epoch: Some(5),
    };
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [Effect::ToLeader(packet)]
    );
    assert_eq!(desk.peer.status().accepted_epoch, 7);
}

#[test]
fn an_epoch_is_vouched_for_once() {
    let mut desk = connected((7, 5), &[z(5, 9)]);
    let packet = ToLeader::AckEpoch {
        last_zxid: z(5, 9),
        current_epoch: None,
    };
    assert_eq!(desk.leader(leader_info(7)), [Effect::ToLeader(packet)]);
}

#[test]
fn a_lower_epoch_ends_the_role() {
    let mut desk = connected((8, 5), &[z(5, 9)]);
    assert_eq!(desk.leader(leader_info(7)), ended());
}

#[test]
fn the_role_waits_for_an_epoch_that_is_on_its_way_to_the_disk() {
    let mut desk = connected((6, 6), &[]);
    desk.leader(leader_info(7));
    assert_eq!(
        desk.take(Input::LeaderDown),
        [note(), Effect::Retire, Effect::LeaveLeader]
    );
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [Effect::Phase(Phase::Looking)]
    );
    assert_eq!(desk.peer.status().accepted_epoch, 7);
}

#[test]
fn diff_what_is_committed_is_durable_before_the_epoch_is_and_that_before_the_acknowledgement() {
    let mut desk = registered(&[z(6, 1)]);
    desk.leader(ToLearner::Diff(z(6, 3)));
    assert_eq!(desk.leader(proposal(z(6, 2))), []);
    assert_eq!(
        desk.leader(ToLearner::Commit(z(6, 2))),
        [append(z(6, 2)), deliver(z(6, 2))]
    );
    desk.leader(proposal(z(6, 3)));
    desk.leader(ToLearner::Commit(z(6, 3)));
    assert_eq!(desk.leader(new_leader(7)), []);
    assert_eq!(desk.take(Input::Durable(z(6, 2))), []);
    let save = Effect::SaveCurrentEpoch(7, Task(2));
    assert_eq!(desk.take(Input::Durable(z(6, 3))), [save]);
    assert_eq!(desk.take(done(2, Outcome::Saved)), [ack(z(7, 0))]);
    assert_eq!(desk.peer.status().current_epoch, 7);
}

#[test]
fn what_is_only_proposed_is_logged_and_acknowledged_after_uptodate() {
    let mut desk = registered(&[z(6, 1)]);
    desk.leader(ToLearner::Diff(z(6, 1)));
    for counter in 1..=3 {
        assert_eq!(desk.leader(proposal(z(7, counter))), []);
    }
    assert_eq!(
        desk.leader(new_leader(7)),
        [Effect::SaveCurrentEpoch(7, Task(2))]
    );
    assert_eq!(desk.take(done(2, Outcome::Saved)), [ack(z(7, 0))]);
    // Committed after NEWLEADER: neither logged nor applied before UPTODATE.
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 1))), []);
    let follow = Effect::Follow {
        leader: LEADER,
        observer: false,
    };
    let logged = [1, 2, 3].map(|counter| append(z(7, counter)));
    let mut want = vec![ack(z(7, 0))];
    want.extend(logged);
    want.extend([
        deliver(z(7, 1)),
        follow,
        Effect::Phase(Phase::Following(LEADER)),
    ]);
    assert_eq!(desk.leader(ToLearner::UpToDate), want);
    assert_eq!(
        desk.take(Input::Durable(z(7, 2))),
        [ack(z(7, 1)), ack(z(7, 2))]
    );
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 2))), [deliver(z(7, 2))]);
}

#[test]
fn nothing_is_said_before_the_acknowledgement_of_newleader() {
    let mut desk = registered(&[]);
    for packet in [
        ToLearner::Diff(z(7, 0)),
        ToLearner::Ping(z(7, 0)),
        proposal(z(7, 1)),
    ] {
        let said = desk.leader(packet);
        assert!(
            !said
                .iter()
                .any(|effect| matches!(effect, Effect::ToLeader(_))),
            "{said:?}"
        );
    }
}

#[test]
fn where_an_epoch_begins_it_becomes_current_between_the_transactions() {
    let mut desk = connected((9, 5), &[z(5, 1)]);
    desk.leader(leader_info(9));
    desk.leader(ToLearner::Diff(z(8, 1)));
    for zxid in [z(5, 2), z(6, 1), z(8, 1)] {
        desk.leader(proposal(zxid));
        desk.leader(ToLearner::Commit(zxid));
    }
    desk.leader(new_leader(9));
    let save = |epoch, task| Effect::SaveCurrentEpoch(epoch, Task(task));
    assert_eq!(desk.take(Input::Durable(z(5, 2))), [save(6, 1)]);
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [append(z(6, 1)), deliver(z(6, 1))]
    );
    assert_eq!(desk.take(Input::Durable(z(6, 1))), [save(8, 2)]);
    assert_eq!(
        desk.take(done(2, Outcome::Saved)),
        [append(z(8, 1)), deliver(z(8, 1))]
    );
    assert_eq!(desk.take(Input::Durable(z(8, 1))), [save(9, 3)]);
    assert_eq!(desk.take(done(3, Outcome::Saved)), [ack(z(9, 0))]);
}

#[test]
fn trunc_what_follows_waits_until_it_is_done() {
    let mut desk = registered(&[z(6, 1), z(6, 2), z(6, 3)]);
    let want = [
        Effect::Phase(Phase::Synchronization(LEADER)),
        Effect::Truncate(z(6, 2), Task(2)),
    ];
    assert_eq!(desk.leader(ToLearner::Trunc(z(6, 2))), want);
    desk.leader(proposal(z(6, 3)));
    assert_eq!(desk.leader(ToLearner::Commit(z(6, 3))), []);
    assert_eq!(desk.leader(new_leader(7)), []);
    let at = Outcome::At(z(6, 2));
    assert_eq!(desk.take(done(2, at)), [append(z(6, 3)), deliver(z(6, 3))]);
    let save = Effect::SaveCurrentEpoch(7, Task(3));
    assert_eq!(desk.take(Input::Durable(z(6, 3))), [save]);
    assert_eq!(desk.take(done(3, Outcome::Saved)), [ack(z(7, 0))]);
}

#[test]
fn trunc_that_ends_elsewhere_is_not_taken_for_done() {
    let cut = |at| {
        let mut desk = registered(&[z(6, 1), z(6, 2), z(6, 3)]);
        desk.leader(ToLearner::Trunc(z(6, 2)));
        desk.take(done(2, Outcome::At(at)))
    };
    assert_eq!(cut(z(6, 1)), ended(), "it starts from what is left");
    let too_much = cut(z(6, 3));
    assert!(
        matches!(too_much[..], [Effect::Fatal { code: 13, .. }]),
        "{too_much:?}"
    );
}

#[test]
fn what_was_committed_is_never_taken_back() {
    for packet in [ToLearner::Trunc(z(7, 1)), ToLearner::Snap(z(7, 1))] {
        let mut desk = following(&[]);
        for counter in 1..=2 {
            desk.leader(proposal(z(7, counter)));
            desk.leader(ToLearner::Commit(z(7, counter)));
        }
        desk.take(Input::Durable(z(7, 2)));
        desk.take(Input::LeaderDown);
        desk.elect_other();
        desk.take(Input::LeaderUp);
        desk.leader(leader_info(7));
        let said = desk.leader(packet);
        let end = said.last();
        assert!(
            matches!(end, Some(Effect::Fatal { code: 13, .. })),
            "{said:?}"
        );
    }
}

#[test]
fn the_beginning_of_an_epoch_is_no_transaction_that_could_be_taken_back() {
    let mut desk = following(&[z(6, 0)]);
    desk.take(Input::LeaderDown);
    desk.elect_other();
    desk.take(Input::LeaderUp);
    desk.leader(leader_info(8));
    desk.take(done(3, Outcome::Saved));
    let said = desk.leader(ToLearner::Snap(z(5, 9)));
    assert_eq!(said, [Effect::Phase(Phase::Synchronization(LEADER))]);
}

#[test]
fn trunc_to_the_beginning_of_an_epoch_ends_where_that_began() {
    let mut desk = connected((7, 7), &[z(6, 1), z(7, 1), z(7, 2)]);
    desk.leader(leader_info(7));
    desk.leader(ToLearner::Trunc(z(7, 0)));
    assert_eq!(desk.take(done(1, Outcome::At(z(6, 1)))), []);
    desk.leader(proposal(z(7, 1)));
    desk.leader(ToLearner::Commit(z(7, 1)));
    desk.leader(new_leader(7));
    assert_eq!(desk.take(Input::Durable(z(7, 1))), [ack(z(7, 0))]);
}

#[test]
fn snap_is_installed_when_it_is_whole_and_what_it_holds_is_not_taken_twice() {
    let mut desk = registered(&[z(5, 1)]);
    desk.leader(ToLearner::Snap(z(6, 4)));
    assert_eq!(desk.take(Input::LeaderAlive), []);
    assert_eq!(
        desk.take(Input::Snapshot(z(6, 4))),
        [Effect::Install(Task(2))]
    );
    for counter in 3..=5 {
        desk.leader(proposal(z(6, counter)));
        assert_eq!(desk.leader(ToLearner::Commit(z(6, counter))), []);
    }
    desk.leader(new_leader(7));
    let at = Outcome::At(z(6, 4));
    assert_eq!(desk.take(done(2, at)), [append(z(6, 5)), deliver(z(6, 5))]);
    let save = Effect::SaveCurrentEpoch(7, Task(3));
    assert_eq!(desk.take(Input::Durable(z(6, 5))), [save]);
}

#[test]
fn half_a_snapshot_changes_nothing() {
    let mut desk = registered(&[z(5, 1)]);
    desk.leader(ToLearner::Snap(z(6, 4)));
    assert_eq!(desk.take(Input::LeaderDown), ended());
    assert_eq!(desk.peer.status().delivered, z(5, 1));
}

#[test]
fn without_diff_trunc_or_snap_the_leader_is_left() {
    let mut desk = registered(&[]);
    let said = desk.leader(proposal(z(7, 1)));
    assert!(said.ends_with(&ended()), "{said:?}");
    let mut desk = registered(&[z(6, 1)]);
    let said = desk.leader(ToLearner::Trunc(z(6, 2)));
    assert!(
        said.ends_with(&ended()),
        "TRUNC to what is not there: {said:?}"
    );
    assert_eq!(desk.take(Input::LeaderDown), [], "nothing happens any more");
}

#[test]
fn a_hole_ends_the_catching_up() {
    for (base, next) in [(z(6, 1), z(6, 3)), (z(6, 0), z(6, 2))] {
        let mut desk = registered(&[base]);
        desk.leader(ToLearner::Diff(z(6, 9)));
        assert_eq!(desk.leader(proposal(next)), ended());
    }
}

#[test]
fn words_out_of_place_end_the_catching_up() {
    for packets in [
        vec![ToLearner::UpToDate],
        vec![new_leader(6)],
        vec![new_leader(7), new_leader(7)],
        vec![proposal(z(8, 1))],
        vec![proposal(z(7, 1)), ToLearner::Commit(z(7, 2))],
        vec![ToLearner::Commit(z(7, 1))],
    ] {
        let mut desk = registered(&[z(6, 1)]);
        desk.leader(ToLearner::Diff(z(6, 1)));
        let mut said = Vec::new();
        for packet in &packets {
            said = desk.leader(packet.clone());
        }
        assert!(said.contains(&Effect::Retire), "{packets:?}");
    }
}

#[test]
fn the_broadcast_logs_acknowledges_and_applies() {
    let mut desk = following(&[z(6, 1)]);
    assert_eq!(desk.leader(proposal(z(7, 1))), [append(z(7, 1))]);
    assert_eq!(desk.leader(proposal(z(7, 2))), [append(z(7, 2))]);
    // The others were faster.
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 1))), [deliver(z(7, 1))]);
    assert_eq!(
        desk.take(Input::Durable(z(7, 2))),
        [ack(z(7, 1)), ack(z(7, 2))]
    );
    assert_eq!(desk.take(Input::Durable(z(7, 2))), []);
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 2))), [deliver(z(7, 2))]);
}

#[test]
fn a_commit_out_of_order_ends_the_process() {
    let mut desk = following(&[]);
    desk.leader(proposal(z(7, 1)));
    desk.leader(proposal(z(7, 2)));
    let said = desk.leader(ToLearner::Commit(z(7, 2)));
    assert!(
        matches!(said[..], [Effect::Fatal { code: 12, .. }]),
        "{said:?}"
    );
    let mut desk = following(&[]);
    assert_eq!(
        desk.leader(ToLearner::Commit(z(7, 1))),
        [note()],
        "unknown: ignored"
    );
}

#[test]
fn a_hole_in_the_broadcast_ends_the_role() {
    let mut desk = following(&[]);
    assert_eq!(desk.leader(proposal(z(7, 2))), ended());
}

#[test]
fn words_about_sessions_pass_through_once_it_serves() {
    let mut desk = following(&[]);
    let session = SessionId(5);
    let valid = true;
    for (packet, want) in [
        (ToLearner::Ping(z(7, 3)), Effect::ReportTouched(z(7, 3))),
        (ToLearner::Sync, Effect::Synced),
        (
            ToLearner::Revalidate { session, valid },
            Effect::Revalidated { session, valid },
        ),
    ] {
        assert_eq!(desk.leader(packet.clone()), [want]);
        let mut early = registered(&[]);
        early.leader(ToLearner::Diff(Zxid::ZERO));
        assert_eq!(early.leader(packet), [], "not before");
    }
}

#[test]
fn the_end_of_a_role_applies_what_is_logged_once_it_is_durable() {
    let mut desk = following(&[]);
    for counter in 1..=3 {
        desk.leader(proposal(z(7, counter)));
    }
    desk.leader(ToLearner::Commit(z(7, 1)));
    desk.take(Input::Durable(z(7, 2)));
    assert_eq!(
        desk.take(Input::LeaderDown),
        [note(), Effect::Retire, Effect::LeaveLeader]
    );
    assert_eq!(desk.leader(ToLearner::Commit(z(7, 2))), [], "too late");
    let looking = Effect::Phase(Phase::Looking);
    let want = [deliver(z(7, 2)), deliver(z(7, 3)), looking];
    assert_eq!(desk.take(Input::Durable(z(7, 3))), want);
    assert_eq!(desk.peer.status().delivered, z(7, 3));
}

#[test]
fn a_silent_leader_is_left() {
    let mut desk = Desk::new(settings(1), saved((6, 6), &[]));
    desk.elect_other();
    assert_eq!(desk.wait(990), []);
    assert_eq!(desk.wait(10), ended(), "it could not be reached");

    let mut desk = following(&[]);
    assert_eq!(desk.wait(490), []);
    desk.leader(ToLearner::Ping(z(7, 0)));
    assert_eq!(desk.wait(490), []);
    assert_eq!(desk.wait(10), ended());
}

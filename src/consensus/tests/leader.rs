//! Transcripts of a leader: how it begins, broadcasts and ends.

use crate::consensus::tests::desk::{Desk, body, done, proposal, saved, settings, z};
use crate::consensus::tests::lead::{
    ME, catch_up, elected, fresh, hang_up, join, leading, log, new_leader, note, offer, offered,
    propose, send,
};
use crate::consensus::{Effect, Input, Outcome, Phase, Task};
use crate::proto::ballot::PeerState;
use crate::proto::peer::{Forwarded, LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, SessionId, Zxid};

#[test]
fn the_epoch_is_above_everybodys_and_durable_before_it_is_offered() {
    let mut desk = fresh();
    assert_eq!(desk.connect(4, true, 9), [], "an observer is no quorum");
    assert_eq!(
        desk.connect(1, false, 6),
        [Effect::SaveAcceptedEpoch(10, Task(1))]
    );
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [offer(4, 10), offer(1, 10)]
    );
    assert_eq!(
        desk.connect(2, false, 3),
        [offer(2, 10)],
        "whoever comes later hears it at once"
    );
}

#[test]
fn promises_of_a_quorum_begin_the_synchronisation() {
    let mut desk = offered(fresh());
    desk.connect(2, false, 6);
    assert_eq!(
        desk.promise(2, z(6, 3), None),
        [],
        "it has vouched for it before"
    );
    let mut want = vec![
        Effect::SaveCurrentEpoch(7, Task(2)),
        Effect::Phase(Phase::Synchronization(ME)),
        send(1, ToLearner::Diff(z(6, 4))),
    ];
    want.extend(catch_up(1, &[z(6, 3), z(6, 4)]));
    want.extend([new_leader(1, 7), send(2, ToLearner::Diff(z(6, 4)))]);
    want.extend(catch_up(2, &[z(6, 4)]));
    want.push(new_leader(2, 7));
    assert_eq!(desk.promise(1, z(6, 2), Some(6)), want);
}

#[test]
fn who_is_ahead_is_turned_away_and_the_others_go_on() {
    let mut desk = offered(fresh());
    desk.connect(2, false, 6);
    assert_eq!(desk.promise(2, z(6, 5), Some(6)), hang_up(2));
    let said = desk.promise(1, z(6, 4), Some(6));
    assert_eq!(said[0], Effect::SaveCurrentEpoch(7, Task(2)));
}

#[test]
fn the_broadcast_begins_with_a_quorum_of_acknowledgements_and_the_own_epoch_durable() {
    let mut desk = offered(fresh());
    desk.promise(1, z(6, 4), Some(6));
    assert_eq!(
        desk.learner(1, ToLeader::Ack(z(7, 0))),
        [],
        "the own one is missing"
    );
    let want = [
        Effect::TakeSnapshot(Task(3)),
        Effect::Lead { epoch: z(7, 0) },
        Effect::Phase(Phase::Leading),
        send(1, ToLearner::UpToDate),
    ];
    assert_eq!(desk.take(done(2, Outcome::Saved)), want);
    assert_eq!(desk.peer.status().delivered, z(7, 0));
}

#[test]
fn the_first_word_after_newleader_is_its_acknowledgement() {
    let mut desk = offered(fresh());
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    let touched = Vec::new();
    let ping = ToLeader::Ping {
        zxid: z(6, 4),
        touched,
    };
    assert_eq!(desk.learner(1, ping), hang_up(1));

    let mut desk = offered(fresh());
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    assert_eq!(
        desk.learner(1, ToLeader::Ack(z(6, 4))),
        [note()],
        "it does not count"
    );
    assert_eq!(desk.peer.status().phase, Phase::Synchronization(ME));
}

#[test]
fn without_a_quorum_in_time_it_gives_up() {
    let end = [
        note(),
        Effect::Retire,
        Effect::Unlisten,
        Effect::Phase(Phase::Looking),
    ];
    let mut gathering = fresh();
    let mut offering = offered(fresh());
    for desk in [&mut gathering, &mut offering] {
        assert_eq!(desk.wait(990), []);
        let said = desk.wait(10);
        assert_eq!(said[said.len() - 4..], end);
    }
    let mut synchronising = offered(fresh());
    synchronising.wait(500);
    synchronising.promise(1, z(6, 4), Some(6));
    synchronising.take(done(2, Outcome::Saved));
    assert_eq!(synchronising.wait(990), []);
    let said = synchronising.wait(10);
    assert_eq!(said[said.len() - 4..], end);
}

#[test]
fn a_proposal_is_committed_when_a_quorum_has_it_on_disk() {
    let mut desk = leading();
    join(&mut desk, 2, false);
    join(&mut desk, 4, true);
    let want = [send(1, proposal(z(7, 1))), send(2, proposal(z(7, 1)))];
    assert_eq!(propose(&mut desk, 1), want, "observers are told later");
    assert_eq!(
        desk.learner(1, ToLeader::Ack(z(7, 1))),
        [],
        "the own log is not durable"
    );
    let body = body();
    let zxid = z(7, 1);
    let want = [
        send(1, ToLearner::Commit(zxid)),
        send(2, ToLearner::Commit(zxid)),
        send(4, ToLearner::Inform { zxid, body }),
        Effect::Commit(zxid),
    ];
    assert_eq!(desk.take(Input::Durable(zxid)), want);
    assert_eq!(desk.learner(2, ToLeader::Ack(zxid)), [], "it is committed");
}

#[test]
fn two_followers_are_a_quorum_without_the_leaders_disk() {
    let mut desk = leading();
    join(&mut desk, 2, false);
    propose(&mut desk, 1);
    propose(&mut desk, 2);
    desk.learner(1, ToLeader::Ack(z(7, 1)));
    desk.learner(1, ToLeader::Ack(z(7, 2)));
    let said = desk.learner(2, ToLeader::Ack(z(7, 1)));
    assert_eq!(said.last(), Some(&Effect::Commit(z(7, 1))));
}

#[test]
fn an_observers_acknowledgement_does_not_count() {
    let mut desk = leading();
    join(&mut desk, 4, true);
    propose(&mut desk, 1);
    desk.take(Input::Durable(z(7, 1)));
    assert_eq!(desk.learner(4, ToLeader::Ack(z(7, 1))), []);
}

#[test]
fn odd_acknowledgements_are_passed_over() {
    let mut desk = leading();
    for zxid in [
        z(7, 0),
        z(7, 9),
        z(6, 1),
        z(8, 1),
        Zxid(i64::MAX),
        Zxid(i64::MIN),
    ] {
        assert_eq!(desk.learner(1, ToLeader::Ack(zxid)), []);
    }
}

#[test]
fn strangers_are_refused() {
    for (id, protocol, config_version) in
        [(Some(1), 1, 0), (None, 0x1_0000, 0), (Some(1), 0x1_0000, 1)]
    {
        let mut desk = fresh();
        desk.take(Input::LearnerUp(LinkId(1)));
        let info = LearnerInfo {
            id: id.map(ServerId),
            protocol,
            config_version,
        };
        let packet = ToLeader::Info {
            observer: false,
            accepted_epoch: 6,
            info,
        };
        assert_eq!(desk.learner(1, packet), hang_up(1), "{info:?}");
    }
    let mut desk = fresh();
    desk.take(Input::LearnerUp(LinkId(1)));
    assert_eq!(
        desk.learner(1, ToLeader::Ack(z(7, 0))),
        hang_up(1),
        "it did not introduce itself"
    );
}

#[test]
fn it_pings_twice_a_tick_and_leaves_when_its_learners_are_gone() {
    let mut desk = leading();
    assert_eq!(desk.wait(50), [send(1, ToLearner::Ping(z(7, 0)))]);
    desk.take(Input::LearnerDown(LinkId(1)));
    let end = [
        note(),
        Effect::Retire,
        Effect::Unlisten,
        Effect::Phase(Phase::Looking),
    ];
    assert_eq!(desk.wait(50), end, "at the next tick");
}

#[test]
fn a_follower_that_does_not_acknowledge_is_cut_off() {
    let mut desk = leading();
    join(&mut desk, 2, false);
    propose(&mut desk, 1);
    desk.learner(1, ToLeader::Ack(z(7, 1)));
    let mut cut = Vec::new();
    for _ in 0..55 {
        for link in [1, 2] {
            let touched = Vec::new();
            let zxid = z(7, 1);
            desk.learner(link, ToLeader::Ping { zxid, touched });
        }
        cut.extend(
            desk.wait(10)
                .into_iter()
                .filter(|said| matches!(said, Effect::HangUp(_))),
        );
    }
    assert_eq!(cut, [Effect::HangUp(LinkId(2))]);
}

#[test]
fn a_silent_follower_is_cut_off() {
    let mut desk = leading();
    join(&mut desk, 2, false);
    let mut said = Vec::new();
    for _ in 0..55 {
        let touched = Vec::new();
        let zxid = z(7, 0);
        desk.learner(1, ToLeader::Ping { zxid, touched });
        said.extend(desk.wait(10));
    }
    assert!(said.contains(&Effect::HangUp(LinkId(2))));
    assert_eq!(desk.peer.status().phase, Phase::Leading);
}

#[test]
fn learners_words_pass_through_once_they_serve() {
    let request = Forwarded {
        session: SessionId(5),
        cxid: 1,
        op: 1,
        body: body(),
        who: [].into(),
    };
    let (session, timeout_ms) = (SessionId(5), 400);
    let sessions = vec![(session, timeout_ms)];
    let words = [
        (
            ToLeader::Request(request.clone()),
            Effect::Request(LinkId(1), request),
        ),
        (
            ToLeader::Revalidate {
                session,
                timeout_ms,
            },
            Effect::Revalidate {
                link: LinkId(1),
                session,
                timeout_ms,
            },
        ),
        (
            ToLeader::Ping {
                zxid: z(7, 0),
                touched: sessions.clone(),
            },
            Effect::Touched {
                link: LinkId(1),
                sessions,
            },
        ),
    ];
    for (packet, want) in words {
        assert_eq!(leading().learner(1, packet.clone()), [want]);
        let mut early = offered(fresh());
        early.promise(1, z(6, 4), Some(6));
        assert_eq!(early.learner(1, packet), hang_up(1), "not before");
    }
}

#[test]
fn the_end_of_a_role_applies_what_is_logged_once_it_is_durable() {
    let mut desk = leading();
    for counter in 1..=2 {
        propose(&mut desk, counter);
    }
    desk.take(Input::LearnerDown(LinkId(1)));
    assert_eq!(desk.wait(100), [note(), Effect::Retire, Effect::Unlisten]);
    assert_eq!(
        propose(&mut desk, 3),
        [],
        "it was numbered in the same breath"
    );
    assert_eq!(desk.take(Input::Durable(z(7, 2))), []);
    let want = [Effect::Commit(z(7, 3)), Effect::Phase(Phase::Looking)];
    assert_eq!(desk.take(Input::Durable(z(7, 3))), want);
    assert_eq!(desk.peer.status().delivered, z(7, 3));
}

#[test]
fn a_change_of_epoch_files_is_waited_for_at_the_end() {
    let mut desk = fresh();
    desk.connect(1, false, 6);
    let want = [note(), Effect::Retire, Effect::Unlisten];
    assert_eq!(desk.wait(1_000), want);
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [Effect::Phase(Phase::Looking)]
    );
    assert_eq!(desk.peer.status().accepted_epoch, 7);
}

#[test]
fn a_leader_that_nobody_joins_gives_up_when_a_voter_of_its_own_looks_again() {
    let mut settings = settings(3);
    settings.epoch_wait_ms = Some(50);
    let mut desk = elected(settings, saved((6, 6), &log()));
    let looks = |desk: &mut Desk, id| desk.ballot(id, PeerState::Looking, id, (6, z(6, 4)));
    assert_eq!(looks(&mut desk, 1), [], "it has not waited for long");
    desk.now = desk.now.plus(51);
    assert_eq!(looks(&mut desk, 4), [], "it has no vote");
    let end = [
        note(),
        Effect::Retire,
        Effect::Unlisten,
        Effect::Phase(Phase::Looking),
    ];
    assert_eq!(looks(&mut desk, 1), end);
}

#[test]
fn a_leader_that_somebody_has_joined_does_not_listen_to_who_looks() {
    let mut settings = settings(3);
    settings.epoch_wait_ms = Some(0);
    let mut desk = offered(elected(settings, saved((6, 6), &log())));
    desk.now = desk.now.plus(50);
    let looks = desk.ballot(2, PeerState::Looking, 2, (6, z(6, 4)));
    assert_eq!(looks, []);
}

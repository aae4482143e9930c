//! Transcripts of a leader: server 3, its followers 1 and 2, and the observer 4. A link has the number of its server.

use bytes::Bytes;

use crate::consensus::testing::membership;
use crate::consensus::tests::desk::{Desk, body, done, proposal, saved, settings, z};
use crate::consensus::{Effect, Input, Outcome, Phase, Saved, Settings, Task};
use crate::proto::peer::{Forwarded, LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, SessionId, Zxid};

const ME: ServerId = ServerId(3);

fn note() -> Effect {
    Effect::Note(String::new())
}

fn send(link: u64, packet: ToLearner) -> Effect {
    Effect::Send(LinkId(link), packet)
}

fn offer(link: u64, epoch: i64) -> Effect {
    let protocol = 0x1_0000;
    send(link, ToLearner::LeaderInfo { epoch, protocol })
}

fn new_leader(link: u64, epoch: i64) -> Effect {
    let text = membership(&[1, 2, 3], &[4]).to_text();
    let zxid = z(epoch, 0);
    let config = Some(Bytes::from(text));
    send(link, ToLearner::NewLeader { zxid, config })
}

fn hang_up(link: u64) -> [Effect; 2] {
    [note(), Effect::HangUp(LinkId(link))]
}

fn log() -> Vec<Zxid> {
    (1..=4).map(|counter| z(6, counter)).collect()
}

/// Elected, with epochs 6 and four transactions.
fn elected(settings: Settings, saved: Saved) -> Desk {
    let vote = (saved.current_epoch, saved.last_zxid);
    let mut desk = Desk::new(settings, saved);
    let want = [Effect::Phase(Phase::Discovery(ME)), Effect::Listen];
    assert_eq!(desk.elect_self(vote), want);
    desk
}

fn fresh() -> Desk {
    elected(settings(3), saved((6, 6), &log()))
}

/// Epoch 7 is durable, and offered to follower 1.
fn offered(mut desk: Desk) -> Desk {
    assert_eq!(
        desk.connect(1, false, 6),
        [Effect::SaveAcceptedEpoch(7, Task(1))]
    );
    assert_eq!(desk.take(done(1, Outcome::Saved)), [offer(1, 7)]);
    desk
}

/// Follower 1 is synchronised, the epoch is durable: the broadcast begins.
fn leading() -> Desk {
    let mut desk = offered(fresh());
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    assert_eq!(desk.peer.status().phase, Phase::Leading);
    desk
}

/// Another learner comes, with the whole log, and is taken in.
fn join(desk: &mut Desk, id: i64, observer: bool) {
    let link = u64::try_from(id).unwrap();
    assert_eq!(desk.connect(id, observer, 6), [offer(link, 7)]);
    desk.promise(link, desk.peer.status().delivered, Some(6));
    let said = desk.learner(link, ToLeader::Ack(z(7, 0)));
    assert_eq!(said, [send(link, ToLearner::UpToDate)]);
}

fn propose(desk: &mut Desk, counter: i64) -> Vec<Effect> {
    let zxid = z(7, counter);
    let body = body();
    desk.take(Input::Proposed { zxid, body })
}

fn catch_up(link: u64, zxids: &[Zxid]) -> Vec<Effect> {
    let pair = |zxid: &Zxid| {
        [
            send(link, proposal(*zxid)),
            send(link, ToLearner::Commit(*zxid)),
        ]
    };
    zxids.iter().flat_map(pair).collect()
}

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
fn what_is_committed_while_the_log_is_sent_follows_without_a_gap() {
    let mut desk = leading();
    join(&mut desk, 4, true);
    let mut short = settings(3);
    short.backlog = 2;
    let mut desk = elected(short, saved((6, 6), &[z(6, 3), z(6, 4)]));
    desk = offered(desk);
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    desk.connect(2, false, 6);
    let said = desk.promise(2, z(6, 1), Some(6));
    assert!(matches!(said[..], [Effect::StreamLog { upto, task: Task(4), .. }] if upto == z(7, 0)));
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
    assert_eq!(desk.take(done(4, Outcome::Streamed(z(7, 0)))), want);
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
    let said = desk.wait(1_000);
    assert_eq!(
        said,
        [
            note(),
            Effect::HangUp(LinkId(1)),
            note(),
            Effect::Retire,
            Effect::Unlisten
        ][2..]
    );
    assert_eq!(
        desk.take(done(1, Outcome::Saved)),
        [Effect::Phase(Phase::Looking)]
    );
    assert_eq!(desk.peer.status().accepted_epoch, 7);
}

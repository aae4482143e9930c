//! A follower passes on what its observers want of the leader, and hands back the answers.

use bytes::Bytes;
use oxkeeper::consensus::Effect;
use oxkeeper::proto::peer::{Forwarded, ToLeader, ToLearner};
use oxkeeper::replica::Resumption;
use oxkeeper::types::{ConnId, LinkId, OpCode, ServerId, SessionId, Zxid};

use crate::ensemble::Ensemble;
use crate::roles::LEARNER;

/// The observer's connection.
const LINK: LinkId = LinkId(9);
const THEIRS: SessionId = SessionId(0x4_0000_0000_0001);

fn with_client() -> (Ensemble, ConnId) {
    let mut ensemble = Ensemble::led();
    let conn = ensemble.join(LEARNER);
    ensemble.settle();
    ensemble.heard(LEARNER, conn);
    (ensemble, conn)
}

fn mail(ensemble: &mut Ensemble) -> Vec<Effect> {
    let mut mail = Vec::new();
    ensemble.servers[LEARNER].replica.take_mail(&mut mail);
    mail
}

fn request(op: OpCode) -> Forwarded {
    Forwarded {
        session: THEIRS,
        cxid: 7,
        op: op.code(),
        body: Bytes::from_static(b"as it came"),
        who: [].into(),
    }
}

fn to_leader(request: Forwarded) -> Effect {
    Effect::ToLeader(ToLeader::Request(request))
}

fn synced() -> Effect {
    Effect::Send(LINK, ToLearner::Sync)
}

fn touched(ensemble: &mut Ensemble) -> Vec<(SessionId, i32)> {
    let world = &mut ensemble.servers[LEARNER];
    let now = world.now();
    let report = world.replica.report_touched(Zxid(1), now, |_| Vec::new());
    match report {
        ToLeader::Ping { touched, .. } => touched,
        other => panic!("{other:?} is no report"),
    }
}

#[test]
fn a_request_goes_to_the_leader_as_it_came() {
    let (mut ensemble, _) = with_client();
    for op in [OpCode::Create, OpCode::CreateSession, OpCode::Sync] {
        ensemble.obey(LEARNER, Effect::Request(LINK, request(op)));
        assert_eq!(mail(&mut ensemble), [to_leader(request(op))]);
    }
}

#[test]
fn syncs_are_answered_in_the_order_in_which_they_came() {
    let (mut ensemble, conn) = with_client();
    ensemble.obey(LEARNER, Effect::Request(LINK, request(OpCode::Sync)));
    ensemble.send(LEARNER, conn, "sync /");
    ensemble.obey(LEARNER, Effect::Request(LINK, request(OpCode::Sync)));
    assert_eq!(mail(&mut ensemble).len(), 3);
    for (ours, theirs) in [(0, 1), (1, 0), (0, 1)] {
        ensemble.obey(LEARNER, Effect::Synced);
        let answers = mail(&mut ensemble);
        assert_eq!(answers, vec![synced(); theirs]);
        ensemble.servers[LEARNER].cut();
        while ensemble.servers[LEARNER].finish_one() {}
        assert_eq!(ensemble.heard(LEARNER, conn).len(), ours);
    }
    // One that nobody waits for is nobody's.
    ensemble.obey(LEARNER, Effect::Synced);
    assert_eq!(mail(&mut ensemble), []);
}

#[test]
fn who_asked_about_a_session_is_answered() {
    let (mut ensemble, conn) = with_client();
    let session = ensemble.session(LEARNER, conn);
    let timeout_ms = 4_000;
    ensemble.obey(
        LEARNER,
        Effect::Revalidate {
            link: LINK,
            session,
            timeout_ms,
        },
    );
    let (again, asked) = ensemble.move_to(LEARNER, session);
    assert_eq!(asked, Resumption::Asked);
    assert_eq!(mail(&mut ensemble).len(), 2);
    let answer = Effect::Revalidated {
        session,
        valid: true,
    };
    let valid = true;
    ensemble.obey(LEARNER, answer.clone());
    let handed_back = Effect::Send(LINK, ToLearner::Revalidate { session, valid });
    assert_eq!(mail(&mut ensemble), [handed_back]);
    assert_eq!(touched(&mut ensemble), [(session, timeout_ms)]);
    ensemble.obey(LEARNER, answer);
    assert_eq!(mail(&mut ensemble), []);
    ensemble.servers[LEARNER].cut();
    while ensemble.servers[LEARNER].finish_one() {}
    let heard = ensemble.heard(LEARNER, again);
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn what_observers_have_heard_of_is_reported_once() {
    let (mut ensemble, _) = with_client();
    for timeout_ms in [5_000, 6_000] {
        let sessions = vec![(THEIRS, timeout_ms)];
        let link = LINK;
        ensemble.obey(LEARNER, Effect::Touched { link, sessions });
    }
    assert_eq!(touched(&mut ensemble), [(THEIRS, 6_000)]);
    assert_eq!(touched(&mut ensemble), []);
    let invalid = Effect::Revalidated {
        session: THEIRS,
        valid: false,
    };
    ensemble.obey(
        LEARNER,
        Effect::Revalidate {
            link: LINK,
            session: THEIRS,
            timeout_ms: 1,
        },
    );
    ensemble.obey(LEARNER, invalid);
    assert_eq!(touched(&mut ensemble), [], "it has ended");
}

#[test]
fn with_the_role_everything_that_was_asked_is_forgotten() {
    let (mut ensemble, _) = with_client();
    ensemble.obey(LEARNER, Effect::Request(LINK, request(OpCode::Sync)));
    let sessions = vec![(THEIRS, 5_000)];
    let link = LINK;
    ensemble.obey(LEARNER, Effect::Touched { link, sessions });
    ensemble.obey(LEARNER, Effect::Retire);
    mail(&mut ensemble);
    let follow = Effect::Follow {
        leader: ServerId(0),
        observer: false,
    };
    ensemble.obey(LEARNER, follow);
    ensemble.obey(LEARNER, Effect::Synced);
    assert_eq!(mail(&mut ensemble), []);
    assert_eq!(touched(&mut ensemble), []);
}

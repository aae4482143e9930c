//! Streams that do not come to their end, over loopback.

use crate::consensus::Input;
use crate::net::peer::testing::{Server, until};
use crate::proto::peer::ToLearner;
use crate::types::Zxid;

#[test]
fn a_stream_that_is_withdrawn_holds_nothing_up_and_half_a_stream_ends_it() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    let idle = leader.links.stream(link).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(1)));
    idle.withdraw();
    assert_eq!(learner.leader_says(), ToLearner::Commit(Zxid(1)));

    let mut half = leader.links.stream(link).unwrap();
    half.packet(&ToLearner::Snap(Zxid(1))).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(2)));
    drop(half);
    until("the end", || match learner.input() {
        // It may get to see the beginning.
        Input::FromLeader(ToLearner::Snap(_)) => None,
        Input::LeaderDown => Some(()),
        other => panic!("{other:?} comes behind half a stream"),
    });
    assert_eq!(leader.input(), Input::LearnerDown(link));
}

#[test]
fn a_stream_that_nobody_writes_ends_the_connection() {
    let (mut leader, at) = Server::listening();
    let (mut learner, link) = Server::dialled(&mut leader, at);
    let stream = leader.links.stream(link).unwrap();
    leader.send(link, &ToLearner::Commit(Zxid(1)));
    drop(stream);
    assert_eq!(learner.input(), Input::LeaderDown);
    assert_eq!(leader.input(), Input::LearnerDown(link));
}

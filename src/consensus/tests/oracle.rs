//! One of two servers, and an oracle.

use std::sync::Arc;

use crate::consensus::testing::membership;
use crate::consensus::tests::desk::{Desk, body, done, saved, settings, z};
use crate::consensus::{Effect, Input, Outcome, Phase};
use crate::proto::peer::ToLeader;
use crate::types::LinkId;

const TICK_MS: i64 = 100;

/// Server 1 of two that vote; the other one is not there.
fn one_of_two() -> Desk {
    let mut settings = settings(1);
    settings.committed = Arc::new(membership(&[1, 2], &[]));
    settings.last_seen = Arc::clone(&settings.committed);
    settings.oracle = true;
    Desk::new(settings, saved((6, 6), &[z(6, 1)]))
}

/// It leads alone: the oracle lets it.
fn alone() -> Desk {
    let mut desk = one_of_two();
    assert!(desk.peer.wants_oracle());
    desk.take(Input::Oracle(true));
    assert!(desk.wait(200).contains(&Effect::Listen));
    desk.take(done(1, Outcome::Saved));
    desk.take(done(2, Outcome::Saved));
    assert_eq!(desk.peer.status().phase, Phase::Leading);
    desk
}

/// A transaction, durable here; whether it is committed.
fn commits(desk: &mut Desk, counter: i64) -> bool {
    let zxid = z(7, counter);
    let body = body();
    desk.take(Input::Proposed { zxid, body });
    let said = desk.take(Input::Durable(zxid));
    said.contains(&Effect::Commit(zxid))
}

/// The other one is back and synchronised.
fn join(desk: &mut Desk) {
    desk.connect(2, false, 6);
    desk.promise(2, z(6, 1), Some(6));
    desk.learner(2, ToLeader::Ack(z(7, 0)));
}

#[test]
fn without_its_word_nobody_leads() {
    let mut desk = one_of_two();
    desk.take(Input::Oracle(false));
    desk.wait(2000);
    assert_eq!(desk.peer.status().phase, Phase::Looking);
    assert!(desk.peer.wants_oracle());
    desk.take(Input::Oracle(true));
    desk.wait(200);
    assert_eq!(
        desk.peer.status().leader,
        Some(desk.peer.committed().voters().next().unwrap())
    );
}

#[test]
fn alone_it_commits_and_with_a_follower_both_must_have_it() {
    let mut desk = alone();
    assert!(commits(&mut desk, 1));
    join(&mut desk);
    assert!(!desk.peer.wants_oracle());
    assert!(!commits(&mut desk, 2), "the follower does not have it");
    let said = desk.learner(2, ToLeader::Ack(z(7, 2)));
    assert!(said.contains(&Effect::Commit(z(7, 2))));
}

#[test]
fn what_waits_for_a_lost_follower_is_committed_when_the_oracle_says_so() {
    let mut desk = alone();
    join(&mut desk);
    assert!(!commits(&mut desk, 1));
    desk.take(Input::LearnerDown(LinkId(2)));
    assert!(desk.peer.wants_oracle());
    assert!(!commits(&mut desk, 2), "not before it is found out");
    let said = desk.wait(2 * TICK_MS);
    let committed = [z(7, 1), z(7, 2)].map(Effect::Commit);
    assert!(
        committed.iter().all(|commit| said.contains(commit)),
        "{said:?}"
    );
    assert!(commits(&mut desk, 3));
}

#[test]
fn it_steps_down_when_the_oracle_changes_its_mind() {
    let mut desk = alone();
    desk.take(Input::Oracle(false));
    assert!(!commits(&mut desk, 1));
    let said = desk.wait(2 * TICK_MS);
    assert!(said.contains(&Effect::Retire), "{said:?}");
}

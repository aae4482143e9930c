//! A server that finds no leader and lets clients read.

use oxkeeper::consensus::{Effect, Phase};
use oxkeeper::replica::{Resumption, Role};
use oxkeeper::types::{ServerId, SessionId};

use crate::ensemble::Ensemble;
use crate::roles::{OTHER, brief};

/// Servers that have a tree and nobody to agree with; one of them lets clients read. Also the session of
/// a client that was there before.
fn alone(local: bool) -> (Ensemble, SessionId) {
    let mut ensemble = match local {
        true => Ensemble::with_local_sessions(true),
        false => Ensemble::led(),
    };
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    ensemble.send(OTHER, conn, "create-e /a x | create /b y");
    ensemble.settle();
    let session = ensemble.session(OTHER, conn);
    ensemble.retire();
    ensemble.servers[OTHER].replica.let_read();
    (ensemble, session)
}

#[test]
fn clients_read_and_change_nothing() {
    let (mut ensemble, _) = alone(true);
    let before = ensemble.servers[OTHER].state.last_zxid;
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    assert!(ensemble.heard(OTHER, conn)[0].starts_with("session 0x"));
    for (ask, answer) in [
        ("get /b", "ok"),
        ("ls /", "ok"),
        ("ephemerals /", "ok"),
        ("ping", "ok"),
        ("create /c x", "err -119"),
        ("set /b x", "err -119"),
        ("delete /b", "err -119"),
        ("multi check /b 0; set /b x", "err -119"),
        ("sync /", "err -119"),
    ] {
        ensemble.send(OTHER, conn, ask);
        ensemble.settle();
        let heard = brief(&ensemble.heard(OTHER, conn));
        assert!(
            heard.len() == 1 && heard[0].ends_with(answer),
            "{ask}: {heard:?}"
        );
    }
    ensemble.send(OTHER, conn, "create /c x | get /b | close | get /b");
    ensemble.settle();
    let heard = brief(&ensemble.heard(OTHER, conn));
    assert_eq!(heard[..3], ["10 err -119", "11 ok", "12 ok"]);
    assert_eq!(heard[3], "closed", "{heard:?}");
    assert_eq!(ensemble.servers[OTHER].state.last_zxid, before);
    assert!(ensemble.servers[OTHER].replica.is_idle());
}

#[test]
fn sessions_that_all_servers_know_are_turned_away() {
    let (mut ensemble, known) = alone(true);
    let world = &ensemble.servers[OTHER];
    assert!(world.replica.turns_away(&world.state, known));
    let unknown = SessionId(77);
    assert!(!world.replica.turns_away(&world.state, unknown));
    assert_eq!(ensemble.move_to(OTHER, unknown).1, Resumption::Refused);
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    let session = ensemble.session(OTHER, conn);
    assert_eq!(ensemble.move_to(OTHER, session).1, Resumption::Granted);
}

#[test]
fn silent_sessions_end() {
    let (mut ensemble, _) = alone(true);
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    let session = ensemble.session(OTHER, conn);
    ensemble.pass(12_000);
    assert_eq!(ensemble.expire(OTHER), [session]);
    ensemble.settle();
    assert_eq!(ensemble.heard(OTHER, conn).last().unwrap(), "closed");
}

#[test]
fn without_local_sessions_none_begins() {
    let (mut ensemble, _) = alone(false);
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    assert_eq!(ensemble.heard(OTHER, conn), ["unopened -119"]);
    assert!(ensemble.servers[OTHER].replica.is_idle());
    // Whoever proves that a session was once begun here is believed.
    let (conn, resumption) = ensemble.move_to(OTHER, SessionId(77));
    assert_eq!(resumption, Resumption::Granted);
    ensemble.send(OTHER, conn, "get /b | close | get /b");
    ensemble.settle();
    let heard = brief(&ensemble.heard(OTHER, conn));
    assert_eq!(heard, ["1 ok", "2 err -119", "3 ok"]);
}

#[test]
fn it_ends_when_there_may_be_a_leader() {
    let (mut ensemble, _) = alone(true);
    let conn = ensemble.join(OTHER);
    ensemble.settle();
    let session = ensemble.session(OTHER, conn);
    ensemble.obey(OTHER, Effect::Phase(Phase::Looking));
    assert_eq!(ensemble.servers[OTHER].replica.role(), Role::ReadOnly);
    ensemble.obey(OTHER, Effect::Phase(Phase::Discovery(ServerId(0))));
    assert_eq!(ensemble.servers[OTHER].replica.role(), Role::None);
    ensemble.elect(0);
    let (conn, resumption) = ensemble.move_to(OTHER, session);
    assert_eq!(resumption, Resumption::Asked);
    ensemble.settle();
    assert_eq!(ensemble.heard(OTHER, conn), ["refused"], "it was local");
    ensemble.assert_same();
}

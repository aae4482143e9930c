//! What clients of a leader and of its learners can rely on, whoever serves them.

use oxkeeper::consensus::Effect;
use oxkeeper::ops::Rules;
use oxkeeper::proto::peer::Forwarded;
use oxkeeper::replica::{Resumption, Role};
use oxkeeper::types::{ConnId, LinkId, OpCode, SessionId};

use crate::ensemble::{Ensemble, SERVERS};
use crate::world::rules;

/// The leader and a learner.
pub const LEADER: usize = 0;
pub const LEARNER: usize = 1;
pub const OTHER: usize = 2;

/// An ensemble with a client at each of these servers.
fn with_clients<const N: usize>(at: [usize; N]) -> (Ensemble, [ConnId; N]) {
    let mut ensemble = Ensemble::led();
    let conns = at.map(|at| ensemble.join(at));
    ensemble.settle();
    for (at, conn) in at.into_iter().zip(conns) {
        let heard = ensemble.heard(at, conn);
        assert!(heard[0].starts_with("session 0x"), "{heard:?}");
    }
    (ensemble, conns)
}

/// Xids and errors of what was heard; events and the like as they are.
pub fn brief(heard: &[String]) -> Vec<String> {
    let brief = |line: &String| {
        let mut words = line.split(' ');
        let first = words.next().unwrap().to_owned();
        match (first.as_str(), words.nth(1)) {
            ("event" | "session", _) | (_, None) => line.clone(),
            (_, Some("err")) => format!("{first} err {}", words.next().unwrap()),
            (_, Some(word)) => format!("{first} {word}"),
        }
    };
    heard.iter().map(brief).collect()
}

#[test]
fn what_is_written_anywhere_is_read_everywhere() {
    let (mut ensemble, [a, b]) = with_clients([LEADER, LEARNER]);
    ensemble.send(LEADER, a, "create /a x");
    ensemble.send(LEARNER, b, "create /b y");
    ensemble.settle();
    ensemble.assert_same();
    ensemble.send(LEADER, a, "get /b");
    ensemble.send(LEARNER, b, "get /a");
    let heard = ensemble.heard(LEADER, a);
    assert!(heard[1].contains("'y'"), "{heard:?}");
    let heard = ensemble.heard(LEARNER, b);
    assert!(heard[1].contains("'x'"), "{heard:?}");
}

#[test]
fn a_learners_client_reads_its_own_writes_in_the_order_asked() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    ensemble.send(
        LEARNER,
        conn,
        "create /a 0 | get /a | set /a 1 | get /a | ping | delete /b",
    );
    ensemble.send(LEARNER, conn, "get /a");
    assert!(ensemble.heard(LEARNER, conn).is_empty(), "all wait");
    ensemble.settle();
    let heard = ensemble.heard(LEARNER, conn);
    assert_eq!(
        brief(&heard),
        [
            "1 ok",
            "2 ok",
            "3 ok",
            "4 ok",
            "-2 ok",
            "6 err -101",
            "7 ok"
        ]
    );
    assert!(
        heard[1].contains("'0'") && heard[3].contains("'1'"),
        "{heard:?}"
    );
}

#[test]
fn a_read_waits_for_the_writes_of_its_own_session_only() {
    let (mut ensemble, [a, b]) = with_clients([LEARNER, LEARNER]);
    ensemble.send(LEARNER, a, "create /a 0 | exists /a");
    ensemble.send(LEARNER, b, "exists /a");
    ensemble.cut(LEARNER);
    ensemble.finish(LEARNER);
    assert!(ensemble.heard(LEARNER, a).is_empty());
    assert_eq!(brief(&ensemble.heard(LEARNER, b)), ["1 err -101"]);
}

#[test]
fn refusals_come_through_the_leader_and_keep_their_place() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    ensemble.send(
        LEARNER,
        conn,
        "create /a x | create /a x | multi create /b x; check /none | ls /",
    );
    ensemble.settle();
    let heard = ensemble.heard(LEARNER, conn);
    assert_eq!(brief(&heard), ["1 ok", "2 err -110", "3 ok", "4 ok"]);
    assert!(heard[2].ends_with("{err 0; err -101}"), "{heard:?}");
    assert!(heard[3].ends_with("[a zookeeper]"), "{heard:?}");
    ensemble.assert_same();
}

#[test]
fn nonsense_does_not_reach_the_leader() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    ensemble.servers[LEARNER].send_raw(conn, OpCode::Create, &[0, 0]);
    ensemble.servers[LEARNER].send_raw(conn, OpCode::Create, &[0, 0]);
    ensemble.finish(LEARNER);
    ensemble.cut(LEARNER);
    ensemble.finish(LEARNER);
    assert!(!ensemble.up(LEARNER), "nothing was forwarded");
    assert_eq!(
        brief(&ensemble.heard(LEARNER, conn)),
        ["1 err -5", "2 err -5"]
    );
}

#[test]
fn the_nonsense_of_another_kind_of_learner_is_answered_by_a_transaction() {
    let mut ensemble = Ensemble::led();
    for op in [
        OpCode::Create.code(),
        OpCode::CreateSession.code(),
        OpCode::Exists.code(),
        4711,
    ] {
        let request = Forwarded {
            session: SessionId(0x55),
            cxid: 3,
            op,
            body: bytes::Bytes::from_static(&[1]),
            who: [].into(),
        };
        ensemble.obey(LEADER, Effect::Request(LinkId(1), request));
    }
    ensemble.settle();
    let last = ensemble.servers[OTHER].state.last_zxid;
    assert_eq!(last.counter(), 4, "each took a number");
    ensemble.assert_same();
}

#[test]
fn a_sync_is_answered_behind_everything_the_leader_had_in_flight() {
    let (mut ensemble, [a, b]) = with_clients([LEADER, LEARNER]);
    ensemble.send(LEADER, a, "create /a x");
    ensemble.cut(LEADER);
    ensemble.send(LEARNER, b, "sync / | exists /a");
    ensemble.cut(LEARNER);
    assert!(ensemble.up(LEARNER));
    ensemble.cut(LEADER);
    ensemble.finish(LEADER);
    assert!(ensemble.down(LEARNER), "the proposal");
    assert!(!ensemble.down(LEARNER), "nothing before the commit");
    assert!(ensemble.commit());
    ensemble.finish(LEADER);
    while ensemble.down(LEARNER) {}
    ensemble.finish(LEARNER);
    assert_eq!(brief(&ensemble.heard(LEARNER, b)), ["1 ok", "2 ok"]);
}

#[test]
fn events_come_before_replies_that_know_of_them() {
    let (mut ensemble, [a, b]) = with_clients([LEADER, LEARNER]);
    ensemble.send(LEADER, a, "create /a x");
    ensemble.settle();
    ensemble.send(LEARNER, b, "get /a watch");
    ensemble.send(LEARNER, b, "set /a y | get /a");
    ensemble.settle();
    let heard = ensemble.heard(LEARNER, b);
    assert!(
        heard[1].starts_with("event") && heard[1].ends_with("changed /a"),
        "{heard:?}"
    );
    assert_eq!(brief(&heard[2..]), ["2 ok", "3 ok"]);
    assert!(heard[3].contains("'y'"));
}

#[test]
fn a_session_moves_and_its_former_server_may_not_write_for_it() {
    let (mut ensemble, [old]) = with_clients([LEARNER]);
    let session = ensemble.session(LEARNER, old);
    let (new, resumption) = ensemble.move_to(OTHER, session);
    assert_eq!(resumption, Resumption::Asked);
    ensemble.settle();
    assert_eq!(ensemble.heard(OTHER, new), ["resumed"]);
    // Clients go on counting on a new connection; so must this one.
    ensemble.send(OTHER, new, "whoami");
    ensemble.send(LEARNER, old, "create /old x");
    ensemble.send(OTHER, new, "create /new x");
    ensemble.settle();
    assert_eq!(ensemble.heard(LEARNER, old), ["moved"]);
    assert_eq!(brief(&ensemble.heard(OTHER, new)), ["1 ok", "2 ok"]);
    let (back, resumption) = ensemble.move_to(LEADER, session);
    assert_eq!(resumption, Resumption::Granted);
    ensemble.send(LEADER, back, "delete /new | delete /old");
    ensemble.send(OTHER, new, "multi create /new x");
    ensemble.settle();
    assert_eq!(brief(&ensemble.heard(LEADER, back)), ["1 ok", "2 err -101"]);
    assert_eq!(ensemble.heard(OTHER, new), ["moved"]);
    assert_eq!(ensemble.servers[LEADER].left, []);
    ensemble.move_to(LEARNER, session);
    ensemble.settle();
    assert_eq!(ensemble.servers[LEADER].left, [session], "its reads too");
    ensemble.assert_same();
}

/// What was committed when a role ends is answered; what was not, is not.
#[test]
fn a_role_ends_behind_the_answers_that_it_has() {
    for at in [LEADER, LEARNER] {
        let (mut ensemble, [conn]) = with_clients([at]);
        ensemble.send(at, conn, "create /a x | get /a | create /b x | get /b");
        ensemble.cut(at);
        while ensemble.up(at) {}
        ensemble.cut(LEADER);
        ensemble.commit();
        // Both proposals, one commit.
        while ensemble.down(LEARNER) {}
        ensemble.obey(at, Effect::Retire);
        assert!(ensemble.servers[at].replica.is_retiring());
        ensemble.servers[at].cut();
        while ensemble.servers[at].replica.is_retiring() {
            ensemble.servers[at].finish_one();
        }
        let heard = brief(&ensemble.heard(at, conn));
        assert_eq!(heard, ["1 ok", "2 ok"], "server {at}");
    }
}

#[test]
fn a_session_that_nobody_knows_is_refused_everywhere() {
    let mut ensemble = Ensemble::led();
    let (conn, resumption) = ensemble.move_to(LEARNER, SessionId(0x99));
    assert_eq!(resumption, Resumption::Asked);
    let (_, resumption) = ensemble.move_to(LEADER, SessionId(0x99));
    assert_eq!(resumption, Resumption::Refused);
    ensemble.settle();
    assert_eq!(ensemble.heard(LEARNER, conn), ["refused"]);
}

#[test]
fn closing_a_session_takes_its_ephemerals_along_on_all_servers() {
    let (mut ensemble, [a, b]) = with_clients([LEADER, LEARNER]);
    ensemble.send(LEARNER, b, "create-e /b x");
    ensemble.settle();
    ensemble.send(LEADER, a, "exists /b watch");
    ensemble.send(LEARNER, b, "close | ping | sync / | delete /b | ping");
    ensemble.settle();
    let heard = ensemble.heard(LEARNER, b);
    assert_eq!(brief(&heard[1..]), ["2 ok", "closed"], "{heard:?}");
    let heard = ensemble.heard(LEADER, a);
    assert!(heard[1].ends_with("deleted /b"), "{heard:?}");
    ensemble.assert_same();
    assert_eq!(ensemble.servers[OTHER].state.tree.ephemeral_count(), 0);
}

#[test]
fn the_leader_ends_sessions_unless_a_learner_has_heard_of_them() {
    let (mut ensemble, [a, b]) = with_clients([LEARNER, LEARNER]);
    let [quiet, busy] = [a, b].map(|conn| ensemble.session(LEARNER, conn));
    ensemble.send(LEARNER, a, "create-e /a x");
    ensemble.settle();
    ensemble.pass(9000);
    ensemble.report(LEARNER, &[(busy, 10_000)]);
    ensemble.settle();
    ensemble.pass(3000);
    assert!(ensemble.expire(LEARNER).is_empty(), "a learner ends none");
    assert_eq!(ensemble.expire(LEADER), [quiet]);
    ensemble.settle();
    assert_eq!(ensemble.heard(LEARNER, a).last().unwrap(), "closed");
    assert!(ensemble.heard(LEARNER, b).is_empty());
    ensemble.pass(8000);
    assert_eq!(ensemble.expire(LEADER), [busy]);
    ensemble.settle();
    ensemble.assert_same();
}

#[test]
fn a_new_leader_gives_every_session_its_full_time() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    let session = ensemble.session(LEARNER, conn);
    ensemble.pass(10_500);
    ensemble.elect(OTHER);
    assert!(ensemble.expire(OTHER).is_empty());
    ensemble.pass(9000);
    assert!(ensemble.expire(OTHER).is_empty());
    ensemble.pass(2000);
    assert_eq!(ensemble.expire(OTHER), [session]);
}

#[test]
fn the_end_of_a_role_answers_nobody_and_the_next_one_goes_on() {
    let (mut ensemble, [a, b]) = with_clients([LEADER, LEARNER]);
    let session = ensemble.session(LEARNER, b);
    ensemble.send(LEADER, a, "create /a x");
    ensemble.cut(LEADER);
    ensemble.send(LEARNER, b, "create /b x | sync / | ls /");
    ensemble.cut(LEARNER);
    ensemble.elect(OTHER);
    for at in 0..SERVERS {
        assert!(ensemble.servers[at].replica.is_idle(), "server {at}");
    }
    ensemble.assert_same();
    assert!(
        ensemble.servers[LEARNER].state.tree.find("/a").is_some(),
        "it was proposed"
    );
    assert!(
        ensemble.servers[LEARNER].state.tree.find("/b").is_none(),
        "it never was"
    );
    let (conn, resumption) = ensemble.move_to(LEARNER, session);
    assert_eq!(resumption, Resumption::Asked);
    ensemble.settle();
    ensemble.send(LEARNER, conn, "create /b x");
    ensemble.settle();
    assert_eq!(brief(&ensemble.heard(LEARNER, conn)), ["resumed", "1 ok"]);
    assert_eq!(ensemble.servers[LEARNER].state.last_zxid.epoch(), 2);
    ensemble.assert_same();
}

#[test]
fn without_a_role_nobody_is_served() {
    let mut ensemble = Ensemble::new();
    let conn = ensemble.join(LEARNER);
    ensemble.send(LEARNER, conn, "create /a x");
    let (_, resumption) = ensemble.move_to(LEARNER, SessionId(0x99));
    assert_eq!(resumption, Resumption::Unknown);
    ensemble.finish(LEARNER);
    assert!(ensemble.heard(LEARNER, conn).is_empty());
    assert!(ensemble.servers[LEARNER].replica.is_idle());
    assert_eq!(ensemble.servers[LEARNER].replica.role(), Role::None);
}

#[test]
fn what_comes_late_of_an_old_connection_is_dropped() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    let now_gone = ConnId(conn.0 + 1);
    ensemble.servers[LEARNER]
        .replica
        .forget_connections(now_gone);
    ensemble.send(LEARNER, conn, "create /a x");
    ensemble.settle();
    assert!(ensemble.heard(LEARNER, conn).is_empty());
    assert!(ensemble.servers[LEADER].state.tree.find("/a").is_none());
    assert_eq!(ensemble.servers[LEARNER].clients[&conn].in_flight, 0);
}

#[test]
fn nodes_of_sessions_that_nobody_knows_go_by_a_transaction() {
    let (mut ensemble, [conn]) = with_clients([LEARNER]);
    let session = ensemble.session(LEARNER, conn);
    ensemble.send(LEARNER, conn, "create-e /a x");
    ensemble.settle();
    for world in &mut ensemble.servers {
        assert!(
            world.state.sessions.close(session),
            "as if a snapshot had lost it"
        );
    }
    ensemble.elect(OTHER);
    ensemble.settle();
    for world in &ensemble.servers {
        assert!(world.state.tree.find("/a").is_none());
    }
    ensemble.assert_same();
}

#[test]
fn a_member_shows_its_membership() {
    let mut ensemble = Ensemble::new();
    let world = &mut ensemble.servers[LEARNER];
    let text = bytes::Bytes::from_static(b"server.1=a:1:2:participant\nversion=0");
    world.clock = 77;
    world.replica.set_membership(text, 0);
    ensemble.elect(LEADER);
    let conn = ensemble.join(LEARNER);
    ensemble.settle();
    ensemble.heard(LEARNER, conn);
    ensemble.send(LEARNER, conn, "get /zookeeper/config");
    let heard = ensemble.heard(LEARNER, conn);
    assert!(
        heard[0].contains("'server.1=a:1:2:participant\nversion=0'"),
        "{heard:?}"
    );
    assert!(
        heard[0].contains("m=0 ") && heard[0].contains("mt=77 v=-1"),
        "{heard:?}"
    );
}

#[test]
fn while_a_role_lasts_only_a_transaction_changes_what_is_shown() {
    let mut ensemble = Ensemble::new();
    ensemble.elect(LEADER);
    let watcher = ensemble.join(LEARNER);
    ensemble.settle();
    ensemble.heard(LEARNER, watcher);
    ensemble.send(LEARNER, watcher, "get /zookeeper/config watch");
    ensemble.heard(LEARNER, watcher);
    let world = &mut ensemble.servers[LEARNER];
    let text = bytes::Bytes::from_static(b"server.1=a:1:2:participant\nversion=100000009");
    world.replica.set_membership(text, 0x1_0000_0009);
    ensemble.settle();
    ensemble.send(LEARNER, watcher, "get /zookeeper/config");
    let heard = ensemble.heard(LEARNER, watcher);
    assert_eq!(heard.len(), 1, "no event: {heard:?}");
    assert!(!heard[0].contains("version=100000009"), "{heard:?}");
    ensemble.elect(OTHER);
    let conn = ensemble.join(LEARNER);
    ensemble.settle();
    ensemble.heard(LEARNER, conn);
    ensemble.send(LEARNER, conn, "get /zookeeper/config");
    let heard = ensemble.heard(LEARNER, conn);
    assert!(heard[0].contains("version=100000009"), "{heard:?}");
}

#[test]
fn with_early_checks_what_is_forbidden_takes_no_number() {
    let rules = Rules {
        eager_acl_check: true,
        ..rules()
    };
    let mut ensemble = Ensemble::with_rules(&rules);
    ensemble.elect(LEADER);
    let clients = [LEADER, LEARNER].map(|at| (at, ensemble.join(at)));
    ensemble.settle();
    ensemble.send(LEADER, clients[0].1, "create /shut x world:1");
    ensemble.settle();
    for (at, conn) in clients {
        ensemble.heard(at, conn);
        let before = ensemble.servers[OTHER].state.last_zxid;
        ensemble.send(
            at,
            conn,
            "create /shut/a x | set /shut y | create /a x empty | ls /",
        );
        ensemble.settle();
        let heard = brief(&ensemble.heard(at, conn));
        let errors = heard.iter().map(|line| line.split_once(' ').unwrap().1);
        assert_eq!(
            errors.collect::<Vec<_>>(),
            ["err -102", "err -102", "err -114", "ok"]
        );
        assert_eq!(ensemble.servers[OTHER].state.last_zxid, before);
    }
}

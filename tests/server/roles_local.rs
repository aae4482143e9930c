//! Sessions that only one member of an ensemble knows.

use oxkeeper::replica::Resumption;
use oxkeeper::types::ConnId;

use crate::ensemble::Ensemble;
use crate::roles::{LEADER, LEARNER, OTHER, brief};

/// A client at the leader and at a learner, whose sessions nobody else knows.
fn with_local_clients(can_upgrade: bool) -> (Ensemble, [(usize, ConnId); 2]) {
    let mut ensemble = Ensemble::with_local_sessions(can_upgrade);
    let clients = [LEADER, LEARNER].map(|at| (at, ensemble.join(at)));
    ensemble.settle();
    for (at, conn) in clients {
        assert!(ensemble.heard(at, conn)[0].starts_with("session 0x"));
    }
    (ensemble, clients)
}

#[test]
fn a_local_session_costs_no_transaction_and_may_write() {
    let (mut ensemble, clients) = with_local_clients(true);
    assert_eq!(ensemble.servers[OTHER].state.last_zxid.counter(), 0);
    for (at, conn) in clients {
        ensemble.send(
            at,
            conn,
            &format!("create /{at} x | set /{at} y | get /{at} | sync /"),
        );
        ensemble.settle();
        let heard = ensemble.heard(at, conn);
        assert_eq!(brief(&heard), ["1 ok", "2 ok", "3 ok", "4 ok"]);
    }
    assert!(ensemble.servers[OTHER].state.sessions.is_empty());
    for (at, conn) in clients {
        ensemble.send(at, conn, &format!("delete /{at} | close | ping"));
        ensemble.settle();
        assert_eq!(brief(&ensemble.heard(at, conn)), ["5 ok", "6 ok", "closed"]);
        assert_eq!(ensemble.servers[at].replica.local_sessions().count(), 0);
        assert!(ensemble.servers[at].replica.is_idle());
    }
    assert_eq!(ensemble.servers[OTHER].state.last_zxid.counter(), 6);
    ensemble.assert_same();
}

#[test]
fn a_local_session_that_wants_an_ephemeral_node_becomes_known_to_all() {
    for ask in ["create-e /e x", "multi create /p x; create-e /e x"] {
        let (mut ensemble, clients) = with_local_clients(true);
        for (at, conn) in clients {
            ensemble.send(
                at,
                conn,
                &format!("{ask} | get /e | ephemerals / | delete /e | delete /p"),
            );
            ensemble.settle();
            let heard = ensemble.heard(at, conn);
            assert_eq!(
                brief(&heard)[..4],
                ["1 ok", "2 ok", "3 ok", "4 ok"],
                "{at}: {ask}"
            );
            assert!(heard[2].ends_with("[/e]"), "{heard:?}");
            let session = ensemble.session(at, conn);
            for world in &ensemble.servers {
                assert_eq!(world.state.sessions.timeout(session), Some(10_000));
            }
            assert_eq!(ensemble.servers[at].replica.local_sessions().count(), 0);
            let elsewhere = OTHER;
            let (moved, resumption) = ensemble.move_to(elsewhere, session);
            assert_eq!(resumption, Resumption::Asked);
            ensemble.settle();
            assert_eq!(ensemble.heard(elsewhere, moved), ["resumed"]);
        }
        ensemble.assert_same();
    }
}

#[test]
fn without_upgrades_local_sessions_own_no_nodes() {
    let (mut ensemble, clients) = with_local_clients(false);
    for (at, conn) in clients {
        let asks =
            format!("create /{at} x | create-e /e x | multi create /p x; create-e /e x | ls /");
        ensemble.send(at, conn, &asks);
        ensemble.settle();
        let heard = ensemble.heard(at, conn);
        assert_eq!(brief(&heard), ["1 ok", "2 err -120", "3 ok", "4 ok"]);
        let element = if at == LEADER { -120 } else { -112 };
        assert!(
            heard[2].ends_with(&format!("{{err 0; err {element}}}")),
            "{heard:?}"
        );
    }
    ensemble.assert_same();
}

#[test]
fn a_local_session_is_taken_up_where_it_is_and_nowhere_else() {
    let (mut ensemble, clients) = with_local_clients(true);
    for (at, conn) in clients {
        let session = ensemble.session(at, conn);
        assert_eq!(ensemble.move_to(at, session).1, Resumption::Granted);
        let (moved, resumption) = ensemble.move_to(OTHER, session);
        assert_eq!(resumption, Resumption::Asked);
        ensemble.settle();
        assert_eq!(ensemble.heard(OTHER, moved), ["refused"]);
    }
}

#[test]
fn each_server_ends_its_own_local_sessions() {
    let (mut ensemble, clients) = with_local_clients(true);
    ensemble.pass(12_000);
    for (at, conn) in clients {
        let session = ensemble.session(at, conn);
        assert_eq!(ensemble.expire(at), [session]);
        ensemble.send(at, conn, "create /a x");
        ensemble.settle();
        assert_eq!(ensemble.heard(at, conn), ["closed"]);
        assert_eq!(ensemble.servers[at].clients[&conn].in_flight, 0);
    }
    assert_eq!(ensemble.servers[OTHER].state.last_zxid.counter(), 0);
}

#[test]
fn local_sessions_end_with_the_role_of_their_server() {
    let (mut ensemble, clients) = with_local_clients(true);
    let sessions = clients.map(|(at, conn)| ensemble.session(at, conn));
    ensemble.elect(OTHER);
    for (at, session) in [LEADER, LEARNER].into_iter().zip(sessions) {
        let (conn, resumption) = ensemble.move_to(at, session);
        assert_eq!(resumption, Resumption::Asked);
        ensemble.settle();
        assert_eq!(ensemble.heard(at, conn), ["refused"]);
    }
}

//! Settings that bound what clients may ask for at a time.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use crate::wire::{
    CLOSE, CREATE, Client, EXISTS, GET_DATA, PATIENCE, SET_DATA, THROTTLED, create, eventually,
    path_watch, serve, set_data,
};

#[test]
fn sessions_without_a_token_are_refused_before_anything_else() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        "connection_throttle_tokens=2",
        "connection_throttle_fill_time=3600000",
    ];
    let server = serve(dir.path(), &lines).unwrap();
    let mut first = Client::connect(&server, 10_000);
    let _second = Client::connect(&server, 10_000);
    let mut third = Client::silent(&server);
    assert!(!third.handshake(10_000));
    third = Client::silent(&server);
    (third.session, third.password) = (first.session, first.password.clone());
    assert!(!third.handshake(10_000), "a reconnect costs a token too");
    assert!(first.exists("/"), "its session was not taken away");
    server.stop().unwrap();
}

#[test]
fn large_requests_share_a_budget_and_give_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let lines = ["largeRequestThreshold=1000", "largeRequestMaxBytes=10000"];
    let server = serve(dir.path(), &lines).unwrap();
    let mut client = Client::connect(&server, 10_000);
    assert_eq!(client.call(CREATE, &create("/x", b"", 0)).err, 0);
    for _ in 0..20 {
        assert_eq!(client.call(SET_DATA, &set_data("/x", &[7; 9000])).err, 0);
    }
    // One that can never fit is refused as soon as its length is known.
    client.send(&20_000i32.to_be_bytes());
    client.ends_silently();
    // Small ones are not counted, however many.
    let mut other = client.reattach(10_000);
    for _ in 0..30 {
        other.ask(SET_DATA, &set_data("/x", &[7; 900]));
    }
    for _ in 0..30 {
        assert_eq!(other.reply().err, 0);
    }
    // Two at a time do not fit; what was taken by a connection that is cut comes back.
    let two = [request_of(1, 9000), request_of(2, 9000)].concat();
    other.throw(&two);
    while other.frame().is_some() {}
    eventually("the room is given back", || {
        let mut again = client.reattach(10_000);
        again.ask(SET_DATA, &set_data("/x", &[7; 9000]));
        again.frame().is_some()
    });
    server.stop().unwrap();
}

fn request_of(xid: i32, bytes: usize) -> Vec<u8> {
    crate::wire::request(xid, SET_DATA, &set_data("/x", &vec![7; bytes]))
}

#[test]
fn a_throttled_server_answers_everything_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["request_throttle_max_requests=1"]).unwrap();
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&server, 30_000)).collect();
    let ask = |client: &mut Client, index: usize| {
        let path = format!("/c{index}");
        client.ask(CREATE, &create(&path, b"", 0));
        for round in 0..50 {
            client.ask(SET_DATA, &set_data(&path, &[round]));
            client.ask(GET_DATA, &path_watch(&path));
        }
    };
    for (index, client) in clients.iter_mut().enumerate() {
        ask(client, index);
    }
    for client in &mut clients {
        for xid in 1..=101 {
            let reply = client.reply();
            assert_eq!((reply.xid, reply.err), (xid, 0));
            if xid > 1 && xid % 2 == 1 {
                assert_eq!(
                    i32::from(reply.body[4]),
                    xid / 2 - 1,
                    "it reads its own write"
                );
            }
        }
    }
    server.stop().unwrap();
}

#[test]
fn who_waited_too_long_is_refused_in_its_place_and_not_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        "request_throttle_max_requests=1",
        "throttled_op_wait_time=1",
    ];
    let server = serve(dir.path(), &lines).unwrap();
    let mut client = Client::connect(&server, 30_000);
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    // How long one waits is the machine's affair: some get through and some do not, sooner or later.
    for round in 0.. {
        let paths: Vec<String> = (0..500)
            .map(|number| format!("/n{round}-{number}"))
            .collect();
        let asked: Vec<i32> = paths
            .iter()
            .map(|path| client.ask(CREATE, &create(path, b"", 0)))
            .collect();
        let mut errors = Vec::new();
        for xid in asked {
            let reply = client.reply();
            assert_eq!(reply.xid, xid);
            assert_eq!(reply.body.is_empty(), reply.err != 0, "errors have no body");
            assert!(reply.err == 0 || reply.err == THROTTLED, "{}", reply.err);
            errors.push(reply.err);
        }
        for (path, err) in paths.iter().zip(&errors) {
            let found = loop {
                // Alone it hardly waits, but it may.
                match client.call(EXISTS, &path_watch(path)).err {
                    THROTTLED => assert!(Instant::now() < deadline, "never let in"),
                    found => break found,
                }
            };
            assert_eq!(found == 0, *err == 0, "{path}");
        }
        seen.extend(errors);
        if seen.len() == 2 {
            break;
        }
        assert!(Instant::now() < deadline, "only {seen:?} in {round} rounds");
    }
    assert_eq!(client.call(CLOSE, &[]).err, 0);
    server.stop().unwrap();
}

#[test]
fn requests_of_a_client_that_left_are_dropped_while_others_wait() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["request_throttle_max_requests=1"]).unwrap();
    for round in 0..20 {
        let mut leaving = Client::connect(&server, 30_000);
        for number in 0..100 {
            leaving.ask(CREATE, &create(&format!("/r{round}-{number}"), b"", 0));
        }
    }
    // Dropped or done: their places at the gate are free again.
    let mut client = Client::connect(&server, 30_000);
    assert_eq!(client.call(CREATE, &create("/x", b"", 0)).err, 0);
    // What was done of each is a beginning of what was asked for.
    for round in 0..20 {
        let done: Vec<bool> = (0..100)
            .map(|number| client.exists(&format!("/r{round}-{number}")))
            .collect();
        assert!(
            done.is_sorted_by(|earlier, later| earlier >= later),
            "{round}: {done:?}"
        );
    }
    server.stop().unwrap();
}

#[test]
fn a_limit_on_outstanding_requests_never_hangs_a_connection() {
    for limit in [0, 1, 5] {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("globalOutstandingLimit={limit}");
        let server = serve(dir.path(), &[&line]).unwrap();
        let connect = |_| Client::connect(&server, 30_000);
        let clients: Vec<Client> = (0..8).map(connect).collect();
        let threads = clients.into_iter().enumerate().map(|(index, mut client)| {
            thread::spawn(move || {
                let path = format!("/c{index}");
                let mut frames = Vec::new();
                for xid in 1..=300 {
                    let (op, body) = match xid % 3 {
                        1 => (CREATE, create(&format!("{path}-{xid}"), b"", 0)),
                        2 => (EXISTS, path_watch(&format!("{path}-{}", xid - 1))),
                        _ => (SET_DATA, set_data(&format!("{path}-{}", xid - 2), b"x")),
                    };
                    frames.extend(crate::wire::request(xid, op, &body));
                }
                client.send(&frames);
                for xid in 1..=300 {
                    let reply = client.reply();
                    assert_eq!((reply.xid, reply.err), (xid, 0));
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        server.stop().unwrap();
    }
}

#[test]
fn connections_are_limited_by_address_and_in_all() {
    for line in ["maxClientCnxns=2", "maxCnxns=2"] {
        let dir = tempfile::tempdir().unwrap();
        let server = serve(dir.path(), &[line]).unwrap();
        let first = Client::connect(&server, 10_000);
        let _second = Client::connect(&server, 10_000);
        Client::silent(&server).ends_silently();
        drop(first);
        eventually("a place becomes free", || {
            Client::silent(&server).handshake(10_000)
        });
        server.stop().unwrap();
    }
}

#[test]
fn a_smaller_timeout_holds_from_the_moment_of_reattaching() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["tickTime=100", "maxSessionTimeout=600000"]).unwrap();
    let mut client = Client::connect(&server, 600_000);
    assert_eq!(client.call(CREATE, &create("/mine", b"", 1)).err, 0);
    let _again = client.reattach(200);
    let mut witness = Client::connect(&server, 600_000);
    eventually("its node goes with the session", || {
        !witness.exists("/mine")
    });
    server.stop().unwrap();
}

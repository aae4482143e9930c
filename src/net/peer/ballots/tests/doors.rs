//! Listening, and beginning anew.

use super::*;

#[test]
fn a_port_that_is_taken_is_tried_again() {
    run(async {
        let own = reserve();
        let taken = listener(&own);
        let bench = Bench::new(5, &[(5, own.at)]);
        // Whoever holds it is called, and does not answer.
        let mut caller = Raw::connect(own.at).await;
        drop(Raw::accept(&taken).await);
        assert_eq!(caller.more().await, 0);
        drop(taken);
        let mut call = Raw::call(own.at, 9, own.at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        bench.stop().await;
    });
}

async fn deaf(bench: &Bench) {
    let told = async {
        while !*bench.desk.deaf.lock() {
            bench.desk.woken.notified().await;
        }
    };
    soon("to be told", told).await;
}

#[test]
fn a_server_that_cannot_listen_anywhere_says_so() {
    run(async {
        let (one, two) = (reserve(), reserve());
        let taken = [listener(&one), listener(&two)];
        let mut members = membership(&[(5, one.at)]);
        let mine = members.members.get_mut(&ServerId(5)).expect("a member");
        mine.addresses.push(PeerAddress {
            host: two.at.ip().to_string(),
            quorum_port: 1,
            election_port: two.at.port(),
        });
        let settings = ElectionSettings {
            bind_attempts: 3,
            ..settings(5)
        };
        let bench = Bench::with(settings, AddressBook::of(&members, &members));
        deaf(&bench).await;
        drop(taken);
        bench.stop().await;
    });
}

#[test]
fn one_address_is_enough_to_listen() {
    run(async {
        let (one, two) = (reserve(), reserve());
        let _taken = listener(&one);
        let mut members = membership(&[(5, one.at)]);
        let mine = members.members.get_mut(&ServerId(5)).expect("a member");
        mine.addresses.push(PeerAddress {
            host: two.at.ip().to_string(),
            quorum_port: 1,
            election_port: two.at.port(),
        });
        let settings = ElectionSettings {
            bind_attempts: 1,
            ..settings(5)
        };
        let bench = Bench::with(settings, AddressBook::of(&members, &members));
        let mut call = Raw::call(two.at, 9, two.at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        assert!(!*bench.desk.deaf.lock());
        bench.stop().await;
    });
}

#[test]
fn every_address_of_the_machine_can_be_listened_at() {
    run(async {
        let own = reserve();
        let settings = ElectionSettings {
            listen_on_all_ips: true,
            ..settings(5)
        };
        let elsewhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), own.at.port()));
        let bench = Bench::with(settings, book(&[(5, elsewhere)]));
        let mut call = Raw::call(own.at, 9, own.at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        bench.stop().await;
    });
}

#[test]
fn stopping_ends_every_connection_and_frees_the_port() {
    run(async {
        let (own, other) = (reserve(), reserve());
        let bench = Bench::new(5, &[(5, own.at), (1, other.at)]);
        let there = listener(&other);
        bench.send(1, 1);
        let mut dialled = Raw::accept(&there).await;
        dialled.hello().await;
        assert_eq!(dialled.round().await, 1);
        let mut accepted = Raw::call(own.at, 9, other.at).await;
        accepted.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        let silent = Raw::connect(own.at).await;
        bench.stop().await;
        for raw in [dialled, accepted, silent] {
            raw.ended().await;
        }
        drop(listener(&own));
    });
}

#[test]
fn a_restart_forgets_connections_and_ballots_and_moves_to_the_new_address() {
    run(async {
        let (own, moved, other) = (reserve(), reserve(), reserve());
        let bench = Bench::new(5, &[(5, own.at), (9, other.at)]);
        let mut before = Raw::call(own.at, 9, other.at).await;
        bench.send(9, 1);
        assert_eq!(before.round().await, 1);
        bench.send(9, 2);
        assert_eq!(before.round().await, 2);
        bench.ballots.send(ServerId(9), &ballot(3));
        bench.ballots.restart(book(&[(5, moved.at), (9, other.at)]));
        before.ended().await;
        drop(listener(&own));
        let mut after = Raw::call(moved.at, 9, other.at).await;
        after.write(&frame(4)).await;
        assert_eq!(bench.letter().await, (9, 4));
        bench.send(9, 5);
        assert_eq!(after.round().await, 5, "nothing from before");
        bench.stop().await;
    });
}

#[test]
fn a_restart_binds_the_same_port_again() {
    run(async {
        let (own, other) = (reserve(), reserve());
        let servers = [(5, own.at), (9, other.at)];
        let bench = Bench::new(5, &servers);
        for round in 0..20 {
            let mut call = Raw::call(own.at, 9, other.at).await;
            call.write(&frame(round)).await;
            assert_eq!(bench.letter().await, (9, round));
            // Without this server, which stays where it was.
            bench.ballots.restart(book(&[(9, other.at)]));
            call.ended().await;
        }
        bench.stop().await;
    });
}

#[test]
fn a_member_that_becomes_known_is_dialled() {
    run(async {
        let (own, other) = (reserve(), reserve());
        let bench = Bench::new(5, &[(5, own.at)]);
        let there = listener(&other);
        bench.send(1, 1);
        bench.ballots.know(book(&[(5, own.at), (1, other.at)]));
        bench.send(1, 2);
        let mut call = Raw::accept(&there).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        assert_eq!(call.round().await, 2);
        bench.stop().await;
    });
}

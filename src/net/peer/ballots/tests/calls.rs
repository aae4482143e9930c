//! Who dials whom, and what becomes of callers.

use super::*;
use crate::types::limits;

/// Server 5, and a port where another server can be called.
fn five(other: i64) -> (Bench, SocketAddr, Reserved, [Reserved; 1]) {
    let (own, theirs) = (reserve(), reserve());
    let bench = Bench::new(5, &[(5, own.at), (other, theirs.at)]);
    (bench, own.at, theirs, [own])
}

#[test]
fn a_larger_id_is_knocked_at_and_calls_back() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let listener = listener(&theirs);
        bench.send(9, 1);
        let mut knock = Raw::accept(&listener).await;
        let hello = knock.hello().await;
        assert_eq!(hello.from, ServerId(5));
        assert_eq!(hello.addresses[0].port, at.port());
        knock.ended().await;
        let mut call = Raw::call(at, 9, theirs.at).await;
        assert_eq!(call.round().await, 1);
        call.write(&frame(2)).await;
        assert_eq!(bench.letter().await, (9, 2));
        bench.stop().await;
        call.ended().await;
    });
}

#[test]
fn a_knock_is_the_hello_and_nothing_else() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let listener = listener(&theirs);
        bench.send(9, 1);
        let mut knock = Raw::accept(&listener).await;
        while knock.more().await > 0 {}
        let want = hello(5, at);
        assert_eq!(knock.received, want);
        bench.stop().await;
    });
}

#[test]
fn a_smaller_id_is_dialled_and_kept() {
    run(async {
        let (bench, _, theirs, _own) = five(1);
        let listener = listener(&theirs);
        bench.send(1, 1);
        let mut call = Raw::accept(&listener).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        assert_eq!(call.round().await, 1);
        call.write(&frame(2)).await;
        assert_eq!(bench.letter().await, (1, 2));
        bench.send(1, 3);
        assert_eq!(call.round().await, 3);
        bench.stop().await;
    });
}

#[test]
fn a_smaller_id_that_knocks_is_hung_up_on_and_called_back() {
    run(async {
        let (bench, at, theirs, _own) = five(1);
        let listener = listener(&theirs);
        Raw::call(at, 1, theirs.at).await.ended().await;
        let mut first = Raw::accept(&listener).await;
        assert_eq!(first.hello().await.from, ServerId(5));
        // Whoever knocks has no connection: the one there is is given up.
        Raw::call(at, 1, theirs.at).await.ended().await;
        first.ended().await;
        let mut second = Raw::accept(&listener).await;
        assert_eq!(second.hello().await.from, ServerId(5));
        second.write(&frame(4)).await;
        assert_eq!(bench.letter().await, (1, 4));
        bench.stop().await;
    });
}

#[test]
fn a_caller_is_called_back_where_it_says_it_is() {
    run(async {
        let (bench, at, theirs, _own) = five(1);
        let (elsewhere, nowhere) = (reserve(), reserve());
        let moved = listener(&elsewhere);
        Raw::call(at, 1, elsewhere.at).await.ended().await;
        let mut call = Raw::accept(&moved).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        // Where nobody answers, the book knows better.
        let listener = listener(&theirs);
        Raw::call(at, 1, nowhere.at).await.ended().await;
        call.ended().await;
        assert_eq!(Raw::accept(&listener).await.hello().await.from, ServerId(5));
        bench.stop().await;
    });
}

#[test]
fn a_caller_of_no_address_is_called_back_by_the_book() {
    run(async {
        let (bench, at, theirs, _own) = five(1);
        let listener = listener(&theirs);
        for hello in [
            1i64.to_be_bytes().to_vec(),
            hello(1, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 3888))),
        ] {
            let mut raw = Raw::connect(at).await;
            raw.write(&hello).await;
            raw.ended().await;
            let mut call = Raw::accept(&listener).await;
            assert_eq!(call.hello().await.from, ServerId(5));
        }
        bench.stop().await;
    });
}

///
#[test]
fn a_hello_may_come_in_pieces() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let mut call = Raw::connect(at).await;
        let mut bytes = hello(9, theirs.at);
        bytes.extend(frame(3));
        call.stream.set_nodelay(true).expect("an option");
        for byte in bytes {
            call.write(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.letter().await, (9, 3));
        bench.stop().await;
    });
}

#[test]
fn what_comes_right_behind_a_hello_is_not_lost() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let mut call = Raw::connect(at).await;
        let mut bytes = hello(9, theirs.at);
        bytes.extend([frame(3), frame(4)].concat());
        call.write(&bytes).await;
        assert_eq!(bench.letter().await, (9, 3));
        assert_eq!(bench.letter().await, (9, 4));
        bench.stop().await;
    });
}

///
#[test]
fn silent_callers_hold_up_nobody() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let mut silent = Vec::new();
        for _ in 0..limits::ELECTION_CALLERS_SILENT_MAX / 2 {
            silent.push(Raw::connect(at).await);
        }
        let mut call = Raw::call(at, 9, theirs.at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        bench.stop().await;
    });
}

#[test]
fn too_many_silent_callers_make_room_oldest_first() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let oldest = Raw::connect(at).await;
        let mut silent = Vec::new();
        for _ in 0..limits::ELECTION_CALLERS_SILENT_MAX {
            silent.push(Raw::connect(at).await);
        }
        oldest.ended().await;
        let mut youngest = silent.pop().expect("some");
        youngest.write(&hello(9, theirs.at)).await;
        youngest.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        bench.stop().await;
    });
}

#[test]
fn a_caller_that_does_not_say_who_it_is_is_hung_up_on() {
    run(async {
        let own = reserve();
        let settings = ElectionSettings {
            hello_within: Duration::from_millis(20),
            ..settings(5)
        };
        let bench = Bench::with(settings, book(&[(5, own.at)]));
        let mut half = Raw::connect(own.at).await;
        half.write(&hello(9, own.at)[..7]).await;
        half.ended().await;
        bench.stop().await;
    });
}

#[test]
fn callers_that_talk_nonsense_are_hung_up_on() {
    run(async {
        let (bench, at, _theirs, _own) = five(9);
        let mut long = hello(9, at);
        long[16..20].copy_from_slice(&2049i32.to_be_bytes());
        for nonsense in [&b"\x80RUOK\n\r\n"[..], &long, &hello(5, at)] {
            let mut raw = Raw::connect(at).await;
            raw.write(nonsense).await;
            raw.ended().await;
        }
        bench.stop().await;
    });
}

#[test]
fn a_new_connection_takes_the_place_of_the_one_before() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let first = Raw::call(at, 9, theirs.at).await;
        let mut second = Raw::call(at, 9, theirs.at).await;
        first.ended().await;
        bench.send(9, 6);
        assert_eq!(second.round().await, 6);
        second.write(&frame(7)).await;
        assert_eq!(bench.letter().await, (9, 7));
        bench.stop().await;
    });
}

#[test]
fn a_stranger_with_a_larger_id_is_heard_and_answered() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let mut call = Raw::call(at, 77, theirs.at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (77, 1));
        bench.send(77, 2);
        assert_eq!(call.round().await, 2);
        bench.stop().await;
    });
}

#[test]
fn a_stranger_with_a_smaller_id_is_called_back() {
    run(async {
        let (bench, at, _theirs, _own) = five(9);
        for id in [3, ANONYMOUS.0] {
            let stranger = reserve();
            let listener = listener(&stranger);
            Raw::call(at, id, stranger.at).await.ended().await;
            let mut call = Raw::accept(&listener).await;
            assert_eq!(call.hello().await.from, ServerId(5));
            call.write(&frame(1)).await;
            let (from, round) = bench.letter().await;
            assert_eq!((from, round), (if id == 3 { 3 } else { -1 }, 1));
            bench.send(from, 2);
            assert_eq!(call.round().await, 2);
        }
        bench.stop().await;
    });
}

#[test]
fn strangers_are_counted() {
    run(async {
        let (bench, at, theirs, _own) = five(9);
        let mut strangers = Vec::new();
        for id in 0..limits::ELECTION_STRANGERS_MAX {
            let id = 100 + i64::try_from(id).expect("small");
            let mut call = Raw::call(at, id, theirs.at).await;
            call.write(&frame(id)).await;
            assert_eq!(bench.letter().await, (id, id));
            strangers.push(call);
        }
        Raw::call(at, 99, theirs.at).await.ended().await;
        // A member still gets through, and a stranger when another one has gone.
        let mut member = Raw::call(at, 9, theirs.at).await;
        member.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        drop(strangers.pop());
        let heard = async {
            loop {
                let mut call = Raw::call(at, 99, theirs.at).await;
                // It may still be counted, and hung up on.
                let _ = call.stream.write_all(&frame(2)).await;
                let letter = timeout(Duration::from_millis(100), bench.letter());
                if let Ok(letter) = letter.await {
                    return letter;
                }
            }
        };
        assert_eq!(soon("another stranger", heard).await, (99, 2));
        bench.stop().await;
    });
}

#[test]
fn all_own_addresses_are_announced_when_there_are_several() {
    run(async {
        let (own, also, theirs) = (reserve(), reserve(), reserve());
        let mut members = membership(&[(5, own.at), (1, theirs.at)]);
        let mine = members.members.get_mut(&ServerId(5)).expect("a member");
        mine.addresses.push(PeerAddress {
            host: "localhost".to_owned(),
            quorum_port: 1,
            election_port: also.at.port(),
        });
        let settings = ElectionSettings {
            hello: HelloVersion::V2,
            ..settings(5)
        };
        let bench = Bench::with(settings, AddressBook::of(&members, &members));
        let listener = listener(&theirs);
        bench.send(1, 1);
        let announced = Raw::accept(&listener).await.hello().await.addresses;
        let ports: Vec<u16> = announced.iter().map(|address| address.port).collect();
        assert_eq!(ports, [own.at.port(), also.at.port()]);
        for at in [own.at, also.at] {
            Raw::call(at, 9, theirs.at).await;
        }
        bench.stop().await;
    });
}

#[test]
fn a_server_is_reached_at_whichever_address_answers() {
    run(async {
        let (own, dead, alive) = (reserve(), reserve(), reserve());
        let committed = membership(&[(5, own.at), (1, dead.at)]);
        let proposed = membership(&[(1, alive.at)]);
        let bench = Bench::with(settings(5), AddressBook::of(&committed, &proposed));
        let listener = listener(&alive);
        bench.send(1, 1);
        let mut call = Raw::accept(&listener).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        assert_eq!(call.round().await, 1);
        bench.stop().await;
    });
}

#[test]
fn a_server_that_cannot_be_reached_holds_up_nobody() {
    run(async {
        let (own, theirs) = (reserve(), reserve());
        // An address that is nobody's: dialling it fails, or goes on for as long as it may.
        let nowhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
        let bench = Bench::new(5, &[(5, own.at), (1, nowhere), (2, theirs.at)]);
        let listener = listener(&theirs);
        bench.send(1, 1);
        bench.send(2, 2);
        let mut call = Raw::accept(&listener).await;
        assert_eq!(call.hello().await.from, ServerId(5));
        assert_eq!(call.round().await, 2);
        bench.stop().await;
    });
}

#[test]
fn a_failed_dial_is_tried_again_with_the_next_ballot() {
    run(async {
        let (bench, _, theirs, _own) = five(1);
        bench.send(1, 1);
        let mut round = 1;
        let listener = listener(&theirs);
        let mut call = loop {
            let caller = timeout(Duration::from_millis(100), Raw::accept(&listener));
            match caller.await {
                Ok(call) => break call,
                Err(_) => round += 1,
            }
            assert!(round < 300, "it never dials again");
            bench.send(1, round);
        };
        assert_eq!(call.hello().await.from, ServerId(5));
        assert!((1..=round).contains(&call.round().await));
        bench.stop().await;
    });
}

//! Which ballots arrive.

use super::*;

fn five() -> (Bench, SocketAddr, [Reserved; 2]) {
    let ports = [reserve(), reserve()];
    let at = ports[0].at;
    let bench = Bench::new(5, &[(5, at), (9, ports[1].at)]);
    (bench, at, ports)
}

///
#[test]
fn only_the_latest_ballot_waits_for_a_connection() {
    run(async {
        let (bench, at, ports) = five();
        for round in 1..5 {
            bench.send(9, round);
            tokio::task::yield_now().await;
        }
        let mut call = Raw::call(at, 9, ports[1].at).await;
        assert_eq!(call.round().await, 4);
        bench.send(9, 5);
        assert_eq!(call.round().await, 5);
        bench.stop().await;
    });
}

///
#[test]
fn the_last_ballot_is_sent_again_on_a_new_connection() {
    run(async {
        let (bench, at, ports) = five();
        bench.send(9, 1);
        for _ in 0..3 {
            let mut call = Raw::call(at, 9, ports[1].at).await;
            assert_eq!(call.round().await, 1);
        }
        bench.send(9, 2);
        let mut call = Raw::call(at, 9, ports[1].at).await;
        // The one before may have been under way to the connection that is gone.
        let round = call.round().await;
        assert!(round == 2 || (round == 1 && call.round().await == 2));
        bench.stop().await;
    });
}

#[test]
fn nothing_is_sent_to_who_was_never_sent_anything() {
    run(async {
        let (bench, at, ports) = five();
        let mut call = Raw::call(at, 9, ports[1].at).await;
        call.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (9, 1));
        bench.stop().await;
        call.ended().await;
    });
}

#[test]
fn a_ballot_that_cannot_be_read_is_skipped() {
    run(async {
        let (bench, at, ports) = five();
        let mut call = Raw::call(at, 9, ports[1].at).await;
        call.write(&[0, 0, 0, 3, 1, 2, 3]).await;
        call.write(&frame(2)).await;
        assert_eq!(bench.letter().await, (9, 2));
        bench.stop().await;
    });
}

#[test]
fn lengths_that_no_ballot_has_end_the_connection() {
    run(async {
        let (bench, at, ports) = five();
        for length in [0, -1, 524_289, i32::MIN] {
            let mut call = Raw::call(at, 9, ports[1].at).await;
            call.write(&length.to_be_bytes()).await;
            call.ended().await;
        }
        let mut call = Raw::call(at, 9, ports[1].at).await;
        call.write(&frame(2)).await;
        assert_eq!(bench.letter().await, (9, 2));
        bench.stop().await;
    });
}

#[test]
fn a_server_that_floods_is_not_read_from_until_the_line_has_caught_up() {
    run(async {
        let (bench, at, ports) = five();
        let mut flood = Raw::call(at, 9, ports[1].at).await;
        let mut other = Raw::call(at, 11, ports[1].at).await;
        let all: Vec<u8> = (0..1000).flat_map(frame).collect();
        flood.write(&all).await;
        let letters = async {
            while bench.desk.letters.lock().len() < 8 {
                bench.desk.woken.notified().await;
            }
        };
        soon("eight letters", letters).await;
        // Others are heard all the same.
        other.write(&frame(1)).await;
        let ninth = async {
            while bench.desk.letters.lock().len() < 9 {
                bench.desk.woken.notified().await;
            }
        };
        soon("a ninth letter", ninth).await;
        let from = |letter: &BallotLetter| format!("{letter:?}").contains("ServerId(11)");
        assert!(bench.desk.letters.lock().last().is_some_and(from));
        let mut rounds = Vec::new();
        while rounds.len() < 1000 {
            let (from, round) = bench.letter().await;
            if from == 9 {
                rounds.push(round);
            }
        }
        assert_eq!(rounds, (0..1000).collect::<Vec<_>>());
        bench.stop().await;
    });
}

#[test]
fn a_server_that_does_not_read_holds_up_nobody() {
    run(async {
        let (bench, at, ports) = five();
        let mut deaf = Raw::call(at, 9, ports[1].at).await;
        let mut other = Raw::call(at, 11, ports[1].at).await;
        for id in [9, 11] {
            let call = if id == 9 { &mut deaf } else { &mut other };
            call.write(&frame(id)).await;
            assert_eq!(bench.letter().await, (id, id));
        }
        let big = Ballot {
            config: Some(Bytes::from(vec![b'x'; 400_000])),
            ..ballot(0)
        };
        for round in 1..100 {
            bench.ballots.send(
                ServerId(9),
                &Ballot {
                    round,
                    ..big.clone()
                },
            );
            bench.send(11, round);
            assert_eq!(other.round().await, round);
        }
        // What it reads in the end are the latest of them, in order.
        let mut last = 0;
        while last < 99 {
            let round = deaf.round().await;
            assert!(round > last, "{round} behind {last}");
            last = round;
        }
        bench.stop().await;
    });
}

#[test]
fn who_says_nothing_is_dialled_anew() {
    run(async {
        let (at, theirs) = (reserve(), reserve());
        let settings = ElectionSettings {
            silent_within: Duration::from_millis(20),
            ..settings(5)
        };
        let bench = Bench::with(settings, book(&[(5, at.at), (1, theirs.at)]));
        let listener = listener(&theirs);
        bench.send(1, 1);
        let mut first = Raw::accept(&listener).await;
        first.hello().await;
        assert_eq!(first.round().await, 1);
        // Whoever answers is left alone, however long it took.
        tokio::time::sleep(Duration::from_millis(30)).await;
        first.write(&frame(1)).await;
        assert_eq!(bench.letter().await, (1, 1));
        bench.send(1, 2);
        assert_eq!(first.round().await, 2);
        tokio::time::sleep(Duration::from_millis(30)).await;
        bench.send(1, 3);
        let mut second = Raw::accept(&listener).await;
        second.hello().await;
        while second.round().await != 3 {}
        first.ended().await;
        bench.stop().await;
    });
}

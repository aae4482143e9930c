//! The checker against histories that are right, and against forged ones.

use super::*;

/// An event of client 0 that lasts one instant.
fn at(when: u64, zxid: i64, act: Act, answer: Answer) -> Event {
    Event {
        client: 0,
        began: when * 10,
        ended: when * 10 + 1,
        zxid,
        act,
        answer,
    }
}

fn by(client: usize, event: Event) -> Event {
    Event { client, ..event }
}

fn write(when: u64, zxid: i64, value: u64, version: i32) -> Event {
    at(
        when,
        zxid,
        Act::Write(vec![(0, value)]),
        Answer::Written(vec![version]),
    )
}

fn read(when: u64, zxid: i64, value: u64, version: i32, mzxid: i64) -> Event {
    let seen = Seen {
        value,
        version,
        mzxid,
    };
    at(when, zxid, Act::Read(vec![0]), Answer::Are(vec![seen]))
}

fn unanswered(when: u64, value: u64) -> Event {
    at(when, 0, Act::Write(vec![(0, value)]), Answer::Unknown)
}

#[track_caller]
fn broken(events: &[Event], how: &str) {
    let said = check(events).expect_err("the history is impossible");
    assert!(
        said.iter().any(|line| line.contains(how)),
        "want {how}, got {said:#?}"
    );
}

#[test]
fn what_one_server_could_show_passes() {
    let events = [
        write(1, 5, 1, 1),
        // Another client may be behind.
        by(1, read(2, 4, 0, 0, 1)),
        unanswered(3, 2),
        read(4, 6, 2, 2, 6),
        // It may also take effect late, or never.
        unanswered(5, 3),
        write(6, 8, 4, 3),
        read(7, 9, 3, 4, 9),
        unanswered(8, 5),
        at(9, 10, Act::Append(1), Answer::Appended(0)),
        at(10, 11, Act::Hold(1), Answer::Done),
        at(11, 11, Act::WhoHolds, Answer::Held(vec![1])),
        at(12, 12, Act::LetGo(1), Answer::Done),
        by(1, at(13, 11, Act::WhoHolds, Answer::Held(vec![1]))),
        by(1, at(14, 12, Act::WhoHolds, Answer::Held(vec![]))),
    ];
    check(&events).unwrap();
}

#[test]
fn an_acknowledged_write_that_is_lost() {
    broken(
        &[write(1, 5, 1, 1), read(2, 6, 0, 0, 1)],
        "is not shown version 1",
    );
    broken(
        &[write(1, 5, 1, 1), by(1, write(2, 9, 2, 1))],
        "version 1: (1, 5) and (2, 9)",
    );
}

#[test]
fn a_write_that_is_applied_twice() {
    let events = [unanswered(1, 1), read(2, 5, 1, 1, 5), read(3, 6, 1, 2, 6)];
    broken(&events, "written twice");
}

#[test]
fn values_from_nowhere_and_from_refused_writes() {
    broken(&[read(1, 5, 7, 1, 5)], "nobody wrote 7");
    let refused = at(1, 5, Act::Write(vec![(0, 7)]), Answer::Refused);
    broken(&[refused, read(2, 6, 7, 1, 6)], "nobody wrote 7");
}

#[test]
fn a_client_that_goes_back() {
    broken(
        &[read(1, 9, 0, 0, 1), read(2, 8, 0, 0, 1)],
        "went back in time",
    );
    let elsewhere = by(1, write(1, 5, 1, 1));
    broken(
        &[elsewhere, read(2, 7, 0, 0, 1), read(3, 7, 0, 0, 1)],
        "is not shown version 1",
    );
}

#[test]
fn changes_out_of_the_order_of_time() {
    broken(
        &[write(1, 9, 1, 2), by(1, write(2, 8, 2, 1))],
        "a later change",
    );
}

#[test]
fn versions_out_of_the_order_of_transactions() {
    let events = [
        unanswered(1, 1),
        unanswered(1, 2),
        read(2, 9, 1, 1, 9),
        read(3, 9, 2, 2, 8),
    ];
    broken(&events, "version 2 of 0x8 after version 1");
}

#[test]
fn half_a_multi() {
    let both = at(
        1,
        5,
        Act::Write(vec![(0, 1), (1, 1)]),
        Answer::Written(vec![1, 1]),
    );
    let old = Seen {
        value: 0,
        version: 0,
        mzxid: 1,
    };
    let new = Seen {
        value: 1,
        version: 1,
        mzxid: 5,
    };
    let torn = by(
        1,
        at(2, 5, Act::Read(vec![0, 1]), Answer::Are(vec![new, old])),
    );
    broken(&[both, torn], "torn");
}

#[test]
fn numbers_that_are_wrong() {
    let first = at(1, 5, Act::Append(1), Answer::Appended(0));
    let list = |nodes| at(9, 9, Act::ReadAppended, Answer::Sequence(nodes));
    let node = |number, mark, czxid| Numbered {
        number,
        mark,
        czxid,
    };
    check(&[first.clone(), list(vec![node(0, 1, 5)])]).unwrap();
    broken(&[first.clone(), list(vec![])], "found as None");
    broken(
        &[first.clone(), list(vec![node(0, 1, 6)])],
        "acknowledged as",
    );
    broken(
        &[first.clone(), list(vec![node(0, 1, 5), node(1, 1, 6)])],
        "appended twice",
    );
    broken(
        &[first.clone(), list(vec![node(0, 1, 5), node(1, 2, 6)])],
        "nobody appended",
    );
    broken(
        &[first.clone(), list(vec![node(1, 1, 5)])],
        "number 0 is missing",
    );
    let second = at(2, 0, Act::Append(2), Answer::Unknown);
    let swapped = list(vec![node(0, 1, 5), node(1, 2, 4)]);
    broken(&[first, second, swapped], "another order");
}

#[test]
fn ephemerals_that_are_wrong() {
    let held = at(1, 5, Act::Hold(1), Answer::Done);
    let let_go = at(2, 6, Act::LetGo(1), Answer::Done);
    let list = |zxid, names| by(1, at(9, zxid, Act::WhoHolds, Answer::Held(names)));
    broken(&[held.clone(), list(5, vec![])], "gone before its session");
    broken(
        &[held.clone(), let_go, list(6, vec![1])],
        "outlives its session",
    );
    broken(&[list(6, vec![2])], "nobody holds");
    let unsure = at(2, 0, Act::LetGo(1), Answer::Unknown);
    check(&[held, unsure, list(9, vec![])]).unwrap();
}

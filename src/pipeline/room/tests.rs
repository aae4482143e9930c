//! Nothing leaves before its turn, nothing before it is durable.

use super::*;
use crate::types::{ConnId, Millis};

fn asker(xid: i32) -> Asker {
    Asker {
        conn: ConnId(1),
        xid,
        size: 8,
        since: Millis(0),
    }
}

fn refusal(xid: i32) -> Item {
    Item::Refusal {
        asker: asker(xid),
        code: ErrorCode::MarshallingError,
    }
}

/// A batch of these transactions, with a refusal behind each.
fn batch(zxids: &[i64]) -> OpenBatch {
    let mut open = OpenBatch::default();
    for zxid in zxids {
        let start = open.log.len();
        open.log.extend([0; 12]);
        open.log.extend(zxid.to_be_bytes());
        open.log.push(b'B');
        open.push_txn(Zxid(*zxid), start, Some(asker(0)));
        open.items.push_back(refusal(i32::try_from(*zxid).unwrap()));
    }
    open
}

/// What leaves now: transactions as their number, refusals as the negative xid.
fn drain(room: &mut Room) -> Vec<i64> {
    let mut left = Vec::new();
    let seen = |leaving: Leaving<'_>| match leaving.item {
        Item::Txn { zxid, body, .. } => {
            assert_eq!(leaving.log[body], zxid.0.to_be_bytes(), "its own body");
            zxid.0
        }
        Item::Refusal { asker, .. } => -i64::from(asker.xid),
        _ => unreachable!(),
    };
    while let Some(item) = room.leave(seen) {
        left.push(item);
    }
    left
}

#[test]
fn order_and_durability_decide() {
    let mut room = Room::new(Zxid(4));
    let log = room.enter(batch(&[5, 6])).unwrap();
    assert_eq!((log.first, log.last, log.records), (Zxid(5), Zxid(6), 2));
    assert!(room.enter(batch(&[7])).is_some());
    assert!(!room.has_ready());
    assert_eq!(drain(&mut room), [] as [i64; 0]);
    room.release(Zxid(5));
    assert_eq!(drain(&mut room), [5, -5]);
    room.release(Zxid(7));
    assert_eq!(drain(&mut room), [6, -6, 7, -7]);
    assert!(room.is_empty());
}

#[test]
fn what_needs_no_log_waits_only_for_its_turn() {
    let mut room = Room::new(Zxid::ZERO);
    assert!(room.enter(OpenBatch::default()).is_none());
    assert!(room.is_empty());
    let mut open = OpenBatch::default();
    open.items.push_back(refusal(1));
    assert!(room.enter(open).is_none(), "there is nothing to log");
    assert!(room.has_ready());
    assert_eq!(drain(&mut room), [-1]);
}

#[test]
#[should_panic(expected = "went back")]
fn what_may_leave_cannot_become_less() {
    let mut room = Room::new(Zxid(4));
    room.release(Zxid(3));
}

/// What leaves now, by kind: `t` a transaction that somebody waits for, `-` one that nobody does, `r` a
/// refusal, `|` the end of a role.
fn kinds(room: &mut Room) -> String {
    let kind = |leaving: Leaving<'_>| match leaving.item {
        Item::Txn { asker, .. } => ['-', 't'][usize::from(asker.is_some())],
        Item::Refusal { .. } => 'r',
        Item::Retired => '|',
        _ => unreachable!(),
    };
    std::iter::from_fn(|| room.leave(kind)).collect()
}

#[test]
fn at_the_end_of_a_role_who_has_waited_long_enough_is_answered() {
    let mut room = Room::new(Zxid(4));
    room.enter(batch(&[5, 6, 7]));
    room.enter(batch(&[8]));
    room.release(Zxid(6));
    let mut dropped = Vec::new();
    let mut open = OpenBatch::default();
    room.retire(&mut open, |asker| dropped.push(asker.xid));
    assert_eq!(
        dropped,
        [0, 7, 0, 8],
        "of two transactions, and behind them"
    );
    assert_eq!(kinds(&mut room), "trtr|");
    room.release(Zxid(8));
    assert_eq!(kinds(&mut room), "--", "they stay");
}

#[test]
fn where_nothing_waits_the_end_of_a_role_comes_last() {
    let mut room = Room::new(Zxid::ZERO);
    let mut nobody = |asker: Asker| panic!("{asker:?} is dropped");
    room.retire(&mut OpenBatch::default(), &mut nobody);
    assert_eq!(kinds(&mut room), "|", "of the room");
    let mut open = OpenBatch::default();
    open.items.push_back(refusal(1));
    room.retire(&mut open, nobody);
    open.items.push_back(refusal(2));
    room.enter(open);
    assert_eq!(kinds(&mut room), "r|r", "of what has come in this turn");
}

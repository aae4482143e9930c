//! What waits for what, and for how long.

use super::*;
use crate::types::{ConnId, Millis};

const ME: SessionId = SessionId(7);
const YOU: SessionId = SessionId(8);

fn asker(xid: i32) -> Asker {
    Asker {
        conn: ConnId(1),
        xid,
        size: 8,
        since: Millis(0),
    }
}

fn write(xid: i32) -> Pending {
    Pending::Write { asker: asker(xid) }
}

fn a_read(xid: i32) -> Read {
    Read {
        asker: asker(xid),
        op: OpCode::GetData,
        body: Bytes::new(),
        who: Arc::new([]),
    }
}

fn sync(xid: i32) -> Pending {
    Pending::Sync {
        read: a_read(xid),
        is_done: false,
    }
}

/// The numbers of what need not wait.
fn next(forward: &mut Forward, session: SessionId) -> Vec<i32> {
    std::iter::from_fn(|| forward.next(session))
        .filter_map(|pending| Some(pending.asker()?.xid))
        .collect()
}

fn settle(forward: &mut Forward, session: SessionId, cxid: i32) -> Option<i32> {
    let asker = forward.settle(session, cxid)?;
    Some(asker.map_or(-1, |asker| asker.xid))
}

#[test]
fn reads_wait_behind_writes_of_their_session_only() {
    let mut forward = Forward::new(1);
    assert!(!forward.is_busy(ME));
    forward.push(ME, write(1));
    forward.push(ME, Pending::Read(a_read(2)));
    forward.push(ME, write(3));
    forward.push(ME, Pending::Read(a_read(4)));
    assert!(forward.is_busy(ME) && !forward.is_busy(YOU));
    assert_eq!(next(&mut forward, ME), [] as [i32; 0]);
    assert_eq!(settle(&mut forward, ME, 1), Some(1));
    assert_eq!(next(&mut forward, ME), [2]);
    assert_eq!(settle(&mut forward, ME, 3), Some(3));
    assert_eq!(next(&mut forward, ME), [4]);
    assert!(forward.is_empty());
}

#[test]
fn only_the_first_that_waits_is_settled() {
    let mut forward = Forward::new(1);
    forward.push(ME, write(1));
    forward.push(ME, write(2));
    assert_eq!(settle(&mut forward, ME, 2), None, "asked elsewhere before");
    assert_eq!(settle(&mut forward, YOU, 1), None);
    assert_eq!(settle(&mut forward, ME, 1), Some(1));
    assert_eq!(settle(&mut forward, ME, 2), Some(2));
    assert_eq!(next(&mut forward, ME), [] as [i32; 0]);
    assert!(forward.is_empty());
}

#[test]
fn syncs_are_answered_in_the_order_they_were_sent() {
    let mut forward = Forward::new(1);
    forward.push(ME, sync(1));
    forward.push(YOU, sync(5));
    forward.push(ME, sync(2));
    assert_eq!(settle(&mut forward, ME, 1), None, "no transaction");
    assert_eq!(forward.synced(), Some(ME));
    assert_eq!(next(&mut forward, ME), [1]);
    assert_eq!(forward.synced(), Some(YOU));
    assert_eq!(next(&mut forward, YOU), [5]);
    assert_eq!(forward.synced(), Some(ME));
    assert_eq!(next(&mut forward, ME), [2]);
    assert_eq!(forward.synced(), None);
    assert!(forward.is_empty());
}

#[test]
fn a_sync_answered_before_a_write_ahead_of_it_keeps_its_place() {
    let mut forward = Forward::new(1);
    forward.push(ME, write(1));
    forward.push(ME, sync(2));
    assert_eq!(forward.synced(), Some(ME));
    assert_eq!(next(&mut forward, ME), [] as [i32; 0]);
    assert_eq!(settle(&mut forward, ME, 1), Some(1));
    assert_eq!(next(&mut forward, ME), [2]);
}

#[test]
fn an_upgrade_goes_before_and_answers_nobody() {
    let mut forward = Forward::new(1);
    forward.push(ME, Pending::Upgrade);
    forward.push(ME, write(1));
    forward.push(ME, Pending::Close { asker: asker(2) });
    assert_eq!(settle(&mut forward, ME, 1), None);
    assert_eq!(settle(&mut forward, ME, 0), Some(-1));
    assert_eq!(next(&mut forward, ME), [] as [i32; 0]);
    assert_eq!(settle(&mut forward, ME, 1), Some(1));
    assert_eq!(next(&mut forward, ME), [2]);
}

#[test]
fn what_a_session_that_ended_waits_for_is_over() {
    let mut forward = Forward::new(1);
    forward.push(ME, sync(1));
    forward.push(YOU, sync(1));
    forward.push(ME, write(2));
    let ended = forward.end(ME).map(|asker| asker.xid).collect::<Vec<_>>();
    assert_eq!(ended, [1, 2]);
    assert_eq!(forward.end(ME).count(), 0);
    assert_eq!(
        forward.synced(),
        Some(ME),
        "the leader answers it all the same"
    );
    assert_eq!(next(&mut forward, ME), [] as [i32; 0]);
    assert_eq!(forward.synced(), Some(YOU));
    assert_eq!(next(&mut forward, YOU), [1]);
}

#[test]
fn whoever_is_abandoned_is_named() {
    let mut forward = Forward::new(1);
    forward.push(ME, write(1));
    forward.push(ME, sync(2));
    forward.push(YOU, write(3));
    let mut dropped = Vec::new();
    forward.abandon(|asker| dropped.push(asker.xid));
    dropped.sort_unstable();
    assert_eq!(dropped, [1, 2, 3]);
    assert!(forward.is_empty() && forward.synced().is_none());
}

//! When the reaper looks, and how fast it lets go.

use super::*;
use crate::proto::txn::{CreateTtlTxn, Txn, TxnHeader};
use crate::session::Sessions;
use crate::tree::{Tree, TreeOptions};
use crate::types::{OpCode, OwnerRules, Zxid};

/// A state with this many nodes that live for a second from time 0.
fn state(nodes: i64) -> State {
    let mut tree = Tree::new(TreeOptions {
        digest: false,
        owner_rules: OwnerRules {
            extended_types: true,
            emulate_353: false,
        },
        hash_seed: 1,
    });
    for zxid in 1..=nodes {
        let header = TxnHeader {
            client_id: 1,
            cxid: 0,
            zxid,
            time: 0,
            kind: OpCode::CreateTtl.code(),
        };
        let txn = Txn::CreateTtl(CreateTtlTxn {
            path: format!("/n{zxid}").into(),
            data: None,
            acl: None,
            parent_cversion: -1,
            ttl: 1000,
        });
        tree.apply(&header, &txn, &mut ());
    }
    State {
        tree,
        sessions: Sessions::new(1000),
        last_zxid: Zxid(nodes),
    }
}

#[test]
fn it_looks_once_per_interval() {
    let state = state(1);
    let mut reaper = Reaper::new(60_000, i64::MAX, 0, Millis(0));
    assert_eq!(reaper.next(), Millis(60_000));
    let due = |reaper: &mut Reaper, now: i64| reaper.due(&state, Millis(now), Millis(now)).len();
    assert_eq!(due(&mut reaper, 59_999), 0);
    assert_eq!(due(&mut reaper, 60_000), 1);
    assert_eq!(due(&mut reaper, 60_001), 0);
    assert_eq!(reaper.next(), Millis(120_000));
    assert_eq!(
        due(&mut reaper, 130_000),
        1,
        "it is still there, and found again"
    );
    assert_eq!(reaper.next(), Millis(190_000));
}

#[test]
fn a_pace_spaces_them_apart() {
    let state = state(3);
    let mut reaper = Reaper::new(1000, 60, 0, Millis(0));
    let mut due = |now: i64| (reaper.due(&state, Millis(now), Millis(5000)), reaper.next());
    assert_eq!(due(1000), (vec!["/n1".to_owned()], Millis(2000)));
    assert_eq!(due(1999).0, [] as [&str; 0]);
    assert_eq!(
        due(2000).0.len(),
        1,
        "one each second, however many are found"
    );
    assert_eq!(due(2500).0.len(), 0);
}

#[test]
fn without_a_pace_they_go_in_bounded_crowds() {
    let state = state(300);
    let mut reaper = Reaper::new(1000, i64::MAX, 0, Millis(0));
    let now = Millis(1500);
    assert_eq!(reaper.due(&state, now, now).len(), AT_ONCE_MAX);
    assert_eq!(reaper.next(), now, "there are more");
    assert_eq!(reaper.due(&state, now, now).len(), 300 - AT_ONCE_MAX);
}

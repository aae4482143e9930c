//! What a recovery makes of snapshots and logs, and when a digest counts.

use std::borrow::Cow;

use super::*;
use crate::proto::txn::{CreateSessionTxn, CreateTxn, TxnDigest, TxnHeader};
use crate::tree::digest::DIGEST_VERSION;
use crate::types::{OpCode, OwnerRules};

const OPTIONS: TreeOptions = TreeOptions {
    digest: true,
    owner_rules: OwnerRules {
        extended_types: true,
        emulate_353: false,
    },
    hash_seed: 1,
};

fn recovery() -> Recovery {
    Recovery::new(OPTIONS, 1000, Millis(500))
}

fn logged(session: i64, zxid: i64, txn: Txn<'_>, digest: Option<i64>) -> LoggedTxn<'_> {
    let header = TxnHeader {
        client_id: session,
        cxid: 0,
        zxid,
        time: 0,
        kind: txn.op().code(),
    };
    let digest = digest.map(|tree_digest| TxnDigest {
        version: DIGEST_VERSION,
        tree_digest,
    });
    LoggedTxn {
        header,
        txn,
        digest,
    }
}

fn create(path: &str, ephemeral: bool) -> Txn<'_> {
    let txn = CreateTxn {
        path: Cow::Borrowed(path),
        data: None,
        acl: None,
        ephemeral,
        parent_cversion: 1,
    };
    Txn::Create(OpCode::Create, txn)
}

/// A root, as snapshots hold it.
fn load_root(recovery: &mut Recovery) {
    let stat = NodeStat::default();
    recovery.node("", Some(b""), -1, &stat).unwrap();
}

#[test]
fn nothing_at_all_is_a_new_server() {
    let state = recovery().finish(Millis(1900));
    assert_eq!(state.last_zxid, Zxid::ZERO);
    assert!(state.sessions.is_empty());
    assert!(state.tree.find("/zookeeper/quota").is_some());
}

#[test]
fn sessions_live_on_from_the_start_and_end_with_the_log() {
    let mut recovery = recovery();
    recovery.session(SessionId(1), 3000);
    load_root(&mut recovery);
    recovery.loaded(None);
    let open = Txn::CreateSession(CreateSessionTxn { timeout_ms: 5000 });
    recovery.txn(&logged(2, 1, open, None));
    recovery.txn(&logged(2, 2, create("/mine", true), None));
    recovery.txn(&logged(1, 3, Txn::CloseSession(None), None));
    let live = recovery.last_zxid();
    assert_eq!(live, Zxid(3));
    let state = recovery.finish(Millis(1900));
    assert_eq!(
        state.sessions.iter().collect::<Vec<_>>(),
        [(SessionId(2), 5000)]
    );
    assert_eq!(
        state.sessions.next_deadline(),
        Some(Millis(7000)),
        "from now on"
    );
    assert!(state.tree.find("/mine").is_some());
}

#[test]
fn nodes_of_sessions_that_are_gone_go_too() {
    let mut recovery = recovery();
    recovery.txn(&logged(7, 1, create("/orphan", true), None));
    let state = recovery.finish(Millis(1900));
    assert!(state.tree.find("/orphan").is_none());
    assert_eq!(state.tree.ephemeral_count(), 0);
}

#[test]
fn beginning_again_forgets_everything_but_the_mismatches() {
    let mut recovery = recovery();
    recovery.session(SessionId(1), 3000);
    load_root(&mut recovery);
    recovery.loaded(None);
    recovery.txn(&logged(1, 9, create("/a", false), Some(12345)));
    assert_eq!(recovery.digest_mismatches, 1);
    recovery.begin(1000, Zxid(4));
    assert_eq!(recovery.last_zxid(), Zxid(4));
    load_root(&mut recovery);
    recovery.loaded(None);
    assert_eq!(recovery.digest_mismatches, 1);
    let state = recovery.finish(Millis(1900));
    assert!(state.sessions.is_empty());
    assert!(state.tree.find("/a").is_none());
}

/// Digest of the loaded tree, and of the same after `/a` was created by zxid 6.
fn digests() -> (i64, i64) {
    let mut recovery = recovery();
    recovery.begin(1000, Zxid(5));
    load_root(&mut recovery);
    recovery.loaded(None);
    let before = recovery.replaying().digest();
    recovery.txn(&logged(1, 6, create("/a", false), None));
    (before, recovery.replaying().digest())
}

#[test]
fn a_snapshots_digest_counts_when_the_replay_reaches_its_transaction() {
    let (before, after) = digests();
    for (named, digest, txn_digest, mismatches) in [
        (5, before, Some(after), 0),
        (5, before + 1, Some(after), 1),
        (5, before, Some(after + 1), 1),
        // The walk ended later than it began: until then transactions prove nothing.
        (6, after, Some(after + 1), 0),
        (6, after + 1, None, 1),
        // Passed without being met, and before the snapshot: not compared.
        (0, before + 1, Some(after), 0),
        (4, before + 1, Some(after), 0),
    ] {
        let mut recovery = recovery();
        recovery.begin(1000, Zxid(5));
        load_root(&mut recovery);
        recovery.loaded(Some((Zxid(named), digest)));
        recovery.txn(&logged(1, 6, create("/a", false), txn_digest));
        let words = format!("{named} {digest} {txn_digest:?}");
        assert_eq!(recovery.digest_mismatches, mismatches, "{words}");
    }
}

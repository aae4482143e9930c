//! What single transactions do: stats, events, digests, and that nothing a log may hold can panic.

use std::borrow::Cow;

use proptest::prelude::*;

use crate::proto::txn::{CloseSessionTxn, CreateTxn, LoggedTxn, Txn};
use crate::tree::Applied;
use crate::tree::test_support::*;
use crate::types::ChangeKind::{Created, DataChanged, Deleted};
use crate::types::{Acl, ErrorCode, Millis, OpCode, Owner, Perms, SessionId, read_acl};

#[test]
fn stats_move_as_in_the_worked_example() {
    let mut tree = tree();
    let look = |tree: &crate::tree::Tree, path: &str| {
        let stat = tree.find(path).unwrap().stat();
        (stat.cversion, stat.num_children, stat.pzxid)
    };
    run(&mut tree, 11, &[create("/a", b"", 1)]);
    assert_eq!(look(&tree, "/"), (0, 2, 11));
    assert_eq!(look(&tree, "/a"), (0, 0, 11));
    run(&mut tree, 12, &[create("/a/b", b"", 1)]);
    assert_eq!(look(&tree, "/a"), (1, 1, 12));
    run(&mut tree, 13, &[delete("/a/b")]);
    assert_eq!(look(&tree, "/a"), (2, 0, 13));
    let stat = tree.find("/a").unwrap().stat();
    assert_eq!((stat.czxid, stat.mzxid, stat.version), (11, 11, 0));
}

#[test]
fn answers_carry_the_stat_that_the_change_left() {
    let mut tree = tree();
    let Applied::Created(stat) = tree.apply(&header(5), &create("/a", b"four", 1), &mut ()) else {
        panic!()
    };
    assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (5, 5, 5));
    assert_eq!((stat.ctime, stat.mtime, stat.data_length), (1005, 1005, 4));
    let Applied::Stat(stat) = tree.apply(&header(6), &set_data("/a", b"", 1), &mut ()) else {
        panic!()
    };
    assert_eq!(
        (stat.mzxid, stat.mtime, stat.version, stat.data_length),
        (6, 1006, 1, 0)
    );
    let Applied::Stat(stat) = tree.apply(&header(7), &set_acl("/a", &read_acl(), 1), &mut ())
    else {
        panic!()
    };
    assert_eq!((stat.mzxid, stat.mtime, stat.aversion), (6, 1006, 1));
    assert_eq!(tree.find("/a").unwrap().stat(), stat);
}

#[test]
fn owners_are_kept_and_mostly_hidden() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[container("/c"), with_ttl("/t", 500), ephemeral("/e")],
    );
    let look = |path: &str| {
        let node = tree.find(path).unwrap();
        (node.owner(), node.stat().ephemeral_owner)
    };
    assert_eq!(look("/c"), (Owner::Container, 0));
    assert_eq!(look("/t"), (Owner::Ttl(500), 0));
    assert_eq!(look("/e"), (Owner::Session(SessionId(1)), 1));
    assert_eq!(tree.ephemeral_count(), 1);
}

#[test]
fn a_time_to_live_out_of_range_is_refused() {
    let mut tree = tree();
    for ttl in [0, -1, i64::MIN, 1 << 40] {
        let applied = tree.apply(&header(1), &with_ttl("/t", ttl), &mut ());
        assert_eq!(applied, Applied::Failed(ErrorCode::BadArguments));
    }
}

#[test]
fn containers_and_ttl_nodes_become_reapable() {
    let mut tree = tree();
    let txns = [
        container("/used"),
        container("/unused"),
        with_ttl("/ttl", 50),
        container("/full"),
    ];
    run(&mut tree, 1, &txns);
    run(
        &mut tree,
        5,
        &[
            create("/used/x", b"", 1),
            delete("/used/x"),
            create("/full/x", b"", 1),
        ],
    );
    assert_eq!(tree.reapable(Millis(1003), 0), ["/used"]);
    assert_eq!(
        tree.reapable(Millis(1053), 0),
        ["/used"],
        "as long as its time to live is young"
    );
    assert_eq!(tree.reapable(Millis(1054), 0), ["/used", "/ttl"]);
    assert_eq!(
        tree.reapable(Millis(1054), 51),
        ["/used", "/unused", "/ttl"]
    );
    run(
        &mut tree,
        90,
        &[set_data("/ttl", b"", 1), create("/used/y", b"", 2)],
    );
    assert_eq!(tree.reapable(Millis(1054), 0), [""; 0]);
    run(&mut tree, 92, &[delete("/used/y"), delete("/used")]);
    assert_eq!(tree.reapable(Millis(1_000_000), 0), ["/ttl"]);
}

#[test]
fn the_sink_hears_every_change_in_order_with_both_access_lists() {
    let mut tree = tree();
    let mut heard = Heard::default();
    let two = [
        Acl::new(Perms::ALL, "world", "anyone"),
        Acl::new(Perms::READ, "ip", "::1"),
    ];
    let multi = Txn::Multi(vec![
        create("/a", b"", 1),
        set_acl("/a", &two, 1),
        ephemeral("/a/b"),
        set_data("/a", b"x", 1),
        set_data("/", b"x", 1),
    ]);
    tree.apply(&header(1), &multi, &mut heard);
    let close = Txn::CloseSession(Some(CloseSessionTxn { paths: None }));
    tree.apply(&header(2), &close, &mut heard);
    tree.apply(&header(3), &delete("/a"), &mut heard);
    tree.apply(&header(4), &delete("/a"), &mut heard);
    tree.apply(&header(5), &set_data("/a", b"", 2), &mut heard);
    let want = [
        (Created, "/a", 1, 1),
        (Created, "/a/b", 1, 2),
        (DataChanged, "/a", 2, 0),
        (DataChanged, "/", 1, 0),
        (Deleted, "/a/b", 1, 2),
        (Deleted, "/a", 2, 1),
    ];
    let heard = heard.0.iter();
    let heard = heard.map(|(kind, path, acl, parent)| (*kind, path.as_str(), *acl, *parent));
    assert_eq!(heard.collect::<Vec<_>>(), want);
    assert_eq!(
        tree.acls.stored().count(),
        1,
        "only that of /zookeeper/config is left"
    );
}

#[test]
fn a_path_has_one_spelling() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[
            create("/a", b"", 1),
            create("/a/b", b"", 1),
            create("/aa", b"", 2),
        ],
    );
    for path in [
        "a", "/a/", "//a", "/a//b", "/b", "/a/b/c", "/a/a", "aa", "/ab", "//",
    ] {
        assert!(tree.find(path).is_none(), "{path:?}");
    }
    for path in ["", "/", "/a", "/aa", "/a/b"] {
        assert!(tree.find(path).is_some(), "{path:?}");
    }
    let node = tree.find("/a/b").unwrap();
    assert_eq!((node.name(), node.path()), ("b", "/a/b".into()));
    assert_eq!(node.parent().unwrap().path(), "/a");
    assert_eq!(
        node.parent().and_then(|node| node.parent()).unwrap().path(),
        "/"
    );
    assert!(tree.find("/").unwrap().parent().is_none());
}

#[test]
fn what_cannot_be_a_path_is_refused() {
    let mut tree = tree();
    let before = picture(&tree);
    for path in ["", "/", "a", "//a", "/zookeeper/", "//", "é"] {
        let created = tree.apply(&header(1), &create(path, b"", 9), &mut ());
        assert!(matches!(created, Applied::Failed(_)), "{path:?}");
        let deleted = tree.apply(&header(1), &delete(path), &mut ());
        assert!(matches!(deleted, Applied::Failed(_)), "{path:?}");
    }
    for path in ["/zookeeper", "/zookeeper/config", "/zookeeper/quota"] {
        let deleted = tree.apply(&header(1), &delete(path), &mut ());
        assert_eq!(
            deleted,
            Applied::Failed(ErrorCode::BadArguments),
            "{path:?}"
        );
    }
    assert_eq!(picture(&tree), before);
}

#[test]
fn null_and_empty_data_are_told_apart() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[create("/empty", b"", 1), container("/null")],
    );
    assert_eq!(tree.find("/empty").unwrap().data(), Some(&b""[..]));
    assert_eq!(tree.find("/null").unwrap().data(), None);
}

#[test]
fn without_digests_there_is_none() {
    let mut tree = crate::tree::Tree::new(crate::tree::TreeOptions {
        digest: false,
        ..OPTIONS
    });
    run(&mut tree, 1, &[create("/a", b"", 1)]);
    assert_eq!(tree.digest(), 0);
}

/// Log records of an Apache 3.9.5 server: each carries the digest of the tree once it is applied.
#[test]
fn digests_are_those_that_apache_recorded() {
    let records = [
        "0100001b04f40000 00000000 0000000000000001 000001a1fc62ad89 fffffff6
         00002710
         00000002 0000000051c6d660",
        "0100001b04f40000 00000001 0000000000000002 000001a1fc62ad95 00000001
         00000002 2f61 00000005 68656c6c6f
         00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65
         00 00000001
         00000002 000000008e3e7d48",
        "0100001b04f40000 00000002 0000000000000003 000001a1fc62ad9d 00000005
         00000002 2f61 00000006 776f726c6421 00000001
         00000002 000000013db5df69",
    ];
    let mut tree = tree();
    for record in records {
        let bytes = hex(record);
        let logged = LoggedTxn::decode(&bytes).unwrap();
        tree.apply(&logged.header, &logged.txn, &mut ());
        assert_eq!(tree.digest(), logged.digest.unwrap().tree_digest);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.split_whitespace().collect::<String>();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Paths as a broken or hostile log may hold them, over an alphabet in which they often meet.
fn any_path() -> impl Strategy<Value = String> {
    prop_oneof![
        "[/a]{0,6}",
        "(/zookeeper(/quota)?)?(/a|/zookeeper_(stats|limits)){0,3}/?"
    ]
}

fn any_txn() -> impl Strategy<Value = Txn<'static>> {
    let data = || prop::option::of(prop::sample::select(vec![&b"count=1"[..], b"x", b""]));
    let single = prop_oneof![
        (any_path(), data(), any::<bool>(), any::<i32>()).prop_map(|(path, data, ephemeral, c)| {
            let txn = CreateTxn {
                path: Cow::Owned(path),
                data,
                acl: Some(Vec::new()),
                ephemeral,
                parent_cversion: c,
            };
            Txn::Create(OpCode::Create, txn)
        }),
        any_path().prop_map(|path| {
            let path = Cow::Owned(path);
            Txn::Delete(OpCode::Delete, crate::proto::txn::DeleteTxn { path })
        }),
        (any_path(), data(), any::<i32>()).prop_map(|(path, data, version)| {
            let path = Cow::Owned(path);
            let txn = crate::proto::txn::SetDataTxn {
                path,
                data,
                version,
            };
            Txn::SetData(OpCode::SetData, txn)
        }),
        prop::collection::vec(any_path(), 0..3).prop_map(|paths| {
            let paths = Some(paths.into_iter().map(Cow::Owned).collect());
            Txn::CloseSession(Some(CloseSessionTxn { paths }))
        }),
    ];
    let single = single.boxed();
    let multi = prop::collection::vec(single.clone(), 0..3).prop_map(Txn::Multi);
    prop_oneof![4 => single, 1 => multi]
}

proptest! {
    /// Nothing panics, every node stays reachable under its own path, and the counters stay true.
    #[test]
    fn any_log_can_be_applied(txns in prop::collection::vec((any_txn(), any::<i64>()), 0..40)) {
        let mut tree = tree();
        for (txn, number) in &txns {
            let mut header = header(*number);
            header.time = *number;
            header.client_id = number % 3;
            tree.apply(&header, txn, &mut ());
        }
        let ids = tree.descend(crate::tree::NodeId::ROOT).collect::<Vec<_>>();
        prop_assert_eq!(ids.len(), tree.node_count());
        let mut digest = 0_i64;
        for id in ids {
            let path = tree.path_of(id);
            prop_assert_eq!(tree.find(&path).map(|node| node.id()), Some(id));
            digest = digest.wrapping_add(tree.node(id).digest(&path));
        }
        prop_assert_eq!(tree.digest(), digest);
    }
}

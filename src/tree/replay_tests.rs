//! Transactions that meet a tree which already contains them, or what came later: one test for each
//! replay rule, and one property over random histories with snapshots taken in between.

use std::borrow::Cow;

use crate::proto::txn::{CheckVersionTxn, CloseSessionTxn, CreateSessionTxn, ErrorTxn, Txn};
use crate::tree::Applied;
use crate::tree::test_support::*;
use crate::types::{ErrorCode, OpCode, SessionId, open_acl, read_acl};

const EXISTS: Applied = Applied::Failed(ErrorCode::NodeExists);
const NO_NODE: Applied = Applied::Failed(ErrorCode::NoNode);

fn close(paths: Option<&[&'static str]>) -> Txn<'static> {
    let list = |paths: &[&'static str]| paths.iter().map(|path| Cow::Borrowed(*path)).collect();
    Txn::CloseSession(paths.map(|paths| CloseSessionTxn {
        paths: Some(list(paths)),
    }))
}

fn parent_marks(tree: &crate::tree::Tree, path: &str) -> (i32, i64) {
    let stat = tree.find(path).unwrap().persisted();
    (stat.cversion, stat.pzxid)
}

#[test]
fn r2_a_create_of_an_existing_node_replaces_its_access_list() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[create("/a", b"x", 1), set_acl("/a", &read_acl(), 1)],
    );
    let before = tree.find("/a").unwrap().persisted();
    assert_eq!(
        tree.apply(&header(1), &create("/a", b"y", 1), &mut ()),
        EXISTS
    );
    let node = tree.find("/a").unwrap();
    assert!(node.is_open_acl());
    assert_eq!((node.data(), node.persisted()), (Some(&b"x"[..]), before));
}

#[test]
fn r3_a_create_never_lowers_its_parent() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[create("/p", b"", 1), create("/p/late", b"", 7)],
    );
    run(&mut tree, 9, &[create("/p/early", b"", 7)]);
    assert_eq!(parent_marks(&tree, "/p"), (7, 2));
    run(&mut tree, 10, &[create("/p/next", b"", -1)]);
    assert_eq!(parent_marks(&tree, "/p"), (8, 10));
}

#[test]
fn r3_the_counter_stops_at_its_highest_value() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[create("/p", b"", 1), create("/p/a", b"", i32::MAX)],
    );
    run(
        &mut tree,
        3,
        &[create("/p/b", b"", i32::MIN), create("/p/c", b"", -1)],
    );
    assert_eq!(parent_marks(&tree, "/p"), (i32::MAX, 2));
}

#[test]
fn r4_a_create_of_an_existing_node_still_lifts_its_parent() {
    for (zxid, op) in [(5, OpCode::Create), (6, OpCode::Create2)] {
        let mut tree = tree();
        run(
            &mut tree,
            1,
            &[create("/p", b"", 1), create("/p/a", b"", 1)],
        );
        let again = create_as(op, "/p/a", b"", 4);
        assert_eq!(tree.apply(&header(zxid), &again, &mut ()), EXISTS);
        assert_eq!(parent_marks(&tree, "/p"), (4, zxid));
        let multi = Txn::Multi(vec![create_as(op, "/p/a", b"", 5)]);
        let applied = tree.apply(&header(zxid + 1), &multi, &mut ());
        assert_eq!(applied, Applied::Multi(vec![EXISTS]));
        assert_eq!(parent_marks(&tree, "/p"), (5, zxid + 1));
    }
}

#[test]
fn r5_a_delete_of_a_missing_node_still_moves_its_parent() {
    let mut tree = tree();
    run(&mut tree, 1, &[create("/p", b"", 1)]);
    assert_eq!(tree.apply(&header(8), &delete("/p/gone"), &mut ()), NO_NODE);
    assert_eq!(parent_marks(&tree, "/p"), (0, 8));
    assert_eq!(tree.apply(&header(7), &delete("/p/gone"), &mut ()), NO_NODE);
    assert_eq!(parent_marks(&tree, "/p"), (0, 8));
}

#[test]
fn r5_a_delete_takes_along_what_was_made_under_the_node_later() {
    let mut tree = tree();
    let later = [
        create("/p", b"", 2),
        create("/p/a", b"", 1),
        create("/p/a/b", b"", 1),
    ];
    run(&mut tree, 10, &later);
    let mut heard = Heard::default();
    assert_eq!(
        tree.apply(&header(9), &delete("/p"), &mut heard),
        Applied::Done
    );
    let paths = heard.0.iter().map(|(_, path, ..)| path.as_str());
    assert_eq!(paths.collect::<Vec<_>>(), ["/p/a/b", "/p/a", "/p"]);
    run(&mut tree, 10, &later);
    assert_eq!(
        tree.find("/p").unwrap().children().collect::<Vec<_>>(),
        ["a"]
    );
    assert!(tree.find("/p/a/b").is_some());
}

#[test]
fn r6_data_and_access_lists_are_overwritten_whatever_the_version() {
    let mut tree = tree();
    run(&mut tree, 1, &[create("/a", b"", 1)]);
    run(
        &mut tree,
        9,
        &[set_data("/a", b"new", 9), set_acl("/a", &read_acl(), 5)],
    );
    run(
        &mut tree,
        3,
        &[set_data("/a", b"old", 1), set_acl("/a", &open_acl(), 1)],
    );
    let node = tree.find("/a").unwrap();
    let stat = node.stat();
    assert_eq!(node.data(), Some(&b"old"[..]));
    assert_eq!(
        (stat.version, stat.mzxid, stat.mtime, stat.aversion),
        (1, 3, 1003, 1)
    );
    assert!(node.is_open_acl());
    assert_eq!(
        tree.apply(&header(9), &set_data("/no", b"", 1), &mut ()),
        NO_NODE
    );
    assert_eq!(
        tree.apply(&header(9), &set_acl("/no", &[], 1), &mut ()),
        NO_NODE
    );
}

#[test]
fn r7_closing_a_session_deletes_the_listed_and_then_what_is_left() {
    let mut tree = tree();
    run(&mut tree, 1, &[create("/p", b"", 1), create("/q", b"", 2)]);
    run(
        &mut tree,
        3,
        &[ephemeral("/p/c"), ephemeral("/p/b"), ephemeral("/q/a")],
    );
    let mut heard = Heard::default();
    let close = close(Some(&["/q/a", "/missing/x", "/p/gone"]));
    assert_eq!(tree.apply(&header(9), &close, &mut heard), Applied::Done);
    let paths = heard.0.iter().map(|(_, path, ..)| path.as_str());
    assert_eq!(paths.collect::<Vec<_>>(), ["/q/a", "/p/b", "/p/c"]);
    assert_eq!(parent_marks(&tree, "/p").1, 9);
    assert_eq!(parent_marks(&tree, "/q").1, 9);
    assert_eq!(tree.ephemeral_count(), 0);
    assert_eq!(tree.ephemeral_owners().count(), 0);
}

#[test]
fn r7_without_a_list_all_that_the_session_owns_goes() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[ephemeral("/a"), ephemeral("/b"), create("/c", b"", 3)],
    );
    run(&mut tree, 4, &[close(None), close(None)]);
    assert_eq!(tree.node_count(), 5);
    assert!(tree.find("/c").is_some());
}

#[test]
fn r8_a_multi_with_an_error_applies_nothing() {
    let mut tree = tree();
    let before = picture(&tree);
    let error = |err| Txn::Error(ErrorTxn { err });
    let multi = Txn::Multi(vec![create("/a", b"", 1), error(-101), error(-2)]);
    let applied = tree.apply(&header(1), &multi, &mut ());
    let refused = [0, -101, -2].map(Applied::Refused).to_vec();
    assert_eq!(applied, Applied::Multi(refused));
    assert_eq!(picture(&tree), before);
    assert_eq!(tree.last_zxid(), 1);
}

#[test]
fn r8_the_parts_of_a_multi_fail_alone() {
    let mut tree = tree();
    let check = CheckVersionTxn {
        path: Cow::Borrowed("/a"),
        version: 77,
    };
    let parts = vec![
        delete("/a"),
        Txn::Check(check),
        ephemeral("/a"),
        set_data("/a", b"x", 1),
    ];
    let applied = tree.apply(&header(3), &Txn::Multi(parts), &mut ());
    let Applied::Multi(parts) = applied else {
        panic!("{applied:?}")
    };
    assert_eq!(parts[..2], [NO_NODE, Applied::Done]);
    assert!(matches!(
        parts[2..],
        [Applied::Created(_), Applied::Stat(_)]
    ));
    assert_eq!(tree.find("/a").unwrap().stat().mzxid, 3);
}

#[test]
fn r10_the_last_zxid_only_rises() {
    let mut tree = tree();
    run(&mut tree, 7, &[create("/a", b"", 1)]);
    run(&mut tree, 3, &[create("/b", b"", 1)]);
    assert_eq!(tree.last_zxid(), 7);
}

#[test]
fn r11_errors_checks_and_sessions_change_nothing_but_the_zxid() {
    let mut tree = tree();
    let before = picture(&tree);
    let error = Txn::Error(ErrorTxn { err: -101 });
    assert_eq!(
        tree.apply(&header(1), &error, &mut ()),
        Applied::Refused(-101)
    );
    let session = Txn::CreateSession(CreateSessionTxn { timeout_ms: 1 });
    assert_eq!(tree.apply(&header(2), &session, &mut ()), Applied::Done);
    assert_eq!(picture(&tree), before);
    assert_eq!(tree.last_zxid(), 2);
}

#[test]
fn r12_under_a_missing_parent_nothing_happens() {
    let mut tree = tree();
    let before = picture(&tree);
    assert_eq!(
        tree.apply(&header(1), &create("/p/a", b"", 1), &mut ()),
        NO_NODE
    );
    assert_eq!(tree.apply(&header(2), &delete("/p/a"), &mut ()), NO_NODE);
    assert_eq!(picture(&tree), before);
}

#[test]
fn orphans_go_and_move_their_parents() {
    let mut tree = tree();
    run(
        &mut tree,
        1,
        &[create("/p", b"", 1), ephemeral("/p/b"), ephemeral("/p/a")],
    );
    let mut theirs = header(4);
    theirs.client_id = 2;
    tree.apply(&theirs, &ephemeral("/p/c"), &mut ());
    let gone = tree.remove_orphans(|session| session == SessionId(2), 20);
    assert_eq!(gone, ["/p/a", "/p/b"]);
    assert_eq!(parent_marks(&tree, "/p"), (3, 20));
    assert_eq!(
        tree.find("/p").unwrap().children().collect::<Vec<_>>(),
        ["c"]
    );
}

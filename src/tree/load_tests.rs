//! Loading: what a snapshot says is what the tree shows, and what a snapshot cannot say is refused.

use crate::tree::LoadError;
use crate::tree::Loader;
use crate::tree::Tree;
use crate::tree::test_support::*;
use crate::tree::walk::SnapshotWalk;
use crate::types::{Acl, Millis, NodeStat, Owner, Perms, SessionId, open_acl};

const STAT: NodeStat = NodeStat {
    czxid: 1,
    mzxid: 2,
    ctime: 3,
    mtime: 4,
    version: 5,
    cversion: 6,
    aversion: 7,
    ephemeral_owner: 0,
    pzxid: 8,
};

fn loader() -> Loader {
    let mut loader = Loader::new(OPTIONS);
    loader
        .node("", Some(b""), -1, &NodeStat::default())
        .unwrap();
    loader
}

fn reload(tree: &mut Tree) -> Tree {
    let mut loader = Loader::new(OPTIONS);
    let mut walk = SnapshotWalk::start(tree);
    for (id, list) in walk.acls(tree) {
        loader.acl(id, list);
    }
    let mut load = |path: &str, node: crate::tree::NodeRef<'_>| {
        let stat = node.persisted();
        loader
            .node(path, node.data(), node.acl_id(), &stat)
            .unwrap();
    };
    while walk.next_slice(tree, 1, &mut load) {}
    walk.finish(tree);
    loader.finish()
}

#[test]
fn what_was_written_comes_back() {
    let mut loader = Loader::new(OPTIONS);
    let list = vec![Acl::new(Perms::READ, "ip", "::1")];
    loader.acl(900, &list);
    loader.acl(3, &open_acl());
    loader.node("", Some(b"root"), 900, &STAT).unwrap();
    loader.node("/a", None, 3, &STAT).unwrap();
    let owned = |ephemeral_owner| NodeStat {
        ephemeral_owner,
        ..STAT
    };
    loader.node("/a/e", Some(b"x"), 900, &owned(77)).unwrap();
    loader
        .node("/a/c", Some(b"x"), -1, &owned(Owner::Container.bits()))
        .unwrap();
    loader
        .node("/a/t", Some(b"x"), -1, &owned(Owner::Ttl(10).bits()))
        .unwrap();
    let tree = loader.finish();

    let root = tree.find("/").unwrap();
    assert_eq!(
        (root.data(), root.persisted(), root.acl()),
        (Some(&b"root"[..]), STAT, &list[..])
    );
    let node = tree.find("/a").unwrap();
    assert_eq!(
        (node.data(), node.is_open_acl(), node.child_count()),
        (None, true, 3)
    );
    assert_eq!(tree.find("/a/e").unwrap().acl(), list);
    assert!(tree.ephemerals_of(SessionId(77)).eq(["/a/e"]));
    assert_eq!(tree.reapable(Millis(15), 0), ["/a/c", "/a/t"]);
    assert_eq!(tree.node_count(), 7, "with those that every tree has");
    assert!(
        tree.find("/zookeeper/config").is_none(),
        "old snapshots have none"
    );
}

#[test]
fn a_tree_is_the_same_after_a_reload() {
    let mut tree = tree();
    let list = [Acl::new(Perms(0x7fff_ffff), "digest", "a:b")];
    let txns = [
        create("/a", b"1", 1),
        create("/a/b", b"22", 1),
        ephemeral("/a/e"),
        container("/a/c"),
        with_ttl("/t", 9),
        set_acl("/a/b", &list, 1),
        set_acl("/", &[], 1),
        set_data("/", b"x", 1),
    ];
    run(&mut tree, 1, &txns);
    let loaded = reload(&mut tree);
    assert_eq!(picture(&loaded), picture(&tree));
    assert_eq!(loaded.last_zxid(), 5, "the newest node's");
}

#[test]
fn quota_usage_is_counted_afresh() {
    let mut tree = tree();
    let txns = [
        create("/a", b"12", -1),
        create("/zookeeper/quota/a", b"", -1),
        create("/zookeeper/quota/a/zookeeper_limits", b"count=5", -1),
        create("/zookeeper/quota/a/zookeeper_stats", b"", -1),
        set_data("/zookeeper/quota/a/zookeeper_stats", b"nonsense", 1),
    ];
    run(&mut tree, 1, &txns);
    assert_eq!(tree.quota_over("/a"), None);
    let quota = reload(&mut tree).quota_over("/a").unwrap();
    assert_eq!((quota.count, quota.bytes), (1, 2));
}

#[test]
fn an_unlisted_access_list_lets_nobody_in_until_replay_brings_it() {
    let mut loader = loader();
    loader.node("/a", None, 9, &STAT).unwrap();
    let mut tree = loader.finish();
    assert_eq!(
        tree.find("/a").unwrap().acl(),
        [Acl::new(Perms(0), "world", "anyone")]
    );
    run(&mut tree, 9, &[set_acl("/a", &open_acl(), 1)]);
    assert!(tree.find("/a").unwrap().is_open_acl());
}

#[test]
fn access_lists_without_a_node_are_dropped() {
    let mut loader = loader();
    loader.acl(5, &[Acl::new(Perms::READ, "ip", "::1")]);
    let tree = loader.finish();
    assert_eq!(tree.acls.stored().count(), 0);
}

#[test]
fn what_makes_no_tree_is_refused() {
    let load = |path: &str| loader().node(path, None, -1, &STAT).unwrap_err();
    for path in ["a", "/", "//a", "/a/"] {
        let path = path.to_owned();
        assert_eq!(load(&path), LoadError::BadPath { path });
    }
    let path = "/a/b".to_owned();
    assert_eq!(load(&path), LoadError::NoParent { path });
    assert_eq!(load(""), LoadError::Twice { path: "".into() });
    let mut loader = loader();
    loader.node("/a", None, -1, &STAT).unwrap();
    let error = loader.node("/a", None, -1, &STAT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the snapshot holds the node \"/a\" twice"
    );
}

#[test]
fn slots_freed_during_a_walk_are_not_used_before_it_ends() {
    let mut tree = tree();
    run(&mut tree, 1, &[create("/a", b"", -1)]);
    let freed = tree.find("/a").unwrap().id();
    let walk = SnapshotWalk::start(&mut tree);
    run(&mut tree, 2, &[delete("/a"), create("/b", b"", -1)]);
    assert_ne!(tree.find("/b").unwrap().id(), freed);
    walk.finish(&mut tree);
    run(&mut tree, 4, &[create("/c", b"", -1)]);
    assert_eq!(tree.find("/c").unwrap().id(), freed);
}

#[test]
fn a_walk_leaves_out_what_is_newer_than_itself() {
    let mut tree = tree();
    run(&mut tree, 1, &[create("/old", b"", -1)]);
    let mut walk = SnapshotWalk::start(&mut tree);
    let txns = [
        create("/new", b"", -1),
        create("/old/new", b"", -1),
        set_data("/old", b"x", 1),
    ];
    run(&mut tree, 2, &txns);
    let mut seen = Vec::new();
    let more = walk.next_slice(&tree, 100, &mut |path, node| {
        seen.push((path.to_owned(), node.data().map(<[u8]>::len)));
    });
    assert!(!more);
    seen.sort_unstable();
    let paths = seen.iter().map(|(path, len)| (path.as_str(), *len));
    let want = [
        ("", Some(0)),
        ("/old", Some(1)),
        ("/zookeeper", Some(0)),
        ("/zookeeper/config", Some(0)),
        ("/zookeeper/quota", Some(0)),
    ];
    assert!(paths.eq(want), "{seen:?}");
    walk.finish(&mut tree);
}

#[test]
fn a_slice_visits_no_more_than_it_may() {
    let mut tree = tree();
    let mut walk = SnapshotWalk::start(&mut tree);
    let mut visits = Vec::new();
    loop {
        let mut visited = 0;
        let more = walk.next_slice(&tree, 3, &mut |_, _| visited += 1);
        visits.push(visited);
        if !more {
            break;
        }
    }
    assert_eq!(visits.iter().sum::<i32>(), 4);
    assert!(visits.iter().all(|visited| *visited <= 3));
    walk.finish(&mut tree);
}

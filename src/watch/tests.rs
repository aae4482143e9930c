//! The rules of triggering, one by one; `model_tests.rs` mixes them.

use super::*;
use crate::types::{ChangeKind, EventType};

const A: ConnId = ConnId(1);
const B: ConnId = ConnId(2);
const C: ConnId = ConnId(3);

/// Each delivery as a line: `Created /a Node [1, 2]`.
#[derive(Default)]
struct Lines(Vec<String>);

impl Deliver for Lines {
    fn deliver(&mut self, event: EventType, path: &str, side: Side, receivers: &[ConnId]) {
        let event = format!("{event:?}");
        let conns = receivers.iter().map(|conn| conn.0).collect::<Vec<_>>();
        let event = event.trim_start_matches("Node");
        self.0.push(format!("{event} {path} {side:?} {conns:?}"));
    }
}

fn fired(watches: &mut Watches, kind: ChangeKind, path: &str) -> Vec<String> {
    let mut lines = Lines::default();
    watches.fire(kind, path, &mut lines);
    lines.0
}

fn watches(entries: &[(ConnId, &str, Table, Mode)]) -> Watches {
    let mut watches = Watches::new(1);
    for (conn, path, table, mode) in entries {
        watches.add(*conn, path, *table, *mode);
    }
    watches
}

use ChangeKind::{Created, DataChanged, Deleted};
use Mode::{Persistent, Recursive, Standard};
use Table::{Child, Data};

#[test]
fn numbers_of_watcher_types() {
    let known = (-9..9)
        .filter_map(WatcherType::from_code)
        .collect::<Vec<_>>();
    assert_eq!(
        known,
        [
            WatcherType::Children,
            WatcherType::Data,
            WatcherType::Any,
            WatcherType::Persistent,
            WatcherType::PersistentRecursive
        ]
    );
    assert_eq!(
        WatcherType::from_code(5),
        Some(WatcherType::PersistentRecursive)
    );
    assert_eq!(WatcherType::from_code(0), None);
}

#[test]
fn a_creation_serves_the_path_then_the_parents_children() {
    let mut watches = watches(&[
        (A, "/p", Child, Standard),
        (B, "/p/x", Data, Standard),
        (C, "/p", Data, Standard),
        (C, "/p/x", Child, Standard),
    ]);
    assert_eq!(
        fired(&mut watches, Created, "/p/x"),
        ["Created /p/x Node [2]", "ChildrenChanged /p Parent [1]"]
    );
    assert_eq!(fired(&mut watches, Created, "/p/x"), [""; 0], "used up");
    assert_eq!(watches.total(), 2, "the others wait on");
}

#[test]
fn a_child_of_the_root_has_the_root_as_parent() {
    let mut watches = watches(&[(A, "/", Child, Standard)]);
    assert_eq!(
        fired(&mut watches, Created, "/x"),
        ["ChildrenChanged / Parent [1]"]
    );
    assert!(watches.is_empty());
}

#[test]
fn a_data_change_serves_the_data_table_only() {
    let mut watches = watches(&[
        (A, "/p/x", Data, Standard),
        (B, "/p/x", Child, Standard),
        (B, "/p", Child, Persistent),
    ]);
    assert_eq!(
        fired(&mut watches, DataChanged, "/p/x"),
        ["DataChanged /p/x Node [1]"]
    );
    assert_eq!(fired(&mut watches, DataChanged, "/p/x"), [""; 0]);
    assert_eq!(watches.total(), 2);
}

#[test]
fn a_deletion_is_told_once_to_whoever_watches_data_and_children() {
    let mut watches = watches(&[
        (A, "/p/x", Data, Standard),
        (A, "/p/x", Child, Standard),
        (B, "/p/x", Child, Standard),
        (C, "/p", Child, Standard),
        (A, "/p", Child, Standard),
    ]);
    assert_eq!(
        fired(&mut watches, Deleted, "/p/x"),
        [
            "Deleted /p/x Node [1]",
            "Deleted /p/x Node [2]",
            "ChildrenChanged /p Parent [3, 1]",
        ]
    );
    assert!(watches.is_empty(), "both of A's are used up");
}

#[test]
fn a_deletion_with_all_served_in_the_first_step_has_no_second() {
    let mut watches = watches(&[(A, "/x", Data, Persistent), (A, "/x", Child, Persistent)]);
    assert_eq!(fired(&mut watches, Deleted, "/x"), ["Deleted /x Node [1]"]);
}

#[test]
fn persistent_watches_hear_of_data_and_children_and_stay() {
    let mut watches = watches(&[(A, "/p", Data, Persistent), (A, "/p", Child, Persistent)]);
    for _ in 0..2 {
        assert_eq!(fired(&mut watches, Created, "/p"), ["Created /p Node [1]"]);
        assert_eq!(
            fired(&mut watches, DataChanged, "/p"),
            ["DataChanged /p Node [1]"]
        );
        assert_eq!(
            fired(&mut watches, Created, "/p/x"),
            ["ChildrenChanged /p Parent [1]"]
        );
        assert_eq!(
            fired(&mut watches, DataChanged, "/p/x"),
            [""; 0],
            "a grandchild's data is not theirs"
        );
        assert_eq!(fired(&mut watches, Deleted, "/p"), ["Deleted /p Node [1]"]);
    }
}

#[test]
fn recursive_watches_hear_of_all_descendants_but_never_of_children() {
    let mut watches = watches(&[(A, "/", Data, Recursive), (B, "/a", Data, Recursive)]);
    assert_eq!(
        fired(&mut watches, Created, "/a"),
        ["Created /a Node [2, 1]"]
    );
    assert_eq!(
        fired(&mut watches, Created, "/a/b/c"),
        ["Created /a/b/c Node [2, 1]"]
    );
    assert_eq!(
        fired(&mut watches, DataChanged, "/ab"),
        ["DataChanged /ab Node [1]"],
        "/a is not above /ab"
    );
    assert_eq!(
        fired(&mut watches, Deleted, "/zookeeper/x"),
        ["Deleted /zookeeper/x Node [1]"]
    );
    assert_eq!(
        fired(&mut watches, DataChanged, "/"),
        ["DataChanged / Node [1]"]
    );
}

#[test]
fn modes_and_ancestors_together_tell_a_connection_once() {
    let mut watches = watches(&[
        (B, "/a/b", Data, Standard),
        (A, "/a/b", Data, Standard),
        (A, "/a/b", Data, Persistent),
        (A, "/a/b", Data, Recursive),
        (A, "/a", Data, Recursive),
        (C, "/a", Data, Recursive),
        (A, "/", Data, Recursive),
    ]);
    assert_eq!(
        fired(&mut watches, DataChanged, "/a/b"),
        ["DataChanged /a/b Node [2, 1, 3]"]
    );
    assert_eq!(
        fired(&mut watches, DataChanged, "/a/b"),
        ["DataChanged /a/b Node [1, 3]"],
        "A's standard watch is used up, the others are not"
    );
}

#[test]
fn persistent_and_recursive_on_the_root_are_two_events() {
    let mut watches = watches(&[
        (A, "/", Data, Persistent),
        (A, "/", Child, Persistent),
        (A, "/", Data, Recursive),
    ]);
    assert_eq!(
        fired(&mut watches, Created, "/x"),
        ["Created /x Node [1]", "ChildrenChanged / Parent [1]"]
    );
}

#[test]
fn setting_again_changes_nothing() {
    let mut watches = watches(&[(A, "/x", Data, Standard), (B, "/x", Data, Standard)]);
    watches.add(A, "/x", Data, Standard);
    watches.add(A, "/x", Data, Persistent);
    assert_eq!(watches.total(), 2);
    assert_eq!(
        fired(&mut watches, Created, "/x"),
        ["Created /x Node [1, 2]"]
    );
    assert_eq!(fired(&mut watches, Created, "/x"), ["Created /x Node [1]"]);
}

#[test]
fn a_recursive_watch_is_in_the_data_table_by_any_name() {
    let mut watches = watches(&[(A, "/x", Child, Recursive)]);
    assert_eq!((watches.data_counts().total, watches.total()), (1, 1));
    assert_eq!(
        fired(&mut watches, Created, "/x/y"),
        ["Created /x/y Node [1]"]
    );
}

#[test]
fn contains_and_remove_by_type() {
    use WatcherType::{Any, Children, PersistentRecursive};
    let all = [
        (A, "/x", Child, Standard),
        (A, "/x", Data, Standard),
        (A, "/x", Data, Persistent),
        (A, "/x", Child, Persistent),
        (A, "/x", Data, Recursive),
        (B, "/x", Data, Standard),
        (A, "/y", Data, Standard),
    ];
    for (wanted, left) in [
        (Children, 6),
        (WatcherType::Data, 6),
        (WatcherType::Persistent, 5),
        (PersistentRecursive, 6),
        (Any, 2),
    ] {
        let mut watches = watches(&all);
        assert!(watches.contains(A, "/x", wanted), "{wanted:?}");
        assert!(watches.remove(A, "/x", wanted), "{wanted:?}");
        assert!(!watches.contains(A, "/x", wanted), "{wanted:?}");
        assert!(!watches.remove(A, "/x", wanted), "{wanted:?}");
        let has = |(conn, path, table, mode): &(ConnId, &str, Table, Mode)| {
            let (list, mode) = Watches::list_of(*table, *mode);
            watches.book.has(*conn, path, list, mode)
        };
        assert_eq!(
            all.iter().filter(|entry| has(entry)).count(),
            left,
            "{wanted:?}"
        );
    }
}

#[test]
fn asking_for_persistent_looks_at_data_but_removing_clears_both() {
    let mut watches = watches(&[(A, "/x", Child, Persistent)]);
    assert!(!watches.contains(A, "/x", WatcherType::Persistent));
    assert!(watches.contains(A, "/x", WatcherType::Any));
    assert!(watches.remove(A, "/x", WatcherType::Persistent));
    assert!(watches.is_empty());
}

#[test]
fn nothing_is_found_or_removed_for_strangers() {
    let mut watches = watches(&[(A, "/x", Data, Standard)]);
    for (conn, path) in [(B, "/x"), (A, "/"), (A, "/x/y"), (B, "nowhere")] {
        assert!(!watches.contains(conn, path, WatcherType::Any));
        assert!(!watches.remove(conn, path, WatcherType::Any));
    }
    watches.remove_connection(B);
    assert_eq!(watches.total(), 1);
}

#[test]
fn data_is_not_contained_any_more_when_only_persistent_remains() {
    let mut watches = watches(&[(A, "/x", Data, Standard), (A, "/x", Data, Persistent)]);
    assert!(watches.contains(A, "/x", WatcherType::Data));
    fired(&mut watches, DataChanged, "/x");
    assert!(!watches.contains(A, "/x", WatcherType::Data));
    assert!(watches.contains(A, "/x", WatcherType::Persistent));
}

#[test]
fn malformed_paths_can_be_watched_and_removed() {
    let mut watches = watches(&[
        (A, "", Data, Standard),
        (A, "a//b/", Data, Recursive),
        (A, "//", Child, Persistent),
    ]);
    fired(&mut watches, Created, "/a");
    assert_eq!(watches.total(), 3);
    assert!(watches.remove(A, "a//b/", WatcherType::PersistentRecursive));
    watches.remove_connection(A);
    assert!(watches.is_empty());
}

#[test]
fn watches_go_with_their_connection() {
    let mut watches = watches(&[
        (A, "/x", Data, Standard),
        (B, "/x", Data, Standard),
        (A, "/x", Child, Persistent),
        (A, "/y", Data, Recursive),
    ]);
    watches.remove_connection(A);
    assert_eq!(fired(&mut watches, Created, "/x"), ["Created /x Node [2]"]);
    assert_eq!(fired(&mut watches, Created, "/y/z"), [""; 0]);
    assert!(watches.is_empty());
}

#[test]
fn a_crowd_is_served_in_the_order_of_registration() {
    let mut watches = Watches::new(1);
    let conns = || (0..1000).map(|n| ConnId(n * 7 % 1000));
    for conn in conns() {
        watches.add(conn, "/x", Data, Standard);
        watches.add(conn, "/x", Data, Standard);
    }
    assert_eq!(watches.total(), 1000);
    for conn in (0..1000).step_by(3).map(ConnId) {
        assert!(watches.remove(conn, "/x", WatcherType::Data));
        assert!(!watches.contains(conn, "/x", WatcherType::Any));
    }
    watches.remove_connection(ConnId(7));
    let left = conns().filter(|conn| conn.0 % 3 != 0 && conn.0 != 7);
    let left = left.map(|conn| conn.0).collect::<Vec<_>>();
    assert!(
        left.iter()
            .all(|n| watches.contains(ConnId(*n), "/x", WatcherType::Data))
    );
    assert_eq!(
        fired(&mut watches, Created, "/x"),
        [format!("Created /x Node {left:?}")]
    );
    assert!(watches.is_empty());
}

#[test]
fn counts_are_those_of_the_data_table() {
    let mut watches = watches(&[
        (A, "/x", Data, Standard),
        (A, "/x", Data, Persistent),
        (A, "/x", Data, Recursive),
        (A, "/x", Child, Standard),
        (B, "/x", Data, Recursive),
        (B, "/y", Data, Standard),
        (C, "/y", Child, Standard),
    ]);
    let counts = |connections, paths, total| DataCounts {
        connections,
        paths,
        total,
    };
    assert_eq!(
        (watches.data_counts(), watches.total()),
        (counts(2, 2, 3), 5)
    );

    fired(&mut watches, DataChanged, "/y");
    assert_eq!(
        (watches.data_counts(), watches.total()),
        (counts(2, 1, 2), 4)
    );

    watches.remove(A, "/x", WatcherType::PersistentRecursive);
    assert_eq!(watches.data_counts(), counts(2, 1, 2));
    watches.remove(A, "/x", WatcherType::Any);
    assert_eq!(
        (watches.data_counts(), watches.total()),
        (counts(1, 1, 1), 2)
    );

    watches.remove_connection(B);
    assert_eq!(
        (watches.data_counts(), watches.total()),
        (counts(0, 0, 0), 1)
    );
}

#[test]
fn a_connection_stays_listed_when_its_watches_have_fired() {
    let mut watches = watches(&[(A, "/x", Data, Standard), (B, "/x", Data, Standard)]);
    fired(&mut watches, DataChanged, "/x");
    assert_eq!(watches.data_counts().connections, 2);
    let listed = watches.data_by_connection();
    assert_eq!(
        listed
            .map(|(conn, paths)| (conn, paths.count()))
            .collect::<Vec<_>>(),
        [(A, 0), (B, 0)]
    );
    assert!(!watches.remove(A, "/x", WatcherType::Any));
    assert_eq!(watches.data_counts().connections, 2, "nothing to remove");
    watches.add(A, "/x", Data, Standard);
    assert!(watches.remove(A, "/x", WatcherType::Data));
    watches.remove_connection(B);
    assert_eq!(watches.data_counts().connections, 0);
}

#[test]
fn walks_show_every_pair_once() {
    let watches = watches(&[
        (A, "/x", Data, Standard),
        (B, "/x", Data, Recursive),
        (A, "/x", Data, Recursive),
        (A, "/y", Data, Recursive),
        (C, "/z", Child, Persistent),
    ]);
    let by_path = watches.data_by_path();
    let by_path = by_path.map(|(path, conns)| (path, conns.collect::<Vec<_>>()));
    assert_eq!(
        by_path.collect::<Vec<_>>(),
        [("/x", vec![A, B]), ("/y", vec![A])]
    );
    let by_conn = watches.data_by_connection();
    let by_conn = by_conn.map(|(conn, paths)| (conn, paths.collect::<Vec<_>>()));
    assert_eq!(
        by_conn.collect::<Vec<_>>(),
        [(A, vec!["/y", "/x"]), (B, vec!["/x"])]
    );
}

#[test]
fn the_seed_changes_nothing_that_can_be_seen() {
    let run = |seed| {
        let mut watches = Watches::new(seed);
        for n in 0..500 {
            let path = format!("/{}", n % 40);
            watches.add(ConnId(n % 77), &path, Data, Standard);
            watches.add(ConnId(n % 13), "/", Data, Recursive);
        }
        let mut lines = Lines::default();
        for n in 0..40 {
            watches.fire(Created, &format!("/{n}"), &mut lines);
        }
        lines.0
    };
    assert_eq!(run(1), run(u64::MAX));
}

fn heap_bytes(paths: u64, conns: u64) -> (usize, Watches) {
    let mut watches = Watches::new(1);
    for path in 0..paths {
        let path = format!("/{path:09}");
        for conn in 0..conns {
            watches.add(ConnId(conn), &path, Data, Standard);
        }
    }
    (watches.book.heap_bytes(), watches)
}

#[test]
fn what_a_watch_costs() {
    // A link 28, a path 32, its text 10; the index of paths 6 to 12, depending on how full it is.
    let (distinct, _) = heap_bytes(20_000, 1);
    assert!((76..84).contains(&(distinct / 20_000)), "{distinct}");
    // A link 28; the index of watches 6 to 12.
    let (shared, _) = heap_bytes(1, 20_000);
    assert!((34..42).contains(&(shared / 20_000)), "{shared}");
}

#[test]
fn what_many_watches_took_is_given_back_with_the_last() {
    for (paths, conns) in [(20_000, 1), (1, 20_000)] {
        let (full, mut watches) = heap_bytes(paths, conns);
        (0..conns).for_each(|conn| watches.remove_connection(ConnId(conn)));
        let left = watches.book.heap_bytes();
        assert!(left < full / 8, "{left} of {full}");
    }
}

//! Random registrations, removals and changes against the simplest thing that could be right: one list
//! of everything, looked through from the start.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::types::{ChangeKind, EventType};

#[derive(Debug, Clone)]
struct Entry {
    conn: ConnId,
    path: &'static str,
    list: List,
    modes: Modes,
}

type Delivered = (EventType, String, Side, Vec<ConnId>);

/// In the order of registration.
#[derive(Debug, Default)]
struct Model {
    entries: Vec<Entry>,
    listed: BTreeSet<ConnId>,
}

impl Model {
    fn add(&mut self, conn: ConnId, path: &'static str, table: Table, mode: Mode) {
        let (list, modes) = Watches::list_of(table, mode);
        if list != List::Child {
            self.listed.insert(conn);
        }
        let same = |e: &&mut Entry| (e.conn, e.path, e.list) == (conn, path, list);
        match self.entries.iter_mut().find(same) {
            Some(entry) => entry.modes.insert(modes),
            None => self.entries.push(Entry {
                conn,
                path,
                list,
                modes,
            }),
        }
    }

    fn has(&self, conn: ConnId, path: &str, list: List, modes: Modes) -> bool {
        let same = |e: &&Entry| (e.conn, e.path, e.list) == (conn, path, list);
        let found = self.entries.iter().find(same);
        found.is_some_and(|e| e.modes.intersects(modes))
    }

    fn contains(&self, conn: ConnId, path: &str, wanted: WatcherType) -> bool {
        let has = |list, modes| self.has(conn, path, list, modes);
        match wanted {
            WatcherType::Children => has(List::Child, Modes::STANDARD),
            WatcherType::Data => has(List::Data, Modes::STANDARD),
            WatcherType::Persistent => has(List::Data, Modes::PERSISTENT),
            WatcherType::PersistentRecursive => has(List::Recursive, Modes::ALL),
            WatcherType::Any => {
                let of_path = |e: &Entry| e.conn == conn && e.path == path;
                self.entries.iter().any(of_path)
            }
        }
    }

    fn remove(&mut self, conn: ConnId, path: &str, wanted: WatcherType) -> bool {
        let data_before = self.data_pairs().len();
        let before = format!("{:?}", self.entries);
        for e in &mut self.entries {
            if e.conn == conn && e.path == path {
                match wanted {
                    WatcherType::Children if e.list == List::Child => {
                        e.modes.remove(Modes::STANDARD);
                    }
                    WatcherType::Data if e.list == List::Data => e.modes.remove(Modes::STANDARD),
                    WatcherType::Persistent => e.modes.remove(Modes::PERSISTENT),
                    WatcherType::PersistentRecursive => e.modes.remove(Modes::RECURSIVE),
                    WatcherType::Any => e.modes.remove(Modes::ALL),
                    _ => {}
                }
            }
        }
        self.forget_empty();
        let has_data = self.data_pairs().iter().any(|(c, _)| *c == conn);
        if self.data_pairs().len() < data_before && !has_data {
            self.listed.remove(&conn);
        }
        before != format!("{:?}", self.entries)
    }

    fn remove_connection(&mut self, conn: ConnId) {
        self.entries.retain(|e| e.conn != conn);
        self.listed.remove(&conn);
    }

    fn forget_empty(&mut self) {
        self.entries.retain(|e| !e.modes.is_empty());
    }

    fn data_pairs(&self) -> BTreeSet<(ConnId, &'static str)> {
        let data = self.entries.iter().filter(|e| e.list != List::Child);
        data.map(|e| (e.conn, e.path)).collect()
    }

    /// Connections in a list of a path; standard watches there are used up.
    fn take(&mut self, list: List, path: &str) -> Vec<ConnId> {
        let mut conns = Vec::new();
        for e in &mut self.entries {
            if e.list == list && e.path == path {
                conns.push(e.conn);
                e.modes.remove(Modes::STANDARD);
            }
        }
        self.forget_empty();
        conns
    }

    fn fire(&mut self, kind: ChangeKind, path: &str) -> Vec<Delivered> {
        let mut first = self.take(List::Data, path);
        let mut above = path;
        loop {
            first.extend(self.take(List::Recursive, above));
            above = match above.rfind('/') {
                _ if above == "/" => break,
                Some(0) => "/",
                Some(end) => &above[..end],
                None => break,
            };
        }
        let mut seen = BTreeSet::new();
        first.retain(|conn| seen.insert(*conn));
        let (event, parent) = match kind {
            ChangeKind::Created => (EventType::NodeCreated, true),
            ChangeKind::Deleted => (EventType::NodeDeleted, true),
            ChangeKind::DataChanged => (EventType::NodeDataChanged, false),
        };
        let mut out = vec![(event, path.to_owned(), Side::Node, first)];
        if kind == ChangeKind::Deleted {
            let mut second = self.take(List::Child, path);
            second.retain(|conn| !seen.contains(conn));
            out.push((event, path.to_owned(), Side::Node, second));
        }
        if parent {
            let cut = path.rfind('/').unwrap();
            let parent = if cut == 0 { "/" } else { &path[..cut] };
            let conns = self.take(List::Child, parent);
            let event = EventType::NodeChildrenChanged;
            out.push((event, parent.to_owned(), Side::Parent, conns));
        }
        out.retain(|(.., conns)| !conns.is_empty());
        out
    }
}

struct Collect(Vec<Delivered>);

impl Deliver for Collect {
    fn deliver(&mut self, event: EventType, path: &str, side: Side, receivers: &[ConnId]) {
        self.0
            .push((event, path.to_owned(), side, receivers.to_vec()));
    }
}

#[derive(Debug, Clone)]
enum Op {
    Add(ConnId, &'static str, Table, Mode),
    Remove(ConnId, &'static str, WatcherType),
    RemoveConnection(ConnId),
    Fire(ChangeKind, &'static str),
}

fn op() -> impl Strategy<Value = Op> {
    let conn = || (0..24_u64).prop_map(ConnId);
    let path = || prop::sample::select(vec!["/", "/a", "/a/b", "/a/b/c", "/ab", "/d"]);
    let table = prop::sample::select(vec![Table::Data, Table::Child]);
    let mode = prop::sample::select(vec![
        Mode::Standard,
        Mode::Standard,
        Mode::Persistent,
        Mode::Recursive,
    ]);
    let kind = prop::sample::select(vec![
        ChangeKind::Created,
        ChangeKind::Deleted,
        ChangeKind::DataChanged,
    ]);
    let wanted = (1..=5).prop_map(|code| WatcherType::from_code(code).unwrap());
    prop_oneof![
        8 => (conn(), path(), table, mode).prop_map(|(c, p, t, m)| Op::Add(c, p, t, m)),
        2 => (conn(), path(), wanted).prop_map(|(c, p, w)| Op::Remove(c, p, w)),
        1 => conn().prop_map(Op::RemoveConnection),
        1 => (kind, path()).prop_map(|(k, p)| Op::Fire(k, p)),
    ]
}

fn same_view(watches: &Watches, model: &Model) {
    let pairs = model.data_pairs();
    let child = model.entries.iter().filter(|e| e.list == List::Child);
    assert_eq!(watches.total(), pairs.len() + child.count());
    assert_eq!(watches.is_empty(), model.entries.is_empty());
    let paths = pairs.iter().map(|(_, path)| *path).collect::<BTreeSet<_>>();
    let counts = DataCounts {
        connections: model.listed.len(),
        paths: paths.len(),
        total: pairs.len(),
    };
    assert_eq!(watches.data_counts(), counts);

    let by_path = watches.data_by_path();
    let by_path = by_path.flat_map(|(path, conns)| conns.map(move |conn| (conn, path)));
    let by_path = by_path.collect::<Vec<_>>();
    assert_eq!(by_path.len(), pairs.len());
    assert!(by_path.iter().all(|pair| pairs.contains(&(pair.0, pair.1))));

    let mut listed = BTreeMap::new();
    for (conn, paths) in watches.data_by_connection() {
        listed.insert(conn, paths.collect::<BTreeSet<_>>());
    }
    assert!(listed.keys().eq(model.listed.iter()));
    let listed = listed
        .iter()
        .flat_map(|(conn, paths)| paths.iter().map(|path| (*conn, *path)));
    assert!(listed.eq(pairs.iter().map(|(conn, path)| (*conn, *path))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn same_as_the_model(seed: u64, ops in prop::collection::vec(op(), 1..250)) {
        let (mut watches, mut model) = (Watches::new(seed), Model::default());
        for op in ops {
            match op {
                Op::Add(conn, path, table, mode) => {
                    watches.add(conn, path, table, mode);
                    model.add(conn, path, table, mode);
                }
                Op::Remove(conn, path, wanted) => {
                    let contains = model.contains(conn, path, wanted);
                    prop_assert_eq!(watches.contains(conn, path, wanted), contains);
                    let removed = model.remove(conn, path, wanted);
                    prop_assert_eq!(watches.remove(conn, path, wanted), removed);
                }
                Op::RemoveConnection(conn) => {
                    watches.remove_connection(conn);
                    model.remove_connection(conn);
                }
                // Nobody creates or deletes the root.
                Op::Fire(kind, "/") if kind != ChangeKind::DataChanged => {}
                Op::Fire(kind, path) => {
                    let mut got = Collect(Vec::new());
                    watches.fire(kind, path, &mut got);
                    prop_assert_eq!(got.0, model.fire(kind, path));
                }
            }
            watches.book.check();
            same_view(&watches, &model);
        }
        for conn in 0..24 {
            watches.remove_connection(ConnId(conn));
        }
        prop_assert!(watches.is_empty());
        prop_assert_eq!((watches.total(), watches.data_counts()), (0, DataCounts::default()));
        prop_assert_eq!(watches.book.paths.iter().count(), 0, "no path outlives its watches");
        prop_assert_eq!(watches.book.conns.iter().count(), 0);
    }
}

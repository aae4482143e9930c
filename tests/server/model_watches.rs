//! Watches of the model: a list of who waits where.

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Data,
    Child,
    Recursive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Created,
    Deleted,
    Data,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Watch {
    conn: u64,
    path: String,
    kind: Kind,
    stays: bool,
}

#[derive(Debug, Clone, Default)]
pub struct ModelWatches(Vec<Watch>);

/// Connection, event, path, and whether the parent's list decides who may hear of it.
pub type Fired = (u64, i32, String, bool);

impl ModelWatches {
    pub fn add(&mut self, conn: u64, path: &str, kind: Kind, stays: bool) {
        let path = path.to_owned();
        let watch = Watch {
            conn,
            path,
            kind,
            stays,
        };
        if !self.0.contains(&watch) {
            self.0.push(watch);
        }
    }

    pub fn add_persistent(&mut self, conn: u64, path: &str) {
        self.add(conn, path, Kind::Data, true);
        self.add(conn, path, Kind::Child, true);
    }

    pub fn forget(&mut self, conn: u64) {
        self.0.retain(|watch| watch.conn != conn);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn matching(kind: i32) -> Result<Vec<(Kind, bool)>, i32> {
        Ok(match kind {
            1 => vec![(Kind::Child, false)],
            2 => vec![(Kind::Data, false)],
            3 => vec![
                (Kind::Child, false),
                (Kind::Data, false),
                (Kind::Child, true),
                (Kind::Data, true),
                (Kind::Recursive, true),
            ],
            4 => vec![(Kind::Data, true), (Kind::Child, true)],
            5 => vec![(Kind::Recursive, true)],
            _ => return Err(-5),
        })
    }

    /// A persistent watch is looked for in the data table only.
    pub fn check(&self, conn: u64, path: &str, kind: i32) -> Result<String, i32> {
        let wanted = Self::matching(kind)?;
        let found = self.0.iter().any(|watch| {
            watch.conn == conn
                && watch.path == path
                && wanted.contains(&(watch.kind, watch.stays))
                && !(kind == 4 && watch.kind == Kind::Child)
        });
        if found { Ok(String::new()) } else { Err(-121) }
    }

    pub fn remove(&mut self, conn: u64, path: &str, kind: i32) -> Result<String, i32> {
        let wanted = Self::matching(kind)?;
        let before = self.0.len();
        self.0.retain(|watch| {
            !(watch.conn == conn
                && watch.path == path
                && wanted.contains(&(watch.kind, watch.stays)))
        });
        if self.0.len() < before {
            Ok(String::new())
        } else {
            Err(-121)
        }
    }

    /// Who waits at `path` in one table; what does not stay is used up.
    fn take(&mut self, kind: Kind, path: &str) -> Vec<u64> {
        let here = |watch: &Watch| watch.kind == kind && watch.path == path;
        let conns = self.0.iter().filter(|watch| here(watch));
        let conns = conns.map(|watch| watch.conn).collect();
        self.0.retain(|watch| watch.stays || !here(watch));
        conns
    }

    pub fn fire(&mut self, change: Change, path: &str) -> Vec<Fired> {
        let kind = match change {
            Change::Created => 1,
            Change::Deleted => 2,
            Change::Data => 3,
        };
        let mut served = BTreeSet::from_iter(self.take(Kind::Data, path));
        let mut above = Some(path);
        while let Some(at) = above {
            served.extend(self.take(Kind::Recursive, at));
            above = if at == "/" {
                None
            } else {
                crate::model::parent(at)
            };
        }
        if change == Change::Deleted {
            served.extend(self.take(Kind::Child, path));
        }
        let mut fired = Vec::new();
        fired.extend(
            served
                .into_iter()
                .map(|conn| (conn, kind, path.to_owned(), false)),
        );
        if change != Change::Data {
            let parent = crate::model::parent(path).expect("the root neither comes nor goes");
            let waiting = BTreeSet::from_iter(self.take(Kind::Child, parent));
            fired.extend(
                waiting
                    .into_iter()
                    .map(|conn| (conn, 4, parent.to_owned(), true)),
            );
        }
        fired
    }
}

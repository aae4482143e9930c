//! Snapshots kept in memory, taken while the server goes on; and logs read back.

use std::io::Cursor;

use oxkeeper::pipeline::State;
use oxkeeper::proto::txn::LoggedTxn;
use oxkeeper::replica::Recovery;
use oxkeeper::storage::format::scan::{LogScanner, Step, Verdict};
use oxkeeper::storage::format::txn_log;
use oxkeeper::tree::walk::SnapshotWalk;
use oxkeeper::types::{Acl, NodeStat, SessionId, Zxid};

/// What a snapshot file would hold.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub zxid: Zxid,
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    digest: i64,
    nodes: Vec<(String, Option<Vec<u8>>, i64, NodeStat)>,
}

/// A snapshot under way.
#[derive(Debug)]
pub struct Taking {
    walk: SnapshotWalk,
    so_far: Snapshot,
}

impl Taking {
    pub fn start(state: &mut State) -> Taking {
        let walk = SnapshotWalk::start(&mut state.tree);
        let acls = walk.acls(&state.tree).into_iter();
        let so_far = Snapshot {
            zxid: state.last_zxid,
            sessions: state.sessions.iter().collect(),
            acls: acls.map(|(number, list)| (number, list.to_vec())).collect(),
            digest: state.tree.digest(),
            nodes: Vec::new(),
        };
        Taking { walk, so_far }
    }

    /// Takes some nodes more. Whether any are left.
    pub fn slice(&mut self, state: &State, nodes: usize) -> bool {
        let kept = &mut self.so_far.nodes;
        self.walk.next_slice(&state.tree, nodes, &mut |path, node| {
            let data = node.data().map(<[u8]>::to_vec);
            kept.push((path.to_owned(), data, node.acl_id(), node.persisted()));
        })
    }

    pub fn finish(self, state: &mut State) -> Snapshot {
        self.walk.finish(&mut state.tree);
        self.so_far
    }
}

impl Snapshot {
    pub fn load(&self, recovery: &mut Recovery) {
        for (session, timeout) in &self.sessions {
            recovery.session(*session, *timeout);
        }
        for (number, list) in &self.acls {
            recovery.acl(*number, list);
        }
        for (path, data, acl, stat) in &self.nodes {
            let added = recovery.node(path, data.as_deref(), *acl, stat);
            added.expect("a walk visits parents first");
        }
        recovery.loaded(Some((self.zxid, self.digest)));
    }
}

/// Replays what comes after `from`.
pub fn replay(log: &[u8], from: Zxid, recovery: &mut Recovery) {
    let mut file = Vec::new();
    txn_log::append_header(&mut file);
    file.extend_from_slice(log);
    let mut scanner = LogScanner::new(Cursor::new(file), 1 << 24);
    let mut expected = 1;
    loop {
        match scanner.step().expect("memory can be read") {
            Step::Record(record) => {
                assert_eq!(record.zxid.0, expected, "no gap, no repetition");
                expected += 1;
                if record.zxid > from {
                    recovery.txn(&LoggedTxn::decode(record.body).expect("what prep wrote"));
                }
            }
            Step::End(verdict) => {
                assert!(matches!(verdict, Verdict::Clean { .. }), "{verdict:?}");
                return;
            }
        }
    }
}

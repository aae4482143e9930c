//! From the bytes of a log and of a snapshot back to a state, as a start does it.

use oxkeeper::pipeline::State;
use oxkeeper::proto::disk::NodeRecord;
use oxkeeper::proto::shared::{self, Acl as AclRecord};
use oxkeeper::proto::txn::LoggedTxn;
use oxkeeper::replica::Recovery;
use oxkeeper::storage::format::scan::{LogScanner, Step};
use oxkeeper::storage::format::snapshot::{SnapshotVisitor, decode};
use oxkeeper::storage::format::snapshot_encode::SnapshotEncoder;
use oxkeeper::types::{Millis, NodeStat, SessionId, Zxid};

use crate::world::{FRAME_BYTES_MAX, TICK_MS, options};

/// Replays the transactions of a log after `after`.
pub fn replay(log: &[u8], mut recovery: Recovery, after: Zxid) -> State {
    recovery.loaded(None);
    let mut scanner = LogScanner::new(log, FRAME_BYTES_MAX);
    while let Step::Record(record) = scanner.step().expect("memory can be read") {
        let logged = LoggedTxn::decode(record.body).expect("what was logged can be decoded");
        if record.zxid > after {
            recovery.txn(&logged);
        }
    }
    recovery.finish(Millis(0))
}

struct Visitor(Recovery);

impl SnapshotVisitor for Visitor {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.0.session(id, timeout_ms);
    }

    fn acl_list(&mut self, number: i64, list: &[AclRecord<'_>]) {
        self.0.acl(number, &shared::acl_words(list));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> std::result::Result<(), String> {
        let stat = NodeStat::from(node.stat.clone());
        let added = self.0.node(&node.path, node.data, node.acl, &stat);
        added.map_err(|error| error.to_string())
    }
}

pub fn load(mut encoder: SnapshotEncoder, zxid: Zxid) -> Recovery {
    let mut bytes = Vec::new();
    let drained: std::result::Result<(), ()> = encoder.drain(|part| {
        bytes.extend(part);
        Ok(())
    });
    drained.expect("memory takes it");
    let mut recovery = Recovery::new(options(), TICK_MS, Millis(0));
    recovery.begin(TICK_MS, zxid);
    let mut visitor = Visitor(recovery);
    decode(bytes.as_slice(), FRAME_BYTES_MAX, &mut visitor).expect("our own snapshot");
    visitor.0
}

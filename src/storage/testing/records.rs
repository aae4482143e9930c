//! Transactions and trees to write, and a visitor that remembers what it saw.

use std::borrow::Cow;

use crate::proto::disk::NodeRecord;
use crate::proto::shared::{Acl, acl_words};
use crate::proto::txn::{LoggedTxn, SetDataTxn, Txn, TxnHeader};
use crate::storage::format::snapshot::{SnapshotSummary, SnapshotVisitor};
use crate::storage::format::txn_log::append_record;
use crate::storage::recover::RecoveryVisitor;
use crate::types::{self, OpCode, SessionId, Zxid};

/// A transaction's body, with `payload` bytes of data that are nowhere zero.
pub(crate) fn body(zxid: i64, payload: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..payload)
        .map(|i| u8::try_from(i % 255).unwrap() + 1)
        .collect();
    let txn = LoggedTxn {
        header: TxnHeader {
            client_id: 0x0100_0000_0000_0001,
            cxid: 7,
            zxid,
            time: 1_700_000_000_000,
            kind: OpCode::SetData.code(),
        },
        txn: Txn::SetData(
            OpCode::SetData,
            SetDataTxn {
                path: Cow::Borrowed("/node"),
                data: Some(&data),
                version: 1,
            },
        ),
        digest: None,
    };
    let mut out = Vec::new();
    txn.append(&mut out);
    out
}

/// Framed records with these zxids.
pub(crate) fn batch(zxids: impl IntoIterator<Item = i64>, payload: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for zxid in zxids {
        append_record(&body(zxid, payload), &mut out);
    }
    out
}

/// A node as it was seen.
pub(crate) type SeenNode = (String, Option<Vec<u8>>, i64, types::NodeStat);

/// Remembers everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recorder {
    pub(crate) begun: Vec<i64>,
    pub(crate) sessions: Vec<(SessionId, i32)>,
    pub(crate) acl_lists: Vec<(i64, Vec<types::Acl>)>,
    pub(crate) nodes: Vec<SeenNode>,
    pub(crate) loaded: Option<SnapshotSummary>,
    pub(crate) txns: Vec<i64>,
    /// A path that is refused.
    pub(crate) refuse: Option<String>,
}

impl SnapshotVisitor for Recorder {
    fn session(&mut self, id: SessionId, timeout_ms: i32) {
        self.sessions.push((id, timeout_ms));
    }

    fn acl_list(&mut self, number: i64, list: &[Acl<'_>]) {
        self.acl_lists.push((number, acl_words(list)));
    }

    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String> {
        if self.refuse.as_deref() == Some(&node.path) {
            return Err("refused".to_owned());
        }
        let data = node.data.map(<[u8]>::to_vec);
        let stat = node.stat.clone().into();
        self.nodes
            .push((node.path.to_string(), data, node.acl, stat));
        Ok(())
    }
}

impl RecoveryVisitor for Recorder {
    fn begin(&mut self, zxid: Zxid) {
        let mut begun = std::mem::take(&mut self.begun);
        begun.push(zxid.0);
        *self = Recorder {
            begun,
            refuse: self.refuse.take(),
            ..Recorder::default()
        };
    }

    fn loaded(&mut self, summary: &SnapshotSummary) {
        self.loaded = Some(summary.clone());
    }

    fn txn(&mut self, body: &[u8], txn: &LoggedTxn<'_>) {
        let mut again = Vec::new();
        txn.append(&mut again);
        assert_eq!(
            body, again,
            "a transaction is decoded from the bytes that come with it"
        );
        self.txns.push(txn.header.zxid);
    }
}

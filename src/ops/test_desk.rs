//! What the tests of this room share: a tree, an overlay, and short ways to ask for things.

use std::collections::VecDeque;

use crate::auth::AuthRules;
use crate::ops;
use crate::ops::{Judging, Overlay, Rules};
use crate::proto::multi::MultiOp;
use crate::proto::request::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteContainerRequest, DeleteRequest,
    Request, SetAclRequest, SetDataRequest,
};
use crate::proto::shared;
use crate::proto::txn::{LoggedTxn, Txn, TxnDigest, TxnHeader};
use crate::tree::digest::DIGEST_VERSION;
use crate::tree::{Tree, TreeOptions};
use crate::types::{Acl, ErrorCode, Id, Millis, OpCode, OwnerRules, Perms, SessionId, Zxid};

/// The session that asks.
pub(super) const ME: SessionId = SessionId(9);

pub(super) fn rules() -> Rules {
    Rules {
        auth: AuthRules::default(),
        owners: OwnerRules {
            extended_types: true,
            emulate_353: false,
        },
        enforce_quota: true,
        reconfig_enabled: false,
        close_session_lists_paths: true,
        field_bytes_max: 1 << 20,
    }
}

/// A list of these bits for everyone.
pub(super) fn world(bits: i32) -> Vec<Acl> {
    vec![Acl::new(Perms(bits), "world", "anyone")]
}

/// A server's judge and its tree, with writes in flight between them.
pub(super) struct Desk {
    pub(super) rules: Rules,
    pub(super) tree: Tree,
    pub(super) overlay: Overlay,
    pub(super) who: Vec<Id>,
    pub(super) zxid: Zxid,
    /// Encoded, not applied.
    in_flight: VecDeque<Vec<u8>>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        let rules = rules();
        let tree = Tree::new(TreeOptions {
            digest: true,
            owner_rules: rules.owners,
            hash_seed: 3,
        });
        Desk {
            overlay: Overlay::new(5, true, tree.digest()),
            rules,
            tree,
            who: Vec::new(),
            zxid: Zxid::ZERO,
            in_flight: VecDeque::new(),
        }
    }

    /// For judging the next request by hand.
    pub(super) fn judging(&mut self) -> Judging<'_> {
        let zxid = self.zxid.next();
        Judging {
            rules: &self.rules,
            tree: &self.tree,
            overlay: &mut self.overlay,
            session: ME,
            who: &self.who,
            no_ephemerals: None,
            zxid,
            time: Millis(zxid.0 * 10),
        }
    }

    /// Judges as this session; the transaction is then in flight.
    pub(super) fn ask_as(
        &mut self,
        session: SessionId,
        request: Request<'_>,
    ) -> Result<(), ErrorCode> {
        let zxid = self.zxid.next();
        let mut judging = Judging {
            rules: &self.rules,
            tree: &self.tree,
            overlay: &mut self.overlay,
            session,
            who: &self.who,
            no_ephemerals: None,
            zxid,
            time: Millis(zxid.0 * 10),
        };
        let txn = ops::judge(&mut judging, request)?;
        self.take_off(session, txn_of(&txn));
        Ok(())
    }

    pub(super) fn ask(&mut self, request: Request<'_>) -> Result<(), ErrorCode> {
        self.ask_as(ME, request)
    }

    /// The server's own removal of a node.
    pub(super) fn reap(&mut self, path: &str) -> Result<(), ErrorCode> {
        let mut judging = Judging {
            rules: &self.rules,
            tree: &self.tree,
            overlay: &mut self.overlay,
            session: SessionId::NONE,
            who: &[],
            no_ephemerals: None,
            zxid: self.zxid.next(),
            time: Millis(0),
        };
        let txn = ops::reap(&mut judging, path)?;
        self.take_off(SessionId::NONE, txn_of(&txn));
        Ok(())
    }

    fn take_off(&mut self, session: SessionId, (op, txn): (OpCode, Vec<u8>)) {
        self.zxid = self.zxid.next();
        let mut bytes = Vec::new();
        crate::proto::append(
            &TxnHeader {
                client_id: session.0,
                cxid: 0,
                zxid: self.zxid.0,
                time: self.zxid.0 * 10,
                kind: op.code(),
            },
            &mut bytes,
        );
        bytes.extend(txn);
        crate::proto::append(
            &TxnDigest {
                version: DIGEST_VERSION,
                tree_digest: self.overlay.digest(),
            },
            &mut bytes,
        );
        self.in_flight.push_back(bytes);
    }

    /// The newest transaction in flight, applied to another tree.
    pub(super) fn apply_newest_to(&self, tree: &mut Tree) {
        let newest = self.in_flight.back().expect("something is in flight");
        let logged = LoggedTxn::decode(newest).expect("what was encoded decodes");
        tree.apply(&logged.header, &logged.txn, &mut ());
    }

    /// The oldest transaction in flight lands. False when there is none.
    pub(super) fn land_one(&mut self) -> bool {
        let Some(bytes) = self.in_flight.pop_front() else {
            return false;
        };
        let logged = LoggedTxn::decode(&bytes).expect("what was encoded decodes");
        self.tree.apply(&logged.header, &logged.txn, &mut ());
        self.overlay.landed(Zxid(logged.header.zxid));
        let foreseen = logged.digest.expect("digests are on").tree_digest;
        assert_eq!(self.tree.digest(), foreseen, "{:?}", logged.txn);
        true
    }

    /// Everything in flight lands.
    pub(super) fn land(&mut self) {
        while self.land_one() {}
    }

    /// Judges, which must succeed, and lands.
    pub(super) fn done(&mut self, request: Request<'_>) {
        self.ask(request).expect("this is allowed");
        self.land();
    }
}

fn txn_of(txn: &Txn<'_>) -> (OpCode, Vec<u8>) {
    let mut bytes = Vec::new();
    txn.append(&mut bytes);
    (txn.op(), bytes)
}

pub(super) fn create_record<'a>(path: &'a str, flags: i32, acl: &'a [Acl]) -> CreateRequest<'a> {
    CreateRequest {
        path: Some(path.into()),
        data: Some(b"data"),
        acl: Some(shared::acl_records(acl)),
        flags,
    }
}

pub(super) fn create<'a>(path: &'a str, flags: i32, acl: &'a [Acl]) -> Request<'a> {
    Request::Create(OpCode::Create, create_record(path, flags, acl))
}

pub(super) fn container<'a>(path: &'a str, acl: &'a [Acl]) -> Request<'a> {
    Request::Create(OpCode::CreateContainer, create_record(path, 4, acl))
}

pub(super) fn ttl<'a>(path: &'a str, flags: i32, ttl: i64, acl: &'a [Acl]) -> Request<'a> {
    Request::CreateTtl(CreateTtlRequest {
        path: Some(path.into()),
        data: Some(b"data"),
        acl: Some(shared::acl_records(acl)),
        flags,
        ttl,
    })
}

pub(super) fn delete_record(path: &str, version: i32) -> DeleteRequest<'_> {
    DeleteRequest {
        path: Some(path.into()),
        version,
    }
}

pub(super) fn delete(path: &str, version: i32) -> Request<'_> {
    Request::Delete(delete_record(path, version))
}

pub(super) fn delete_container(path: &str) -> Request<'_> {
    Request::DeleteContainer(DeleteContainerRequest {
        path: Some(path.as_bytes()),
    })
}

pub(super) fn set_record<'a>(path: &'a str, data: &'a [u8], version: i32) -> SetDataRequest<'a> {
    SetDataRequest {
        path: Some(path.into()),
        data: Some(data),
        version,
    }
}

pub(super) fn set<'a>(path: &'a str, data: &'a [u8], version: i32) -> Request<'a> {
    Request::SetData(set_record(path, data, version))
}

pub(super) fn set_acl<'a>(path: &'a str, acl: &'a [Acl], version: i32) -> Request<'a> {
    Request::SetAcl(SetAclRequest {
        path: Some(path.into()),
        acl: Some(shared::acl_records(acl)),
        version,
    })
}

pub(super) fn check(path: &str, version: i32) -> MultiOp<'_> {
    MultiOp::Check(CheckVersionRequest {
        path: Some(path.into()),
        version,
    })
}

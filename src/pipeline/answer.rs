//! The reply to a write: what its transaction and its application say.

use crate::proto::multi;
use crate::proto::reply;
use crate::proto::reply::{Create2Response, DataResponse, PathResponse, ReplyHeader};
use crate::proto::shared::Stat as StatRecord;
use crate::proto::txn::Txn;
use crate::tree::Applied;
use crate::types::{ErrorCode, OpCode, Stat, Zxid};

/// Whether the transaction says that the session has moved to another server: that is no answer for a
/// client, which must have moved, too.
// apache 3.9.5: server/FinalRequestProcessor.java processRequest
pub(super) fn is_moved(txn: &Txn<'_>) -> bool {
    match txn {
        Txn::Error(error) => error.err == ErrorCode::SessionMoved.code(),
        Txn::Multi(txns) => txns.iter().any(is_moved),
        _ => false,
    }
}

/// Appends the reply to the request that became this transaction.
pub(super) fn append(xid: i32, zxid: Zxid, txn: &Txn<'_>, applied: &Applied, out: &mut Vec<u8>) {
    let zxid = zxid.0;
    match (txn, applied) {
        (Txn::Error(error), _) => header(xid, zxid, error.err, out),
        (_, Applied::Refused(code)) => header(xid, zxid, *code, out),
        (_, Applied::Failed(code)) => header(xid, zxid, code.code(), out),
        (Txn::Multi(txns), Applied::Multi(parts)) => {
            let frame = reply::open(xid, zxid, out);
            append_multi(txns, parts, out);
            frame.close(out);
        }
        (_, Applied::Created(stat)) => append_created(xid, zxid, txn, stat, out),
        (Txn::SetData(OpCode::Reconfig, set), Applied::Stat(stat)) => {
            let body = DataResponse {
                data: set.data,
                stat: (*stat).into(),
            };
            reply::append_reply(xid, zxid, &body, out);
        }
        (_, Applied::Stat(stat)) => {
            reply::append_reply(xid, zxid, &StatRecord::from(*stat), out);
        }
        (_, Applied::Done | Applied::Multi(_)) => header(xid, zxid, ErrorCode::Ok.code(), out),
    }
}

fn header(xid: i32, zxid: i64, err: i32, out: &mut Vec<u8>) {
    reply::append_header(&ReplyHeader { xid, zxid, err }, out);
}

/// The path of a node that a transaction creates.
fn created_path<'t>(txn: &'t Txn<'_>) -> &'t str {
    match txn {
        Txn::Create(_, create) => &create.path,
        Txn::CreateContainer(create) => &create.path,
        Txn::CreateTtl(create) => &create.path,
        _ => unreachable!("only creates are applied as created"),
    }
}

fn append_created(xid: i32, zxid: i64, txn: &Txn<'_>, stat: &Stat, out: &mut Vec<u8>) {
    let path = Some(created_path(txn).into());
    if txn.op() == OpCode::Create {
        reply::append_reply(xid, zxid, &PathResponse { path }, out);
    } else {
        reply::append_reply(
            xid,
            zxid,
            &Create2Response {
                path,
                stat: (*stat).into(),
            },
            out,
        );
    }
}

/// Apache's failure form: zero before the element that failed, its error, then "not tried".
fn append_multi(txns: &[Txn<'_>], parts: &[Applied], out: &mut Vec<u8>) {
    let failed = txns.iter().any(|txn| matches!(txn, Txn::Error(_)));
    for (index, txn) in txns.iter().enumerate() {
        match (txn, parts.get(index)) {
            (Txn::Error(error), _) => multi::append_error(error.err, out),
            _ if failed => multi::append_error(ErrorCode::Ok.code(), out),
            (_, Some(Applied::Failed(code))) => multi::append_error(code.code(), out),
            (_, Some(Applied::Created(_))) if txn.op() == OpCode::Create => {
                multi::append_created(created_path(txn), out);
            }
            (_, Some(Applied::Created(stat))) => {
                multi::append_created2(created_path(txn), (*stat).into(), out);
            }
            (_, Some(Applied::Stat(stat))) => multi::append_set_data(&(*stat).into(), out),
            _ => multi::append_plain(txn.op(), out),
        }
    }
    multi::append_end(out);
}

//! multi: judged piece by piece against one overlay, which is rolled back as a whole on refusal.

use crate::ops::Judging;
use crate::ops::{create, delete, set_data};
use crate::proto::multi::{MultiOp, MultiRequest};
use crate::proto::txn::{ErrorTxn, Txn};
use crate::types::ErrorCode;

/// Judges a multi. A refused element does not refuse the request: it makes a transaction of errors,
/// which tells the client which element failed.
///
/// # Errors
/// When the elements are reads.
pub(super) fn judge<'a>(
    judging: &mut Judging<'_>,
    ops: MultiRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let count = ops.len();
    let mut txns = Vec::with_capacity(count);
    let point = judging.overlay.savepoint();
    for op in ops {
        match judge_element(judging, op) {
            Ok(txn) => txns.push(txn),
            Err(Refusal::Element(code)) => {
                judging.overlay.roll_back(point);
                txns.push(error(code));
                txns.resize(count, error(ErrorCode::RuntimeInconsistency));
                return Ok(Txn::Multi(txns));
            }
            Err(Refusal::Request(code)) => {
                judging.overlay.roll_back(point);
                return Err(code);
            }
        }
    }
    judging.overlay.keep(point);
    Ok(Txn::Multi(txns))
}

/// A multi of so many elements, none of which was looked at.
pub(super) fn refusal<'a>(code: ErrorCode, count: usize) -> Txn<'a> {
    let mut txns = vec![error(ErrorCode::RuntimeInconsistency); count];
    if let Some(first) = txns.first_mut() {
        *first = error(code);
    }
    Txn::Multi(txns)
}

fn error<'a>(code: ErrorCode) -> Txn<'a> {
    Txn::Error(ErrorTxn { err: code.code() })
}

enum Refusal {
    Element(ErrorCode),
    Request(ErrorCode),
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        match code {
            // What cannot be understood (an identity that is null) spoils the request as a whole.
            ErrorCode::MarshallingError => Refusal::Request(code),
            _ => Refusal::Element(code),
        }
    }
}

fn judge_element<'a>(judging: &mut Judging<'_>, op: MultiOp<'a>) -> Result<Txn<'a>, Refusal> {
    Ok(match op {
        MultiOp::Create(op, create) => create::judge(judging, op, create)?,
        MultiOp::CreateTtl(create) => create::judge_ttl(judging, create)?,
        MultiOp::Delete(delete) => delete::judge(judging, delete)?,
        MultiOp::SetData(set) => set_data::judge(judging, set)?,
        MultiOp::Check(check) => set_data::judge_check(judging, check)?,
        MultiOp::GetData(_) | MultiOp::GetChildren(_) => {
            return Err(Refusal::Request(ErrorCode::MarshallingError));
        }
    })
}

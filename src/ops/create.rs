//! create, create2, createContainer, createTTL: the checks in Apache's order, the sequence number, the
//! transaction.

use std::borrow::Cow;

use crate::auth;
use crate::auth::RawAcl;
use crate::ops::overlay::PendingNode;
use crate::ops::quota;
use crate::ops::{Judging, Rules};
use crate::proto::request::{CreateRequest, CreateTtlRequest};
use crate::proto::shared;
use crate::proto::shared::Acl as AclRecord;
use crate::proto::txn::{CreateContainerTxn, CreateTtlTxn, CreateTxn, Txn};
use crate::types::path;
use crate::types::{
    Acl, CreateMode, ErrorCode, Id, NodeStat, OpCode, Owner, Perms, TTL_MILLIS_MAX,
};

/// What is being created, before the path is known for good.
struct Wish<'a> {
    op: OpCode,
    mode: CreateMode,
    owner: Owner,
    path: Cow<'a, str>,
    data: Option<&'a [u8]>,
}

/// Judges the creates without a time to live.
pub(super) fn judge<'a>(
    judging: &mut Judging<'_>,
    op: OpCode,
    create: CreateRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let CreateRequest {
        path,
        data,
        acl,
        flags,
    } = create;
    let mode = CreateMode::from_flag(flags).ok_or(ErrorCode::BadArguments)?;
    if mode.is_ttl() {
        return Err(ttl_refusal(judging));
    }
    if let Some(code) = judging.no_ephemerals.filter(|_| mode.is_ephemeral()) {
        return Err(code);
    }
    let owner = match op {
        OpCode::CreateContainer => Owner::Container,
        _ if mode.is_ephemeral() => Owner::Session(judging.session),
        _ => Owner::Nobody,
    };
    let path = path.ok_or(ErrorCode::MarshallingError)?;
    judge_wish(
        judging,
        Wish {
            op,
            mode,
            owner,
            path,
            data,
        },
        acl.as_deref(),
    )
}

/// Whether a create without a time to live wants a node that goes with its session.
pub(super) fn is_ephemeral(create: &CreateRequest<'_>) -> bool {
    CreateMode::from_flag(create.flags).is_some_and(CreateMode::is_ephemeral)
}

/// A TTL flag without a time to live: unknown when TTL nodes are off, wrong when they are on.
fn ttl_refusal(judging: &Judging<'_>) -> ErrorCode {
    if judging.rules.owners.extended_types {
        ErrorCode::BadArguments
    } else {
        ErrorCode::Unimplemented
    }
}

/// Judges createTTL. Apache lets other flags pass with a negative time to live and then stops when it
/// applies them; they are refused here.
pub(super) fn judge_ttl<'a>(
    judging: &mut Judging<'_>,
    create: CreateTtlRequest<'a>,
) -> Result<Txn<'a>, ErrorCode> {
    let CreateTtlRequest {
        path,
        data,
        acl,
        flags,
        ttl,
    } = create;
    let mode = CreateMode::from_flag(flags).ok_or(ErrorCode::BadArguments)?;
    if mode.is_ttl() && !judging.rules.owners.extended_types {
        return Err(ErrorCode::Unimplemented);
    }
    if !mode.is_ttl() || !(1..=TTL_MILLIS_MAX).contains(&ttl) {
        return Err(ErrorCode::BadArguments);
    }
    let path = path.ok_or(ErrorCode::MarshallingError)?;
    let wish = Wish {
        op: OpCode::CreateTtl,
        mode,
        owner: Owner::Ttl(ttl),
        path,
        data,
    };
    judge_wish(judging, wish, acl.as_deref())
}

// apache 3.9.5: server/PrepRequestProcessor.java pRequest2TxnCreate
fn judge_wish<'a>(
    judging: &mut Judging<'_>,
    wish: Wish<'a>,
    raw_acl: Option<&[AclRecord<'a>]>,
) -> Result<Txn<'a>, ErrorCode> {
    if wish.path.contains('\0') {
        return Err(ErrorCode::BadArguments);
    }
    let (parent_path, _) = path::split(&wish.path).ok_or(ErrorCode::BadArguments)?;
    let acl = fixed_acl(judging, raw_acl)?;
    let parent = judging
        .overlay
        .get(judging.tree, parent_path)
        .ok_or(ErrorCode::NoNode)?;
    judging.permit(parent.acl(), Perms::CREATE)?;

    let parent_stat = parent.stat();
    let final_path = if wish.mode.is_sequential() {
        Cow::Owned(format!("{}{:010}", wish.path, parent_stat.cversion))
    } else {
        wish.path.clone()
    };
    path::validate(&final_path).map_err(|_| ErrorCode::BadArguments)?;
    if judging.overlay.get(judging.tree, &final_path).is_some() {
        return Err(ErrorCode::NodeExists);
    }
    let parent_owner = judging.rules.owners.read(parent_stat.ephemeral_owner);
    if matches!(parent_owner, Owner::Session(_)) || parent.seems_ephemeral() {
        return Err(ErrorCode::NoChildrenForEphemerals);
    }
    quota::check(judging, &final_path, wish.data, quota::Change::Create)?;

    let mut parent = parent.to_pending();
    parent.stat.cversion = parent_stat.cversion.wrapping_add(1);
    parent.stat.pzxid = judging.zxid.0;
    parent.children += 1;
    let parent_cversion = parent.stat.cversion;
    let parent_path = parent_path.to_owned();
    let mut node = PendingNode::new(new_stat(judging, wish.owner), &acl, wish.data);
    // A container whose flags say ephemeral counts as ephemeral until it is applied: in the same multi it takes no children.
    // apache 3.9.5: server/PrepRequestProcessor.java pRequest2TxnCreate
    node.seems_ephemeral = wish.mode.is_ephemeral();
    judging
        .overlay
        .put(judging.tree, &parent_path, judging.zxid, Some(parent));
    judging
        .overlay
        .put(judging.tree, &final_path, judging.zxid, Some(node));
    Ok(txn(wish, final_path, parent_cversion, &acl, raw_acl))
}

fn new_stat(judging: &Judging<'_>, owner: Owner) -> NodeStat {
    let (zxid, time) = (judging.zxid.0, judging.time.0);
    NodeStat {
        czxid: zxid,
        mzxid: zxid,
        pzxid: zxid,
        ctime: time,
        mtime: time,
        ephemeral_owner: owner.bits(),
        ..NodeStat::default()
    }
}

/// The list as it will be stored.
pub(super) fn fixed_acl(
    judging: &Judging<'_>,
    raw: Option<&[AclRecord<'_>]>,
) -> Result<Vec<Acl>, ErrorCode> {
    fix_up(judging.rules, judging.who, raw)
}

/// The list that a request of a client with these identities asks for.
pub(super) fn fix_up(
    rules: &Rules,
    who: &[Id],
    raw: Option<&[AclRecord<'_>]>,
) -> Result<Vec<Acl>, ErrorCode> {
    let raw = raw.ok_or(ErrorCode::InvalidAcl)?.iter().map(|acl| RawAcl {
        perms: acl.perms,
        scheme: acl.id.scheme.as_deref(),
        id: acl.id.id.as_deref(),
    });
    auth::fix_up(&rules.auth, &raw.collect::<Vec<_>>(), who)
}

/// The list for the transaction: the request's own records when the fix-up changed nothing.
pub(super) fn stored_records<'a>(
    fixed: &[Acl],
    raw: Option<&[AclRecord<'a>]>,
) -> Vec<AclRecord<'a>> {
    let raw = raw.unwrap_or_default();
    let same = shared::acl_records(fixed) == raw;
    if same {
        raw.to_vec()
    } else {
        shared::acl_records_owned(fixed)
    }
}

fn txn<'a>(
    wish: Wish<'a>,
    path: Cow<'a, str>,
    parent_cversion: i32,
    fixed: &[Acl],
    raw: Option<&[AclRecord<'a>]>,
) -> Txn<'a> {
    let acl = Some(stored_records(fixed, raw));
    let data = wish.data;
    match wish.owner {
        Owner::Container => Txn::CreateContainer(CreateContainerTxn {
            path,
            data,
            acl,
            parent_cversion,
        }),
        Owner::Ttl(ttl) => Txn::CreateTtl(CreateTtlTxn {
            path,
            data,
            acl,
            parent_cversion,
            ttl,
        }),
        Owner::Nobody | Owner::Session(_) => {
            let ephemeral = wish.mode.is_ephemeral();
            Txn::Create(
                wish.op,
                CreateTxn {
                    path,
                    data,
                    acl,
                    ephemeral,
                    parent_cversion,
                },
            )
        }
    }
}

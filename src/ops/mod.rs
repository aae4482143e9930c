//! What each operation means: one file per family.
//!
//! A write is *judged*: request and future tree in, transaction or refusal out; nothing is changed but
//! the overlay. A read is *served*: request and tree in, reply out. Order, logs and sockets are not
//! known here.

mod acl;
mod create;
mod delete;
mod multi;
mod overlay;
mod quota;
pub mod read;
mod reconfig;
mod session;
mod set_data;
mod watch;

#[cfg(test)]
mod overlay_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod test_desk;
#[cfg(test)]
mod write_tests;

pub use overlay::Overlay;
pub use read::{Reading, WatchDesk, serve};
pub use reconfig::{Memberships, judge_reconfig, reconfig_txn};
pub use session::close as close_session;

use crate::auth;
use crate::auth::AuthRules;
use crate::proto::multi::MultiOp;
use crate::proto::request::{DeleteContainerRequest, Request};
use crate::proto::txn::Txn;
use crate::tree::Tree;
use crate::types::{Acl, ErrorCode, Id, Millis, OpCode, OwnerRules, Perms, SessionId, Zxid};

/// The settings that operations depend on.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who may do what.
    pub auth: AuthRules,
    /// Which node types exist (`zookeeper.extendedTypesEnabled`).
    pub owners: OwnerRules,
    /// Whether hard quotas refuse writes (`zookeeper.enforceQuota`).
    pub enforce_quota: bool,
    /// Whether reconfig is on (`reconfigEnabled`); a server that does not lead an ensemble refuses it anyway.
    pub reconfig_enabled: bool,
    /// Whether closeSession transactions list the nodes they delete (`closeSessionTxn.enabled`).
    pub close_session_lists_paths: bool,
    /// Longest string or buffer within a request, in bytes.
    pub field_bytes_max: usize,
}

/// Everything a write is judged by.
#[derive(Debug)]
pub struct Judging<'j> {
    /// The settings.
    pub rules: &'j Rules,
    /// The tree as applied so far.
    pub tree: &'j Tree,
    /// What is in flight over it.
    pub overlay: &'j mut Overlay,
    /// Who asks; [`SessionId::NONE`] for the server itself.
    pub session: SessionId,
    /// The identities of the connection when the request was read.
    pub who: &'j [Id],
    /// Why the session may not own nodes, if it may not.
    pub no_ephemerals: Option<ErrorCode>,
    /// The number that the write gets, refused or not.
    pub zxid: Zxid,
    /// The wall clock.
    pub time: Millis,
}

impl Judging<'_> {
    /// Refuses unless the requester has one of the wanted permissions.
    fn permit(&self, acl: &[Acl], wanted: Perms) -> Result<(), ErrorCode> {
        if self.is_server() || auth::allows(&self.rules.auth, acl, self.who, wanted) {
            Ok(())
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    /// Whether the server itself asks (reaping).
    fn is_server(&self) -> bool {
        self.session == SessionId::NONE
    }
}

/// Judges a write: the transaction to log, or why not.
///
/// # Errors
/// The code for the client. The overlay is then as it was.
pub fn judge<'a>(judging: &mut Judging<'_>, request: Request<'a>) -> Result<Txn<'a>, ErrorCode> {
    match request {
        Request::Create(op, create) => create::judge(judging, op, create),
        Request::CreateTtl(create) => create::judge_ttl(judging, create),
        Request::Delete(delete) => delete::judge(judging, delete),
        Request::DeleteContainer(delete) => delete::judge_container(judging, &delete),
        Request::SetData(set) => set_data::judge(judging, set),
        Request::SetAcl(set) => acl::judge(judging, set),
        Request::Multi(ops) => multi::judge(judging, ops),
        Request::Reconfig(_) => Err(reconfig::refusal(judging.rules)),
        Request::CloseSession => Ok(session::close(judging)),
        Request::AddWatch(_)
        | Request::CheckWatches(_)
        | Request::Exists(_)
        | Request::GetAcl(_)
        | Request::GetAllChildrenNumber(_)
        | Request::GetChildren(_)
        | Request::GetChildren2(_)
        | Request::GetData(_)
        | Request::GetEphemerals(_)
        | Request::MultiRead(_)
        | Request::Ping
        | Request::RemoveWatches(_)
        | Request::SetWatches(_)
        | Request::Sync(_)
        | Request::WhoAmI => unreachable!("reads are served, not judged"),
    }
}

/// The refusal of a request as a whole, for a reason that has nothing to do with what it asks. In a multi it
/// is the first element that is refused.
///
/// # Errors
/// The code, when there is nothing to say beyond it.
// apache 3.9.5: server/PrepRequestProcessor.java pRequestHelper
pub fn refuse<'a>(request: &Request<'a>, code: ErrorCode) -> Result<Txn<'a>, ErrorCode> {
    match request {
        Request::Multi(ops) => Ok(multi::refusal(code, ops.len())),
        _ => Err(code),
    }
}

/// Whether the request would make an ephemeral node: one that goes with its session.
// apache 3.9.5: server/quorum/QuorumZooKeeperServer.java checkUpgradeSession
pub fn wants_ephemerals(request: &Request<'_>) -> bool {
    match request {
        Request::Create(OpCode::Create | OpCode::Create2, create) => create::is_ephemeral(create),
        Request::Multi(ops) => ops.iter().any(|op| match op {
            MultiOp::Create(OpCode::Create | OpCode::Create2, create) => {
                create::is_ephemeral(create)
            }
            _ => false,
        }),
        _ => false,
    }
}

/// Whether an undecodable request of this kind still takes a zxid: only a multi does.
// apache 3.9.5: server/PrepRequestProcessor.java pRequestHelper
pub fn undecodable_takes_zxid(op: OpCode) -> bool {
    op == OpCode::Multi
}

/// The version after a change, if the expected one (-1: any) is the current.
fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current {
        return Err(ErrorCode::BadVersion);
    }
    Ok(current.wrapping_add(1))
}

/// Judges the server's own removal of a container or TTL node.
///
/// # Errors
/// When the node is no longer one to remove.
pub fn reap<'a>(judging: &mut Judging<'_>, path: &'a str) -> Result<Txn<'a>, ErrorCode> {
    delete::judge_container(
        judging,
        &DeleteContainerRequest {
            path: Some(path.as_bytes()),
        },
    )
}

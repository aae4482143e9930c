//! An early look at what a write may do (`enableEagerACLCheck`): a member of an ensemble refuses what its own
//! tree forbids, without asking the leader. The leader judges whatever passes.

use crate::auth;
use crate::ops::{Rules, create};
use crate::proto::request::Request;
use crate::tree::Tree;
use crate::types::{ErrorCode, Id, OpCode, Perms, path};

/// Refuses a write that its client, with these identities, may not make, as far as this tree can tell.
///
/// # Errors
/// The code for the client: no permission, or a list that is none.
// apache 3.9.5: server/ZooKeeperServer.java authWriteRequest
pub fn screen(
    rules: &Rules,
    tree: &Tree,
    who: &[Id],
    request: &Request<'_>,
) -> Result<(), ErrorCode> {
    if !rules.eager_acl_check {
        return Ok(());
    }
    let (path, wanted) = match request {
        Request::Create(OpCode::Create | OpCode::Create2, create) => {
            (parent(create.path.as_deref()), Perms::CREATE)
        }
        Request::Delete(delete) => (parent(delete.path.as_deref()), Perms::DELETE),
        Request::SetData(set) => (set.path.as_deref(), Perms::WRITE),
        Request::SetAcl(set) => (set.path.as_deref(), Perms::ADMIN),
        _ => return Ok(()),
    };
    // A path that is none is the leader's to refuse.
    let Some(path) = path else { return Ok(()) };
    match request {
        Request::Create(_, create) => create::fix_up(rules, who, create.acl.as_deref())?,
        Request::SetAcl(set) => create::fix_up(rules, who, set.acl.as_deref())?,
        _ => Vec::new(),
    };
    match tree.find(path) {
        Some(node) if !auth::allows(&rules.auth, node.acl(), who, wanted) => Err(ErrorCode::NoAuth),
        _ => Ok(()),
    }
}

fn parent(path: Option<&str>) -> Option<&str> {
    let (parent, _) = path
        .filter(|path| !path::is_permanent(path) && !path.contains('\0'))?
        .rsplit_once('/')?;
    Some(if parent.is_empty() { "/" } else { parent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::test_desk::{Desk, create, delete, set, world};

    fn desk() -> Desk {
        let mut desk = Desk::new();
        desk.rules.eager_acl_check = true;
        desk.done(create("/shut", 0, &world(Perms::READ.0)));
        desk
    }

    fn look(desk: &Desk, request: &Request<'_>) -> Result<(), ErrorCode> {
        screen(&desk.rules, &desk.tree, &desk.who, request)
    }

    #[test]
    fn what_the_tree_forbids_is_refused() {
        let desk = desk();
        let open = world(Perms::ALL.0);
        let refused = Err(ErrorCode::NoAuth);
        assert_eq!(look(&desk, &create("/shut/a", 0, &open)), refused);
        assert_eq!(look(&desk, &set("/shut", b"x", -1)), refused);
        assert_eq!(look(&desk, &delete("/shut/a", -1)), refused);
        assert_eq!(
            look(&desk, &delete("/shut", -1)),
            Ok(()),
            "the root is open"
        );
        let no_list = create("/a", 0, &[]);
        assert_eq!(look(&desk, &no_list), Err(ErrorCode::InvalidAcl));
    }

    #[test]
    fn what_the_tree_cannot_tell_passes() {
        let mut desk = desk();
        let open = world(Perms::ALL.0);
        assert_eq!(look(&desk, &create("/none/a", 0, &open)), Ok(()));
        assert_eq!(look(&desk, &create("nonsense", 0, &open)), Ok(()));
        assert_eq!(look(&desk, &create("/", 0, &[])), Ok(()));
        desk.rules.eager_acl_check = false;
        assert_eq!(look(&desk, &create("/shut/a", 0, &open)), Ok(()));
    }
}

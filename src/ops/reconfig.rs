//! reconfig: the membership as data of a node, and who may change it to what. A standalone server changes
//! nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::{Change, MemberRules, Membership};
use crate::ops::{Judging, Rules};
use crate::proto::request::ReconfigRequest;
use crate::proto::txn::{SetDataTxn, Txn};
use crate::types::path::CONFIG;
use crate::types::{ErrorCode, OpCode, Perms, ServerId};

/// What a leader judges a change of the membership by.
#[derive(Debug, Clone)]
pub struct Memberships {
    /// Version of the one in force.
    pub committed_version: i64,
    /// The last one that was proposed; the one in force unless a change is under way.
    pub last_seen: Arc<Membership>,
    /// What a membership may be.
    pub rules: MemberRules,
    /// Voting servers that are connected and up to date, this one among them.
    pub synced: BTreeSet<ServerId>,
    /// Whether these servers are enough to decide anything in this membership.
    pub can_decide: fn(&Membership, &BTreeSet<ServerId>) -> bool,
}

/// Why a standalone server does not reconfigure.
pub(super) fn refusal(rules: &Rules) -> ErrorCode {
    if rules.reconfig_enabled {
        ErrorCode::Unimplemented
    } else {
        ErrorCode::ReconfigDisabled
    }
}

/// Judges a change of the membership: the text of the new one. From then on it is the last seen one.
///
/// # Errors
/// The code for the client.
// apache 3.9.5: server/PrepRequestProcessor.java pRequest2Txn
pub fn judge_reconfig(
    judging: &mut Judging<'_>,
    memberships: &mut Memberships,
    request: &ReconfigRequest<'_>,
) -> Result<String, ErrorCode> {
    if !judging.rules.reconfig_enabled {
        return Err(ErrorCode::ReconfigDisabled);
    }
    if memberships.last_seen.version != memberships.committed_version {
        return Err(ErrorCode::ReconfigInProgress);
    }
    if request.config_version != -1 && request.config_version != memberships.last_seen.version {
        return Err(ErrorCode::BadVersion);
    }
    let next = next(memberships, request, judging.zxid.0)?;
    if !(memberships.can_decide)(&next, &memberships.synced) {
        tracing::warn!(
            "Reconfig failed - there must be a connected and synced quorum in new configuration"
        );
        return Err(ErrorCode::NewConfigNoQuorum);
    }
    let text = next.to_text();
    set_node(judging, text.as_bytes())?;
    memberships.last_seen = Arc::new(next);
    Ok(text)
}

fn next(
    memberships: &Memberships,
    request: &ReconfigRequest<'_>,
    version: i64,
) -> Result<Membership, ErrorCode> {
    let change = Change {
        joining: request.joining.as_deref(),
        leaving: request.leaving.as_deref(),
        members: request.members.as_deref(),
    };
    let changed = memberships
        .last_seen
        .changed(change, version, memberships.rules);
    changed.map_err(|error| {
        tracing::warn!("Reconfig failed - {error}");
        error.error_code()
    })
}

fn set_node(judging: &mut Judging<'_>, text: &[u8]) -> Result<(), ErrorCode> {
    let node = judging.overlay.get(judging.tree, CONFIG);
    let node = node.ok_or(ErrorCode::NoNode)?;
    judging.permit(node.acl(), Perms::WRITE)?;
    let mut node = node.to_pending().with_data(Some(text));
    node.stat.version = -1;
    node.stat.mzxid = judging.zxid.0;
    node.stat.mtime = judging.time.0;
    let zxid = judging.zxid;
    judging.overlay.put(judging.tree, CONFIG, zxid, Some(node));
    Ok(())
}

/// The transaction that makes this text the membership.
pub fn reconfig_txn(text: &str) -> Txn<'_> {
    Txn::SetData(
        OpCode::Reconfig,
        SetDataTxn {
            path: Cow::Borrowed(CONFIG),
            data: Some(text.as_bytes()),
            version: -1,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::test_desk::Desk;

    const RULES: MemberRules = MemberRules {
        several_addresses: false,
        standalone_enabled: true,
    };
    const THREE: &str = "server.1=a:1:2;9\nserver.2=b:1:2;9\nserver.3=c:1:2;9\nversion=7";

    fn majority(membership: &Membership, synced: &BTreeSet<ServerId>) -> bool {
        let voters = membership.voters().filter(|id| synced.contains(id));
        voters.count() * 2 > membership.voter_count()
    }

    fn memberships() -> Memberships {
        let last_seen = Membership::from_text(THREE.as_bytes(), RULES).unwrap();
        Memberships {
            committed_version: 7,
            last_seen: Arc::new(last_seen),
            rules: RULES,
            synced: [1, 2].map(ServerId).into(),
            can_decide: majority,
        }
    }

    fn desk() -> Desk {
        let mut desk = Desk::new();
        desk.rules.reconfig_enabled = true;
        desk.rules.auth.skip_acl = true;
        desk
    }

    fn ask(
        desk: &mut Desk,
        memberships: &mut Memberships,
        change: [Option<&'static str>; 3],
        version: i64,
    ) -> Result<String, ErrorCode> {
        let [joining, leaving, members] = change.map(|text| text.map(Cow::Borrowed));
        let request = ReconfigRequest {
            joining,
            leaving,
            members,
            config_version: version,
        };
        let mut judging = desk.judging();
        judge_reconfig(&mut judging, memberships, &request)
    }

    const LEAVE: [Option<&str>; 3] = [None, Some("3"), None];

    #[test]
    fn a_change_is_the_text_of_the_new_membership_under_its_own_version() {
        let (mut desk, mut memberships) = (desk(), memberships());
        let text = ask(&mut desk, &mut memberships, LEAVE, 7).unwrap();
        assert_eq!(
            text,
            "server.1=a:1:2:participant;0.0.0.0:9\nserver.2=b:1:2:participant;0.0.0.0:9\nversion=1"
        );
        let node = desk.overlay.get(&desk.tree, CONFIG).unwrap();
        assert_eq!(node.data(), Some(text.as_bytes()));
        assert_eq!((node.stat().version, node.stat().mzxid), (-1, 1));
        let again = ask(&mut desk, &mut memberships, LEAVE, -1);
        assert_eq!(again, Err(ErrorCode::ReconfigInProgress));
    }

    #[test]
    fn refusals_come_in_apaches_order() {
        let nonsense = [None, Some("x"), None];
        let one = [None, Some("2,3"), None];
        let (mut desk, mut memberships) = (desk(), memberships());
        desk.rules.auth.skip_acl = false;
        memberships.synced = [3].map(ServerId).into();
        let expect = |desk: &mut Desk, memberships: &mut Memberships, change, code| {
            assert_eq!(ask(desk, memberships, change, 8), Err(code));
        };
        desk.rules.reconfig_enabled = false;
        memberships.committed_version = 6;
        expect(
            &mut desk,
            &mut memberships,
            nonsense,
            ErrorCode::ReconfigDisabled,
        );
        desk.rules.reconfig_enabled = true;
        expect(
            &mut desk,
            &mut memberships,
            nonsense,
            ErrorCode::ReconfigInProgress,
        );
        memberships.committed_version = 7;
        expect(&mut desk, &mut memberships, nonsense, ErrorCode::BadVersion);
        memberships.committed_version = 8;
        Arc::make_mut(&mut memberships.last_seen).version = 8;
        expect(
            &mut desk,
            &mut memberships,
            nonsense,
            ErrorCode::MarshallingError,
        );
        expect(&mut desk, &mut memberships, one, ErrorCode::BadArguments);
        expect(
            &mut desk,
            &mut memberships,
            LEAVE,
            ErrorCode::NewConfigNoQuorum,
        );
        memberships.synced = [1, 2].map(ServerId).into();
        expect(&mut desk, &mut memberships, LEAVE, ErrorCode::NoAuth);
        assert_eq!(memberships.last_seen.version, 8, "nothing has changed");
    }

    #[test]
    fn only_servers_that_are_there_count_for_the_new_membership() {
        let (mut desk, mut memberships) = (desk(), memberships());
        let join = [Some("server.4=d:1:2;9,server.5=e:1:2;9"), None, None];
        let refused = ask(&mut desk, &mut memberships, join, -1);
        assert_eq!(refused, Err(ErrorCode::NewConfigNoQuorum));
        memberships.synced.insert(ServerId(5));
        assert!(ask(&mut desk, &mut memberships, join, -1).is_ok());
    }
}

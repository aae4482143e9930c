//! The membership that a shape stands for.

use std::collections::BTreeMap;

use oxkeeper::config::{Groups, Member, Membership, PeerAddress, Role};
use oxkeeper::types::ServerId;

use crate::plan::Shape;

/// The id of a member.
pub fn id(member: usize) -> ServerId {
    ServerId(i64::try_from(member).expect("few members") + 1)
}

/// The member with this id.
pub fn member(id: ServerId) -> usize {
    usize::try_from(id.0 - 1).expect("ids begin at 1")
}

/// All members, with addresses that nobody dials.
pub fn membership(shape: &Shape) -> Membership {
    let one = |member: usize| Member {
        addresses: vec![PeerAddress {
            host: format!("10.0.0.{}", member + 1),
            quorum_port: 2888,
            election_port: 3888,
        }],
        role: if shape.is_observer(member) { Role::Observer } else { Role::Participant },
        client: None,
    };
    Membership {
        members: (0..shape.members()).map(|member| (id(member), one(member))).collect(),
        groups: shape.groups.as_ref().map(|shares| {
            let of = |pick: &dyn Fn(usize) -> i64| -> BTreeMap<ServerId, i64> {
                (0..shares.len()).map(|voter| (id(voter), pick(voter))).collect()
            };
            Groups {
                group_of: of(&|voter| shares[voter].group),
                weight_of: of(&|voter| shares[voter].weight),
            }
        }),
        version: 0,
    }
}

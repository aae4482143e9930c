//! The membership that a shape stands for.

use std::collections::BTreeMap;

use oxkeeper::config::{Groups, Member, Membership, PeerAddress, Role};
use oxkeeper::types::ServerId;

use crate::mutant::Mutant;
use crate::plan::{Shape, Share};

/// The id of a member.
pub fn id(member: usize) -> ServerId {
    ServerId(i64::try_from(member).expect("few members") + 1)
}

/// The member with this id.
pub fn member(id: ServerId) -> usize {
    usize::try_from(id.0 - 1).expect("ids begin at 1")
}

/// All members, with addresses that nobody dials.
pub fn membership(shape: &Shape, mutant: Option<Mutant>) -> Membership {
    let one = |member: usize| Member {
        addresses: vec![PeerAddress {
            host: format!("10.0.0.{}", member + 1),
            quorum_port: 2888,
            election_port: 3888,
        }],
        role: if shape.is_observer(member) {
            Role::Observer
        } else {
            Role::Participant
        },
        client: None,
    };
    Membership {
        members: (0..shape.members())
            .map(|member| (id(member), one(member)))
            .collect(),
        groups: shares(shape, mutant).map(|shares| {
            let of = |pick: &dyn Fn(usize) -> i64| -> BTreeMap<ServerId, i64> {
                (0..shares.len())
                    .map(|voter| (id(voter), pick(voter)))
                    .collect()
            };
            Groups {
                group_of: of(&|voter| shares[voter].group),
                weight_of: of(&|voter| shares[voter].weight),
            }
        }),
        version: 0,
    }
}

/// What the members believe that each of them counts; a mutant has them believe something else than what is true.
fn shares(shape: &Shape, mutant: Option<Mutant>) -> Option<Vec<Share>> {
    let few = |voter| Share {
        group: 1,
        weight: i64::from(voter < 3),
    };
    match mutant {
        Some(Mutant::SmallQuorum) if shape.groups.is_none() => {
            Some((0..shape.voters).map(few).collect())
        }
        _ => shape.groups.clone(),
    }
}

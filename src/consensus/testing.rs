//! What the tests of this room share.

use std::collections::BTreeMap;

use crate::config::{Member, Membership, PeerAddress, Role};
use crate::types::ServerId;

/// A membership of version 0.
pub(crate) fn membership(voters: &[i64], observers: &[i64]) -> Membership {
    let member = |id: &i64, role| {
        let address = PeerAddress {
            host: format!("h{id}"),
            quorum_port: 2888,
            election_port: 3888,
        };
        let member = Member {
            addresses: vec![address],
            role,
            client: None,
        };
        (ServerId(*id), member)
    };
    let voters = voters.iter().map(|id| member(id, Role::Participant));
    let observers = observers.iter().map(|id| member(id, Role::Observer));
    Membership {
        members: BTreeMap::from_iter(voters.chain(observers)),
        groups: None,
        version: 0,
    }
}

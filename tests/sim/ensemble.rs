//! Councils as the memberships that machines are given, and back.

use std::collections::BTreeMap;

use oxkeeper::config::{Groups, Member, MemberRules, Membership, PeerAddress, Role};
use oxkeeper::types::{ServerId, Zxid};

use crate::council::{Charter, Council, Share, Shares, each, only};
use crate::mutant::Mutant;

/// What a membership may be here: one voter is an ensemble, too.
pub const RULES: MemberRules = MemberRules {
    several_addresses: false,
    standalone_enabled: false,
};

const QUORUM_PORT: u16 = 2888;

/// The id of a member.
pub fn id(member: usize) -> ServerId {
    ServerId(i64::try_from(member).expect("few members") + 1)
}

/// The member with this id.
pub fn member(id: ServerId) -> usize {
    usize::try_from(id.0 - 1).expect("ids begin at 1")
}

/// The membership, with addresses that nobody dials.
pub fn membership(charter: Charter) -> Membership {
    let Charter { version, council } = charter;
    let one = |member: usize| Member {
        addresses: vec![PeerAddress {
            host: format!("10.0.0.{}", member + 1),
            quorum_port: QUORUM_PORT + u16::from(council.is_moved(member)),
            election_port: 3888,
        }],
        role: match council.votes(member) {
            true => Role::Participant,
            false => Role::Observer,
        },
        client: None,
    };
    let groups = |shares: Shares| {
        let of = |pick: &dyn Fn(Share) -> i64| -> BTreeMap<ServerId, i64> {
            let voters = each(council.voters);
            voters
                .map(|voter| (id(voter), pick(shares.of(voter))))
                .collect()
        };
        Groups {
            group_of: of(&|share| share.group),
            weight_of: of(&|share| share.weight),
        }
    };
    Membership {
        members: each(council.voters | council.observers)
            .map(|member| (id(member), one(member)))
            .collect(),
        groups: council.shares.map(groups),
        version: version.0,
    }
}

/// What a membership says.
pub fn charter(of: &Membership) -> Charter {
    let set = |wanted: &dyn Fn(&Member) -> bool| {
        let found = of.members.iter().filter(|(_, it)| wanted(it));
        found.map(|(id, _)| only(member(*id))).sum()
    };
    let shares = |groups: &Groups| {
        let share = |id| Share {
            group: groups.group_of.get(&id).copied().unwrap_or_default(),
            weight: groups.weight_of.get(&id).copied().unwrap_or(1),
        };
        of.voters().fold(Shares::default(), |all, voter| {
            all.with(member(voter), share(voter))
        })
    };
    Charter {
        version: Zxid(of.version),
        council: Council {
            voters: set(&|it| it.role == Role::Participant),
            observers: set(&|it| it.role == Role::Observer),
            moved: set(&|it| it.addresses[0].quorum_port != QUORUM_PORT),
            shares: of.groups.as_ref().map(shares),
        },
    }
}

/// What the members believe at first; a mutant has them believe something else than what is true.
pub fn believed(council: Council, mutant: Option<Mutant>) -> Council {
    let few = |all: Shares, voter: usize| {
        let weight = i64::from(voter < 3);
        all.with(voter, Share { group: 1, weight })
    };
    match mutant {
        Some(Mutant::SmallQuorum) if council.shares.is_none() => Council {
            shares: Some(each(council.voters).fold(Shares::default(), few)),
            ..council
        },
        _ => council,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charter_survives_its_text() {
        let grouped = Council {
            moved: only(1),
            ..believed(Council::plain(5, 2), Some(Mutant::SmallQuorum))
        };
        for council in [Council::plain(3, 1), grouped] {
            let version = Zxid(0x1_0000_0007);
            let text = membership(Charter { version, council }).to_text();
            let read = Membership::from_text(text.as_bytes(), RULES).expect("it is sound");
            assert_eq!(charter(&read), Charter { version, council });
        }
    }
}

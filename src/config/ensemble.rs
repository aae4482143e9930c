//! The members of an ensemble: who they are, where they are, who votes. How they are written is for other files.

use crate::types::ServerId;
use std::collections::BTreeMap;

/// `server.N`, `group.N`, `weight.N` and `version` of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    /// By server id.
    pub members: BTreeMap<ServerId, Member>,
    /// Group of each server; `None`: every majority is a quorum.
    pub groups: Option<Groups>,
    /// Version of this membership; 0 when the file does not say.
    pub version: i64,
}

/// One server of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// At least one; the same server on several networks has several.
    pub addresses: Vec<PeerAddress>,
    /// Whether it votes.
    pub role: Role,
    /// Where its clients connect, when its line says so.
    pub client: Option<ClientAddress>,
}

/// Where the other servers reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Host name or address, without brackets.
    pub host: String,
    /// For a leader's followers.
    pub quorum_port: u16,
    /// For elections.
    pub election_port: u16,
}

/// Where clients reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAddress {
    /// Host name or address, without brackets; `0.0.0.0` when the line names a port only.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Whether a server votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It votes.
    Participant,
    /// It only listens.
    Observer,
}

/// Hierarchical quorums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// Group id by server id.
    pub group_of: BTreeMap<ServerId, i64>,
    /// Weight by server id; servers that are not named weigh 1.
    pub weight_of: BTreeMap<ServerId, i64>,
}

impl Membership {
    /// One server.
    pub fn member(&self, id: ServerId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// Who votes, in the order of ids.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        let voting = |(_, member): &(&ServerId, &Member)| member.role == Role::Participant;
        self.members.iter().filter(voting).map(|(id, _)| *id)
    }

    /// Whether this server votes.
    pub fn is_voter(&self, id: ServerId) -> bool {
        self.member(id)
            .is_some_and(|member| member.role == Role::Participant)
    }

    /// How many servers vote.
    pub fn voter_count(&self) -> usize {
        self.voters().count()
    }

    /// How many servers only listen.
    pub fn observer_count(&self) -> usize {
        self.members.len() - self.voter_count()
    }

    /// What a server counts for in its group. Without groups every server counts for 1, a stranger too; with groups
    /// a stranger counts for nothing.
    // apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java getWeight
    pub fn weight(&self, id: ServerId) -> i64 {
        match &self.groups {
            None => 1,
            Some(groups) => {
                let unnamed = i64::from(self.is_voter(id));
                groups.weight_of.get(&id).copied().unwrap_or(unnamed)
            }
        }
    }
}

//! The members of an ensemble as the settings name them, and the rules they must keep.

use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::note::Notes;
use crate::config::server_line::{self, Fields, ServerLine};
use crate::config::zoo_cfg::{FileKeys, Line};
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

const FORM: &str = " does not have the form server_config or server_config;client_config where server_config is the \
                    pipe separated list of host:port:port or host:port:port:type and client_config is port or host:port";
const SERVER_REMEDY: &str = "write server.1=host:2888:3888;2181";

/// Whether the key belongs to the membership rather than to the server.
pub(crate) fn is_member_key(key: &str) -> bool {
    key.starts_with("server.") || key.starts_with("group") || key.starts_with("weight")
}

impl Membership {
    /// Reads the member keys of `keys`. `several_addresses` is the property `zookeeper.multiAddress.enabled`; the key of
    /// the file does not count here.
    pub(crate) fn read(keys: &FileKeys, several_addresses: bool) -> Result<Self, ConfigError> {
        let mut membership = Self::default();
        let all = keys.by_line();
        if all
            .iter()
            .any(|(key, _)| key.starts_with("group") || key.starts_with("weight"))
        {
            membership.groups = Some(Groups::default());
        }
        for (key, line) in all {
            let reader = KeyReader { keys, key, line };
            if key.starts_with("server.") {
                let id = reader.server()?;
                membership
                    .members
                    .insert(id, reader.member(id, several_addresses)?);
            } else if key == "version" {
                let remedy = "write the version as a hexadecimal number";
                membership.version =
                    java::parse_hex_long(&line.value).map_err(|cause| reader.bad(cause, remedy))?;
            } else if let Some(groups) = membership.groups.as_mut() {
                groups.add(&reader)?;
            }
        }
        membership.check_groups(keys)?;
        Ok(membership)
    }

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

    // apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java parse
    fn check_groups(&self, keys: &FileKeys) -> Result<(), ConfigError> {
        let Some(groups) = &self.groups else {
            return Ok(());
        };
        for id in self.voters() {
            let id = &id;
            if !groups.group_of.contains_key(id) {
                let remedy = format!("name {id} in one group line, such as group.1=1:2:3");
                return Err(keys.whole(&format!("Server {id}is not in a group"), &remedy));
            }
        }
        // Apache's server stops at a null pointer here: a weight is known of voters, and of servers with a line for it.
        let unknown = |id: &&ServerId| !self.is_voter(**id) && !groups.weight_of.contains_key(id);
        match groups.group_of.keys().find(unknown) {
            None => Ok(()),
            Some(id) => {
                let cause = format!("Server {id} is in a group but does not vote");
                Err(keys.whole(
                    &cause,
                    &format!("add a line server.{id}, or take {id} out of its group"),
                ))
            }
        }
    }

    /// The rules about numbers of servers, and remarks on numbers that work badly.
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java parseDynamicConfig
    pub(crate) fn check_size(
        &self,
        keys: &FileKeys,
        standalone_enabled: bool,
        notes: &mut Notes,
    ) -> Result<(), ConfigError> {
        let remedy = "add a server line without :observer";
        match (self.voter_count(), self.observer_count()) {
            (0, _) if !standalone_enabled => Err(keys.whole(
                "standaloneEnabled = false then number of participants should be >0",
                remedy,
            )),
            (0, 0) => Ok(()),
            (0, _) => Err(keys.whole(
                "Observers w/o participants is an invalid configuration",
                remedy,
            )),
            (1, observers) if standalone_enabled => {
                notes.error(
                    "Invalid configuration, only one server specified (ignoring)".to_owned(),
                );
                let remedy = "set standaloneEnabled=false, or add voting servers";
                match observers {
                    0 => Ok(()),
                    _ => {
                        Err(keys.whole("Observers w/o quorum is an invalid configuration", remedy))
                    }
                }
            }
            (voters, _) => {
                if voters <= 2 {
                    notes.warn(
                        "No server failure will be tolerated. You need at least 3 servers."
                            .to_owned(),
                    );
                } else if voters % 2 == 0 {
                    notes.warn(
                        "Non-optimal configuration, consider an odd number of servers.".to_owned(),
                    );
                }
                Ok(())
            }
        }
    }
}

impl Groups {
    fn add(&mut self, reader: &KeyReader<'_>) -> Result<(), ConfigError> {
        let remedy = "write group.1=1:2:3 or weight.1=1";
        let number = |text: &str| java::parse_long(text).map_err(|cause| reader.bad(cause, remedy));
        if reader.key.starts_with("group") {
            let group = reader.number()?;
            for text in reader.line.value.split(':') {
                let server = ServerId(number(text)?);
                if self.group_of.insert(server, group).is_some() {
                    let cause = format!("Server {server}is in multiple groups");
                    return Err(reader.bad(cause, "name every server in one group only"));
                }
            }
        } else if reader.key.starts_with("weight") {
            self.weight_of
                .insert(reader.server()?, number(&reader.line.value)?);
        }
        Ok(())
    }
}

/// One member key with its line.
struct KeyReader<'a> {
    keys: &'a FileKeys,
    key: &'a str,
    line: &'a Line,
}

impl KeyReader<'_> {
    fn bad(&self, cause: String, remedy: &str) -> ConfigError {
        self.keys.bad(self.key, cause, remedy.to_owned())
    }

    /// The number after the first dot of the key; without a dot, the whole key is no number.
    fn number(&self) -> Result<i64, ConfigError> {
        let text = self.key.split_once('.').map_or(self.key, |(_, id)| id);
        let remedy = match self.key {
            // apache 3.9.5: server/quorum/flexible/QuorumMaj.java takes this documented key for a member.
            "server.realm" => "set it as -Dzookeeper.server.realm=...",
            _ => "end the key in a dot and a decimal number, such as server.1",
        };
        java::parse_long(text).map_err(|cause| self.bad(cause, remedy))
    }

    fn server(&self) -> Result<ServerId, ConfigError> {
        self.number().map(ServerId)
    }

    // apache 3.9.5: server/quorum/QuorumPeer.java QuorumServer.initializeWithAddressString
    fn member(&self, id: ServerId, several_addresses: bool) -> Result<Member, ConfigError> {
        let line = server_line::split(&self.line.value).ok_or_else(|| self.wrong_form())?;
        let client = self.client(&line)?;
        if line.addresses.len() > 1 && !several_addresses {
            let cause = format!(
                "Multiple address feature is disabled, but multiple addresses were specified for sid {id}"
            );
            return Err(self.bad(
                cause,
                "set -Dzookeeper.multiAddress.enabled=true, or name one address",
            ));
        }
        let mut role = None;
        let mut addresses = Vec::with_capacity(line.addresses.len());
        for fields in &line.addresses {
            addresses.push(self.address(id, fields)?);
            if let Some(text) = fields.rest.get(2) {
                let this = self.role(text)?;
                if *role.get_or_insert(this) != this {
                    let cause =
                        "Multiple addresses should have similar roles: PARTICIPANT vs OBSERVER"
                            .to_owned();
                    return Err(self.bad(cause, "give all addresses of a server the same role"));
                }
            }
        }
        Ok(Member {
            addresses,
            role: role.unwrap_or(Role::Participant),
            client,
        })
    }

    fn wrong_form(&self) -> ConfigError {
        self.bad(format!("{}{FORM}", self.line.value), SERVER_REMEDY)
    }

    fn client(&self, line: &ServerLine<'_>) -> Result<Option<ClientAddress>, ConfigError> {
        let Some(client) = &line.client else {
            return Ok(None);
        };
        let (host, port) = match client.rest.as_slice() {
            [] => ("0.0.0.0", client.host),
            [port] => (client.host, *port),
            _ => return Err(self.wrong_form()),
        };
        Ok(Some(ClientAddress {
            host: host.to_owned(),
            port: self.port(host, port)?,
        }))
    }

    fn address(&self, id: ServerId, fields: &Fields<'_>) -> Result<PeerAddress, ConfigError> {
        let ([quorum, election] | [quorum, election, _]) = fields.rest.as_slice() else {
            return Err(self.wrong_form());
        };
        let address = PeerAddress {
            host: fields.host.to_owned(),
            quorum_port: self.port(fields.host, quorum)?,
            election_port: self.port(fields.host, election)?,
        };
        if address.quorum_port == address.election_port {
            let cause = format!(
                "Client and election port must be different! Please update the configuration file on server.{id}"
            );
            return Err(self.bad(cause, SERVER_REMEDY));
        }
        Ok(address)
    }

    fn port(&self, host: &str, text: &str) -> Result<u16, ConfigError> {
        let remedy = "give ports from 0 to 65535";
        let number = java::parse_int(text)
            .map_err(|_| self.bad(format!("Address unresolved: {host}:{text}"), remedy))?;
        u16::try_from(number).map_err(|_| self.bad(format!("port out of range:{number}"), remedy))
    }

    fn role(&self, text: &str) -> Result<Role, ConfigError> {
        role(text).ok_or_else(|| {
            self.bad(
                format!("Unrecognised peertype: {text}"),
                "write participant or observer",
            )
        })
    }
}

/// A role by its name in any case.
pub(crate) fn role(text: &str) -> Option<Role> {
    match text.trim().to_ascii_lowercase().as_str() {
        "participant" => Some(Role::Participant),
        "observer" => Some(Role::Observer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, several_addresses: bool) -> Result<Membership, ConfigError> {
        let keys = FileKeys::parse("zoo.cfg", text.as_bytes(), &mut Notes::default())
            .expect("well-formed text");
        Membership::read(&keys, several_addresses)
    }

    fn member(value: &str) -> Member {
        let mut membership = read(&format!("server.7={value}"), true).expect(value);
        membership
            .members
            .remove(&ServerId(7))
            .expect("the one server")
    }

    fn refused(text: &str, cause: &str) {
        let error = read(text, false).expect_err(text).to_string();
        assert!(error.contains(cause), "{text:?}: {error}");
    }

    #[test]
    fn server_lines() {
        let plain = member("h:2888:3888");
        let address = PeerAddress {
            host: "h".to_owned(),
            quorum_port: 2888,
            election_port: 3888,
        };
        assert_eq!(
            plain,
            Member {
                addresses: vec![address],
                role: Role::Participant,
                client: None
            }
        );
        assert_eq!(member("h:2888:3888:OBSERVER").role, Role::Observer);
        assert_eq!(member("h:2888:3888: participant").role, Role::Participant);
        let client = |value| {
            member(value)
                .client
                .map(|client| format!("{} {}", client.host, client.port))
        };
        assert_eq!(client("h:1:2;2181").as_deref(), Some("0.0.0.0 2181"));
        assert_eq!(client("h:1:2;c:2181").as_deref(), Some("c 2181"));
        assert_eq!(client("h:1:2;[::1]:2181").as_deref(), Some("::1 2181"));
        assert_eq!(member("[fe80::1]:1:2").addresses[0].host, "fe80::1");
        assert_eq!(member("a:1:2|b:3:4").addresses.len(), 2);
        assert_eq!(member("a:1:2:observer|b:3:4:observer").role, Role::Observer);
    }

    #[test]
    fn bad_server_lines() {
        for value in [
            "h",
            "h:1",
            "h:1:2:participant:x",
            "h:1:2;a:b:3",
            "h:1:2;3;4",
            "::1:1:2",
            "",
        ] {
            refused(
                &format!("server.1={value}"),
                "does not have the form server_config or server_config;client_config",
            );
        }
        for (text, cause) in [
            ("server.x=h:1:2", "For input string: \"x\""),
            ("server.1.2=h:1:2", "For input string: \"1.2\""),
            ("server.1=h:a:2", "Address unresolved: h:a"),
            ("server.1=h:1:b", "Address unresolved: h:b"),
            ("server.1=h:1:2;c", "Address unresolved: 0.0.0.0:c"),
            ("server.1=h:1:70000", "port out of range:70000"),
            ("server.1=h:-1:2", "port out of range:-1"),
            ("server.1=h:1:2:boss", "Unrecognised peertype: boss"),
            (
                "server.3=h:1:1",
                "Client and election port must be different! Please update the configuration file on server.3",
            ),
            (
                "server.3=a:1:2|b:1:2",
                "Multiple address feature is disabled, but multiple addresses were specified for sid 3",
            ),
            ("server.realm=EXAMPLE.COM", "For input string: \"realm\""),
        ] {
            refused(text, cause);
        }
        let mixed = read("server.1=a:1:2:observer|b:1:2:participant", true)
            .expect_err("two roles")
            .to_string();
        assert!(
            mixed.contains("Multiple addresses should have similar roles"),
            "{mixed}"
        );
    }

    #[test]
    fn groups_and_weights() {
        let servers = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:observer\n";
        assert_eq!(read(servers, false).expect("no groups").groups, None);
        let membership =
            read(&format!("{servers}group.1=1:2\nweight.2=5"), false).expect("all in one group");
        let groups = membership.groups.expect("there are groups");
        assert_eq!(
            groups.group_of,
            BTreeMap::from([(ServerId(1), 1), (ServerId(2), 1)])
        );
        assert_eq!(groups.weight_of, BTreeMap::from([(ServerId(2), 5)]));
        for (lines, cause) in [
            ("group.1=1", "Server 2is not in a group"),
            ("group.1=1:2\ngroup.2=2", "Server 2is in multiple groups"),
            ("group.1=1:x", "For input string: \"x\""),
            ("groupie=1", "For input string: \"groupie\""),
            ("weight.1=heavy", "For input string: \"heavy\""),
            ("weight.2=1", "Server 1is not in a group"),
            ("group.1=1:2:3", "Server 3 is in a group but does not vote"),
            ("group.1=1:2:4", "Server 4 is in a group but does not vote"),
        ] {
            refused(&format!("{servers}{lines}"), cause);
        }
    }

    #[test]
    fn versions_are_hexadecimal() {
        assert_eq!(
            read("version=100000000", false).map(|membership| membership.version),
            Ok(1 << 32)
        );
        refused("version=one", "For input string: \"one\" under radix 16");
    }
}

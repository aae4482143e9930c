//! Reads the lines that name the members of an ensemble, and checks the rules they must keep.

use crate::config::ensemble::{ClientAddress, Groups, Member, Membership, PeerAddress, Role};
use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::note::Notes;
use crate::config::server_line::{self, Fields, ServerLine};
use crate::config::zoo_cfg::{FileKeys, Line};
use crate::types::ServerId;

const FORM: &str = " does not have the form server_config or server_config;client_config where server_config is the \
                    pipe separated list of host:port:port or host:port:port:type and client_config is port or host:port";
const SERVER_REMEDY: &str = "write server.1=host:2888:3888;2181";

/// Why lines do not make a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Whether Apache's server does not expect it: an exception of the runtime comes out where it would have refused.
    pub(crate) unforeseen: bool,
    /// The key of the line; `None`: it is about several lines.
    pub(crate) key: Option<String>,
    /// Upstream's text.
    pub(crate) cause: String,
    /// What would be right.
    pub(crate) remedy: String,
}

impl Fault {
    fn refused(key: &str, cause: String, remedy: &str) -> Self {
        Fault {
            unforeseen: false,
            key: Some(key.to_owned()),
            cause,
            remedy: remedy.to_owned(),
        }
    }

    fn unforeseen(key: &str, cause: String, remedy: &str) -> Self {
        Fault {
            unforeseen: true,
            ..Fault::refused(key, cause, remedy)
        }
    }

    fn of_several(unforeseen: bool, cause: String, remedy: &str) -> Self {
        Fault {
            unforeseen,
            key: None,
            cause,
            remedy: remedy.to_owned(),
        }
    }

    /// The same, for an operator who has to correct a file.
    pub(crate) fn in_file(self, keys: &FileKeys) -> ConfigError {
        match self.key {
            Some(key) => keys.bad(&key, self.cause, self.remedy),
            None => keys.whole(&self.cause, &self.remedy),
        }
    }
}

/// Whether the key belongs to the membership rather than to the server.
pub(crate) fn is_member_key(key: &str) -> bool {
    key.starts_with("server.") || key.starts_with("group") || key.starts_with("weight")
}

/// Refuses lines that do not belong to a membership.
// apache 3.9.5: server/quorum/QuorumPeerConfig.java parseDynamicConfig
pub(crate) fn check_keys(keys: &FileKeys) -> Result<(), Fault> {
    let stranger = |key: &&str| !is_member_key(key) && *key != "version";
    match keys
        .by_line()
        .into_iter()
        .map(|(key, _)| key)
        .find(stranger)
    {
        None => Ok(()),
        Some(key) => Err(Fault::refused(
            key,
            format!("Unrecognised parameter: {key}"),
            "a membership has server, group and weight lines only",
        )),
    }
}

/// Reads the member keys of `keys`. `several_addresses` is the property `zookeeper.multiAddress.enabled`; the key of
/// the file does not count here.
pub(crate) fn read(keys: &FileKeys, several_addresses: bool) -> Result<Membership, Fault> {
    let mut membership = Membership::default();
    let all = keys.by_line();
    if all
        .iter()
        .any(|(key, _)| key.starts_with("group") || key.starts_with("weight"))
    {
        membership.groups = Some(Groups::default());
    }
    for (key, line) in all {
        let reader = KeyReader { key, line };
        if key.starts_with("server.") {
            let id = reader.server()?;
            membership
                .members
                .insert(id, reader.member(id, several_addresses)?);
        } else if key == "version" {
            let remedy = "write the version as a hexadecimal number";
            membership.version = java::parse_hex_long(&line.value)
                .map_err(|cause| Fault::unforeseen(key, cause, remedy))?;
        } else if let Some(groups) = membership.groups.as_mut() {
            add_to_groups(groups, &reader)?;
        }
    }
    check_groups(&membership)?;
    Ok(membership)
}

/// One server, as the value of its line says. `key` is for the error.
pub(crate) fn read_member(
    key: &str,
    id: ServerId,
    value: &str,
    several_addresses: bool,
) -> Result<Member, Fault> {
    let line = &Line {
        line: 1,
        value: value.to_owned(),
    };
    KeyReader { key, line }.member(id, several_addresses)
}

// apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java parse
fn check_groups(membership: &Membership) -> Result<(), Fault> {
    let Some(groups) = &membership.groups else {
        return Ok(());
    };
    let homeless = |id: &ServerId| !groups.group_of.contains_key(id);
    if let Some(id) = membership.voters().find(homeless) {
        let remedy = format!("name {id} in one group line, such as group.1=1:2:3");
        let cause = format!("Server {id}is not in a group");
        return Err(Fault::of_several(false, cause, &remedy));
    }
    // Apache's server stops at a null pointer here: a weight is known of voters, and of servers with a line for it.
    let unknown = |id: &&ServerId| !membership.is_voter(**id) && !groups.weight_of.contains_key(id);
    match groups.group_of.keys().find(unknown) {
        None => Ok(()),
        Some(id) => {
            let cause = format!("Server {id} is in a group but does not vote");
            let remedy = format!("add a line server.{id}, or take {id} out of its group");
            Err(Fault::of_several(true, cause, &remedy))
        }
    }
}

/// The rules about numbers of servers, and remarks on numbers that work badly.
// apache 3.9.5: server/quorum/QuorumPeerConfig.java parseDynamicConfig
pub(crate) fn check_size(
    membership: &Membership,
    standalone_enabled: bool,
    notes: &mut Notes,
) -> Result<(), Fault> {
    let refuse = |cause: &str, remedy: &str| Err(Fault::of_several(true, cause.to_owned(), remedy));
    let remedy = "add a server line without :observer";
    match (membership.voter_count(), membership.observer_count()) {
        (0, _) if !standalone_enabled => refuse(
            "standaloneEnabled = false then number of participants should be >0",
            remedy,
        ),
        (0, 0) => Ok(()),
        (0, _) => refuse(
            "Observers w/o participants is an invalid configuration",
            remedy,
        ),
        (1, observers) if standalone_enabled => {
            notes.error("Invalid configuration, only one server specified (ignoring)".to_owned());
            let remedy = "set standaloneEnabled=false, or add voting servers";
            match observers {
                0 => Ok(()),
                _ => refuse("Observers w/o quorum is an invalid configuration", remedy),
            }
        }
        (voters, _) => {
            if voters <= 2 {
                notes.warn(
                    "No server failure will be tolerated. You need at least 3 servers.".to_owned(),
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

fn add_to_groups(groups: &mut Groups, reader: &KeyReader<'_>) -> Result<(), Fault> {
    let remedy = "write group.1=1:2:3 or weight.1=1";
    let number = |text: &str| {
        java::parse_long(text).map_err(|cause| Fault::unforeseen(reader.key, cause, remedy))
    };
    if reader.key.starts_with("group") {
        let group = reader.number()?;
        // Java's `split` drops what is empty at the end.
        let value = reader.line.value.as_str();
        let servers = value
            .strip_suffix(':')
            .map_or(value, |rest| rest.trim_end_matches(':'));
        for text in servers.split(':') {
            let server = ServerId(number(text)?);
            if groups.group_of.insert(server, group).is_some() {
                let cause = format!("Server {server}is in multiple groups");
                return Err(reader.refused(cause, "name every server in one group only"));
            }
        }
    } else if reader.key.starts_with("weight") {
        let weight = number(&reader.line.value)?;
        groups.weight_of.insert(reader.server()?, weight);
    }
    Ok(())
}

/// One member key with its line.
struct KeyReader<'a> {
    key: &'a str,
    line: &'a Line,
}

impl KeyReader<'_> {
    fn refused(&self, cause: String, remedy: &str) -> Fault {
        Fault::refused(self.key, cause, remedy)
    }

    /// The number after the first dot of the key; without a dot, the whole key is no number.
    fn number(&self) -> Result<i64, Fault> {
        let text = self.key.split_once('.').map_or(self.key, |(_, id)| id);
        let remedy = match self.key {
            // apache 3.9.5: server/quorum/flexible/QuorumMaj.java takes this documented key for a member.
            "server.realm" => "set it as -Dzookeeper.server.realm=...",
            _ => "end the key in a dot and a decimal number, such as server.1",
        };
        java::parse_long(text).map_err(|cause| Fault::unforeseen(self.key, cause, remedy))
    }

    fn server(&self) -> Result<ServerId, Fault> {
        self.number().map(ServerId)
    }

    // apache 3.9.5: server/quorum/QuorumPeer.java QuorumServer.initializeWithAddressString
    fn member(&self, id: ServerId, several_addresses: bool) -> Result<Member, Fault> {
        let line = server_line::split(&self.line.value).ok_or_else(|| self.wrong_form())?;
        let client = self.client(&line)?;
        if line.addresses.len() > 1 && !several_addresses {
            let cause = format!(
                "Multiple address feature is disabled, but multiple addresses were specified for sid {id}"
            );
            return Err(self.refused(
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
                    return Err(self.refused(cause, "give all addresses of a server the same role"));
                }
            }
        }
        Ok(Member {
            addresses,
            role: role.unwrap_or(Role::Participant),
            client,
        })
    }

    fn wrong_form(&self) -> Fault {
        self.refused(format!("{}{FORM}", self.line.value), SERVER_REMEDY)
    }

    fn client(&self, line: &ServerLine<'_>) -> Result<Option<ClientAddress>, Fault> {
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

    fn address(&self, id: ServerId, fields: &Fields<'_>) -> Result<PeerAddress, Fault> {
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
            return Err(self.refused(cause, SERVER_REMEDY));
        }
        Ok(address)
    }

    fn port(&self, host: &str, text: &str) -> Result<u16, Fault> {
        let remedy = "give ports from 0 to 65535";
        let number = java::parse_int(text)
            .map_err(|_| self.refused(format!("Address unresolved: {host}:{text}"), remedy))?;
        u16::try_from(number).map_err(|_| {
            let cause = format!("port out of range:{number}");
            Fault::unforeseen(self.key, cause, remedy)
        })
    }

    fn role(&self, text: &str) -> Result<Role, Fault> {
        role(text).ok_or_else(|| {
            self.refused(
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
    use crate::config::members;
    use std::collections::BTreeMap;

    fn read(text: &str, several_addresses: bool) -> Result<Membership, ConfigError> {
        let keys = FileKeys::parse("zoo.cfg", text.as_bytes(), &mut Notes::default())
            .expect("well-formed text");
        members::read(&keys, several_addresses).map_err(|fault| fault.in_file(&keys))
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

//! Memberships as text that servers exchange: in ballots, in NEWLEADER, in `/zookeeper/config` and in the transaction
//! that changes it. Peers compare memberships, and Java's read ours, so the form is theirs to the byte.

use crate::config::ensemble::{Member, Membership, PeerAddress, Role};
use crate::config::members::{self, Fault};
use crate::config::note::Notes;
use crate::config::zoo_cfg::FileKeys;
use crate::types::ErrorCode;
use crate::types::ServerId;
use crate::types::host;
use std::collections::BTreeMap;
use std::fmt::Write;
use thiserror::Error;

/// What a membership may be depends on the server that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRules {
    /// The property `zookeeper.multiAddress.enabled`: a server may have several addresses.
    pub several_addresses: bool,
    /// `standaloneEnabled`: one voting server is no ensemble.
    pub standalone_enabled: bool,
}

/// Why text is no membership, in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MembershipError {
    /// Apache's server sees what is wrong (`IOException`, `ConfigException`).
    #[error("{0}")]
    Refused(String),
    /// Apache's server does not see it coming (`RuntimeException`): the thread that reads ballots ends, a request to
    /// reconfigure fails as if it could not be read.
    #[error("{0}")]
    Unforeseen(String),
}

impl MembershipError {
    /// What a client hears that has asked for this membership.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            MembershipError::Refused(_) => ErrorCode::BadArguments,
            MembershipError::Unforeseen(_) => ErrorCode::MarshallingError,
        }
    }
}

impl From<Fault> for MembershipError {
    fn from(fault: Fault) -> Self {
        let text = match fault.key {
            Some(key) => format!("{key}: {}", fault.cause),
            None => fault.cause,
        };
        match fault.unforeseen {
            true => MembershipError::Unforeseen(text),
            false => MembershipError::Refused(text),
        }
    }
}

impl Membership {
    /// Reads the text that [`Membership::to_text`] makes, from whichever server. Text without a version has version 0.
    ///
    /// # Errors
    /// When this is no membership for a server with these rules.
    // apache 3.9.5: server/quorum/QuorumPeer.java configFromString
    pub fn from_text(text: &[u8], rules: MemberRules) -> Result<Self, MembershipError> {
        // A broken \u escape surprises Apache's server, too.
        let keys = FileKeys::of_text("", text).map_err(MembershipError::Unforeseen)?;
        members::check_keys(&keys)?;
        let membership = members::read(&keys, rules.several_addresses)?;
        members::check_size(&membership, rules.standalone_enabled, &mut Notes::default())?;
        Ok(membership)
    }

    /// The text that servers exchange: a line for each member, each group and each weight, in the order of their
    /// numbers, and the version, without an end of line.
    // apache 3.9.5: server/quorum/flexible/QuorumHierarchical.java toString
    pub fn to_text(&self) -> String {
        let mut text = self.lines().join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(text, "version={:x}", self.version);
        text
    }

    /// The lines of that text without the last one.
    pub(crate) fn lines(&self) -> Vec<String> {
        let server = |(id, member): (&ServerId, &Member)| format!("server.{id}={}", value(member));
        let mut lines: Vec<String> = self.members.iter().map(server).collect();
        let Some(groups) = &self.groups else {
            return lines;
        };
        let mut by_group: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (server, group) in &groups.group_of {
            by_group.entry(*group).or_default().push(server.to_string());
        }
        let group =
            |(group, servers): (&i64, &Vec<String>)| format!("group.{group}={}", servers.join(":"));
        lines.extend(by_group.iter().map(group));
        lines.extend(
            self.weights()
                .iter()
                .map(|(id, weight)| format!("weight.{id}={weight}")),
        );
        lines
    }

    /// Whether both name the same servers in the same roles, places, groups and weights. Equal versions are taken for
    /// equal memberships, as upstream does (`QuorumVerifier.equals`); names are compared, not what they resolve to.
    pub fn same_members(&self, other: &Membership) -> bool {
        self.version == other.version
            || (self.groups.is_some() == other.groups.is_some()
                && self.folded().lines() == other.folded().lines())
    }

    /// With names in lower case: names differ in nothing else.
    fn folded(&self) -> Membership {
        let mut folded = self.clone();
        for member in folded.members.values_mut() {
            let peers = member.addresses.iter_mut().map(|address| &mut address.host);
            let client = member.client.iter_mut().map(|address| &mut address.host);
            peers
                .chain(client)
                .for_each(|host| host.make_ascii_lowercase());
        }
        folded
    }

    /// The weights that were given, and 1 for the voters that were given none.
    fn weights(&self) -> BTreeMap<ServerId, i64> {
        let mut weights: BTreeMap<_, _> = self.voters().map(|id| (id, 1)).collect();
        if let Some(groups) = &self.groups {
            weights.extend(&groups.weight_of);
        }
        weights
    }
}

/// What stands behind `server.N=`.
// apache 3.9.5: server/quorum/QuorumPeer.java QuorumServer.toString
fn value(member: &Member) -> String {
    let mut addresses: Vec<&PeerAddress> = member.addresses.iter().collect();
    addresses.sort_by_key(|address| host::text(&address.host));
    addresses.dedup();
    let address = |address: &PeerAddress| {
        let host = host::before_port(&address.host);
        format!("{host}:{}:{}", address.quorum_port, address.election_port)
    };
    let addresses: Vec<String> = addresses.into_iter().map(address).collect();
    let role = match member.role {
        Role::Participant => "participant",
        Role::Observer => "observer",
    };
    let mut text = format!("{}:{role}", addresses.join("|"));
    if let Some(client) = &member.client {
        let _ = write!(text, ";{}:{}", host::before_port(&client.host), client.port);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: MemberRules = MemberRules {
        several_addresses: true,
        standalone_enabled: true,
    };

    fn parse(text: &str) -> Result<Membership, MembershipError> {
        Membership::from_text(text.as_bytes(), RULES)
    }

    fn good(text: &str) -> Membership {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn text_is_javas_byte_for_byte() {
        for (text, want) in [
            (
                "version=100000000\nserver.2=10.0.0.2:2888:3888;10.0.0.2:2181\n\
                 server.1=10.0.0.1:2888:3888;10.0.0.1:2181\nserver.3=10.0.0.3:2888:3888:observer;2181",
                "server.1=10.0.0.1:2888:3888:participant;10.0.0.1:2181\n\
                 server.2=10.0.0.2:2888:3888:participant;10.0.0.2:2181\n\
                 server.3=10.0.0.3:2888:3888:observer;0.0.0.0:2181\nversion=100000000",
            ),
            (
                "server.1=10.0.0.1:2888:3888\nserver.2=10.0.0.2:2888:3888;2181\n\
                 server.3=[::1]:2888:3888:observer;[::1]:2181\nversion=1a",
                "server.1=10.0.0.1:2888:3888:participant\n\
                 server.2=10.0.0.2:2888:3888:participant;0.0.0.0:2181\n\
                 server.3=[0:0:0:0:0:0:0:1]:2888:3888:observer;[0:0:0:0:0:0:0:1]:2181\nversion=1a",
            ),
            (
                "server.1=10.0.0.9:2888:3888|10.0.0.10:2890:3890;2181",
                "server.1=10.0.0.10:2890:3890|10.0.0.9:2888:3888:participant;0.0.0.0:2181\nversion=0",
            ),
            (
                "server.1=a:1:2|a:1:2",
                "server.1=a:1:2:participant\nversion=0",
            ),
            ("server.1=a:1:2|", "server.1=a:1:2:participant\nversion=0"),
            (
                "server.1=:1:2;:3",
                "server.1=localhost:1:2:participant;localhost:3\nversion=0",
            ),
            (
                "server.1=HOST:1:2\nserver.2=[2001:DB8::FF]:1:2",
                "server.1=HOST:1:2:participant\n\
                 server.2=[2001:db8:0:0:0:0:0:ff]:1:2:participant\nversion=0",
            ),
            (
                "server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2:observer\n\
                 group.2=2\ngroup.1=1\nweight.3=7\nweight.1=3\nversion=ff",
                "server.1=h:1:2:participant\nserver.2=h:1:2:participant\nserver.3=h:1:2:observer\n\
                 group.1=1\ngroup.2=2\nweight.1=3\nweight.2=1\nweight.3=7\nversion=ff",
            ),
            ("version=-1", "version=ffffffffffffffff"),
            ("", "version=0"),
            ("weight.1=1", "weight.1=1\nversion=0"),
            (
                "server.1=h:1:2\nserver.2=h:1:2\ngroup.1=1:2::",
                "server.1=h:1:2:participant\nserver.2=h:1:2:participant\n\
                 group.1=1:2\nweight.1=1\nweight.2=1\nversion=0",
            ),
        ] {
            assert_eq!(good(text).to_text(), want, "{text}");
        }
    }

    #[test]
    fn what_apaches_server_refuses() {
        let two = "server.2=b:1:2\n";
        for (text, cause) in [
            ("foo=bar", "Unrecognised parameter: foo"),
            ("server1=a:1:2", "Unrecognised parameter: server1"),
            ("server.1=h:1:2 ", "Address unresolved: h:2 "),
            ("server.1=h:1:2; 3", "Address unresolved: 0.0.0.0: 3"),
            ("server.1=h:1:x", "Address unresolved: h:x"),
            ("server.1=h:1:2;3;4", "does not have the form"),
            ("server.1=", "does not have the form"),
            ("server.1=[::1:1:2", "does not have the form"),
            (
                "server.1=h:1:1",
                "Client and election port must be different!",
            ),
            ("server.1=h:1:2:boss", "Unrecognised peertype: boss"),
            ("server.1=h:1:2\ngroup.1=1", "Server 2is not in a group"),
            (
                "server.1=h:1:2\ngroup.1=1:2:2",
                "Server 2is in multiple groups",
            ),
        ] {
            match parse(&format!("{two}{text}")) {
                Err(MembershipError::Refused(why)) => assert!(why.contains(cause), "{why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_apaches_server_does_not_see_coming() {
        for (text, cause) in [
            ("server.x=h:1:2", "For input string: \"x\""),
            ("server.1=h:1:70000", "port out of range:70000"),
            ("server.1=h:1:2;c:99999", "port out of range:99999"),
            ("version=x", "For input string: \"x\" under radix 16"),
            ("version=ffffffffffffffff", "under radix 16"),
            ("version=\\u12", "Malformed \\uxxxx encoding."),
            ("group.1=1:x", "For input string: \"x\""),
            ("group=1", "For input string: \"group\""),
            ("group.1=1", "Server 1 is in a group but does not vote"),
            ("weight.1=x", "For input string: \"x\""),
            ("server.1=h:1:2:observer", "Observers w/o participants"),
            (
                "server.1=h:1:2\nserver.2=h:1:3:observer",
                "Observers w/o quorum",
            ),
        ] {
            match parse(text) {
                Err(MembershipError::Unforeseen(why)) => assert!(why.contains(cause), "{why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn rules_are_the_readers() {
        let read = |text: &str, several_addresses, standalone_enabled| {
            let rules = MemberRules {
                several_addresses,
                standalone_enabled,
            };
            Membership::from_text(text.as_bytes(), rules)
        };
        assert!(read("server.1=a:1:2|b:1:2", false, true).is_err());
        assert!(read("", true, false).is_err());
        assert!(read("server.1=a:1:2\nserver.2=a:1:3:observer", true, false).is_ok());
    }

    #[test]
    fn the_kinds_of_errors_are_answered_differently() {
        let code = |text: &str| parse(text).expect_err(text).error_code();
        assert_eq!(code("foo=bar"), ErrorCode::BadArguments);
        assert_eq!(code("version=x"), ErrorCode::MarshallingError);
    }

    #[test]
    fn same_members_whatever_the_order_and_the_case() {
        let base = good(
            "server.1=a:1:2|b:3:4;5\nserver.2=::1:1:2\nversion=1"
                .replace("::1:", "[::1]:")
                .as_str(),
        );
        for (text, same) in [
            (
                "server.2=[0:0::1]:1:2\nserver.1=B:3:4|a:1:2;0.0.0.0:5\nversion=2",
                true,
            ),
            ("server.1=c:9:8\nversion=1", true),
            ("server.1=a:1:2|b:3:4\nserver.2=[::1]:1:2\nversion=2", false),
            (
                "server.1=a:1:2|b:3:4;5\nserver.2=[::1]:1:3\nversion=2",
                false,
            ),
            (
                "server.1=a:1:2|b:3:4:participant;5\nserver.3=[::1]:1:2\nversion=2",
                false,
            ),
            (
                "server.1=a:1:2|b:3:4;5\nserver.2=[::1]:1:2\ngroup.1=1:2\nversion=2",
                false,
            ),
        ] {
            assert_eq!(base.same_members(&good(text)), same, "{text}");
        }
        let one = good("server.1=a:1:2\nserver.2=a:1:3\ngroup.1=1:2\nversion=1");
        let weights = "server.1=a:1:2\nserver.2=a:1:3\ngroup.1=1:2\nversion=2\nweight.2=";
        assert!(one.same_members(&good(&format!("{weights}1"))));
        assert!(!one.same_members(&good(&format!("{weights}2"))));
    }

    fn texts() -> impl Strategy<Value = String> {
        let host = prop_oneof![
            "[a-z]{1,6}",
            "10\\.0\\.0\\.[1-9]",
            Just("[fe80::1]".to_owned())
        ];
        let address =
            (host.clone(), 1..9u16, 10..19u16).prop_map(|(host, a, b)| format!("{host}:{a}:{b}"));
        let client = prop::option::of((host, 1..99u16)).prop_map(|client| {
            client.map_or(String::new(), |(host, port)| format!(";{host}:{port}"))
        });
        let server = (prop::collection::vec(address, 1..3), client);
        (
            prop::collection::vec(server, 2..5),
            any::<bool>(),
            0..i64::MAX,
        )
            .prop_map(|(servers, grouped, version)| {
                let mut text = String::new();
                for (id, (addresses, client)) in (1..).zip(&servers) {
                    let _ = writeln!(text, "server.{id}={}{client}", addresses.join("|"));
                    if grouped {
                        let _ = writeln!(text, "group.{}={id}\nweight.{id}={id}", id + 10);
                    }
                }
                format!("{text}version={version:x}")
            })
    }

    proptest! {
        #[test]
        fn text_comes_back(text in texts()) {
            let first = good(&text);
            let second = good(&first.to_text());
            prop_assert_eq!(second.to_text(), first.to_text());
            prop_assert_eq!(second.version, first.version);
            let older = Membership { version: -1, ..first };
            prop_assert!(second.same_members(&older));
        }

        #[test]
        fn no_text_makes_it_panic(bytes: Vec<u8>, text in r"((server|group|weight)\.[0-9x]=[a0-9:;|\[\]]{0,12}\n?|version=[0-9a-z-]{0,3}\n?|[ -~]){0,6}") {
            let _ = Membership::from_text(&bytes, RULES);
            let _ = parse(&text);
        }
    }
}

//! What a membership becomes when a client asks for a change. Whether the change may happen, and whether the servers
//! it names are there, is for others to say.

use crate::config::ensemble::{Member, Membership};
use crate::config::java;
use crate::config::member_text::{MemberRules, MembershipError};
use crate::config::members;
use crate::types::ServerId;
use crate::types::host;
use std::net::IpAddr;

/// What a client asks for (`ReconfigRequest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change<'a> {
    /// Servers to add or to replace: `server.N=...;port`, separated by commas.
    pub joining: Option<&'a str>,
    /// Numbers of servers to remove, separated by commas. Unknown ones do not matter.
    pub leaving: Option<&'a str>,
    /// The whole new membership, its lines separated by commas or ends of lines; if given, it alone counts.
    pub members: Option<&'a str>,
}

impl Membership {
    /// What this membership becomes by a change. `version` is the zxid of the change.
    ///
    /// # Errors
    /// As Apache's leader refuses the change, before it looks whether the servers are there.
    // apache 3.9.5: server/PrepRequestProcessor.java pRequest2Txn
    pub fn changed(
        &self,
        change: Change<'_>,
        version: i64,
        rules: MemberRules,
    ) -> Result<Membership, MembershipError> {
        let mut next = match change.members {
            Some(text) => Membership::from_text(text.replace(',', "\n").as_bytes(), rules)?,
            None => self.incremented(change, rules)?,
        };
        next.version = version;
        match next.voter_count() {
            0 | 1 if rules.standalone_enabled => Err(refused(
                "Reconfig failed - new configuration must include at least 2 followers",
            )),
            0 => Err(refused(
                "Reconfig failed - new configuration must include at least 1 follower",
            )),
            _ => next.readable(rules),
        }
    }

    /// Refuses a membership that the other servers would read differently, or not at all: names of hosts are not checked,
    /// and an end of line in one of them would go out to all of them.
    fn readable(self, rules: MemberRules) -> Result<Membership, MembershipError> {
        let again = Membership::from_text(self.to_text().as_bytes(), rules);
        match again {
            Ok(again) if again.lines() == self.lines() => Ok(self),
            _ => Err(refused(
                "Reconfig failed - a host name has characters of the syntax",
            )),
        }
    }

    fn incremented(
        &self,
        change: Change<'_>,
        rules: MemberRules,
    ) -> Result<Membership, MembershipError> {
        if self.groups.is_some() {
            return Err(refused(
                "Incremental reconfiguration requested but last configuration seen has a non-majority quorum system",
            ));
        }
        let mut next = self.clone();
        for leaving in items(change.leaving.unwrap_or_default(), ',') {
            let id = java::parse_long(leaving).map_err(MembershipError::Unforeseen)?;
            next.members.remove(&ServerId(id));
        }
        for joiner in items(change.joining.unwrap_or_default(), ',') {
            let (id, member) = joining(joiner, rules)?;
            check_addresses(&next, id, &member)?;
            next.members.insert(id, member);
        }
        Ok(next)
    }
}

fn refused(cause: &str) -> MembershipError {
    MembershipError::Refused(cause.to_owned())
}

/// What stands between separators, trimmed, without what is empty.
// apache 3.9.5: common/StringUtils.java split
fn items(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split(separator)
        .map(|item| item.trim_matches(|c| c <= ' '))
        .filter(|item| !item.is_empty())
}

fn joining(text: &str, rules: MemberRules) -> Result<(ServerId, Member), MembershipError> {
    let parts: Vec<&str> = items(text, '=').collect();
    let [key, value] = parts.as_slice() else {
        return Err(refused("Wrong format of server string"));
    };
    let number = key.rsplit_once('.').map_or(*key, |(_, number)| number);
    let id = java::parse_long(number).map_err(MembershipError::Unforeseen)?;
    let id = ServerId(id);
    let member = members::read_member(key, id, value, rules.several_addresses)?;
    if member.client.is_none() {
        return Err(refused(
            "Wrong format of server string - each server should have 3 ports specified",
        ));
    }
    Ok((id, member))
}

/// No two servers may be in one place.
// apache 3.9.5: server/quorum/QuorumPeer.java QuorumServer.checkAddressDuplicate
fn check_addresses(
    next: &Membership,
    id: ServerId,
    member: &Member,
) -> Result<(), MembershipError> {
    let mine = places(member);
    for (other, member) in next.members.iter().filter(|(other, _)| **other != id) {
        for place in places(member) {
            if mine.contains(&place) {
                let (host, port) = place;
                return Err(MembershipError::Refused(format!(
                    "{host}:{port} of server.{id} conflicts {host}:{port} of server.{other}"
                )));
            }
        }
    }
    Ok(())
}

/// Every address of a server, but for those that are different places on different machines. Java compares what names
/// resolve to; here names are places, since this code asks nobody.
fn places(member: &Member) -> Vec<(String, u16)> {
    let peers = member.addresses.iter().flat_map(|address| {
        let host = address.host.as_str();
        [(host, address.quorum_port), (host, address.election_port)]
    });
    let client = member
        .client
        .iter()
        .map(|client| (client.host.as_str(), client.port));
    peers
        .chain(client)
        .map(|(host, port)| (host::text(host), port))
        .filter(|(host, _)| !is_everywhere(host))
        .map(|(host, port)| (host.to_ascii_lowercase(), port))
        .collect()
}

fn is_everywhere(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    let local = address.is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    local || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ErrorCode;
    use proptest::prelude::*;

    const RULES: MemberRules = MemberRules {
        several_addresses: false,
        standalone_enabled: true,
    };

    const THREE: &str =
        "server.1=a:1:2;9\nserver.2=b:1:2;9\nserver.3=c:1:2:observer;c:9\nversion=7";

    fn three() -> Membership {
        Membership::from_text(THREE.as_bytes(), RULES).expect("a good membership")
    }

    fn change(joining: &'static str, leaving: &'static str) -> Change<'static> {
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        Change {
            joining: given(joining),
            leaving: given(leaving),
            members: None,
        }
    }

    fn whole(members: &str) -> Change<'_> {
        Change {
            joining: Some("nonsense"),
            leaving: Some("nonsense"),
            members: Some(members),
        }
    }

    fn changed(change: Change<'_>) -> Result<String, MembershipError> {
        let next = three().changed(change, 0x1_0000_0005, RULES);
        next.map(|next| next.to_text())
    }

    #[test]
    fn servers_join_leave_and_are_replaced() {
        let second = "server.2=b:1:2:participant;0.0.0.0:9\n";
        let third = "server.3=c:1:2:observer;c:9\n";
        for (joining, leaving, want) in [
            (
                "server.4=d:1:2;9",
                "3",
                "server.1=a:1:2:participant;0.0.0.0:9\nserver.2=b:1:2:participant;0.0.0.0:9\n\
                 server.4=d:1:2:participant;0.0.0.0:9\n"
                    .to_owned(),
            ),
            (
                " server.3 = c:1:2;c:9 ,, server.1=x:1:2:observer;9 ",
                "",
                format!(
                    "server.1=x:1:2:observer;0.0.0.0:9\n{second}server.3=c:1:2:participant;c:9\n"
                ),
            ),
            (
                "server.1=b:3:4;9",
                " 1 ,, 99",
                format!("server.1=b:3:4:participant;0.0.0.0:9\n{second}{third}"),
            ),
            (
                // Leaving comes first, so its place is free.
                "5=a:1:2;9",
                "1",
                format!("{second}{third}server.5=a:1:2:participant;0.0.0.0:9\n"),
            ),
        ] {
            let want = format!("{want}version=100000005");
            assert_eq!(
                changed(change(joining, leaving)),
                Ok(want),
                "{joining} {leaving}"
            );
        }
    }

    #[test]
    fn a_whole_membership_takes_the_place_of_the_old_one() {
        let want = "server.5=h:1:2:participant\nserver.6=h:1:3:participant\nversion=100000005";
        for text in [
            "server.5=h:1:2,server.6=h:1:3",
            "server.5=h:1:2\n  server.6=h:1:3\nversion=1",
        ] {
            assert_eq!(changed(whole(text)).as_deref(), Ok(want), "{text}");
        }
        let groups = "server.5=h:1:2\nserver.6=h:1:3\ngroup.1=5:6";
        let grouped = three()
            .changed(whole(groups), 9, RULES)
            .expect("groups are fine");
        assert!(grouped.groups.is_some());
        let step = grouped.changed(change("server.7=h:1:4;5", ""), 10, RULES);
        let error = step.expect_err("not one by one");
        assert!(
            error.to_string().contains("non-majority quorum system"),
            "{error}"
        );
        assert_eq!(error.error_code(), ErrorCode::BadArguments);
    }

    #[test]
    fn bad_changes_are_refused_as_apache_does() {
        use ErrorCode::{BadArguments, MarshallingError};
        for (joining, leaving, code) in [
            ("server.4=d:1:2", "", BadArguments),
            ("server.4", "", BadArguments),
            ("server.4=d:1:2=x;3", "", BadArguments),
            ("server.4=d:1;9", "", BadArguments),
            ("server.4=d:1:x;9", "", BadArguments),
            ("server.4=d:1:1;9", "", BadArguments),
            ("server.4=d:1:2:boss;9", "", BadArguments),
            ("server.4=d:1:2|e:1:2;9", "", BadArguments),
            ("server.x=d:1:2;9", "", MarshallingError),
            ("server.4=d:1:70000;9", "", MarshallingError),
            ("", "one", MarshallingError),
            ("", "1", BadArguments),
            ("", "1,2", BadArguments),
            ("server.2=b:1:2:observer;9", "", BadArguments),
        ] {
            let error = changed(change(joining, leaving)).expect_err(joining);
            assert_eq!(error.error_code(), code, "{joining} {leaving}: {error}");
        }
        for (members, code) in [
            ("", BadArguments),
            ("server.1=a:1:2", BadArguments),
            ("foo=bar", BadArguments),
            ("server.1=a:1:2\nserver.2=b:1:3:observer", MarshallingError),
            ("server.1=a:1:2\nserver.y=b:1:3", MarshallingError),
        ] {
            let error = changed(whole(members)).expect_err(members);
            assert_eq!(error.error_code(), code, "{members}: {error}");
        }
    }

    #[test]
    fn one_voter_is_enough_where_no_server_stands_alone() {
        let rules = MemberRules {
            standalone_enabled: false,
            ..RULES
        };
        assert!(three().changed(change("", "1"), 8, rules).is_ok());
        assert!(three().changed(change("", "1,2"), 8, rules).is_err());
    }

    #[test]
    fn two_servers_are_not_in_one_place() {
        for (joining, conflict) in [
            ("server.4=b:1:7;9", true),
            ("server.4=B:7:2;9", true),
            ("server.4=c:7:8;c:9", true),
            ("server.4=c:9:8;10", true),
            ("server.4=b:7:8;b:9", false),
            ("server.4=d:1:2;9", false),
            ("server.2=b:1:2;9", false),
        ] {
            let got = changed(change(joining, ""));
            assert_eq!(got.is_err(), conflict, "{joining}: {got:?}");
        }
        let error = changed(change("server.4=b:1:7;9", "")).expect_err("taken");
        assert_eq!(
            error.to_string(),
            "b:1 of server.4 conflicts b:1 of server.2"
        );
    }

    #[test]
    fn places_that_are_everywhere_do_not_conflict() {
        for host in ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]"] {
            let text = format!("server.1={host}:1:2;9\nserver.2={host}:1:2;9");
            let members = Membership::from_text(text.as_bytes(), RULES).expect("good members");
            let joining = format!("server.3={host}:1:2;9");
            let joining = Change {
                joining: Some(&joining),
                ..Change::default()
            };
            assert!(members.changed(joining, 1, RULES).is_ok(), "{host}");
        }
        let text = "server.1=[fe80::1]:1:2;9\nserver.2=b:1:2;9";
        let members = Membership::from_text(text.as_bytes(), RULES).expect("good members");
        let joining = change("server.3=[fe80:0::1]:1:3;9", "");
        assert!(members.changed(joining, 1, RULES).is_err());
    }

    #[test]
    fn names_that_would_break_the_text_are_refused() {
        for joining in [
            "server.4=a\nversion:1:2;9",
            "server.4=a\nfoo:1:2;9",
            "server.4=a\\b:1:2;9",
            "server.4=d:1:2;c\nd:9",
        ] {
            let error = changed(change(joining, "")).expect_err(joining);
            assert_eq!(error.error_code(), ErrorCode::BadArguments, "{joining}");
        }
    }

    proptest! {
        #[test]
        fn every_server_reads_what_a_change_makes(
            joining in r"(server\.[0-9]=[ab\n\\#!: =\[\]|]{1,3}:[12]:[34](:observer)?;([ab:\n]{0,3}:)?9,?){0,3}",
            leaving in "[1-5,]{0,3}",
            members in prop::option::weighted(0.2, r"(server\.[0-9]=[ab\\#]{1,3}:[12]:[34],?|group\.1=[1-5:]{1,6},){0,4}"),
        ) {
            let change = Change {
                joining: Some(&joining),
                leaving: Some(&leaving),
                members: members.as_deref(),
            };
            if let Ok(next) = three().changed(change, 99, RULES) {
                let again = Membership::from_text(next.to_text().as_bytes(), RULES);
                let again = again.expect("all servers can read it");
                let older = Membership { version: 1, ..again };
                prop_assert!(older.same_members(&next));
                prop_assert!(next.voter_count() >= 2);
            }
        }
    }
}

//! The rules about keys that do nothing yet: a mistake in one of them must not wait for the day it does. The values
//! themselves go nowhere.

use crate::config::error::ConfigError;
use crate::config::system::SystemProperties;
use crate::config::zoo_cfg::FileKeys;

const SASL: [&str; 3] = [
    "quorum.auth.enableSasl",
    "quorum.auth.learnerRequireSasl",
    "quorum.auth.serverRequireSasl",
];

const INTS: [&str; 1] = ["quorum.cnxn.threads.size"];
const LONGS: [&str; 3] = [
    "jvm.pause.warn-threshold.ms",
    "jvm.pause.info-threshold.ms",
    "jvm.pause.sleep.time.ms",
];
const BOOLEANS: [&str; 4] = [
    "sslQuorum",
    "portUnification",
    "sslQuorumReloadCertFiles",
    "jvm.pause.monitor",
];

/// Refuses what Apache's server would refuse.
// apache 3.9.5: server/quorum/QuorumPeerConfig.java parseProperties
pub(crate) fn check(keys: &FileKeys, system: &SystemProperties) -> Result<(), ConfigError> {
    INTS.iter().try_for_each(|key| keys.int(key).map(drop))?;
    LONGS.iter().try_for_each(|key| keys.long(key).map(drop))?;
    BOOLEANS
        .iter()
        .try_for_each(|key| keys.boolean(key).map(drop))?;
    check_election_algorithm(keys)?;
    check_quorum_sasl(keys)?;
    check_secure_port(keys, system)
}

fn check_election_algorithm(keys: &FileKeys) -> Result<(), ConfigError> {
    if keys.int("electionAlg")?.is_some_and(|number| number != 3) {
        let cause = "Invalid electionAlg value. Only 3 is supported.".to_owned();
        return Err(keys.bad(
            "electionAlg",
            cause,
            "write 3, or leave the line out".to_owned(),
        ));
    }
    Ok(())
}

fn check_quorum_sasl(keys: &FileKeys) -> Result<(), ConfigError> {
    let mut on = [false; 3];
    for (on, key) in on.iter_mut().zip(SASL) {
        *on = keys.boolean(key)?.unwrap_or(false);
    }
    let [enabled, learner, server] = on;
    for (missing, needs, needed) in [
        (server && !enabled, SASL[2], SASL[0]),
        (learner && !enabled, SASL[1], SASL[0]),
        (server && !learner, SASL[2], SASL[1]),
    ] {
        if missing {
            let cause = format!("{needed} is disabled, so cannot enable {needs}");
            return Err(keys.bad(needs, cause, format!("add {needed}=true")));
        }
    }
    Ok(())
}

// apache 3.9.5: server/quorum/QuorumPeerConfig.java configureSSLAuth
fn check_secure_port(keys: &FileKeys, system: &SystemProperties) -> Result<(), ConfigError> {
    if keys.port("secureClientPort")?.is_none() {
        if keys.get("secureClientPortAddress").is_some() {
            let cause = "secureClientPortAddress is set but secureClientPort is not set".to_owned();
            return Err(keys.bad(
                "secureClientPortAddress",
                cause,
                "add secureClientPort=2281".to_owned(),
            ));
        }
        return Ok(());
    }
    let scheme = system.get("zookeeper.ssl.authProvider").unwrap_or("x509");
    if scheme != "x509"
        && system
            .get(&format!("zookeeper.authProvider.{scheme}"))
            .is_none()
    {
        let cause =
            format!("No auth provider configured for the SSL authentication scheme '{scheme}'.");
        return Err(keys.whole(
            &cause,
            &format!("add authProvider.{scheme}=<class>, or leave ssl.authProvider out"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::note::Notes;

    fn refusal(text: &str, flags: &[(&str, &str)]) -> Option<String> {
        let keys = FileKeys::parse("zoo.cfg", text.as_bytes(), &mut Notes::default())
            .expect("well-formed text");
        let flags: Vec<_> = flags
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        check(&keys, &SystemProperties::new("zoo.cfg", &flags))
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        let bad = INTS.iter().chain(&LONGS).map(|key| (*key, "many"));
        for (key, value) in bad.chain(BOOLEANS.map(|key| (key, "yes"))) {
            let refused = refusal(&format!("{key}={value}"), &[]).expect("a bad value");
            assert!(
                refused.starts_with(&format!(
                    "Error processing zoo.cfg: line 1: `{key}={value}`: "
                )),
                "{refused}"
            );
        }
        for key in INTS.iter().chain(&LONGS) {
            assert_eq!(refusal(&format!("{key}=7"), &[]), None);
        }
    }

    #[test]
    fn only_one_election_algorithm_is_known() {
        assert_eq!(refusal("electionAlg=3", &[]), None);
        let refused = refusal("electionAlg=1", &[]).expect("an old algorithm");
        assert!(
            refused.contains("Invalid electionAlg value. Only 3 is supported."),
            "{refused}"
        );
    }

    #[test]
    fn sasl_between_servers_is_consistent() {
        let [enabled, learner, server] = SASL;
        for (on, cause) in [
            (vec![], None),
            (vec![enabled], None),
            (vec![enabled, learner], None),
            (vec![enabled, learner, server], None),
            (
                vec![server],
                Some(format!("{enabled} is disabled, so cannot enable {server}")),
            ),
            (
                vec![learner],
                Some(format!("{enabled} is disabled, so cannot enable {learner}")),
            ),
            (
                vec![enabled, server],
                Some(format!("{learner} is disabled, so cannot enable {server}")),
            ),
        ] {
            let text: String = on.iter().map(|key| format!("{key}=true\n")).collect();
            let refused = refusal(&text, &[]);
            match cause {
                None => assert_eq!(refused, None, "{on:?}"),
                Some(cause) => assert!(
                    refused.as_ref().is_some_and(|text| text.contains(&cause)),
                    "{on:?}: {refused:?}"
                ),
            }
        }
    }

    #[test]
    fn the_secure_port_needs_a_provider_and_its_address_needs_the_port() {
        assert_eq!(
            refusal("secureClientPort=2281\nsecureClientPortAddress=h", &[]),
            None
        );
        let refused = refusal("secureClientPortAddress=h", &[]).expect("no port");
        assert!(
            refused.contains("secureClientPortAddress is set but secureClientPort is not set"),
            "{refused}"
        );
        assert!(refusal("secureClientPort=65536", &[]).is_some());

        let scheme = ("zookeeper.ssl.authProvider", "mine");
        let refused = refusal("secureClientPort=2281", &[scheme]).expect("no class for the scheme");
        assert!(
            refused
                .contains("No auth provider configured for the SSL authentication scheme 'mine'."),
            "{refused}"
        );
        assert_eq!(
            refusal(
                "secureClientPort=2281",
                &[scheme, ("zookeeper.authProvider.mine", "a.Class")]
            ),
            None
        );
        assert_eq!(refusal("", &[scheme]), None);
    }
}

//! Every name an operator may know from Apache ZooKeeper 3.9.5, and what this server does with it. One table:
//! the documentation, the sample file and the notes in the log are made from it.
//!
//! The rows are spread over files by subject. A `*` at the end of a name stands for any ending.

mod admin;
mod auth;
mod connections;
pub mod dead;
mod ensemble;
mod file_keys;
mod properties;
mod requests;
mod storage;
mod tls;

/// Where a name can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In the settings file only; as `-D` it means nothing.
    FileKey,
    /// As `name=value` in the settings file, or as `-Dzookeeper.name=value`; the file wins.
    PassThrough,
    /// As `-Dname=value` only, the name as it stands.
    Property,
}

/// A part of Apache ZooKeeper that is still to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// TLS on the client port.
    ClientTls,
    /// TLS between servers.
    QuorumTls,
    /// SASL for clients, Kerberos included.
    Sasl,
    /// SASL between servers.
    QuorumSasl,
    /// Authentication schemes other than world, auth, ip and digest.
    AuthProviders,
    /// The HTTP admin server.
    AdminServer,
    /// The audit log.
    Audit,
}

impl Feature {
    /// What is missing, as the end of the sentence "has no effect: ...".
    pub fn missing(self) -> &'static str {
        match self {
            Feature::ClientTls => "this build has no client TLS yet",
            Feature::QuorumTls => "this build has no quorum TLS yet",
            Feature::Sasl => "this build has no SASL for clients yet",
            Feature::QuorumSasl => "this build has no SASL between servers yet",
            Feature::AuthProviders => "this build has the schemes world, auth, ip and digest only",
            Feature::AdminServer => "this build has no admin server yet",
            Feature::Audit => "this build has no audit log yet",
        }
    }
}

/// What this server does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what it does in Apache's server; the text says what.
    Honoured(&'static str),
    /// Accepted, and for good without effect; the text says why.
    NoEffect(&'static str),
    /// Accepted, without effect until the feature is built.
    Later(Feature),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As in the settings file, or the whole name of a property.
    pub name: &'static str,
    /// Where it can be set.
    pub kind: Kind,
    /// The value that changes nothing, or `unset`, or (in parentheses) how the default is found.
    pub default: &'static str,
    /// Unit or allowed values.
    pub unit: &'static str,
    /// What this server does with it.
    pub status: Status,
}

impl Key {
    /// Whether the row speaks of `name`.
    pub fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => self.name == name,
        }
    }

    /// How the name is written after `-D`; `None` when it can be set in the file only.
    pub fn property(&self) -> Option<String> {
        match self.kind {
            Kind::FileKey => None,
            Kind::PassThrough => Some(format!("zookeeper.{}", self.name)),
            Kind::Property => Some(self.name.to_owned()),
        }
    }
}

/// Writes rows one to a line: `"name" | "default" | "unit" | status;`.
macro_rules! rows {
    ($kind:ident: $($name:literal | $default:literal | $unit:literal | $status:expr;)*) => {
        &[$(crate::config::known::Key {
            name: $name,
            kind: crate::config::known::Kind::$kind,
            default: $default,
            unit: $unit,
            status: $status,
        }),*]
    };
}
use rows;

/// A part of the table, with a heading.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// For readers.
    pub title: &'static str,
    /// In the order they are best read.
    pub keys: &'static [Key],
}

/// The whole table.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "Files, ports and time",
        keys: file_keys::STANDALONE,
    },
    Section {
        title: "Storage",
        keys: storage::KEYS,
    },
    Section {
        title: "Requests",
        keys: requests::KEYS,
    },
    Section {
        title: "Client connections",
        keys: connections::KEYS,
    },
    Section {
        title: "Authentication and authorisation",
        keys: auth::KEYS,
    },
    Section {
        title: "Java properties (`-D` only)",
        keys: properties::KEYS,
    },
    Section {
        title: "Ensembles: keys of the file only",
        keys: file_keys::ENSEMBLE,
    },
    Section {
        title: "Ensembles",
        keys: ensemble::KEYS,
    },
    Section {
        title: "TLS",
        keys: tls::KEYS,
    },
    Section {
        title: "Metrics, JVM monitor and other keys of the file only",
        keys: file_keys::OTHER,
    },
    Section {
        title: "Admin server, audit log, JMX",
        keys: admin::KEYS,
    },
];

/// All rows.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The row for a key as it stands in the settings file.
pub fn file_key(name: &str) -> Option<&'static Key> {
    all().find(|key| key.kind != Kind::Property && key.matches(name))
}

/// The row for a property as it stands after `-D`.
pub fn property(name: &str) -> Option<&'static Key> {
    let short = name.strip_prefix("zookeeper.");
    all().find(|key| match key.kind {
        Kind::FileKey => false,
        Kind::PassThrough => short.is_some_and(|short| key.matches(short)),
        Kind::Property => key.matches(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_stands_twice() {
        let mut seen = BTreeSet::new();
        for key in all() {
            assert!(
                seen.insert((key.name, key.kind == Kind::Property)),
                "{} stands twice",
                key.name
            );
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_name() {
        for key in all() {
            let name = key.name.replace('*', "x");
            let found = match key.property() {
                Some(property) => property_row(&property.replace('*', "x")),
                None => file_key(&name),
            };
            assert_eq!(found, Some(key), "{name}");
        }
    }

    fn property_row(name: &str) -> Option<&'static Key> {
        property(name)
    }

    #[test]
    fn the_table_is_complete() {
        // The reference of the configuration surface: 55 keys of the file, six of them of the metrics provider, 147 that
        // pass through, TLS and `fips-mode`.
        let count = |kind: Kind| all().filter(|key| key.kind == kind).count();
        assert_eq!(count(Kind::FileKey), 55);
        assert!(
            count(Kind::PassThrough) >= 147 + 36,
            "{}",
            count(Kind::PassThrough)
        );
        assert!(count(Kind::Property) >= 16, "{}", count(Kind::Property));
    }

    #[test]
    fn prefixes_match_any_ending() {
        assert_eq!(file_key("server.17").map(|key| key.name), Some("server.*"));
        assert_eq!(file_key("weightless").map(|key| key.name), Some("weight*"));
        assert_eq!(
            file_key("metricsProvider.httpsPort").map(|key| key.name),
            Some("metricsProvider.*")
        );
        assert_eq!(file_key("serverX"), None);
        assert_eq!(
            property("zookeeper.snapCount").map(|key| key.name),
            Some("snapCount")
        );
        assert_eq!(property("snapCount"), None);
        assert_eq!(property("zookeeper.tickTime"), None);
    }
}

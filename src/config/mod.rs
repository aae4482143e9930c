//! Text to settings. Files, `-D` and arguments arrive as text; out comes one plain [`Config`], checked as a whole, and
//! the notes an operator should read. This room opens no file and reads no environment.

#[cfg(test)]
mod agreement;
mod auth;
#[cfg(test)]
mod corrections;
mod draft;
mod ensemble;
mod error;
mod flags;
mod java;
pub mod known;
pub mod member_files;
mod member_text;
mod members;
mod metrics;
mod network;
mod nodes;
mod note;
mod pipeline;
pub mod properties;
mod quorum;
mod reconfig;
mod remarks;
mod server_line;
mod storage;
mod system;
mod time;
mod unused;
#[cfg(test)]
mod whole;
mod words;
mod zoo_cfg;

pub use auth::{Auth, DigestAlgorithm};
pub use draft::{Companions, Draft};
pub use ensemble::{ClientAddress, Groups, Member, Membership, PeerAddress, Role};
pub use error::{BadValue, ConfigError};
pub use flags::{JvmFlags, property};
pub use member_text::{MemberRules, MembershipError};
pub use metrics::{Metrics, PROMETHEUS_PROVIDER, Prometheus};
pub use network::{ConnectionThrottle, Network, SessionWeights};
pub use nodes::{Containers, Nodes};
pub use note::{Level, Note};
pub use pipeline::{LargeRequests, Pipeline, RequestThrottle};
pub use quorum::Quorum;
pub use reconfig::Change;
pub use storage::{Purge, SnapshotCompression, Storage};
pub use time::Timing;
pub use words::WordWhitelist;

use crate::config::note::Notes;
use crate::config::zoo_cfg::FileKeys;
use crate::types::ServerId;

/// Everything an operator can decide, checked as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The settings file as the operator named it, or what stands in its place.
    pub file: String,
    /// Directories, log and snapshots.
    pub storage: Storage,
    /// The client listener and its connections.
    pub network: Network,
    /// Tick and session timeouts.
    pub timing: Timing,
    /// Batching, limits and throttles.
    pub pipeline: Pipeline,
    /// Quotas, kinds of nodes, containers.
    pub nodes: Nodes,
    /// Schemes and access control.
    pub auth: Auth,
    /// Which four-letter words are answered.
    pub words: WordWhitelist,
    /// Where metrics are served.
    pub metrics: Metrics,
    /// How members of an ensemble deal with each other.
    pub quorum: Quorum,
    /// `reconfigEnabled`.
    pub reconfig_enabled: bool,
    /// `standaloneEnabled`: one voting server is no ensemble.
    pub standalone_enabled: bool,
    /// The property `zookeeper.multiAddress.enabled`: a server may have several addresses.
    pub(crate) several_addresses: bool,
    /// The servers named by the file, or by its dynamic file.
    pub membership: Membership,
    /// The membership that was proposed last, if it was not committed when the server went down and may be.
    pub last_seen: Option<Membership>,
    /// The number in `dataDir/myid`; `None`: there is no such file.
    pub my_id: Option<ServerId>,
}

/// Settings, and what reading them had to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Lines for the log, in order.
    pub notes: Vec<Note>,
}

/// How the positional form is called.
pub const USAGE: &str =
    "Usage: ZooKeeperServerMain configfile | port datadir [ticktime] [maxcnxns]";

const BUILT_IN: &str = "the built-in configuration";

impl Config {
    /// Reads a settings file that leads to no other file: one without `dynamicConfigFile` and `myid`.
    /// With them, see [`Draft`].
    pub fn from_zoo_cfg(
        text: &[u8],
        file: &str,
        properties: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        Draft::read(text, file, properties)?.finish(Companions::default())
    }

    /// The form `port datadir [ticktime] [maxcnxns]`. It has no limit on connections per address unless given.
    pub fn positional(
        arguments: &[String],
        properties: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        let refuse = |cause| ConfigError::Arguments {
            cause,
            remedy: USAGE.to_owned(),
        };
        if !(2..=4).contains(&arguments.len()) {
            return Err(refuse(format!(
                "Invalid number of arguments:[{}]",
                arguments.join(", ")
            )));
        }
        let mut pairs = vec![("maxClientCnxns", "0")];
        let names = ["clientPort", "dataDir", "tickTime", "maxClientCnxns"];
        pairs.extend(names.into_iter().zip(arguments.iter().map(String::as_str)));
        let keys = FileKeys::of_pairs("the command line", &pairs);
        let draft = Draft::of(keys, properties, Notes::default());
        let loaded = draft.and_then(|draft| draft.finish(Companions::default()));
        loaded.map_err(|error| match error {
            ConfigError::Value(bad) => {
                refuse(format!("{} `{}`: {}", bad.key, bad.value, bad.cause))
            }
            ConfigError::Whole { cause, .. } => refuse(cause),
            other => other,
        })
    }

    /// What a server uses that was given no settings: client port 2181, and every default.
    pub fn embedded_default(
        data_dir: &str,
        properties: &[(String, String)],
    ) -> Result<Loaded, ConfigError> {
        let keys = FileKeys::of_pairs(BUILT_IN, &[("clientPort", "2181"), ("dataDir", data_dir)]);
        let mut notes = Notes::default();
        notes.info(format!("No settings file: client port 2181, data in {data_dir}, every other setting at its default"));
        Draft::of(keys, properties, notes)?.finish(Companions::default())
    }

    /// What memberships may be here.
    pub fn member_rules(&self) -> MemberRules {
        MemberRules {
            several_addresses: self.several_addresses,
            standalone_enabled: self.standalone_enabled,
        }
    }

    /// Whether these settings describe an ensemble.
    pub fn is_ensemble(&self) -> bool {
        !self.standalone_enabled || self.membership.voter_count() > 1
    }
}

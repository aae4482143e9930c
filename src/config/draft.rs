//! From the text of a settings file to settings in two steps, because the file names two more: `dataDir/myid` and
//! `dynamicConfigFile`. Whoever may open files reads them in between.

use crate::config::auth::Auth;
use crate::config::ensemble::{ClientAddress, Membership, Role, is_member_key, role};
use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::known::{self, Kind};
use crate::config::network::Network;
use crate::config::nodes::Nodes;
use crate::config::note::Notes;
use crate::config::pipeline::Pipeline;
use crate::config::remarks;
use crate::config::storage::{Storage, note_relative};
use crate::config::system::{Reader, SystemProperties};
use crate::config::time::Timing;
use crate::config::unused;
use crate::config::words::WordWhitelist;
use crate::config::zoo_cfg::FileKeys;
use crate::config::{Config, Loaded};
use std::path::Path;

/// Settings without what the two companion files say.
#[derive(Debug)]
pub struct Draft {
    keys: FileKeys,
    system: SystemProperties,
    notes: Notes,
    config: Config,
}

/// The texts of the two files a settings file leads to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Companions<'a> {
    /// `dataDir/myid`; `None`: there is no such file.
    pub my_id: Option<&'a [u8]>,
    /// The file that [`Draft::dynamic_config_file`] names.
    pub dynamic: Option<&'a [u8]>,
}

impl Draft {
    /// Reads the text of a settings file. `file` is its path as the operator gave it, `properties` the pairs of `-D`;
    /// of two with one name the later wins.
    pub fn read(
        text: &[u8],
        file: &str,
        properties: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut notes = Notes::default();
        notes.info(format!("Reading configuration from: {file}"));
        note_relative(file, &mut notes);
        let keys = FileKeys::parse(file, text, &mut notes)?;
        Self::of(keys, properties, notes)
    }

    pub(crate) fn of(
        keys: FileKeys,
        properties: &[(String, String)],
        mut notes: Notes,
    ) -> Result<Self, ConfigError> {
        let mut system = SystemProperties::new(&keys.file, properties);
        pass_through(&keys, &mut system);
        check_placement(&keys)?;
        remarks::on_file(&keys, &mut notes);
        remarks::on_flags(&system, &mut notes);
        let config = read_config(
            &keys,
            &mut Reader {
                system: &system,
                notes: &mut notes,
            },
        )?;
        unused::check(&keys, &system)?;
        Ok(Self {
            keys,
            system,
            notes,
            config,
        })
    }

    /// `dataDir`: `myid` is in it.
    pub fn data_dir(&self) -> &Path {
        &self.config.storage.data_dir
    }

    /// `dynamicConfigFile`: the file that names the members of the ensemble.
    pub fn dynamic_config_file(&self) -> Option<&str> {
        self.keys.text("dynamicConfigFile")
    }

    /// Adds what the companion files say, and checks the whole.
    pub fn finish(mut self, companions: Companions<'_>) -> Result<Loaded, ConfigError> {
        self.config.membership = self.membership(companions.dynamic)?;
        let file = self.data_dir().join("myid").display().to_string();
        let my_id = companions.my_id.map(|text| my_id(&file, text));
        self.config.my_id = my_id.transpose()?;
        self.take_client_address()?;
        self.check_peer_type()?;
        self.check_ensemble()?;
        self.note_listeners();
        Ok(Loaded {
            config: self.config,
            notes: self.notes.into_vec(),
        })
    }

    /// The members that this file names, or the dynamic file it leads to.
    fn membership(&mut self, dynamic: Option<&[u8]>) -> Result<Membership, ConfigError> {
        let several = self.system.get("zookeeper.multiAddress.enabled");
        let several = several.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let standalone_enabled = self.config.standalone_enabled;
        let Some(file) = self.dynamic_config_file().map(str::to_owned) else {
            let membership = Membership::read(&self.keys, several)?;
            membership.check_size(&self.keys, standalone_enabled, &mut self.notes)?;
            return Ok(membership);
        };
        let text =
            dynamic.ok_or_else(|| ConfigError::unreadable(&file, "No such file or directory"))?;
        let keys = FileKeys::parse(&file, text, &mut self.notes)?;
        let mut membership = dynamic_membership(&keys, several)?;
        membership.version = version_of_file_name(&file);
        membership.check_size(&keys, standalone_enabled, &mut self.notes)?;
        Ok(membership)
    }

    /// The client part of this server's own line stands for `clientPort` and `clientPortAddress`.
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java setupClientPort
    fn take_client_address(&mut self) -> Result<(), ConfigError> {
        let config = &mut self.config;
        let own = config
            .my_id
            .and_then(|id| config.membership.members.get(&id));
        let Some(ClientAddress { host, port }) = own.and_then(|member| member.client.clone())
        else {
            return Ok(());
        };
        let network = &mut config.network;
        if network.client_port.is_some_and(|fixed| fixed != port) {
            let shown = network.client_port_address.as_deref().unwrap_or("0.0.0.0");
            let cause = format!(
                "client address for this server (id = {}) in static config file is {shown}:{} is different from \
                 client address found in dynamic file: {host}:{port}",
                config.my_id.unwrap_or_default(),
                network.client_port.unwrap_or_default(),
            );
            return Err(self.keys.bad(
                "clientPort",
                cause,
                "give the port in one of the two places".to_owned(),
            ));
        }
        network.client_port = Some(port);
        network.client_port_address = Some(host);
        Ok(())
    }

    // apache 3.9.5: server/quorum/QuorumPeerConfig.java setupPeerType
    fn check_peer_type(&mut self) -> Result<(), ConfigError> {
        let hint = match self.keys.text("peerType") {
            None => Role::Participant,
            Some(text) => role(text).ok_or_else(|| {
                let cause = format!("Unrecognised peertype: {text}");
                self.keys.bad(
                    "peerType",
                    cause,
                    "write participant or observer".to_owned(),
                )
            })?,
        };
        let own = self
            .config
            .my_id
            .and_then(|id| self.config.membership.members.get(&id));
        let listed = own.map_or(Role::Participant, |member| member.role);
        if listed != hint {
            let name = |role| match role {
                Role::Participant => "PARTICIPANT",
                Role::Observer => "OBSERVER",
            };
            let (listed, hint) = (name(listed), name(hint));
            self.notes.warn(format!(
                "Peer type from servers list ({listed}) doesn't match peerType ({hint}). Defaulting to servers list."
            ));
        }
        Ok(())
    }

    // apache 3.9.5: server/quorum/QuorumPeerConfig.java checkValidity
    fn check_ensemble(&self) -> Result<(), ConfigError> {
        if !self.config.is_ensemble() {
            return Ok(());
        }
        for key in ["initLimit", "syncLimit"] {
            if self.keys.int(key)?.unwrap_or(0) == 0 {
                return Err(self.keys.whole(
                    &format!("{key} is not set"),
                    &format!("add {key}=10, in ticks"),
                ));
            }
        }
        if self.config.my_id.is_none() {
            let remedy = format!(
                "write this server's number into {}",
                self.data_dir().join("myid").display()
            );
            return Err(self.keys.whole("myid file is missing", &remedy));
        }
        Ok(())
    }

    fn note_listeners(&mut self) {
        let network = &self.config.network;
        self.notes.info(match network.client_port {
            None => "clientPort is not set".to_owned(),
            Some(port) => {
                let host = network.client_port_address.as_deref().unwrap_or("0.0.0.0");
                format!("clientPortAddress is {host}:{port}")
            }
        });
        for key in ["secureClientPort", "observerMasterPort"] {
            if self.keys.get(key).is_none() {
                self.notes.info(format!("{key} is not set"));
            }
        }
        let provider = self
            .keys
            .text("metricsProvider.className")
            .unwrap_or(unused::DEFAULT_METRICS_PROVIDER);
        self.notes
            .info(format!("metricsProvider.className is {provider}"));
    }
}

/// What the parser of the file does not consume becomes a property, member lines included.
fn pass_through(keys: &FileKeys, system: &mut SystemProperties) {
    for (key, line) in keys.by_line() {
        let consumed = known::file_key(key)
            .is_some_and(|row| row.kind == Kind::FileKey && !is_member_key(key));
        if !consumed {
            system.set_from_file(key, &line.value, line.line);
        }
    }
}

/// Members stand in one place only.
fn check_placement(keys: &FileKeys) -> Result<(), ConfigError> {
    if keys.get("dynamicConfigFile").is_none() {
        return Ok(());
    }
    match keys
        .by_line()
        .into_iter()
        .find(|(key, _)| is_member_key(key))
    {
        None => Ok(()),
        Some((key, _)) => {
            let cause = format!("parameter: {key} must be in a separate dynamic config file");
            Err(keys.bad(
                key,
                cause,
                "move it there, or remove dynamicConfigFile".to_owned(),
            ))
        }
    }
}

fn read_config(keys: &FileKeys, reader: &mut Reader<'_>) -> Result<Config, ConfigError> {
    Ok(Config {
        storage: Storage::read(keys, reader)?,
        network: Network::read(keys, reader)?,
        timing: Timing::read(keys)?,
        pipeline: Pipeline::read(reader),
        nodes: Nodes::read(reader)?,
        auth: Auth::read(reader)?,
        words: WordWhitelist::read(reader),
        reconfig_enabled: keys.boolean("reconfigEnabled")?.unwrap_or(false),
        standalone_enabled: keys.boolean("standaloneEnabled")?.unwrap_or(true),
        membership: Membership::default(),
        my_id: None,
    })
}

fn dynamic_membership(keys: &FileKeys, several: bool) -> Result<Membership, ConfigError> {
    for (key, _) in keys.by_line() {
        if key == "version" {
            let cause = "dynamic file shouldn't have version inside".to_owned();
            return Err(keys.bad(
                key,
                cause,
                "remove the line: the version is the end of the file name".to_owned(),
            ));
        }
        if !is_member_key(key) {
            let remedy = "a dynamic file holds server, group and weight lines only".to_owned();
            return Err(keys.bad(key, format!("Unrecognised parameter: {key}"), remedy));
        }
    }
    Membership::read(keys, several)
}

/// `zoo.cfg.dynamic.100000000` is version 0x100000000; a name that does not end so is version 0.
fn version_of_file_name(file: &str) -> i64 {
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    ending
        .and_then(|hex| java::parse_hex_long(hex).ok())
        .unwrap_or(0)
}

// apache 3.9.5: server/quorum/QuorumPeerConfig.java setupMyId
fn my_id(file: &str, text: &[u8]) -> Result<i64, ConfigError> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().next();
    line.and_then(|line| java::parse_long(line).ok())
        .ok_or_else(|| ConfigError::Whole {
            file: file.to_owned(),
            cause: format!("serverid {} is not a number", line.unwrap_or("null")),
            remedy: "the first line must be the server's number and nothing else".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Level;

    const BASE: &str = "dataDir=/d\n";

    /// Loads `BASE` and `lines`, with `myid` and a dynamic file named `zoo.cfg.dynamic.1f` when they are given.
    fn load(
        lines: &str,
        my_id: Option<&str>,
        dynamic: Option<&str>,
    ) -> Result<Loaded, ConfigError> {
        let text = format!("{BASE}{lines}");
        let companions = Companions {
            my_id: my_id.map(str::as_bytes),
            dynamic: dynamic.map(str::as_bytes),
        };
        Draft::read(text.as_bytes(), "zoo.cfg", &[])?.finish(companions)
    }

    fn loaded(lines: &str, my_id: Option<&str>, dynamic: Option<&str>) -> Loaded {
        load(lines, my_id, dynamic).expect("good settings")
    }

    /// The refusal must hold upstream's text, its place, and exit code 2.
    fn refused(lines: &str, my_id: Option<&str>, dynamic: Option<&str>, cause: &str, place: &str) {
        let error = load(lines, my_id, dynamic).expect_err(lines);
        let text = error.to_string();
        assert!(text.contains(cause), "{lines:?}: {text}");
        assert!(
            text.starts_with(&format!("Error processing {place}: ")),
            "{lines:?}: {text}"
        );
        assert!(
            text.ends_with(')'),
            "{lines:?}: says what would be right: {text}"
        );
        assert_eq!(error.exit_code(), 2, "{lines:?}");
    }

    fn notes_at(loaded: &Loaded, level: Level) -> Vec<&str> {
        let at_level = loaded.notes.iter().filter(|note| note.level == level);
        at_level
            .map(|note| note.text.as_str())
            .filter(|text| !text.starts_with("maxCnxns is not"))
            .collect()
    }

    const THREE: &str = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";
    const LIMITS: &str = "initLimit=10\nsyncLimit=5\n";

    #[test]
    fn the_simplest_file() {
        let loaded = loaded("clientPort=2181", None, None);
        assert_eq!(loaded.config.network.client_port, Some(2181));
        assert_eq!(loaded.config.storage.data_log_dir, Path::new("/d"));
        assert!(!loaded.config.is_ensemble());
        assert_eq!(loaded.config.require_standalone("zoo.cfg"), Ok(()));
        let notes = notes_at(&loaded, Level::Info);
        for line in [
            "Reading configuration from: zoo.cfg",
            "clientPortAddress is 0.0.0.0:2181",
            "secureClientPort is not set",
            "observerMasterPort is not set",
            "autopurge.snapRetainCount set to 3",
            "autopurge.purgeInterval set to 0",
            "metricsProvider.className is org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
        ] {
            assert!(notes.contains(&line), "{line} is not in {notes:?}");
        }
        assert_eq!(
            notes_at(&loaded, Level::Warn),
            ["zoo.cfg is relative. Prepend ./ to indicate that you're sure!"]
        );
    }

    #[test]
    fn the_order_of_lines_does_not_matter() {
        let mut lines = [
            "clientPort=2181",
            "tickTime=500",
            "snapCount=7",
            "server.1=a:1:2;2181",
            "forceSync=no",
        ];
        let forwards = loaded(&lines.join("\n"), Some("1"), None).config;
        lines.reverse();
        assert_eq!(loaded(&lines.join("\n"), Some("1"), None).config, forwards);
        lines.swap(1, 3);
        assert_eq!(loaded(&lines.join("\n"), Some("1"), None).config, forwards);
    }

    #[test]
    fn what_must_be_there() {
        let error =
            Config::from_zoo_cfg(b"clientPort=2181", "zoo.cfg", &[]).expect_err("no dataDir");
        assert_eq!(
            error.to_string(),
            "Error processing zoo.cfg: dataDir is not set (add dataDir=<a directory for snapshots and logs>)"
        );
        assert!(Config::from_zoo_cfg(b"dataDir=", "zoo.cfg", &[]).is_err());
        for (lines, cause, place) in [
            (
                "tickTime=0",
                "tickTime is not set",
                "zoo.cfg: line 2: `tickTime=0`",
            ),
            (
                "tickTime=-5",
                "tickTime is not set",
                "zoo.cfg: line 2: `tickTime=-5`",
            ),
            (
                "tickTime=abc",
                "For input string: \"abc\"",
                "zoo.cfg: line 2: `tickTime=abc`",
            ),
            (
                "clientPortAddress=h",
                "clientPortAddress is set but clientPort is not set",
                "zoo.cfg: line 2: `clientPortAddress=h`",
            ),
            (
                "minSessionTimeout=70000",
                "minSessionTimeout must not be larger than maxSessionTimeout",
                "zoo.cfg",
            ),
            (
                "reconfigEnabled=yes",
                "Invalid option yes for reconfigEnabled.",
                "zoo.cfg: line 2: `reconfigEnabled=yes`",
            ),
            (
                "peerType=boss",
                "Unrecognised peertype: boss",
                "zoo.cfg: line 2: `peerType=boss`",
            ),
            (
                "autopurge.purgeInterval=1.5",
                "For input string: \"1.5\"",
                "zoo.cfg: line 2: `autopurge.purgeInterval=1.5`",
            ),
        ] {
            refused(lines, None, None, cause, place);
        }
    }

    #[test]
    fn my_id_is_one_number_on_one_line() {
        for (text, id) in [
            ("1", 1),
            ("17\n", 17),
            ("3\r\n", 3),
            ("-4", -4),
            ("5\nsix", 5),
        ] {
            assert_eq!(
                loaded("", Some(text), None).config.my_id,
                Some(id),
                "{text:?}"
            );
        }
        assert_eq!(loaded("", None, None).config.my_id, None);
        for (text, cause) in [
            ("", "serverid null is not a number"),
            ("\n1", "serverid  is not a number"),
            ("one", "serverid one is not a number"),
            ("1 ", "serverid 1  is not a number"),
        ] {
            // Standalone servers check it too.
            refused("", Some(text), None, cause, "/d/myid");
        }
    }

    #[test]
    fn one_server_line_is_a_standalone_server_that_listens_where_the_line_says() {
        let loaded = loaded(
            "server.1=localhost:2888:3888;127.0.0.1:2181",
            Some("1"),
            None,
        );
        assert!(!loaded.config.is_ensemble());
        assert_eq!(loaded.config.network.client_port, Some(2181));
        assert_eq!(
            loaded.config.network.client_port_address.as_deref(),
            Some("127.0.0.1")
        );
        assert_eq!(
            notes_at(&loaded, Level::Error),
            ["Invalid configuration, only one server specified (ignoring)"]
        );
        assert!(notes_at(&loaded, Level::Info).contains(&"clientPortAddress is 127.0.0.1:2181"));
    }

    #[test]
    fn another_servers_line_does_not_open_a_port() {
        for my_id in [None, Some("2")] {
            let loaded = loaded("server.1=localhost:2888:3888;2181", my_id, None);
            assert_eq!(loaded.config.network.client_port, None);
            assert!(notes_at(&loaded, Level::Info).contains(&"clientPort is not set"));
        }
    }

    #[test]
    fn two_different_client_ports_are_refused() {
        let cause = "client address for this server (id = 1) in static config file is 0.0.0.0:2182 is different from \
                     client address found in dynamic file: 0.0.0.0:2181";
        let lines = "clientPort=2182\nserver.1=localhost:2888:3888;2181";
        refused(
            lines,
            Some("1"),
            None,
            cause,
            "zoo.cfg: line 2: `clientPort=2182`",
        );
        let agreed = loaded(
            "clientPort=2181\nserver.1=localhost:2888:3888;2181",
            Some("1"),
            None,
        );
        assert_eq!(agreed.config.network.client_port, Some(2181));
    }

    #[test]
    fn an_ensemble_is_recognised_checked_and_refused_for_now() {
        let three = loaded(&format!("{THREE}{LIMITS}"), Some("1"), None);
        assert!(three.config.is_ensemble());
        let error = three
            .config
            .require_standalone("zoo.cfg")
            .expect_err("three voters");
        assert_eq!(error.exit_code(), 1);
        assert!(
            error
                .to_string()
                .starts_with("zoo.cfg: 3 voting server(s) make an ensemble"),
            "{error}"
        );
        let one = loaded(
            &format!("standaloneEnabled=false\nserver.1=a:1:2\n{LIMITS}"),
            Some("1"),
            None,
        );
        assert!(one.config.is_ensemble());

        refused(
            &format!("{THREE}syncLimit=5"),
            Some("1"),
            None,
            "initLimit is not set",
            "zoo.cfg",
        );
        refused(
            &format!("{THREE}initLimit=5"),
            Some("1"),
            None,
            "syncLimit is not set",
            "zoo.cfg",
        );
        refused(
            &format!("{THREE}{LIMITS}initLimit=0"),
            Some("1"),
            None,
            "initLimit is not set",
            "zoo.cfg",
        );
        refused(
            &format!("{THREE}{LIMITS}"),
            None,
            None,
            "myid file is missing",
            "zoo.cfg",
        );
    }

    #[test]
    fn numbers_of_servers_are_judged() {
        for (lines, cause) in [
            (
                "server.1=a:1:2:observer",
                "Observers w/o participants is an invalid configuration",
            ),
            (
                "server.1=a:1:2\nserver.2=b:1:2:observer",
                "Observers w/o quorum is an invalid configuration",
            ),
            (
                "standaloneEnabled=false",
                "standaloneEnabled = false then number of participants should be >0",
            ),
        ] {
            refused(lines, Some("1"), None, cause, "zoo.cfg");
        }
        let four = format!("{THREE}server.4=d:1:2\n{LIMITS}");
        let warned = |lines: &str, warning: &str| {
            let loaded = loaded(lines, Some("1"), None);
            assert!(
                notes_at(&loaded, Level::Warn).contains(&warning),
                "{lines}: {:?}",
                loaded.notes
            );
        };
        warned(
            &format!("server.1=a:1:2\nserver.2=b:1:2\n{LIMITS}"),
            "No server failure will be tolerated. You need at least 3 servers.",
        );
        warned(
            &four,
            "Non-optimal configuration, consider an odd number of servers.",
        );
        warned(
            "peerType=observer",
            "Peer type from servers list (PARTICIPANT) doesn't match peerType (OBSERVER). Defaulting to servers list.",
        );
        warned(
            "autopurge.snapRetainCount=2",
            "Invalid autopurge.snapRetainCount: 2. Defaulting to 3",
        );
    }

    const DYNAMIC: &str = "dynamicConfigFile=./zoo.cfg.dynamic.1f\n";

    #[test]
    fn members_may_stand_in_a_file_of_their_own() {
        let lines = format!("{DYNAMIC}{LIMITS}");
        let loaded = loaded(
            &lines,
            Some("2"),
            Some("server.1=a:1:2;3\nserver.2=b:1:2;4\nserver.3=c:1:2:observer;5"),
        );
        let membership = &loaded.config.membership;
        assert_eq!(
            (
                membership.voters(),
                membership.observers(),
                membership.version
            ),
            (2, 1, 0x1f)
        );
        assert_eq!(loaded.config.network.client_port, Some(4));

        let place = "./zoo.cfg.dynamic.1f";
        let refused = |dynamic: Option<&str>, cause: &str, place: &str| {
            refused(&lines, Some("1"), dynamic, cause, place)
        };
        refused(None, "(No such file or directory)", place);
        refused(
            Some("version=1"),
            "dynamic file shouldn't have version inside",
            &format!("{place}: line 1: `version=1`"),
        );
        refused(
            Some("\nclientPort=1"),
            "Unrecognised parameter: clientPort",
            &format!("{place}: line 2: `clientPort=1`"),
        );
        refused(
            Some("server.1=a:1"),
            "does not have the form server_config",
            &format!("{place}: line 1: `server.1=a:1`"),
        );
        refused(
            Some("server.1=a:1:2:observer"),
            "Observers w/o participants",
            place,
        );
    }

    #[test]
    fn members_stand_in_one_place() {
        for key in ["server.1=a:1:2", "group.1=1", "weight.1=1"] {
            let name = key.split('=').next().expect("a key");
            let cause = format!("parameter: {name} must be in a separate dynamic config file");
            refused(
                &format!("{DYNAMIC}{key}"),
                None,
                Some(""),
                &cause,
                &format!("zoo.cfg: line 3: `{key}`"),
            );
        }
    }

    #[test]
    fn versions_stand_at_the_end_of_file_names() {
        for (file, version) in [
            ("zoo.cfg.dynamic.100000000", 1 << 32),
            ("zoo.cfg.dynamic.0", 0),
            ("zoo.cfg.dynamic", 0),
            ("zoo", 0),
            ("zoo.", 0),
            ("zoo.cfg.dynamic.ffffffffffffffffff", 0),
        ] {
            assert_eq!(version_of_file_name(file), version, "{file}");
        }
    }

    #[test]
    fn relative_directories_are_remarked_on() {
        let loaded = Draft::read(b"dataDir=d\ndataLogDir=./l", "./zoo.cfg", &[])
            .and_then(|draft| draft.finish(Companions::default()));
        let loaded = loaded.expect("good settings");
        assert_eq!(
            notes_at(&loaded, Level::Warn),
            ["d is relative. Prepend ./ to indicate that you're sure!"]
        );
        assert_eq!(loaded.config.storage.data_log_dir, Path::new("./l"));
    }
}

//! From the text of a settings file to settings in two steps, because the file names two more: `dataDir/myid` and
//! `dynamicConfigFile`. Whoever may open files reads them in between.

use crate::config::auth::Auth;
use crate::config::ensemble::{ClientAddress, Membership, Role, is_member_key, role};
use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::known::{self, Kind};
use crate::config::metrics::{DEFAULT_PROVIDER, Metrics};
use crate::config::network::Network;
use crate::config::nodes::Nodes;
use crate::config::note::Notes;
use crate::config::pipeline::Pipeline;
use crate::config::quorum::Quorum;
use crate::config::remarks;
use crate::config::storage::{Storage, note_relative};
use crate::config::system::{Reader, SystemProperties};
use crate::config::time::Timing;
use crate::config::unused;
use crate::config::words::WordWhitelist;
use crate::config::zoo_cfg::FileKeys;
use crate::config::{Config, Loaded};
use crate::types::ServerId;
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
                config.my_id.unwrap_or(ServerId(0)),
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
            .unwrap_or(DEFAULT_PROVIDER);
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
        metrics: Metrics::read(keys)?,
        quorum: Quorum::read(keys, reader)?,
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
fn my_id(file: &str, text: &[u8]) -> Result<ServerId, ConfigError> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().next();
    line.and_then(|line| java::parse_long(line).ok())
        .map(ServerId)
        .ok_or_else(|| ConfigError::Whole {
            file: file.to_owned(),
            cause: format!("serverid {} is not a number", line.unwrap_or("null")),
            remedy: "the first line must be the server's number and nothing else".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

//! From the text of a settings file to settings in two steps, because the file names two more: `dataDir/myid` and
//! `dynamicConfigFile`. Whoever may open files reads them in between.

use crate::config::auth::Auth;
use crate::config::ensemble::{ClientAddress, Membership, Role};
use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::known::{self, Kind};
use crate::config::member_files::{next_file_name, version_of_file_name};
use crate::config::members::{self, Fault, is_member_key, role};
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
    notes: Notes,
    config: Config,
}

/// The texts of the files a settings file leads to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Companions<'a> {
    /// `dataDir/myid`; `None`: there is no such file.
    pub my_id: Option<&'a [u8]>,
    /// The file that [`Draft::dynamic_config_file`] names.
    pub dynamic: Option<&'a [u8]>,
    /// The file that [`Draft::next_config_file`] names; `None`: there is no such file.
    pub next: Option<&'a [u8]>,
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

    /// The file of the membership last seen: it may be there when there is a [`Draft::dynamic_config_file`].
    pub fn next_config_file(&self) -> Option<String> {
        let dynamic = self.dynamic_config_file();
        dynamic.map(|_| next_file_name(&self.keys.file))
    }

    /// Adds what the companion files say, and checks the whole.
    pub fn finish(mut self, companions: Companions<'_>) -> Result<Loaded, ConfigError> {
        self.config.membership = self.membership(companions.dynamic)?;
        self.config.last_seen = self.last_seen(companions.next)?;
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
        let Some(file) = self.dynamic_config_file().map(str::to_owned) else {
            let read = members::read(&self.keys, self.config.several_addresses);
            let membership = read.map_err(|fault| fault.in_file(&self.keys))?;
            let sized = self.check_size(&membership);
            sized.map_err(|fault| fault.in_file(&self.keys))?;
            return Ok(membership);
        };
        let text =
            dynamic.ok_or_else(|| ConfigError::unreadable(&file, "No such file or directory"))?;
        let keys = FileKeys::parse(&file, text, &mut self.notes)?;
        refuse_version(&keys)?;
        let in_file = |fault: Fault| fault.in_file(&keys);
        members::check_keys(&keys).map_err(in_file)?;
        let read = members::read(&keys, self.config.several_addresses);
        let mut membership = read.map_err(in_file)?;
        membership.version = version_of_file_name(&file);
        self.check_size(&membership).map_err(in_file)?;
        Ok(membership)
    }

    fn check_size(&mut self, membership: &Membership) -> Result<(), Fault> {
        let standalone_enabled = self.config.standalone_enabled;
        members::check_size(membership, standalone_enabled, &mut self.notes)
    }

    /// The membership that was proposed last, if a change was under way; it does not count where the membership may not
    /// change.
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java parse
    fn last_seen(&mut self, next: Option<&[u8]>) -> Result<Option<Membership>, ConfigError> {
        let (Some(file), Some(text)) = (self.next_config_file(), next) else {
            return Ok(None);
        };
        let keys = FileKeys::parse(&file, text, &mut self.notes)?;
        let read = members::read(&keys, self.config.several_addresses);
        let membership = read.map_err(|fault| fault.in_file(&keys))?;
        Ok(Some(membership).filter(|_| self.config.reconfig_enabled))
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
        self.check_secrecy()
    }

    /// Members that are told to hide their traffic, or to ask each other who they are, must not do without.
    fn check_secrecy(&self) -> Result<(), ConfigError> {
        for (key, what) in [("sslQuorum", "TLS"), ("quorum.auth.enableSasl", "SASL")] {
            if self.keys.boolean(key)?.unwrap_or(false) {
                let cause =
                    format!("this build has no {what} between the members of an ensemble yet");
                let remedy = format!(
                    "write {key}=false for all members if their network is safe, or keep Apache's server"
                );
                return Err(self.keys.bad(key, cause, remedy));
            }
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
    let several = reader.system.get("zookeeper.multiAddress.enabled");
    Ok(Config {
        file: keys.file.clone(),
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
        several_addresses: several.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        membership: Membership::default(),
        last_seen: None,
        my_id: None,
    })
}

fn refuse_version(keys: &FileKeys) -> Result<(), ConfigError> {
    if keys.get("version").is_none() {
        return Ok(());
    }
    let cause = "dynamic file shouldn't have version inside".to_owned();
    let remedy = "remove the line: the version is the end of the file name";
    Err(keys.bad("version", cause, remedy.to_owned()))
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

//! Settings of the client listener and its connections.

use crate::config::error::ConfigError;
use crate::config::system::Reader;
use crate::config::zoo_cfg::FileKeys;

/// The client listener and what a connection may do before it has a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// `clientPort`; `None`: no client listener; 0: any free port.
    pub client_port: Option<u16>,
    /// `clientPortAddress`, a host name or an address; `None`: all addresses.
    pub client_port_address: Option<String>,
    /// `clientPortListenBacklog`; -1 stands for Java's 50. Shown by the word `conf`.
    pub client_port_listen_backlog: i32,
    /// `maxClientCnxns`: connections of one client address; 0 or less: no limit. Shown by the word `conf`.
    pub max_client_cnxns: i32,
    /// `maxCnxns`: connections of all clients; `None`: no limit.
    pub max_cnxns: Option<u32>,
    /// `nio.sessionlessCnxnTimeout`, at least 1.
    pub sessionless_timeout_ms: u32,
    /// `clientTcpKeepAlive`.
    pub client_tcp_keep_alive: bool,
    /// `jute.maxbuffer`: longest packet of a client; one of exactly this size is allowed.
    pub jute_max_buffer_bytes: u32,
    /// `jute.maxbuffer.extrasize`: what a record read back from disk may have on top; at least 1024.
    pub jute_max_buffer_extra_bytes: u32,
    /// `connection_throttle_*`.
    pub connection_throttle: ConnectionThrottle,
}

/// How fast new sessions are let in: a token bucket, and a probability of being turned away when it runs dry.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionThrottle {
    /// Size of the bucket, weights applied; 0: everyone is let in.
    pub tokens: u32,
    /// Milliseconds between refills, at least 1.
    pub fill_time_ms: u32,
    /// Tokens per refill, weights applied.
    pub fill_count: u32,
    /// Milliseconds between changes of the drop probability; `None`: it stays 0.
    pub freeze_time_ms: Option<u32>,
    /// Added to the drop probability when the bucket is empty.
    pub drop_increase: f64,
    /// Taken off it when the bucket is fuller than `decrease_ratio`.
    pub drop_decrease: f64,
    /// Part of the bucket that must be full for that.
    pub decrease_ratio: f64,
    /// What each kind of session costs; `None`: one token.
    pub weights: Option<SessionWeights>,
}

/// Tokens a session costs, by kind. `local` is the least of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionWeights {
    /// A new session.
    pub global: u32,
    /// A reconnect.
    pub renew: u32,
    /// A session that only one server of an ensemble knows.
    pub local: u32,
}

const JUTE_EXTRA_BYTES_MIN: u32 = 1024;
const SESSIONLESS_TIMEOUT_MS: i32 = 10_000;

impl Network {
    pub(crate) fn read(keys: &FileKeys, reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let client_port = keys.port("clientPort")?;
        let client_port_address = keys.text("clientPortAddress").map(str::to_owned);
        if client_port.is_none() && client_port_address.is_some() {
            let cause = "clientPortAddress is set but clientPort is not set".to_owned();
            return Err(keys.bad("clientPortAddress", cause, "add clientPort=2181".to_owned()));
        }
        let jute_max_buffer_bytes =
            u32::try_from(reader.named_int("jute.maxbuffer", 0xf_ffff)).unwrap_or(0);
        Ok(Self {
            client_port,
            client_port_address,
            client_port_listen_backlog: keys.int("clientPortListenBacklog")?.unwrap_or(-1),
            max_client_cnxns: keys.int("maxClientCnxns")?.unwrap_or(60),
            max_cnxns: max_cnxns(reader),
            sessionless_timeout_ms: sessionless_timeout_ms(reader),
            client_tcp_keep_alive: reader.boolean("clientTcpKeepAlive", false),
            jute_max_buffer_bytes,
            jute_max_buffer_extra_bytes: jute_extra_bytes(jute_max_buffer_bytes, reader),
            connection_throttle: ConnectionThrottle::read(reader)?,
        })
    }
}

fn max_cnxns(reader: &mut Reader<'_>) -> Option<u32> {
    let max = reader.at_least("maxCnxns", 0, 0);
    if max == 0 {
        // apache 3.9.5: server/ServerCnxnFactory.java initMaxCnxns
        reader
            .notes
            .warn("maxCnxns is not configured, using default value 0.".to_owned());
    }
    Some(max).filter(|max| *max > 0)
}

fn sessionless_timeout_ms(reader: &mut Reader<'_>) -> u32 {
    let key = "nio.sessionlessCnxnTimeout";
    let timeout = reader.int(key, SESSIONLESS_TIMEOUT_MS);
    if timeout < 1 {
        reader.corrected(
            key,
            &format!("a timeout must be positive; {SESSIONLESS_TIMEOUT_MS} is used"),
        );
    }
    let positive = if timeout < 1 {
        SESSIONLESS_TIMEOUT_MS
    } else {
        timeout
    };
    positive.unsigned_abs()
}

// apache 3.9.5: jute/BinaryInputArchive.java static initialiser
fn jute_extra_bytes(jute_max_buffer_bytes: u32, reader: &mut Reader<'_>) -> u32 {
    let default = i32::try_from(jute_max_buffer_bytes).unwrap_or(i32::MAX);
    let extra = u32::try_from(reader.int("jute.maxbuffer.extrasize", default)).unwrap_or(0);
    extra.max(JUTE_EXTRA_BYTES_MIN)
}

// apache 3.9.5: server/BlueThrottle.java static initialiser
impl ConnectionThrottle {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let tokens = reader.at_least("connection_throttle_tokens", 0, 0);
        let fill_count = reader.at_least("connection_throttle_fill_count", 0, 1);
        let weights = SessionWeights::read(reader);
        let cost = weights.map_or(1, |weights| weights.global);
        Ok(Self {
            tokens: tokens.saturating_mul(cost),
            fill_time_ms: reader.at_least("connection_throttle_fill_time", 1, 1),
            fill_count: fill_count.saturating_mul(cost),
            freeze_time_ms: u32::try_from(reader.int("connection_throttle_freeze_time", -1)).ok(),
            drop_increase: reader.real("connection_throttle_drop_increase", 0.02)?,
            drop_decrease: reader.real("connection_throttle_drop_decrease", 0.002)?,
            decrease_ratio: reader.real("connection_throttle_decrease_ratio", 0.0)?,
            weights,
        })
    }
}

impl SessionWeights {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let local = reader.at_least("connection_throttle_local_session_weight", 1, 1);
        let global = reader.at_least("connection_throttle_global_session_weight", 1, 3);
        let renew = reader.at_least("connection_throttle_renew_session_weight", 1, 2);
        reader
            .boolean("connection_throttle_weight_enabled", false)
            .then(|| Self {
                global: global.max(local),
                renew: renew.max(local),
                local,
            })
    }
}

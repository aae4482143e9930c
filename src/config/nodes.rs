//! Settings of the tree: quotas, kinds of nodes, and when nodes go by themselves.

use crate::config::error::ConfigError;
use crate::config::system::Reader;

/// What the tree allows, and what it sweeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodes {
    /// `enforceQuota`: hard quotas refuse requests.
    pub enforce_quota: bool,
    /// `extendedTypesEnabled`: TTL nodes.
    pub extended_types_enabled: bool,
    /// `emulate353TTLNodes`: TTL nodes as release 3.5.3 wrote them.
    pub emulate_353_ttl_nodes: bool,
    /// `znode.container.*`.
    pub containers: Containers,
}

/// When empty containers and expired TTL nodes are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Containers {
    /// `znode.container.checkIntervalMs`, at least 1.
    pub check_interval_ms: u32,
    /// `znode.container.maxPerMinute`; 0: none are deleted.
    pub max_per_minute: u32,
    /// `znode.container.maxNeverUsedIntervalMs`: age at which a container that never had a child goes; `None`: never.
    pub max_never_used_interval_ms: Option<u64>,
}

impl Nodes {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            enforce_quota: reader.boolean("enforceQuota", false),
            extended_types_enabled: reader.boolean("extendedTypesEnabled", false),
            emulate_353_ttl_nodes: reader.boolean("emulate353TTLNodes", false),
            containers: Containers::read(reader)?,
        })
    }
}

impl Containers {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let interval_name = "znode.container.checkIntervalMs";
        let interval = u32::try_from(reader.named_int(interval_name, 60_000)).unwrap_or(0);
        if interval == 0 {
            return Err(reader.refuse(
                interval_name,
                "Non-positive period.".to_owned(),
                "give milliseconds, 1 or more",
            ));
        }
        let per_minute_name = "znode.container.maxPerMinute";
        let per_minute =
            u32::try_from(reader.named_int(per_minute_name, 10_000)).map_err(|_| {
                let cause = "a rate cannot be negative".to_owned();
                reader.refuse(
                    per_minute_name,
                    cause,
                    "give nodes per minute; 0: none are deleted",
                )
            })?;
        let never_used = reader.named_long("znode.container.maxNeverUsedIntervalMs", 0);
        Ok(Self {
            check_interval_ms: interval,
            max_per_minute: per_minute,
            max_never_used_interval_ms: u64::try_from(never_used).ok().filter(|age| *age > 0),
        })
    }
}

//! The tick and the session timeouts counted in it.

use crate::config::error::ConfigError;
use crate::config::zoo_cfg::FileKeys;

/// The unit of time and the bounds of session timeouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// `tickTime`, at least 1.
    pub tick_time_ms: u32,
    /// `minSessionTimeout`: two ticks unless set. May be negative when set so; then it is no bound.
    pub min_session_timeout_ms: i32,
    /// `maxSessionTimeout`: twenty ticks unless set. Not less than the minimum.
    pub max_session_timeout_ms: i32,
}

const UNSET: i32 = -1;

impl Timing {
    pub(crate) fn read(keys: &FileKeys) -> Result<Self, ConfigError> {
        let tick = keys.int("tickTime")?.unwrap_or(3000);
        if tick < 1 {
            let remedy = "give a positive number of milliseconds, such as 2000".to_owned();
            return Err(keys.bad("tickTime", "tickTime is not set".to_owned(), remedy));
        }
        let bound = |key: &str, ticks: i32| -> Result<i32, ConfigError> {
            let set = keys.int(key)?.filter(|timeout| *timeout != UNSET);
            Ok(set.unwrap_or(tick.saturating_mul(ticks)))
        };
        let min = bound("minSessionTimeout", 2)?;
        let max = bound("maxSessionTimeout", 20)?;
        if min > max {
            return Err(keys.whole(
                "minSessionTimeout must not be larger than maxSessionTimeout",
                &format!(
                    "they are {min} and {max} ms; unset, they are 2 and 20 times tickTime={tick}"
                ),
            ));
        }
        let tick_time_ms = tick.unsigned_abs();
        Ok(Self {
            tick_time_ms,
            min_session_timeout_ms: min,
            max_session_timeout_ms: max,
        })
    }
}

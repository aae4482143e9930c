//! The only place that reads a clock.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::replica::Now;
use crate::types::Millis;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn millis(duration: Duration) -> Millis {
    Millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Milliseconds since this process first asked. Never goes back.
pub fn monotonic() -> Millis {
    millis(ORIGIN.elapsed())
}

/// Milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
pub fn wall() -> Millis {
    millis(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

/// Both.
pub fn now() -> Now {
    Now {
        monotonic: monotonic(),
        wall: wall(),
    }
}

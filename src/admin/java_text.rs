//! Numbers and dates as Java prints them.

use chrono::DateTime;

/// A double as `Double.toString` prints it, rounded half up to four decimals first.
pub(super) fn double(value: f64) -> String {
    let rounded = (value * 10_000.0).round() / 10_000.0;
    if rounded != 0.0 && rounded.abs() < 0.001 {
        // One significant digit is left at this size.
        return format!("{:.1}E-4", rounded * 10_000.0);
    }
    let text = format!("{rounded:.4}");
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') {
        format!("{trimmed}0")
    } else {
        trimmed.to_owned()
    }
}

/// A time as `Date.toString` prints it in the zone UTC.
pub(super) fn date(wall_ms: i64) -> String {
    let date = DateTime::from_timestamp_millis(wall_ms).unwrap_or_default();
    date.format("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_look_like_javas() {
        for (value, want) in [
            (0.0, "0.0"),
            (1.06139, "1.0614"),
            (17.0, "17.0"),
            (0.0001, "1.0E-4"),
            (0.5, "0.5"),
        ] {
            assert_eq!(double(value), want);
        }
    }
}

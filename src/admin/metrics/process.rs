//! The `process_*` families of Prometheus clients, from Linux's `/proc`. Elsewhere there are none.

use std::fs;

use rustix::param;

/// What the system says about this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Process {
    /// Processor time used, user and system, seconds.
    pub cpu_seconds: f64,
    /// When it started, seconds since 1970.
    pub start_seconds: f64,
    /// Virtual memory, bytes.
    pub virtual_bytes: f64,
    /// Resident memory, bytes.
    pub resident_bytes: f64,
}

/// The families of [`Process`]; the two of descriptors come from what `mntr` knows.
pub(super) type Family = (&'static str, &'static str, fn(&Process) -> f64);

/// Names, meanings, values.
pub(super) const FAMILIES: &[Family] = &[
    (
        "process_cpu_seconds_total",
        "processor time used, user and system, seconds",
        |process| process.cpu_seconds,
    ),
    (
        "process_start_time_seconds",
        "when the process started, seconds since 1970",
        |process| process.start_seconds,
    ),
    (
        "process_virtual_memory_bytes",
        "virtual memory, bytes",
        |process| process.virtual_bytes,
    ),
    (
        "process_resident_memory_bytes",
        "resident memory, bytes",
        |process| process.resident_bytes,
    ),
];

/// Open descriptors, and how many may be open.
pub(super) const DESCRIPTORS: [(&str, &str); 2] = [
    ("process_open_fds", "open file descriptors"),
    ("process_max_fds", "file descriptors the process may open"),
];

/// Asks the system; `None` where there is no `/proc` of the usual form.
pub(super) fn read() -> Option<Process> {
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    parse(&own, &system)
}

/// `own` is `/proc/self/stat`, `system` is `/proc/stat`; see proc(5).
#[expect(clippy::cast_precision_loss, reason = "values for graphs")]
fn parse(own: &str, system: &str) -> Option<Process> {
    // The name, field 2, is in parentheses and may hold anything, blanks and parentheses included.
    let (_, rest) = own.rsplit_once(')')?;
    let fields = rest.split_whitespace().collect::<Vec<_>>();
    // The first of the rest is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let boot = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse::<u64>()
        .ok()?;
    let seconds = |ticks: u64| ticks as f64 / param::clock_ticks_per_second() as f64;
    let page_bytes = param::page_size() as f64;
    Some(Process {
        cpu_seconds: seconds(field(14)? + field(15)?),
        start_seconds: boot as f64 + seconds(field(22)?),
        virtual_bytes: field(23)? as f64,
        resident_bytes: field(24)? as f64 * page_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let own = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 17 18 100 4096 3 21\n";
        let process = parse(own, "cpu 1 2\nbtime 1000\n").expect("a good file");
        let ticks = param::clock_ticks_per_second() as f64;
        assert_eq!(process.cpu_seconds, 300.0 / ticks);
        assert_eq!(process.start_seconds, 1000.0 + 100.0 / ticks);
        assert_eq!(process.virtual_bytes, 4096.0);
        assert_eq!(process.resident_bytes, 3.0 * param::page_size() as f64);
    }

    #[test]
    fn other_forms_say_nothing() {
        for (own, system) in [("", ""), ("7 (a) S 1", "btime 1"), ("7 a S", "btime x")] {
            assert_eq!(parse(own, system), None);
        }
    }
}

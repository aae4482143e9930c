//! The line that says how far a run is: rewritten in place on a terminal, now and then a new one elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::bench::meter::Meter;

const TERMINAL_STEP: Duration = Duration::from_millis(250);
const PLAIN_STEP: Duration = Duration::from_secs(2);

/// Reports to standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    quiet: bool,
    terminal: bool,
    meter: Meter,
    started: Instant,
    last: (Instant, u64, Option<f64>),
    shown: bool,
}

impl Progress {
    /// A report about `what`.
    pub(crate) fn new(what: &str, quiet: bool, meter: Meter) -> Self {
        let now = Instant::now();
        Progress {
            what: what.to_owned(),
            quiet,
            terminal: std::io::stderr().is_terminal(),
            meter,
            started: now,
            last: (now, 0, None),
            shown: false,
        }
    }

    /// Says that `done` is done in the stage called `stage`, if it is time to say something again.
    pub(crate) fn tick(&mut self, stage: &str, done: u64) {
        let step = if self.terminal {
            TERMINAL_STEP
        } else {
            PLAIN_STEP
        };
        let now = Instant::now();
        let (last_at, last_done, last_cpu) = self.last;
        let since = now - last_at;
        if self.quiet || since < step {
            return;
        }
        // A server that is gone is reported by the measurement itself.
        let cpu = self
            .meter
            .read()
            .ok()
            .and_then(|reading| reading.server_cpu);
        let rate = per_second(done.saturating_sub(last_done), since);
        let mut line = format!(
            "{} {stage} {:5.1} s {done:>12} done {rate:>10.0}/s",
            self.what,
            (now - self.started).as_secs_f64()
        );
        if let (Some(cpu), Some(last_cpu)) = (cpu, last_cpu) {
            let share = (cpu - last_cpu) / since.as_secs_f64() * 100.0;
            line.push_str(&format!("  server CPU {share:4.0} %"));
        }
        self.last = (now, done, cpu);
        self.show(&line);
    }

    fn show(&mut self, line: &str) {
        self.shown = true;
        let mut out = std::io::stderr().lock();
        // Nobody is left to tell when standard error is closed.
        let _ = if self.terminal {
            write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
    }
}

impl Drop for Progress {
    /// Leaves the terminal's line to what comes next.
    fn drop(&mut self) {
        if self.shown && self.terminal {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

/// A rate; 0 for no time.
#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        0.0
    } else {
        count as f64 / time.as_secs_f64()
    }
}

//! The log: standard output, one line per event, in the layout of Apache's default:
//! `2026-02-11 20:18:50,123 [myid:1] - INFO  [main:oxkeeper::server@42] - message`.

use crate::cli::LogLevel;
use oxkeeper::config::{Level, Note};
use std::fmt;
use std::io;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{ChronoLocal, FormatTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The server's number in every line; empty until it is known, and for good on a server without one.
static MY_ID: OnceLock<i64> = OnceLock::new();

/// Opens the log. To be called once, before the first event.
pub(crate) fn open(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let clock = ChronoLocal::new("%Y-%m-%d %H:%M:%S,%3f".to_owned());
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stdout)
        .event_format(ApacheLine { clock })
        .init();
}

/// Puts the server's number into all later lines. Of two numbers the first stays.
pub(crate) fn set_my_id(my_id: i64) {
    let _ = MY_ID.set(my_id);
}

/// Logs what reading the settings had to say.
pub(crate) fn log_notes(notes: &[Note]) {
    for Note { level, text } in notes {
        match level {
            Level::Error => tracing::error!(target: "oxkeeper::config", "{text}"),
            Level::Warn => tracing::warn!(target: "oxkeeper::config", "{text}"),
            Level::Info => tracing::info!(target: "oxkeeper::config", "{text}"),
            Level::Debug => tracing::debug!(target: "oxkeeper::config", "{text}"),
        }
    }
}

struct ApacheLine {
    clock: ChronoLocal,
}

impl<S, N> FormatEvent<S, N> for ApacheLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let meta = event.metadata();
        let thread = std::thread::current();
        self.clock.format_time(&mut line)?;
        match MY_ID.get() {
            Some(my_id) => write!(line, " [myid:{my_id}]")?,
            None => write!(line, " [myid:]")?,
        }
        let (level, thread, target) = (
            meta.level().as_str(),
            thread.name().unwrap_or("?"),
            meta.target(),
        );
        write!(
            line,
            " - {level:<5} [{thread}:{target}@{}] - ",
            meta.line().unwrap_or_default()
        )?;
        ctx.field_format().format_fields(line.by_ref(), event)?;
        writeln!(line)
    }
}

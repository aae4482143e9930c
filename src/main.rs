//! The program: arguments, settings file, log, exit code. What a server does is decided elsewhere.

mod ask;
mod cli;
mod logging;
mod settings;
mod signals;

use crate::cli::{Cli, Command, LogLevel, ServerArgs, WordArgs};
use clap::Parser;
use oxkeeper::bench;
use oxkeeper::bench::args::BenchArgs;
use oxkeeper::config::{Config, ConfigError, USAGE};
use oxkeeper::server;
use oxkeeper::server::{Server, ServerError};
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

/// The line of Apache's `VersionInfoMain`, for tools that read it. The time is that of the published release.
const VERSION_LINE: &str = "Apache ZooKeeper, version 3.9.5 2026-02-11 20:18 UTC";

fn main() -> ExitCode {
    let Cli { log_level, command } = Cli::parse();
    match command {
        Command::Server(args) => serve(&args, log_level),
        Command::Bench(args) => measure(&args),
        Command::Version => print_version(),
        Command::FourLetterWord(args) => ask_word(&args),
    }
}

fn serve(args: &ServerArgs, log_level: LogLevel) -> ExitCode {
    logging::open(log_level);
    let variable = |name| env::var(name).unwrap_or_default();
    let (properties, notes) =
        args.all_properties(&variable("SERVER_JVMFLAGS"), &variable("JVMFLAGS"));
    logging::log_notes(&notes);
    match configure(args, &properties) {
        Ok(config) => run(&config),
        Err(error) => refuse(&error),
    }
}

fn configure(args: &ServerArgs, properties: &[(String, String)]) -> Result<Config, ConfigError> {
    let loaded = settings::load(args, properties)?;
    if let Some(my_id) = loaded.config.my_id {
        logging::set_my_id(my_id.0);
    }
    logging::log_notes(&loaded.notes);
    Ok(loaded.config)
}

/// The server runs here, from the first file opened to the last connection closed.
fn run(config: &Config) -> ExitCode {
    let data_dir = config.storage.data_dir.display();
    match config.my_id.filter(|_| config.is_ensemble()) {
        Some(my_id) => tracing::info!("Starting quorum peer, myid={my_id}, data in {data_dir}"),
        None => tracing::info!("Starting server, data in {data_dir}"),
    }
    let ended = signals::Signals::watch()
        .map_err(|source| ServerError::Thread {
            what: "signal handler",
            source,
        })
        .and_then(|signals| {
            let server = server::start(config)?;
            serve_until(&signals, server)
        });
    let code = match ended {
        Ok(signal) => 128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
        Err(error) => {
            report(&error);
            error.exit_code()
        }
    };
    tracing::info!("Exiting with code {code}");
    ExitCode::from(code)
}

/// Returns the signal that ended the server.
fn serve_until(signals: &signals::Signals, server: Server) -> Result<i32, ServerError> {
    if let Some(address) = server.client_address() {
        tracing::info!("binding to port {address}");
    }
    loop {
        // A failed log ends the process at once: nothing more may be acknowledged.
        if let Some(failure) = server.failure(signals::PERIOD) {
            return Err(failure);
        }
        if let Some(signal) = signals.caught() {
            tracing::info!("Stopping on signal {signal}");
            server.stop()?;
            return Ok(signal);
        }
    }
}

fn report(error: &ServerError) {
    let headline = match error {
        ServerError::Layout(_) => "Unable to access datadir, exiting abnormally",
        _ => "Unexpected exception, exiting abnormally",
    };
    tracing::error!("{headline}: {error}");
    eprintln!("{headline}");
}

fn measure(args: &BenchArgs) -> ExitCode {
    match bench::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oxkeeper bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Upstream's line on standard error, the cause in the log.
fn refuse(error: &ConfigError) -> ExitCode {
    let headline = match error {
        ConfigError::Start { .. } => "Unexpected exception, exiting abnormally",
        ConfigError::Arguments { .. } => "Invalid arguments, exiting abnormally",
        _ => "Invalid config, exiting abnormally",
    };
    tracing::error!("{headline}: {error}");
    match error {
        ConfigError::Arguments { .. } => eprintln!("{USAGE}"),
        _ => eprintln!("{headline}"),
    }
    let code = error.exit_code();
    tracing::error!("Exiting JVM with code {code}");
    ExitCode::from(code)
}

fn print_version() -> ExitCode {
    println!("{VERSION_LINE}");
    eprintln!("Oxkeeper {}", env!("CARGO_PKG_VERSION"));
    ExitCode::SUCCESS
}

fn ask_word(args: &WordArgs) -> ExitCode {
    let answer = ask::ask(&args.host, args.port, &args.word);
    match answer.and_then(|answer| io::stdout().write_all(&answer)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "oxkeeper: {} at {}:{}: {error}",
                args.word, args.host, args.port
            );
            ExitCode::FAILURE
        }
    }
}

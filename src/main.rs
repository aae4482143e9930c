//! The program: arguments, settings file, log, exit code. What a server does is decided elsewhere.

mod ask;
mod cli;
mod logging;
mod settings;

use crate::cli::{Cli, Command, LogLevel, ServerArgs, WordArgs};
use clap::Parser;
use oxkeeper::config::{Config, ConfigError, USAGE};
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

/// The line of Apache's `VersionInfoMain`, for tools that read it. The time is that of the release.
const VERSION_LINE: &str = "Apache ZooKeeper, version 3.9.5 2026-02-11 20:15 UTC";

fn main() -> ExitCode {
    let Cli { log_level, command } = Cli::parse();
    match command {
        Command::Server(args) => serve(&args, log_level),
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
        Ok(config) => run(config),
        Err(error) => refuse(&error),
    }
}

fn configure(args: &ServerArgs, properties: &[(String, String)]) -> Result<Config, ConfigError> {
    let loaded = settings::load(args, properties)?;
    if let Some(my_id) = loaded.config.my_id {
        logging::set_my_id(my_id);
    }
    logging::log_notes(&loaded.notes);
    loaded.config.require_standalone(settings::source(args))?;
    Ok(loaded.config)
}

/// The server runs here, from the first file opened to the last connection closed.
fn run(config: Config) -> ExitCode {
    tracing::info!(
        "Starting server, data in {}",
        config.storage.data_dir.display()
    );
    ExitCode::SUCCESS
}

/// Upstream's line on standard error, the cause in the log.
fn refuse(error: &ConfigError) -> ExitCode {
    let headline = match error {
        ConfigError::Start { .. } | ConfigError::EnsembleNotBuilt { .. } => {
            "Unexpected exception, exiting abnormally"
        }
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

//! `oxkeeper bench` alone, until the command line of the binary mounts it.

use std::process::ExitCode;

use clap::Parser;
use oxkeeper::bench;

#[derive(Debug, Parser)]
struct Bench {
    #[command(flatten)]
    args: bench::args::BenchArgs,
}

fn main() -> ExitCode {
    match bench::run(&Bench::parse().args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

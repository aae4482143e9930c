//! `oxkeeper bench`: a load generator for any ZooKeeper server. A client like others: it knows the wire and
//! `/proc`, and nothing of the server in this binary.
//!
//! | files | part |
//! | --- | --- |
//! | [`args`], [`error`] | the command line in, errors out |
//! | `frames`, `session`, `fleet`, `control` | the client: frames encoded once, one socket, many, and one for preparations |
//! | `load`, `drive`, `meter`, `process`, `progress` | what is asked, by whom, and what it cost |
//! | `steady`, `watch`, `sessions`, `idle`, `fill`, `start`, `outage` | the scenarios |
//! | `outcome`, `report` | results as JSON, as lines, as a page with plots |

pub mod args;
mod control;
mod drive;
pub mod error;
#[cfg(test)]
mod fake;
mod fill;
mod fleet;
mod frames;
mod idle;
mod load;
mod meter;
mod outage;
mod outcome;
mod process;
mod progress;
mod report;
mod session;
mod sessions;
mod start;
mod steady;
#[cfg(test)]
mod tests;
mod watch;

use std::io::Write;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bench::args::{BenchArgs, CommonArgs, Scenario};
use crate::bench::error::BenchError;
use crate::bench::outcome::Outcome;

/// Runs a scenario, writes its result to standard output and, if asked, to a JSON file.
///
/// # Errors
/// When the server cannot be reached, closes a connection or fails any request; when its process cannot
/// be observed; when a file cannot be written.
pub fn run(args: &BenchArgs) -> Result<(), BenchError> {
    raise_file_limit()?;
    let (common, outcome) = match &args.scenario {
        Scenario::Read(args) => (&args.common, steady::read(args)),
        Scenario::Write(args) => (&args.common, steady::write(args)),
        Scenario::Create(args) => (&args.common, steady::create(args)),
        Scenario::Mixed(args) => (&args.load.common, steady::mixed(args)),
        Scenario::Multi(args) => (&args.load.common, steady::multi(args)),
        Scenario::Watch(args) => (&args.common, watch::run(args)),
        Scenario::Sessions(args) => (&args.common, sessions::run(args)),
        Scenario::Idle(args) => (&args.common, idle::run(args)),
        Scenario::Fill(args) => (&args.common, fill::run(args)),
        Scenario::Start(args) => (&args.common, start::run(args)),
        Scenario::Outage(args) => (&args.common, outage::run(args)),
        Scenario::Report(args) => return print(&report::run(args)?),
    };
    show(common, &outcome?)
}

fn show(common: &CommonArgs, outcome: &Outcome) -> Result<(), BenchError> {
    if let Some(path) = &common.json {
        outcome.write(path)?;
    }
    print(&outcome.to_string())
}

fn print(text: &str) -> Result<(), BenchError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .map_err(|source| BenchError::System {
            what: "write to standard output",
            source,
        })
}

/// Every session is an open file: takes as many as the system lets this process have.
fn raise_file_limit() -> Result<(), BenchError> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|errno| BenchError::System {
        what: "raise the limit of open files",
        source: errno.into(),
    })
}

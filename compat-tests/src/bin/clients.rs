//! `scripts/conformance.sh clients`: clients in other languages against a server, with a line for each.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use compat_tests::clients::Client;
use compat_tests::server::kinds;

fn main() -> Result<ExitCode> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &String| {
        let known = Client::ALL.into_iter().find(|client| client.name() == name);
        known.with_context(|| format!("no such client: {name}"))
    };
    let mut clients = asked.iter().map(named).collect::<Result<Vec<_>>>()?;
    if clients.is_empty() {
        clients = Client::ALL.to_vec();
    }
    let mut failed = 0;
    for client in clients {
        let mut outcomes = Vec::new();
        for kind in kinds() {
            let began = Instant::now();
            let outcome = client.run(kind);
            let seconds = began.elapsed().as_secs_f64();
            match &outcome {
                Ok(passed) => println!(
                    "ok   {} against {kind}: {} checks pass, {seconds:.0} s",
                    client.name(),
                    passed.len()
                ),
                Err(error) => println!("FAIL {error:#}"),
            }
            outcomes.push(outcome.ok());
        }
        if outcomes.iter().any(|outcome| *outcome != outcomes[0]) {
            println!("FAIL {}: not the same with each", client.name());
        }
        let good = outcomes.iter().all(Option::is_some);
        failed += usize::from(!good || outcomes.iter().any(|outcome| *outcome != outcomes[0]));
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

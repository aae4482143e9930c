//! The cheapest of the clients in other languages; `scripts/conformance.sh clients` runs all of them.

use std::process::Command;

use anyhow::Result;
use compat_tests::clients::Client;
use compat_tests::server::kinds;

#[test]
fn node_zookeeper_client_passes_the_same_with_either_server() -> Result<()> {
    if Command::new("npm").arg("--version").output().is_err() {
        eprintln!("skipped: no npm here");
        return Ok(());
    }
    let outcomes = kinds().into_iter().map(|kind| Client::Node.run(kind));
    let outcomes = outcomes.collect::<Result<Vec<_>>>()?;
    assert!(outcomes.iter().all(|passed| *passed == outcomes[0]));
    assert_eq!(outcomes[0].len(), 9, "{:?}", outcomes[0]);
    Ok(())
}

//! The C client's own shell, `cli_mt`, as Debian packages it: every command, watches, and its session across a restart
//! and a crash. It must print the same against either server.

use anyhow::Result;
use compat_tests::c_client::{transcript, unpacked};
use compat_tests::server::{Kind, kinds};

#[test]
fn the_c_shell_prints_the_same_against_either_server() -> Result<()> {
    if let Err(missing) = unpacked() {
        eprintln!("skipped: no C client here: {missing:#}");
        return Ok(());
    }
    let expected = transcript(Kind::JAVA)?;
    assert!(
        expected.contains("CHANGED_EVENT state = CONNECTED_STATE for path /a"),
        "{expected}"
    );
    let other = kinds()
        .into_iter()
        .find(|kind| *kind == Kind::Oxkeeper)
        .unwrap_or(Kind::JAVA);
    let seen = transcript(other)?;
    assert!(
        expected == seen,
        "--- java\n{expected}\n--- {other}\n{seen}"
    );
    Ok(())
}

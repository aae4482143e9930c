//! The tables of the foreign suites: they name every class, nothing in them is a bug, and `docs/conformance.md` tells their counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use compat_tests::server::Kind;
use compat_tests::suite::Suite;
use compat_tests::suite::curator::Curator;
use compat_tests::suite::kazoo::Kazoo;
use compat_tests::table::{self, Row, Verdict};

fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("suites")
}

/// What a row of the table of counts calls a class.
fn word(row: &Row) -> &'static str {
    match row.verdict {
        Verdict::Passes if row.excepted.is_empty() => "passes",
        Verdict::Passes => "except",
        Verdict::Internal => "internal",
        Verdict::Client => "client",
        Verdict::Unbuilt => "unbuilt",
        Verdict::Fails => "fails",
    }
}

#[test]
fn every_class_of_apaches_jar_has_a_row() -> Result<()> {
    let table = table::read(&suites().join("apache.tsv"))?;
    let rows: BTreeSet<String> = table.keys().cloned().collect();
    assert_eq!(rows, Suite::apache(Kind::JAVA)?.class_names()?);
    Ok(())
}

#[test]
fn every_class_of_curators_tests_has_a_row() -> Result<()> {
    let table = table::read(&suites().join("curator.tsv"))?;
    let rows: BTreeSet<String> = table.keys().cloned().collect();
    assert_eq!(rows, Curator::new(Kind::JAVA)?.rows()?);
    Ok(())
}

#[test]
fn every_module_of_kazoos_tests_has_a_row() -> Result<()> {
    let table = table::read(&suites().join("kazoo.tsv"))?;
    let module = |row: &String| row.rsplit('/').next().map(str::to_owned);
    let modules: BTreeSet<String> = table.keys().filter_map(module).collect();
    assert_eq!(modules, Kazoo::new(Kind::Oxkeeper)?.modules()?);
    Ok(())
}

#[test]
fn apaches_table_is_told_and_run() -> Result<()> {
    check_ci("apache")?;
    check_counts("apache")
}

#[test]
fn curators_table_is_told_and_run() -> Result<()> {
    check_ci("curator")?;
    check_counts("curator")
}

#[test]
fn kazoos_table_is_told_and_run() -> Result<()> {
    check_ci("kazoo")?;
    check_counts("kazoo")
}

/// What CI runs of a suite applies.
fn check_ci(suite: &str) -> Result<()> {
    let table = table::read(&suites().join(suite).with_extension("tsv"))?;
    let text = fs::read_to_string(suites().join(suite).with_extension("ci"))?;
    for class in text.lines().filter(|line| !line.starts_with('#')) {
        let row = table.get(class).with_context(|| class.to_owned())?;
        assert_eq!(row.verdict, Verdict::Passes, "{class}");
    }
    Ok(())
}

/// The documentation tells the counts of a table, and nothing in it is a bug.
fn check_counts(suite: &str) -> Result<()> {
    let table = table::read(&suites().join(suite).with_extension("tsv"))?;
    let docs = suites().with_file_name("../docs/conformance.md");
    let docs = fs::read_to_string(docs).context("docs/conformance.md")?;
    let heading = format!("\n## {suite}");
    let docs = docs.to_lowercase();
    let (_, section) = docs.split_once(&heading).context(heading.clone())?;
    let docs = section.split("\n## ").next().unwrap_or_default();
    for verdict in ["passes", "except", "internal", "client", "unbuilt", "fails"] {
        let count = table.values().filter(|row| word(row) == verdict).count();
        let line = format!("| `{verdict}` | {count} |");
        assert!(docs.contains(&line), "want a line that starts with {line}");
    }
    let excepted: usize = table.values().map(|row| row.excepted.len()).sum();
    let line = format!("{excepted} methods are excepted");
    assert!(docs.contains(&line), "want: {line}");
    assert!(
        table.values().all(|row| row.verdict != Verdict::Fails),
        "a bug is not to stay"
    );
    Ok(())
}

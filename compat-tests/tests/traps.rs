//! The list of traps in `suites/traps.tsv` is whole, names tests that are there and ask both servers, and forgets none.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use compat_tests::cache::crate_dir;

/// How many traps there are.
const TRAPS: usize = 112;
/// Tests that ask one of the servers only, because the answers differ on purpose.
const DIFFERENCES: &str = "docs/differences.md";

/// One line of the list.
struct Trap {
    number: usize,
    /// As `file::name`.
    tests: Vec<String>,
    /// Why there are none.
    missing: Option<String>,
}

fn listed() -> Vec<Trap> {
    let path = crate_dir().join("suites/traps.tsv");
    let text = fs::read_to_string(path).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(trap).collect()
}

fn trap(line: &str) -> Trap {
    let fields: Vec<&str> = line.split('\t').collect();
    let [number, what, tests] = fields[..] else {
        unreachable!("three fields: {line}");
    };
    assert!(!what.is_empty(), "{line}");
    let missing = tests.strip_prefix("later: ").map(str::to_owned);
    Trap {
        number: number.parse().expect("a number comes first"),
        tests: match missing {
            Some(_) => Vec::new(),
            None => tests.split(", ").map(str::to_owned).collect(),
        },
        missing,
    }
}

/// All tests here, as `file::name`, with what is between their braces.
fn found() -> BTreeMap<String, String> {
    let root = crate_dir().join("tests");
    let mut bodies = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folders can be listed") {
            let path = entry.expect("entries can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                bodies.extend(tests_in(&root, &path));
            }
        }
    }
    bodies
}

fn tests_in(root: &Path, path: &PathBuf) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).expect("sources can be read");
    let name = path.strip_prefix(root).expect("it is in there");
    let name = name.with_extension("").display().to_string();
    let tests = text.split("#[test]\n").skip(1);
    let test = |test: &str| {
        let (_, from_name) = test.split_once("fn ")?;
        let (test, body) = from_name.split_once('(')?;
        let body = body.split("\n}\n").next()?;
        Some((format!("{name}::{test}"), body.to_owned()))
    };
    tests.filter_map(test).collect()
}

#[test]
fn every_trap_has_a_line() {
    let numbers: Vec<usize> = listed().iter().map(|trap| trap.number).collect();
    assert_eq!(numbers, (1..=TRAPS).collect::<Vec<_>>());
}

#[test]
fn every_trap_has_tests_that_are_there() {
    let found = found();
    for trap in listed() {
        assert!(
            trap.missing.is_some() || !trap.tests.is_empty(),
            "trap {}",
            trap.number
        );
        for test in trap.tests {
            assert!(found.contains_key(&test), "trap {}: no {test}", trap.number);
        }
    }
}

#[test]
fn every_test_of_a_trap_is_listed() {
    let listed: BTreeSet<(usize, String)> = listed()
        .into_iter()
        .flat_map(|trap| trap.tests.into_iter().map(move |test| (trap.number, test)))
        .collect();
    for test in found().into_keys() {
        let name = test.split("::").last().unwrap_or_default();
        let Some(rest) = name.strip_prefix("trap_") else {
            continue;
        };
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let number = number.parse().expect("a trap has a number");
        assert!(
            listed.contains(&(number, test.clone())),
            "{test} is not listed"
        );
    }
}

#[test]
fn traps_ask_both_servers_or_are_differences() {
    let differences = fs::read_to_string(crate_dir().join("..").join(DIFFERENCES))
        .expect("the differences are there");
    // Not as one word, or this test would find itself.
    let only_ours = concat!("on_oxkeeper", "_only(");
    // The last two are helpers of single files.
    let both = [
        "on_shared(",
        "on_shared_with(",
        "on_own(",
        "kinds()",
        "on_enforcing(",
        "on_log(",
    ];
    for (test, body) in found() {
        let Some((file, name)) = test.split_once("::") else {
            unreachable!("{test} has a file");
        };
        if body.contains(only_ours) {
            assert!(differences.contains(name), "{test} is not in {DIFFERENCES}");
        } else if file.starts_with("traps_") {
            let asks_both = both.iter().any(|stage| body.contains(stage));
            assert!(asks_both, "{test} names no servers");
        }
    }
}

#[test]
fn the_only_trap_without_a_test_waits_for_sasl() {
    let missing = listed()
        .into_iter()
        .filter_map(|trap| Some((trap.number, trap.missing?)));
    assert_eq!(missing.collect::<Vec<_>>(), [(104, "SASL".to_owned())]);
}

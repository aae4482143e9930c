//! What is expected of the test classes of a foreign suite: a text file with a line for each class, or for each method that is
//! excepted: class, verdict, detail, parted by tabs. `docs/conformance.md` explains the verdicts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// What is expected of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every method passes, or (`except`) all but those named.
    Passes,
    /// Not applicable: it examines classes of the Java server, not what a server does.
    Internal,
    /// Not applicable: no server takes part.
    Client,
    /// Needs a feature that is not built, and that the server refuses at its start.
    Unbuilt,
    /// A bug of ours.
    Fails,
}

/// A class of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is expected.
    pub verdict: Verdict,
    /// Why, where it is not run.
    pub detail: String,
    /// Of a class that passes: the methods that do not, with reasons.
    pub excepted: BTreeMap<String, String>,
}

/// The expectations of a suite, by class.
pub type Table = BTreeMap<String, Row>;

/// Reads a table.
///
/// # Errors
/// When the file cannot be read, a line is none of a table, or contradicts another.
pub fn read(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let mut table = Table::new();
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with('#') {
            add(&mut table, line)
                .with_context(|| format!("{}:{}: {line}", path.display(), number + 1))?;
        }
    }
    Ok(table)
}

fn add(table: &mut Table, line: &str) -> Result<()> {
    let fields: Vec<_> = line.split('\t').collect();
    let (class, word, detail) = match fields[..] {
        [class, word] => (class, word, ""),
        [class, word, detail] => (class, word, detail),
        _ => bail!("want class, verdict and detail"),
    };
    if word == "except" {
        return except(table, class, detail);
    }
    let verdict = match word {
        "passes" => Verdict::Passes,
        "internal" => Verdict::Internal,
        "client" => Verdict::Client,
        "unbuilt" => Verdict::Unbuilt,
        "fails" => Verdict::Fails,
        _ => bail!("no such verdict"),
    };
    ensure!(
        detail.is_empty() == matches!(verdict, Verdict::Passes | Verdict::Client),
        "want a reason where one is due, and only there"
    );
    let row = Row {
        verdict,
        detail: detail.to_owned(),
        excepted: BTreeMap::new(),
    };
    let known = table.insert(class.to_owned(), row);
    ensure!(known.is_none(), "the class is there twice");
    Ok(())
}

fn except(table: &mut Table, class: &str, detail: &str) -> Result<()> {
    let (method, reason) = detail.split_once(": ").context("want method: reason")?;
    let row = match table.entry(class.to_owned()) {
        Entry::Vacant(entry) => entry.insert(Row {
            verdict: Verdict::Passes,
            detail: String::new(),
            excepted: BTreeMap::new(),
        }),
        Entry::Occupied(entry) => {
            ensure!(
                !entry.get().excepted.is_empty(),
                "the class has another verdict"
            );
            entry.into_mut()
        }
    };
    let known = row.excepted.insert(method.to_owned(), reason.to_owned());
    ensure!(known.is_none(), "the method is there twice");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Result<Table> {
        let mut table = Table::new();
        for line in lines {
            add(&mut table, line)?;
        }
        Ok(table)
    }

    #[test]
    fn classes_have_a_verdict_and_exceptions() {
        let table = of(&[
            "A\tpasses",
            "B\texcept\tx(): why",
            "B\texcept\ty(): because: so",
            "C\tinternal\tlocks",
        ])
        .unwrap();
        assert_eq!(table["A"].verdict, Verdict::Passes);
        assert_eq!(table["B"].verdict, Verdict::Passes);
        assert_eq!(table["B"].excepted["y()"], "because: so");
        assert_eq!(
            (table["C"].verdict, table["C"].detail.as_str()),
            (Verdict::Internal, "locks")
        );
    }

    #[test]
    fn lines_that_say_nothing_or_contradict_others_are_refused() {
        for lines in [
            &["A"][..],
            &["A\tgood"],
            &["A\tinternal"],
            &["A\tpasses\twhy"],
            &["A\texcept\tx()"],
            &["A\tpasses", "A\tpasses"],
            &["A\tpasses", "A\texcept\tx(): why"],
            &["A\tclient", "A\texcept\tx(): why"],
            &["A\texcept\tx(): why", "A\texcept\tx(): why"],
            &["A\texcept\tx(): why", "A\tpasses"],
        ] {
            assert!(of(lines).is_err(), "{lines:?}");
        }
    }
}

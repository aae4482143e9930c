//! The result files of a comparison, by server and case, and what several rounds of a case say together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::error::BenchError;
use crate::bench::outcome::Outcome;

/// A compared server: the folder of its results, and its name on the page. The first is ours.
pub(crate) const SERVERS: [(&str, &str); 3] = [
    ("oxkeeper", "Oxkeeper"),
    ("java", "Apache 3.9.5"),
    ("redis", "Redis"),
];
const MACHINE_FILE: &str = "machine.txt";

/// All results of a comparison.
#[derive(Debug)]
pub(crate) struct Results {
    /// Lines `what: value` about machine and programs.
    machine: Vec<(String, String)>,
    /// Indices into [`SERVERS`] of those that have results.
    servers: Vec<usize>,
    /// Rounds by server and case.
    rounds: BTreeMap<(usize, String), Vec<Outcome>>,
}

/// A number that was measured in several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The smallest.
    pub(crate) min: f64,
    /// The middle one, or the middle of the middle two.
    pub(crate) median: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one number, all finite.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(*values.get(middle.checked_sub(1)?)?, values[middle])
        };
        Some(Spread {
            min: *values.first()?,
            median,
            max: *values.last()?,
        })
    }
}

impl Results {
    /// Reads a folder of results.
    pub(crate) fn read(folder: &Path) -> Result<Self, BenchError> {
        let mut results = Results {
            machine: read_machine(&folder.join(MACHINE_FILE))?,
            servers: Vec::new(),
            rounds: BTreeMap::new(),
        };
        for (server, (name, _)) in SERVERS.iter().enumerate() {
            let folder = folder.join(name);
            if folder.is_dir() {
                results.read_server(server, &folder)?;
            }
        }
        Ok(results)
    }

    fn read_server(&mut self, server: usize, folder: &Path) -> Result<(), BenchError> {
        for path in json_files(folder)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let case = stem.rsplit_once('.').map_or(&*stem, |(case, _)| case);
            let rounds = self.rounds.entry((server, case.to_owned())).or_default();
            rounds.push(Outcome::read(&path)?);
        }
        self.servers.push(server);
        Ok(())
    }

    /// What is known about machine and programs.
    pub(crate) fn machine(&self) -> &[(String, String)] {
        &self.machine
    }

    /// Indices into [`SERVERS`] of those that have results.
    pub(crate) fn servers(&self) -> &[usize] {
        &self.servers
    }

    /// The rounds of a case; empty when it did not run.
    pub(crate) fn rounds(&self, server: usize, case: &str) -> &[Outcome] {
        let rounds = self.rounds.get(&(server, case.to_owned()));
        rounds.map_or(&[], Vec::as_slice)
    }

    /// A number of a case over its rounds.
    pub(crate) fn spread(
        &self,
        server: usize,
        case: &str,
        number: impl Fn(&Outcome) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(
            self.rounds(server, case)
                .iter()
                .filter_map(number)
                .collect(),
        )
    }

    /// Nodes of the tree that was loaded.
    pub(crate) fn znodes(&self) -> Option<u64> {
        let parents = self.parameter("fill", "parents")?;
        Some(parents * (self.parameter("fill", "children")? + 1))
    }

    /// An argument of a case, which all servers were measured with.
    pub(crate) fn parameter(&self, case: &str, name: &str) -> Option<u64> {
        let mut outcomes = self
            .servers
            .iter()
            .flat_map(|server| self.rounds(*server, case));
        outcomes.find_map(|outcome| outcome.parameters.get(name).copied())
    }
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, BenchError> {
    let failed = |source| BenchError::File {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_machine(path: &Path) -> Result<Vec<(String, String)>, BenchError> {
    let text = fs::read_to_string(path).map_err(|source| BenchError::File {
        path: path.to_owned(),
        source,
    })?;
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    Ok(lines
        .map(|(what, value)| (what.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_odd_and_even_counts() {
        let median = |values: &[f64]| Spread::of(values.to_vec()).map(|spread| spread.median);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_folder_without_a_machine_is_refused() {
        let error = Results::read(Path::new("no/such/folder")).unwrap_err();
        assert!(error.to_string().contains("machine.txt"), "{error}");
    }
}

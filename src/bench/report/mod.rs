//! `bench report`: a page with tables and plots, made of the result files of several runs.

mod groups;
mod page;
mod plot;
mod results;

use std::fs;
use std::path::Path;

use crate::bench::args::ReportArgs;
use crate::bench::error::BenchError;
use crate::bench::report::results::Results;

/// Runs it: the tables on standard output, and the page with its plots where it was asked for.
pub(crate) fn run(args: &ReportArgs) -> Result<String, BenchError> {
    let results = Results::read(&args.results)?;
    if let Some(path) = &args.page {
        let plots = path.with_extension("");
        create_dir(&plots)?;
        for group in groups::GROUPS.iter().filter(|group| group.plotted) {
            let bars = group.rows(&results);
            if !bars.is_empty() {
                let file = plots.join(format!("{}.svg", group.name));
                write(&file, &plot::svg(group, results.servers(), &bars))?;
            }
        }
        let folder = plots.file_name().unwrap_or_default().to_string_lossy();
        write(path, &page::page(&results, &folder))?;
    }
    Ok(page::tables(&results, None))
}

fn create_dir(path: &Path) -> Result<(), BenchError> {
    fs::create_dir_all(path).map_err(|source| BenchError::File {
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(|source| BenchError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "processor: a fast one\nmemory: some\n";

    fn result(folder: &Path, file: &str, scenario: &str, per_cpu_second: f64) {
        let text = format!(
            r#"{{"scenario": "{scenario}", "unit": "x", "operations": 1, "seconds": 0.25,
                "parameters": {{"parents": 10, "children": 99, "sessions": 100}},
                "per_second": {per_cpu_second}, "client_cpu_seconds": 0.1,
                "latency_us": {{"mean": 1, "p50": 1500, "p90": 1, "p99": 2000, "p999": 1, "max": 1}},
                "server": {{"cpu_seconds": 1, "per_cpu_second": {per_cpu_second},
                "resident_before": 1048576, "resident_after": 2097152, "resident_peak": 1}}}}"#
        );
        create_dir(folder).unwrap();
        write(&folder.join(file), &text).unwrap();
    }

    #[test]
    fn a_page_has_medians_ratios_and_plots() {
        let home = tempfile::tempdir().unwrap();
        let (ours, java) = (home.path().join("oxkeeper"), home.path().join("java"));
        for (round, rate) in [(1, 100.0), (2, 9000.0), (3, 300.0)] {
            result(&ours, &format!("read-16.{round}.json"), "read", rate);
        }
        result(&java, "read-16.1.json", "read", 200.0);
        result(&java, "write-1.1.json", "write", 7.0);
        result(&ours, "fill.1.json", "fill", 5.0);
        result(&ours, "idle.1.json", "idle", 5.0);
        result(&ours, "start-empty.1.json", "start", 4.0);
        write(&home.path().join("machine.txt"), MACHINE).unwrap();
        let page = home.path().join("docs/page.md");
        let args = ReportArgs {
            results: home.path().to_owned(),
            page: Some(page.clone()),
        };
        let tables = run(&args).unwrap();
        for want in [
            "| getData, 16 in flight | 300 | 200 | 1.50 |",
            "| setData, 1 in flight | \u{2013} | 7 | \u{2013} |",
            "| getData, 16 in flight: p50 | 1.50 | 1.50 | 1.00 |",
            "| znode, after the tree was loaded | 2,097 | \u{2013} | \u{2013} |",
            "| idle session | 10,486 | \u{2013} | \u{2013} |",
            "| empty directory | 250 | \u{2013} | \u{2013} |",
        ] {
            assert!(tables.contains(want), "{want}\n{tables}");
        }
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("| processor | a fast one |"), "{text}");
        assert!(text.contains("](page/cpu.svg)"), "{text}");
        let plot = fs::read_to_string(page.with_file_name("page/cpu.svg")).unwrap();
        assert!(plot.contains(">300<"), "{plot}");
    }

    #[test]
    fn a_broken_result_is_named() {
        let home = tempfile::tempdir().unwrap();
        let java = home.path().join("java");
        create_dir(&java).unwrap();
        write(&home.path().join("machine.txt"), MACHINE).unwrap();
        write(&java.join("read-16.1.json"), "{}").unwrap();
        let args = ReportArgs {
            results: home.path().to_owned(),
            page: None,
        };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.contains("read-16.1.json"), "{error}");
    }
}

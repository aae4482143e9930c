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

//! The page: text around tables. The tables alone go to standard output.

use std::fmt::Write;

use crate::bench::outcome::LatencySummary;
use crate::bench::report::groups::{GROUPS, Group, STEADY};
use crate::bench::report::results::{Results, SERVERS};

/// Indices into [`SERVERS`] that a ratio is made of.
const OURS: usize = 0;
const JAVA: usize = 1;

const RATIO: &str = "Oxkeeper / Apache";

const INTRODUCTION: &str = "\
# Benchmarks

Made by `scripts/bench.sh full`, which measures this server and Apache's Java server in turn: on the same
machine, on fresh directories of the same file system, both with a forced flush of every transaction to
the disk before it is answered. A round runs every case on both; the tables have the medians of the rounds,
the thin lines in the plots reach from the smallest to the largest. 

The load generator, `oxkeeper bench`, runs beside the server and shares its processors. So the number that
says most is *operations per CPU second of the server*: user and system time of its process, from
`/proc`. The load is closed: 50 connections, each with a fixed number of requests in flight, 100 bytes of
data in each node. Latencies are therefore those of a saturated server, and follow from the rate.
";

/// The page. `plots` is the folder of the plots, as seen from the page.
pub(crate) fn page(results: &Results, plots: &str) -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str("\n## Machine and programs\n\n| what | |\n| --- | --- |\n");
    for (what, value) in results.machine() {
        push(&mut out, format_args!("| {what} | {value} |\n"));
    }
    out.push('\n');
    out.push_str(&tables(results, Some(plots)));
    out
}

/// All tables, each with its plot if there are any.
pub(crate) fn tables(results: &Results, plots: Option<&str>) -> String {
    let mut out = String::new();
    for group in GROUPS {
        group_table(group, results, plots, &mut out);
    }
    latencies(results, &mut out);
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("a string takes what is written to it");
}

fn group_table(group: &Group, results: &Results, plots: Option<&str>, out: &mut String) {
    let rows = group.rows(results);
    if rows.is_empty() {
        return;
    }
    push(out, format_args!("## {}\n\n", group.title));
    if let Some(folder) = plots.filter(|_| group.plotted) {
        push(
            out,
            format_args!("![{}]({folder}/{}.svg)\n\n", group.title, group.name),
        );
    }
    let better = if group.more_is_better {
        "more is better"
    } else {
        "less is better"
    };
    let body = rows.iter().map(|row| {
        let medians: Vec<_> = row
            .spreads
            .iter()
            .map(|spread| spread.map(|spread| spread.median))
            .collect();
        line(results, row.label, &medians, group.decimals)
    });
    let head = head(results, &format!("{}, {better}", group.unit));
    table(&head, &body.collect::<Vec<_>>(), out);
}

/// All percentiles of the steady scenarios.
fn latencies(results: &Results, out: &mut String) {
    type Percentile = fn(&LatencySummary) -> f64;
    const PERCENTILES: &[(&str, Percentile)] = &[
        ("p50", |latency| latency.p50),
        ("p99", |latency| latency.p99),
        ("p99.9", |latency| latency.p999),
        ("max", |latency| latency.max),
    ];
    let mut lines = Vec::new();
    for (case, label) in STEADY {
        for (name, percentile) in PERCENTILES {
            let medians = results.servers().iter().map(|server| {
                let spread = results.spread(*server, case, |outcome| {
                    outcome.latency_us.as_ref().map(percentile)
                });
                spread.map(|spread| spread.median / 1e3)
            });
            let medians: Vec<_> = medians.collect();
            if medians.iter().any(Option::is_some) {
                lines.push(line(results, &format!("{label}: {name}"), &medians, 2));
            }
        }
    }
    if !lines.is_empty() {
        out.push_str("## Latencies under this load\n\n");
        table(&head(results, "milliseconds, less is better"), &lines, out);
    }
}

fn head(results: &Results, first: &str) -> Vec<String> {
    let servers = results.servers().iter().map(|server| SERVERS[*server].1);
    let cells = std::iter::once(first).chain(servers).chain([RATIO]);
    cells.map(str::to_owned).collect()
}

fn line(results: &Results, label: &str, medians: &[Option<f64>], decimals: usize) -> Vec<String> {
    let mut cells = vec![label.to_owned()];
    cells.extend(medians.iter().map(|median| match median {
        Some(value) => number(*value, decimals),
        None => "\u{2013}".to_owned(),
    }));
    cells.push(ratio(results, medians));
    cells
}

/// Ours to Java's, where both were measured.
fn ratio(results: &Results, medians: &[Option<f64>]) -> String {
    let of = |server: usize| {
        let at = results
            .servers()
            .iter()
            .position(|other| *other == server)?;
        medians[at]
    };
    match (of(OURS), of(JAVA)) {
        (Some(ours), Some(java)) if java > 0.0 => format!("{:.2}", ours / java),
        _ => "\u{2013}".to_owned(),
    }
}

fn table(head: &[String], body: &[Vec<String>], out: &mut String) {
    let rule = std::iter::once("---").chain(head.iter().skip(1).map(|_| "---:"));
    let rule: Vec<_> = rule.map(str::to_owned).collect();
    for cells in [head, &rule]
        .into_iter()
        .chain(body.iter().map(Vec::as_slice))
    {
        push(out, format_args!("| {} |\n", cells.join(" | ")));
    }
    out.push('\n');
}

/// A number with commas between thousands.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", thousands(whole)),
        None => thousands(&text),
    }
}

fn thousands(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        assert_eq!(number(1_234_567.4, 0), "1,234,567");
        assert_eq!(number(999.96, 1), "1,000.0");
        assert_eq!(number(0.5, 2), "0.50");
        assert_eq!(number(100.0, 0), "100");
    }
}

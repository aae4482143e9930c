//! What a reader may count on in every file: a header, files and functions short enough to hold in mind, citations
//! in one form, links that lead somewhere, nothing left half done. The lists of exceptions only shrink.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer.
const FILE_LINES_MAX: usize = 800;
/// Longer than this is an exception.
const FILE_LINES_USUAL: usize = 500;
/// The exceptions and how long each may be at most. When one has shrunk well below, this list must follow.
const LONG_FILES: &[(&str, usize)] = &[
    ("src/config/corrections.rs", 520),
    ("src/storage/recover_tests.rs", 590),
    ("tests/zk_server_script.rs", 790),
];
/// By how much a file may stay below its bound in that list.
const LONG_FILES_SLACK: usize = 40;
/// No function is longer.
const FUNCTION_LINES_MAX: usize = 70;
/// Half of the files and functions of the server are not longer than the first, nine in ten not than the second.
const FILE_LINES_SPREAD: (usize, usize) = (200, 500);
const FUNCTION_LINES_SPREAD: (usize, usize) = (10, 30);
/// What no source file may hold, here in two parts so that this file may.
const UNFINISHED: &[(&str, &str)] = &[
    ("to", "do!("),
    ("unimple", "mented!("),
    ("dbg", "!("),
    ("FIX", "ME"),
    ("// X", "XX"),
    ("TO", "DO:"),
    ("#[ign", "ore"),
    ("allow(dead", "_code)"),
];
/// Places of one machine, in two parts likewise.
const MACHINE_PATHS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/")];

/// Documents that name tests. Others name settings and metrics that look like tests.
const NAMES_TESTS: &[&str] = &[
    "docs/differences.md",
    "docs/invariants.md",
    "docs/reference-corrections.md",
    "docs/style.md",
];

/// A text file of the repository.
struct File {
    /// Path from the root of the repository, with `/`.
    path: String,
    text: String,
}

/// Every text file whose name ends in one of `endings`, in order of their paths.
fn files(endings: &[&str]) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, endings, &mut found);
    let mut files: Vec<File> = found
        .iter()
        .map(|path| File {
            path: path.strip_prefix(root).unwrap().to_str().unwrap().into(),
            text: fs::read_to_string(path).unwrap(),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no file ends in {endings:?}");
    files
}

fn collect(dir: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            // What cargo and the fuzzer make.
            if !matches!(
                name.as_str(),
                "target" | ".git" | "corpus" | "artifacts" | "crashes"
            ) {
                collect(&entry.path(), endings, out);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            out.push(entry.path());
        }
    }
}

/// A function: its name and how many lines it takes from `fn` to its last brace. Formatted code closes a
/// function in the column where its first line began.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let rest = lines[start..].iter().enumerate();
        let end = rest
            .take_while(|(n, line)| *n == 0 || !ends_item(line, indent, ";"))
            .position(|(n, line)| {
                let one_line = n == 0 && line.ends_with('}') && line.contains('{');
                one_line || (n > 0 && ends_item(line, indent, "}"))
            });
        // Without a body: a declaration in a trait.
        if let Some(end) = end.filter(|_| !line.ends_with(';')) {
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

fn ends_item(line: &str, indent: &str, last: &str) -> bool {
    let Some(rest) = line.strip_prefix(indent) else {
        return false;
    };
    rest == last || (last == ";" && rest.starts_with(')') && rest.ends_with(';'))
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(crate) ", "pub ", "const ", "async ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

fn is_server(file: &File) -> bool {
    ["src/", "jute/src/"]
        .iter()
        .any(|dir| file.path.starts_with(dir))
}

/// The value that half and nine tenths of the lengths do not exceed.
fn spread(mut lengths: Vec<usize>) -> (usize, usize) {
    lengths.sort_unstable();
    (lengths[lengths.len() / 2], lengths[lengths.len() * 9 / 10])
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn files_are_short_and_say_what_lives_there() {
    let mut bad = Vec::new();
    for File { path, text } in &files(&[".rs"]) {
        if !text.starts_with("//!") {
            bad.push(format!("{path}: no header"));
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            bad.push(format!(
                "{path}: {lines} lines, no more than {FILE_LINES_MAX} go"
            ));
        }
        let bound = LONG_FILES.iter().find(|(long, _)| long == path);
        let bound = bound.map_or(FILE_LINES_USUAL, |(_, bound)| *bound);
        if lines > bound {
            bad.push(format!("{path}: {lines} lines, more than {bound}"));
        }
        if bound > FILE_LINES_USUAL && lines + LONG_FILES_SLACK < bound {
            bad.push(format!(
                "{path}: {lines} lines, lower its bound in LONG_FILES"
            ));
        }
    }
    assert_none(&bad);
}

#[test]
fn functions_are_short() {
    let too_long = |file: &File| {
        functions(&file.text)
            .into_iter()
            .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
            .map(|(name, lines)| format!("{}: fn {name} has {lines} lines", file.path))
            .collect::<Vec<_>>()
    };
    assert_none(
        &files(&[".rs"])
            .iter()
            .flat_map(too_long)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn most_of_the_server_is_shorter_still() {
    let all = files(&[".rs"]);
    let server = || all.iter().filter(|file| is_server(file));
    let (half, most) = spread(server().map(|file| file.text.lines().count()).collect());
    assert!(
        half <= FILE_LINES_SPREAD.0,
        "the median file has {half} lines"
    );
    assert!(
        most <= FILE_LINES_SPREAD.1,
        "nine in ten files: up to {most} lines"
    );
    let lengths = server().flat_map(|file| functions(&file.text));
    let (half, most) = spread(lengths.map(|(_, lines)| lines).collect());
    assert!(
        half <= FUNCTION_LINES_SPREAD.0,
        "the median function has {half} lines"
    );
    assert!(
        most <= FUNCTION_LINES_SPREAD.1,
        "nine in ten functions: up to {most} lines"
    );
}

#[test]
fn nothing_is_left_half_done() {
    let mut bad = Vec::new();
    for File { path, text } in &files(&[".rs", ".sh", ".java", ".toml"]) {
        for (n, line) in text.lines().enumerate() {
            for word in UNFINISHED.iter().map(|(a, b)| [*a, *b].concat()) {
                if line.contains(&word) {
                    bad.push(format!("{path}:{}: {word}", n + 1));
                }
            }
        }
    }
    assert_none(&bad);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let mut bad = Vec::new();
    for File { path, text } in &files(&[".rs", ".sh", ".md", ".toml", ".java", ".cfg"]) {
        for (n, line) in text.lines().enumerate() {
            for place in MACHINE_PATHS.iter().map(|(a, b)| [*a, *b].concat()) {
                if line.contains(&place) {
                    bad.push(format!("{path}:{}: {place}", n + 1));
                }
            }
        }
    }
    assert_none(&bad);
}

/// What is wrong with a line that cites upstream: the form is `apache 3.9.5: path/File.ext what`, in a comment.
fn citation_fault(line: &str) -> Option<&'static str> {
    let (before, cited) = line.split_once("apache 3.")?;
    if before.trim() != "//" {
        return Some("stands alone, after `// `");
    }
    let Some((version, place)) = cited.split_once(": ") else {
        return Some("names version, path and what");
    };
    let mut version = version.split('.');
    let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u8>().is_ok());
    if !(number(version.next()) && number(version.next()) && version.next().is_none()) {
        return Some("names a release of three numbers");
    }
    let (file, what) = place.split_once(' ').unwrap_or((place, ""));
    let in_file = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let named = file.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && !ending.is_empty() && file.chars().all(in_file)
    });
    if !named {
        return Some("names a file of the release");
    }
    what.trim().is_empty().then_some("says what in that file")
}

#[test]
fn citations_of_apache_have_one_form() {
    let mut bad = Vec::new();
    for File { path, text } in files(&[".rs"]).iter().filter(|file| is_server(file)) {
        for (n, line) in text.lines().enumerate() {
            if let Some(fault) = citation_fault(line) {
                bad.push(format!("{path}:{}: a citation {fault}: {line}", n + 1));
            }
        }
    }
    assert_none(&bad);
}

/// Where the links of a Markdown text lead, if inside the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut bad = Vec::new();
    for File { path, text } in &files(&[".md"]) {
        let dir = root.join(path);
        for target in links(text) {
            if !dir.parent().unwrap().join(target).exists() {
                bad.push(format!("{path}: {target} is not there"));
            }
        }
    }
    assert_none(&bad);
}

/// Words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether a quoted word is the name of a test: they are sentences.
fn is_test_name(word: &str) -> bool {
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.matches('_').count() >= 3 && word.chars().all(in_name)
}

fn is_source_path(word: &str) -> bool {
    let in_path = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
    let ending = [".rs", ".sh", ".md"]
        .iter()
        .any(|ending| word.ends_with(ending));
    ending && word.chars().all(in_path) && word.contains('/')
}

#[test]
fn documents_name_tests_and_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = files(&[".rs"]);
    let is_there = |name: &str| {
        let test = format!("fn {name}(");
        sources.iter().any(|file| file.text.contains(&test))
    };
    let mut bad = Vec::new();
    for File { path, text } in &files(&[".md"]) {
        for word in quoted(text) {
            let names_tests = NAMES_TESTS.contains(&path.as_str());
            if names_tests && is_test_name(word) && !is_there(word) {
                bad.push(format!("{path}: no test is called {word}"));
            }
            let here = Path::new(path).parent().unwrap();
            let places = [here, Path::new(""), Path::new("src")];
            let exists = |dir: &&Path| root.join(dir).join(word).exists();
            if is_source_path(word) && !places.iter().any(exists) {
                bad.push(format!("{path}: {word} is not there"));
            }
        }
    }
    assert_none(&bad);
}

#[test]
fn the_checks_themselves_bite() {
    let text = "impl X {\n    pub fn a(\n        x: u8,\n    ) -> u8 {\n        x\n    }\n\n    fn b() {}\n}\n";
    let of = |text| functions(text);
    assert_eq!(of(text), [("a".into(), 5), ("b".into(), 1)]);
    let text =
        "trait T {\n    fn a();\n    fn b(\n        x: u8,\n    ) -> u8;\n    fn c() {\n    }\n}\n";
    assert_eq!(of(text), [("c".into(), 2)]);
    assert_eq!(spread((1..=10).collect()), (6, 10));

    for good in [
        "    // apache 3.9.5: server/DataNode.java copyStat",
        "no citation",
        "// apache, as a word",
    ] {
        assert_eq!(citation_fault(good), None, "{good}");
    }
    for faulty in [
        "// as in apache 3.9.5: server/DataNode.java copyStat",
        "// apache 3.9.5 server/DataNode.java copyStat",
        "// apache 3.9: server/DataNode.java copyStat",
        "// apache 3.9.5: DataNode copyStat",
        "// apache 3.9.5: server/DataNode.java",
    ] {
        assert!(citation_fault(faulty).is_some(), "{faulty}");
    }
    let text = "[a](b.md#c) [d](https://e/f) [g](#h) ![i](j/k.svg)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["b.md", "j/k.svg"]);
    let text = "`a_b_c_d` and `server/line.rs`, not `a_b` or `zoo.cfg`";
    let names: Vec<&str> = quoted(text).filter(|word| is_test_name(word)).collect();
    assert_eq!(names, ["a_b_c_d"]);
    let paths: Vec<&str> = quoted(text).filter(|word| is_source_path(word)).collect();
    assert_eq!(paths, ["server/line.rs"]);
}

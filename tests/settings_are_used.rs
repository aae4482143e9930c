//! No setting is parsed and then forgotten: every field of the settings is read somewhere outside `config`.

use std::fs;
use std::path::{Path, PathBuf};

/// Fields that only `config` itself decides on.
const NOT_FOR_OTHERS: [&str; 1] = ["standalone_enabled"];
const FILES: [&str; 9] = [
    "mod", "storage", "network", "time", "pipeline", "nodes", "auth", "metrics", "quorum",
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of sources") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The public fields of the public structs in a file, as `(struct, field)`.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut inside = None;
    let mut fields = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("pub struct ") {
            inside = name.strip_suffix(" {").map(str::to_owned);
        } else if line == "}" {
            inside = None;
        } else if let (Some(name), Some(field)) = (&inside, line.strip_prefix("    pub ")) {
            let field = field.split_once(':').expect("a field has a type").0;
            fields.push((name.clone(), field.to_owned()));
        }
    }
    fields
}

#[test]
fn every_setting_is_read_by_someone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let outside = files
        .iter()
        .filter(|path| !path.starts_with(root.join("config")));
    let outside: String = outside
        .map(|path| fs::read_to_string(path).expect("a source"))
        .collect();
    let is_read = |field: &str| {
        outside
            .match_indices(&format!(".{field}"))
            .any(|(at, found)| {
                let next = outside[at + found.len()..].chars().next();
                !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
            })
    };
    let mut settings = 0;
    for file in FILES {
        let text = fs::read_to_string(root.join(format!("config/{file}.rs"))).expect(file);
        for (part, field) in fields(&text) {
            if NOT_FOR_OTHERS.contains(&field.as_str()) {
                continue;
            }
            settings += 1;
            assert!(
                is_read(&field),
                "{part}::{field} is parsed, and nobody asks for it"
            );
        }
    }
    assert!(settings > 40, "the fields are found: {settings}");
}

//! What the operator is told about settings that do nothing here: one line per setting that is set, and only when
//! leaving it out would make a difference on Apache's server.

use crate::config::known::{self, Feature, Key, Kind, Status, dead};
use crate::config::note::{Level, Notes};
use crate::config::system::{Origin, SystemProperties, show};
use crate::config::zoo_cfg::FileKeys;

/// Remarks on the lines of the settings file.
pub(crate) fn on_file(keys: &FileKeys, notes: &mut Notes) {
    for (key, line) in keys.by_line() {
        let place = show(&keys.file, key, &line.value, &Origin::Line(line.line));
        match known::file_key(key) {
            Some(row) => on_row(row, &line.value, &place, Level::Info, notes),
            None => match dead::instead_of_key(key) {
                Some(instead) => notes.warn(format!("{place} has no effect: {instead}")),
                None => notes.debug(format!("{place} is unknown; nothing reads it")),
            },
        }
    }
}

/// Remarks on `-D`.
pub(crate) fn on_flags(system: &SystemProperties, notes: &mut Notes) {
    for (name, value) in system.flags() {
        let place = system.place(name);
        let key = name.strip_prefix("zookeeper.").and_then(known::file_key);
        match (known::property(name), key) {
            (Some(row), _) => on_row(row, value, &place, Level::Debug, notes),
            // The only keys of the file whose default a flag can set.
            (None, Some(row)) if row.name.starts_with("multiAddress.") => {
                on_row(row, value, &place, Level::Debug, notes)
            }
            (None, Some(row)) => notes.warn(format!(
                "{place} has no effect: only the settings file can set `{}`",
                row.name
            )),
            (None, None) => match known::file_key(name) {
                Some(row) if row.kind == Kind::PassThrough => {
                    notes.warn(format!(
                        "{place} has no effect: write -Dzookeeper.{name}=..."
                    ));
                }
                _ => notes.debug(format!("{place} is unknown; nothing reads it")),
            },
        }
    }
}

/// `quiet` is the level for settings that will never have an effect.
fn on_row(row: &Key, value: &str, place: &str, quiet: Level, notes: &mut Notes) {
    // Server lines have remarks of their own, once all of them are known.
    if row.name == "server.*" {
        return;
    }
    match row.status {
        Status::Honoured(_) => {}
        Status::NoEffect(_) | Status::Later(_) if is_harmless(row, value) => {
            notes.debug(format!("{place} asks for what is so anyway"));
        }
        Status::NoEffect(why) => notes.push(quiet, format!("{place} has no effect: {why}")),
        Status::Later(feature) => {
            notes.warn(format!("{place} has no effect: {}", feature.missing()))
        }
    }
}

/// Whether a server that had the feature would do the same.
fn is_harmless(row: &Key, value: &str) -> bool {
    match (row.name, row.status) {
        ("admin.enableServer", _) => value == "false",
        // The admin server is on unless told otherwise, so even its defaults ask for something.
        (_, Status::Later(Feature::AdminServer)) => false,
        _ => value.eq_ignore_ascii_case(row.default),
    }
}

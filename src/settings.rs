//! Reads the files that settings stand in, and hands their text to `config`.

use crate::cli::ServerArgs;
use oxkeeper::config::{Companions, Config, ConfigError, Draft, Loaded};
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// The settings that the arguments lead to.
pub(crate) fn load(
    args: &ServerArgs,
    properties: &[(String, String)],
) -> Result<Loaded, ConfigError> {
    match args.arguments.as_slice() {
        [] => Config::embedded_default(&args.data_dir, properties),
        [file] => from_file(file, properties),
        several => Config::positional(several, properties),
    }
}

fn from_file(file: &str, properties: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let text = fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => ConfigError::missing(file),
        _ => unreadable(file, &error),
    })?;
    let draft = Draft::read(&text, file, properties)?;
    let my_id = read_if_there(&draft.data_dir().join("myid"))?;
    let next = draft.next_config_file();
    let next = next
        .map(|file| read_if_there(Path::new(&file)))
        .transpose()?;
    let dynamic = draft.dynamic_config_file();
    let dynamic = dynamic.map(|file| fs::read(file).map_err(|error| unreadable(file, &error)));
    let dynamic = dynamic.transpose()?;
    draft.finish(Companions {
        my_id: my_id.as_deref(),
        dynamic: dynamic.as_deref(),
        next: next.flatten().as_deref(),
    })
}

/// A missing file is fine, and so is a directory of that name: Apache's server looks for a regular file.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read(path).map_err(|error| unreadable(&path.display().to_string(), &error));
    text.map(Some)
}

/// In the words of Java's exceptions.
fn unreadable(file: &str, error: &Error) -> ConfigError {
    let why = match error.kind() {
        ErrorKind::NotFound => "No such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        ErrorKind::IsADirectory => "Is a directory".to_owned(),
        _ => error.to_string(),
    };
    ConfigError::unreadable(file, &why)
}

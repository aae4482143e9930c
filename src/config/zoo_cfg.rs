//! The lines of a settings file, and strict readers for the keys that the file alone can set: a bad value of one
//! of these stops the start, and the error names its line.

use crate::config::error::{BadValue, ConfigError};
use crate::config::java;
use crate::config::known;
use crate::config::note::Notes;
use crate::config::properties;
use std::collections::BTreeMap;

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) line: u32,
    pub(crate) value: String,
}

/// The keys of one file, trimmed, the last of several equal ones.
#[derive(Debug, Default)]
pub(crate) struct FileKeys {
    /// As the operator named it.
    pub(crate) file: String,
    keys: BTreeMap<String, Line>,
}

impl FileKeys {
    pub(crate) fn parse(file: &str, text: &[u8], notes: &mut Notes) -> Result<Self, ConfigError> {
        let entries = properties::parse(text).map_err(|error| ConfigError::Syntax {
            file: file.to_owned(),
            line: error.line,
            cause: format!(
                "{error} (write four hexadecimal digits after \\u, or two backslashes for one)"
            ),
        })?;
        let mut keys: BTreeMap<String, Line> = BTreeMap::new();
        for entry in entries {
            let key = trim(&entry.key).to_owned();
            let line = Line {
                line: entry.line,
                value: trim(&entry.value).to_owned(),
            };
            if let Some(first) = keys.get(&key) {
                let (first, last) = (first.line, entry.line);
                notes.warn(format!(
                    "{file} line {last}: `{key}` is set on line {first} already; the last one wins"
                ));
            }
            keys.insert(key, line);
        }
        Ok(Self {
            file: file.to_owned(),
            keys,
        })
    }

    /// The keys of text that is no file; values are not trimmed. The error is the text of Java's exception.
    pub(crate) fn of_text(source: &str, text: &[u8]) -> Result<Self, String> {
        let entries = properties::parse_utf8(text).map_err(|error| error.to_string())?;
        let keys = entries.into_iter().map(|entry| {
            let line = Line {
                line: entry.line,
                value: entry.value,
            };
            (entry.key, line)
        });
        Ok(Self {
            file: source.to_owned(),
            keys: keys.collect(),
        })
    }

    /// Keys that stand in no file; of two equal ones the last wins. `source` says where they come from.
    pub(crate) fn of_pairs(source: &str, pairs: &[(&str, &str)]) -> Self {
        let line = |value: &str| Line {
            line: 1,
            value: value.to_owned(),
        };
        let keys = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), line(value)))
            .collect();
        Self {
            file: source.to_owned(),
            keys,
        }
    }

    /// All keys in the order of their lines.
    pub(crate) fn by_line(&self) -> Vec<(&str, &Line)> {
        let mut all: Vec<_> = self
            .keys
            .iter()
            .map(|(key, line)| (key.as_str(), line))
            .collect();
        all.sort_by_key(|(_, line)| line.line);
        all
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Line> {
        self.keys.get(key)
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|line| line.value.as_str())
    }

    /// A decimal number of 32 bits.
    pub(crate) fn int(&self, key: &str) -> Result<Option<i32>, ConfigError> {
        let parsed = self.get(key).map(|line| java::parse_int(&line.value));
        parsed
            .transpose()
            .map_err(|cause| self.bad_number(key, cause, "32"))
    }

    /// A decimal number of 64 bits.
    pub(crate) fn long(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let parsed = self.get(key).map(|line| java::parse_long(&line.value));
        parsed
            .transpose()
            .map_err(|cause| self.bad_number(key, cause, "64"))
    }

    /// `true` or `false` in any case.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(line) = self.get(key) else {
            return Ok(None);
        };
        match java::strict_boolean(&line.value) {
            Some(boolean) => Ok(Some(boolean)),
            None => {
                let cause = format!(
                    "Invalid option {} for {key}. Choose 'true' or 'false.'",
                    line.value
                );
                Err(self.bad(key, cause, "write true or false".to_owned()))
            }
        }
    }

    /// A TCP port.
    pub(crate) fn port(&self, key: &str) -> Result<Option<u16>, ConfigError> {
        let Some(number) = self.int(key)? else {
            return Ok(None);
        };
        let port = u16::try_from(number);
        port.map(Some).map_err(|_| {
            self.bad(
                key,
                format!("port out of range:{number}"),
                "give a port from 0 to 65535".to_owned(),
            )
        })
    }

    /// The error for the value of `key`, which must be set.
    pub(crate) fn bad(&self, key: &str, cause: String, remedy: String) -> ConfigError {
        let Some(line) = self.get(key) else {
            return self.whole(&cause, &remedy);
        };
        ConfigError::Value(Box::new(BadValue {
            file: self.file.clone(),
            line: line.line,
            key: key.to_owned(),
            value: line.value.clone(),
            cause,
            remedy,
        }))
    }

    /// The error for a rule that is not about one line.
    pub(crate) fn whole(&self, cause: &str, remedy: &str) -> ConfigError {
        ConfigError::Whole {
            file: self.file.clone(),
            cause: cause.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn bad_number(&self, key: &str, cause: String, bits: &str) -> ConfigError {
        let unit = known::file_key(key).map_or("", |key| key.unit);
        self.bad(
            key,
            cause,
            format!("give a decimal number of {bits} bits; unit: {unit}"),
        )
    }
}

/// `String.trim`: every character up to the blank is one.
fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> FileKeys {
        FileKeys::parse("zoo.cfg", text.as_bytes(), &mut Notes::default())
            .expect("well-formed text")
    }

    #[test]
    fn keys_and_values_are_trimmed() {
        assert_eq!(
            keys("clientPort = 2181 \t").int("clientPort"),
            Ok(Some(2181))
        );
        assert_eq!(keys("a\\ = 1").text("a"), Some("1"));
    }

    #[test]
    fn the_last_of_two_wins_with_a_note() {
        let mut notes = Notes::default();
        let keys =
            FileKeys::parse("zoo.cfg", b"a=1\nb=2\na=3", &mut notes).expect("well-formed text");
        assert_eq!(keys.text("a"), Some("3"));
        assert_eq!(
            keys.by_line()
                .iter()
                .map(|(key, _)| *key)
                .collect::<Vec<_>>(),
            ["b", "a"]
        );
        assert_eq!(
            notes.into_vec().first().map(|note| note.text.as_str()),
            Some("zoo.cfg line 3: `a` is set on line 1 already; the last one wins")
        );
    }

    #[test]
    fn bad_values_name_file_line_key_value_and_remedy() {
        assert_eq!(
            keys("\ntickTime=abc")
                .int("tickTime")
                .expect_err("not a number")
                .to_string(),
            "Error processing zoo.cfg: line 2: `tickTime=abc`: For input string: \"abc\" \
             (give a decimal number of 32 bits; unit: ms)"
        );
        assert_eq!(
            keys("reconfigEnabled=yes")
                .boolean("reconfigEnabled")
                .expect_err("not a boolean")
                .to_string(),
            "Error processing zoo.cfg: line 1: `reconfigEnabled=yes`: Invalid option yes for reconfigEnabled. \
             Choose 'true' or 'false.' (write true or false)"
        );
        assert_eq!(
            keys("clientPort=70000")
                .port("clientPort")
                .expect_err("too large")
                .to_string(),
            "Error processing zoo.cfg: line 1: `clientPort=70000`: port out of range:70000 (give a port from 0 to 65535)"
        );
        assert!(keys("clientPort=-1").port("clientPort").is_err());
        assert!(keys("tickTime=0x10").int("tickTime").is_err());
    }

    #[test]
    fn broken_syntax_is_an_error_with_its_line() {
        let error = FileKeys::parse("zoo.cfg", b"a=1\ndataDir=C:\\users", &mut Notes::default())
            .expect_err("\\u");
        assert_eq!(
            error.to_string(),
            "Error processing zoo.cfg: line 2: Malformed \\uxxxx encoding. \
             (write four hexadecimal digits after \\u, or two backslashes for one)"
        );
        assert_eq!(error.exit_code(), 2);
    }
}

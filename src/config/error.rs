//! Why settings were refused. Every variant names the culprit and says what would be right; the variant
//! also decides the exit code. Cause texts are upstream's, so that a search for them finds old answers.

use thiserror::Error;

/// The settings cannot be used. The text is one line, fit for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file is not Java properties text.
    #[error("Error processing {file}: line {line}: {cause}")]
    Syntax {
        /// The file, as the operator named it.
        file: String,
        /// Counted from 1.
        line: u32,
        /// What is wrong, and what would be right.
        cause: String,
    },
    /// One line of a file has a value that cannot be used.
    #[error(transparent)]
    Value(#[from] Box<BadValue>),
    /// A rule about the file as a whole is broken: a key is missing, or two do not fit together.
    #[error("Error processing {file}: {cause} ({remedy})")]
    Whole {
        /// The file, as the operator named it.
        file: String,
        /// Upstream's text.
        cause: String,
        /// What would be right.
        remedy: String,
    },
    /// A value is readable, but a server with it may not start. `setting` says where it stands.
    #[error("{setting}: {cause} ({remedy})")]
    Start {
        /// `zoo.cfg line 3: `key=value`` or `` `-Dname=value` ``.
        setting: String,
        /// Upstream's text.
        cause: String,
        /// What would be right.
        remedy: String,
    },
    /// The positional form was called with something else than `port datadir [ticktime] [maxcnxns]`.
    #[error("{cause} ({remedy})")]
    Arguments {
        /// Upstream's text.
        cause: String,
        /// What would be right.
        remedy: String,
    },
}

/// The line that is to blame, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Error processing {file}: line {line}: `{key}={value}`: {cause} ({remedy})")]
pub struct BadValue {
    /// The file, as the operator named it.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// The key as it stands in the file.
    pub key: String,
    /// The value, trimmed.
    pub value: String,
    /// Upstream's text.
    pub cause: String,
    /// What would be right.
    pub remedy: String,
}

impl ConfigError {
    /// The settings file is not there.
    pub fn missing(file: &str) -> Self {
        ConfigError::Whole {
            file: file.to_owned(),
            cause: format!("{file} file is missing"),
            remedy: "give the path of a settings file".to_owned(),
        }
    }

    /// A file of settings cannot be read; `why` is what the system says.
    pub fn unreadable(file: &str, why: &str) -> Self {
        ConfigError::Whole {
            file: file.to_owned(),
            cause: format!("{file} ({why})"),
            remedy: "it must be a readable file".to_owned(),
        }
    }

    /// The exit code of a server that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            // apache 3.9.5: server/ExitCode.java INVALID_INVOCATION
            ConfigError::Syntax { .. }
            | ConfigError::Value(_)
            | ConfigError::Whole { .. }
            | ConfigError::Arguments { .. } => 2,
            // apache 3.9.5: server/ExitCode.java UNEXPECTED_ERROR
            ConfigError::Start { .. } => 1,
        }
    }
}

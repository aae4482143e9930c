//! What reading the settings has to tell the operator: lines for the log, in the order they arose.
//! Nothing is printed here; whoever reads the settings hands the notes to the log.

/// How loud a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only of interest when looking for something.
    Debug,
    /// Part of every start.
    Info,
    /// The server runs, but not quite as the text of the settings says.
    Warn,
    /// The server runs, but the settings are wrong.
    Error,
}

/// One line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How loud.
    pub level: Level,
    /// The line, without a line feed.
    pub text: String,
}

/// Notes under construction.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    pub(crate) fn debug(&mut self, text: String) {
        self.push(Level::Debug, text);
    }

    pub(crate) fn info(&mut self, text: String) {
        self.push(Level::Info, text);
    }

    pub(crate) fn warn(&mut self, text: String) {
        self.push(Level::Warn, text);
    }

    pub(crate) fn error(&mut self, text: String) {
        self.push(Level::Error, text);
    }

    pub(crate) fn push(&mut self, level: Level, text: String) {
        self.0.push(Note { level, text });
    }

    pub(crate) fn into_vec(self) -> Vec<Note> {
        self.0
    }
}

//! `-Dname=value`: from the command line, and out of the flags for a Java virtual machine that environments and
//! `java.env` files still hold.

use crate::config::note::{Level, Note};

/// What a text such as `-Xmx1g -Dzookeeper.snapCount=5` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JvmFlags {
    /// The pairs of `-D`, in order.
    pub properties: Vec<(String, String)>,
    /// Remarks on what was left aside.
    pub notes: Vec<Note>,
}

impl JvmFlags {
    /// Reads the text of a variable; `variable` is its name. Words are split as a shell splits them, quotes included.
    pub fn parse(variable: &str, text: &str) -> Self {
        let mut flags = Self::default();
        let words = shlex::split(text).unwrap_or_else(|| {
            flags.note(
                Level::Warn,
                format!("{variable}: a quote is not closed; its words are split at blanks"),
            );
            text.split_whitespace().map(str::to_owned).collect()
        });
        for word in words {
            match word.strip_prefix("-D") {
                Some(pair) => flags.properties.push(property(pair)),
                None => flags.note(
                    Level::Debug,
                    format!("{variable}: `{word}` is for a Java virtual machine; ignored"),
                ),
            }
        }
        flags
    }

    fn note(&mut self, level: Level, text: String) {
        self.notes.push(Note { level, text });
    }
}

/// `name=value` as a pair; without `=` the value is empty, as Java has it.
pub fn property(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        JvmFlags::parse("JVMFLAGS", text).properties
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn only_properties_count() {
        let flags = JvmFlags::parse("JVMFLAGS", "-Xmx1000m -Da=1 -XX:+UseG1GC -Db=2");
        assert_eq!(flags.properties, [pair("a", "1"), pair("b", "2")]);
        assert_eq!(flags.notes.len(), 2);
        assert!(flags.notes.iter().all(|note| note.level == Level::Debug));
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(
            pairs(r#"-Da="x y" '-Db=z w'  -Dc=\ q"#),
            [pair("a", "x y"), pair("b", "z w"), pair("c", " q")]
        );
        assert_eq!(
            pairs("-Da -Db= -Dc=d=e"),
            [pair("a", ""), pair("b", ""), pair("c", "d=e")]
        );
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn an_open_quote_is_reported_and_nothing_is_lost() {
        let flags = JvmFlags::parse("JVMFLAGS", "-Da=1 -Db=\"x");
        assert_eq!(flags.properties, [pair("a", "1"), pair("b", "\"x")]);
        assert_eq!(flags.notes.len(), 1);
    }
}

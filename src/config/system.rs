//! The table of system properties: what `-D` gave, overwritten by the keys of the settings file that its parser does
//! not consume, and readers with Java's forgiving rules. A bad value of a pass-through key never stops a server: its
//! default is used, and a note says so.

use crate::config::error::ConfigError;
use crate::config::java;
use crate::config::note::Notes;
use std::collections::BTreeMap;

/// Where a value came from, for notes and errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of the settings file.
    Line(u32),
    /// `-D` on the command line or in the environment.
    Flag,
}

#[derive(Debug, Clone)]
struct Property {
    value: String,
    origin: Origin,
}

/// All properties by their full names.
#[derive(Debug, Default)]
pub(crate) struct SystemProperties {
    /// The settings file, as the operator named it.
    file: String,
    table: BTreeMap<String, Property>,
}

impl SystemProperties {
    /// Starts with the `-D` pairs; of two with one name the later wins.
    pub(crate) fn new(file: &str, flags: &[(String, String)]) -> Self {
        let flag = |value: &String| Property {
            value: value.clone(),
            origin: Origin::Flag,
        };
        Self {
            file: file.to_owned(),
            table: flags
                .iter()
                .map(|(name, value)| (name.clone(), flag(value)))
                .collect(),
        }
    }

    /// A key of the settings file that its parser did not consume becomes `zookeeper.key`.
    pub(crate) fn set_from_file(&mut self, key: &str, value: &str, line: u32) {
        let property = Property {
            value: value.to_owned(),
            origin: Origin::Line(line),
        };
        self.table.insert(format!("zookeeper.{key}"), property);
    }

    /// Names given by `-D` that no line of the file has overwritten, with their values.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&str, &str)> {
        let from_flag = |(_, property): &(&String, &Property)| property.origin == Origin::Flag;
        self.table
            .iter()
            .filter(from_flag)
            .map(|(name, property)| (name.as_str(), property.value.as_str()))
    }

    /// The value of a property by its full name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.table.get(name).map(|property| property.value.as_str())
    }

    /// Where a property stands, for notes and errors: `` zoo.cfg line 3: `snapCount=x` `` or `` `-Dname=x` ``.
    pub(crate) fn place(&self, name: &str) -> String {
        match self.table.get(name) {
            Some(Property { value, origin }) => {
                let key = name
                    .strip_prefix("zookeeper.")
                    .filter(|_| *origin != Origin::Flag);
                show(&self.file, key.unwrap_or(name), value, origin)
            }
            None => format!("`{name}`"),
        }
    }
}

/// How a setting is shown to the operator: the key of a line, the full name after `-D`. Passwords are not shown.
pub(crate) fn show(file: &str, name: &str, value: &str, origin: &Origin) -> String {
    let secret = ["password", "Password", "Digest"]
        .iter()
        .any(|word| name.ends_with(word));
    let value = if secret { "***" } else { value };
    match origin {
        Origin::Line(line) => {
            format!("{file} line {line}: `{name}={value}`")
        }
        Origin::Flag => format!("`-D{name}={value}`"),
    }
}

/// Reads properties one by one, noting whatever the operator should know. Short names stand for `zookeeper.<name>`.
pub(crate) struct Reader<'a> {
    pub(crate) system: &'a SystemProperties,
    pub(crate) notes: &'a mut Notes,
}

impl Reader<'_> {
    /// `Integer.getInteger`: the default unless the text is a number of 32 bits.
    pub(crate) fn int(&mut self, key: &str, default: i32) -> i32 {
        self.named_int(&format!("zookeeper.{key}"), default)
    }

    /// `Long.getLong`.
    pub(crate) fn long(&mut self, key: &str, default: i64) -> i64 {
        self.optional_long(&format!("zookeeper.{key}"))
            .unwrap_or(default)
    }

    /// `Integer.getInteger` by full name.
    pub(crate) fn named_int(&mut self, name: &str, default: i32) -> i32 {
        self.read(name, "a whole number of 32 bits", |text| {
            i32::try_from(java::decode(text)?).ok()
        })
        .unwrap_or(default)
    }

    /// `Long.getLong` by full name.
    pub(crate) fn named_long(&mut self, name: &str, default: i64) -> i64 {
        self.optional_long(name).unwrap_or(default)
    }

    /// `Long.getLong` by full name, `None` when unset or not a number.
    pub(crate) fn optional_long(&mut self, name: &str) -> Option<i64> {
        self.read(name, "a whole number of 64 bits", java::decode)
    }

    /// A number of 32 bits, raised to `least` when it is smaller, with a note.
    pub(crate) fn at_least(&mut self, key: &str, least: u16, default: i32) -> u32 {
        let number = self.int(key, default);
        if number < i32::from(least) {
            self.corrected(key, &format!("the least value is {least}, which is used"));
        }
        u32::try_from(number).unwrap_or(0).max(u32::from(least))
    }

    /// A number of 32 bits that switches something off unless it is positive.
    pub(crate) fn if_positive(&mut self, key: &str, default: i32) -> Option<u32> {
        u32::try_from(self.int(key, default))
            .ok()
            .filter(|number| *number > 0)
    }

    /// A number of 64 bits that switches something off unless it is positive.
    pub(crate) fn long_if_positive(&mut self, key: &str, default: i64) -> Option<u64> {
        u64::try_from(self.long(key, default))
            .ok()
            .filter(|number| *number > 0)
    }

    /// `Long.parseLong`: decimal only.
    pub(crate) fn decimal(&mut self, key: &str, default: i64) -> i64 {
        let parse = |text: &str| java::parse_long(text).ok();
        self.read(&format!("zookeeper.{key}"), "a decimal number", parse)
            .unwrap_or(default)
    }

    /// `Boolean.parseBoolean`: `true` in any case is true, everything else is false.
    pub(crate) fn boolean(&mut self, key: &str, default: bool) -> bool {
        self.named_boolean(&format!("zookeeper.{key}"), default)
    }

    /// The same by full name.
    pub(crate) fn named_boolean(&mut self, name: &str, default: bool) -> bool {
        let Some(value) = self.system.get(name) else {
            return default;
        };
        let strict = java::strict_boolean(value);
        if strict.is_none() {
            let place = self.system.place(name);
            self.notes.warn(format!(
                "{place} is neither true nor false and counts as false"
            ));
        }
        strict.unwrap_or(false)
    }

    /// A switch that only its exact word throws: true when the value is `word`.
    pub(crate) fn switch(&mut self, key: &str, word: &str, other: &str) -> bool {
        self.named_switch(&format!("zookeeper.{key}"), word, other, false)
    }

    /// The same by full name, with what it is when unset.
    pub(crate) fn named_switch(
        &mut self,
        name: &str,
        word: &str,
        other: &str,
        default: bool,
    ) -> bool {
        let Some(value) = self.system.get(name) else {
            return default;
        };
        if value != word && value != other {
            let place = self.system.place(name);
            self.notes.warn(format!(
                "{place} counts as `{other}`: only the exact word `{word}` changes anything"
            ));
        }
        value == word
    }

    /// A number with a decimal point. Unlike the others a bad one stops the start.
    pub(crate) fn real(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        let name = format!("zookeeper.{key}");
        let Some(value) = self.system.get(&name) else {
            return Ok(default);
        };
        let parsed = value
            .trim()
            .parse()
            .ok()
            .filter(|real: &f64| real.is_finite());
        parsed.ok_or_else(|| {
            self.refuse(
                &name,
                format!("For input string: \"{value}\""),
                "give a number such as 0.02",
            )
        })
    }

    /// The text of a property by its short name.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.system.get(&format!("zookeeper.{key}"))
    }

    /// Notes that the value of `key` was replaced.
    pub(crate) fn corrected(&mut self, key: &str, why: &str) {
        let place = self.system.place(&format!("zookeeper.{key}"));
        self.notes.warn(format!("{place}: {why}"));
    }

    /// The error for a value with which a server may not start. `name` is the full name.
    pub(crate) fn refuse(&self, name: &str, cause: String, remedy: &str) -> ConfigError {
        ConfigError::Start {
            setting: self.system.place(name),
            cause,
            remedy: remedy.to_owned(),
        }
    }

    fn read<T>(&mut self, name: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let parsed = parse(self.system.get(name)?);
        if parsed.is_none() {
            let place = self.system.place(name);
            self.notes
                .warn(format!("{place} is not {what}; the default is used"));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads with `-D` pairs and `key=value` lines of a file, numbered from 1.
    fn with<T>(
        flags: &[(&str, &str)],
        lines: &[(&str, &str)],
        read: impl Fn(&mut Reader<'_>) -> T,
    ) -> (T, Vec<String>) {
        let flags: Vec<_> = flags
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let mut system = SystemProperties::new("zoo.cfg", &flags);
        for (line, (key, value)) in (1..).zip(lines) {
            system.set_from_file(key, value, line);
        }
        let mut notes = Notes::default();
        let got = read(&mut Reader {
            system: &system,
            notes: &mut notes,
        });
        (
            got,
            notes.into_vec().into_iter().map(|note| note.text).collect(),
        )
    }

    #[test]
    fn the_file_beats_the_flag_and_the_last_flag_the_first() {
        let flags = [("zookeeper.snapCount", "5"), ("zookeeper.snapCount", "6")];
        assert_eq!(
            with(&flags, &[("snapCount", "9")], |r| r.int("snapCount", 1)),
            (9, vec![])
        );
        assert_eq!(with(&flags, &[], |r| r.int("snapCount", 1)), (6, vec![]));
        assert_eq!(with(&[], &[], |r| r.int("snapCount", 1)), (1, vec![]));
    }

    #[test]
    fn a_bad_number_gives_the_default_and_a_note_with_its_place() {
        assert_eq!(
            with(&[], &[("snapCount", "abc")], |r| r.int("snapCount", 7)),
            (7, vec!["zoo.cfg line 1: `snapCount=abc` is not a whole number of 32 bits; the default is used".into()])
        );
        assert_eq!(
            with(&[("jute.maxbuffer", "4 MB")], &[], |r| r
                .named_int("jute.maxbuffer", 7)),
            (
                7,
                vec![
                    "`-Djute.maxbuffer=4 MB` is not a whole number of 32 bits; the default is used"
                        .into()
                ]
            )
        );
        assert_eq!(with(&[], &[("x", "2147483648")], |r| r.int("x", 7)).0, 7);
        assert_eq!(
            with(&[], &[("x", "2147483648")], |r| r.long("x", 7)).0,
            2_147_483_648
        );
        assert_eq!(with(&[], &[("x", "0x10")], |r| r.int("x", 7)).0, 16);
        assert_eq!(with(&[], &[("x", "0x10")], |r| r.decimal("x", 7)).0, 7);
    }

    #[test]
    fn booleans_are_true_or_false() {
        assert_eq!(
            with(&[], &[("x", "TRUE")], |r| r.boolean("x", false)),
            (true, vec![])
        );
        assert_eq!(
            with(&[], &[("x", "false")], |r| r.boolean("x", true)),
            (false, vec![])
        );
        assert_eq!(
            with(&[], &[("x", "yes")], |r| r.boolean("x", true)),
            (
                false,
                vec![
                    "zoo.cfg line 1: `x=yes` is neither true nor false and counts as false".into()
                ]
            )
        );
    }

    #[test]
    fn switches_know_one_word() {
        assert_eq!(
            with(&[], &[("forceSync", "no")], |r| r.switch(
                "forceSync",
                "no",
                "yes"
            )),
            (true, vec![])
        );
        assert_eq!(
            with(&[], &[("forceSync", "yes")], |r| r.switch(
                "forceSync",
                "no",
                "yes"
            )),
            (false, vec![])
        );
        let (thrown, notes) = with(&[], &[("forceSync", "NO")], |r| {
            r.switch("forceSync", "no", "yes")
        });
        assert!(!thrown);
        assert_eq!(
            notes,
            [
                "zoo.cfg line 1: `forceSync=NO` counts as `yes`: only the exact word `no` changes anything"
            ]
        );
    }

    #[test]
    fn a_bad_real_number_stops_the_start() {
        assert_eq!(
            with(&[], &[("x", "1e-3")], |r| r.real("x", 0.5)).0,
            Ok(0.001)
        );
        let (got, _) = with(&[], &[("x", "much")], |r| r.real("x", 0.5));
        let error = got.expect_err("not a number");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(
            error.to_string(),
            "zoo.cfg line 1: `x=much`: For input string: \"much\" (give a number such as 0.02)"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        for name in [
            "ssl.keyStore.password",
            "SASLAuthenticationProvider.superPassword",
            "a.superDigest",
        ] {
            let shown = show("zoo.cfg", name, "secret", &Origin::Line(4));
            assert_eq!(shown, format!("zoo.cfg line 4: `{name}=***`"));
        }
    }
}

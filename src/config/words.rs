//! Which four-letter words are answered.

use crate::config::system::Reader;
use std::collections::BTreeSet;

/// The rule behind `4lw.commands.whitelist`. `srvr` always passes: `zkServer.sh status` needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordWhitelist {
    /// `*` was in the list.
    all: bool,
    /// What passes in any case. Words nobody knows stay in, without effect.
    named: BTreeSet<String>,
}

impl WordWhitelist {
    // apache 3.9.5: server/command/FourLetterCommands.java isEnabled
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let list = reader.text("4lw.commands.whitelist").unwrap_or_default();
        let listed = list
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let mut named: BTreeSet<String> = listed.map(str::to_owned).collect();
        let all = named.remove("*");
        named.insert("srvr".to_owned());
        // Elsewhere any case of `true` switches read-only mode on; for the word it must be exact.
        if reader.system.get("readonlymode.enabled") == Some("true") {
            named.insert("isro".to_owned());
        }
        Self { all, named }
    }

    /// Whether `word`, one of the words the server knows, is answered.
    pub fn allows(&self, word: &str) -> bool {
        self.all || self.named.contains(word)
    }
}

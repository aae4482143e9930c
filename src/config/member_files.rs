//! The files in which a server keeps the membership while it may change: what they are called and what is in them. Text
//! only; who may open files writes them.
//!
//! | file | holds | written when |
//! | --- | --- | --- |
//! | `zoo.cfg.dynamic.<version>` | the committed membership | it is activated |
//! | `zoo.cfg.dynamic.next` | the one last seen | it is proposed; removed when it is committed |
//! | `zoo.cfg` | everything else, and the name of the first | the membership is activated |
//! | `zoo.cfg.bak` | `zoo.cfg` as the operator wrote it | the server starts for the first time |

use crate::config::ensemble::Membership;
use crate::config::java;
use crate::config::members::is_member_key;
use crate::config::properties::{self, Entry, MalformedEscape};

/// What the file of a committed membership is called. `file` is the settings file.
pub fn dynamic_file_name(file: &str, version: i64) -> String {
    format!("{file}.dynamic.{version:x}")
}

/// What the file of the membership last seen is called.
pub fn next_file_name(file: &str) -> String {
    format!("{file}.dynamic.next")
}

/// What the copy of the settings file is called that is made before the server first changes it.
pub fn backup_file_name(file: &str) -> String {
    format!("{file}.bak")
}

/// `zoo.cfg.dynamic.100000000` is version 0x100000000; a name that does not end so is version 0.
// apache 3.9.5: server/quorum/QuorumPeerConfig.java getVersionFromFilename
pub(crate) fn version_of_file_name(file: &str) -> i64 {
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    ending
        .and_then(|hex| java::parse_hex_long(hex).ok())
        .unwrap_or(0)
}

impl Membership {
    /// The content of its own file. The version is not in it, but in the file's name.
    // apache 3.9.5: server/quorum/QuorumPeerConfig.java writeDynamicConfig
    pub fn dynamic_file(&self) -> String {
        let mut lines = self.lines();
        lines.sort();
        lines.join("\n")
    }

    /// The content of the file of the membership last seen.
    pub fn next_file(&self) -> String {
        let mut lines = self.lines();
        lines.push(format!("version={:x}", self.version));
        lines.sort();
        lines.join("\n")
    }
}

/// The content of the settings file once the membership has a file of its own, named `dynamic_file`. Everything that
/// stays is kept as the operator wrote it, comments included; Apache's server keeps the bare settings, in any order.
/// `without_client_port` says that this server's line in the membership names its client port.
///
/// # Errors
/// When `text` is no properties text.
// apache 3.9.5: server/quorum/QuorumPeerConfig.java editStaticConfig
pub fn static_file(
    text: &[u8],
    dynamic_file: &str,
    without_client_port: bool,
) -> Result<Vec<u8>, MalformedEscape> {
    let gone = |entry: &Entry| {
        let key = entry.key.trim_matches(|c| c <= ' ');
        is_member_key(key)
            || key.starts_with("dynamicConfigFile")
            || key.starts_with("peerType")
            || (without_client_port && key.starts_with("clientPort"))
    };
    let mut kept = Vec::with_capacity(text.len());
    let mut dropped = properties::parse(text)?.into_iter().filter(gone).peekable();
    for (number, line) in (1..).zip(properties::lines_with_ends(text)) {
        while dropped.next_if(|entry| entry.last_line < number).is_some() {}
        if dropped.peek().is_none_or(|entry| number < entry.line) {
            kept.extend_from_slice(line);
        }
    }
    close(&mut kept);
    // Backslashes would be taken for escapes.
    let name = dynamic_file.replace('\\', "/");
    kept.extend_from_slice(format!("dynamicConfigFile={name}\n").as_bytes());
    Ok(kept)
}

/// Ends the last line, so that what is added is a line of its own.
fn close(text: &mut Vec<u8>) {
    let ended = |text: &[u8]| matches!(text.last(), None | Some(b'\n' | b'\r'));
    if !ended(text) {
        text.push(b'\n');
    }
    let line = properties::lines_with_ends(text).last().unwrap_or_default();
    let content = line.trim_ascii_end();
    let backslashes = content
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count();
    if backslashes % 2 == 1 {
        // It would go on in the next line; an empty one ends it. The first may only complete a line ending.
        text.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MemberRules;
    use proptest::prelude::*;

    const TEXT: &str = "server.10=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:participant\n\
                        group.1=2:10\nweight.2=1\nweight.10=4\nversion=1f";

    fn membership() -> Membership {
        let rules = MemberRules {
            several_addresses: false,
            standalone_enabled: true,
        };
        Membership::from_text(TEXT.as_bytes(), rules).expect("a good membership")
    }

    #[test]
    fn files_are_named_after_the_settings_file() {
        assert_eq!(
            dynamic_file_name("c/zoo.cfg", 1 << 32),
            "c/zoo.cfg.dynamic.100000000"
        );
        assert_eq!(next_file_name("c/zoo.cfg"), "c/zoo.cfg.dynamic.next");
        assert_eq!(backup_file_name("c/zoo.cfg"), "c/zoo.cfg.bak");
    }

    #[test]
    fn versions_stand_at_the_end_of_file_names() {
        for (file, version) in [
            ("zoo.cfg.dynamic.100000000", 1 << 32),
            ("zoo.cfg.dynamic.0", 0),
            ("zoo.cfg.dynamic", 0),
            ("zoo", 0),
            ("zoo.", 0),
            ("zoo.cfg.dynamic.ffffffffffffffffff", 0),
        ] {
            assert_eq!(version_of_file_name(file), version, "{file}");
        }
    }

    #[test]
    fn lines_are_sorted_as_text() {
        let want = "group.1=2:10\nserver.10=a:1:2:participant;0.0.0.0:3\n\
                    server.2=b:1:2:participant\nweight.10=4\nweight.2=1";
        assert_eq!(membership().dynamic_file(), want);
        let want = "group.1=2:10\nserver.10=a:1:2:participant;0.0.0.0:3\n\
                    server.2=b:1:2:participant\nversion=1f\nweight.10=4\nweight.2=1";
        assert_eq!(membership().next_file(), want);
    }

    fn edited(text: &str, without_client_port: bool) -> String {
        let bytes = static_file(text.as_bytes(), "/c/zoo.cfg.dynamic.1", without_client_port);
        String::from_utf8(bytes.expect("well-formed text")).expect("UTF-8 stays UTF-8")
    }

    #[test]
    fn the_settings_file_keeps_what_is_not_of_the_membership() {
        let text = "# my ensemble\ntickTime=2000\nserver.1=a:1:2\\\n   ;3\n\n! more\nserver.2 : b\n\
                    group.1=1\nweight.1=1\npeerType=observer\ndynamicConfigFile=old\nclientPort=1\n\
                    clientPortAddress=::\ndataDir=/d\\\n/e\nserverCnxnFactory=x";
        let keeps = "# my ensemble\ntickTime=2000\n\n! more\nclientPort=1\nclientPortAddress=::\n\
                     dataDir=/d\\\n/e\nserverCnxnFactory=x\ndynamicConfigFile=/c/zoo.cfg.dynamic.1\n";
        assert_eq!(edited(text, false), keeps);
        let without = keeps.replace("clientPort=1\nclientPortAddress=::\n", "");
        assert_eq!(edited(text, true), without);
        assert_eq!(
            edited("", false),
            "dynamicConfigFile=/c/zoo.cfg.dynamic.1\n"
        );
        assert_eq!(
            edited("a=1\r\nserver.1=x\r\nb=2\r\n", false),
            "a=1\r\nb=2\r\ndynamicConfigFile=/c/zoo.cfg.dynamic.1\n"
        );
        assert_eq!(
            static_file(b"a=\\u1", "d", false),
            Err(MalformedEscape { line: 1 })
        );
    }

    proptest! {
        #[test]
        fn what_is_edited_twice_is_edited_once(text in r"([a-c]=1|server\.1=x|#|\\|\r|\n| ){0,30}", port: bool) {
            if let Ok(once) = static_file(text.as_bytes(), "d", port) {
                prop_assert_eq!(static_file(&once, "d", port), Ok(once.clone()));
                let kept = |text: &[u8]| -> Vec<(String, String)> {
                    let entries = properties::parse(text).expect("no escapes of that kind");
                    let pairs = entries.into_iter().map(|entry| (entry.key, entry.value));
                    pairs.filter(|(key, _)| !key.contains("server.") && key != "dynamicConfigFile").collect()
                };
                prop_assert_eq!(kept(&once), kept(text.as_bytes()));
            }
        }
    }
}

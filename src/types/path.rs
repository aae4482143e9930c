//! Node paths: validity, parts, the nodes that are always there. A path exists without a node.

use std::fmt;

/// The root of the built-in subtree.
pub const ZOOKEEPER: &str = "/zookeeper";
/// Where quotas are declared.
pub const QUOTA: &str = "/zookeeper/quota";
/// The ensemble's configuration.
pub const CONFIG: &str = "/zookeeper/config";
/// Leaf of a quota declaration: the limits.
pub const LIMITS_NODE: &str = "zookeeper_limits";
/// Leaf of a quota declaration: the usage.
pub const STATS_NODE: &str = "zookeeper_stats";

/// Why a path is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// Nothing at all.
    Empty,
    /// The first character is not `/`.
    NotAbsolute,
    /// The last character is `/`.
    TrailingSlash,
    /// Two slashes in a row, at this byte.
    EmptyComponent(usize),
    /// A component `.` or `..`, ending before this byte.
    Relative(usize),
    /// A character that paths cannot contain, at this byte.
    BadCharacter(char, usize),
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::Empty => write!(f, "the path is empty"),
            PathError::NotAbsolute => write!(f, "the path does not start with /"),
            PathError::TrailingSlash => write!(f, "the path ends with /"),
            PathError::EmptyComponent(at) => write!(f, "empty node name at byte {at}"),
            PathError::Relative(at) => write!(f, "relative node name before byte {at}"),
            PathError::BadCharacter(c, at) => write!(f, "character {c:?} at byte {at}"),
        }
    }
}

impl std::error::Error for PathError {}

fn is_bad(c: char) -> bool {
    // apache 3.9.5: common/PathUtils.java validatePath. Characters outside the basic plane are two
    // surrogates there, and surrogates are refused.
    matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
}

/// Checks a path as creates, setData, setACL and check do.
///
/// # Errors
/// The first rule that the path breaks.
pub fn validate(path: &str) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    if path.len() == 1 {
        return Ok(());
    }
    if path.ends_with('/') {
        return Err(PathError::TrailingSlash);
    }
    let mut start = 1;
    for component in path[1..].split('/') {
        let end = start + component.len();
        match component {
            "" => return Err(PathError::EmptyComponent(start)),
            "." | ".." => return Err(PathError::Relative(end)),
            _ => {}
        }
        if !component.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
            && let Some((at, c)) = component.char_indices().find(|(_, c)| is_bad(*c))
        {
            return Err(PathError::BadCharacter(c, start + at));
        }
        start = end + 1;
    }
    Ok(())
}

/// Parent and name of a path with a `/`: `/a/b` is (`/a`, `b`); `/a` is (`/`, `a`). `None` without a
/// slash. The root has the parent `/` and an empty name: who must tell it apart asks for it first.
pub fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// The nodes that nobody can delete.
pub fn is_permanent(path: &str) -> bool {
    matches!(path, "/" | ZOOKEEPER | QUOTA | CONFIG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_but_valid() {
        for path in [
            "/",
            "/...",
            "/a..",
            "/..a",
            "/a b",
            "/\u{a0}",
            "/\u{d7ff}",
            "/\u{f900}",
            "/\u{ffef}",
        ] {
            assert_eq!(validate(path), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn refused() {
        for path in [
            "",
            "a",
            "/a/",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/..",
            "/a/./b",
            "/a\u{0}",
            "/\u{1f}",
            "/\u{7f}",
            "/\u{9f}",
            "/\u{e000}",
            "/\u{fffd}",
            "/\u{1f600}",
            "/\u{fff0}",
        ] {
            assert!(validate(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn parts() {
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        assert_eq!(split("/a"), Some(("/", "a")));
        assert_eq!(split("/"), Some(("/", "")));
        assert_eq!(split("a"), None);
    }
}

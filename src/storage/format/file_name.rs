//! `log.<hex>` and `snapshot.<hex>[.gz|.snappy]` to and from zxids. Names, not files.
//!
//! Apache takes whatever stands between the first and the second dot, so that a copy called
//! `log.5.bak` is replayed as a log and a left-over `snapshot.13.tmp` is loaded as a snapshot. Here a
//! name is ours only when writing its zxid again gives the same name.

use std::fmt;

use crate::types::Zxid;

/// The subdirectory of the data directories that all files live in.
pub const VERSION_DIR: &str = "version-2";
const LOG: &str = "log.";
const SNAPSHOT: &str = "snapshot.";

/// The name of a transaction log. Ordered by zxid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogName(pub Zxid);

impl LogName {
    /// The log that a file name stands for; `None` for any other file.
    pub fn parse(name: &str) -> Option<Self> {
        let zxid = parse_zxid(name.strip_prefix(LOG)?)?;
        Some(LogName(zxid))
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LOG}{:x}", self.0.0)
    }
}

/// How a snapshot is stored (`zookeeper.snapshot.compression.method`). Read by the suffix of its name,
/// never by the setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// One gzip stream.
    Gzip,
    /// The stream framing of snappy-java.
    Snappy,
}

impl Compression {
    fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Snappy => ".snappy",
        }
    }
}

/// The name of a snapshot. Ordered by zxid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// The last transaction processed when the snapshot was begun.
    pub zxid: Zxid,
    /// How it is stored.
    pub compression: Compression,
}

impl SnapshotName {
    /// The snapshot that a file name stands for; `None` for any other file.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(SNAPSHOT)?;
        let (hex, compression) = match rest.split_once('.') {
            None => (rest, Compression::None),
            Some((hex, "gz")) => (hex, Compression::Gzip),
            Some((hex, "snappy")) => (hex, Compression::Snappy),
            Some(_) => return None,
        };
        let zxid = parse_zxid(hex)?;
        Some(SnapshotName { zxid, compression })
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{SNAPSHOT}{:x}{}",
            self.zxid.0,
            self.compression.suffix()
        )
    }
}

/// Whether Apache would take the file for a log, however it goes on.
pub fn looks_like_log(name: &str) -> bool {
    name.starts_with(LOG)
}

/// Whether Apache would take the file for a snapshot, however it goes on.
pub fn looks_like_snapshot(name: &str) -> bool {
    name.starts_with(SNAPSHOT)
}

/// Lower-case hexadecimal without leading zeros, at most `7fff_ffff_ffff_ffff`.
fn parse_zxid(hex: &str) -> Option<Zxid> {
    let canonical = hex == "0" || !hex.starts_with('0');
    let digits = hex
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical || !digits {
        return None;
    }
    i64::from_str_radix(hex, 16).ok().map(Zxid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_others_are_not_ours() {
        for name in [
            "log.",
            "log.5.bak",
            "log.0x5",
            "log.05",
            "log.A",
            "log.+5",
            "log.-5",
            "log.ffffffffffffffff",
            "log.8000000000000000",
            "LOG.5",
            "log5",
            "xlog.5",
            "log.5 ",
        ] {
            assert_eq!(LogName::parse(name), None, "{name}");
        }
        for name in [
            "snapshot.13.tmp",
            "snapshot.13.gz.tmp",
            "snapshot..gz",
            "snapshot.013",
            "snapshot.ffffffffffffffff",
            "snapshot.1.GZ",
            ".oxkeeper-snapshot.13",
        ] {
            assert_eq!(SnapshotName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn zxids_sort_as_numbers() {
        let parse = |name| LogName::parse(name).unwrap();
        assert!(parse("log.9") < parse("log.10"));
        assert!(parse("log.ffffffff") < parse("log.100000001"));
    }

    proptest! {
        #[test]
        fn names_round_trip(zxid in 0..=i64::MAX, kind in 0..3) {
            let zxid = Zxid(zxid);
            prop_assert_eq!(LogName::parse(&LogName(zxid).to_string()), Some(LogName(zxid)));
            let compression =
                [Compression::None, Compression::Gzip, Compression::Snappy][usize::try_from(kind).unwrap()];
            let name = SnapshotName { zxid, compression };
            prop_assert_eq!(SnapshotName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn whatever_parses_is_written_the_same(name in "(log|snapshot)\\.[0-9a-fA-F.gzsnappy]{0,18}") {
            if let Some(log) = LogName::parse(&name) {
                prop_assert_eq!(log.to_string(), name.clone());
            }
            if let Some(snapshot) = SnapshotName::parse(&name) {
                prop_assert_eq!(snapshot.to_string(), name);
            }
        }
    }
}

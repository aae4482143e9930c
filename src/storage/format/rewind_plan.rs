//! What is to be done to forget the end of a history, as text, so that it can be done again after a
//! crash. Names files; does nothing to them.
//!
//! ```text
//! oxkeeper rewind 1
//! to 100000005                          keep nothing after this transaction
//! epoch 4                               what currentEpoch held, if it was there
//! remove snapshot.100000009 478         with the length that it had
//! remove log.100000006 67108880
//! cut log.100000001 2060 4096           to the first length, from the second
//! install snapshot.100000005            the snapshot that waits aside gets its name
//! end
//! ```

use std::fmt::{self, Write};

use crate::storage::format::file_name::{LogName, SnapshotName};
use crate::types::Zxid;

const FIRST_LINE: &str = "oxkeeper rewind 1";
const LAST_LINE: &str = "end";

/// A log that is shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The log.
    pub log: LogName,
    /// Its length afterwards, in bytes.
    pub to: u64,
    /// Its length before.
    pub from: u64,
}

/// Everything that must go, and what comes in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewindPlan {
    /// The last transaction that is kept.
    pub to: Zxid,
    /// The current epoch when the plan was made. Another one later means that the server has taken part
    /// since then, with what was there, and that the plan must not be carried out any more.
    pub epoch: Option<i64>,
    /// Snapshots to remove, and their lengths in bytes.
    pub snapshots: Vec<(SnapshotName, u64)>,
    /// Logs to remove, and their lengths in bytes.
    pub logs: Vec<(LogName, u64)>,
    /// The log that is kept in part.
    pub cut: Option<Cut>,
    /// The snapshot that was received and gets its name at the end.
    pub install: Option<SnapshotName>,
}

impl RewindPlan {
    /// Whether there is nothing to forget.
    pub fn forgets_nothing(&self) -> bool {
        self.snapshots.is_empty() && self.logs.is_empty() && self.cut.is_none()
    }

    /// The plan in a text; `None` when it is none, or not whole.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let to = lines.next()?.strip_prefix("to ")?;
        let mut plan = RewindPlan {
            to: Zxid(i64::from_str_radix(to, 16).ok()?),
            epoch: None,
            snapshots: Vec::new(),
            logs: Vec::new(),
            cut: None,
            install: None,
        };
        loop {
            let line = lines.next()?;
            if line == LAST_LINE {
                return lines.next().is_none().then_some(plan);
            }
            plan.parse_line(line)?;
        }
    }

    fn parse_line(&mut self, line: &str) -> Option<()> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["epoch", epoch] => self.epoch = Some(epoch.parse().ok()?),
            ["remove", name, length] => {
                let length = length.parse().ok()?;
                match (SnapshotName::parse(name), LogName::parse(name)) {
                    (Some(name), _) => self.snapshots.push((name, length)),
                    (_, Some(name)) => self.logs.push((name, length)),
                    (None, None) => return None,
                }
            }
            ["cut", name, to, from] => {
                self.cut = Some(Cut {
                    log: LogName::parse(name)?,
                    to: to.parse().ok()?,
                    from: from.parse().ok()?,
                });
            }
            ["install", name] => self.install = Some(SnapshotName::parse(name)?),
            _ => return None,
        }
        Some(())
    }

    fn write(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "{FIRST_LINE}\nto {:x}", self.to.0)?;
        if let Some(epoch) = self.epoch {
            writeln!(out, "epoch {epoch}")?;
        }
        for (name, length) in &self.snapshots {
            writeln!(out, "remove {name} {length}")?;
        }
        for (name, length) in &self.logs {
            writeln!(out, "remove {name} {length}")?;
        }
        if let Some(cut) = self.cut {
            writeln!(out, "cut {} {} {}", cut.log, cut.to, cut.from)?;
        }
        if let Some(name) = self.install {
            writeln!(out, "install {name}")?;
        }
        writeln!(out, "{LAST_LINE}")
    }
}

impl fmt::Display for RewindPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::format::file_name::Compression;
    use proptest::prelude::*;

    #[test]
    fn the_text_is_that_of_the_file_header() {
        let name = |zxid| SnapshotName {
            zxid: Zxid(zxid),
            compression: Compression::None,
        };
        let plan = RewindPlan {
            to: Zxid(0x1_0000_0005),
            epoch: Some(4),
            snapshots: vec![(name(0x1_0000_0009), 478)],
            logs: vec![(LogName(Zxid(0x1_0000_0006)), 67_108_880)],
            cut: Some(Cut {
                log: LogName(Zxid(0x1_0000_0001)),
                to: 2060,
                from: 4096,
            }),
            install: Some(name(0x1_0000_0005)),
        };
        let text = "oxkeeper rewind 1\nto 100000005\nepoch 4\nremove snapshot.100000009 478\n\
                    remove log.100000006 67108880\ncut log.100000001 2060 4096\n\
                    install snapshot.100000005\nend\n";
        assert_eq!(plan.to_string(), text);
        assert_eq!(RewindPlan::parse(text), Some(plan));
        for cut in 0..text.len() {
            assert_eq!(RewindPlan::parse(&text[..cut]), None, "cut at {cut}");
        }
        for (right, wrong) in [
            ("rewind 1", "rewind 2"),
            ("to ", "upto "),
            ("log.100000006", "log.0100000006"),
            (" 478", " -478"),
            ("end\n", "end\nend\n"),
            ("\nend", "\nwhatever\nend"),
        ] {
            let text = text.replace(right, wrong);
            assert_eq!(RewindPlan::parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn plans_round_trip(
            to in 0..i64::MAX,
            epoch: Option<i64>,
            snapshots in proptest::collection::vec((0..i64::MAX, any::<u64>()), 0..4),
            logs in proptest::collection::vec((0..i64::MAX, any::<u64>()), 0..4),
            cut in proptest::option::of((0..i64::MAX, any::<u64>(), any::<u64>())),
            install in proptest::option::of(0..i64::MAX),
        ) {
            let name = |zxid| SnapshotName { zxid: Zxid(zxid), compression: Compression::Gzip };
            let plan = RewindPlan {
                to: Zxid(to),
                epoch,
                snapshots: snapshots.into_iter().map(|(zxid, length)| (name(zxid), length)).collect(),
                logs: logs.into_iter().map(|(zxid, length)| (LogName(Zxid(zxid)), length)).collect(),
                cut: cut.map(|(zxid, to, from)| Cut { log: LogName(Zxid(zxid)), to, from }),
                install: install.map(name),
            };
            prop_assert_eq!(RewindPlan::parse(&plan.to_string()), Some(plan));
        }
    }
}

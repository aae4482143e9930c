//! What the kernel knows about a process: CPU time spent and memory in use, from `/proc`.

use std::fs;
use std::path::PathBuf;

use crate::bench::error::BenchError;

/// A process to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    pid: u32,
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// In RAM now.
    pub(crate) resident: u64,
    /// The most that was in RAM.
    pub(crate) peak: u64,
}

impl Process {
    /// The process with this id.
    pub(crate) fn new(pid: u32) -> Self {
        Process { pid }
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Process::new(std::process::id())
    }

    /// CPU seconds used so far, in user and kernel mode, by all threads. Counted in clock ticks, 10 ms on
    /// most machines.
    pub(crate) fn cpu_seconds(self) -> Result<f64, BenchError> {
        let (path, text) = self.read("stat")?;
        let ticks = cpu_ticks(&text).ok_or_else(|| self.unreadable(path))?;
        let per_second = rustix::param::clock_ticks_per_second();
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^53 ticks are millions of years"
        )]
        Ok(ticks as f64 / per_second as f64)
    }

    /// Memory in use.
    pub(crate) fn memory(self) -> Result<Memory, BenchError> {
        let (path, text) = self.read("status")?;
        let memory = || {
            Some(Memory {
                resident: status_bytes(&text, "VmRSS:")?,
                peak: status_bytes(&text, "VmHWM:")?,
            })
        };
        memory().ok_or_else(|| self.unreadable(path))
    }

    fn read(self, file: &str) -> Result<(PathBuf, String), BenchError> {
        let path = PathBuf::from(format!("/proc/{}/{file}", self.pid));
        match fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(source) => Err(BenchError::Process {
                pid: self.pid,
                path,
                source,
            }),
        }
    }

    fn unreadable(self, path: PathBuf) -> BenchError {
        BenchError::Process {
            pid: self.pid,
            path,
            source: std::io::ErrorKind::InvalidData.into(),
        }
    }
}

/// User and system ticks: the 14th and 15th field. The 2nd, the name, may contain anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut ticks = after_name.split(' ').skip(11);
    let (user, system): (u64, u64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some(user + system)
}

fn status_bytes(status: &str, key: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_contain_blanks_and_brackets() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 5 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
    }

    #[test]
    fn status_is_in_kib() {
        let status = "Name:\tx\nVmHWM:\t    9 kB\nVmRSS:\t    2 kB\n";
        assert_eq!(status_bytes(status, "VmRSS:"), Some(2048));
        assert_eq!(status_bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_can_be_read_and_no_other_is_invented() {
        assert!(Process::own().memory().unwrap().peak > 0);
        assert!(Process::own().cpu_seconds().unwrap() >= 0.0);
        assert!(Process::new(u32::MAX).memory().is_err());
    }
}

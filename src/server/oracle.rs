//! Asks the oracle: a file that somebody else writes, who knows more of the machines than they do of each other.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file of `oraclePath`.
#[derive(Debug)]
pub struct Oracle {
    path: PathBuf,
}

impl Oracle {
    /// At this place, which may be relative to where the process was started.
    pub fn new(path: &Path) -> Self {
        tracing::info!("Oracle is set to {}", path.display());
        Oracle {
            path: path.to_owned(),
        }
    }

    /// Whether this server may go on alone. What cannot be read says no.
    // apache 3.9.5: server/quorum/flexible/QuorumOracleMaj.java askOracle
    pub fn says_yes(&self) -> bool {
        let mut first = [0];
        let read = File::open(&self.path).and_then(|mut file| file.read_exact(&mut first));
        match read {
            Ok(()) => first == *b"1",
            Err(error) => {
                tracing::debug!("The oracle {} says nothing: {error}", self.path.display());
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_a_one_means_yes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("oracle");
        let oracle = Oracle::new(&path);
        assert!(!oracle.says_yes(), "there is none");
        for (text, says) in [
            ("", false),
            ("0", false),
            ("1", true),
            ("1\n", true),
            (" 1", false),
            ("10", true),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(oracle.says_yes(), says, "{text:?}");
        }
    }
}

//! No reply to a write leaves before the transaction is in the log. That the log is also flushed, and that
//! a failed flush acknowledges nothing, is tested beside the log's thread, on a disk that can fail.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use oxkeeper::storage::format::scan::{LogScanner, Step};

use crate::live;
use crate::live::Live;

/// The last transaction whose record is whole in any log file now.
fn last_logged(dir: &Path) -> i64 {
    let entries = std::fs::read_dir(dir.join("version-2")).unwrap();
    let mut last = 0;
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("log.") {
            continue;
        }
        let file = BufReader::new(File::open(entry.path()).unwrap());
        let mut scanner = LogScanner::new(file, 1 << 24);
        while let Step::Record(record) = scanner.step().unwrap() {
            last = last.max(record.zxid.0);
        }
    }
    last
}

#[test]
fn what_was_answered_is_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "snapCount=60\n");
    let at = live::address(&server);
    let acknowledged = Arc::new(AtomicI64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let writers = [0, 1, 2].map(|writer| {
        let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
        let mut live = Live::open(at);
        thread::spawn(move || {
            for number in 0.. {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let heard = live.ask(&format!("create /n{writer}-{number} x"));
                assert_eq!(heard.err, 0);
                acknowledged.fetch_max(heard.zxid, Ordering::AcqRel);
            }
        })
    });
    let mut checked = 0;
    while checked < 150 {
        let promised = acknowledged.load(Ordering::Acquire);
        let found = last_logged(dir.path());
        assert!(
            found >= promised,
            "{promised} was acknowledged, the log ends at {found}"
        );
        checked = promised;
    }
    stop.store(true, Ordering::Release);
    for writer in writers {
        writer.join().unwrap();
    }
    server.stop().unwrap();
}

//! Every start is a recovery. A copy of the files of a running server is what a killed one leaves behind.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::live;
use crate::live::Live;

/// What a kill would leave at this moment.
fn copy(from: &Path, to: &Path) {
    let (from, to) = (from.join("version-2"), to.join("version-2"));
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        // A file that is renamed or purged meanwhile is not one that a start needs.
        drop(fs::copy(entry.path(), to.join(entry.file_name())));
    }
}

fn newest_log(dir: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(dir.join("version-2")).unwrap().flatten();
    let logs = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("log."));
    let number = |path: &Path| {
        let name = path.extension().unwrap().to_string_lossy().into_owned();
        i64::from_str_radix(&name, 16).unwrap()
    };
    logs.map(|entry| entry.path())
        .max_by_key(|path| number(path))
        .expect("there is a log")
}

#[test]
fn a_killed_server_comes_back_with_everything_it_acknowledged() {
    let first = tempfile::tempdir().unwrap();
    let server = live::start(first.path(), "snapCount=40\n");
    let mut live = Live::open(live::address(&server));
    for round in 0..4 {
        for number in 0..25 {
            assert_eq!(live.ask(&format!("create /n{round}-{number} x")).err, 0);
        }
        assert_eq!(live.ask(&format!("create-e /e{round} x")).err, 0);
        assert_eq!(live.ask(&format!("delete /n{round}-0")).err, 0);
        let copied = tempfile::tempdir().unwrap();
        copy(first.path(), copied.path());
        comes_back(copied.path(), round, &live);
    }
    server.stop().unwrap();
    // A stop in good order is found in the same state.
    comes_back(first.path(), 3, &live);
}

fn comes_back(dir: &Path, round: usize, former: &Live) {
    let server = live::start(dir, "");
    let at = live::address(&server);
    let mut live = Live::resume(at, former.session, &former.password).expect("sessions live on");
    assert_eq!(live.session, former.session);
    for round in 0..=round {
        assert_eq!(live.ask(&format!("exists /n{round}-0")).err, -101);
        assert_eq!(live.ask(&format!("exists /n{round}-24")).err, 0);
        assert_eq!(live.ask(&format!("exists /e{round}")).err, 0);
    }
    let next = live.ask("create /after x");
    assert_eq!(next.err, 0);
    assert_eq!(live.ask("delete /after").zxid, next.zxid + 1);
    server.stop().unwrap();
}

#[test]
fn a_torn_record_at_the_end_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "preAllocSize=0\n");
    let mut live = Live::open(live::address(&server));
    assert_eq!(live.ask("create /a x").err, 0);
    let last = live.ask("create /b x").zxid;
    let copied = tempfile::tempdir().unwrap();
    copy(dir.path(), copied.path());
    server.stop().unwrap();

    let log = newest_log(copied.path());
    let whole = fs::read(&log).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(u64::try_from(end).unwrap()).unwrap();
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(&whole[16..40]).unwrap();
    drop(file);

    let server = live::start(copied.path(), "");
    let mut live = Live::open(live::address(&server));
    assert_eq!(live.ask("exists /b").err, 0);
    assert!(live.ask("create /c x").zxid > last);
    server.stop().unwrap();
}
